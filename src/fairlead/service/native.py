"""The native transport: hot calls never come here; cold calls and streams arrive from the compiled server as events.

Each thread of the server runs without the interpreter and has a second one beside it, which takes its events and hands
cold calls to a pool. Streams are handled on a worker of their own, message by message, so an idle stream costs no
thread.
"""

import resource
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, Protocol

from grpc_health.v1 import health_pb2
from structlog.typing import FilteringBoundLogger

from fairlead.config import Config, GuardsConfig
from fairlead.errors import FairleadError, error
from fairlead.rulebook.book import RuleBook
from fairlead.service import admin, agents, connect, customers, health, jobs, policy, reflection, watch
from fairlead.service.calls import HANDED_OVER, HOT_CALLS, cold_answer, hot_answer, status_of
from fairlead.service.health import Health
from fairlead.service.metadata import Metadata, metadata_of
from fairlead.service.overload import overloaded
from fairlead.service.ranks import rank_of
from fairlead.service.waiting import Waiters
from fairlead.service.watch import EventPump
from fairlead.shard.core import Method, Shard
from fairlead.telemetry.metrics import TransportMetrics
from fairlead.transport.core import EventKind, Flag, Kind, Server

COLD_THREADS = 2
# Of the journal, logs, queues and the interpreter.
OTHER_FILES = 256
BACKLOG = 1_024
PREFIX_SIZE = 5
# Of a message to a hot method that takes no list; those that do take what a cold one takes.
HOT_LIMIT = 256 * 1024
TAKES_A_LIST = (Method.BATCH_ASSIGN, Method.HEARTBEAT)
COMPRESS_ABOVE = 1_024
DEADLINE_EXCEEDED = 4
CONNECT = Flag.CONNECT_JSON | Flag.CONNECT_PROTO


class StreamHandler(Protocol):
    """A method of message streams. Answers through the server; every call is told its end by one of the two."""

    def message(self, call: int, data: bytes) -> None:
        """The client sent a message."""

    def end(self, call: int) -> None:
        """The client sends no more."""

    def cancelled(self, call: int) -> None:
        """The client is gone."""


class Served(NamedTuple):
    """A method as the compiled server and its events know it: by its place."""

    path: str
    kind: Kind
    number: int
    limit: int
    # Code and body, or code and serialized Status, of a request, and of its metadata where it takes them.
    answer: Callable[..., tuple[int, bytes]] | None
    handler: StreamHandler | None
    takes_metadata: bool = False
    # Begins a call of message streams that takes metadata.
    opened: Callable[[int, Metadata], None] | None = None


class Call(NamedTuple):
    """A call on its way through Python. `key` names it for the compiled server."""

    server: Server
    served: Served
    key: int
    flags: int
    metadata: Metadata


