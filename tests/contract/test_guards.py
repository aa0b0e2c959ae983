"""Attacks from a raw socket beside honest traffic: the attacker is shown out, counted, and nobody else notices."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import grpc
import pytest

from fairlead.service.native import NativeTransport
from fairlead.v1 import routing_service_pb2 as pb
from tests.contract import raw_http2 as http2
from tests.contract.faces import GrpcFace
from tests.contract.raw_http2 import Peer, frame, message, request

FLOOD = 20_000
HONEST_SECONDS = 2.0


@pytest.fixture(scope="module")
def honest(native: NativeTransport) -> Iterator[GrpcFace]:
    with grpc.insecure_channel(native.address) as channel:
        yield GrpcFace(channel)


def guard(native: NativeTransport, name: str) -> int:
    return int(native.statistics()["guards"][name])


def open_stream(peer: Peer, stream: int) -> None:
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, stream, request()))


def pings(_: Peer) -> bytes:
    return frame(http2.PING, 0, 0, bytes(8)) * FLOOD


def settings(_: Peer) -> bytes:
    return frame(http2.SETTINGS, 0, 0) * FLOOD


def priorities(_: Peer) -> bytes:
    return frame(http2.PRIORITY, 0, 1, bytes((0, 0, 0, 3, 1))) * FLOOD


def unknown_frames(_: Peer) -> bytes:
    return frame(0x55, 0, 0, b"x") * FLOOD


def empty_data(peer: Peer) -> bytes:
    open_stream(peer, 1)
    return frame(http2.DATA, 0, 1) * FLOOD


def window_updates(_: Peer) -> bytes:
    return frame(http2.WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big")) * FLOOD


def resets(_: Peer) -> bytes:
    head = request()
    return b"".join(
        frame(http2.HEADERS, http2.END_HEADERS, stream, head) + frame(http2.RST_STREAM, 0, stream, bytes(4))
        for stream in range(1, FLOOD, 2)
    )


def resets_by_the_server(_: Peer) -> bytes:
    """A length above the limit, and no end: each is refused and reset."""
    head = request()
    return b"".join(
        frame(http2.HEADERS, http2.END_HEADERS, stream, head) + frame(http2.DATA, 0, stream, b"\0\xff\xff\xff\xff")
        for stream in range(1, FLOOD, 2)
    )


@pytest.mark.parametrize(
    "attack",
    [pings, settings, priorities, unknown_frames, empty_data, window_updates, resets, resets_by_the_server],
)
def test_a_flood_ends_with_enhance_your_calm(
    native: NativeTransport, honest: GrpcFace, attack: Callable[[Peer], bytes]
) -> None:
    before = guard(native, "glitches")
    peer = Peer(native.address)
    flood = attack(peer)
    writer = threading.Thread(target=peer.send, args=(flood,))
    writer.start()
    started = time.monotonic()
    while writer.is_alive() and time.monotonic() - started < HONEST_SECONDS:
        honest.assign(f"{attack.__name__}-{time.monotonic_ns()}", tenant="honest")
    try:
        assert peer.goaway() in (http2.ENHANCE_YOUR_CALM, None)
    finally:
        peer.close()
        writer.join()
    assert guard(native, "glitches") == before + 1
    assert honest.check(tenant="honest") == []


def data_frames(peer: Peer, count: int) -> list[tuple[int, int]]:
    """(stream, size) of the next `count` DATA frames."""
    found: list[tuple[int, int]] = []
    for kind, _, stream, body in peer.frames():
        assert kind != http2.GOAWAY
        if kind == http2.DATA:
            found.append((stream, len(body)))
            if len(found) == count:
                return found
    raise AssertionError(f"the connection was closed after {len(found)} of {count} frames")


def room(frames: list[tuple[int, int]]) -> bytes:
    """The WINDOW_UPDATE frames that answer them, two each."""
    return b"".join(
        frame(http2.WINDOW_UPDATE, 0, place, size.to_bytes(4, "big"))
        for stream, size in frames
        for place in (stream, 0)
    )


def test_who_only_watches_may_answer_what_it_is_sent_and_no_more(native: NativeTransport, honest: GrpcFace) -> None:
    """A hundred watches of 2,500 events, and no frame of the client's but WINDOW_UPDATE; then a flood of those."""
    watches, rounds, jobs = 100, 25, 100
    before = guard(native, "glitches")
    peer = Peer(native.address)
    # The window of the connection holds what all watches are sent at a time.
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (2**30).to_bytes(4, "big")))
    head = request("/fairlead.v1.RoutingService/WatchEvents")
    body = message(pb.WatchEventsRequest(tenant="watched").SerializeToString())
    for stream in range(1, 2 * watches, 2):
        peer.send(frame(http2.HEADERS, http2.END_HEADERS, stream, head) + frame(http2.DATA, 1, stream, body))
    peer.send(room(data_frames(peer, watches)))
    for number in range(rounds):
        honest.batch_assign([{"job_id": f"w{number}-{job}"} for job in range(jobs)], tenant="watched")
        assert peer.send(room(data_frames(peer, watches)))
    assert guard(native, "glitches") == before
    peer.send(window_updates(peer))
    assert peer.goaway() in (http2.ENHANCE_YOUR_CALM, None)
    peer.close()
    assert guard(native, "glitches") == before + 1


