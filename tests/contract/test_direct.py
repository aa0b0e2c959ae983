"""Calls whose header block is known: read past nghttp2, and nobody can tell."""

import base64
from collections.abc import Iterator
from itertools import product

import grpc
import pytest

from fairlead.service.native import NativeTransport
from fairlead.v1 import job_pb2, routing_service_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.contract import raw_http2 as http2
from tests.contract.direct_calls import (
    BODIES,
    CANCEL,
    SERVICE,
    STREAM_CLOSED,
    STREAMS,
    answers,
    call,
    direct,
    held,
    job_of,
    know,
    serving_a_job,
    wait_for_held,
    waiting_assign,
)
from tests.contract.raw_http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    Peer,
    block,
    frame,
    request,
)


@pytest.fixture(scope="module")
def native() -> Iterator[NativeTransport]:
    with serving_a_job() as transport:
        yield transport


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
