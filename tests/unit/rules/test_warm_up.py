"""P4, P5: who comes ONLINE into a backlog is not buried, and nobody gets more than the rate."""

from collections import Counter
from collections.abc import Callable

import pytest

from fairlead.shard.core import Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
MINUTE = 60


def warming(interval: int = 50, lasts: int = 300, **settings: object) -> object:
    return queue(warm_up_interval_us=interval * SECOND, warm_up_for_us=lasts * SECOND, **settings)


def holders(r: Routing) -> dict[str, int]:
    return dict(Counter(job.agent_id for job in r.all_jobs() if job.agent_id))


@pytest.mark.parametrize(("policy", "shares"), [("warm", [6, 6, 6]), ("cold", [10, 8, 0])])
def test_a_backlog_of_18_and_three_who_log_in_within_five_minutes(
    routing: Make, policy: str, shares: list[int]
) -> None:
    """P4: with warm-up it is spread 6/6/6, without it is poured."""
    r = routing(warming() if policy == "warm" else queue())
    r.deal(18)
    for number, agent in enumerate(("ann", "bob", "cid")):
        r.at(10 * number)
        r.online(agent, capacity=10)
    r.at(5 * MINUTE)
    held = holders(r)
    assert [held.get(agent, 0) for agent in ("ann", "bob", "cid")] == shares


@pytest.mark.parametrize("log_ins", [(0, 100, 200), (0, 150, 299)])
def test_who_logs_in_minutes_later_gets_as_much_of_the_backlog(routing: Make, log_ins: tuple[int, ...]) -> None:
    """P4: with an interval as long as the time in which they come, whoever is first takes no more than the last."""
    r = routing(warming(5 * MINUTE, 60 * MINUTE))
    r.deal(18)
    for time, agent in zip(log_ins, ("ann", "bob", "cid"), strict=True):
        r.at(time)
        r.online(agent, capacity=10)
    r.at(30 * MINUTE)
    assert holders(r) == {"ann": 6, "bob": 6, "cid": 6}


def test_the_first_job_comes_at_once_and_the_next_after_the_interval(routing: Make) -> None:
    """P4, Q1: exactly then, without anybody calling."""
    r = routing(warming(20))
    r.deal(3)
    r.online("ann", capacity=5)
    assert r.waiting("j0", "j1", "j2") == ["j1", "j2"]
    assert r.job("j1").reason == Reason.NO_AGENT_ONLINE
    r.at(19.999999)
    assert r.waiting("j1") == ["j1"]
    r.at(20)
    assert r.waiting("j1", "j2") == ["j2"]
    assert r.shard.explain(TENANT, "j2").excluded == [("ann", "warming_up", "")]


def test_a_warm_up_ends_with_its_time(routing: Make) -> None:
    """P4."""
    r = routing(warming(200, 300))
    r.deal(5)
    r.online("ann", capacity=10)
    r.at(299)
    assert r.load("ann") == 2
    r.at(300)
    assert r.load("ann") == 5


def test_who_holds_the_average_of_the_settled_is_no_longer_slowed(routing: Make) -> None:
    """P4: the average of those who are past their own warm-up."""
    r = routing(warming(30, 100)).online("old", capacity=2)
    r.at(100)
    r.deal(2)
    r.online("new", capacity=10)
    r.deal(6, "k")
    assert (r.load("old"), r.load("new")) == (2, 1)
    r.at(130)
    assert r.load("new") == 6


def test_work_that_others_finish_brings_the_average_down(routing: Make) -> None:
    """P4, Q1: and waiting jobs follow in the same step."""
    r = routing(warming(50, 100)).online("old", capacity=2, skills={"de": 5})
    r.at(100)
    r.deal(2)
    r.online("new", capacity=10)
    r.deal(3, "k")
    assert r.load("new") == 1
    r.at(101)
    r.update("old", capacity=1)
    r.complete("j0")
    assert r.load("new") == 3


