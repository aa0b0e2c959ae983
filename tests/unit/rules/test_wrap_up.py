"""J1, C3: after-work keeps the agent's room until it is over."""

from collections.abc import Callable

import pytest

from fairlead.errors import FairleadError
from fairlead.shard.core import JobState, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def wrapping(seconds: int = 30) -> object:
    return queue(wrap_up_us=seconds * SECOND)


def test_a_completed_job_keeps_the_room_until_the_after_work_is_over(routing: Make) -> None:
    """J1, C3, Q1: then the room serves the backlog in the same step."""
    r = routing(wrapping()).online("ann").full()
    r.assign("waits")
    r.at(10)
    answer = r.shard.complete(TENANT, "full", 1)
    assert (answer.state, answer.agent_id, answer.version, answer.deadline_us) == (
        JobState.WRAPPING,
        "ann",
        1,
        40 * SECOND,
    )
    job = r.job("full")
    assert (job.state, job.deadline_us, job.end_time_us, r.load("ann")) == (JobState.WRAPPING, 40 * SECOND, 0, 1)
    assert r.shard.agent(TENANT, "ann").completed_count == 1
    r.at(39.999999)
    assert r.waiting("waits") == ["waits"]
    r.at(40)
    assert (r.state("full"), r.job("full").end_time_us, r.who("waits")) == (JobState.COMPLETED, 40 * SECOND, "ann")
    assert r.shard.agent(TENANT, "ann").completed_count == 1


def test_after_work_can_be_finished_before_its_time(routing: Make) -> None:
    """J1, J5."""
    r = routing(wrapping()).online("ann").full()
    r.assign("waits")
    with pytest.raises(FairleadError, match="is ASSIGNED, a state that does not"):
        r.shard.finish_wrap_up(TENANT, "full", 1)
    r.complete("full")
    with pytest.raises(FairleadError, match="assigned again"):
        r.shard.finish_wrap_up(TENANT, "full", 2)
    r.at(5)
    answer = r.shard.finish_wrap_up(TENANT, "full", 1, "once")
    assert (answer.state, answer.deadline_us, r.job("full").end_time_us) == (JobState.COMPLETED, 0, 5 * SECOND)
    assert r.who("waits") == "ann"
    assert r.shard.finish_wrap_up(TENANT, "full", 1, "once").repeated
    r.at(60)
    assert r.who("waits") == "ann"


@pytest.mark.parametrize(("own", "expected"), [(-1, 30), (60, 60), (0, 0)])
def test_an_agents_own_after_work_goes_before_the_queues(routing: Make, own: int, expected: int) -> None:
    """J1, K1: -1 is the queue's, 0 is none."""
    r = routing(wrapping()).online("ann", wrap_up_us=own * SECOND if own > 0 else own).full()
    assert r.shard.agent(TENANT, "ann").wrap_up_us == (own * SECOND if own > 0 else own)
    assert r.shard.complete(TENANT, "full", 1).deadline_us == expected * SECOND


def test_an_agents_own_after_work_can_be_changed_for_later_jobs(routing: Make) -> None:
    """K1."""
    r = routing(wrapping()).online("ann").full()
    r.update("ann", wrap_up_us=0)
    r.complete("full")
    assert r.state("full") == JobState.COMPLETED
    r.update("ann", wrap_up_us=-1)
    r.assign("next")
    r.complete("next")
    assert r.state("next") == JobState.WRAPPING
    for wrong in (-2, 24 * 3600 * SECOND + 1):
        with pytest.raises(FairleadError, match="must be -1"):
            r.update("ann", wrap_up_us=wrong)


def test_after_work_can_be_skipped(routing: Make) -> None:
    """J1."""
    r = routing(wrapping()).online("ann").full()
    assert r.shard.complete(TENANT, "full", 1, skip_wrap_up=True).state == JobState.COMPLETED


def test_cancelling_ends_after_work_too(routing: Make) -> None:
    """J1: and everything else waits for its end."""
    r = routing(wrapping()).online("ann").full()
    r.assign("waits")
    r.complete("full")
    for call in (r.shard.complete, r.shard.transfer, r.shard.accept):
        with pytest.raises(FairleadError, match="is WRAPPING, a state that does not"):
            call(TENANT, "full", 1)
    with pytest.raises(FairleadError, match="still holds jobs"):
        r.shard.delete_agent(TENANT, "ann")
    r.cancel("full")
    assert (r.state("full"), r.job("full").reason, r.who("waits")) == (JobState.CANCELLED, Reason.CALLER, "ann")


def test_after_work_that_runs_is_not_changed_by_a_policy(routing: Make) -> None:
    """L1."""
    r = routing(wrapping()).online("ann").full()
    r.complete("full")
    r.install(wrapping(5))
    r.at(29)
    assert r.state("full") == JobState.WRAPPING
    r.at(30)
    assert r.state("full") == JobState.COMPLETED
