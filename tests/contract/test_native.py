"""What only the native transport has: Connect for curl, compression, deadlines, HTTP answers, patience."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from fairlead.service.native import COLD_THREADS, NativeTransport
from fairlead.v1 import agent_service_pb2, job_pb2, routing_service_pb2
from tests.contract import raw_http2 as http2
from tests.contract.faces import GrpcFace, failure_of
from tests.contract.raw_http2 import Peer, frame, message, request

ROUTING = "/fairlead.v1.RoutingService"
AGENTS = "/fairlead.v1.AgentService"


@pytest.fixture(scope="module")
def face(native: NativeTransport) -> Iterator[GrpcFace]:
    with grpc.insecure_channel(native.address) as channel:
        yield GrpcFace(channel)


def curl(native: NativeTransport, path: str, body: str, *options: str) -> tuple[int, str, Any]:
    """HTTP status, content type and body of a POST by the curl that everyone has."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "--http2-prior-knowledge",
        "--data-binary",
        "@-",
        "-w",
        "\n%{http_code} %{content_type}",
    ]
    # The runtime that `make sanitize` preloads is for us: curl hangs under it before it says a word.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [*command, *(options or ("-H", "content-type: application/json")), f"http://{native.address}{path}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        input=body,
        env=environment,
    )
    text, _, tail = done.stdout.rpartition("\n")
    status, _, kind = tail.partition(" ")
    return int(status), kind, json.loads(text) if text and kind == "application/json" else text


def test_curl_assigns_and_reads(native: NativeTransport, face: GrpcFace) -> None:
    face.create_agent("ann", presence=1, tenant="curl")
    status, kind, answer = curl(native, f"{ROUTING}/Assign", '{"tenant": "curl", "job": {"id": "j1"}}')
    assert (status, kind) == (200, "application/json")
    assert (answer["outcome"], answer["agentId"], answer["version"]) == ("OUTCOME_ASSIGNED", "ann", "1")
    status, _, answer = curl(native, f"{AGENTS}/GetAgent", '{"tenant": "curl", "agentId": "ann"}')
    assert (status, answer["agent"]["load"]) == (200, 1)


def test_curl_is_told_what_was_wrong(native: NativeTransport) -> None:
    status, kind, answer = curl(native, f"{ROUTING}/GetJob", '{"tenant": "curl", "jobId": "none"}')
    assert (status, kind, answer["code"]) == (404, "application/json", "not_found")
    assert answer["details"][0]["type"] == "google.rpc.ErrorInfo"
    for body in ('{"jobId": 7', '{"no": "field"}', '{"jobId": ""}'):
        status, _, answer = curl(native, f"{ROUTING}/GetJob", body)
        assert (status, answer["code"]) == (400, "invalid_argument")


def test_what_is_no_call_gets_an_http_status(native: NativeTransport) -> None:
    assert curl(native, f"{ROUTING}/GetJob", "x", "-H", "content-type: text/plain")[0] == 415
    assert curl(native, f"{ROUTING}/GetJob", "x", "-H", "content-type: application/grpc+json")[0] == 415
    assert curl(native, f"{ROUTING}/GetJob", "", "-X", "GET")[0] == 405
    assert curl(native, "/fairlead.v1.RoutingService/Nothing", "{}")[0] == 404
    large = curl(native, f"{ROUTING}/GetJob", '{"jobId": "' + "x" * 300_000 + '"}')
    assert (large[0], large[2]["code"]) == (429, "resource_exhausted")


def test_a_refusal_of_the_transport_reaches_connect_in_its_own_words(native: NativeTransport) -> None:
    json_type = ("-H", "content-type: application/json")
    for field, status, code in (
        ("content-encoding: br", 501, "unimplemented"),
        ("connect-timeout-ms: soon", 500, "internal"),
        ("x-bin: *", 500, "internal"),
    ):
        answer = curl(native, f"{ROUTING}/GetJob", "{}", *json_type, "-H", field)
        assert (answer[0], answer[1], answer[2]["code"]) == (status, "application/json", code)
    expired = curl(native, f"{ROUTING}/GetJob", '{"jobId": "j"}', *json_type, "-H", "connect-timeout-ms: 0")
    assert (expired[0], expired[2]["code"]) == (504, "deadline_exceeded")