def test_every_log_in_begins_a_warm_up_and_staying_online_does_not(routing: Make) -> None:
    """P4, P1."""
    r = routing(warming(50, 100)).online("ann", capacity=10)
    r.at(100)
    r.presence("ann", Presence.ONLINE)
    assert r.deal(2) == ["ann", "ann"]
    r.presence("ann", Presence.AWAY)
    r.presence("ann", Presence.ONLINE)
    assert r.deal(2, "k") == ["ann", ""]


def test_an_own_agent_is_slowed_like_one_who_is_full(routing: Make) -> None:
    """P4, A2: the job is held for them; a transfer to a named agent asks nothing."""
    r = routing(warming(50, 100)).online("ann", "bob", capacity=10)
    r.give("a", "ann")
    answer = r.assign("b", wanted_agent="ann", wanted_hold_us=70 * SECOND)
    assert answer.reason == Reason.HELD_FOR_AGENT
    r.assign("c", excluded_agents=["ann"])
    r.transfer("c", agent="ann")
    r.at(49)
    assert r.waiting("b") == ["b"]
    r.at(50)
    assert r.who("b") == "ann"


def test_a_weighted_queue_passes_over_who_warms_up(routing: Make) -> None:
    """P4, T4."""
    r = routing(warming(50, 100, strategy="weighted")).online("ann", "bob", capacity=10)
    assert r.deal(3) == ["ann", "bob", ""]
    r.at(50)
    assert r.load("ann") == 2


def test_a_warm_up_in_a_new_policy_counts_from_the_log_in(routing: Make) -> None:
    """P4, L1."""
    r = routing(queue()).online("ann", capacity=10)
    r.at(60)
    r.assign("a")
    r.install(warming(50, 100))
    assert r.assign("b").agent_id == ""
    r.at(100)
    assert r.who("b") == "ann"


def test_nobody_gets_more_than_the_rate(routing: Make) -> None:
    """P5, E1: n in any window, and the next exactly when the oldest leaves it."""
    r = routing(queue(rate_limit=2, rate_window_us=60 * SECOND)).online("ann", capacity=10)
    r.assign("a")
    r.at(10)
    r.assign("b")
    answer = r.assign("c")
    assert (answer.agent_id, answer.reason) == ("", Reason.ALL_BUSY)
    assert r.shard.explain(TENANT, "c").excluded == [("ann", "rate_limit", "")]
    r.complete("a")
    assert r.waiting("c") == ["c"]
    r.at(59.999999)
    assert r.waiting("c") == ["c"]
    r.at(60)
    assert r.who("c") == "ann"
    r.assign("d")
    r.at(70)
    assert r.who("d") == "ann"


def test_offers_and_transfers_count_for_the_rate(routing: Make) -> None:
    """P5, O1: a declined one too; a transfer to a named agent is not refused."""
    r = routing(queue(rate_limit=1, rate_window_us=60 * SECOND, offer_timeout_us=20 * SECOND)).online(
        "ann", "bob", capacity=9
    )
    r.assign("a")
    r.shard.decline(TENANT, "a", 1)
    r.shard.accept(TENANT, "a", 2)
    r.transfer("a", agent="ann")
    assert r.assign("b").agent_id == ""
    r.at(60)
    assert r.job("b").agent_id == "bob" or r.job("b").agent_id == "ann"


def test_a_rate_of_one_queue_does_not_slow_another(routing: Make) -> None:
    """P5: but jobs of all queues count."""
    r = routing(queue("slow", rate_limit=1), queue("fast")).online("ann", capacity=9)
    assert r.assign("a", queue="fast").agent_id == "ann"
    assert r.assign("b", queue="slow").agent_id == ""
    assert r.assign("c", queue="fast").agent_id == "ann"


def test_leaving_ends_neither_the_rate_nor_begins_it_anew(routing: Make) -> None:
    """P5, P1."""
    r = routing(queue(rate_limit=1, rate_window_us=60 * SECOND)).online("ann", capacity=9)
    r.assign("a")
    r.presence("ann", Presence.OFFLINE)
    r.at(30)
    r.assign("b")
    r.presence("ann", Presence.ONLINE)
    assert r.waiting("b") == ["b"]
    r.at(60)
    assert r.who("b") == "ann"
