"""Real gRPC clients: several connections, stock stubs, the time of every call by method."""

import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc

from fairlead import errors
from fairlead.commands.client import failure_of
from fairlead.v1 import routing_service_pb2
from fairlead.v1.admin_service_pb2_grpc import AdminServiceStub
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from fairlead.v1.policy_service_pb2_grpc import PolicyServiceStub
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

TENANT = "demo"
CONNECTIONS = 4
CALL_TIMEOUT_S = 30.0

# Without the first, channels to one address share one connection.
_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 64 * 1024 * 1024))
_STUBS: tuple[Callable[[Any], Any], ...] = (RoutingServiceStub, AgentServiceStub, PolicyServiceStub, AdminServiceStub)


class Clients:
    """`CONNECTIONS` clients of one daemon; a caller picks one by any number. Closed by `async with`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.latencies_s: dict[str, list[float]] = {}
        # When each unanswered call began, the oldest first.
        self._open: dict[int, float] = {}
        self._calls = itertools.count()
        self._channels = [grpc.aio.insecure_channel(address, options=_OPTIONS) for _ in range(CONNECTIONS)]
        self._methods: list[dict[str, Callable[..., Any]]] = []
        for channel in self._channels:
            stubs = [make(channel) for make in _STUBS]
            self._methods.append({name: method for stub in stubs for name, method in vars(stub).items()})

    async def __aenter__(self) -> "Clients":
        return self

    async def __aexit__(self, *unused: object) -> None:
        for channel in self._channels:
            await channel.close()

    @property
    def in_flight(self) -> int:
        """Calls without an answer."""
        return len(self._open)

    @property
    def oldest_s(self) -> float:
        """How long the oldest of them has been out; 0 when there is none."""
        began = next(iter(self._open.values()), None)
        return time.perf_counter() - began if began is not None else 0.0

    async def call(self, method: str, request: Any, client: int = 0) -> Any:
        """One call in the demo's tenant by one of the clients. Raises FairleadError; only answered calls are timed."""
        request.tenant = TENANT
        began, number = time.perf_counter(), next(self._calls)
        self._open[number] = began
        try:
            answer = await self._methods[client % CONNECTIONS][method](request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as failure:
            raise _named(failure_of(failure, self.address), method) from failure
        finally:
            del self._open[number]
        self.latencies_s.setdefault(method, []).append(time.perf_counter() - began)
        return answer

    async def watch(self, kinds: Sequence[routing_service_pb2.EventKind]) -> AsyncIterator[Any]:
        """Messages of WatchEvents about these kinds, the first of them as soon as the watch has begun.

        Raises FairleadError when the daemon ends it.
        """
        request = routing_service_pb2.WatchEventsRequest(tenant=TENANT)
        request.kinds.extend(kinds)
        try:
            async for message in self._methods[0]["WatchEvents"](request):
                yield message
        except grpc.aio.AioRpcError as failure:
            raise _named(failure_of(failure, self.address), "WatchEvents") from failure


def _named(failure: errors.FairleadError, method: str) -> errors.FairleadError:
    failure.message = f"{method}: {failure.message}"
    return failure