def test_connect_bodies_may_be_gzip_both_ways(native: NativeTransport, face: GrpcFace) -> None:
    for number in range(30):
        face.create_agent(f"agent-{number}", presence=1, tenant="connect-gzip")
    options = ("-H", "content-type: application/json", "-H", "accept-encoding: gzip", "-H", "content-encoding: gzip")
    host = f"http://{native.address}"
    command = ["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "--data-binary", "@-", "-D", "-", *options]
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    body = gzip.compress(b'{"tenant": "connect-gzip"}')
    done = subprocess.run(
        [*command, f"{host}{AGENTS}/ListAgents"],
        input=body,
        capture_output=True,
        timeout=20,
        check=True,
        env=environment,
    )
    head, _, packed = done.stdout.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert len(json.loads(gzip.decompress(packed))["agents"]) == 30


def test_gzip_is_read_and_written(native: NativeTransport) -> None:
    with grpc.insecure_channel(native.address, compression=grpc.Compression.Gzip) as channel:
        face = GrpcFace(channel)
        for number in range(40):
            face.create_agent(f"agent-{number}", presence=1, tenant="gzip")
        assert face.assign("j1", tenant="gzip").agent_id
        assert len(face.agents(tenant="gzip", page_size=100)) == 40
        # Small when packed, larger than the limit of the method when not.
        spec = job_pb2.JobSpec(id="j2", labels={"key": "x"})
        bomb = (
            routing_service_pb2.AssignRequest(tenant="gzip", job=spec).SerializeToString()
            + b"\xa2\x06\x80\x89\x7a"
            + bytes(2_000_000)
        )
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary(f"{ROUTING}/Assign")(bomb, timeout=20)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def answered(peer: Peer, stream: int) -> list[tuple[int, int, bytes]]:
    """Frames of a stream up to its end."""
    found = []
    for kind, flags, number, body in peer.frames():
        if number == stream:
            found.append((kind, flags, body))
            if flags & http2.END_STREAM and kind in (http2.DATA, http2.HEADERS):
                break
    return found


def call(peer: Peer, stream: int, body: bytes, *fields: tuple[str, str], path: str = http2.ASSIGN) -> bytes:
    """The last header block of the answer to a request by hand."""
    peer.send(
        frame(http2.HEADERS, http2.END_HEADERS, stream, request(path, *fields))
        + frame(http2.DATA, http2.END_STREAM, stream, body)
    )
    return answered(peer, stream)[-1][2]


def test_an_expired_call_never_reaches_the_engine(native: NativeTransport, face: GrpcFace) -> None:
    body = message(routing_service_pb2.AssignRequest(tenant="late", job={"id": "j1"}).SerializeToString())
    peer = Peer(native.address)
    before = native.statistics()["unanswered"]
    call(peer, 1, body, ("grpc-timeout", "0n"))
    assert native.statistics()["unanswered"] == before + 1
    assert native.statistics()["statuses"][4] >= 1
    peer.close()
    with pytest.raises(Exception, match="no job"):
        face.job("j1", tenant="late")


def test_a_request_without_a_message_is_unimplemented(native: NativeTransport) -> None:
    peer = Peer(native.address)
    before = native.statistics()["statuses"].get(12, 0)
    call(peer, 1, b"")
    assert native.statistics()["statuses"][12] == before + 1
    peer.close()


@pytest.mark.parametrize("body", [b"\0\0", message(b"")[:-1], message(b"abc")[:-1], b"\1\0\0\0\0", b"\7\0\0\0\0"])
def test_a_torn_message_is_internal(native: NativeTransport, body: bytes) -> None:
    peer = Peer(native.address)
    before = native.statistics()["statuses"].get(13, 0)
    call(peer, 1, body)
    assert native.statistics()["statuses"][13] == before + 1
    peer.close()


@pytest.mark.parametrize(
    "field", [("grpc-encoding", "br"), ("x-bin", "a!"), ("grpc-timeout", "1x"), ("grpc-timeout", "1")]
)
def test_a_wrong_header_fails_the_stream_and_not_the_connection(
    native: NativeTransport, field: tuple[str, str]
) -> None:
    peer = Peer(native.address)
    body = message(routing_service_pb2.GetJobRequest(tenant="none", job_id="none").SerializeToString())
    before = native.statistics()["statuses"]
    call(peer, 1, body, field, path=f"{ROUTING}/GetJob")
    call(peer, 3, body, path=f"{ROUTING}/GetJob")
    after = native.statistics()["statuses"]
    assert after[5] == before.get(5, 0) + 1
    assert sum(after.values()) == sum(before.values()) + 2
    peer.close()


def test_slow_handlers_do_not_delay_hot_calls(native: NativeTransport, face: GrpcFace) -> None:
    ended = threading.Event()
    for _ in range(COLD_THREADS):
        native._cold.submit(ended.wait)
    cold = face.agent_service.ListAgents.future(agent_service_pb2.ListAgentsRequest(tenant="slow"), timeout=20)
    for number in range(100):
        assert face.assign(f"j{number}", tenant="slow").job_id == f"j{number}"
    assert not cold.done()
    ended.set()
    assert list(cold.result().agents) == []


def test_a_call_that_no_worker_got_to_in_time_is_late(native: NativeTransport, face: GrpcFace) -> None:
    ended = threading.Event()
    for _ in range(COLD_THREADS):
        native._cold.submit(ended.wait)
    cold = face.agent_service.ListAgents.future(agent_service_pb2.ListAgentsRequest(tenant="slow"), timeout=0.2)
    assert cold.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    ended.set()
    assert face.agents(tenant="slow") == []


def test_byte_by_byte_is_read_like_all_at_once(native: NativeTransport) -> None:
    peer = Peer(native.address, hello=False)
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = message(routing_service_pb2.GetJobRequest(tenant="none", job_id="none").SerializeToString())
    data = http2.PREFACE + frame(http2.SETTINGS, 0, 0) + frame(http2.SETTINGS, http2.ACK, 0)
    data += frame(http2.HEADERS, http2.END_HEADERS, 1, request(f"{ROUTING}/GetJob"))
    data += frame(http2.DATA, 0, 1, b"") + frame(http2.DATA, http2.END_STREAM, 1, body)
    before = native.statistics()["statuses"].get(5, 0)
    for at in range(len(data)):
        peer.send(data[at : at + 1])
    answered(peer, 1)
    assert native.statistics()["statuses"][5] == before + 1
    peer.close()


def test_a_cancelled_watch_is_forgotten(native: NativeTransport) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(native.address) as channel:
        watches = [health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()) for _ in range(20)]
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert native.statistics()["held_streams"] == 20
        for watch in watches:
            watch.cancel()
        deadline = time.monotonic() + 10
        while native.statistics()["held_streams"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert native.statistics()["held_streams"] == 0


def test_errors_have_details_on_every_path(native: NativeTransport) -> None:
    with grpc.insecure_channel(native.address) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/grpc.health.v1.Health/Check")(b"\x0a\x04none", timeout=5)
    assert failure_of(raised.value).reason == "SERVICE_NOT_FOUND"


@pytest.mark.parametrize(
    "path", ["/grpc.health.v1.Health/Watch", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]
)
@pytest.mark.parametrize(("body", "reason"), [(b"\x0a", "MALFORMED_REQUEST"), (b"\x0a\x01\xff", "INVALID_FIELD")])
def test_a_torn_message_of_a_stream_is_the_callers_mistake(
    native: NativeTransport, path: str, body: bytes, reason: str
) -> None:
    with grpc.insecure_channel(native.address) as channel, pytest.raises(grpc.RpcError) as raised:
        next(channel.stream_stream(path)(iter((body,)), timeout=20))
    assert failure_of(raised.value).reason == reason


def server_side(peer: Peer) -> int:
    """The descriptor of the server's end of a connection, in this process."""
    local = peer.socket.getsockname()
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as other:
                if other.getpeername() == local:
                    return int(name)
        except OSError:
            continue
    raise AssertionError("the server has no such connection")


def test_a_closed_connection_that_a_child_still_holds_is_forgotten(native: NativeTransport) -> None:
    peer = Peer(native.address)
    call(peer, 1, b"")
    # What a process that is being forked does: a second reference, so that closing the first ends nothing.
    held = os.dup(server_side(peer))
    connections = native.statistics()["connections"]
    peer.send(frame(http2.DATA, 0, 0, b"a frame of data on stream 0 is an error of the connection"))
    assert peer.goaway() is not None
    peer.socket.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 10
    while native.statistics()["connections"] >= connections and time.monotonic() < deadline:
        time.sleep(0.01)
    before = native.statistics()["wakeups"]
    time.sleep(0.2)
    assert native.statistics()["wakeups"] - before < 20
    os.close(held)
    peer.close()
