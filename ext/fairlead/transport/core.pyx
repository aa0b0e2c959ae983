"""The native transport as Python sees it: a listener to run, calls to take, answers to give."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import os
from enum import IntEnum, IntFlag

from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.shard.dispatch cimport STATE_CAPSULE, ShardState
from fairlead.transport.counts cimport duration_bounds, size_bounds
from fairlead.transport.exchange cimport events_closed, push_command, take_events, wake_loop
from fairlead.transport.loop cimport loop_free, loop_init, loop_run
from fairlead.transport.overload cimport overload_begun, overload_free, overload_init
from fairlead.transport.model cimport (
    COMMAND_DRAIN, COMMAND_FINISH, COMMAND_HTTP, COMMAND_MESSAGE, COMMAND_METADATA, COMPRESSED_MESSAGE, DURATION_BUCKETS, Ended, Event, Exchange, Front, GUARD_COUNT, Loop,
    MAX_THREADS, Method, RANKS, SIZE_BUCKETS, TELL_ROOM, THREAD_SHIFT,
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


class Rank(IntEnum):
    """Whose calls are refused first when there is too much to do: from the last to the first."""

    NEVER = 0
    LAST = 1
    NEW_WORK = 2
    READS = 3


# Of the histograms of calls, as gRPC proposal A66 has them: microseconds and bytes.
DURATION_BOUNDS_US = tuple([duration_bounds()[at] for at in range(DURATION_BUCKETS - 1)])
SIZE_BOUNDS = tuple([size_bounds()[at] for at in range(SIZE_BUCKETS - 1)])

GUARDS = (
    "glitches", "fields", "fields_hard", "outbound_paused", "outbound_closed", "timeout_preface", "timeout_settings",
    "timeout_headers", "timeout_body", "timeout_write", "timeout_ping", "connections", "address", "accepts",
    "message_size", "cold_full", "streams", "age", "outbound_refused",
)


cdef class Server:
    """HTTP/2 on a listening socket. `run` serves, on a thread for each of `threads`; every other method may come from any.

    `methods` are (path, kind, number of the shard's method or 0, message limit in bytes, whether it takes metadata, rank), the hot
    ones first. `limits` has the
    fields of `Limits` (transport/model.pxd); `overload` is the serialized google.rpc.Status of a call that is refused because there is
    too much to do. The first thread accepts and gives each connection to the one that has fewest.
    """

    cdef Front* _front
    cdef object _shard

    def __cinit__(self, shard, int listener, methods, limits, bytes overload, uint32_t threads=1):
        cdef uint32_t at
        if not 1 <= threads <= MAX_THREADS:
            raise ValueError(f"{threads} threads; there may be 1 to {MAX_THREADS}")
        self._shard = shard
        self._front = <Front*> memory_zeroed(sizeof(Front))
        self._front.shard = <ShardState*> PyCapsule_GetPointer(shard._capsule(), STATE_CAPSULE)
        self._front.limits = limits
        self._front.address_key = int.from_bytes(os.urandom(8), "little")
        self._front.loops = <Loop*> memory_zeroed(threads * sizeof(Loop))
        overload_init(self._front, <const unsigned char*> <const char*> overload, len(overload))
        for path, kind, number, limit, takes_metadata, rank in methods:
            add_method(self._front, path, kind, number, limit, takes_metadata, rank)
        for at in range(threads):
            self._front.loop_count += 1
            if not loop_init(self._front, at, listener if at == 0 else -1):
                raise OSError("the system gives no epoll or eventfd: too many open files?")

    def __dealloc__(self):
        cdef Front* front = self._front
        cdef uint32_t at
        if front == NULL:
            return
        for at in range(front.loop_count):
            loop_free(&front.loops[at])
        for at in range(front.method_count):
            free(front.methods[at].path)
        overload_free(front)
        free(front.methods)
        free(front.loops)
        free(front)

    @property
    def threads(self):
        """How many threads `run` and `take` need."""
        return self._front.loop_count

    cdef Loop* _loop(self, uint32_t thread) except NULL:
        if thread >= self._front.loop_count:
            raise ValueError(f"there is no thread {thread}; there are {self._front.loop_count}")
        return &self._front.loops[thread]

    def run(self, uint32_t thread=0):
        """Serves until a drain has ended. Once for each thread; the first closes the listener."""
        cdef Loop* loop = self._loop(thread)
        with nogil:
            loop_run(loop)

    def take(self, uint32_t thread=0):
        """What happened to Python's calls, as (call, kind, flags, method, deadline, data); waits for the first.

        `deadline` is in microseconds of the monotone clock, 0 without one. An empty list is the end. One taker for each thread.
        """
        cdef Loop* loop = self._loop(thread)
        cdef uint32_t count = 0
        cdef uint32_t at
        cdef Event* events = NULL
        while count == 0 and not events_closed(&loop.exchange):
            with nogil:
                events = take_events(&loop.exchange, &count)
        taken = []
        for at in range(count):
            data = PyBytes_FromStringAndSize(<const char*> events[at].data, events[at].size) if events[at].size else b""
            free(events[at].data)
            taken.append((
                events[at].call, events[at].kind, events[at].flags, events[at].method, events[at].deadline, data))
        free(events)
        return taken

    cdef Exchange* _command(self, uint64_t call, uint32_t kind, int32_t status, bytes data) except NULL:
        """Puts a command before the loop that has the call, and returns whom to wake."""
        cdef const char* bytes_of = data
        cdef Exchange* exchange = &self._loop(<uint32_t> call >> THREAD_SHIFT).exchange
        push_command(exchange, call, kind, status, <const uint8_t*> bytes_of, len(data))
        return exchange

    def send(self, uint64_t call, bytes message not None, bint compressed=False):
        """One message of a streaming reply. Ignored when the call is over."""
        wake_loop(self._command(call, COMMAND_MESSAGE, COMPRESSED_MESSAGE if compressed else 0, message))

    def send_all(self, calls, bytes message not None):
        """The same message to many streaming calls; each is told EventKind.ROOM when everything sent to it has left."""
        cdef uint32_t at
        for call in calls:
            self._command(call, COMMAND_MESSAGE, TELL_ROOM, message)
        for at in range(self._front.loop_count):
            wake_loop(&self._front.loops[at].exchange)

    def reply(self, uint64_t call, bytes message not None, bint compressed=False):
        """The one message of a unary call, and its end with OK."""
        self._command(call, COMMAND_MESSAGE, COMPRESSED_MESSAGE if compressed else 0, message)
        wake_loop(self._command(call, COMMAND_FINISH, 0, b""))

    def metadata(self, uint64_t call, bytes packed not None):
        """Header fields of the answer, as `fairlead.service.metadata` packs them; before its first message."""
        self._command(call, COMMAND_METADATA, 0, packed)

    def finish(self, uint64_t call, int32_t code, bytes status not None=b""):
        """Ends a call: a gRPC code, and a serialized google.rpc.Status unless it is 0. Every call is finished once."""
        if not 0 <= code <= 16:
            raise ValueError(f"{code} is no gRPC code")
        wake_loop(self._command(call, COMMAND_FINISH, code, status))

    def respond(self, uint64_t call, int32_t code, int32_t http_status, bytes body not None):
        """Ends a call of the Connect protocol. `code` is what gRPC would say."""
        if not 0 <= code <= 16:
            raise ValueError(f"{code} is no gRPC code")
        wake_loop(self._command(call, COMMAND_HTTP, code << 16 | http_status, body))

    def begun(self, int64_t waited_us):
        """A worker has begun a call of EventKind.CALL that waited so long since it was taken. For each of them, once."""
        overload_begun(self._front, waited_us)

    def drain(self, int32_t milliseconds):
        """Accepts nothing new and lets `run` return when all calls have ended, at the latest after this time."""
        cdef uint32_t at
        for at in range(self._front.loop_count):
            wake_loop(self._command(<uint64_t> at << THREAD_SHIFT, COMMAND_DRAIN, milliseconds, b""))

    def statistics(self):
        """Counts since the start, over all threads: calls by kind, connections, statuses by code, guards by reason."""
        cdef Loop* loop
        cdef uint32_t thread
        cdef int at
        cdef int64_t waited = 0
        calls = {kind.name.lower(): 0 for kind in Kind}
        statuses, guards = [0] * 17, dict.fromkeys(GUARDS, 0)
        total = dict.fromkeys(
            ("direct", "unanswered", "connections", "accepted", "wakeups", "held_calls", "held_streams", "http_refusals"), 0)
        shed = [0] * RANKS
        for thread in range(self._front.loop_count):
            loop = &self._front.loops[thread]
            for kind in Kind:
                calls[kind.name.lower()] += loop.calls[<int> kind]
            for at in range(17):
                statuses[at] += loop.statuses[at]
            for at in range(GUARD_COUNT):
                guards[GUARDS[at]] += loop.trips[at]
            total["direct"] += loop.direct
            total["unanswered"] += loop.unanswered
            total["connections"] += loop.connection_count
            total["accepted"] += loop.accepted
            total["wakeups"] += loop.wakeups
            total["held_calls"] += loop.held_calls
            total["held_streams"] += loop.held_streams
            total["http_refusals"] += loop.http_refusals
            for at in range(RANKS):
                shed[at] += loop.shed[at]
            waited = max(waited, loop.hot.waited)
        return {
            "calls": calls,
            **total,
            "statuses": {code: count for code, count in enumerate(statuses) if count},
            "guards": guards,
            "shed": {rank.name.lower(): shed[rank] for rank in Rank if rank},
            "queue_us": {"hot": waited, "cold": self._front.loops[0].cold.waited},
            "connections_by_thread": [self._front.loops[thread].connection_count for thread in range(self._front.loop_count)],
        }


    def calls(self):
        """By path of the method, "other" for those that there are not: (started, by gRPC status of those that ended (durations,
        their sum in microseconds, received sizes, their sum, sent sizes, their sum)). Counts by `DURATION_BOUNDS_US` and
        `SIZE_BOUNDS`, one more for what is above them all; sizes are those of messages as they were on the wire."""
        cdef Front* front = self._front
        cdef uint32_t method, thread
        cdef uint64_t started
        cdef dict found = {}
        for method in range(front.method_count + 1):
            started = 0
            for thread in range(front.loop_count):
                started += front.loops[thread].counts[method].started
            if started:
                path = front.methods[method].path[:front.methods[method].size].decode() if method < front.method_count else "other"
                found[path] = (started, ended_of(front, method))
        return found


cdef object add_ended(list durations, list received, list sent, list sums, const Ended* more):
    """Adds the counts of a thread to those of others."""
    cdef int at
    for at in range(DURATION_BUCKETS):
        durations[at] += more.durations[at]
    for at in range(SIZE_BUCKETS):
        received[at] += more.received_sizes[at]
        sent[at] += more.sent_sizes[at]
    sums[0] += more.duration_us
    sums[1] += more.received
    sums[2] += more.sent


cdef dict ended_of(const Front* front, uint32_t method):
    """By status, calls of a method over all threads."""
    cdef uint32_t thread
    cdef int status
    cdef dict found = {}
    cdef list durations, received, sent, sums
    for status in range(17):
        durations = [0] * DURATION_BUCKETS
        received = [0] * SIZE_BUCKETS
        sent = [0] * SIZE_BUCKETS
        sums = [0, 0, 0]
        for thread in range(front.loop_count):
            add_ended(durations, received, sent, sums, &front.loops[thread].counts[method].ended[status])
        if any(durations):
            found[status] = (durations, sums[0], received, sums[1], sent, sums[2])
    return found


cdef object add_method(Front* front, bytes path, uint32_t kind, uint32_t number, uint32_t limit, bint takes_metadata, uint32_t rank):
    cdef Method* method
    cdef uint32_t size = <uint32_t> len(path)
    if size < 8:
        raise ValueError(f"{path!r} is no path of a method")
    front.methods = <Method*> memory_grow(front.methods, (front.method_count + 1) * sizeof(Method))
    method = &front.methods[front.method_count]
    memset(method, 0, sizeof(Method))
    method.path = <char*> memory_grow(NULL, size)
    memcpy(method.path, <const char*> path, size)
    memcpy(&method.tail, <const char*> path + size - 8, 8)
    method.size = size
    method.kind = kind
    method.number = number
    method.limit = limit
    method.takes_metadata = takes_metadata
    method.rank = rank
    front.method_count += 1
