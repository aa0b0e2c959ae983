"""P2, P3: who does not say that they are there is OFFLINE, and what becomes of what they held."""

from collections.abc import Callable

import pytest

from fairlead.errors import FairleadError
from fairlead.shard.core import Affinity, JobState, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def lease(r: Routing, agent: str, seconds: int, presence: Presence = Presence.ONLINE) -> None:
    r.shard.set_presence(TENANT, agent, presence, "logged in", seconds * SECOND)


def requeueing(grace: int = 0, **settings: object) -> object:
    return queue(requeue_lost=True, lost_grace_us=grace * SECOND, **settings)


def presence(r: Routing, agent: str) -> tuple[Presence, str]:
    view = r.shard.agent(TENANT, agent)
    return view.presence, view.presence_reason


@pytest.mark.parametrize("state", [Presence.ONLINE, Presence.AWAY, Presence.DRAINING])
def test_without_a_heartbeat_an_agent_becomes_offline(routing: Make, state: Presence) -> None:
    """P2: with the reason, whatever they were before."""
    r = routing().online("ann")
    lease(r, "ann", 60, state)
    r.at(59.999999)
    assert presence(r, "ann") == (state, "logged in")
    r.at(60)
    assert presence(r, "ann") == (Presence.OFFLINE, "lease_expired")
    assert r.shard.agent(TENANT, "ann").lease_end_us == 0


def test_a_heartbeat_begins_the_lease_anew(routing: Make) -> None:
    """P2: and who is unknown or OFFLINE must log in again."""
    r = routing().online("ann", "free").online("gone", presence=Presence.OFFLINE)
    lease(r, "ann", 60)
    r.at(50)
    assert r.shard.heartbeat(TENANT, ["ann", "free", "gone", "nobody"]) == ["gone", "nobody"]
    assert r.shard.agent(TENANT, "ann").lease_end_us == 110 * SECOND
    r.at(109)
    assert presence(r, "ann")[0] == Presence.ONLINE
    r.at(110)
    assert r.shard.heartbeat(TENANT, ["ann"]) == ["ann"]


def test_setting_presence_again_sets_or_ends_the_lease(routing: Make) -> None:
    """P2, P1: the same presence without a lease has none."""
    r = routing().online("ann")
    lease(r, "ann", 60)
    lease(r, "ann", 90)
    r.at(80)
    assert presence(r, "ann")[0] == Presence.ONLINE
    r.presence("ann", Presence.ONLINE)
    r.at(1000)
    assert presence(r, "ann")[0] == Presence.ONLINE


def test_jobs_of_a_lost_agent_are_kept_unless_the_queue_says_otherwise(routing: Make) -> None:
    """P3, P1."""
    r = routing().online("ann")
    r.assign("j")
    lease(r, "ann", 60)
    r.at(3600)
    assert r.who("j") == "ann"
    r.complete("j")


@pytest.mark.parametrize("how", ["lease", "forced"])
def test_jobs_of_a_lost_agent_go_on_at_their_place(routing: Make, how: str) -> None:
    """P3, Q7: in order of their keys, excluding nobody; what they waited counts."""
    r = routing(requeueing()).online("ann", capacity=3)
    lease(r, "ann", 60)
    for number, job in enumerate(("first", "second", "third")):
        r.at(number)
        r.assign(job)
    r.at(10)
    r.assign("late", channel="chat")
    if how == "lease":
        r.at(60)
    else:
        r.presence("ann", Presence.OFFLINE)
    assert r.waiting("first", "second", "third", "late") == ["first", "second", "third", "late"]
    assert r.job("first").reason == Reason.NO_AGENT_ONLINE
    r.online("bob", capacity=2)
    assert [r.who(job) for job in ("first", "second", "third")] == ["bob", "bob", ""]
    r.presence("ann", Presence.ONLINE)
    assert [r.who(job) for job in ("third", "late")] == ["ann", "ann"]
    assert r.job("first").version == 2


def test_an_agent_who_lost_a_job_cannot_finish_it(routing: Make) -> None:
    """J5, P3: neither while it waits nor when somebody else has it."""
    r = routing(requeueing()).online("ann")
    r.assign("j")
    r.presence("ann", Presence.OFFLINE)
    with pytest.raises(FairleadError, match="is QUEUED, a state that does not"):
        r.shard.complete(TENANT, "j", 1)
    r.online("bob")
    with pytest.raises(FairleadError, match="assigned again"):
        r.shard.complete(TENANT, "j", 1)


def test_who_is_back_within_the_grace_keeps_their_jobs(routing: Make) -> None:
    """P3."""
    r = routing(requeueing(30)).online("ann").online("bob")
    r.give("j", "ann")
    r.presence("ann", Presence.OFFLINE)
    r.at(29)
    r.presence("ann", Presence.AWAY)
    r.at(300)
    assert r.who("j") == "ann"
    r.presence("ann", Presence.OFFLINE)
    r.at(329.999999)
    assert r.who("j") == "ann"
    r.at(330)
    assert (r.who("j"), r.job("j").queue_time_us) == ("bob", 0)


