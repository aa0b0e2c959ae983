"""SIGTERM with calls and watches open: health says so first, calls end, what was answered is on disk.

And calls that nobody waits for any more."""

import signal
import threading
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fairlead.config import GuardsConfig
from fairlead.router import Router
from fairlead.shard.core import Presence
from fairlead.v1 import routing_service_pb2 as pb
from tests.contract import raw_http2 as http2
from tests.contract.conftest import DaemonProcess, serving
from tests.contract.faces import GrpcFace, duration, failure_of, job_spec
from tests.contract.raw_http2 import Peer, frame, message, request

PATIENCE = 60
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
IMPORT = "/fairlead.v1.CustomerService/ImportCustomers"
JOURNAL = 'journal.path = "data"\n'


def test_a_stop_tells_health_lets_calls_end_and_keeps_what_was_answered(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, JOURNAL + "drain_seconds = 10", "--init")
    answered: list[str] = []
    refused: list[grpc.RpcError] = []
    stopping = threading.Event()
    with grpc.insecure_channel(daemon.address) as channel, grpc.insecure_channel(daemon.address) as other:
        face = GrpcFace(channel)
        health = health_pb2_grpc.HealthStub(other).Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        watch = face.routing.WatchEvents(pb.WatchEventsRequest(tenant="t"), timeout=PATIENCE)
        next(watch)
        waiting = face.routing.Assign.future(
            pb.AssignRequest(tenant="t", job=job_spec("waits"), wait=duration(60)), timeout=PATIENCE
        )
        next(watch)

        def work() -> None:
            number = 0
            while not refused:
                number += 1
                try:
                    request = pb.AssignRequest(tenant="t", job=job_spec(f"j{number}"))
                    answered.append(face.routing.Assign(request, timeout=PATIENCE).job_id)
                except grpc.RpcError as failed:
                    assert stopping.is_set()
                    refused.append(failed)

        worker = threading.Thread(target=work)
        worker.start()
        while len(answered) < 20:
            time.sleep(0.01)
        began = time.monotonic()
        stopping.set()
        daemon.process.send_signal(signal.SIGTERM)
        assert next(health).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as told:
            next(health)
        assert failure_of(told.value).reason == "STOPPING"
        # An assign that waits is told what is now, a watch where to resume.
        assert waiting.result().outcome == pb.AssignResponse(outcome=3).outcome
        with pytest.raises(grpc.RpcError) as ended:
            for _ in watch:
                pass
        assert failure_of(ended.value).reason == "STOPPING"
        assert int(failure_of(ended.value).metadata["sequence"]) > 0
        worker.join(PATIENCE)
        output, _ = daemon.process.communicate(timeout=PATIENCE)
    assert refused[0].code() is grpc.StatusCode.UNAVAILABLE
    assert daemon.process.returncode == 0, daemon.errors
    # Long before the time that was allowed: nothing was open any more.
    assert time.monotonic() - began < 8
    assert '"stopped"' in output
    again = Router(tmp_path / "data")
    known = {job.id for job in again.jobs(tenant="t")}
    assert known >= {*answered, "waits"}
    assert len(known) <= len(answered) + 2
    again.close()


def test_a_stop_says_goaway_twice_and_what_is_sent_between_is_answered(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, "drain_seconds = 10")
    peer = Peer(daemon.address)
    # An import that the client has not ended keeps the connection open.
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, 1, request(IMPORT)) + frame(http2.PING, 0, 0, bytes(8)))
    job = message(pb.AssignRequest(tenant="t", job={"id": "j1"}).SerializeToString())
    last_streams: list[int] = []
    answers: list[int] = []
    for kind, flags, stream, data in peer.frames(PATIENCE):
        if kind == http2.PING and flags & http2.ACK:
            daemon.process.send_signal(signal.SIGTERM)
        if kind == http2.GOAWAY:
            last_streams.append(int.from_bytes(data[:4], "big"))
            assert int.from_bytes(data[4:8], "big") == 0
            if len(last_streams) == 1:
                # Before the server has said which call is its last.
                peer.send(
                    frame(http2.HEADERS, http2.END_HEADERS, 3, request()) + frame(http2.DATA, http2.END_STREAM, 3, job)
                )
            else:
                peer.send(frame(http2.RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
        if kind == http2.HEADERS and flags & http2.END_STREAM:
            answers.append(stream)
    # Then the number of the last call, which is answered; who took too long to send one sees that it was not taken.
    assert last_streams[0] == 2**31 - 1
    assert last_streams[1] in (1, 3)
    assert (3 in answers) == (last_streams[1] == 3)
    peer.close()
    daemon.process.communicate(timeout=PATIENCE)
    assert daemon.process.returncode == 0, daemon.errors


def test_calls_that_do_not_end_are_cut_off_when_the_time_is_over(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, "drain_seconds = 1")
    peer = Peer(daemon.address)
    peer.send(frame(http2.HEADERS, http2.END_HEADERS, 1, request(IMPORT)) + frame(http2.PING, 0, 0, bytes(8)))
    assert any(kind == http2.PING for kind, _, _, _ in peer.frames(PATIENCE))
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.communicate(timeout=PATIENCE)
    assert daemon.process.returncode == 0, daemon.errors
    assert 0.9 < time.monotonic() - began < 10
    peer.close()


def test_who_resets_an_assign_that_waits_gives_its_place_back_and_the_job_stays(tmp_path: Path) -> None:
    """Cancelling ends the waiting, not the job: that is in the journal."""
    daemon = DaemonProcess(tmp_path, 'drain_seconds = 1\nmetrics.listen = "127.0.0.1:0"')
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        calls = [
            face.routing.Assign.future(
                pb.AssignRequest(tenant="t", job=job_spec(f"j{number}"), wait=duration(60)), timeout=PATIENCE
            )
            for number in range(10)
        ]
        while len(list(face.jobs(tenant="t", page_size=100))) < 10:
            time.sleep(0.01)
        for call in calls[:5]:
            call.cancel()
        face.create_agent("a", capacity=10, presence=Presence.ONLINE, tenant="t")
        assert {call.result().agent_id for call in calls[5:]} == {"a"}
        assert face.agent("a", tenant="t").load == 10
        assert face.check(tenant="t") == []
    code, events = daemon.stop()
    assert code == 0, daemon.errors
    assert [event for event in events if event["level"] not in ("info", "debug")] == []


def test_who_reads_slowly_gets_what_was_answered_before_the_end() -> None:
    """And is not cut off for what it sends meanwhile: a socket closed with unread input throws away what is on its way.

    So the end of a drain waits for the client to close."""
    jobs = [job_spec(f"j{number}") for number in range(600)]
    body = message(pb.BatchAssignRequest(tenant="t", jobs=jobs).SerializeToString())
    head = request("/fairlead.v1.RoutingService/BatchAssign")
    with serving(GuardsConfig()) as native:
        peer = Peer(native.address, receive_buffer=4_096)
        peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4, "big")))
        streams = set(range(1, 41, 2))
        for stream in sorted(streams):
            peer.send(
                frame(http2.HEADERS, http2.END_HEADERS, stream, head)
                + frame(http2.DATA, http2.END_STREAM, stream, body)
            )
        time.sleep(0.5)
        stopping = threading.Thread(target=native.stop, args=(10,))
        stopping.start()
        for kind, flags, stream, _ in peer.frames(10):
            if kind == http2.HEADERS and flags & http2.END_STREAM:
                streams.remove(stream)
                peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big")))
                time.sleep(0.02)
        assert not streams
        peer.close()
        stopping.join()
