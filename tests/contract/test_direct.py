"""Calls whose header block is known: read past nghttp2, and nobody can tell."""

import base64
import struct
import threading
import time
from collections.abc import Iterator
from itertools import product

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from fairlead.config import GuardsConfig
from fairlead.service.native import NativeTransport
from fairlead.v1 import job_pb2, routing_service_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.contract import raw_http2 as http2
from tests.contract.conftest import serving
from tests.contract.raw_http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    Peer,
    block,
    frame,
    message,
    request,
)

SERVICE = "/fairlead.v1.RoutingService/"
INITIAL_WINDOW_SIZE, HEADER_TABLE_SIZE = 4, 1
NO_ERROR, STREAM_CLOSED, PROTOCOL_ERROR = 0, 5, 1
CANCEL = (8).to_bytes(4, "big")
STREAMS = 20
END_OF_BLOCK = 9  # behind the head of its frame
NOT_FOUND = 5
BODIES = {
    "Assign": routing_service_pb2.AssignRequest(tenant="t", job=job_pb2.JobSpec(id="one")),
    "GetJob": routing_service_pb2.GetJobRequest(tenant="t", job_id="one"),
    "CompleteJob": routing_service_pb2.CompleteJobRequest(tenant="t", job_id="none"),
    "AcceptOffer": routing_service_pb2.AcceptOfferRequest(tenant="t", job_id="none"),
    "DeclineOffer": routing_service_pb2.DeclineOfferRequest(tenant="t", job_id="none"),
    "CancelJob": routing_service_pb2.CancelJobRequest(tenant="t", job_id="none"),
}


@pytest.fixture(scope="module")
def native() -> Iterator[NativeTransport]:
    with serving(GuardsConfig(streams=STREAMS)) as transport:
        yield transport


def direct(native: NativeTransport) -> int:
    return int(native.statistics()["direct"])


def call(stream: int, method: str = "GetJob", head: bytes = b"", body: bytes | None = None) -> bytes:
    body = BODIES[method].SerializeToString() if body is None else body
    return frame(HEADERS, END_HEADERS, stream, head or request(SERVICE + method)) + frame(
        DATA, END_STREAM, stream, message(body)
    )


def answers(peer: Peer, *streams: int) -> dict[int, list[tuple[int, bytes]]]:
    """(type, body) of the frames of each, until all have ended. Fails on a reset and on GOAWAY."""
    found: dict[int, list[tuple[int, bytes]]] = {stream: [] for stream in streams}
    left = set(streams)
    for kind, flags, stream, body in peer.frames(10):
        assert kind not in (http2.RST_STREAM, GOAWAY), (kind, stream, body)
        if stream in found:
            found[stream].append((kind, body))
            if flags & END_STREAM:
                left.remove(stream)
                if not left:
                    return found
    raise AssertionError("the connection was closed")


def know(peer: Peer, *methods: str, first: int = 1) -> int:
    """Makes their blocks known; the next stream."""
    for method in methods or ("GetJob",):
        peer.send(call(first, method))
        answers(peer, first)
        first += 2
    return first


def job_of(frames: list[tuple[int, bytes]]) -> str:
    data = b"".join(body for kind, body in frames if kind == DATA)
    return routing_service_pb2.GetJobResponse.FromString(data[5:]).job.id


