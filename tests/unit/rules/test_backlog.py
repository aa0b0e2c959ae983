"""Q1 to Q5, Q7: what waits, in which order, and that nothing waits beside somebody who could take it."""

from collections.abc import Callable

import pytest

from fairlead.errors import FairleadError
from fairlead.policy.tables import STRATEGIES, ChannelTable, TierTable
from fairlead.shard.core import JobState, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
VOICE = (ChannelTable("chat", 1), ChannelTable("voice", 5))

# Each makes "waits" placeable where nobody could take it before.
RAISES: dict[str, Callable[[Routing], object]] = {
    "a job ends": lambda r: r.complete("held"),
    "a job is cancelled": lambda r: r.cancel("held"),
    "a job moves to another agent": lambda r: r.transfer("held", agent="other"),
    "a job moves to another queue": lambda r: r.transfer("held", queue="elsewhere"),
    "the agent gets more capacity": lambda r: r.update("ann", capacity=2),
    "an agent comes online": lambda r: r.presence("idle", Presence.ONLINE),
    "an agent is created online": lambda r: r.online("new", skills={"de": 5}, tags=["member"]),
    "an agent learns the skill": lambda r: r.update("green", skills={"de": 3}),
    "an agent rises to the level": lambda r: r.update("low", skills={"de": 3}),
    "an agent gets the tag of the queue": lambda r: r.update("outside", tags=["member"]),
    "an agent's limit on the channel goes": lambda r: r.update("limited", channel_limits={}),
    "the queue takes everyone": lambda r: r.install(queue(), queue("elsewhere"), channels=VOICE),
    "the queue names another agent": lambda r: r.install(
        queue(any_tags=("member",), agents=("outside",)), queue("elsewhere"), channels=VOICE
    ),
}


@pytest.mark.parametrize("what", RAISES)
def test_whatever_raises_what_can_be_served_is_matched_in_the_same_step(routing: Make, what: str) -> None:
    """Q1: a waiting job never waits beside an agent who could take it."""
    r = routing(queue(any_tags=("member",)), queue("elsewhere", any_tags=("nobody",)), channels=VOICE)
    r.online("ann", skills={"de": 5}, tags=["member"])
    r.assign("held")
    r.online("idle", skills={"de": 5}, tags=["member"], presence=Presence.AWAY)
    r.online("green", tags=["member"])
    r.online("low", skills={"de": 2}, tags=["member"])
    r.online("outside", skills={"de": 5})
    r.online("limited", skills={"de": 5}, tags=["member"], channel_limits={"chat": 0})
    r.online("other", tags=["member"])
    assert r.who("held") == "ann"
    r.assign("waits", skills={"de": 3})
    assert r.waiting("waits") == ["waits"]
    RAISES[what](r)
    assert r.who("waits") != ""


@pytest.mark.parametrize(("costs", "fits"), [((1, 5), False), ((1, 4), True)])
def test_a_channel_made_cheaper_places_what_waits_for_it(routing: Make, costs: tuple[int, int], fits: bool) -> None:
    """Q1, D23."""
    r = routing(channels=VOICE)
    r.online("ann", capacity=4)
    r.assign("call", channel="voice")
    r.install(queue(), channels=(ChannelTable("chat", costs[0]), ChannelTable("voice", costs[1])))
    assert (r.who("call") == "ann") == fits


def test_eligibility_follows_a_skill_change_while_waiting(routing: Make) -> None:
    """Q1: a skill removed while a job waits changes who may take it."""
    r = routing()
    r.online("ann", "bob", skills={"de": 5})
    r.deal(2)
    r.assign("waits", skills=["de"])
    r.update("ann", skills={"en": 5})
    r.complete(next(job for job in ("j0", "j1") if r.who(job) == "ann"))
    assert r.waiting("waits") == ["waits"]
    assert r.load("ann") == 0
    r.update("bob", skills={"de": 5, "en": 5})
    r.complete(next(job for job in ("j0", "j1") if r.who(job) == "bob"))
    assert r.who("waits") == "bob"


def test_when_an_agent_comes_online_the_backlog_drains_in_order(routing: Make) -> None:
    """Q1, Q2, D10: as far as the agent's room goes, and on with each job that ends."""
    r = routing()
    for number in range(6):
        r.at(number)
        r.assign(f"j{number}")
    r.online("ann", capacity=2)
    assert [r.who(f"j{number}") for number in range(6)] == ["ann", "ann", "", "", "", ""]
    assert r.drain("ann") == [f"j{number}" for number in range(6)]


