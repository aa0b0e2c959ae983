"""Methods of the test services as plain functions, and how they are hung into the native transport.

The calls go the way of every cold method: from the compiled server through `NativeTransport` to a handler and back. A
call of message streams has a thread, so that its function may wait.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Any, NamedTuple

from google.protobuf import any_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]

from fairlead.config import Config
from fairlead.service.metadata import Metadata
from fairlead.service.native import NativeTransport, Served
from fairlead.shard.core import Shard
from fairlead.telemetry.log import make_logger
from fairlead.transport.core import Kind

LIMIT = 4 * 1024 * 1024
UNKNOWN = 2


class Refused(Exception):
    """A call that ends with this status."""

    def __init__(self, code: int, message: str, details: Iterable[any_pb2.Any] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status_pb2.Status(code=code, message=message, details=details).SerializeToString()


class Cancelled(Exception):
    """The client is gone."""


class Unary(NamedTuple):
    """A method of one request."""

    path: str
    answer: Callable[[bytes, Metadata], bytes]


class Streaming(NamedTuple):
    """A method of message streams."""

    path: str
    serve: Callable[["StreamCall"], None]


class StreamCall:
    """A call of message streams as a plain function sees it, in a thread of its own."""

    def __init__(self, metadata: Metadata, send: Callable[[bytes], None], lead: Callable[[], None]) -> None:
        self.metadata = metadata
        self.cancelled = threading.Event()
        self.incoming: SimpleQueue[bytes | None] = SimpleQueue()
        self._send = send
        self._lead = lead
        self._begun = False

    def requests(self) -> Iterator[bytes]:
        """What the client sends, until it has no more. Raises Cancelled."""
        while (data := self.incoming.get()) is not None:
            yield data
        if self.cancelled.is_set():
            raise Cancelled

    def lead(self) -> None:
        """The metadata of the answer is complete. Once; the first message says it too."""
        if not self._begun:
            self._begun = True
            self._lead()

    def send(self, data: bytes) -> None:
        """One message of the answer."""
        self.lead()
        self._send(data)

    def pause(self, seconds: float) -> None:
        """Waits. Raises Cancelled when the client goes meanwhile."""
        if self.cancelled.wait(seconds):
            raise Cancelled


class ConformanceTransport(NativeTransport):
    """The transport with more methods."""

    def __init__(self, shard: Shard, config: Config, methods: Iterable[Unary | Streaming]) -> None:
        self._tests = tuple(methods)
        self._test_calls = StreamCalls(lambda: self._server)
        super().__init__(shard, config, make_logger(config.log, sys.stderr))

    def _methods(self) -> tuple[Served, ...]:
        return (*super()._methods(), *map(self._served_test, self._tests))

    def _served_test(self, method: Unary | Streaming) -> Served:
        if isinstance(method, Streaming):

            def opened(key: int, metadata: Metadata) -> None:
                self._test_calls.begin(key, metadata, method.serve)

            return Served(method.path, Kind.STREAMING, 0, LIMIT, None, self._test_calls, True, opened)

        def answer(request: bytes, metadata: Metadata) -> tuple[int, bytes]:
            try:
                return 0, method.answer(request, metadata)
            except Refused as refused:
                return refused.code, refused.status

        return Served(method.path, Kind.UNARY, 0, LIMIT, answer, None, True)


class StreamCalls:
    """The stream handler of the test services."""

    def __init__(self, server: Callable[[], Any]) -> None:
        self._server = server
        self._open: dict[int, StreamCall] = {}

    def message(self, key: int, data: bytes) -> None:
        if call := self._open.get(key):
            call.incoming.put(data)

    def end(self, key: int) -> None:
        if call := self._open.get(key):
            call.incoming.put(None)

    def cancelled(self, key: int) -> None:
        if call := self._open.pop(key, None):
            call.cancelled.set()
            call.incoming.put(None)

    def begin(self, key: int, metadata: Metadata, serve: Callable[[StreamCall], None]) -> None:
        """Runs a call in its thread."""
        server = self._server()
        call = StreamCall(
            metadata, lambda data: server.send(key, data), lambda: server.metadata(key, metadata.packed())
        )
        self._open[key] = call

        def run() -> None:
            code, status = 0, b""
            try:
                serve(call)
            except Cancelled:
                return
            except Refused as refused:
                code, status = refused.code, refused.status
            except Exception as bug:
                code, status = UNKNOWN, Refused(UNKNOWN, repr(bug)).status
            call.lead()
            if self._open.pop(key, None):
                server.finish(key, code, status)

        threading.Thread(target=run, daemon=True).start()