def literals(data: bytes) -> dict[bytes, bytes]:
    """The fields of a block of ours: literals, behind a status and a content-type by their places."""
    assert data.startswith(b"\x88\x0f\x10\x10application/grpc")
    fields, at = {}, 20

    def text() -> bytes:
        nonlocal at
        size, at = data[at], at + 1
        if size == 127:
            shift = 0
            while True:
                byte, at = data[at], at + 1
                size += (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        at += size
        return data[at - size : at]

    while at < len(data):
        assert data[at] == 0
        at += 1
        name = text()
        fields[name] = text()
    return fields


def test_from_the_second_on_nghttp2_hears_of_no_call(native: NativeTransport) -> None:
    peer = Peer(native.address)
    before = direct(native)
    peer.send(call(1, "Assign"))
    answers(peer, 1)
    assert direct(native) == before
    frames = [answers(peer, stream)[stream] for stream in (3, 5, 7) if peer.send(call(stream, "Assign"))]
    assert direct(native) == before + 3
    for found in frames:
        assert [kind for kind, _ in found] == [HEADERS, DATA, HEADERS]
        assert routing_service_pb2.AssignResponse.FromString(found[1][1][5:]).job_id == "one"
    peer.close()


def test_clients_of_grpc_make_such_calls(native: NativeTransport) -> None:
    with grpc.insecure_channel(native.address) as channel:
        stub = RoutingServiceStub(channel)
        before = direct(native)
        for number in range(20):
            job = job_pb2.JobSpec(id=f"job-{number}")
            assert stub.Assign(routing_service_pb2.AssignRequest(tenant="stock", job=job)).job_id == job.id
        assert direct(native) >= before + 10


def test_a_refusal_says_the_same_either_way(native: NativeTransport) -> None:
    """Of a call that the shard refuses, and of one that Python does."""
    bad = routing_service_pb2.AssignRequest(tenant="t", job=job_pb2.JobSpec(id="x" * 1_000))
    for method, request_ in (("CompleteJob", BODIES["CompleteJob"]), ("Assign", bad)):
        peer = Peer(native.address)
        stream = know(peer, method)
        before = direct(native)
        peer.send(call(stream, method, body=request_.SerializeToString()))
        [(kind, found)] = answers(peer, stream)[stream]
        assert direct(native) == before + 1
        assert kind == HEADERS
        fields = literals(found)
        with grpc.insecure_channel(native.address) as channel:
            failed = getattr(RoutingServiceStub(channel), method).future(request_).exception()
        assert int(fields[b"grpc-status"]) == failed.code().value[0] != 0
        assert fields[b"grpc-message"].decode() == failed.details()
        details = dict(failed.trailing_metadata())["grpc-status-details-bin"]
        assert fields[b"grpc-status-details-bin"] == base64.b64encode(details).rstrip(b"=")
        peer.close()


def test_a_block_that_changes_the_table_ends_what_is_known(native: NativeTransport) -> None:
    """The same byte is one path, then another."""
    peer = Peer(native.address)
    fields = [(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), ("te", "trailers")]
    rest = block([*fields, ("content-type", "application/grpc")])

    def entering(method: str) -> bytes:
        return b"\x40" + block([(":path", SERVICE + method)])[1:] + rest

    newest = b"\xbe" + rest  # the last field that has entered the table
    before = direct(native)
    peer.send(call(1, "Assign", entering("Assign")))
    answers(peer, 1)
    for stream in (3, 5):
        peer.send(call(stream, "Assign", newest))
        answers(peer, stream)
    assert direct(native) == before + 1
    # In one read: the table changes between two calls with the same block.
    peer.send(call(7, "Assign", newest) + call(9, "GetJob", entering("GetJob")) + call(11, "GetJob", newest))
    found = answers(peer, 7, 9, 11)
    assert direct(native) == before + 2
    assert routing_service_pb2.AssignResponse.FromString(found[7][1][1][5:]).job_id == "one"
    assert job_of(found[9]) == job_of(found[11]) == "one"
    peer.send(call(13, "GetJob", newest))
    assert job_of(answers(peer, 13)[13]) == "one"
    assert direct(native) == before + 3
    peer.close()


@pytest.mark.parametrize("change", [b"\x20", b"\x3f\xe1\x1f"], ids=["empties it", "keeps its size"])
def test_so_does_one_that_sets_its_size(native: NativeTransport, change: bytes) -> None:
    peer = Peer(native.address)
    stream = know(peer)
    before = direct(native)
    for head in (change + request(SERVICE + "GetJob"), b"", b""):
        peer.send(call(stream, head=head))
        assert job_of(answers(peer, stream)[stream]) == "one"
        stream += 2
    assert direct(native) == before + 1
    peer.close()


def test_more_methods_than_are_known_take_their_turns(native: NativeTransport) -> None:
    """What is learned from one call of a read must not stand in for the block of the next."""
    peer = Peer(native.address)
    stream = 1
    for one, two in product(BODIES, repeat=2):
        turn = {stream: one, stream + 2: two, stream + 4: one, stream + 6: "GetJob"}
        peer.send(b"".join(call(number, method) for number, method in turn.items()))
        found = answers(peer, *turn)
        for number, method in turn.items():
            if method == "GetJob":
                assert job_of(found[number]) == "one"
            elif method == "Assign":
                assert routing_service_pb2.AssignResponse.FromString(found[number][1][1][5:]).job_id == "one"
            else:
                fields = [body for kind, body in found[number] if kind == HEADERS]
                assert len(found[number]) == len(fields) == 1
        stream += 8
    peer.close()


def test_a_length_is_held_to(native: NativeTransport) -> None:
    """content-length stands in the same block for a message of another length: nghttp2 must count."""
    peer = Peer(native.address)
    body = BODIES["GetJob"].SerializeToString()
    head = request(SERVICE + "GetJob", ("content-length", str(len(body) + 5)))
    before = direct(native)
    for stream in (1, 3):
        peer.send(call(stream, head=head))
        assert job_of(answers(peer, stream)[stream]) == "one"
    peer.send(call(5, head=head, body=body + b"\x50\x01"))
    for kind, _, stream, _ in peer.frames(10):
        if stream == 5:
            assert kind == http2.RST_STREAM
            break
    assert direct(native) == before
    peer.close()


def test_each_call_has_the_whole_time_that_its_block_says(native: NativeTransport) -> None:
    peer = Peer(native.address)
    heads = {limit: request(SERVICE + "GetJob", ("grpc-timeout", limit)) for limit in ("0n", "5S")}
    before = direct(native)
    for stream, limit in zip(range(1, 17, 2), ["0n", "5S"] * 4, strict=True):
        peer.send(call(stream, head=heads[limit]))
        found = answers(peer, stream)[stream]
        assert (len(found) == 3) == (limit == "5S")
    assert direct(native) == before + 6
    peer.close()


@pytest.mark.parametrize("piece", [1, 9, 30, 200], ids=lambda size: f"{size} bytes at once")
def test_a_call_that_comes_in_pieces_is_nghttp2s(native: NativeTransport, piece: int) -> None:
    peer = Peer(native.address)
    peer.socket.setsockopt(6, 1, 1)
    stream = know(peer)
    for _ in range(3):
        data = call(stream) + call(stream + 2)
        for at in range(0, len(data), piece):
            peer.send(data[at : at + piece])
        for each, frames in answers(peer, stream, stream + 2).items():
            assert job_of(frames) == "one", each
        stream += 4
    peer.close()


# ---- what is said about such a stream


def waiting_assign(job: str, stream: int, head: bytes = b"") -> bytes:
    request_ = routing_service_pb2.AssignRequest(tenant="w", job=job_pb2.JobSpec(id=job), wait=Duration(seconds=30))
    return call(stream, "Assign", head, request_.SerializeToString())


def held(native: NativeTransport) -> int:
    return int(native.statistics()["held_calls"])


def wait_for_held(native: NativeTransport, count: int) -> None:
    ends = time.monotonic() + 10
    while held(native) != count:
        assert time.monotonic() < ends, f"Python has {held(native)} calls, not {count}"
        time.sleep(0.01)


def cancel(native: NativeTransport, job: str) -> None:
    """As soon as it is there: who waits for it may not have been carried out yet."""
    request_ = routing_service_pb2.CancelJobRequest(tenant="w", job_id=job)
    ends = time.monotonic() + 10
    with grpc.insecure_channel(native.address) as channel:
        while True:
            try:
                RoutingServiceStub(channel).CancelJob(request_)
                return
            except grpc.RpcError as failed:
                assert failed.code() is grpc.StatusCode.NOT_FOUND
                assert time.monotonic() < ends
                time.sleep(0.01)


def test_a_reset_ends_a_call_that_waits(native: NativeTransport) -> None:
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    before, unheld = direct(native), held(native)
    peer.send(waiting_assign("r1", stream) + waiting_assign("r2", stream + 2))
    wait_for_held(native, unheld + 2)
    assert direct(native) == before + 2
    peer.send(frame(http2.RST_STREAM, 0, stream, CANCEL))
    wait_for_held(native, unheld + 1)
    # As if nothing had been: also what comes late about a stream that is over.
    peer.send(frame(http2.RST_STREAM, 0, stream + 2, CANCEL) + frame(http2.RST_STREAM, 0, stream + 2, CANCEL))
    peer.send(frame(http2.WINDOW_UPDATE, 0, stream, (1).to_bytes(4, "big")))
    peer.send(frame(http2.PRIORITY, 0, stream, bytes(4) + b"\x10"))
    wait_for_held(native, unheld)
    peer.send(call(stream + 4, "Assign"))
    answers(peer, stream + 4)
    peer.close()


@pytest.mark.parametrize("heard", [False, True], ids=["nghttp2 has heard of none later", "of a later one"])
@pytest.mark.parametrize("open_", [False, True], ids=["over", "open"])
@pytest.mark.parametrize("late", ["headers", "data", "trailers", "a whole call"])
def test_who_goes_on_with_it_is_shown_out(native: NativeTransport, late: str, open_: bool, heard: bool) -> None:
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    unheld = held(native)
    peer.send(waiting_assign(f"{late}-{open_}-{heard}", stream) if open_ else call(stream, "Assign"))
    if open_:
        wait_for_held(native, unheld + 1)
    else:
        answers(peer, stream)
    if heard:
        head = request(SERVICE + "GetJob", ("x-other", "1"))
        peer.send(call(stream + 2, head=head))
        answers(peer, stream + 2)
    head = request(SERVICE + "Assign")
    job = f"again-{open_}-{heard}"
    again = routing_service_pb2.AssignRequest(tenant="t", job=job_pb2.JobSpec(id=job)).SerializeToString()
    peer.send(
        {
            "headers": frame(HEADERS, END_HEADERS, stream, head),
            "trailers": frame(HEADERS, END_HEADERS | END_STREAM, stream, block([("x", "y")])),
            "data": frame(DATA, END_STREAM, stream, b"x"),
            "a whole call": call(stream, "Assign", body=again),
        }[late]
    )
    assert peer.goaway() == STREAM_CLOSED
    peer.close()
    with grpc.insecure_channel(native.address) as channel, pytest.raises(grpc.RpcError) as refused:
        RoutingServiceStub(channel).GetJob(routing_service_pb2.GetJobRequest(tenant="t", job_id=job))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    wait_for_held(native, unheld)


def test_as_many_as_there_may_be_and_no_more(native: NativeTransport) -> None:
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    unheld = held(native)
    peer.send(b"".join(waiting_assign(f"l{at}", stream + 2 * at) for at in range(STREAMS)))
    wait_for_held(native, unheld + STREAMS)
    beyond = stream + 2 * STREAMS
    peer.send(call(beyond, "Assign"))
    for kind, _, number, _ in peer.frames(10):
        if number == beyond or kind == GOAWAY:
            assert kind in (http2.RST_STREAM, GOAWAY)
            break
    peer.close()
    wait_for_held(native, unheld)


# ---- windows


@pytest.mark.parametrize("by", ["its own updates", "a setting"])
def test_an_answer_comes_as_the_window_of_its_stream_widens(native: NativeTransport, by: str) -> None:
    peer = Peer(native.address)
    stream = know(peer)
    before = direct(native)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)) + call(stream) + call(stream + 2))
    frames = peer.frames(10)
    assert {next(number for kind, _, number, _ in frames if kind == HEADERS) for _ in range(2)} == {stream, stream + 2}
    assert direct(native) == before + 2
    data = b""
    if by == "a setting":
        peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1_000)))
    else:
        for size in (1, 3, 7):
            peer.send(frame(http2.WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big")))
            piece = next(body for kind, _, number, body in frames if kind == DATA and number == stream)
            assert len(piece) == size
            data += piece
        peer.send(frame(http2.WINDOW_UPDATE, 0, stream, (1_000).to_bytes(4, "big")))
    found = []
    for kind, flags, number, body in frames:
        if number == stream:
            found.append((kind, body))
            if flags & END_STREAM:
                break
    assert job_of([(DATA, data), *found]) == "one"
    peer.close()


def test_an_update_between_the_block_and_the_message_counts(native: NativeTransport) -> None:
    """As clients on gRPC's C core send it."""
    peer = Peer(native.address)
    stream = know(peer)
    before = direct(native)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)))
    size = END_OF_BLOCK + len(request(SERVICE + "GetJob"))
    data = call(stream)
    peer.send(data[:size] + frame(http2.WINDOW_UPDATE, 0, stream, (1_000).to_bytes(4, "big")) + data[size:])
    assert job_of(answers(peer, stream)[stream]) == "one"
    assert direct(native) == before + 1
    # By nothing: an error, which nghttp2 tells.
    data = call(stream + 2)
    peer.send(data[:size] + frame(http2.WINDOW_UPDATE, 0, stream + 2, bytes(4)) + data[size:])
    assert next(kind for kind, _, number, _ in peer.frames(10) if number == stream + 2 or kind == GOAWAY) in (
        http2.RST_STREAM,
        GOAWAY,
    )
    assert direct(native) == before + 1
    peer.close()


