"""The grpcio transport: the portable server of the contract, beside which every other transport is judged.

Hot calls go as bytes to the shard on the workers of the server; cold calls and streams run on pools of their own, so
that neither a verification nor an idle reflection stream can take a hot worker. Threads, because a pool of them answers
about twice the calls of grpc.aio (measured, docs/ARCHITECTURE).
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from structlog.typing import FilteringBoundLogger

from fairlead.config import Config
from fairlead.errors import FairleadError, error
from fairlead.rulebook.book import RuleBook
from fairlead.service import admin, agents, customers, jobs, policy, reflection
from fairlead.service.calls import HOT_CALLS, InPool, UnknownMethods, abort, cold_handler, hot_handler, status_of
from fairlead.service.counting import Counting
from fairlead.service.ranks import rank_of
from fairlead.service.waiting import Waiters
from fairlead.service.watch import WATCH, EventPump
from fairlead.service.workers import Workers
from fairlead.shard.core import Shard
from fairlead.telemetry.metrics import TransportMetrics
from fairlead.transport.core import Rank

COLD_THREADS = 2
STREAM_THREADS = 4
# Watches, and assigns that wait, each of which takes a thread.
MAX_STREAM_THREADS = 1_024
MAX_WAITING = 512
# Calls that are open at once; more are refused as RESOURCE_EXHAUSTED by grpcio before they reach a queue.
MAX_OPEN_CALLS = 4_096
MAX_CONCURRENT_STREAMS = 1_000

HEALTH_SERVICE = "grpc.health.v1.Health"


# What a watch is to send; an error is its end, None the end of its reader.
_Queue = SimpleQueue[bytes | FairleadError | None]


class _Queues:
    """The watches of this transport: each takes from a queue of its own."""

    def send(self, keys: Sequence[_Queue], message: bytes) -> None:
        """Puts the message into all of them."""
        for queue in keys:
            queue.put(message)

    def end(self, key: _Queue, failure: FairleadError) -> None:
        """The last that it gets."""
        key.put(failure)


class GrpcTransport:
    """One listening server. Built stopped; `start` binds and serves, `stop` drains."""

    def __init__(self, shard: Shard, config: Config, log: FilteringBoundLogger, book: RuleBook | None = None) -> None:
        self._listen = config.listen
        self._sync_us = round(config.guards.sync_seconds * 1e6)
        self._cold = ThreadPoolExecutor(COLD_THREADS, thread_name_prefix="cold")
        self._streams = ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix="stream")
        self._watches = ThreadPoolExecutor(MAX_STREAM_THREADS, thread_name_prefix="watch")
        self._hot = Workers(config.threads, "hot")
        self._pump = EventPump(shard, _Queues(), log)
        self._waiters = Waiters(shard, log, MAX_WAITING)
        self._log = log
        self._known: set[str] = set()
        self._counting = Counting(self._known)
        self._health = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=self._streams)
        self._server = grpc.server(
            # grpcio asks no more of it than of any executor.
            cast(ThreadPoolExecutor, self._hot),
            handlers=[UnknownMethods()],
            interceptors=[self._counting],
            options=(
                # A second daemon on the port is a mistake, not load sharing: their states differ.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", config.max_message_size),
                ("grpc.max_concurrent_streams", MAX_CONCURRENT_STREAMS),
            ),
            maximum_concurrent_rpcs=MAX_OPEN_CALLS,
        )
        self._services = self._register(shard, book or RuleBook(shard), config, log)
        # host:port that clients reach, once started.
        self.address = ""

    def start(self) -> None:
        """Binds, serves, and turns health to SERVING. Raises Unavailable when the address cannot be bound."""
        try:
            port = self._server.add_insecure_port(self._listen)
        except RuntimeError as wrong:
            raise error(
                "UNREACHABLE", f"cannot listen on {self._listen}: is another process there? ({wrong})"
            ) from wrong
        self.address = f"{self._listen.rpartition(':')[0]}:{port}"
        for name in ("", *self._services, HEALTH_SERVICE):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._pump.start()
        self._waiters.start()
        self._server.start()

    def stop(self, drain_seconds: float) -> None:
        """Turns health to NOT_SERVING, accepts nothing new, and returns when open calls ended or the time is over."""
        self._health.enter_graceful_shutdown()
        self._pump.stop()
        self._waiters.stop()
        ended: threading.Event = self._server.stop(drain_seconds)
        ended.wait()
        for pool in (self._hot, self._cold, self._streams, self._watches):
            pool.shutdown(wait=False, cancel_futures=True)

    def metrics(self) -> TransportMetrics:
        """What has been counted since the start."""
        return TransportMetrics(self._counting.calls(), len(self._pump), len(self._waiters), {})

    def _register(self, shard: Shard, book: RuleBook, config: Config, log: FilteringBoundLogger) -> tuple[str, ...]:
        cold = {
            **agents.calls(shard),
            **jobs.calls(shard),
            **policy.calls(book),
            **admin.calls(shard, config.durability),
            **customers.calls(shard),
        }
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            **{
                path: hot_handler(shard, call, self._wait, partial(self._is_refused, shard, rank_of(path)), log)
                for path, call in HOT_CALLS.items()
            },
            **{path: cold_handler(call, self._cold, log) for path, call in cold.items()},
            customers.IMPORT: grpc.stream_unary_rpc_method_handler(InPool(partial(self._import, shard), self._streams)),
            WATCH: grpc.unary_stream_rpc_method_handler(InPool(self._watch, self._watches)),
        }
        services = tuple(sorted({service_of(path) for path in handlers}))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._add(handlers)
        self._add(reflection.handlers((*services, HEALTH_SERVICE), self._streams))
        self._known.update(f"/{HEALTH_SERVICE}/{name}" for name in ("Check", "List", "Watch"))
        return services

    def _is_refused(self, shard: Shard, rank: Rank) -> bool:
        """Whether calls of this rank are refused now: while the disk stands still, new work and reads."""
        return rank >= Rank.NEW_WORK and shard.journal().get("stall_us", 0) > self._sync_us

    def _import(self, shard: Shard, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            return customers.import_all(shard, requests)
        except Exception as wrong:
            abort(context, status_of(wrong, customers.IMPORT, self._log))

    def _watch(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """One watch, on a thread of its own: grpcio takes the next message when the last one has left."""
        queue = _Queue()
        try:
            self._pump.watch(queue, request)
        except Exception as wrong:
            abort(context, status_of(wrong, WATCH, self._log))
        if not context.add_callback(partial(queue.put, None)):
            queue.put(None)
        try:
            while (item := queue.get()) is not None:
                if isinstance(item, FairleadError):
                    abort(context, item.status_bytes())
                yield item
                self._pump.room(queue)
        finally:
            self._pump.leave(queue)

    def _wait(self, request: bytes, context: grpc.ServicerContext) -> tuple[int, bytes]:
        """An assign that may wait. The worker that waits is replaced as long as it does."""
        answers: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
        self._waiters.begin(answers, request, lambda code, body: answers.put((code, body)))
        if answers.empty():
            gone = error("DEADLINE_EXCEEDED", "the caller is gone")
            context.add_callback(
                lambda: answers.put((gone.code, gone.status_bytes())) if self._waiters.leave(answers) else None
            )
            with self._hot.lend():
                return answers.get()
        return answers.get()

    def _add(self, handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]") -> None:
        self._known.update(handlers)
        for service in {service_of(path) for path in handlers}:
            methods = {path.rpartition("/")[2]: each for path, each in handlers.items() if service_of(path) == service}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
            self._server.add_registered_method_handlers(service, methods)


def service_of(path: str) -> str:
    """ "fairlead.v1.AgentService" of "/fairlead.v1.AgentService/GetAgent"."""
    return path.split("/")[1]
