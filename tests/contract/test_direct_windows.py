"""Direct calls: windows, settings and the end of a connection, which nghttp2 knows only a part of."""

import struct
import threading
import time
from collections.abc import Iterator

import pytest

from fairlead.config import GuardsConfig
from fairlead.service.native import NativeTransport
from fairlead.v1 import job_pb2, routing_service_pb2
from tests.contract import raw_http2 as http2
from tests.contract.conftest import serving
from tests.contract.direct_calls import (
    CANCEL,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    NO_ERROR,
    PROTOCOL_ERROR,
    SERVICE,
    answers,
    call,
    cancel,
    direct,
    held,
    job_of,
    know,
    serving_a_job,
    until_ping,
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
    frame,
    request,
)

END_OF_BLOCK = 9  # behind the head of its frame


@pytest.fixture(scope="module")
def native() -> Iterator[NativeTransport]:
    with serving_a_job() as transport:
        yield transport


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