def test_a_client_that_asks_how_much_is_on_the_way_may_ping_behind_each_answer(
    native: NativeTransport, honest: GrpcFace
) -> None:
    """As grpc-go does for as long as it is busy. One PING for one DATA frame of ours, and no more."""
    calls = 500
    before = guard(native, "glitches")
    peer = Peer(native.address)
    head = request()
    for number in range(calls):
        body = message(pb.AssignRequest(tenant="pinged", job={"id": f"p{number}"}).SerializeToString())
        stream = 2 * number + 1
        peer.send(frame(http2.HEADERS, http2.END_HEADERS, stream, head) + frame(http2.DATA, 1, stream, body))
        data_frames(peer, 1)
        assert peer.send(frame(http2.PING, 0, 0, bytes(8)))
    assert guard(native, "glitches") == before
    peer.send(pings(peer))
    assert peer.goaway() in (http2.ENHANCE_YOUR_CALM, None)
    peer.close()
    assert guard(native, "glitches") == before + 1


def test_too_many_header_fields_fail_the_stream(native: NativeTransport) -> None:
    before = guard(native, "fields")
    peer = Peer(native.address)
    head = request(http2.ASSIGN, *((f"x-{number}", "1") for number in range(70)))
    peer.send(frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, head))
    for kind, flags, stream, _ in peer.frames():
        if kind == http2.HEADERS:
            assert (stream, flags & http2.END_STREAM) == (1, http2.END_STREAM)
            break
    assert guard(native, "fields") == before + 1
    peer.close()


def test_a_bomb_of_header_fields_closes_the_connection_at_once(native: NativeTransport) -> None:
    before = guard(native, "fields_hard")
    peer = Peer(native.address)
    # One literal that enters the table, then a byte for each further copy of it.
    bomb = request() + b"\x40\x01x\x40" + b"y" * 64 + bytes((0x80 | 62,)) * 15_000
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, 1, bomb[:16_384]))
    peer.goaway(5)
    peer.close()
    assert guard(native, "fields_hard") == before + 1


def test_a_flood_of_continuations_is_ended_by_the_library(native: NativeTransport, honest: GrpcFace) -> None:
    peer = Peer(native.address)
    peer.send(frame(http2.HEADERS, 0, 1, request()) + frame(http2.CONTINUATION, 0, 1, b"") * 1_000)
    peer.goaway(5)
    peer.close()
    honest.assign("after-continuations", tenant="honest")


def test_who_does_not_speak_is_not_waited_for(native: NativeTransport) -> None:
    before = native.statistics()["guards"]
    silent = Peer(native.address, hello=False)
    rude = Peer(native.address, acknowledges=False)
    slow = Peer(native.address)
    slow.send(frame(http2.HEADERS, 0, 1, request()))
    for peer in (silent, rude, slow):
        peer.goaway(15)
        peer.close()
    after = native.statistics()["guards"]
    for name in ("timeout_preface", "timeout_settings", "timeout_headers"):
        assert after[name] == before[name] + 1


def test_one_address_has_256_places(native: NativeTransport) -> None:
    before = guard(native, "address")
    peers = [Peer(native.address, hello=False) for _ in range(300)]
    deadline = time.monotonic() + 10
    while guard(native, "address") < before + 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert guard(native, "address") >= before + 40
    for peer in peers:
        peer.close()


