"""The grpcio transport: the portable server of the contract, beside which every other transport is judged.

Hot calls go as bytes to the shard on the workers of the server; cold calls and streams run on pools of their own, so
that neither a verification nor an idle reflection stream can take a hot worker. Threads, because a pool of them answers
about twice the calls of grpc.aio (measured, docs/ARCHITECTURE).
"""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from structlog.typing import FilteringBoundLogger

from fairlead.config import Config
from fairlead.errors import error
from fairlead.rulebook.book import RuleBook
from fairlead.service import admin, agents, jobs, policy, reflection
from fairlead.service.calls import HOT_CALLS, UnknownMethods, cold_handler, hot_handler
from fairlead.shard.core import Shard

COLD_THREADS = 2
STREAM_THREADS = 4
# Calls that are open at once; more are refused as RESOURCE_EXHAUSTED by grpcio before they reach a queue.
MAX_OPEN_CALLS = 4_096
MAX_CONCURRENT_STREAMS = 1_000

HEALTH_SERVICE = "grpc.health.v1.Health"


class GrpcTransport:
    """One listening server. Built stopped; `start` binds and serves, `stop` drains."""

    def __init__(self, shard: Shard, config: Config, log: FilteringBoundLogger, book: RuleBook | None = None) -> None:
        self._listen = config.listen
        self._cold = ThreadPoolExecutor(COLD_THREADS, thread_name_prefix="cold")
        self._streams = ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix="stream")
        self._hot = ThreadPoolExecutor(config.threads, thread_name_prefix="hot")
        self._health = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=self._streams)
        self._server = grpc.server(
            self._hot,
            handlers=[UnknownMethods()],
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
        self._server.start()

    def stop(self, drain_seconds: float) -> None:
        """Turns health to NOT_SERVING, accepts nothing new, and returns when open calls ended or the time is over."""
        self._health.enter_graceful_shutdown()
        ended: threading.Event = self._server.stop(drain_seconds)
        ended.wait()
        for pool in (self._hot, self._cold, self._streams):
            pool.shutdown(wait=False, cancel_futures=True)

    def _register(self, shard: Shard, book: RuleBook, config: Config, log: FilteringBoundLogger) -> tuple[str, ...]:
        cold = {
            **agents.calls(shard),
            **jobs.calls(shard),
            **policy.calls(book),
            **admin.calls(shard, config.durability),
        }
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            **{path: hot_handler(shard, call, log) for path, call in HOT_CALLS.items()},
            **{path: cold_handler(call, self._cold, log) for path, call in cold.items()},
        }
        services = tuple(sorted({service_of(path) for path in handlers}))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._add(handlers)
        self._add(reflection.handlers((*services, HEALTH_SERVICE), self._streams))
        return services

    def _add(self, handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]") -> None:
        for service in {service_of(path) for path in handlers}:
            methods = {path.rpartition("/")[2]: each for path, each in handlers.items() if service_of(path) == service}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
            self._server.add_registered_method_handlers(service, methods)


def service_of(path: str) -> str:
    """ "fairlead.v1.AgentService" of "/fairlead.v1.AgentService/GetAgent"."""
    return path.split("/")[1]
