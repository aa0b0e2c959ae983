"""Frames on streams that are over: an error where the peer knew, and nothing where it could not yet know."""

from collections.abc import Callable, Iterator

import pytest

from fairlead.config import GuardsConfig
from tests.contract import raw_http2 as http2
from tests.contract.conftest import serving
from tests.contract.raw_http2 import Peer, frame, message, request

STREAM_CLOSED = 5
CANCEL = (8).to_bytes(4, "big")
BODY = message(b"")
# More than the server remembers of the streams that it ended first.
MANY = 20


STREAMS = 40


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(GuardsConfig(streams=STREAMS)) as transport:
        yield transport.address


def headers(stream: int, flags: int = 0, path: str = http2.ASSIGN) -> bytes:
    return frame(http2.HEADERS, http2.END_HEADERS | flags, stream, request(path))


def data(stream: int, flags: int = http2.END_STREAM) -> bytes:
    return frame(http2.DATA, flags, stream, BODY)


def await_end(peer: Peer, stream: int) -> None:
    """Until the server has ended a stream, and no error came."""
    for kind, flags, number, body in peer.frames(10):
        assert kind != http2.GOAWAY, body
        if number == stream and kind in (http2.HEADERS, http2.DATA) and flags & http2.END_STREAM:
            return


def ended_by_both(peer: Peer) -> None:
    peer.send(headers(1) + data(1))
    await_end(peer, 1)


def reset_by_the_peer(peer: Peer) -> None:
    peer.send(headers(1) + frame(http2.RST_STREAM, 0, 1, CANCEL))


@pytest.mark.parametrize("late", [headers(1), data(1), data(1, 0)], ids=["headers", "data", "data that goes on"])
@pytest.mark.parametrize("end", [ended_by_both, reset_by_the_peer])
def test_who_goes_on_with_a_stream_it_ended_is_shown_out(
    address: str, end: Callable[[Peer], None], late: bytes
) -> None:
    peer = Peer(address)
    end(peer)
    peer.send(late)
    assert peer.goaway(10) == STREAM_CLOSED
    peer.close()


def test_that_holds_for_older_streams_too(address: str) -> None:
    peer = Peer(address)
    for stream in range(1, 101, 2):
        peer.send(headers(stream) + data(stream))
        await_end(peer, stream)
    peer.send(data(51))
    assert peer.goaway(10) == STREAM_CLOSED
    peer.close()


def test_what_was_under_way_when_the_server_ended_a_stream_is_nothing(address: str) -> None:
    """A call of a method that there is not is refused before its message came."""
    peer = Peer(address)
    streams = range(1, 2 * MANY, 2)
    for stream in streams:
        peer.send(headers(stream, path="/none/None"))
    await_end(peer, streams[-1])
    for stream in streams:
        peer.send(data(stream))
    peer.send(headers(2 * MANY + 1) + data(2 * MANY + 1))
    await_end(peer, 2 * MANY + 1)
    peer.close()


def test_trailers_and_data_of_open_streams_may_come_in_any_order(address: str) -> None:
    peer = Peer(address)
    peer.send(headers(1) + headers(3) + data(1) + headers(5) + data(5) + data(3))
    ended = set()
    for kind, flags, number, body in peer.frames(10):
        assert kind != http2.GOAWAY, body
        if number and flags & http2.END_STREAM:
            ended.add(number)
        if ended == {1, 3, 5}:
            break
    peer.close()


def test_what_was_under_way_to_streams_that_were_refused_is_nothing(address: str) -> None:
    """Who has not heard how many streams may be open opens more: those never come to be."""
    peer = Peer(address, acknowledges=False)
    opened, refused = range(1, 2 * STREAMS, 2), range(2 * STREAMS + 1, 2 * (STREAMS + MANY), 2)
    for stream in (*opened, *refused):
        peer.send(headers(stream))
    resets = set()
    for kind, _, number, body in peer.frames(10):
        assert kind != http2.GOAWAY, body
        if kind == http2.RST_STREAM:
            resets.add(number)
        if resets == set(refused):
            break
    for stream in refused:
        peer.send(data(stream))
    for stream in opened:
        peer.send(data(stream))
    await_end(peer, opened[-1])
    peer.close()
