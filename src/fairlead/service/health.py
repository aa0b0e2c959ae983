"""grpc.health.v1 for the native transport: what serves, asked once (Check, List) or watched."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from grpc_health.v1 import health_pb2

from fairlead.errors import error
from fairlead.service.calls import ColdCall
from fairlead.service.requests import parse

# The stubs for type checkers lag behind the protocol: they lack List.
pb: Any = health_pb2

SERVICE = "grpc.health.v1.Health"
WATCH = f"/{SERVICE}/Watch"


class Health:
    """The state of every service, and who watches it. Thread-safe.

    `send` takes a call and a serialized response; it is called under the lock, so that a watcher sees changes in order.
    `stop` ends a call with the word that the server is stopping.
    """

    def __init__(self, send: Callable[[int, bytes], None], stop: Callable[[int], None]) -> None:
        self._send = send
        self._stop = stop
        self._stopping = False
        self._lock = threading.Lock()
        self._states: dict[str, int] = {}
        self._watchers: dict[int, str] = {}

    def calls(self) -> Mapping[str, ColdCall]:
        """Paths and functions of the unary methods."""
        return {
            f"/{SERVICE}/Check": ColdCall(pb.HealthCheckRequest, self._check),
            f"/{SERVICE}/List": ColdCall(pb.HealthListRequest, self._list),
        }

    def set_all(self, services: Iterable[str], state: int) -> None:
        """Every one of these services is in this state from now on; tells who watches them."""
        with self._lock:
            changed = {name for name in services if self._states.get(name) != state}
            self._states.update(dict.fromkeys(changed, state))
            for call, name in self._watchers.items():
                if name in changed:
                    self._tell(call, name)

    def stop_all(self) -> None:
        """Nothing serves any more: whoever watches is told, and their calls end, which nothing else would end."""
        self.set_all(tuple(self._states), pb.HealthCheckResponse.NOT_SERVING)
        with self._lock:
            self._stopping = True
            for call in self._watchers:
                self._stop(call)
            self._watchers.clear()

    def message(self, call: int, data: bytes) -> None:
        """A watcher says what it watches."""
        name = parse(pb.HealthCheckRequest, data).service
        with self._lock:
            self._tell(call, name)
            if self._stopping:
                self._stop(call)
            else:
                self._watchers[call] = name

    def end(self, call: int) -> None:
        """A watcher says no more; it still listens."""

    def cancelled(self, call: int) -> None:
        """A watcher is gone."""
        with self._lock:
            self._watchers.pop(call, None)

    def _tell(self, call: int, name: str) -> None:
        state = self._states.get(name, pb.HealthCheckResponse.SERVICE_UNKNOWN)
        self._send(call, _response(state).SerializeToString())

    def _check(self, request: Any) -> Any:
        state = self._states.get(request.service)
        if state is None:
            raise error("SERVICE_NOT_FOUND", f"this server has no service {request.service!r}", "service")
        return _response(state)

    def _list(self, _request: Any) -> Any:
        with self._lock:
            return pb.HealthListResponse(statuses={name: _response(state) for name, state in self._states.items()})


def _response(state: int) -> Any:
    return pb.HealthCheckResponse(status=state)
