"""The native transport as Python sees it: a listener to run, calls to take, answers to give."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import os
from enum import IntEnum, IntFlag

from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.shard.dispatch cimport STATE_CAPSULE, ShardState
from fairlead.transport.exchange cimport events_closed, push_command, take_events, wake_loop
from fairlead.transport.loop cimport loop_free, loop_init, loop_run
from fairlead.transport.model cimport (
    COMMAND_DRAIN, COMMAND_FINISH, COMMAND_HTTP, COMMAND_MESSAGE, COMMAND_METADATA, COMPRESSED_MESSAGE, Event, GUARD_COUNT, Loop, Method, TELL_ROOM,
)


class Kind(IntEnum):
    """Who serves a method: the shard without the interpreter, or Python, one request or streams of messages."""

    HOT = 0
    UNARY = 1
    STREAMING = 2


class EventKind(IntEnum):
    """What happened to a call that Python serves."""

    CALL = 0
    OPEN = 1
    MESSAGE = 2
    END = 3
    CANCELLED = 4
    ROOM = 5


class Flag(IntFlag):
    """What a call said in its headers."""

    CONNECT_JSON = 8
    CONNECT_PROTO = 16
    ACCEPTS_GZIP = 128
    ENCODING_GZIP = 32
    COMPRESSED = 131072


GUARDS = (
    "glitches", "fields", "fields_hard", "outbound_paused", "outbound_closed", "timeout_preface", "timeout_settings",
    "timeout_headers", "timeout_body", "timeout_write", "timeout_ping", "connections", "address", "accepts",
    "message_size", "cold_full",
)


cdef class Server:
    """One thread's worth of HTTP/2 on a listening socket. `run` serves; every other method may come from any thread.

    `methods` are (path, kind, number of the shard's method or 0, message limit in bytes, whether it takes metadata), the
    hot ones first.
    """

    cdef Loop* _loop
    cdef object _shard

    def __cinit__(self, shard, int listener, methods):
        cdef uint32_t at
        self._shard = shard
        self._loop = <Loop*> memory_zeroed(sizeof(Loop))
        self._loop.shard = <ShardState*> PyCapsule_GetPointer(shard._capsule(), STATE_CAPSULE)
        self._loop.listener = listener
        self._loop.epoll = -1
        self._loop.address_key = int.from_bytes(os.urandom(8), "little")
        for path, kind, number, limit, takes_metadata in methods:
            self._add_method(path, kind, number, limit, takes_metadata)
        if not loop_init(self._loop):
            raise OSError("the system gives no epoll or eventfd: too many open files?")

    cdef object _add_method(self, bytes path, uint32_t kind, uint32_t number, uint32_t limit, bint takes_metadata):
        cdef Loop* loop = self._loop
        cdef uint32_t at = loop.method_count
        cdef uint32_t size = <uint32_t> len(path)
        if size < 8:
            raise ValueError(f"{path!r} is no path of a method")
        loop.methods = <Method*> memory_grow(loop.methods, (at + 1) * sizeof(Method))
        memset(&loop.methods[at], 0, sizeof(Method))
        loop.methods[at].path = <char*> memory_grow(NULL, size)
        memcpy(loop.methods[at].path, <const char*> path, size)
        memcpy(&loop.methods[at].tail, <const char*> path + size - 8, 8)
        loop.methods[at].size = size
        loop.methods[at].kind = kind
        loop.methods[at].number = number
        loop.methods[at].limit = limit
        loop.methods[at].takes_metadata = takes_metadata
        loop.method_count += 1

    def __dealloc__(self):
        if self._loop != NULL:
            loop_free(self._loop)
            free(self._loop)

    def run(self):
        """Serves until a drain has ended. Once; it closes the listener."""
        with nogil:
            loop_run(self._loop)

    def take(self):
        """What happened to Python's calls, as (call, kind, flags, method, deadline, data); waits for the first.

        `deadline` is in microseconds of the monotone clock, 0 without one. An empty list is the end. One thread.
        """
        cdef uint32_t count = 0
        cdef uint32_t at
        cdef Event* events = NULL
        while count == 0 and not events_closed(&self._loop.exchange):
            with nogil:
                events = take_events(&self._loop.exchange, &count)
        taken = []
        for at in range(count):
            data = PyBytes_FromStringAndSize(<const char*> events[at].data, events[at].size) if events[at].size else b""
            free(events[at].data)
            taken.append((
                events[at].call, events[at].kind, events[at].flags, events[at].method, events[at].deadline, data))
        free(events)
        return taken

    cdef object _command(self, uint64_t call, uint32_t kind, int32_t status, bytes data):
        cdef const char* bytes_of = data
        push_command(&self._loop.exchange, call, kind, status, <const uint8_t*> bytes_of, len(data))

    def send(self, uint64_t call, bytes message not None, bint compressed=False):
        """One message of a streaming reply. Ignored when the call is over."""
        self._command(call, COMMAND_MESSAGE, COMPRESSED_MESSAGE if compressed else 0, message)
        wake_loop(&self._loop.exchange)

    def send_all(self, calls, bytes message not None):
        """The same message to many streaming calls; each is told EventKind.ROOM when everything sent to it has left."""
        for call in calls:
            self._command(call, COMMAND_MESSAGE, TELL_ROOM, message)
        wake_loop(&self._loop.exchange)

    def reply(self, uint64_t call, bytes message not None, bint compressed=False):
        """The one message of a unary call, and its end with OK."""
        self._command(call, COMMAND_MESSAGE, COMPRESSED_MESSAGE if compressed else 0, message)
        self._command(call, COMMAND_FINISH, 0, b"")
        wake_loop(&self._loop.exchange)

    def metadata(self, uint64_t call, bytes packed not None):
        """Header fields of the answer, as `fairlead.service.metadata` packs them; before its first message."""
        self._command(call, COMMAND_METADATA, 0, packed)

    def finish(self, uint64_t call, int32_t code, bytes status not None=b""):
        """Ends a call: a gRPC code, and a serialized google.rpc.Status unless it is 0. Every call is finished once."""
        if not 0 <= code <= 16:
            raise ValueError(f"{code} is no gRPC code")
        self._command(call, COMMAND_FINISH, code, status)
        wake_loop(&self._loop.exchange)

    def respond(self, uint64_t call, int32_t http_status, bytes body not None):
        """Ends a call of the Connect protocol."""
        self._command(call, COMMAND_HTTP, http_status, body)
        wake_loop(&self._loop.exchange)

    def drain(self, int32_t milliseconds):
        """Accepts nothing new and lets `run` return when all calls have ended, at the latest after this time."""
        self._command(0, COMMAND_DRAIN, milliseconds, b"")
        wake_loop(&self._loop.exchange)

    def statistics(self):
        """Counts since the start: calls by kind, connections, statuses by code, guards by reason."""
        cdef Loop* loop = self._loop
        return {
            "calls": {kind.name.lower(): loop.calls[<int> kind] for kind in Kind},
            "unanswered": loop.unanswered,
            "connections": loop.connection_count,
            "accepted": loop.accepted,
            "wakeups": loop.wakeups,
            "held_calls": loop.held_calls,
            "held_streams": loop.held_streams,
            "statuses": {code: loop.statuses[<int> code] for code in range(17) if loop.statuses[<int> code]},
            "guards": {GUARDS[at]: loop.trips[<int> at] for at in range(GUARD_COUNT)},
        }