def refused_jobs(stream: int, jobs: int) -> bytes:
    """A BatchAssign of jobs that all have the same mistake, answered by as many errors."""
    head = frame(http2.HEADERS, http2.END_HEADERS, stream, request("/fairlead.v1.RoutingService/BatchAssign"))
    return head + frame(http2.DATA, http2.END_STREAM, stream, message(b"\x12\x03\x0a\x01x" * jobs))


def await_guard(native: NativeTransport, name: str, above: int) -> None:
    deadline = time.monotonic() + 10
    while guard(native, name) <= above:
        assert time.monotonic() < deadline, name
        time.sleep(0.05)


def test_a_peer_that_reads_nothing_holds_little(native: NativeTransport) -> None:
    """Windows as large as can be, and a socket that takes no more: reading stops, memory does not grow."""
    peer = Peer(native.address)
    peer.send(frame(http2.SETTINGS, 0, 0, b"\0\4" + ((1 << 31) - 1).to_bytes(4, "big")))
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, ((1 << 31) - 1 - 65_535).to_bytes(4, "big")))
    paused = guard(native, "outbound_paused")
    for stream in range(1, 4_001, 2):
        peer.socket.settimeout(1)
        if guard(native, "outbound_paused") > paused or not peer.send(refused_jobs(stream, 250)):
            break
    await_guard(native, "outbound_paused", paused)
    peer.close()


def test_who_opens_no_window_is_refused_more_calls_and_may_still_open_it(native: NativeTransport) -> None:
    """What would open it must be read: a peer whose answers fill its windows is no peer that reads nothing."""
    calls = 400
    peer = Peer(native.address)
    # SETTINGS_INITIAL_WINDOW_SIZE 0: no message may leave.
    peer.send(frame(http2.SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
    refused = guard(native, "outbound_refused")
    for stream in range(1, 2 * calls, 2):
        peer.send(refused_jobs(stream, 1_000))
    await_guard(native, "outbound_refused", refused)
    # What frees capacity is let through.
    body = pb.CompleteJobRequest(tenant="t", job_id="nobody", version=1).SerializeToString()
    head = frame(http2.HEADERS, http2.END_HEADERS, 2 * calls + 1, request("/fairlead.v1.RoutingService/CompleteJob"))
    peer.send(head + frame(http2.DATA, http2.END_STREAM, 2 * calls + 1, message(body)))
    # A refused call is no mistake of its caller's, whatever it still sends: it is not reset.
    charged = guard(native, "outbound_refused")
    late = refused_jobs(2 * calls + 3, 1)
    peer.send(late[:-1])
    await_guard(native, "outbound_refused", charged)
    peer.send(late[-1:])
    peer.send(frame(http2.SETTINGS, 0, 0, b"\0\4" + ((1 << 31) - 1).to_bytes(4, "big")))
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4, "big")))
    answers: Counter[int] = Counter()
    ended = set()
    for kind, flags, stream, answer in peer.frames():
        assert kind != http2.RST_STREAM
        if kind == http2.DATA:
            answers[stream] += len(answer)
        if kind == http2.HEADERS and flags & http2.END_STREAM:
            ended.add(stream)
            if len(ended) == calls + 2:
                break
    assert len(ended) == calls + 2
    size = max(answers.values())
    assert set(answers.values()) == {size}
    held = size * len(answers)
    # The bound, and what one read of 64 KiB may bring beyond it.
    assert 4 << 20 < held < (4 << 20) + size * (65_536 // 5_000 + 2)
    assert guard(native, "outbound_refused") == refused + calls - len(answers) + 1
    peer.close()


@pytest.mark.parametrize("calls", [40, 90])
def test_large_answers_that_wait_for_their_window_all_come(native: NativeTransport, calls: int) -> None:
    """More than a connection may keep while its socket is full; the first windows there are, given back."""
    peer = Peer(native.address)
    for stream in range(1, 2 * calls, 2):
        peer.send(refused_jobs(stream, 1_000))
    ended = set()
    for kind, flags, stream, body in peer.frames(15):
        assert kind not in (http2.RST_STREAM, http2.GOAWAY)
        if kind == http2.DATA:
            peer.send(room([(stream, len(body))]))
        if kind == http2.HEADERS and flags & http2.END_STREAM:
            ended.add(stream)
            if len(ended) == calls:
                break
    assert len(ended) == calls
    peer.close()
