"""Answers that are written past nghttp2: what is on the wire, and that windows and tables stay true.

Each test twice: with calls whose header blocks are known after the first, so that nghttp2 never hears of them, and with
such as differ, which it reads.
"""

import struct
import sys
import time

import grpc
import pytest

from fairlead.service.native import NativeTransport
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
GET_JOB = "/fairlead.v1.RoutingService/GetJob"
STREAMS = 1_000  # of a connection at once, unless the configuration says another number
SMALL, LARGE = 100, 600  # jobs of a batch: an answer below what one frame may hold, and one above

blocks_differ = False


@pytest.fixture(autouse=True, params=[False, True], ids=["known blocks", "blocks that differ"])
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "blocks_differ", request.param)


def peer_with(native: NativeTransport, *settings: tuple[int, int]) -> Peer:
    peer = Peer(native.address)
    peer.send(frame(http2.SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in settings)))
    return peer


def call(stream: int, body: bytes, path: str = http2.ASSIGN) -> bytes:
    more = [("x-number", str(stream))] if blocks_differ else []
    head = frame(HEADERS, END_HEADERS, stream, request(path, *more))
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


@pytest.mark.parametrize(
    ("sizes", "begin"), [((0,), b"\x20"), ((64, 4096), b"\x3f\x21\x3f\xe1\x1f"), ((8192,), FIELDS)]
)
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


def send_apart(peer: Peer, data: bytes, size: int) -> None:
    """In pieces that the server reads one by one."""
    for at in range(0, len(data), size):
        peer.send(data[at : at + size])
        time.sleep(0.01)


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


@pytest.mark.parametrize("pieces", [13, 11, 5, 1], ids=lambda size: f"{size} bytes at once")
def test_the_window_of_the_connection_is_used_up_and_never_exceeded(native: NativeTransport, pieces: int) -> None:
    """Answers of both kinds side by side, and updates that come in pieces."""
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
        send_apart(peer, grant, pieces)
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


@pytest.mark.parametrize("place", range(4))
def test_who_has_no_window_of_its_own_keeps_nobody_from_the_connections(native: NativeTransport, place: int) -> None:
    """Four large answers wait for the connection's window; when it opens a little only one may send for itself."""
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 1 << 20))
    account = Account(peer, set())
    stream = 1
    while account.window > 5_000:
        peer.send(batch(stream, SMALL))
        account.window -= sum(len(body) for kind, _, body in answer(peer, stream) if kind == DATA)
        stream += 2
    account.open = {stream + 2 * at for at in range(4)}
    free = stream + 2 * place
    peer.send(b"".join(batch(each, LARGE) for each in sorted(account.open)))
    account.read()
    assert len(account.open) == 4
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)) + update(free, 1 << 20))
    peer.send(update(0, 8_000))
    for kind, _, stream, body in peer.frames(5):
        if kind == DATA and body:
            assert stream == free
            break
    else:
        raise AssertionError("the connection was closed")
    peer.close()


def test_an_update_inside_a_header_block_is_an_error(native: NativeTransport) -> None:
    """RFC 9113, 4.3: also when it gives back what nghttp2 never counted."""
    peer = peer_with(native)
    peer.send(assign(1))
    taken = sum(len(body) for kind, _, body in answer(peer, 1) if kind == DATA)
    head = request()
    peer.send(frame(HEADERS, 0, 3, head[:20]) + update(0, taken) + frame(http2.CONTINUATION, END_HEADERS, 3, head[20:]))
    assert peer.goaway() == PROTOCOL_ERROR
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


@pytest.mark.parametrize("pieces", [13, 11, 9, 3], ids=lambda size: f"{size} bytes at once")
def test_what_was_given_back_may_be_given_again(native: NativeTransport, pieces: int) -> None:
    """An honest peer keeps the largest window there is full: never an overflow, whatever nghttp2 was told."""
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 1 << 20))
    peer.send(update(0, (1 << 31) - 1 - FIRST_WINDOW))
    for stream in range(1, 21, 2):
        peer.send(batch(stream, SMALL if stream % 4 == 1 else LARGE))
        taken = sum(len(body) for kind, _, body in answer(peer, stream) if kind == DATA)
        send_apart(peer, update(0, taken), pieces)
    peer.send(assign(41))
    answer(peer, 41)
    peer.close()


def test_an_answer_that_new_settings_allow_comes_behind_their_acknowledgement(native: NativeTransport) -> None:
    """Before it the peer holds the server to the old ones."""
    peer = peer_with(native, (INITIAL_WINDOW_SIZE, 10))
    next(peer.frames())
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 20)) + batch(1, SMALL))
    acknowledged = 0
    for kind, flags, _, _ in peer.frames():
        acknowledged += kind == http2.SETTINGS and flags & http2.ACK
        if kind == DATA:
            break
    assert acknowledged == 3  # of the first, of the small window, of the large one
    peer.close()


