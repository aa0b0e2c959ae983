"""ExplainJob at a decision (E3): Router and daemon, both with a journal, say the same; and without one, so."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from fairlead.errors import FairleadError, InvalidArgument, NotFound, ResourceExhausted
from fairlead.router import Router
from fairlead.shard.core import JobState, Outcome, Presence, Reason, When
from fairlead.views import Explanation
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace

TENANT = "default"


@pytest.fixture(params=["grpc", "router"])
def kept(request: pytest.FixtureRequest, transport: str, tmp_path: Path) -> Iterator[Any]:
    """A face with a journal of its own."""
    if request.param == "router":
        with Router(tmp_path / "journal", "os") as router:
            yield router
            assert router.check() == []
        return
    configuration = f'transport = "{transport}"\n[journal]\npath = "{tmp_path / "journal"}"\ndurability = "os"\n'
    daemon = DaemonProcess(tmp_path, configuration, "--init")
    with grpc.insecure_channel(daemon.address) as channel:
        face = GrpcFace(channel)
        yield face
        assert face.check(tenant=TENANT) == []
    assert daemon.stop()[0] == 0


def agents_of(told: Explanation) -> list[str]:
    """Candidates, best first."""
    return [agent for agent, _ in told.candidates]


def causes_of(told: Explanation) -> dict[str, str]:
    return {agent: cause for agent, cause, _ in told.excluded}


def world(face: Any) -> None:
    """ann, the longest idle, gets j0; what could be chosen from then is another choice now."""
    face.update_policy({"queues": [{"id": "q", "strategy": "longest_idle"}]}, tenant=TENANT)
    for name in ("ann", "bob", "cid"):
        face.create_agent(name, skills={"de": 5}, capacity=2, presence=Presence.ONLINE, tenant=TENANT)
    face.create_agent("eve", presence=Presence.AWAY, skills={"de": 5}, tenant=TENANT)
    face.create_agent("dan", presence=Presence.ONLINE, tenant=TENANT)
    face.assign("j0", skills={"de": 3}, tenant=TENANT)
    face.set_presence("bob", Presence.OFFLINE, tenant=TENANT)
    face.set_presence("eve", Presence.ONLINE, tenant=TENANT)
    face.update_policy({"queues": [{"id": "q", "strategy": "best_rating"}]}, tenant=TENANT)


@pytest.mark.parametrize("is_over", [False, True], ids=["live", "finished"])
def test_a_decision_is_told_as_it_was(kept: Any, is_over: bool) -> None:
    world(kept)
    if is_over:
        kept.complete("j0", 1, tenant=TENANT)
        kept.delete_agent("ann", tenant=TENANT)
    told = kept.explain("j0", tenant=TENANT)
    assert told.at_decision_unavailable == ""
    assert agents_of(told) == ["ann", "bob", "cid"]
    assert causes_of(told) == {"eve": "away", "dan": "missing_skill"}
    assert told.strategy == "longest_idle"
    assert told.job.state == (JobState.COMPLETED if is_over else JobState.ASSIGNED)
    moment = told.moment
    assert (moment.outcome, moment.agent_id, moment.reason) == (Outcome.ASSIGNED, "ann", Reason.NONE)
    assert moment.sequence > 0
    decision = told.decision
    assert (decision.agent_id, decision.policy_version, decision.cause) == ("ann", 1, "strategy")
    assert (decision.load_before, decision.capacity) == (0, 2)
    assert "ann" in told.summary


def test_the_present_is_told_when_asked_for(kept: Any) -> None:
    world(kept)
    now = kept.explain("j0", when=When.NOW, tenant=TENANT)
    assert (now.strategy, agents_of(now)) == ("best_rating", ["cid", "eve", "ann"])
    assert causes_of(now) == {"bob": "offline", "dan": "missing_skill"}
    assert now.at_decision_unavailable == ""
    assert now.moment is None


def test_a_waiting_job_is_told_as_it_is_unless_asked(kept: Any) -> None:
    """What keeps it waiting now counts; AT_DECISION tells why it began to."""
    kept.create_agent("ann", presence=Presence.ONLINE, skills={"de": 5}, tenant=TENANT)
    kept.assign("j0", skills={"fr": 1}, tenant=TENANT)
    kept.create_agent("bob", presence=Presence.AWAY, skills={"fr": 5}, tenant=TENANT)
    now = kept.explain("j0", tenant=TENANT)
    assert causes_of(now) == {"ann": "missing_skill", "bob": "away"}
    assert now.moment is None
    then = kept.explain("j0", when=When.AT_DECISION, tenant=TENANT)
    assert causes_of(then) == {"ann": "missing_skill"}
    assert (then.moment.outcome, then.moment.reason) == (Outcome.QUEUED, Reason.NONE_ELIGIBLE)
    assert list(then.blocking_demands) == ["skill fr >= 1"]


def test_the_last_job_of_an_id_and_its_last_decision_count(kept: Any) -> None:
    """A transfer is a decision of its own; an id may be used again once its job is forgotten."""
    policy = {"retention": "1ms", "queues": [{"id": "q"}]}
    kept.update_policy(policy, tenant=TENANT)
    kept.create_agent("ann", presence=Presence.ONLINE, tenant=TENANT)
    kept.assign("j0", tenant=TENANT)
    kept.complete("j0", 1, tenant=TENANT)
    kept.create_agent("bob", presence=Presence.ONLINE, tenant=TENANT)
    until_forgotten(kept, "j0")
    kept.assign("j0", tenant=TENANT)
    assert kept.explain("j0", tenant=TENANT).moment.agent_id == "bob"
    kept.transfer("j0", 1, agent="ann", tenant=TENANT)
    told = kept.explain("j0", tenant=TENANT)
    assert (told.moment.agent_id, told.decision.cause) == ("ann", "transfer")
    assert agents_of(told) == ["ann", "bob"]


def until_forgotten(face: Any, job_id: str) -> None:
    for _ in range(10_000):
        face.tick()
        try:
            face.job(job_id, tenant=TENANT)
        except NotFound:
            return
    raise AssertionError(f"{job_id} is remembered for longer than its retention")


def test_too_long_a_journal_is_refused_when_it_was_asked_for(kept: Any) -> None:
    world(kept)
    with pytest.raises(ResourceExhausted, match="at most 3|first 3") as refused:
        kept.explain("j0", when=When.AT_DECISION, max_records=3, tenant=TENANT)
    assert (refused.value.reason, refused.value.field) == ("LIMIT_EXCEEDED", "max_records")
    told = kept.explain("j0", max_records=3, tenant=TENANT)
    assert "3" in told.at_decision_unavailable
    assert told.strategy == "best_rating"


def test_without_a_journal_the_present_is_told_and_said_to_be(face: Any, tenant: str) -> None:
    face.create_agent("ann", presence=Presence.ONLINE, tenant=tenant)
    face.assign("j0", tenant=tenant)
    for when in (0, When.AT_DECISION):
        told = face.explain("j0", when=when, tenant=tenant)
        assert told.at_decision_unavailable == "no journal is kept"
        assert told.decision.agent_id == "ann"
        assert told.moment is None


def test_what_cannot_be_asked_is_refused_with_its_field(face: Any, tenant: str) -> None:
    face.assign("j0", tenant=tenant)
    for field, arguments in (("when", {"when": 3}), ("max_records", {"max_records": -1})):
        with pytest.raises(InvalidArgument) as refused:
            face.explain("j0", **arguments, tenant=tenant)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        face.explain("nothing", when=When.AT_DECISION, tenant=tenant)


def test_calls_go_on_while_a_decision_is_read(kept: Any) -> None:
    """The lock is not held: the journal grows meanwhile, and each explanation is still that of its job."""
    kept.create_agent("ann", capacity=10_000, presence=Presence.ONLINE, tenant=TENANT)
    stop = threading.Event()
    failures: list[FairleadError] = []

    def work() -> None:
        number = 0
        while not stop.is_set() and number < 5_000:
            try:
                kept.assign(f"w{number}", tenant=TENANT)
                kept.complete(f"w{number}", 1, tenant=TENANT)
            except FairleadError as wrong:
                failures.append(wrong)
                return
            number += 1

    worker = threading.Thread(target=work)
    worker.start()
    for number in range(20):
        kept.assign(f"j{number}", tenant=TENANT)
        told = kept.explain(f"j{number}", when=When.AT_DECISION, tenant=TENANT)
        assert (told.moment.agent_id, told.job.id) == ("ann", f"j{number}")
    stop.set()
    worker.join()
    assert failures == []
