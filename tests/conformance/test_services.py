"""What the suites of `make conformance` ask of the transport, asked by grpcio: metadata, streams, cancellation."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from fairlead.config import Config, LogConfig
from fairlead.shard.core import Shard
from tests.conformance import interop
from tests.conformance.interop import ECHO_LEADING, ECHO_TRAILING, SERVICE
from tests.conformance.methods import ConformanceTransport, Refused, Unary
from tests.conformance.protocol import message

BINARY = bytes(range(256))


def leading_and_trailing(_request: bytes, metadata: Any) -> bytes:
    metadata.leading.append(("x-first", b"1"))
    metadata.trailing.append(("x-last", b"2"))
    raise Refused(9, "with metadata")


def impossible(_request: bytes, metadata: Any) -> bytes:
    metadata.leading.append(("x-first", b"line\nfeed"))
    return b""


METHODS = (Unary(f"{SERVICE}/Refused", leading_and_trailing), Unary(f"{SERVICE}/Impossible", impossible))


@pytest.fixture(scope="module")
def server() -> Iterator[ConformanceTransport]:
    config = Config(listen="127.0.0.1:0", log=LogConfig("warning"))
    transport = ConformanceTransport(Shard(), config, (*interop.methods(), *METHODS))
    transport.start()
    yield transport
    transport.stop(0)


@pytest.fixture
def channel(server: ConformanceTransport) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address) as channel:
        yield channel


def pb(name: str) -> Any:
    return message(f"grpc.testing.{name}")


def unary(channel: grpc.Channel, request: Any, **options: Any) -> tuple[Any, Any]:
    method = channel.unary_unary(
        f"{SERVICE}/UnaryCall",
        request_serializer=pb("SimpleRequest").SerializeToString,
        response_deserializer=pb("SimpleResponse").FromString,
    )
    return method.with_call(request, timeout=20, **options)


def duplex(channel: grpc.Channel, requests: Iterator[Any], **options: Any) -> Any:
    return channel.stream_stream(
        f"{SERVICE}/FullDuplexCall",
        request_serializer=pb("StreamingOutputCallRequest").SerializeToString,
        response_deserializer=pb("StreamingOutputCallResponse").FromString,
    )(requests, timeout=20, **options)


def asking(*sizes: int) -> Any:
    return pb("StreamingOutputCallRequest")(response_parameters=[{"size": size} for size in sizes])


def test_metadata_comes_back_of_calls_and_streams(channel: grpc.Channel) -> None:
    sent = ((ECHO_LEADING, "first"), (ECHO_TRAILING, BINARY))
    answer, call = unary(channel, pb("SimpleRequest")(response_size=7), metadata=sent)
    assert answer.payload.body == bytes(7)
    assert (dict(call.initial_metadata())[ECHO_LEADING], dict(call.trailing_metadata())[ECHO_TRAILING]) == (
        "first",
        BINARY,
    )
    stream = duplex(channel, iter((asking(3),)), metadata=sent)
    assert [len(each.payload.body) for each in stream] == [3]
    assert dict(stream.initial_metadata())[ECHO_LEADING] == "first"
    assert dict(stream.trailing_metadata())[ECHO_TRAILING] == BINARY


def test_a_refusal_takes_its_metadata_along(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(f"{SERVICE}/Refused")(b"", timeout=20)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "with metadata")
    assert dict(raised.value.initial_metadata())["x-first"] == "1"
    assert dict(raised.value.trailing_metadata())["x-last"] == "2"


def test_metadata_that_http_cannot_carry_fails_the_call_alone(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(f"{SERVICE}/Impossible")(b"", timeout=20)
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert unary(channel, pb("SimpleRequest")(response_size=1))[0].payload.body == b"\0"


def test_any_status_message_arrives_as_it_was(channel: grpc.Channel) -> None:
    text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    with pytest.raises(grpc.RpcError) as raised:
        unary(channel, pb("SimpleRequest")(response_status={"code": 2, "message": text}))
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, text)


def test_a_stream_answers_message_by_message(channel: grpc.Channel) -> None:
    sizes = (31_415, 9, 2_653, 58_979)
    turn = threading.Semaphore(1)

    def requests() -> Iterator[Any]:
        for size in sizes:
            assert turn.acquire(timeout=20)
            yield asking(size)

    got = []
    for answer in duplex(channel, requests()):
        got.append(len(answer.payload.body))
        turn.release()
    assert tuple(got) == sizes


def test_large_streams_both_ways(channel: grpc.Channel) -> None:
    sums = channel.stream_unary(
        f"{SERVICE}/StreamingInputCall",
        request_serializer=pb("StreamingInputCallRequest").SerializeToString,
        response_deserializer=pb("StreamingInputCallResponse").FromString,
    )
    sent = [pb("StreamingInputCallRequest")(payload={"body": bytes(271_828)}) for _ in range(20)]
    assert sums(iter(sent), timeout=20).aggregated_payload_size == 20 * 271_828
    got = [len(each.payload.body) for each in duplex(channel, iter((asking(*[314_159] * 10),)))]
    assert got == [314_159] * 10


def test_a_cancelled_stream_leaves_nothing_behind(server: ConformanceTransport, channel: grpc.Channel) -> None:
    ended = threading.Event()

    def requests() -> Iterator[Any]:
        yield asking(1)
        ended.wait(20)

    stream = duplex(channel, requests())
    assert len(next(stream).payload.body) == 1
    stream.cancel()
    ended.set()
    assert stream.code() is grpc.StatusCode.CANCELLED
    unary(channel, pb("SimpleRequest")())
    for _ in range(200):
        if server.statistics()["held_streams"] == 0:
            break
        threading.Event().wait(0.05)
    assert server.statistics()["held_streams"] == 0


def test_the_fields_of_a_request_that_the_transport_refuses_are_not_echoed(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        unary(channel, pb("SimpleRequest")(payload={"body": bytes(5_000_000)}), metadata=(("x-mine", "secret"),))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "x-mine" not in dict((*raised.value.initial_metadata(), *raised.value.trailing_metadata()))
