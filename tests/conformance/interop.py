"""grpc.testing.TestService, the contract of the gRPC interoperability cases."""

from pathlib import Path
from typing import Any

from fairlead.service.metadata import Metadata
from tests.conformance.methods import Refused, StreamCall, Streaming, Unary
from tests.conformance.protocol import load, message

SERVICE = "/grpc.testing.TestService"
ECHO_LEADING = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def methods() -> tuple[Unary | Streaming, ...]:
    """Every method of the service."""
    load(Path(__file__).parent, "interop.proto")
    return (
        Unary(f"{SERVICE}/EmptyCall", _empty),
        Unary(f"{SERVICE}/UnaryCall", _unary),
        Streaming(f"{SERVICE}/StreamingOutputCall", _streaming_output),
        Streaming(f"{SERVICE}/StreamingInputCall", _streaming_input),
        Streaming(f"{SERVICE}/FullDuplexCall", _full_duplex),
        Streaming(f"{SERVICE}/HalfDuplexCall", _half_duplex),
    )


def _pb(name: str) -> Any:
    return message(f"grpc.testing.{name}")


def _echo_metadata(metadata: Metadata) -> None:
    metadata.leading.extend([field for field in metadata.received if field[0] == ECHO_LEADING])
    metadata.trailing.extend([field for field in metadata.received if field[0] == ECHO_TRAILING])


def _refuse(request: Any) -> None:
    if request.response_status.code:
        raise Refused(request.response_status.code, request.response_status.message)


def _empty(request: bytes, metadata: Metadata) -> bytes:
    _echo_metadata(metadata)
    return bytes(_pb("Empty").FromString(request).SerializeToString())


def _unary(data: bytes, metadata: Metadata) -> bytes:
    request = _pb("SimpleRequest").FromString(data)
    _echo_metadata(metadata)
    _refuse(request)
    return bytes(_pb("SimpleResponse")(payload={"body": bytes(request.response_size)}).SerializeToString())


def _answer(call: StreamCall, data: bytes) -> None:
    """The messages that one request asks for."""
    request = _pb("StreamingOutputCallRequest").FromString(data)
    _refuse(request)
    for wanted in request.response_parameters:
        call.pause(wanted.interval_us / 1e6)
        answer = _pb("StreamingOutputCallResponse")(payload={"body": bytes(wanted.size)})
        call.send(answer.SerializeToString())


def _streaming_output(call: StreamCall) -> None:
    for data in call.requests():
        _answer(call, data)


def _streaming_input(call: StreamCall) -> None:
    size = 0
    for data in call.requests():
        size += len(_pb("StreamingInputCallRequest").FromString(data).payload.body)
    call.send(_pb("StreamingInputCallResponse")(aggregated_payload_size=size).SerializeToString())


def _full_duplex(call: StreamCall) -> None:
    _echo_metadata(call.metadata)
    call.lead()
    _streaming_output(call)


def _half_duplex(call: StreamCall) -> None:
    for data in list(call.requests()):
        _answer(call, data)
