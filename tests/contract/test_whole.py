"""Answers that are written past nghttp2: what is on the wire, and that windows and tables stay true."""

import struct
import sys
from collections.abc import Iterator

import grpc
import pytest

from fairlead.config import Config, LogConfig
from fairlead.service.native import NativeTransport
from fairlead.shard.core import Shard
from fairlead.telemetry.log import make_logger
from fairlead.v1 import job_pb2, routing_service_pb2
from tests.contract import raw_http2 as http2
from tests.contract.faces import GrpcFace
from tests.contract.raw_http2 import DATA, END_HEADERS, END_STREAM, HEADERS, Peer, frame, message, request

FIELDS = b"\x88\x0f\x10\x10application/grpc"
TRAILERS = b"\x00\x0bgrpc-status\x010"
FIRST_WINDOW = 65_535
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
PROTOCOL_ERROR, FLOW_CONTROL_ERROR = 1, 3
BATCH_ASSIGN = "/fairlead.v1.RoutingService/BatchAssign"
SMALL, LARGE = 100, 600  # jobs of a batch: an answer below what one frame may hold, and one above


@pytest.fixture(scope="module")
def native() -> Iterator[NativeTransport]:
    config = Config(listen="127.0.0.1:0", log=LogConfig("warning"))
    transport = NativeTransport(Shard(), config, make_logger(config.log, sys.stderr))
    transport.start()
    yield transport
    transport.stop(0)


def peer_with(native: NativeTransport, *settings: tuple[int, int]) -> Peer:
    peer = Peer(native.address)
    peer.send(frame(http2.SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in settings)))
    return peer


def call(stream: int, body: bytes, path: str = http2.ASSIGN) -> bytes:
    head = frame(HEADERS, END_HEADERS, stream, request(path))
    return head + frame(DATA, END_STREAM, stream, message(body))


def assign(stream: int) -> bytes:
    job = job_pb2.JobSpec(id="one")
    return call(stream, routing_service_pb2.AssignRequest(tenant="t", job=job).SerializeToString())


def batch(stream: int, jobs: int) -> bytes:
    """Jobs that wait; the same again is answered the same."""
    specs = [job_pb2.JobSpec(id=f"waits-{number:04}") for number in range(jobs)]
    body = routing_service_pb2.BatchAssignRequest(tenant="t", jobs=specs).SerializeToString()
    return call(stream, body, BATCH_ASSIGN)


def update(stream: int, size: int) -> bytes:
    return frame(http2.WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def answer(peer: Peer, stream: int) -> list[tuple[int, int, bytes]]:
    """(type, flags, body) of the frames of one stream, up to its end. Fails on a reset."""
    found = []
    for kind, flags, of, body in peer.frames():
        assert kind not in (http2.RST_STREAM, http2.GOAWAY)
        if of == stream:
            found.append((kind, flags, body))
            if flags & END_STREAM:
                return found
    raise AssertionError("the connection was closed")


def test_an_answer_is_three_frames_and_counted(native: NativeTransport) -> None:
    peer = peer_with(native)
    before = native.statistics()["statuses"].get(0, 0)
    for stream in (1, 3):
        peer.send(assign(stream))
        first, second, third = answer(peer, stream)
        assert first == (HEADERS, END_HEADERS, FIELDS)
        assert second[:2] == (DATA, 0)
        told = routing_service_pb2.AssignResponse.FromString(second[2][5:])
        assert told.job_id == "one"
        assert second[2][:5] == message(second[2][5:])[:5]
        assert third == (HEADERS, END_HEADERS | END_STREAM, TRAILERS)
    assert native.statistics()["statuses"][0] == before + 2
    peer.close()


@pytest.mark.parametrize(("sizes", "begin"), [((0,), b"\x20"), ((64, 4096), b"\x3f\x21\x3f\xe1\x1f"), ((8192,), FIELDS)])
def test_who_asked_for_a_smaller_table_is_told_so_first(
    native: NativeTransport, sizes: tuple[int, ...], begin: bytes
) -> None:
    """RFC 7541, 4.2: a block that does not begin with the new size is an error of the whole connection."""
    peer = peer_with(native, *((HEADER_TABLE_SIZE, size) for size in sizes))
    peer.send(assign(1))
    assert answer(peer, 1)[0][2].startswith(begin)
    peer.close()


def test_a_stream_with_a_small_window_is_answered_as_it_widens(native: NativeTransport) -> None:
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 10))
    peer.send(assign(1))
    frames = peer.frames()
    assert next(len(body) for kind, _, stream, body in frames if kind == DATA and stream == 1) == 10
    peer.send(update(1, 1_000))
    kinds = [kind for kind, *_ in answer(peer, 1)]
    assert kinds == [DATA, HEADERS]
    peer.close()


