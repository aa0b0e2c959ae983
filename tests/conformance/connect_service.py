"""connectrpc.conformance.v1.ConformanceService: answers as each request describes, and tells what it saw."""

import base64
import re
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2

from fairlead.service.metadata import Field, Metadata
from tests.conformance.methods import Refused, StreamCall, Streaming, Unary
from tests.conformance.protocol import load, message

SERVICE = "/connectrpc.conformance.v1.ConformanceService"
UNIMPLEMENTED = 12
UNITS_MS = {b"H": 3_600_000, b"M": 60_000, b"S": 1_000, b"m": 1, b"u": 1e-3, b"n": 1e-6}


def methods(protos: Path) -> tuple[Unary | Streaming, ...]:
    """Every method of the service but Unimplemented. The suite's own .proto files stand in this folder."""
    load(protos, "connectrpc/conformance/v1/service.proto", "connectrpc/conformance/v1/server_compat.proto")
    return (
        Unary(f"{SERVICE}/Unary", partial(_unary, "UnaryRequest", "UnaryResponse")),
        Unary(f"{SERVICE}/IdempotentUnary", partial(_unary, "IdempotentUnaryRequest", "IdempotentUnaryResponse")),
        Streaming(f"{SERVICE}/ClientStream", _client_stream),
        Streaming(f"{SERVICE}/ServerStream", _server_stream),
        Streaming(f"{SERVICE}/BidiStream", _bidi_stream),
    )


def _pb(name: str) -> Any:
    return message(f"connectrpc.conformance.v1.{name}")


def _packed(each: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(each)
    return packed


def _fields(headers: Iterable[Any]) -> list[Field]:
    return [
        (each.name.lower(), base64.b64decode(value + "==") if each.name.lower().endswith("-bin") else value.encode())
        for each in headers
        for value in each.value
    ]


def _timeout_ms(metadata: Metadata) -> int | None:
    for name, value in metadata.received:
        if name == "connect-timeout-ms":
            return int(value)
        if name == "grpc-timeout" and (parts := re.fullmatch(rb"([0-9]+)(.)", value)):
            return int(int(parts[1]) * UNITS_MS[parts[2]])
    return None


def _seen(metadata: Metadata, requests: Iterable[Any]) -> Any:
    """What arrived of a call."""
    values: dict[str, list[str]] = {}
    for name, value in metadata.received:
        text = base64.b64encode(value).decode() if name.endswith("-bin") else value.decode()
        values.setdefault(name, []).append(text)
    headers = [{"name": name, "value": every} for name, every in values.items()]
    return _pb("ConformancePayload").RequestInfo(
        request_headers=headers, timeout_ms=_timeout_ms(metadata), requests=map(_packed, requests)
    )


def _refused(error: Any, *more: Any) -> Refused:
    return Refused(error.code, error.message, (*error.details, *map(_packed, more)))


def _begin(metadata: Metadata, definition: Any) -> None:
    metadata.leading.extend(_fields(definition.response_headers))
    metadata.trailing.extend(_fields(definition.response_trailers))


def _one_answer(definition: Any, metadata: Metadata, requests: Iterable[Any]) -> Any:
    """The payload of a method with one answer; Refused when an error is wanted."""
    seen = _seen(metadata, requests)
    _begin(metadata, definition)
    if definition.HasField("error"):
        raise _refused(definition.error, seen)
    time.sleep(definition.response_delay_ms / 1e3)
    return _pb("ConformancePayload")(data=definition.response_data, request_info=seen)


def _unary(request_name: str, response_name: str, data: bytes, metadata: Metadata) -> bytes:
    request = _pb(request_name).FromString(data)
    payload = _one_answer(request.response_definition, metadata, (request,))
    return bytes(_pb(response_name)(payload=payload).SerializeToString())


def _client_stream(call: StreamCall) -> None:
    requests = [_pb("ClientStreamRequest").FromString(data) for data in call.requests()]
    first = requests[0] if requests else _pb("ClientStreamRequest")()
    payload = _one_answer(first.response_definition, call.metadata, requests)
    call.send(_pb("ClientStreamResponse")(payload=payload).SerializeToString())


def _server_stream(call: StreamCall) -> None:
    requests = [_pb("ServerStreamRequest").FromString(data) for data in call.requests()]
    if len(requests) != 1:
        raise Refused(UNIMPLEMENTED, "this method takes one message")
    Answers(call, "ServerStreamResponse", requests[0].response_definition).rest(requests)


def _bidi_stream(call: StreamCall) -> None:
    answers: Answers | None = None
    waiting: list[Any] = []
    full_duplex = False
    for data in call.requests():
        request = _pb("BidiStreamRequest").FromString(data)
        waiting.append(request)
        if answers is None:
            full_duplex = request.full_duplex
            answers = Answers(call, "BidiStreamResponse", request.response_definition)
        if full_duplex:
            if not answers.left:
                break
            answers.send_one(_seen(call.metadata, waiting) if answers.none_sent else _seen(NOTHING, waiting))
            waiting.clear()
    if answers is not None:
        answers.rest(waiting)


NOTHING = Metadata((), [], [])


class Answers:
    """The messages that a stream shall answer with, then its error."""

    def __init__(self, call: StreamCall, response_name: str, definition: Any) -> None:
        self._call = call
        self._response = _pb(response_name)
        self._definition = definition
        self.left = list(definition.response_data)
        self.none_sent = True
        _begin(call.metadata, definition)

    def send_one(self, seen: Any = None) -> None:
        """The next message, with what was seen of the call."""
        self._call.pause(self._definition.response_delay_ms / 1e3)
        payload = _pb("ConformancePayload")(data=self.left.pop(0), request_info=seen)
        self._call.send(self._response(payload=payload).SerializeToString())
        self.none_sent = False

    def rest(self, requests: Iterable[Any]) -> None:
        """All that is left; only the first message tells what was seen."""
        if self.left:
            self._call.lead()
        while self.left:
            self.send_one(_seen(self._call.metadata, requests) if self.none_sent else None)
        if self._definition.HasField("error"):
            more = (_seen(self._call.metadata, requests),) if self.none_sent else ()
            raise _refused(self._definition.error, *more)
