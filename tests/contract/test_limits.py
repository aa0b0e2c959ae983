"""The limits of a connection and of all of them, each met by a raw socket: counted, and shown out in time.

Times are those of the configuration, made short; the server looks once a second.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from fairlead.config import GuardsConfig
from fairlead.service.native import NativeTransport
from fairlead.v1 import agent_service_pb2
from fairlead.v1 import routing_service_pb2 as pb
from tests.contract import raw_http2 as http2
from tests.contract.conftest import serving
from tests.contract.faces import GrpcFace
from tests.contract.raw_http2 import Peer, frame, message, request

PROTOCOL_ERROR, CANCEL, NO_ERROR = 1, 8, 0
LOOK_SECONDS = 1.0
# What a busy machine may add.
SPARE_SECONDS = 4.0
WATCH = "/fairlead.v1.RoutingService/WatchEvents"
LIST_AGENTS = "/fairlead.v1.AgentService/ListAgents"


def trips(native: NativeTransport, name: str) -> int:
    return int(native.statistics()["guards"][name])


def await_trips(native: NativeTransport, name: str, least: int, seconds: float = LOOK_SECONDS + SPARE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while trips(native, name) < least:
        assert time.monotonic() < deadline, f"{name}: {trips(native, name)} of {least} after {seconds} s"
        time.sleep(0.02)


@contextmanager
def honest(native: NativeTransport) -> Iterator[GrpcFace]:
    """A client beside it, whose calls all succeed, before and after."""
    with grpc.insecure_channel(native.address) as channel:
        face = GrpcFace(channel)
        face.assign("before", tenant="honest")
        yield face
        face.assign("after", tenant="honest")
        assert face.check(tenant="honest") == []


def closed_after(peer: Peer, seconds: float) -> float:
    """How long the server took to close; an error when it is not done in time."""
    began = time.monotonic()
    peer.goaway(seconds)
    peer.close()
    return time.monotonic() - began


HASTY = GuardsConfig(
    preface_seconds=0.5,
    settings_seconds=0.5,
    headers_seconds=0.5,
    body_seconds=0.5,
    write_seconds=0.5,
    keepalive_seconds=1.0,
    keepalive_timeout_seconds=1.0,
)


@pytest.fixture(scope="module")
def hasty() -> Iterator[NativeTransport]:
    with serving(HASTY) as native:
        yield native


def test_who_does_not_speak_is_not_waited_for(hasty: NativeTransport) -> None:
    silent = Peer(hasty.address, hello=False)
    half = Peer(hasty.address, hello=False)
    half.send(http2.PREFACE[:10])
    rude = Peer(hasty.address, acknowledges=False)
    slow = Peer(hasty.address)
    slow.send(frame(http2.HEADERS, 0, 1, request()))
    with honest(hasty):
        for peer in (silent, half, rude, slow):
            closed_after(peer, 0.5 + LOOK_SECONDS + SPARE_SECONDS)
    assert trips(hasty, "timeout_preface") == 2
    assert trips(hasty, "timeout_settings") == 1
    assert trips(hasty, "timeout_headers") == 1


def test_a_request_without_an_end_is_reset_and_the_connection_goes_on(hasty: NativeTransport) -> None:
    peer = Peer(hasty.address)
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, 1, request()) + frame(http2.DATA, 0, 1, b"\0\0"))
    for kind, _, stream, body in peer.frames(0.5 + LOOK_SECONDS + SPARE_SECONDS):
        if kind == http2.RST_STREAM:
            assert (stream, int.from_bytes(body, "big")) == (1, CANCEL)
            break
    assert trips(hasty, "timeout_body") == 1
    job = message(pb.GetJobRequest(tenant="none", job_id="none").SerializeToString())
    peer.send(
        frame(http2.HEADERS, http2.END_HEADERS, 3, request("/fairlead.v1.RoutingService/GetJob"))
        + frame(http2.DATA, http2.END_STREAM, 3, job)
    )
    assert any(kind == http2.HEADERS and stream == 3 for kind, _, stream, _ in peer.frames(SPARE_SECONDS))
    peer.close()


def test_an_answer_that_is_not_taken_ends_the_connection(hasty: NativeTransport) -> None:
    """A window of zero that is never opened."""
    peer = Peer(hasty.address)
    peer.send(frame(http2.SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
    body = message(pb.AssignRequest(tenant="unread", job={"id": "j"}).SerializeToString())
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, 1, request()) + frame(http2.DATA, http2.END_STREAM, 1, body))
    with honest(hasty):
        closed_after(peer, 0.5 + LOOK_SECONDS + SPARE_SECONDS)
    assert trips(hasty, "timeout_write") == 1


def test_who_is_silent_is_pinged_and_who_answers_may_stay(hasty: NativeTransport) -> None:
    dead, alive = Peer(hasty.address), Peer(hasty.address)
    before = trips(hasty, "timeout_ping")
    answered = 0
    for kind, flags, _, body in alive.frames(30):
        if kind == http2.PING and not flags & http2.ACK:
            assert alive.send(frame(http2.PING, http2.ACK, 0, body))
            answered += 1
            if answered == 4:
                break
    assert trips(hasty, "timeout_ping") == before + 1
    closed_after(dead, SPARE_SECONDS)
    alive.close()


def test_an_old_connection_is_told_to_go_and_its_calls_may_end() -> None:
    with serving(GuardsConfig(age_seconds=1.0, age_grace_seconds=4.0)) as native:
        idle, watching = Peer(native.address), Peer(native.address)
        body = message(pb.WatchEventsRequest(tenant="watched").SerializeToString())
        watching.send(
            frame(http2.HEADERS, http2.END_HEADERS, 1, request(WATCH)) + frame(http2.DATA, http2.END_STREAM, 1, body)
        )
        with honest(native) as face:
            goaways = [body for kind, _, _, body in idle.frames(10) if kind == http2.GOAWAY]
            # First a notice without a last stream, then the last one; no error.
            assert [int.from_bytes(each[:4], "big") for each in goaways] == [2**31 - 1, 0]
            assert {int.from_bytes(each[4:8], "big") for each in goaways} == {NO_ERROR}
            assert trips(native, "age") == 0
            assert closed_after(watching, 4 + 2 * LOOK_SECONDS + SPARE_SECONDS) > 0
            assert trips(native, "age") == 1
            # Who speaks HTTP/2 well comes back on another connection and notices nothing.
            until = time.monotonic() + 2
            while time.monotonic() < until:
                face.assign(f"j{time.monotonic_ns()}", tenant="honest")
        assert native.statistics()["accepted"] >= 4


def test_connections_in_all_and_from_one_address_have_an_end() -> None:
    for limit, guards in {
        "connections": GuardsConfig(connections=5),
        "address": GuardsConfig(connections_per_address=5),
    }.items():
        with serving(guards) as native, honest(native):
            peers = [Peer(native.address, hello=False) for _ in range(8)]
            await_trips(native, limit, 4)
            # Those that were not taken were closed at once.
            for peer in peers[4:]:
                closed_after(peer, SPARE_SECONDS)
            assert native.statistics()["connections"] == 5
            for peer in peers:
                peer.close()


def test_the_limit_of_open_files_is_raised_for_the_connections_that_are_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 600), hard))
    try:
        with serving(GuardsConfig(connections=700)):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, 700)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_are_taken_at_a_rate_and_the_rest_waits() -> None:
    with serving(GuardsConfig(accept_burst=5, accepts_per_second=20)) as native:
        began = time.monotonic()
        peers = [Peer(native.address) for _ in range(25)]
        for peer in peers:
            kinds = [next(peer.frames(10))[0]]
            assert kinds == [http2.SETTINGS]
        # Twenty beyond the burst.
        assert time.monotonic() - began >= 0.9
        assert trips(native, "accepts") >= 1
        assert native.statistics()["accepted"] == 25
        for peer in peers:
            peer.close()


def test_a_connection_has_so_many_calls_open_and_no_more() -> None:
    with serving(GuardsConfig(streams=10)) as native, honest(native):
        peer = Peer(native.address)
        # Our SETTINGS must be with the peer for the limit to be more than a refusal.
        for kind, flags, _, _ in peer.frames(SPARE_SECONDS):
            if kind == http2.SETTINGS and flags & http2.ACK:
                break
        for stream in range(1, 23, 2):
            peer.send(frame(http2.HEADERS, http2.END_HEADERS, stream, request()))
        assert peer.goaway(SPARE_SECONDS) == PROTOCOL_ERROR
        peer.close()
        assert trips(native, "streams") == 1


def test_calls_that_were_reset_keep_their_places_until_their_work_ends() -> None:
    with serving(GuardsConfig(streams=10)) as native, honest(native):
        blocked = [native._cold.submit(time.sleep, 3) for _ in range(2)]
        peer = Peer(native.address)
        head = request(LIST_AGENTS)
        body = message(agent_service_pb2.ListAgentsRequest(tenant="t").SerializeToString())
        for stream in range(1, 41, 2):
            peer.send(
                frame(http2.HEADERS, http2.END_HEADERS, stream, head)
                + frame(http2.DATA, http2.END_STREAM, stream, body)
                + frame(http2.RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))
            )
        await_trips(native, "streams", 10)
        assert native.statistics()["held_calls"] == 10
        for each in blocked:
            each.result()
        peer.close()


def test_who_asks_and_does_not_read_is_closed_before_it_costs_much() -> None:
    """Large windows, no reading: what the system does not take waits here, up to 4 MiB."""
    # The lists alone are too much to do at once; here they are not refused for that.
    with serving(GuardsConfig(queue_seconds=60)) as native, honest(native) as face:
        for number in range(400):
            face.create_agent(f"agent-{number:04}-{'x' * 90}", tenant="large")
        peer = Peer(native.address)
        peer.send(
            frame(http2.SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff")
            + frame(http2.WINDOW_UPDATE, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big"))
        )
        head = request(LIST_AGENTS)
        body = message(agent_service_pb2.ListAgentsRequest(tenant="large", page_size=1_000).SerializeToString())
        for stream in range(1, 900, 2):
            if not peer.send(
                frame(http2.HEADERS, http2.END_HEADERS, stream, head)
                + frame(http2.DATA, http2.END_STREAM, stream, body)
            ):
                break
        await_trips(native, "outbound_closed", 1, 20)
        assert trips(native, "outbound_paused") >= 1
        peer.close()
