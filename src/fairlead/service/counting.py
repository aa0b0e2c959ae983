"""Calls of the grpcio transport counted as the compiled one counts its own: gRPC proposal A66's measures.

An interceptor around every handler. Sizes are those of messages before compression, which grpcio does not show.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import grpc

from fairlead.telemetry.metrics import Ended
from fairlead.transport.core import DURATION_BOUNDS_US, SIZE_BOUNDS

OK = 0
CANCELLED = 1
UNKNOWN = 2


class _Ended:
    """Calls of one method that ended with one status."""

    def __init__(self) -> None:
        self.histograms = [[0] * (len(bounds) + 1) for bounds in (DURATION_BOUNDS_US, SIZE_BOUNDS, SIZE_BOUNDS)]
        self.sums = [0, 0, 0]

    def add(self, duration_us: int, received: int, sent: int) -> None:
        values = zip((duration_us, received, sent), (DURATION_BOUNDS_US, SIZE_BOUNDS, SIZE_BOUNDS), strict=True)
        for at, (value, bounds) in enumerate(values):
            self.histograms[at][bisect_left(bounds, value)] += 1
            self.sums[at] += value

    def view(self) -> Ended:
        durations, received, sent = (list(each) for each in self.histograms)
        return durations, self.sums[0], received, self.sums[1], sent, self.sums[2]


class _Call:
    """One call on its way."""

    def __init__(self, counting: "Counting", path: str) -> None:
        self._counting = counting
        self._path = path
        self._begun = time.monotonic_ns()
        self.received = 0
        self.sent = 0

    def end(self, code: int) -> None:
        self._counting.ended(self._path, code, (time.monotonic_ns() - self._begun) // 1_000, self.received, self.sent)


class Counting(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Counts every call; those of methods outside `known` as "other". Thread-safe."""

    def __init__(self, known: Container[str]) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._started: dict[str, int] = {}
        self._ended: dict[tuple[str, int], _Ended] = {}

    def calls(self) -> dict[str, tuple[int, dict[int, Ended]]]:
        """As `Server.calls` tells it."""
        with self._lock:
            return {
                path: (count, {code: each.view() for (of, code), each in self._ended.items() if of == path})
                for path, count in self._started.items()
            }

    def ended(self, path: str, code: int, duration_us: int, received: int, sent: int) -> None:
        """One call is over."""
        with self._lock:
            self._ended.setdefault((path, code), _Ended()).add(duration_us, received, sent)

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The handler that grpcio found, with the counting around it."""
        handler = continuation(handler_call_details)
        path = handler_call_details.method
        path = path if path in self._known else "other"
        with self._lock:
            self._started[path] = self._started.get(path, 0) + 1
        sides = (handler.request_streaming, handler.response_streaming)
        kind = "_".join("stream" if streams else "unary" for streams in sides)
        counted = _Counted(getattr(handler, kind), handler, _Call(self, path))
        return handler._replace(**{kind: counted})


class _Counted:
    """A handler's function in disguise: grpcio finds the attributes that say where and how it runs."""

    def __init__(self, behavior: Callable[..., Any], handler: Any, call: _Call) -> None:
        self._behavior = behavior
        self._handler = handler
        self._call = call
        for name in ("experimental_thread_pool", "experimental_non_blocking"):
            if hasattr(behavior, name):
                setattr(self, name, getattr(behavior, name))

    def __call__(self, request: Any, context: grpc.ServicerContext, *send: Any) -> Any:
        call = self._call
        if self._handler.request_streaming:
            request = self._incoming(request)
        else:
            call.received += _size(request)
        if send:
            # It goes on after it returned, until the client has enough.
            context.add_callback(lambda: call.end(CANCELLED))
            return self._behavior(request, context, *send)
        if self._handler.response_streaming:
            return self._outgoing(request, context)
        try:
            reply = self._behavior(request, context)
        except BaseException:
            call.end(_code(context, UNKNOWN))
            raise
        call.sent += _size(reply)
        call.end(_code(context, OK))
        return reply

    def _incoming(self, requests: Iterable[Any]) -> Iterator[Any]:
        for each in requests:
            self._call.received += _size(each)
            yield each

    def _outgoing(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        code = CANCELLED
        try:
            for each in self._behavior(request, context):
                self._call.sent += _size(each)
                yield each
            code = _code(context, OK if context.is_active() else CANCELLED)
        except Exception:
            code = _code(context, UNKNOWN)
            raise
        finally:
            self._call.end(code)


def _code(context: Any, otherwise: int) -> int:
    code = context.code()
    return otherwise if code is None else int(code.value[0])


def _size(message: Any) -> int:
    return len(message) if isinstance(message, bytes) else int(message.ByteSize()) if message is not None else 0