class Account:
    """What a peer has let the server send, and what came."""

    def __init__(self, peer: Peer, streams: set[int]) -> None:
        self.peer = peer
        self.window = FIRST_WINDOW
        self.open = streams

    def read(self) -> None:
        """Until nothing comes. Fails as soon as more came than may."""
        try:
            for kind, flags, stream, body in self.peer.frames(0.3):
                assert kind not in (http2.RST_STREAM, http2.GOAWAY)
                if kind == DATA:
                    self.window -= len(body)
                    assert self.window >= 0, "more DATA than the window has"
                if flags & END_STREAM and kind in (DATA, HEADERS):
                    self.open.remove(stream)
                    if not self.open:
                        return
        except AssertionError as silence:
            if "still open" not in str(silence):
                raise


@pytest.mark.parametrize("pieces", [13, 5, 1], ids=lambda size: f"updates of {size} bytes at once")
def test_the_window_of_the_connection_is_used_up_and_never_exceeded(native: NativeTransport, pieces: int) -> None:
    """Answers of both kinds side by side. An update that comes in pieces is not seen in one by the walk of the frames."""
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 1 << 20))
    peer.send(b"".join(batch(stream, LARGE if stream % 4 == 1 else SMALL) for stream in range(1, 40, 2)))
    account = Account(peer, set(range(1, 40, 2)))
    account.read()
    rounds = 0
    while account.open:
        assert account.window == 0
        rounds += 1
        grant = update(0, 40_000)
        account.window += 40_000
        for at in range(0, len(grant), pieces):
            peer.send(grant[at : at + pieces])
            native.statistics()  # a moment, so that it is read in pieces
        account.read()
    assert rounds > 3
    # What is left is known to the last byte: answers of one frame use it up.
    left = account.window
    streams = iter(range(41, 4_000, 2))
    while account.window == left or account.window > 5_000:
        stream = next(streams)
        account.open = {stream}
        peer.send(batch(stream, SMALL))
        account.read()
        assert not account.open
    account.open = {stream + 2}
    peer.send(batch(stream + 2, LARGE))
    account.read()
    assert account.window == 0
    peer.close()


@pytest.mark.parametrize(("size", "code"), [(0, PROTOCOL_ERROR), ((1 << 31) - 1, FLOW_CONTROL_ERROR)])
def test_a_wrong_update_is_still_refused(native: NativeTransport, size: int, code: int) -> None:
    """After an answer that nghttp2 knows nothing of."""
    peer = peer_with(native)
    peer.send(assign(1))
    answer(peer, 1)
    peer.send(update(0, size))
    assert peer.goaway() == code
    peer.close()


def test_what_was_given_back_may_be_given_again(native: NativeTransport) -> None:
    """An honest peer keeps the largest window there is full: never an overflow, whatever nghttp2 was told."""
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 1 << 20))
    peer.send(update(0, (1 << 31) - 1 - FIRST_WINDOW))
    for stream in range(1, 21, 2):
        peer.send(batch(stream, SMALL if stream % 4 == 1 else LARGE))
        taken = sum(len(body) for kind, _, body in answer(peer, stream) if kind == DATA)
        peer.send(update(0, taken))
    peer.send(assign(41))
    answer(peer, 41)
    peer.close()


def test_a_call_that_is_cancelled_while_it_is_decided_is_over(native: NativeTransport) -> None:
    """The reset may stand in the same read as the call, or meet the answer on its way: the connection goes on."""
    peer = peer_with(native)
    for stream in range(1, 41, 2):
        peer.send(assign(stream) + frame(http2.RST_STREAM, 0, stream, struct.pack(">I", 8)))
    peer.send(assign(41))
    assert [kind for kind, *_ in answer(peer, 41)] == [HEADERS, DATA, HEADERS]
    peer.close()
    with grpc.insecure_channel(native.address) as channel:
        assert GrpcFace(channel).check(tenant="t") == []
