"""A daemon for the whole run, a fresh tenant for each test, and the two faces."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from fairlead.config import TRANSPORTS, Config, GuardsConfig, LogConfig
from fairlead.router import Router
from fairlead.service.native import NativeTransport
from fairlead.shard.core import Shard
from fairlead.telemetry.log import make_logger
from tests.contract.faces import GrpcFace

START_SECONDS = 30
STOP_SECONDS = 30


@contextmanager
def serving(guards: GuardsConfig) -> Iterator[NativeTransport]:
    """In this process, so that its counters can be read."""
    config = Config(listen="127.0.0.1:0", log=LogConfig("warning"), guards=guards)
    transport = NativeTransport(Shard(), config, make_logger(config.log, sys.stderr))
    transport.start()
    try:
        yield transport
    finally:
        transport.stop(0)


@pytest.fixture(scope="module")
def native() -> Iterator[NativeTransport]:
    """One for the tests of a module."""
    with serving(GuardsConfig()) as transport:
        yield transport


class DaemonProcess:
    """`fairlead serve`, as users run it, on a free port."""

    def __init__(self, folder: Path, configuration: str = "", *options: str) -> None:
        file = folder / "fairlead.toml"
        file.write_text(configuration)
        command = [
            sys.executable,
            "-m",
            "fairlead",
            "serve",
            "--config",
            str(file),
            "--listen",
            "127.0.0.1:0",
            *options,
        ]
        self._errors = (folder / "stderr").open("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        self.started = self._next_event()
        if self.started.get("event") == "recovered":
            self.started = self._next_event()
        if self.started.get("event") != "started":
            self.process.kill()
            raise AssertionError(f"the daemon said {self.started}, and: {self.errors}")
        self.address = str(self.started["address"])

    @property
    def errors(self) -> str:
        """What it wrote to standard error: a sanitizer's report stands there."""
        return Path(self._errors.name).read_text()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]]]:
        """Signals it; its exit code and what it logged until the end."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=STOP_SECONDS)
        self._errors.close()
        return self.process.returncode, [json.loads(line) for line in output.splitlines()]

    def _next_event(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        event = json.loads(line) if line else {}
        assert isinstance(event, dict)
        return event


@pytest.fixture(scope="session", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Every transport in turn: a client must not be able to tell them apart."""
    return str(request.param)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory, transport: str) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("daemon"), f'drain_seconds = 1\ntransport = "{transport}"')
    yield process
    code, events = process.stop()
    assert code == 0, process.errors
    assert [event for event in events if event["level"] not in ("info", "debug")] == []


@pytest.fixture(scope="session")
def channel(daemon: DaemonProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(daemon.address) as channel:
        yield channel


@pytest.fixture(scope="session")
def stubs(channel: grpc.Channel) -> GrpcFace:
    """The daemon alone, for what only the network has."""
    return GrpcFace(channel)


@pytest.fixture(scope="session")
def router() -> Router:
    return Router()


@pytest.fixture(params=["grpc", "router"])
def face(request: pytest.FixtureRequest, transport: str) -> Any:
    """Both faces in turn, the daemon over every transport. `Any`, because a test must not know which."""
    return request.getfixturevalue("stubs" if request.param == "grpc" else "router")


@pytest.fixture
def tenant(request: pytest.FixtureRequest, stubs: GrpcFace, router: Router) -> Iterator[str]:
    """A tenant of its own, whose invariants must hold at the end of the test on both faces."""
    name = f"{request.node.name[:60]}-{uuid.uuid4().hex[:8]}"
    yield name
    assert stubs.check(tenant=name) == []
    assert router.check(tenant=name) == []
