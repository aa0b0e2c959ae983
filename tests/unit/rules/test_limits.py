"""Q6: maximum length and maximum wait, and the three things to do beyond them (D14, D15)."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.errors import NotFound
from fairlead.shard.core import JobState, Outcome, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
REFUSE, OVERFLOW, CANCEL = 1, 2, 3


def full(routing: Make, action: int, **settings: Any) -> Routing:
    """Queue "a" with its two places taken by a0 and a1."""
    r = routing(queue("a", max_length=2, on_max_length=action, any_tags=("a",), **settings), queue("b"))
    assert [r.assign(f"a{number}", queue="a").outcome for number in range(2)] == [Outcome.QUEUED] * 2
    return r


def test_a_full_queue_refuses_with_a_reason(routing: Make) -> None:
    """Q6, D14: the job is not kept."""
    r = full(routing, REFUSE)
    answer = r.assign("j", queue="a")
    assert (answer.outcome, answer.reason, answer.agent_id) == (Outcome.REFUSED, Reason.QUEUE_FULL, "")
    with pytest.raises(NotFound):
        r.job("j")
    r.cancel("a0")
    assert r.assign("j", queue="a").outcome == Outcome.QUEUED


def test_a_full_queue_may_keep_the_job_as_cancelled(routing: Make) -> None:
    """Q6, D14."""
    r = full(routing, CANCEL)
    answer = r.assign("j", queue="a")
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.QUEUE_FULL)
    view = r.job("j")
    assert (view.state, view.reason) == (JobState.CANCELLED, Reason.QUEUE_FULL)
    assert r.assign("j", queue="a").repeated


def test_a_full_queue_overflows_into_another(routing: Make) -> None:
    """Q6, D14: to an agent there at once, else to its backlog, else its own limit counts."""
    r = full(routing, OVERFLOW, overflow_queue="b")
    answer = r.assign("j", queue="a")
    assert (answer.outcome, answer.queue, answer.reason) == (Outcome.QUEUED, "b", Reason.NO_AGENT_ONLINE)
    r.online("bob", capacity=2)
    assert r.who("j") == "bob"
    assert r.assign("k", queue="a").agent_id == "bob"
    assert r.job("k").queue == "b"


def test_overflow_goes_on_to_the_last_queue_of_the_chain(routing: Make) -> None:
    """D14."""
    limits: dict[str, Any] = {"max_length": 1, "any_tags": ("x",)}
    r = routing(
        queue("a", on_max_length=OVERFLOW, overflow_queue="b", **limits),
        queue("b", on_max_length=OVERFLOW, overflow_queue="c", **limits),
        queue("c", on_max_length=REFUSE, **limits),
    )
    assert [r.assign(f"j{number}", queue="a").queue for number in range(3)] == ["a", "b", "c"]
    answer = r.assign("j3", queue="a")
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.QUEUE_FULL)


def test_a_job_that_is_placed_at_once_does_not_ask_for_the_length(routing: Make) -> None:
    """Q6: what counts are waiting jobs."""
    r = full(routing, REFUSE)
    r.online("ann", tags=["a"], capacity=10)
    assert r.waiting("a0", "a1") == []
    assert r.deal(8, queue="a") == ["ann"] * 8
    assert [r.assign(f"w{n}", queue="a").outcome for n in range(3)] == [
        Outcome.QUEUED,
        Outcome.QUEUED,
        Outcome.REFUSED,
    ]


def test_jobs_held_for_an_agent_count_for_the_length(routing: Make) -> None:
    """D14."""
    r = routing(queue(max_length=1))
    r.online("ann", presence=Presence.OFFLINE)
    assert r.assign("held", wanted_agent="ann", wanted_mode=3).reason == Reason.HELD_FOR_AGENT
    assert r.assign("j").reason == Reason.QUEUE_FULL


def test_requeued_and_transferred_jobs_are_not_checked_for_length(routing: Make) -> None:
    """D14, D20."""
    r = full(routing, REFUSE)
    r.online("bob", capacity=2)
    r.assign("j", queue="b")
    assert r.transfer("j", queue="a").state == JobState.QUEUED
    assert r.shard.status(TENANT).queues[0][:2] == ("a", 3)


@pytest.mark.parametrize("action", [REFUSE, CANCEL])
def test_a_scheduled_job_that_finds_its_queue_full_is_cancelled(routing: Make, action: int) -> None:
    """D14: it was kept already."""
    r = full(routing, action)
    r.assign("later", queue="a", start_time_us=10 * SECOND)
    r.at(10)
    view = r.job("later")
    assert (view.state, view.reason, view.end_time_us) == (JobState.CANCELLED, Reason.QUEUE_FULL, 10 * SECOND)


@pytest.mark.parametrize("action", [REFUSE, CANCEL])
def test_a_job_that_waits_too_long_is_cancelled(routing: Make, action: int) -> None:
    """Q6, D15: to the microsecond."""
    r = routing(queue(max_wait_us=60 * SECOND, on_max_wait=action))
    r.at(5)
    r.assign("j")
    r.at(64.999999)
    assert r.state("j") == JobState.QUEUED
    r.at(65)
    view = r.job("j")
    assert (view.state, view.reason, view.end_time_us) == (JobState.CANCELLED, Reason.MAX_WAIT, 65 * SECOND)


def test_a_job_that_waits_too_long_overflows_with_a_new_clock_and_its_old_age(routing: Make) -> None:
    """Q6, D15."""
    r = routing(
        queue("a", max_wait_us=60 * SECOND, on_max_wait=OVERFLOW, overflow_queue="b", any_tags=("a",)),
        queue("b", max_wait_us=30 * SECOND, on_max_wait=CANCEL),
    )
    r.assign("j", queue="a")
    r.at(60)
    view = r.job("j")
    assert (view.queue, view.state, view.queue_time_us) == ("b", JobState.QUEUED, 0)
    r.at(89.999999)
    assert r.state("j") == JobState.QUEUED
    r.at(90)
    assert (r.state("j"), r.job("j").reason) == (JobState.CANCELLED, Reason.MAX_WAIT)


def test_overflow_after_a_wait_finds_an_agent_of_the_other_queue_at_once(routing: Make) -> None:
    """D15, Q1."""
    r = routing(
        queue("a", max_wait_us=60 * SECOND, on_max_wait=OVERFLOW, overflow_queue="b", any_tags=("a",)), queue("b")
    )
    r.online("bob")
    r.assign("j", queue="a")
    r.at(59)
    assert r.who("j") == ""
    r.at(60)
    assert r.who("j") == "bob"


def test_the_wait_is_counted_over_requeues_in_the_same_queue(routing: Make) -> None:
    """D15: from the moment it began to wait there."""
    r = routing(queue(max_wait_us=60 * SECOND))
    r.assign("j")
    r.at(20)
    r.online("ann")
    r.at(50)
    r.transfer("j")
    r.at(59.999999)
    assert r.state("j") == JobState.QUEUED
    r.at(60)
    assert (r.state("j"), r.job("j").reason) == (JobState.CANCELLED, Reason.MAX_WAIT)


def test_an_assigned_job_has_no_maximum_wait(routing: Make) -> None:
    """D15."""
    r = routing(queue(max_wait_us=60 * SECOND))
    r.online("ann")
    r.assign("j")
    r.at(1000)
    assert r.who("j") == "ann"


def test_a_new_maximum_wait_counts_from_when_the_wait_began(routing: Make) -> None:
    """D23."""
    r = routing(queue(max_wait_us=600 * SECOND))
    r.assign("j")
    r.at(30)
    r.install(queue(max_wait_us=40 * SECOND))
    r.at(39)
    assert r.state("j") == JobState.QUEUED
    r.at(40)
    assert r.state("j") == JobState.CANCELLED


def test_timers_fire_in_the_order_of_their_times_each_as_a_step_of_its_own(routing: Make) -> None:
    """D15, D16: one jump of the clock does what many small ones do."""
    ends = []
    for steps in ([1000.0], [second / 4 for second in range(4001)]):
        r = routing(queue(max_wait_us=50 * SECOND))
        for number in range(10):
            r.assign(f"t{number}", time_to_live_us=(7 * number % 10 + 1) * 10 * SECOND)
            r.assign(f"s{number}", start_time_us=(3 * number % 10 + 1) * 13 * SECOND)
        for step in steps:
            r.at(step)
        ends.append((r.shard.state_hash(TENANT), [(job.id, job.state, job.end_time_us) for job in r.all_jobs()]))
    assert ends[0] == ends[1]
