"""Two transport threads: the contract's answers are the same, and calls of different threads are one order of calls."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from fairlead.shard.core import EventKind, JobState, Outcome, Presence
from fairlead.v1 import routing_service_pb2 as pb
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace, duration, job_spec
from tests.contract.raw_http2 import Peer
from tests.contract.test_concurrency import test_callers_at_once_lose_nothing_and_overfill_nobody
from tests.contract.test_events import (
    test_a_watch_tells_what_happens_from_then_on,
    test_an_assign_that_waits_is_answered_when_its_job_ends,
    test_an_assign_that_waits_is_answered_when_its_job_is_placed,
    test_an_assign_that_waits_is_answered_when_its_time_is_over,
    watch,
)

# Of the contract's suite, here over the second of two threads.
__all__ = (
    "test_a_watch_tells_what_happens_from_then_on",
    "test_an_assign_that_waits_is_answered_when_its_job_ends",
    "test_an_assign_that_waits_is_answered_when_its_job_is_placed",
    "test_an_assign_that_waits_is_answered_when_its_time_is_over",
    "test_callers_at_once_lose_nothing_and_overfill_nobody",
    "watch",
)

CALLERS = 6
JOBS = 60


@pytest.fixture(scope="module")
def transport() -> str:
    return "native"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """Every answer waits for a sync: the commit thread must wake both threads."""
    folder = tmp_path_factory.mktemp("threads")
    text = 'transport_threads = 2\ndrain_seconds = 1\nlog.level = "info"\njournal.path = "data"\n'
    process = DaemonProcess(folder, text, "--init")
    yield process
    code, _ = process.stop()
    assert code == 0, process.errors


@pytest.fixture(scope="module")
def stubs(daemon: DaemonProcess) -> Iterator[GrpcFace]:
    """On the second thread: a connection that does nothing has the place on the first."""
    idle = Peer(daemon.address)
    with channel(daemon) as second:
        yield GrpcFace(second)
    idle.close()


@pytest.fixture
def face(stubs: GrpcFace) -> GrpcFace:
    return stubs


def channel(daemon: DaemonProcess) -> grpc.Channel:
    """A connection of its own."""
    return grpc.insecure_channel(daemon.address, options=[("grpc.use_local_subchannel_pool", 1)])


@pytest.fixture
def faces(daemon: DaemonProcess) -> Iterator[list[GrpcFace]]:
    """A connection for each of the callers, half of them on each thread."""
    channels = [channel(daemon) for _ in range(CALLERS)]
    for each in channels:
        grpc.channel_ready_future(each).result(20)
    yield [GrpcFace(each) for each in channels]
    for each in channels:
        each.close()


def test_one_job_that_all_ask_for_at_once_is_given_once(faces: list[GrpcFace], tenant: str) -> None:
    """Every caller asks for the same jobs: the answers agree, and one of them alone is the first."""
    faces[0].create_agent("a", capacity=JOBS, presence=Presence.ONLINE, tenant=tenant)
    start = threading.Barrier(CALLERS)

    def ask(face: GrpcFace) -> list[pb.AssignResponse]:
        start.wait()
        return [face.assign(f"j{number}", tenant=tenant) for number in range(JOBS)]

    begun = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(ask, faces))
    # A thread that no commit wakes looks for itself once a second: that would be a minute.
    assert time.monotonic() - begun < JOBS / 2
    for same in zip(*answers, strict=True):
        assert {(each.outcome, each.agent_id, each.version) for each in same} == {(Outcome.ASSIGNED, "a", 1)}
        assert sum(not each.repeated for each in same) == 1
    assert faces[0].agent("a", tenant=tenant).load == JOBS


def test_what_one_thread_does_a_watch_on_the_other_is_told_in_order(faces: list[GrpcFace], tenant: str) -> None:
    watches = [
        face.routing.WatchEvents(pb.WatchEventsRequest(tenant=tenant), timeout=30) for face in faces for _ in range(2)
    ]
    for each in watches:
        next(each)

    def work(number: int) -> None:
        for count in range(20):
            faces[number].assign(f"j{number}-{count}", tenant=tenant)
            faces[number].cancel(f"j{number}-{count}", tenant=tenant)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(work, range(CALLERS)))
    told = []
    for each in watches:
        events: list[pb.Event] = []
        while len(events) < CALLERS * 20 * 2:
            events += next(each).events
        told.append([(event.sequence, event.kind, event.job_id) for event in events])
        each.cancel()
    assert all(each == told[0] for each in told)
    assert [sequence for sequence, _, _ in told[0]] == sorted({sequence for sequence, _, _ in told[0]})
    assert {kind for _, kind, _ in told[0]} == {EventKind.QUEUED, EventKind.CANCELLED}


def test_an_assign_that_waits_is_answered_by_what_the_other_thread_does(faces: list[GrpcFace], tenant: str) -> None:
    waiting = [
        face.routing.Assign.future(
            pb.AssignRequest(tenant=tenant, job=job_spec(f"j{number}"), wait=duration(20)), timeout=30
        )
        for number, face in enumerate(faces)
    ]
    while len(list(faces[0].jobs(tenant=tenant, page_size=100))) < CALLERS:
        pass
    faces[-1].create_agent("a", capacity=CALLERS, presence=Presence.ONLINE, tenant=tenant)
    assert {each.result().agent_id for each in waiting} == {"a"}
    assert {job.state for job in faces[0].jobs(tenant=tenant, page_size=100)} == {JobState.ASSIGNED}


def test_after_a_stop_the_journal_has_what_both_threads_answered(tmp_path: Path) -> None:
    text = 'transport_threads = 2\ndrain_seconds = 1\njournal.path = "data"\n'
    first = DaemonProcess(tmp_path, text, "--init")
    channels = [channel(first) for _ in range(4)]
    for number, each in enumerate(channels):
        for count in range(10):
            GrpcFace(each).assign(f"j{number}-{count}", tenant="t")
    for each in channels:
        each.close()
    assert first.stop()[0] == 0, first.errors
    second = DaemonProcess(tmp_path, text)
    with channel(second) as again:
        assert len(list(GrpcFace(again).jobs(tenant="t", page_size=100))) == 40
        assert GrpcFace(again).check(tenant="t") == []
    assert second.stop()[0] == 0, second.errors
