"""The process: start, health, reflection, stop, and a configuration that is wrong."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from fairlead.shard.core import Outcome
from fairlead.version import __version__
from tests.contract.conftest import START_SECONDS, DaemonProcess
from tests.contract.faces import GrpcFace

SERVICES = {
    "fairlead.v1.AdminService",
    "fairlead.v1.AgentService",
    "fairlead.v1.CustomerService",
    "fairlead.v1.PolicyService",
    "fairlead.v1.RoutingService",
}
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_the_start_is_logged_with_what_an_operator_needs(daemon: DaemonProcess) -> None:
    started = daemon.started
    assert (started["version"], started["durability"], started["level"]) == (__version__, "none", "info")
    assert started["pid"] == daemon.process.pid
    assert started["address"].startswith("127.0.0.1:")
    assert not started["address"].endswith(":0")


@pytest.mark.parametrize("service", ["", *sorted(SERVICES), "grpc.health.v1.Health"])
def test_health_is_serving(channel: grpc.Channel, service: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=20).status == SERVING


def test_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="none"), timeout=20)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


def reflect(channel: grpc.Channel, version: str, **question: Any) -> Any:
    """One question over a reflection stream. The messages of both versions are the same bytes."""
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    (answer,) = ask(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=20)
    return answer


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_describes_every_service_and_method(channel: grpc.Channel, version: str) -> None:
    listed = reflect(channel, version, list_services="")
    names = {service.name for service in listed.list_services_response.service}
    assert names == SERVICES | {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    for name in names:
        answer = reflect(channel, version, file_containing_symbol=name)
        pool = descriptor_pool.DescriptorPool()
        # Dependencies come after what needs them, a pool takes them the other way round.
        for data in reversed(answer.file_descriptor_response.file_descriptor_proto):
            add_with_dependencies(pool, data, answer.file_descriptor_response.file_descriptor_proto)
        assert pool.FindServiceByName(name).methods
    unknown = reflect(channel, version, file_containing_symbol="no.such.Symbol")
    assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def add_with_dependencies(pool: descriptor_pool.DescriptorPool, data: bytes, files: Any) -> None:
    """Adds a file after all it imports, as a client of reflection does."""
    by_name = {descriptor_pb2.FileDescriptorProto.FromString(each).name: each for each in files}

    def add(file: descriptor_pb2.FileDescriptorProto) -> None:
        for name in file.dependency:
            add(descriptor_pb2.FileDescriptorProto.FromString(by_name[name]))
        pool.Add(file)

    add(descriptor_pb2.FileDescriptorProto.FromString(data))


def test_idle_reflection_streams_do_not_stop_calls(channel: grpc.Channel, stubs: GrpcFace, tenant: str) -> None:
    ended = threading.Event()

    def silence() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        ended.wait()
        yield from ()

    ask = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    streams = [ask(silence()) for _ in range(32)]
    assert stubs.assign("j1", tenant=tenant).outcome == Outcome.QUEUED
    ended.set()
    for stream in streams:
        stream.cancel()


def test_sigterm_says_not_serving_finishes_what_runs_and_exits_with_0(tmp_path: Path, transport: str) -> None:
    daemon = DaemonProcess(tmp_path, f'drain_seconds = 5\ntransport = "{transport}"')
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        face.assign("j1", tenant="t")
        states = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=START_SECONDS)
        assert next(states).status == SERVING
        daemon.process.send_signal(signal.SIGTERM)
        assert next(states).status == NOT_SERVING
        # The watch is an open call: the daemon lives as long as it does, and no longer.
        assert daemon.process.poll() is None
        states.cancel()
        output, _ = daemon.process.communicate(timeout=START_SECONDS)
        assert daemon.process.returncode == 0
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["stopping", "stopped"]
    with grpc.insecure_channel(daemon.address) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/fairlead.v1.RoutingService/Assign")(b"", timeout=5)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_open_stream_holds_the_stop_for_the_drain_only(tmp_path: Path, transport: str) -> None:
    daemon = DaemonProcess(tmp_path, f'drain_seconds = 0.2\ntransport = "{transport}"')
    with grpc.insecure_channel(daemon.address) as channel:
        states = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=START_SECONDS)
        assert next(states).status == SERVING
        assert daemon.stop()[0] == 0


def test_ctrl_c_stops_it_too(tmp_path: Path, transport: str) -> None:
    daemon = DaemonProcess(tmp_path, f'transport = "{transport}"')
    code, events = daemon.stop(signal.SIGINT)
    assert (code, [event["event"] for event in events]) == (0, ["stopping", "stopped"])


def test_policies_are_loaded_at_the_start(tmp_path: Path, transport: str) -> None:
    (tmp_path / "shop.toml").write_text("queues = [{ id = 'sales' }]")
    (tmp_path / "bank.json").write_text('{"queues": [{"id": "loans", "strategy": "weighted"}]}')
    daemon = DaemonProcess(
        tmp_path, f'transport = "{transport}"\npolicies = {{ shop = "shop.toml", bank = "bank.json" }}'
    )
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        assert face.policy(tenant="shop")["queues"] == [{"id": "sales"}]
        assert face.policy(tenant="bank")["queues"] == [{"id": "loans", "strategy": "weighted"}]
        assert face.assign("j1", tenant="shop").queue == "sales"
    assert daemon.stop()[0] == 0


def serve(tmp_path: Path, configuration: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "fairlead.toml").write_text(configuration)
    command = [sys.executable, "-m", "fairlead", "serve", "--config", str(tmp_path / "fairlead.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)


def test_a_wrong_configuration_stops_the_start_with_every_mistake(tmp_path: Path) -> None:
    ended = serve(tmp_path, "threads = 0\nlisten = 'here'\nlog.levl = 'info'")
    assert ended.returncode not in (0, -signal.SIGSEGV)
    said = ended.stdout + ended.stderr
    for path in ("threads", "listen", "log.levl"):
        assert path in said
    assert "Traceback" not in said


def test_a_wrong_policy_stops_the_start_and_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("queues = [{ id = 'a', strategy = 'best' }]")
    ended = serve(tmp_path, "listen = '127.0.0.1:0'\npolicies.default = 'policy.toml'")
    assert ended.returncode == 1
    event = json.loads(ended.stdout)
    assert (event["event"], event["reason"]) == ("not started", "INVALID_POLICY")
    assert "policy.toml" in event["message"]
    assert "queues[0].strategy" in event["message"]


def test_a_taken_address_stops_the_start(tmp_path: Path, daemon: DaemonProcess) -> None:
    ended = serve(tmp_path, "", "--listen", daemon.address)
    assert ended.returncode == 1
    assert daemon.address in ended.stdout
    assert "Traceback" not in ended.stdout
