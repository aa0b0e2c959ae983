"""A1 to A3: returning customers, the agent they had, and how long a job waits for that agent (D11)."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.policy.tables import STRATEGIES, AffinityTierTable, ChannelTable
from fairlead.shard.core import Affinity, JobState, Outcome, Presence, Reason
from tests.unit.rules.support import HOUR, SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
TIER = AffinityTierTable


def served(routing: Make, *tiers: AffinityTierTable, mode: int = Affinity.PREFER, **settings: Any) -> Routing:
    """Customer "c" was served by "own" at second 0; "other" is idle longer, so every strategy would choose them."""
    r = routing(queue(affinity_mode=mode, affinity_tiers=tiers, strategy="longest_idle", **settings))
    r.online("own", tags=["member"])
    r.assign("first", customer="c")
    r.complete("first")
    r.online("other", tags=["member"])
    return r


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_returning_customer_gets_the_agent_who_last_served_them(routing: Make, strategy: str) -> None:
    """A1, A2: whatever the strategy; a stranger does not."""
    r = routing(queue(strategy=strategy, affinity_mode=Affinity.PREFER), seed=1)
    r.online("ann", weight=1, rating=1, capacity=100)
    r.assign("first", customer="c")
    r.online("bob", weight=1000, rating=1000, capacity=1000)
    assert r.deal(10, customer="c") == ["ann"] * 10
    assert "bob" in r.deal(10, "k", customer="stranger")
    assert "bob" in r.deal(10, "m")


def test_the_memory_is_of_the_last_one_by_whatever_cause(routing: Make) -> None:
    """A1: assigned, transferred or given from the backlog."""
    r = served(routing)
    r.assign("moved", customer="c")
    r.transfer("moved", agent="other")
    r.complete("moved")
    assert r.assign("j", customer="c").agent_id == "other"


def test_the_memory_is_of_a_group_of_queues(routing: Make) -> None:
    """A1: queues that name one group share it; others do not."""
    settings: dict[str, Any] = {"affinity_mode": Affinity.PREFER, "strategy": "longest_idle"}
    r = routing(
        queue("a", affinity_group="g", **settings), queue("b", affinity_group="g", **settings), queue("x", **settings)
    )
    r.online("own", capacity=3)
    r.assign("first", queue="a", customer="c")
    r.online("other", capacity=9)
    assert r.assign("x", queue="x", customer="c").agent_id == "other"
    r.give("o", "other")
    assert r.assign("y", queue="b", customer="c").agent_id == "own"
    assert r.assign("z", queue="x", customer="c").agent_id == "other"


def test_with_mode_off_nothing_is_remembered(routing: Make) -> None:
    """A3: by the queue or by the job itself."""
    r = served(routing, mode=Affinity.OFF)
    assert r.assign("j", customer="c", affinity=Affinity.PREFER).agent_id == "other"
    s = routing(queue(affinity_mode=Affinity.PREFER, strategy="longest_idle"))
    s.online("own")
    s.assign("first", customer="c", affinity=Affinity.OFF)
    s.complete("first")
    s.online("other")
    assert s.assign("j", customer="c").agent_id == "other"


def test_a_job_may_say_off_for_itself(routing: Make) -> None:
    """A3."""
    r = served(routing)
    assert r.assign("j", customer="c", affinity=Affinity.OFF).agent_id == "other"


@pytest.mark.parametrize(("seconds", "agent"), [(3600, "own"), (3600.000001, "other")])
def test_a_tier_reaches_as_far_as_its_age(routing: Make, seconds: float, agent: str) -> None:
    """A2, D11: age counted from when the agent was given the job."""
    r = served(routing, TIER(HOUR))
    r.at(seconds)
    assert r.assign("j", customer="c").agent_id == agent


def test_a_queue_without_tiers_remembers_for_24_hours(routing: Make) -> None:
    """D11."""
    r = served(routing)
    r.at(24 * 3600)
    assert r.assign("j1", customer="c", affinity=Affinity.PREFER).agent_id == "own"
    r.complete("j1")
    r.at(48 * 3600 + 1)
    assert r.assign("j2", customer="c").agent_id == "other"


def test_the_first_tier_that_reaches_decides(routing: Make) -> None:
    """A2: young memories follow an agent who is AWAY, older ones do not."""
    r = served(routing, TIER(HOUR, also_away=True), TIER(3 * HOUR))
    r.presence("own", Presence.AWAY)
    r.at(3600)
    assert r.assign("young", customer="c").agent_id == "own"
    r.complete("young")
    r.at(2 * 3600 + 1)
    assert r.assign("old", customer="c").agent_id == "other"


@pytest.mark.parametrize("presence", [Presence.DRAINING, Presence.OFFLINE])
def test_nobody_is_followed_beyond_away(routing: Make, presence: Presence) -> None:
    """A2."""
    r = served(routing, TIER(HOUR, also_away=True, hold_us=60 * SECOND))
    r.presence("own", presence)
    assert r.assign("j", customer="c").agent_id == "other"


def test_an_own_agent_who_is_full_and_no_hold_means_somebody_else_at_once(routing: Make) -> None:
    """A2: a preferred agent who is available wins, else the fallback is immediate."""
    r = served(routing)
    r.give("busy", "own")
    assert r.assign("j", customer="c").agent_id == "other"


def test_a_job_is_held_for_an_own_agent_who_is_full(routing: Make) -> None:
    """A2: for `hold` from its queueing time, although somebody else is idle."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND))
    r.give("busy", "own")
    r.at(10)
    answer = r.assign("j", customer="c")
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.HELD_FOR_AGENT)
    r.at(69.999999)
    assert r.waiting("j") == ["j"]
    r.complete("busy")
    assert r.who("j") == "own"