def test_an_agent_whose_lease_expires_loses_nothing_twice(routing: Make) -> None:
    """P2, P3, O1, J5: one event takes the jobs, and a late accept is refused."""
    r = routing(requeueing(offer_timeout_us=600 * SECOND)).online("ann", capacity=2)
    lease(r, "ann", 60)
    r.assign("held")
    r.shard.accept(TENANT, "held", 1)
    r.assign("offered")
    r.at(60)
    assert r.waiting("held", "offered") == ["held", "offered"]
    assert r.job("held").version == r.job("offered").version == 1
    with pytest.raises(FairleadError, match="is QUEUED, a state that does not"):
        r.shard.accept(TENANT, "offered", 1)
    r.presence("ann", Presence.OFFLINE)
    r.at(70)
    r.online("bob", capacity=2)
    assert [r.job(job).agent_id for job in ("held", "offered")] == ["bob", "bob"]
    with pytest.raises(FairleadError, match="assigned again"):
        r.shard.accept(TENANT, "offered", 1)
    r.at(659)
    assert [r.job(job).version for job in ("held", "offered")] == [2, 2]


def test_an_offer_of_a_lost_agent_is_no_miss_and_bars_nobody(routing: Make) -> None:
    """P3, O2, O3: also where jobs are kept."""
    r = routing(queue(offer_timeout_us=20 * SECOND)).online("ann")
    r.assign("j")
    r.presence("ann", Presence.OFFLINE)
    assert r.waiting("j") == ["j"]
    r.presence("ann", Presence.ONLINE)
    view = r.job("j")
    assert (view.state, view.agent_id, r.shard.agent(TENANT, "ann").missed_offers) == (JobState.OFFERED, "ann", 0)


def test_after_work_of_a_lost_agent_is_cut_short(routing: Make) -> None:
    """P3: it is completed, not queued."""
    r = routing(requeueing(10, wrap_up_us=60 * SECOND)).online("ann", capacity=2)
    r.assign("j")
    r.complete("j")
    r.at(20)
    r.presence("ann", Presence.OFFLINE)
    r.at(29)
    assert r.state("j") == JobState.WRAPPING
    r.at(30)
    assert (r.state("j"), r.job("j").end_time_us) == (JobState.COMPLETED, 30 * SECOND)


def test_a_lost_job_past_its_life_expires(routing: Make) -> None:
    """P3, J3."""
    r = routing(requeueing()).online("ann")
    r.assign("j", time_to_live_us=5 * SECOND)
    r.at(10)
    r.presence("ann", Presence.OFFLINE)
    assert r.state("j") == JobState.EXPIRED


def test_a_lost_agents_customers_need_not_wait_for_them(routing: Make) -> None:
    """P3, A2: its own agent no longer counts for a requeued job; a held one becomes ordinary; both in key order."""
    r = routing(requeueing()).online("ann").online("bob", presence=Presence.AWAY)
    r.assign("j")
    r.at(1)
    r.assign("held", wanted_agent="ann", wanted_hold_us=600 * SECOND)
    assert r.job("held").reason == Reason.HELD_FOR_AGENT
    r.presence("bob", Presence.ONLINE)
    r.presence("ann", Presence.OFFLINE)
    assert (r.who("j"), r.waiting("held")) == ("bob", ["held"])
    assert r.job("held").reason == Reason.ALL_BUSY


def test_who_only_wants_one_agent_still_waits_for_them(routing: Make) -> None:
    """A3: REQUIRE with an open offer of a lost agent."""
    r = routing(queue(offer_timeout_us=20 * SECOND)).online("ann", "bob")
    r.assign("j", wanted_agent="ann", wanted_mode=Affinity.REQUIRE)
    r.presence("ann", Presence.OFFLINE)
    assert (r.state("j"), r.job("j").reason) == (JobState.QUEUED, Reason.HELD_FOR_AGENT)
    r.presence("ann", Presence.ONLINE)
    assert r.job("j").agent_id == "ann"


def test_a_policy_that_requeues_holds_for_agents_who_are_lost_already(routing: Make) -> None:
    """P3, L1."""
    r = routing().online("ann").online("bob")
    r.give("j", "ann")
    r.presence("ann", Presence.OFFLINE)
    r.at(20)
    r.install(requeueing(30))
    assert r.who("j") == "ann"
    r.at(30)
    assert r.who("j") == "bob"


def test_going_offline_with_nothing_in_hand_loses_nothing(routing: Make) -> None:
    """P3."""
    r = routing(requeueing(10)).online("ann").online("bob")
    r.presence("ann", Presence.OFFLINE)
    assert r.shard.tick() == -1