def test_what_was_read_may_be_sent_again(native: NativeTransport) -> None:
    """More requests than the connection's window holds, from a peer that keeps to it."""
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    window, returned = 4 << 20, 0
    body = routing_service_pb2.AssignRequest(tenant="t", job=job_pb2.JobSpec(id="one")).SerializeToString()
    body += b"\xfa\x01" + b"\x80\x60" + bytes(0x3000)  # a field that nobody knows
    before = direct(native)
    for _ in range(500):
        peer.send(call(stream, "Assign", body=body))
        window -= len(body) + 5
        assert window > 0, "the window was never given back"
        for kind, flags, number, said in peer.frames(10):
            if kind == http2.WINDOW_UPDATE and number == 0:
                returned += 1
                window += int.from_bytes(said, "big")
                assert window <= 4 << 20
            if number == stream and flags & END_STREAM:
                break
        stream += 2
    assert returned > 2
    assert direct(native) == before + 500
    peer.close()


@pytest.mark.parametrize(
    ("sizes", "begin"),
    [((0,), b"\x20"), ((64,), b"\x3f\x21"), ((64, 4096), b"\x3f\x21\x3f\xe1\x1f"), ((8192,), b"\x88")],
)
def test_the_peers_word_about_its_table_is_answered_in_the_next_block(
    native: NativeTransport, sizes: tuple[int, ...], begin: bytes
) -> None:
    """RFC 7541, 4.2: and in no other."""
    peer = Peer(native.address)
    stream = know(peer)
    peer.send(b"".join(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", HEADER_TABLE_SIZE, size)) for size in sizes))
    peer.send(call(stream) + call(stream + 2))
    found = answers(peer, stream, stream + 2)
    blocks = [body for each in (stream, stream + 2) for kind, body in found[each] if kind == HEADERS]
    assert blocks[0].startswith(begin)
    assert blocks[0].endswith(blocks[2])
    assert blocks[2].startswith(b"\x88")
    peer.close()


def test_what_nghttp2_has_said_of_the_table_is_not_said_again(native: NativeTransport) -> None:
    """Its fields have entered the table since: the smaller of two sizes would throw them out."""
    peer = Peer(native.address)
    stream = know(peer)
    peer.send(b"".join(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", HEADER_TABLE_SIZE, size)) for size in (0, 4096)))
    peer.send(call(stream, head=request("/no.Service/Method")) + call(stream + 2))
    found = answers(peer, stream, stream + 2)
    assert found[stream][0][1].startswith(b"\x20\x3f\xe1\x1f")
    assert found[stream + 2][0][1].startswith(b"\x88")
    peer.close()


def test_behind_a_full_socket_they_go_by_the_settings_that_are_known(native: NativeTransport) -> None:
    """Answers that come while nothing leaves, then a window of nothing: behind its acknowledgement there is no DATA."""
    jobs = [job_pb2.JobSpec(id=f"fills-{number:04}") for number in range(600)]
    large = routing_service_pb2.BatchAssignRequest(tenant="w", jobs=jobs).SerializeToString()
    peer = Peer(native.address, receive_buffer=4_096)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 30)))
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4, "big")))
    stream = know(peer, "Assign")
    unheld = held(native)
    waiting = {stream + 2 * at: f"full-{at}" for at in range(5)}
    peer.send(b"".join(waiting_assign(job, each) for each, job in waiting.items()))
    wait_for_held(native, unheld + 5)
    stream += 10
    filling = range(stream, stream + 26, 2)
    peer.send(b"".join(call(each, "Assign", request(SERVICE + "BatchAssign"), large) for each in filling))
    time.sleep(0.5)
    for job in waiting.values():
        cancel(native, job)
    wait_for_held(native, unheld)
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)))
    left = set(waiting) | set(filling)
    for kind, flags, number, _ in peer.frames(10):
        assert kind not in (http2.RST_STREAM, GOAWAY)
        if flags & END_STREAM and kind == HEADERS:
            left.remove(number)
        if kind == http2.SETTINGS and flags & http2.ACK:
            break
    assert set(waiting) <= left
    peer.send(frame(http2.PING, 0, 0, bytes(8)))
    assert not [body for kind, _, _, body in until_ping(peer) if kind == DATA and body]
    peer.send(frame(http2.SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 30)))
    answers(peer, *left)
    peer.close()