def test_when_the_hold_ends_the_strategy_chooses_as_usual(routing: Make) -> None:
    """A2: in the same step, to the microsecond."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND))
    r.give("busy", "own")
    r.at(10)
    r.assign("j", customer="c")
    r.at(70)
    assert r.who("j") == "other"


def test_a_job_whose_hold_ended_waits_like_any_other_and_still_prefers_its_own_agent(routing: Make) -> None:
    """A2, D11: whoever has room first; its own agent first if they fit."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND))
    r.give("b1", "own")
    r.give("b2", "other")
    r.assign("j", customer="c")
    r.at(60)
    assert r.waiting("j") == ["j"]
    r.complete("b2")
    assert r.who("j") == "other"


@pytest.mark.parametrize(
    "gone",
    [
        lambda r: r.presence("own", Presence.AWAY),
        lambda r: r.presence("own", Presence.OFFLINE),
        lambda r: r.update("own", tags=[]),
        lambda r: r.update("own", skills={}),
    ],
    ids=["away", "offline", "no longer a member", "no longer skilled"],
)
def test_a_hold_ends_when_the_own_agent_is_gone(routing: Make, gone: Callable[[Routing], None]) -> None:
    """A2: in the same step."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND), any_tags=("member",))
    for agent in ("own", "other"):
        r.update(agent, skills={"de": 5})
    r.give("busy", "own")
    r.assign("j", customer="c", skills=["de"])
    assert r.job("j").reason == Reason.HELD_FOR_AGENT
    gone(r)
    assert r.who("j") == "other"


def test_held_jobs_do_not_stand_in_the_way_of_others(routing: Make) -> None:
    """A2, Q5: nor does the agent they wait for take others before them."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND))
    r.give("busy", "own")
    r.assign("held", customer="c")
    assert r.assign("j").agent_id == "other"
    r.assign("later")
    r.complete("busy")
    assert (r.who("held"), r.who("later")) == ("own", "")


