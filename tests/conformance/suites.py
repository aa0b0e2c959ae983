"""Each suite starts its server, runs the program of another project against it, and yields what came of it."""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from tests.conformance import tools
from tests.conformance.tools import BUILD, ROOT, Failed
from tests.contract.conftest import DaemonProcess

HERE = Path(__file__).parent
INTEROP_CASES = (
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
)
CASE_SECONDS = 60
KNOWN_FAILURE = "actual error contain 1 details; expecting 0"


class Result(NamedTuple):
    """A line of the table. `known` of the failures are listed with a reason; any other is unexpected."""

    name: str
    version: str
    passed: int
    total: int
    known: int = 0
    note: str = ""

    @property
    def is_good(self) -> bool:
        """Nothing failed that is not listed, and something ran."""
        return self.total > 0 and self.passed + self.known == self.total


@contextmanager
def test_server() -> Iterator[str]:
    """host:port of the test mode."""
    command = [sys.executable, "-m", "tests.conformance.server"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        if process.wait(timeout=30) != 0:
            raise Failed(f"the test server ended with {process.returncode}")


@contextmanager
def daemon() -> Iterator[str]:
    """host:port of `fairlead serve`."""
    with tempfile.TemporaryDirectory() as folder:
        process = DaemonProcess(Path(folder), "drain_seconds = 1\n")
        try:
            yield process.address
        finally:
            code, events = process.stop()
        if code != 0 or any(event["level"] not in ("info", "debug") for event in events):
            raise Failed(f"the daemon ended with {code}: {events}")


def interop() -> Iterator[Result]:
    """The gRPC project's interoperability client, in Go."""
    client = tools.go_tool(*tools.GRPC)
    passed = 0
    wrong = []
    with test_server() as address:
        host, _, port = address.rpartition(":")
        for case in INTEROP_CASES:
            command = [str(client), f"-server_host={host}", f"-server_port={port}", f"-test_case={case}"]
            code, output = tools.attempt(command, seconds=CASE_SECONDS)
            passed += code == 0
            if code != 0:
                wrong.append(f"{case}: {output.strip()[-200:]}")
    yield Result("gRPC interop client", tools.GRPC[1], passed, len(INTEROP_CASES), 0, "; ".join(wrong))


def h2spec() -> Iterator[Result]:
    """h2spec, strict, against us and against nghttpd, the server of the library that we use."""
    program = tools.go_tool(*tools.H2SPEC)
    tools.need("nghttpd")
    with test_server() as address:
        ours = _h2spec(program, address)
    with _nghttpd() as address:
        theirs = _h2spec(program, address)
    version = tools.run(["nghttpd", "--version"], seconds=10).split()[-1]
    # What the library itself does otherwise is no defect of ours.
    shared = sorted(case for case, good in ours.items() if not good and not theirs.get(case, False))
    passed = sum(ours.values())
    worse = sorted(case for case, good in ours.items() if not good and theirs.get(case, False))
    name, note = "h2spec, strict", "; ".join(worse) or "; ".join(f"as nghttpd: {case}" for case in shared)
    yield Result(name, tools.H2SPEC[1], passed, len(ours), len(shared), note)
    yield Result(
        "  nghttpd, to compare", version, sum(theirs.values()), len(theirs), len(theirs) - sum(theirs.values())
    )


def _h2spec(program: Path, address: str) -> dict[str, bool]:
    host, _, port = address.rpartition(":")
    report = BUILD / "h2spec.xml"
    report.unlink(missing_ok=True)
    # Its exit code tells only whether all passed.
    command = [str(program), "-h", host, "-p", port, "--strict", "-o", "5", f"--junit-report={report}"]
    tools.attempt(command, seconds=300)
    cases = xml.etree.ElementTree.parse(report).getroot().iter("testcase")
    return {f"{case.get('package')} {case.get('classname')}": len(case) == 0 for case in cases}


@contextmanager
def _nghttpd() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text("a plain path with a body\n")
        port = _free_port()
        command = ["nghttpd", "--no-tls", "--address=127.0.0.1", f"--htdocs={folder}", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _await_port(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def connect() -> Iterator[Result]:
    """The Connect project's suite: gRPC in full and unary Connect, with its own and grpc-go's client."""
    program = tools.go_tool(*tools.CONNECT)
    protos = tools.go_module(tools.CONNECT_MODULE, tools.CONNECT[1]) / "proto"
    server = [sys.executable, "-m", "tests.conformance.server", "--connect", str(protos)]
    command = [str(program), "--mode=server", f"--conf={HERE / 'connect.yaml'}", "--parallel=4", "--", *server]
    _, output = tools.attempt(command, seconds=900)
    (BUILD / "connect.log").write_text(output)
    found = re.search(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
    if found is None:
        raise Failed(f"the suite did not finish: {output.strip()[-300:]}")
    passed, failed = int(found[1]), int(found[2])
    unexpected = [name for name, why in _connect_failures(output) if not _is_known(name, why)]
    note = (
        f"see build/conformance/connect.log: {', '.join(unexpected)}" if unexpected else "known_failures.txt says why"
    )
    yield Result("Connect suite", tools.CONNECT[1], passed, passed + failed, failed - len(unexpected), note)


def _connect_failures(output: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"^FAILED: (.*):\n((?:\t.*\n)*)", output, re.MULTILINE):
        yield found[1], found[2].strip()


def _is_known(name: str, why: str) -> bool:
    lines = (HERE / "known_failures.txt").read_text().splitlines()
    return why == KNOWN_FAILURE and any(fnmatchcase(name, line) for line in lines if line and not line.startswith("#"))


def grpcurl() -> Iterator[Result]:
    """grpcurl, which knows nothing of us but what reflection tells it."""
    program = str(tools.go_tool(*tools.GRPCURL))
    passed = 0
    with daemon() as address:
        services = tools.run([program, "-plaintext", address, "list"], seconds=60).split()
        passed += "fairlead.v1.RoutingService" in services and "grpc.health.v1.Health" in services
        described = tools.run([program, "-plaintext", address, "describe", "fairlead.v1.JobSpec"], seconds=60)
        passed += "message JobSpec" in described
        for method, body, wanted in (
            ("AgentService/CreateAgent", '{"agent": {"id": "ann", "presence": "PRESENCE_ONLINE"}}', '"ann"'),
            ("RoutingService/Assign", '{"job": {"id": "j1"}}', "OUTCOME_ASSIGNED"),
        ):
            command = [program, "-plaintext", "-d", body, address, f"fairlead.v1.{method}"]
            passed += wanted in tools.run(command, seconds=60)
    yield Result("grpcurl by reflection", tools.GRPCURL[1], passed, 4)


def curl() -> Iterator[Result]:
    """curl over Connect with JSON."""
    tools.need("curl")
    version = tools.run(["curl", "--version"], seconds=10).split()[1]
    passed = 0
    with daemon() as address:
        for options, method, body, wanted in (
            ((), "AgentService/CreateAgent", '{"agent": {"id": "ann", "presence": "PRESENCE_ONLINE"}}', '"ann"'),
            ((), "RoutingService/Assign", '{"job": {"id": "j1"}}', '"outcome": "OUTCOME_ASSIGNED"'),
            (("--compressed",), "RoutingService/GetJob", '{"jobId": "j1"}', "JOB_STATE_ASSIGNED"),
            ((), "RoutingService/GetJob", '{"jobId": "none"}', '"code": "not_found"'),
        ):
            command = [
                "curl",
                "-sS",
                "--noproxy",
                "*",
                "--http2-prior-knowledge",
                "-H",
                "content-type: application/json",
            ]
            command += [*options, "-d", body, f"http://{address}/fairlead.v1.{method}"]
            passed += wanted in tools.run(command, seconds=60)
    yield Result("curl, Connect with JSON", version, passed, 4)


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await_port(port: int) -> None:
    import socket
    import time

    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise Failed(f"nothing listens on port {port}") from None
            time.sleep(0.05)
