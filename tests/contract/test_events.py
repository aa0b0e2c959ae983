"""WatchEvents and Assign with `wait` over every transport (E4)."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from fairlead.errors import FairleadError
from fairlead.shard.core import EventKind, JobState, Outcome, Presence, Reason
from fairlead.v1 import routing_service_pb2 as pb
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace, duration, failure_of, job_spec

PATIENCE = 30


class Watch:
    """An open WatchEvents whose first message has come."""

    def __init__(self, stubs: GrpcFace, **request: Any) -> None:
        self.call = stubs.routing.WatchEvents(pb.WatchEventsRequest(**request), timeout=PATIENCE)
        self.begun = next(self.call).sequence

    def events(self, count: int) -> list[pb.Event]:
        """The next `count` events at least."""
        found: list[pb.Event] = []
        while len(found) < count:
            found += next(self.call).events
        return found

    def end(self) -> FairleadError:
        """What the watch ends with."""
        with pytest.raises(grpc.RpcError) as raised:
            for _ in self.call:
                pass
        return failure_of(raised.value)


@pytest.fixture
def watch(stubs: GrpcFace) -> Iterator[Callable[..., Watch]]:
    opened: list[Watch] = []

    def begin(**request: Any) -> Watch:
        opened.append(Watch(stubs, **request))
        return opened[-1]

    yield begin
    for each in opened:
        each.call.cancel()


def test_a_watch_tells_what_happens_from_then_on(stubs: GrpcFace, tenant: str, watch: Callable[..., Watch]) -> None:
    stubs.assign("before", tenant=tenant)
    seen = watch(tenant=tenant)
    stubs.assign("j1", gateway="g1", tenant=tenant)
    stubs.create_agent("ann", capacity=2, tenant=tenant)
    stubs.set_presence("ann", Presence.ONLINE, reason="hello", tenant=tenant)
    events = seen.events(5)
    assert [(each.kind, each.job_id, each.agent_id) for each in events] == [
        (EventKind.QUEUED, "j1", ""),
        (EventKind.AGENT_CREATED, "", "ann"),
        (EventKind.PRESENCE_CHANGED, "", "ann"),
        (EventKind.ASSIGNED, "before", "ann"),
        (EventKind.ASSIGNED, "j1", "ann"),
    ]
    assert {each.tenant for each in events} == {tenant}
    assert (events[0].gateway, events[0].queue, events[0].reason) == ("g1", "default", Reason.NO_AGENT_ONLINE)
    assert (events[2].presence, events[2].presence_reason) == (Presence.ONLINE, "hello")
    assert abs(events[0].time.seconds - time.time()) < PATIENCE
    numbers = [each.sequence for each in events]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > seen.begun


def test_a_watch_resumes_after_the_last_sequence_it_saw(
    stubs: GrpcFace, tenant: str, watch: Callable[..., Watch]
) -> None:
    first = watch(tenant=tenant)
    stubs.batch_assign([{"job_id": f"j{number}"} for number in range(1_000)], tenant=tenant)
    seen = first.events(100)
    first.call.cancel()
    stubs.assign("last", tenant=tenant)
    again = watch(tenant=tenant, after_sequence=seen[-1].sequence)
    assert again.begun == seen[-1].sequence
    seen += again.events(1_001 - len(seen))
    assert [each.job_id for each in seen] == [*(f"j{number}" for number in range(1_000)), "last"]


def test_a_watch_that_resumes_is_told_when_it_has_reached_the_present(
    stubs: GrpcFace, tenant: str, watch: Callable[..., Watch]
) -> None:
    """E4: also when its filter lets none of what it missed through."""
    begun = watch(tenant=tenant).begun
    stubs.assign("j", tenant=tenant)
    resumed = watch(tenant=tenant, after_sequence=begun, kinds=[pb.EVENT_KIND_COMPLETED])
    assert resumed.begun == begun
    present = next(resumed.call)
    assert (present.sequence > begun, list(present.events)) == (True, [])


def test_filters_choose_and_between_them_all_must_fit(
    stubs: GrpcFace, tenant: str, watch: Callable[..., Watch]
) -> None:
    mine = watch(tenant=tenant, gateways=["g1", "g3"], kinds=[int(EventKind.QUEUED)])
    all_tenants = watch(tenant="*", gateways=[f"only-{tenant}"])
    for gateway in ("g1", "g2", "g3"):
        stubs.assign(f"by-{gateway}", gateway=gateway, tenant=tenant)
        stubs.cancel(f"by-{gateway}", tenant=tenant)
    stubs.assign("elsewhere", gateway=f"only-{tenant}", tenant=tenant)
    assert [each.job_id for each in mine.events(2)] == ["by-g1", "by-g3"]
    (event,) = all_tenants.events(1)
    assert (event.tenant, event.job_id) == (tenant, "elsewhere")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"tenant": "t" * 129}, "tenant"),
        ({"gateways": ["g", ""]}, "gateways[1]"),
        ({"queues": ["q" * 129]}, "queues[0]"),
        ({"agent_ids": ["a"] * 1_001}, "agent_ids"),
        ({"kinds": [99]}, "kinds[0]"),
        ({"after_sequence": -1}, "after_sequence"),
    ],
)
def test_a_wrong_watch_is_refused_by_field(stubs: GrpcFace, request_: dict[str, Any], field: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        next(stubs.routing.WatchEvents(pb.WatchEventsRequest(**request_), timeout=PATIENCE))
    failure = failure_of(raised.value)
    assert (failure.reason, failure.field) == ("INVALID_FIELD", field)


@pytest.mark.parametrize("after", [1, 1 << 62])
def test_a_sequence_that_is_not_kept_is_out_of_range(stubs: GrpcFace, tenant: str, after: int) -> None:
    stubs.assign("j", tenant=tenant)
    with pytest.raises(grpc.RpcError) as raised:
        next(stubs.routing.WatchEvents(pb.WatchEventsRequest(after_sequence=after), timeout=PATIENCE))
    failure = failure_of(raised.value)
    assert failure.reason == "EVENTS_GONE"
    assert int(failure.metadata["oldest_sequence"]) <= int(failure.metadata["last_sequence"])


def test_a_slow_reader_is_cut_off_and_told_where_to_resume(tmp_path: Path, transport: str) -> None:
    daemon = DaemonProcess(tmp_path, f'events_kept = 4096\ndrain_seconds = 1\ntransport = "{transport}"')
    # Without these a client takes megabytes that nobody has asked for.
    small = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535)]
    with grpc.insecure_channel(daemon.address, small) as channel, grpc.insecure_channel(daemon.address) as other:
        slow, face = Watch(GrpcFace(channel), tenant="t"), GrpcFace(other)
        quick = Watch(face, tenant="t")
        for batch in range(40):
            jobs = [{"job_id": f"{batch}-{number}-{'x' * 100}"} for number in range(1_000)]
            face.batch_assign(jobs, tenant="t")
            assert len(quick.events(1_000)) == 1_000
        # It reads only now, and finds what was on its way, then its end.
        seen = 0
        failure = None
        try:
            for message in slow.call:
                seen = message.sequence
        except grpc.RpcError as ended:
            failure = failure_of(ended)
        assert failure is not None
        assert failure.reason == "SLOW_READER"
        assert int(failure.metadata["sequence"]) == seen
        quick.call.cancel()
    assert daemon.stop()[0] == 0


def test_every_watch_ends_with_the_server_and_is_told_where_to_resume(tmp_path: Path, transport: str) -> None:
    daemon = DaemonProcess(tmp_path, f'drain_seconds = 10\ntransport = "{transport}"')
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        seen = Watch(face, tenant="t")
        face.assign("j", tenant="t")
        (event,) = seen.events(1)
        begun = time.monotonic()
        stopping = threading.Thread(target=daemon.stop)
        stopping.start()
        failure = seen.end()
        stopping.join()
        assert (failure.reason, failure.metadata) == ("STOPPING", {"sequence": str(event.sequence)})
        assert time.monotonic() - begun < 8


def test_a_thousand_watchers_all_see_the_same(daemon: DaemonProcess, stubs: GrpcFace, tenant: str) -> None:
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.insecure_channel(daemon.address, options=options) for _ in range(4)]
    faces = [GrpcFace(channel) for channel in channels]
    request = pb.WatchEventsRequest(tenant=tenant)
    calls = [faces[number % 4].routing.WatchEvents(request, timeout=PATIENCE) for number in range(1_000)]
    begun = {next(call).sequence for call in calls}
    assert len(begun) == 1
    stubs.batch_assign([{"job_id": f"j{number}"} for number in range(20)], tenant=tenant)
    for call in calls:
        jobs: list[str] = []
        while len(jobs) < 20:
            jobs += [event.job_id for event in next(call).events]
        assert jobs == [f"j{number}" for number in range(20)]
    for call in calls:
        call.cancel()
    for channel in channels:
        channel.close()


# ---- assigns that wait


def assign(stubs: GrpcFace, tenant: str, job_id: str, wait: float, **fields: Any) -> Any:
    request = pb.AssignRequest(tenant=tenant, job=job_spec(job_id, **fields), wait=duration(wait))
    return stubs.call(stubs.routing.Assign, request)


def meanwhile(work: Callable[[], Any], stubs: GrpcFace, tenant: str, job_id: str) -> threading.Thread:
    """Does something once the job is there."""

    def run() -> None:
        until = time.monotonic() + PATIENCE
        while not any(True for _ in stubs.jobs(tenant=tenant)) and time.monotonic() < until:
            time.sleep(0.01)
        work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_assign_that_waits_is_answered_when_its_job_is_placed(stubs: GrpcFace, tenant: str) -> None:
    comes = meanwhile(lambda: stubs.create_agent("ann", presence=Presence.ONLINE, tenant=tenant), stubs, tenant, "j")
    answer = assign(stubs, tenant, "j", 15)
    comes.join()
    assert (answer.outcome, answer.agent_id, answer.version, answer.reason) == (Outcome.ASSIGNED, "ann", 1, 0)
    again = assign(stubs, tenant, "j", 15)
    assert (again.outcome, again.agent_id, again.repeated) == (Outcome.ASSIGNED, "ann", True)


def test_an_assign_that_waits_is_answered_when_its_job_ends(stubs: GrpcFace, tenant: str) -> None:
    ends = meanwhile(lambda: stubs.cancel("j", tenant=tenant), stubs, tenant, "j")
    answer = assign(stubs, tenant, "j", 15)
    ends.join()
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.CALLER)
    answer = assign(stubs, tenant, "k", 15, time_to_live=0.1)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.TIME_TO_LIVE)


def test_an_assign_that_waits_is_answered_when_its_time_is_over(stubs: GrpcFace, tenant: str) -> None:
    begun = time.monotonic()
    answer = assign(stubs, tenant, "j", 0.3)
    assert 0.29 <= time.monotonic() - begun < PATIENCE / 3
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.NO_AGENT_ONLINE)
    assert stubs.job("j", tenant=tenant).state == JobState.QUEUED


def test_an_assign_that_need_not_wait_is_answered_at_once(stubs: GrpcFace, tenant: str) -> None:
    stubs.create_agent("ann", presence=Presence.ONLINE, tenant=tenant)
    assert assign(stubs, tenant, "j", 15).agent_id == "ann"
    with pytest.raises(FairleadError) as raised:
        assign(stubs, tenant, "k", 15, queue="nowhere")
    assert raised.value.reason == "QUEUE_NOT_FOUND"
    with pytest.raises(FairleadError) as raised:
        assign(stubs, tenant, "k", 3_601)
    assert raised.value.field == "wait"


def test_many_assigns_may_wait_and_other_calls_go_on(stubs: GrpcFace, tenant: str) -> None:
    calls = [
        stubs.routing.Assign.future(
            pb.AssignRequest(tenant=tenant, job=job_spec(f"j{number}"), wait=Duration(seconds=20)), timeout=PATIENCE
        )
        for number in range(100)
    ]
    until = time.monotonic() + PATIENCE
    while len(list(stubs.jobs(tenant=tenant, page_size=100))) < 100:
        assert time.monotonic() < until
    calls[0].cancel()
    stubs.create_agent("ann", capacity=100, presence=Presence.ONLINE, tenant=tenant)
    assert {call.result().agent_id for call in calls[1:]} == {"ann"}