def until_ping(peer: Peer) -> Iterator[tuple[int, int, int, bytes]]:
    for each in peer.frames(10):
        if each[0] == http2.PING and each[1] & http2.ACK:
            return
        yield each
    raise AssertionError("the connection was closed")


# ---- the end of a connection


def test_goaway_names_the_last_of_them(native: NativeTransport) -> None:
    peer = Peer(native.address)
    stream = know(peer)
    peer.send(b"".join(call(stream + 2 * at) for at in range(3)))
    answers(peer, *range(stream, stream + 6, 2))
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, bytes(4)))
    last = next(body for kind, _, _, body in peer.frames(10) if kind == GOAWAY)
    assert int.from_bytes(last[:4], "big") == stream + 4
    assert int.from_bytes(last[4:8], "big") == PROTOCOL_ERROR
    peer.close()


def test_behind_an_error_none_is_taken(native: NativeTransport) -> None:
    """Though a call that is open keeps the connection."""
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    unheld = held(native)
    peer.send(waiting_assign("open", stream))
    wait_for_held(native, unheld + 1)
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, bytes(4)))
    next(kind for kind, *_ in peer.frames(10) if kind == GOAWAY)
    before = direct(native)
    peer.send(call(stream + 2, "Assign"))
    cancel(native, "open")
    assert [number for _, _, number, _ in peer.frames(10) if number == stream + 2] == []
    assert direct(native) == before
    peer.close()