def test_a_backlog_that_meets_many_agents_is_shared_by_the_strategy(routing: Make) -> None:
    """Q1, D10: a new policy that opens the queue to all hands out the backlog like new jobs."""
    r = routing(queue(any_tags=("nobody",)))
    r.online("ann", "bob", "cid", capacity=10)
    r.deal(9)
    r.install(queue())
    assert [r.who(f"j{number}") for number in range(9)] == ["ann", "bob", "cid"] * 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_agent_with_room_takes_the_smallest_key_of_all_queues_and_demands(routing: Make, strategy: str) -> None:
    """Q2."""
    r = routing(queue("a", strategy), queue("b", strategy), channels=VOICE)
    r.online("ann", capacity=6, skills={"de": 5, "en": 5})
    r.assign("held", channel="voice")
    r.assign("held too")
    r.at(1)
    r.assign("late", skills=["de"])
    r.assign("urgent", queue="b", skills=["en"], urgency=1)
    r.assign("later", queue="b")
    r.complete("held too")
    assert r.who("urgent") == "ann"
    r.complete("urgent")
    assert r.who("late") == "ann"
    r.complete("late")
    assert r.who("later") == "ann"


def test_priority_then_first_come(routing: Make) -> None:
    """Q3: urgency class, higher first; then queueing time; then sequence."""
    r = routing()
    for number, (second, urgency) in enumerate([(0, 0), (1, 5), (1, 5), (2, 9), (3, 0), (3, 5)]):
        r.at(second)
        r.assign(f"j{number}", urgency=urgency)
    r.online("ann")
    assert r.drain("ann") == ["j3", "j1", "j2", "j5", "j0", "j4"]


def test_a_vip_with_a_head_start_of_90_s_passes_only_jobs_that_came_less_than_90_s_earlier(routing: Make) -> None:
    """Q3: to the microsecond; at exactly 90 s the earlier submission wins."""
    r = routing(tiers=(TierTable("vip", head_start_us=90 * SECOND),))
    for second in (0, 9.999999, 10, 10.000001, 50, 99):
        r.at(second)
        r.assign(f"at {second}")
    r.at(100)
    r.assign("vip", customer="c", customer_tier="vip")
    r.assign("after", urgency=0)
    r.online("ann")
    assert r.drain("ann") == ["at 0", "at 9.999999", "at 10", "vip", "at 10.000001", "at 50", "at 99", "after"]


def test_urgency_and_head_start_of_tier_and_request_add_up(routing: Make) -> None:
    """Q3, D9: urgency ends at 9."""
    r = routing(tiers=(TierTable("vip", head_start_us=60 * SECOND, urgency=3),))
    r.assign("sum", customer="c", customer_tier="vip", urgency=4, head_start_us=30 * SECOND)
    r.assign("most", customer="c", customer_tier="vip", urgency=8)
    assert (r.job("sum").urgency, r.job("sum").head_start_us) == (7, 90 * SECOND)
    assert (r.job("most").urgency, r.job("most").head_start_us) == (9, 60 * SECOND)


def test_the_bound_on_starvation(routing: Make) -> None:
    """Q3: a job is overtaken only by jobs that come within (largest head start - own) seconds after it."""
    r = routing(tiers=(TierTable("vip", head_start_us=90 * SECOND), TierTable("gold", head_start_us=30 * SECOND)))
    r.assign("gold", customer="g", customer_tier="gold")
    for second in range(10, 200, 10):
        r.at(second)
        r.assign(f"vip {second}", customer="v", customer_tier="vip")
    r.online("ann")
    order = r.drain("ann")
    assert order[: order.index("gold")] == [f"vip {second}" for second in range(10, 60, 10)]


def test_a_new_job_never_takes_an_agent_whom_a_waiting_job_could_have_had(routing: Make) -> None:
    """Q4: not even in the step in which the agent's room appears."""
    r = routing()
    r.online("ann", skills={"de": 5})
    r.assign("held")
    r.assign("waits", skills=["de"])
    r.complete("held")
    assert r.assign("new").agent_id == ""
    assert r.who("waits") == "ann"