def test_who_sees_an_answer_may_begin_another_call_in_its_place(native: NativeTransport) -> None:
    """As many calls as there may be, all answered at once into a socket that takes little.

    A stream that has ended on the wire has ended here, too.
    """
    fields = [(":method", "POST"), (":scheme", "http"), (":path", GET_JOB), (":authority", "localhost")]
    fields += [("te", "trailers"), ("content-type", "application/grpc")]
    # The first block enters the table, the others are its places, the last one first.
    first = b"".join(b"\x40" + http2.block([each])[1:] for each in fields)
    again = bytes(0x80 | 62 + place for place in reversed(range(len(fields))))
    body = message(routing_service_pb2.GetJobRequest(tenant="t", job_id="long").SerializeToString())

    def ask(stream: int, head: bytes = again) -> bytes:
        return frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, body)

    peer = Peer(native.address, receive_buffer=4_096)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 30)) + update(0, 1 << 30))
    job = job_pb2.JobSpec(id="long", customer="c" * 128)
    peer.send(call(1, routing_service_pb2.AssignRequest(tenant="t", job=job).SerializeToString()))
    answer(peer, 1)
    peer.send(ask(3, first))
    answer(peer, 3)
    waiting = set(range(5, 5 + 2 * STREAMS, 2))
    following = 5 + 2 * STREAMS
    peer.send(b"".join(ask(stream) for stream in sorted(waiting)))
    time.sleep(0.5)  # all of them are answered, and most of the bytes wait for us
    for kind, flags, stream, _ in peer.frames():
        assert kind not in (http2.RST_STREAM, http2.GOAWAY)
        if kind == HEADERS and flags & END_STREAM:
            waiting.remove(stream)
            if following < 6 * STREAMS:
                waiting.add(following)
                peer.send(ask(following))
                following += 2
            if not waiting:
                break
    assert not waiting
    peer.close()


def test_answers_behind_a_full_socket_wait_for_a_peer_that_pauses(native: NativeTransport) -> None:
    """Answers of both kinds from one read, and no reading for longer than an idle connection keeps memory."""
    peer = Peer(native.address, receive_buffer=4_096)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 30)) + update(0, 1 << 30))
    waiting = set(range(1, 61, 2))
    peer.send(b"".join(batch(stream, LARGE) if stream < 13 else assign(stream) for stream in sorted(waiting)))
    time.sleep(2.5)
    for kind, flags, stream, _ in peer.frames():
        assert kind not in (http2.RST_STREAM, http2.GOAWAY)
        if kind == HEADERS and flags & END_STREAM:
            waiting.remove(stream)
            if not waiting:
                break
    assert not waiting
    peer.close()


@pytest.mark.parametrize(("setting", "begin"), [((HEADER_TABLE_SIZE, 0), b"\x20"), ((INITIAL_WINDOW_SIZE, 0), b"")])
def test_what_waits_behind_a_full_socket_went_by_the_settings_before(
    native: NativeTransport, setting: tuple[int, int], begin: bytes
) -> None:
    """Behind the acknowledgement of new ones nothing goes by the old."""
    peer = Peer(native.address, receive_buffer=4_096)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 30)) + update(0, 1 << 30))
    waiting = set(range(1, 61, 2))
    # More than one read of the server's, so that not all is answered when the first of it fills the socket.
    peer.send(b"".join(batch(stream, LARGE) if stream < 41 else assign(stream) for stream in sorted(waiting)))
    time.sleep(0.5)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", *setting)))
    acknowledged, blocks = 0, []
    for kind, flags, stream, body in peer.frames():
        acknowledged += kind == http2.SETTINGS and flags & http2.ACK
        if acknowledged == 3:
            blocks += [body] if kind == HEADERS else []
            assert begin or kind != DATA or not body
        if kind == HEADERS and flags & END_STREAM:
            waiting.remove(stream)
        if not waiting or (acknowledged == 3 and not begin):
            break
    assert acknowledged == 3
    assert not begin or not blocks or blocks[0].startswith(begin)
    peer.close()


def test_nothing_follows_a_reset_of_the_server(native: NativeTransport) -> None:
    """A call that has ended and then does what ends its stream: an update that is too large."""
    peer = peer_with(native)
    peer.send(assign(1) + update(1, (1 << 31) - 1) + assign(3))
    found = []
    for kind, flags, stream, _ in peer.frames():
        if stream == 1:
            found.append(kind)
        if stream == 3 and flags & END_STREAM:
            break
    assert found == [http2.RST_STREAM]
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