class NativeTransport:
    """One listening server. Built stopped; `start` binds and serves, `stop` drains."""

    def __init__(self, shard: Shard, config: Config, log: FilteringBoundLogger, book: RuleBook | None = None) -> None:
        self._shard = shard
        self._book = book or RuleBook(shard)
        self._config = config
        self._log = log
        self._health = Health(self._send, self._stopped)
        self._pump = EventPump(shard, self, log)
        self._waiters = Waiters(shard, log)
        self._served = self._methods()
        self._cold = ThreadPoolExecutor(COLD_THREADS, thread_name_prefix="cold")
        self._streams = ThreadPoolExecutor(1, thread_name_prefix="stream")
        self._server: Server | None = None
        self._threads: tuple[threading.Thread, ...] = ()
        # host:port that clients reach, once started.
        self.address = ""

    def start(self) -> None:
        """Binds, serves, and turns health to SERVING. Raises Unavailable when the address cannot be bound."""
        allow_files(self._config.guards.connections + OTHER_FILES)
        listener, self.address = bind(self._config.listen)
        table = [
            (each.path.encode(), int(each.kind), each.number, each.limit, each.takes_metadata, int(rank_of(each.path)))
            for each in self._served
        ]
        # The server owns the descriptor from here on.
        self._server = server = Server(
            self._shard,
            listener.detach(),
            table,
            limits_of(self._config.guards),
            overloaded().status_bytes(),
            self._config.transport_threads,
        )
        names = {each.path.split("/")[1] for each in self._served} | {""}
        self._health.set_all(sorted(names), health_pb2.HealthCheckResponse.SERVING)
        self._threads = tuple(
            threading.Thread(target=work, args=(*arguments, number), name=f"{name}-{number}", daemon=True)
            for number in range(server.threads)
            for name, work, *arguments in (("transport", server.run), ("events", self._take, server))
        )
        self._pump.start()
        self._waiters.start()
        for thread in self._threads:
            thread.start()

    def stop(self, drain_seconds: float) -> None:
        """Turns health to NOT_SERVING, accepts nothing new, and returns when open calls ended or the time is over."""
        self._health.stop_all()
        self._pump.stop()
        self._waiters.stop()
        if self._server is not None:
            self._server.drain(round(drain_seconds * 1_000))
        for thread in self._threads:
            thread.join()
        for pool in (self._cold, self._streams):
            pool.shutdown(wait=False, cancel_futures=True)

    def statistics(self) -> dict[str, Any]:
        """Counts since the start, as `Server.statistics` tells them. Only once started."""
        assert self._server is not None
        return self._server.statistics()

    def metrics(self) -> TransportMetrics:
        """What has been counted since the start."""
        assert self._server is not None
        return TransportMetrics(self._server.calls(), len(self._pump), len(self._waiters), self._server.statistics())

    def _methods(self) -> tuple[Served, ...]:
        cold = {
            **agents.calls(self._shard),
            **jobs.calls(self._shard),
            **policy.calls(self._book),
            **admin.calls(self._shard, self._config.durability),
            **customers.calls(self._shard),
            **self._health.calls(),
        }
        size = self._config.max_message_size
        hot = [
            Served(
                path,
                Kind.HOT,
                int(call.method),
                size if call.method in TAKES_A_LIST else min(size, HOT_LIMIT),
                partial(hot_answer, self._shard, call),
                None,
            )
            for path, call in HOT_CALLS.items()
        ]
        unary = [Served(path, Kind.UNARY, 0, size, partial(cold_answer, call), None) for path, call in cold.items()]
        watches = Watches(self._pump)
        services = sorted({path.split("/")[1] for path in (*HOT_CALLS, *cold)})
        reflected = reflection.Messages(services, self._send, self._finish)
        streams: Mapping[str, StreamHandler] = {
            health.WATCH: self._health,
            watch.WATCH: watches,
            customers.IMPORT: customers.Imports(self._shard, self._send, self._finish),
            **dict.fromkeys(reflection.PATHS, reflected),
        }
        return (
            *hot,
            *unary,
            *(Served(path, Kind.STREAMING, 0, size, None, handler) for path, handler in streams.items()),
        )

    def send(self, keys: Sequence[int], message: bytes) -> None:
        """One message to many watches."""
        assert self._server is not None
        self._server.send_all(keys, message)

    def end(self, key: int, failure: FairleadError) -> None:
        """Ends a watch."""
        assert self._server is not None
        self._server.finish(key, failure.code, failure.status_bytes())

    def _send(self, call: int, message: bytes) -> None:
        assert self._server is not None
        self._server.send(call, message)

    def _stopped(self, call: int) -> None:
        self.end(call, error("STOPPING", "the server is stopping"))

    def _finish(self, call: int) -> None:
        assert self._server is not None
        self._server.finish(call, 0)

    def _take(self, server: Server, thread: int) -> None:
        """A thread of events: hands each to the pool of its kind. Never works itself, never waits for a handler."""
        opened: dict[int, bytes] = {}
        while events := server.take(thread):
            taken = time.monotonic_ns()
            for key, kind, flags, index, deadline, data in events:
                served = self._served[index]
                if kind == EventKind.ROOM:
                    self._pump.room(key)
                elif kind == EventKind.CANCELLED and served.handler is None:
                    self._waiters.leave(key)
                    server.finish(key, 0)
                elif kind == EventKind.OPEN and served.handler is None:
                    # The CALL follows.
                    opened[key] = data
                elif kind == EventKind.CALL:
                    metadata = metadata_of(opened.pop(key, b""))
                    call = Call(server, served, key, flags, metadata)
                    self._cold.submit(self._serve, call, deadline, data, taken)
                else:
                    self._streams.submit(self._stream, Call(server, served, key, flags, metadata_of(b"")), kind, data)

    def _serve(self, call: Call, deadline: int, data: bytes, taken: int) -> None:
        served, key, flags, metadata = call.served, call.key, call.flags, call.metadata
        assert served.answer is not None
        now = time.monotonic_ns()
        call.server.begun((now - taken) // 1_000)
        try:
            if deadline and now // 1_000 >= deadline:
                raise error("DEADLINE_EXCEEDED", "the deadline passed before the call was carried out")
            request = _message(data if flags & CONNECT else data[PREFIX_SIZE:], flags, served.limit)
            if flags & CONNECT:
                request = connect.request_of(served.path, request, bool(flags & Flag.CONNECT_JSON))
            code, body = served.answer(request, metadata) if served.takes_metadata else served.answer(request)
            if code == HANDED_OVER:
                self._waiters.begin(key, request, partial(self._reply, call))
            else:
                self._reply(call, code, body)
        except Exception as wrong:
            self._refuse(call, wrong)

    def _reply(self, call: Call, code: int, body: bytes) -> None:
        server, served, key, flags, metadata = call
        if flags & CONNECT:
            http_status, body = connect.response_of(served.path, code, body, bool(flags & Flag.CONNECT_JSON))
            if flags & Flag.ACCEPTS_GZIP and len(body) > COMPRESS_ABOVE:
                metadata.leading.append(("content-encoding", b"gzip"))
                body = _gzip(body)
            server.metadata(key, metadata.packed_for_connect())
            server.respond(key, code, http_status, body)
            return
        if metadata.leading or metadata.trailing:
            server.metadata(key, metadata.packed())
        if code:
            server.finish(key, code, body)
        elif flags & Flag.ACCEPTS_GZIP and len(body) > COMPRESS_ABOVE:
            server.reply(key, _gzip(body), True)
        else:
            server.reply(key, body)

    def _refuse(self, call: Call, wrong: Exception) -> None:
        status = status_of(wrong, call.served.path, self._log)
        if call.flags & CONNECT:
            call.server.respond(call.key, status[1], *connect.refusal(status))
        else:
            call.server.finish(call.key, status[1], status)

    def _stream(self, call: Call, kind: int, data: bytes) -> None:
        server, served, key, flags, _ = call
        assert served.handler is not None
        try:
            if kind == EventKind.OPEN and served.opened is not None:
                served.opened(key, metadata_of(data))
            elif kind == EventKind.MESSAGE:
                served.handler.message(key, _message(data, flags, served.limit))
            elif kind == EventKind.END:
                served.handler.end(key)
            elif kind == EventKind.CANCELLED:
                served.handler.cancelled(key)
                server.finish(key, 0)
        except Exception as wrong:
            served.handler.cancelled(key)
            self._refuse(call, wrong)


class Watches:
    """The stream handler of WatchEvents."""

    def __init__(self, pump: EventPump) -> None:
        self._pump = pump

    def message(self, call: int, data: bytes) -> None:
        """Begins the watch."""
        self._pump.watch(call, data)

    def end(self, call: int) -> None:
        """The client has said what it watches."""

    def cancelled(self, call: int) -> None:
        """The client is gone."""
        self._pump.leave(call)


def limits_of(guards: GuardsConfig) -> dict[str, int]:
    """The guards as the compiled server takes them: times in microseconds."""
    return {
        name.replace("_seconds", "_us"): round(value * 1e6) if name.endswith("_seconds") else value
        for name, value in asdict(guards).items()
    }


def allow_files(count: int) -> None:
    """Raises this process's limit of open files to so many, or to what the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def bind(listen: str) -> tuple[socket.socket, str]:
    """A socket that listens, not blocking, and the host:port that clients reach. Raises Unavailable."""
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "[::]" is every address, those of IPv4 too.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as wrong:
        raise error("UNREACHABLE", f"cannot listen on {listen}: is another process there? ({wrong})") from wrong
    return listener, f"{host}:{listener.getsockname()[1]}"


def _message(data: bytes, flags: int, limit: int) -> bytes:
    """A message as the method reads it. Raises ResourceExhausted when it is larger than the limit once unpacked."""
    if not flags & Flag.COMPRESSED:
        return data
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        message = unpacker.decompress(data, limit + 1)
    except zlib.error as wrong:
        raise error("MALFORMED_REQUEST", f"the message is no gzip: {wrong}") from None
    if len(message) > limit:
        raise error("LIMIT_EXCEEDED", f"the message is larger than {limit} bytes")
    if not unpacker.eof:
        raise error("MALFORMED_REQUEST", "the message is no whole gzip")
    return message


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()