def test_a_transferred_job_joins_the_backlog_behind_smaller_keys(routing: Make) -> None:
    """Q4, Q7: the room it leaves goes to whoever is first in line, which may be another job."""
    r = routing(queue("a"), queue("b"))
    r.at(10)
    r.online("ann")
    r.assign("young")
    r.at(11)
    r.assign("old", head_start_us=60 * SECOND)
    r.transfer("young", queue="b")
    assert (r.who("old"), r.who("young")) == ("ann", "")
    r.transfer("old", queue="b")
    assert r.who("old") == "ann"


def test_a_lone_eligible_job_behind_100_unmatchable_ones_is_placed_at_once(routing: Make) -> None:
    """Q5."""
    r = routing()
    for number in range(100):
        r.assign(f"u{number}", skills={f"s{number % 10}": 1}, urgency=9)
    r.assign("lone", skills=["de"])
    r.online("ann", skills={"de": 1})
    assert r.who("lone") == "ann"
    r.complete("lone")
    assert r.load("ann") == 0


@pytest.mark.parametrize("same", [True, False], ids=["same demands", "each its own"])
def test_excluded_and_required_heads_delay_nobody(routing: Make, same: bool) -> None:
    """Q5: what keeps a head waiting may be its own affair and not its demands."""
    r = routing()
    r.online("ann")
    r.online("bob", presence=Presence.OFFLINE)
    r.assign("held")
    for number in range(20):
        r.assign(f"x{number}", excluded_agents=["ann"], tags=() if same else [f"t{number}"])
        r.assign(f"w{number}", wanted_agent="bob", wanted_mode=3)
    r.assign("lone")
    r.complete("held")
    assert r.who("lone") == "ann"


def test_requeued_jobs_keep_their_first_queueing_time(routing: Make) -> None:
    """Q7: unless told otherwise."""
    r = routing(queue("a"), queue("b", any_tags=("b",)))
    r.online("ann", capacity=2)
    r.deal(2)
    r.at(50)
    r.assign("fifty", queue="b")
    r.at(100)
    r.transfer("j0", queue="b")
    r.transfer("j1", queue="b", reset_age=True)
    assert [r.job(job).queue_time_us for job in ("j0", "fifty", "j1")] == [0, 50 * SECOND, 100 * SECOND]
    r.online("bob", tags=["b"])
    assert r.drain("bob") == ["j0", "fifty", "j1"]


def test_a_job_sent_back_waits_for_anybody_but_the_agent_who_sent_it(routing: Make) -> None:
    """Q7, D20: a transfer to nobody in particular."""
    r = routing()
    r.online("ann")
    r.assign("j")
    answer = r.transfer("j")
    assert (answer.state, answer.reason, r.load("ann")) == (JobState.QUEUED, Reason.BARRED, 0)
    r.online("bob")
    assert (r.who("j"), r.job("j").version) == ("bob", 2)
    r.transfer("j")
    r.online("cid")
    assert (r.who("j"), r.job("j").version) == ("cid", 3)


def test_transfer_to_an_agent_asks_for_presence_and_room_but_not_for_skills(routing: Make) -> None:
    """D20."""
    r = routing(queue(any_tags=("member",)))
    r.online("ann", tags=["member"], skills={"de": 5})
    r.online("bob")
    r.assign("j", skills=["de"])
    assert r.transfer("j", agent="bob").agent_id == "bob"
    assert r.shard.agent(TENANT, "bob").given_count == 1
    r.assign("k", skills=["de"])
    assert r.who("k") == "ann"


@pytest.mark.parametrize(
    ("target", "reason"), [("away", "AGENT_NOT_ONLINE"), ("ann", "SAME_AGENT"), ("none", "AGENT_NOT_FOUND")]
)
def test_a_transfer_that_cannot_be_is_refused_and_changes_nothing(routing: Make, target: str, reason: str) -> None:
    """D20."""
    r = routing()
    r.online("ann").online("away", presence=Presence.AWAY)
    r.assign("j")
    before = r.shard.state_hash(TENANT)
    with pytest.raises(FairleadError) as raised:
        r.transfer("j", agent=target, over_capacity=True)
    assert raised.value.reason == reason
    assert r.shard.state_hash(TENANT) == before