def test_who_says_goaway_still_gets_its_answers(native: NativeTransport) -> None:
    peer = Peer(native.address)
    stream = know(peer, "Assign")
    unheld = held(native)
    peer.send(waiting_assign("goes", stream) + frame(GOAWAY, 0, 0, bytes(8)))
    wait_for_held(native, unheld + 1)
    cancel(native, "goes")
    found = answers(peer, stream)[stream]
    assert routing_service_pb2.AssignResponse.FromString(found[1][1][5:]).job_id == "goes"
    assert peer.goaway() in (None, NO_ERROR)
    peer.close()


def test_beyond_the_last_word_none_is_taken() -> None:
    """The server goes away: what comes behind the GOAWAY that names the last stream is for another connection."""
    with serving(GuardsConfig()) as native:
        peer = Peer(native.address)
        stream = know(peer, "Assign")
        # One that nghttp2 knows and that is not whole, for whose sake it goes on reading, and a direct one.
        peer.send(frame(HEADERS, END_HEADERS, stream, request(SERVICE + "Assign", ("x-other", "1"))))
        last = stream + 2
        peer.send(call(last, "Assign"))
        answers(peer, last)
        before = direct(native)
        stopping = threading.Thread(target=native.stop, args=(10,))
        stopping.start()
        frames = peer.frames(10)
        words = [next(body for kind, _, _, body in frames if kind == GOAWAY)[:4] for _ in range(2)]
        assert [int.from_bytes(word, "big") for word in words] == [(1 << 31) - 1, last]
        peer.send(call(last + 2, "Assign") + frame(http2.PING, 0, 0, bytes(8)))
        assert all(number != last + 2 for _, _, number, _ in until_ping(peer))
        assert direct(native) == before
        peer.send(frame(http2.RST_STREAM, 0, stream, CANCEL))
        assert peer.goaway() is None
        stopping.join()
        peer.close()
