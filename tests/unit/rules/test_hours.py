"""L2: queues with opening hours, and what becomes of jobs while they are closed (D49)."""

from collections.abc import Callable
from typing import Any

from fairlead.policy.tables import STRATEGIES, ChannelTable, ScheduleTable
from fairlead.shard.core import Affinity, JobState, Outcome, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
REFUSE, QUEUE, OVERFLOW, STRATEGY = 1, 2, 3, 4
HOURS = ScheduleTable("day", False, (100 * SECOND, 200 * SECOND, 300 * SECOND))


def closed(routing: Make, action: int, **settings: Any) -> Routing:
    """Queue "a" that opens at 100, closes at 200, opens at 300, and an overflow queue "b". Ann has all the room."""
    first = queue("a", hours="day", on_closed=action, overflow_queue="b", **settings)
    return routing(first, queue("b"), schedules=(HOURS,)).online("ann", capacity=99)


def test_a_closed_queue_refuses(routing: Make) -> None:
    """L2: CLOSED_HOURS, and the job is not kept."""
    r = closed(routing, REFUSE)
    answer = r.assign("j")
    assert (answer.outcome, answer.reason, answer.queue) == (Outcome.REFUSED, Reason.CLOSED_HOURS, "a")
    r.at(100)
    assert r.assign("j").agent_id == "ann"
    r.at(200)
    assert r.assign("k").outcome == Outcome.REFUSED


def test_a_closed_queue_may_let_jobs_wait_until_it_opens(routing: Make) -> None:
    """L2, Q1: nobody is a candidate until then, and all are matched in the step that opens it."""
    r = closed(routing, QUEUE)
    answer = r.assign("j")
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.CLOSED_HOURS)
    r.online("bob")
    assert ("ann", "closed_hours", "") in r.shard.explain(TENANT, "j").excluded
    r.shard.advance_to(100 * SECOND - 1)
    assert r.state("j") == JobState.QUEUED
    assert r.shard.tick() == 1
    r.at(100)
    assert r.job("j").assign_time_us == 100 * SECOND


def test_jobs_that_wait_when_it_closes_wait_on_or_are_served(routing: Make) -> None:
    """D49: wait with QUEUE, are served as usual with the others."""
    for action, holder in ((QUEUE, ""), (REFUSE, "bob"), (OVERFLOW, "bob"), (STRATEGY, "bob")):
        r = closed(routing, action)
        r.at(150)
        r.assign("j", skills=["s"])
        r.at(200)
        r.online("bob", skills={"s": 5})
        assert r.who("j") == holder
        r.at(300)
        assert r.who("j") == "bob"


def test_a_closed_queue_overflows_with_its_jobs(routing: Make) -> None:
    """L2, Q6: decided there, without own agents; where that is closed too, by its own action."""
    r = closed(routing, OVERFLOW)
    answer = r.assign("j")
    assert (answer.queue, answer.agent_id) == ("b", "ann")
    both = routing(
        queue("a", hours="day", on_closed=OVERFLOW, overflow_queue="b"),
        queue("b", hours="day", on_closed=QUEUE),
        schedules=(HOURS,),
    )
    answer = both.assign("j")
    assert (answer.queue, answer.reason) == ("b", Reason.CLOSED_HOURS)


def test_a_closed_queue_may_decide_by_another_strategy(routing: Make) -> None:
    """L2, D46."""
    r = closed(routing, STRATEGY, closed_strategy=STRATEGIES["best_rating"])
    r.assign("j", skills=["s"])
    assert r.shard.explain(TENANT, "j").strategy == "best_rating"
    r.at(100)
    assert r.shard.explain(TENANT, "j").strategy == "least_load"


def test_a_start_is_decided_by_the_hours_at_that_time(routing: Make) -> None:
    """D49: SCHEDULED comes before hours; a schedule toggles before the jobs of its microsecond."""
    r = closed(routing, REFUSE)
    r.assign("early", start_time_us=99 * SECOND)
    r.assign("sharp", start_time_us=100 * SECOND)
    r.at(100)
    assert (r.state("early"), r.job("early").reason) == (JobState.CANCELLED, Reason.CLOSED_HOURS)
    assert r.who("sharp") == "ann"


def test_a_costly_job_of_a_closed_queue_reserves_nobody(routing: Make) -> None:
    """Q8, D49: the clock runs only while the queue is open."""
    r = routing(
        queue("a", hours="day", on_closed=QUEUE),
        queue("b"),
        schedules=(HOURS,),
        channels=(ChannelTable("chat"), ChannelTable("voice", 3)),
        reserve_after_us=10 * SECOND,
    ).online("ann", capacity=3)
    r.assign("x", queue="b")
    r.assign("big", channel="voice")
    r.at(50)
    assert r.assign("small", queue="b").agent_id == "ann"
    r.at(120)
    assert r.assign("late", queue="b").agent_id == ""


def test_a_job_may_be_held_for_its_agent_and_waits_for_the_hours_too(routing: Make) -> None:
    """A3, D49: the reason is the hours."""
    r = closed(routing, QUEUE).online("bob")
    answer = r.assign("j", wanted_agent="bob", wanted_mode=Affinity.REQUIRE)
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.CLOSED_HOURS)
    r.at(100)
    assert r.who("j") == "bob"


def test_a_new_policy_opens_a_queue_at_once(routing: Make) -> None:
    """L1."""
    r = closed(routing, QUEUE)
    r.assign("j")
    r.install(queue("a"), queue("b"))
    assert r.who("j") == "ann"


def test_immediate_only_is_refused_while_closed(routing: Make) -> None:
    """D49: with QUEUE nobody can take it; OVERFLOW is followed."""
    r = closed(routing, QUEUE)
    assert r.assign("j", immediate_only=True).reason == Reason.CLOSED_HOURS
    r = closed(routing, OVERFLOW)
    assert r.assign("j", immediate_only=True).agent_id == "ann"


def test_an_agent_who_comes_while_it_is_closed_takes_other_work(routing: Make) -> None:
    """Q2, Q5: a job that waits for its hours delays nobody."""
    r = closed(routing, QUEUE)
    r.presence("ann", Presence.AWAY)
    r.assign("first")
    r.assign("second", queue="b")
    r.presence("ann", Presence.ONLINE)
    assert (r.who("first"), r.who("second")) == ("", "ann")
