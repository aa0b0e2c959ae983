"""Too much to do, for real: what is refused, what goes on, what a refused call is told, and that it ends by itself."""

import shutil
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.commands import load_plan as plan
from fairlead.config import TRANSPORTS
from fairlead.errors import FairleadError
from fairlead.shard.core import Presence
from fairlead.v1 import admin_service_pb2, agent_service_pb2, routing_service_pb2
from fairlead.v1.admin_service_pb2_grpc import AdminServiceStub
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from tests.builds import IS_SANITIZED, preloaded
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace, failure_of, job_spec

SHIM = Path(__file__).resolve().parents[1] / "crash/failing_calls.c"
UNAVAILABLE = 14
AGENTS = 1_000
HOT_AGENTS = 200
LISTS = 200


def metric(daemon: DaemonProcess, name: str, **labels: str) -> float:
    with urllib.request.urlopen(f"http://{daemon.started['metrics']}/metrics", timeout=20) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def await_true(what: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def pushback(failed: grpc.RpcError) -> int:
    """Milliseconds after which the client is asked to come back."""
    return int(dict(failed.trailing_metadata())["grpc-retry-pushback-ms"])


@pytest.fixture
def queued(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Lets calls wait a tenth of a second and no longer."""
    text = 'drain_seconds = 1\nguards.queue_seconds = 0.1\nmetrics.listen = "127.0.0.1:0"'
    process = DaemonProcess(tmp_path, text)
    yield process
    code, _ = process.stop()
    assert code == 0, process.errors


def test_too_many_lists_are_refused_and_work_goes_on(queued: DaemonProcess) -> None:
    """Lists of a thousand agents, hundreds at once: several seconds of work for the handlers."""
    with grpc.insecure_channel(queued.address) as channel:
        face = GrpcFace(channel)
        plan.create_agents(queued.address, "lists", AGENTS)
        ended = threading.Event()
        refused: list[grpc.RpcError] = []
        listed = Counter[grpc.StatusCode]()

        room = threading.Semaphore(LISTS)

        def note(call: grpc.Future) -> None:
            failure = call.exception()
            listed[grpc.StatusCode.OK if failure is None else failure.code()] += 1
            if failure is not None:
                refused.append(failure)
            room.release()

        def list_on() -> None:
            """Always so many at once: a burst that is worked off is no overload."""
            request = agent_service_pb2.ListAgentsRequest(tenant="lists", page_size=1_000)
            while not ended.is_set():
                room.acquire()
                face.agent_service.ListAgents.future(request, timeout=60).add_done_callback(note)
            for _ in range(LISTS):
                room.acquire()

        thread = threading.Thread(target=list_on)
        thread.start()
        try:
            for number in range(40):
                # Nothing of this may fail, whatever the lists do.
                answer = face.assign(f"j{number}", tenant="lists")
                assert face.heartbeat([answer.agent_id], tenant="lists") == []
                face.complete(f"j{number}", answer.version, tenant="lists")
            await_true(lambda: len(refused) > 50)
        finally:
            ended.set()
            thread.join()
        assert set(listed) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        assert failure_of(refused[0]).reason == "OVERLOADED"
        # In turn: not all come back at once.
        assert {pushback(each) for each in refused} == {600, 800, 1000, 1200}
        assert metric(queued, "fairlead_shed_calls_total", rank="reads") == len(refused)
        assert metric(queued, "fairlead_shed_calls_total") == len(refused)
        # It is over when the queue is.
        assert len(face.agents(tenant="lists", page_size=1_000)) == AGENTS


def hot_codes(address: str, connections: int, in_flight: int) -> dict[str, Counter[int]]:
    """What became of a second of Assign and CompleteJob, by method."""
    sockets = plan.connect(address, connections)
    load = plan.generator(sockets, address, "hot", in_flight)
    load.run(1.0)
    codes = {method: Counter[int](found["codes"]) for method, found in load.result()["methods"].items()}
    load.finish(5)
    for each in sockets:
        each.close()
    return codes


@pytest.mark.skipif(IS_SANITIZED, reason="how long calls wait is a sanitizer's time")
def test_too_many_hot_calls_are_refused_and_few_are_not(tmp_path: Path) -> None:
    """Thirteen thousand calls in flight wait longer than the three milliseconds that are allowed here."""
    text = 'drain_seconds = 1\nguards.queue_seconds = 0.003\nmetrics.listen = "127.0.0.1:0"'
    daemon = DaemonProcess(tmp_path, text)
    with grpc.insecure_channel(daemon.address) as channel:
        stub = AgentServiceStub(channel)
        # One after the other: many at once would wait longer than is allowed here.
        for agent in plan.agent_messages(HOT_AGENTS, 10_000):
            stub.CreateAgent(agent_service_pb2.CreateAgentRequest(tenant="hot", agent=agent), timeout=20)
    codes = hot_codes(daemon.address, 16, 800)
    assert codes["Assign"][UNAVAILABLE] > 100
    assert codes["Assign"][0] > 100
    assert set(codes["Assign"]) == {0, UNAVAILABLE}
    assert metric(daemon, "fairlead_shed_calls_total", rank="new_work") >= codes["Assign"][UNAVAILABLE]
    # What frees capacity is refused only when calls wait ten times as long as is allowed.
    some = hot_codes(daemon.address, 16, 125)
    refused = {method: told[UNAVAILABLE] / told.total() for method, told in some.items()}
    assert refused["CompleteJob"] < refused["Assign"] / 2, some
    # It is over when the calls are fewer.
    few = hot_codes(daemon.address, 2, 1)
    assert few["Assign"][0] / few["Assign"].total() > 0.8
    assert daemon.stop()[0] == 0, daemon.errors


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose fdatasync waits as long as a file is there."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_while_the_disk_stands_still_new_work_is_refused_and_the_rest_waits(
    tmp_path: Path, shim: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "held"
    monkeypatch.setenv("LD_PRELOAD", preloaded(shim))
    monkeypatch.setenv("HOLD_FILE", str(held))
    text = f"""
        transport = "{transport}"
        drain_seconds = 1
        journal.path = "data"
        guards.sync_seconds = 0.5
        metrics.listen = "127.0.0.1:0"
    """
    daemon = DaemonProcess(tmp_path, text, "--init")
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        face.create_agent("a", capacity=10, presence=Presence.ONLINE, tenant="t")
        version = face.assign("j1", tenant="t").version
        assert metric(daemon, "fairlead_journal_slow") == 0
        held.touch()
        try:
            request = routing_service_pb2.AssignRequest(tenant="t", job=job_spec("j2"))
            taken = face.routing.Assign.future(request, timeout=60)
            await_true(lambda: metric(daemon, "fairlead_journal_stall_seconds") > 0.6)
            # Not answered before it is durable, and not given up.
            assert not taken.done()
            began = time.monotonic()
            with pytest.raises(grpc.RpcError) as raised:
                face.routing.Assign(routing_service_pb2.AssignRequest(tenant="t", job=job_spec("j3")), timeout=20)
            assert time.monotonic() - began < 5
            assert failure_of(raised.value).reason == "OVERLOADED"
            assert 600 <= pushback(raised.value) <= 1200
            complete = routing_service_pb2.CompleteJobRequest(tenant="t", job_id="j1", version=version)
            completed = face.routing.CompleteJob.future(complete, timeout=60)
            await_true(lambda: metric(daemon, "fairlead_journal_slow") == 1)
            assert not taken.done()
            assert not completed.done()
        finally:
            held.unlink()
        assert taken.result().agent_id == "a"
        assert completed.result().job_id == "j1"
        assert face.assign("j4", tenant="t").agent_id == "a"
        with pytest.raises(FairleadError, match="no job"):
            face.job("j3", tenant="t")
        assert face.check(tenant="t") == []
        # Until a minute after the slow sync.
        (what,) = AdminServiceStub(channel).GetStatus(admin_service_pb2.GetStatusRequest(), timeout=20).degraded
        assert "disk is slow" in what
    assert daemon.stop()[0] == 0, daemon.errors