def test_an_own_agent_must_be_a_member_meet_the_demands_and_not_be_excluded(routing: Make) -> None:
    """A2, D11."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND), any_tags=("member",))
    r.update("other", skills={"de": 5}, capacity=9)
    assert r.assign("skill", customer="c", skills=["de"], affinity=Affinity.PREFER).agent_id == "other"
    r.complete("skill")
    r.online("third", tags=["member"])
    r.give("t", "third")
    r.give("o", "own")
    r.complete("o")
    r.assign("bind", customer="d", wanted_agent="own")
    r.complete("bind")
    assert r.assign("excluded", customer="d", excluded_agents=["own"]).agent_id == "other"
    r.update("own", tags=[])
    assert r.assign("member", customer="d").agent_id == "other"


def test_a_wanted_agent_comes_before_the_memory(routing: Make) -> None:
    """A2, D11: with a hold of its own, and never while AWAY."""
    r = served(routing, TIER(HOUR, also_away=True, hold_us=600 * SECOND))
    r.online("third")
    r.give("busy", "third")
    answer = r.assign("j", customer="c", wanted_agent="third", wanted_hold_us=60 * SECOND)
    assert (answer.reason, answer.agent_id) == (Reason.HELD_FOR_AGENT, "")
    r.at(60)
    assert r.who("j") == "other"
    r.presence("third", Presence.AWAY)
    r.complete("busy")
    assert r.assign("k", wanted_agent="third").agent_id == "own"


def test_required_means_that_agent_whatever_time_it_takes(routing: Make) -> None:
    """A3."""
    r = served(routing, mode=Affinity.REQUIRE)
    r.presence("own", Presence.OFFLINE)
    answer = r.assign("j", customer="c")
    assert answer.reason == Reason.HELD_FOR_AGENT
    r.at(100_000)
    for presence in (Presence.AWAY, Presence.DRAINING):
        r.presence("own", presence)
        assert r.waiting("j") == ["j"]
    r.presence("own", Presence.ONLINE)
    assert r.who("j") == "own"


def test_a_required_agent_is_asked_to_be_online_even_by_a_tier_that_follows_to_away(routing: Make) -> None:
    """A3, D11."""
    r = served(routing, TIER(HOUR, also_away=True), mode=Affinity.REQUIRE)
    r.presence("own", Presence.AWAY)
    assert r.assign("j", customer="c").reason == Reason.HELD_FOR_AGENT


def test_a_required_agent_must_be_a_candidate_too(routing: Make) -> None:
    """A3: without room, membership or skill they are waited for."""
    r = served(routing, mode=Affinity.REQUIRE)
    assert r.assign("j", customer="c", skills=["de"]).reason == Reason.HELD_FOR_AGENT
    r.update("other", skills={"de": 5})
    assert r.waiting("j") == ["j"]
    r.update("own", skills={"de": 5})
    assert r.who("j") == "own"


def test_when_a_required_agent_is_deleted_the_job_is_an_ordinary_one(routing: Make) -> None:
    """A3, D11."""
    r = served(routing, mode=Affinity.REQUIRE)
    r.presence("own", Presence.AWAY)
    r.assign("j", customer="c")
    r.shard.delete_agent(TENANT, "own")
    assert r.who("j") == "other"


def test_a_stranger_is_not_held_by_required(routing: Make) -> None:
    """A3: there is nobody to wait for."""
    r = served(routing, mode=Affinity.REQUIRE)
    assert r.assign("j", customer="new one").agent_id == "other"
    assert r.assign("k").agent_id == "own"


def test_immediate_only_is_not_held(routing: Make) -> None:
    """A3, E1."""
    r = served(routing, mode=Affinity.REQUIRE)
    r.presence("own", Presence.AWAY)
    answer = r.assign("j", customer="c", immediate_only=True)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.HELD_FOR_AGENT)


def test_after_a_transfer_the_own_agent_no_longer_counts(routing: Make) -> None:
    """D20."""
    r = served(routing)
    r.assign("j", customer="c")
    r.presence("other", Presence.AWAY)
    r.transfer("j", queue="q")
    assert r.who("j") == "own"
    r.presence("other", Presence.ONLINE)
    r.transfer("j", queue="q")
    assert r.who("j") == "other"


def test_an_overflowing_job_leaves_its_own_agent_behind(routing: Make) -> None:
    """D14: preference and hold apply in the first queue only."""
    r = routing(
        queue(
            "a",
            affinity_mode=Affinity.PREFER,
            affinity_group="g",
            any_tags=("none",),
            max_wait_us=10 * SECOND,
            on_max_wait=2,
            overflow_queue="b",
        ),
        queue("b", strategy="longest_idle"),
    )
    r.online("own")
    r.online("other")
    r.presence("other", Presence.AWAY)
    r.assign("j", queue="a", wanted_agent="own")
    assert r.state("j") == JobState.QUEUED
    r.presence("other", Presence.ONLINE)
    r.assign("o", queue="b", wanted_agent="own")
    r.complete("o")
    r.at(10)
    assert r.who("j") == "other"


def test_an_overflowed_job_waits_for_its_own_agent_no_more_than_for_others(routing: Make) -> None:
    """D14: whoever gets room in the second queue takes it as any other of the backlog, the own agent too."""
    r = routing(queue("a", max_wait_us=10 * SECOND, on_max_wait=2, overflow_queue="b"), queue("b"))
    r.online("own")
    r.give("busy", "own")
    r.assign("j", wanted_agent="own")
    r.at(10)
    assert r.job("j").queue == "b"
    r.complete("busy")
    decision = r.shard.explain(TENANT, "j").decision
    assert decision is not None
    assert decision[:3] == ("own", 1, "backlog")


def test_a_job_that_waited_for_its_own_agent_is_told_so(routing: Make) -> None:
    """E3, A2: the cause is the agent, not the backlog."""
    r = served(routing, TIER(HOUR, hold_us=60 * SECOND))
    r.give("busy", "own")
    r.assign("j", customer="c")
    r.complete("busy")
    decision = r.shard.explain(TENANT, "j").decision
    assert decision is not None
    assert decision[:3] == ("own", 1, "own_agent")


def test_jobs_of_an_agent_who_goes_are_placed_in_the_order_of_their_keys(routing: Make) -> None:
    """A2, Q1: the oldest first, when there is room for one."""
    r = served(routing, TIER(HOUR, hold_us=600 * SECOND))
    r.give("busy", "own")
    for name in ("j1", "j2", "j3"):
        assert r.assign(name, customer="c").reason == Reason.HELD_FOR_AGENT
    r.presence("own", Presence.OFFLINE)
    assert r.who("j1") == "other"
    assert r.waiting("j1", "j2", "j3") == ["j2", "j3"]


def test_affinity_never_makes_a_costly_channel_fit(routing: Make) -> None:
    """A2, C2."""
    r = routing(queue(affinity_mode=Affinity.PREFER), channels=(ChannelTable("chat", 1), ChannelTable("voice", 5)))
    r.online("own", capacity=5)
    r.assign("first", customer="c")
    r.online("other", capacity=5)
    assert r.assign("call", customer="c", channel="voice").agent_id == "other"
