"""C1 to C4: units, channels, load and saturation."""

from collections.abc import Callable

import pytest

from fairlead.errors import ResourceExhausted
from fairlead.policy.tables import ChannelTable
from fairlead.shard.core import Affinity, JobState, Presence, Reason
from tests.unit.rules.support import TENANT, Routing, queue

Make = Callable[..., Routing]
CHANNELS = (ChannelTable("chat", 1), ChannelTable("voice", 5))


def test_equal_to_the_limit_is_full(routing: Make) -> None:
    """C1."""
    r = routing()
    r.online("ann", capacity=3)
    assert r.deal(4) == ["ann", "ann", "ann", ""]
    assert r.load("ann") == 3
    assert r.job("j3").reason == Reason.ALL_BUSY


@pytest.mark.parametrize(("capacity", "fits"), [(4, False), (5, True), (6, True)])
def test_a_channel_costs_its_units(routing: Make, capacity: int, fits: bool) -> None:
    """C1: load + cost <= capacity."""
    r = routing(channels=CHANNELS)
    r.online("ann", capacity=capacity)
    assert r.assign("call", channel="voice").agent_id == ("ann" if fits else "")
    assert r.load("ann") == (5 if fits else 0)


def test_chats_and_calls_share_one_capacity(routing: Make) -> None:
    """C1: with 6 units a call leaves room for one chat, and two chats leave none for a call."""
    r = routing(channels=CHANNELS)
    r.online("ann", capacity=6)
    r.assign("call", channel="voice")
    assert r.deal(2) == ["ann", ""]
    r.complete("call")
    assert r.who("j1") == "ann"
    assert r.assign("call2", channel="voice").reason == Reason.ALL_BUSY


def test_the_channels_limit_and_the_agents_own_both_hold(routing: Make) -> None:
    """C1: the smaller of the two counts, whatever room there is."""
    r = routing(channels=(ChannelTable("chat", 1, max_jobs=2), ChannelTable("mail", 1)))
    r.online("ann", capacity=10, channel_limits={"chat": 3, "mail": 1})
    assert r.deal(3, "c", channel="chat") == ["ann", "ann", ""]
    assert r.deal(2, "m", channel="mail") == ["ann", ""]
    r.update("ann", channel_limits={"chat": 1})
    r.complete("c0")
    assert r.waiting("c2") == ["c2"]
    assert r.who("m1") == "ann"
    r.complete("c1")
    assert r.who("c2") == "ann"


def test_an_own_limit_goes_with_its_channel(routing: Make) -> None:
    """C1: a channel that a later policy has again is a new one."""
    r = routing(channels=(ChannelTable("chat"), ChannelTable("mail")))
    r.online("ann", capacity=10, channel_limits={"mail": 1})
    r.install(queue())
    r.install(queue(), channels=(ChannelTable("chat"), ChannelTable("mail")))
    assert r.deal(2, channel="mail") == ["ann", "ann"]


def test_an_own_limit_of_none_at_all_keeps_a_channel_away(routing: Make) -> None:
    """C1."""
    r = routing(channels=CHANNELS)
    r.online("ann", capacity=10, channel_limits={"voice": 0})
    assert r.assign("call", channel="voice").agent_id == ""
    assert r.assign("chat", channel="chat").agent_id == "ann"


def test_neither_affinity_nor_a_wanted_agent_exceeds_capacity(routing: Make) -> None:
    """C2."""
    r = routing(queue(affinity_mode=Affinity.PREFER))
    r.online("ann", "bob")
    first = r.assign("j1", customer="c").agent_id
    other = {"ann": "bob", "bob": "ann"}[first]
    assert r.assign("j2", customer="c").agent_id == other
    assert r.assign("j3", wanted_agent=first).agent_id == ""
    assert r.load(first) == 1


def test_transfer_to_a_named_agent_keeps_capacity_unless_an_operator_says_otherwise(routing: Make) -> None:
    """C2: a flag forces it; then nothing new comes until there is room again."""
    r = routing()
    r.online("ann")
    r.give("j1", "ann")
    r.online("bob")
    r.give("j2", "bob")
    with pytest.raises(ResourceExhausted) as raised:
        r.transfer("j1", agent="bob")
    assert raised.value.reason == "AGENT_FULL"
    assert r.who("j1") == "ann"
    r.transfer("j1", agent="bob", over_capacity=True)
    assert (r.load("bob"), r.who("j1")) == (2, "bob")
    r.presence("ann", Presence.AWAY)
    r.assign("j3")
    r.complete("j2")
    assert r.waiting("j3") == ["j3"]
    r.complete("j1")
    assert r.who("j3") == "bob"


def test_a_transfer_cannot_exceed_a_channels_limit_either(routing: Make) -> None:
    """C2."""
    r = routing(channels=(ChannelTable("chat", 1, max_jobs=1),))
    r.online("ann", "bob", capacity=5)
    r.give("j1", "ann")
    r.give("j2", "bob")
    with pytest.raises(ResourceExhausted):
        r.transfer("j1", agent="bob")
    r.transfer("j1", agent="bob", over_capacity=True)
    assert r.who("j1") == "bob"


def test_lowering_capacity_below_load_drops_nothing(routing: Make) -> None:
    """C2, D24: the agent is given nothing until there is room below the new capacity."""
    r = routing()
    r.online("ann", capacity=3)
    r.deal(4)
    r.update("ann", capacity=1)
    assert [r.who(f"j{n}") for n in range(4)] == ["ann", "ann", "ann", ""]
    r.complete("j0")
    r.complete("j1")
    assert r.waiting("j3") == ["j3"]
    r.complete("j2")
    assert r.who("j3") == "ann"


def test_load_is_what_is_held_now_never_what_was_done(routing: Make) -> None:
    """C3: completion lowers load by exactly the cost; who has done much is not busier than who has done nothing."""
    r = routing(channels=CHANNELS)
    r.online("ann", capacity=20)
    r.deal(50, complete=True)
    assert r.load("ann") == 0
    r.deal(2, "held")
    r.assign("call", channel="voice")
    assert r.load("ann") == 7
    r.complete("call")
    assert r.load("ann") == 2
    r.complete("held0")
    assert r.load("ann") == 1
    r.cancel("held1")
    assert r.load("ann") == 0


def test_an_agent_back_from_leave_is_not_flooded(routing: Make) -> None:
    """C3: a month of others' work gives them no backlog of their own to catch up with."""
    r = routing()
    r.online("ann", "bob", "cid", capacity=100)
    r.presence("cid", Presence.OFFLINE)
    r.deal(90, "month", complete=True)
    r.presence("cid", Presence.ONLINE)
    holders = r.deal(30)
    assert [holders.count(agent) for agent in ("ann", "bob", "cid")] == [10, 10, 10]


def test_a_changed_cost_counts_for_waiting_jobs_at_once_and_held_ones_keep_theirs(routing: Make) -> None:
    """C3, D23."""
    r = routing(channels=CHANNELS)
    r.online("ann", capacity=6)
    r.assign("held", channel="voice")
    r.assign("waits", channel="voice")
    r.install(queue(), channels=(ChannelTable("chat", 1), ChannelTable("voice", 2)))
    assert (r.load("ann"), r.job("held").cost) == (5, 5)
    assert r.waiting("waits") == ["waits"]
    r.complete("held")
    assert (r.load("ann"), r.job("waits").cost) == (2, 2)


@pytest.mark.parametrize(("held", "chosen"), [(1, "busy"), (2, "late"), (3, "late")])
def test_at_the_threshold_others_below_it_come_first(routing: Make, held: int, chosen: str) -> None:
    """C4: with 50 percent of 4 units, "at or above" begins at 2. The strategy would choose by rating alone."""
    r = routing(queue(strategy="best_rating", saturation_threshold=50))
    r.online("busy", capacity=4, rating=900)
    r.online("late", capacity=4, rating=100)
    for number in range(held):
        r.give(f"h{number}", "busy")
    assert r.assign("j").agent_id == chosen


def test_above_the_threshold_the_strategy_decides_again_when_nobody_is_below(routing: Make) -> None:
    """C4: agents at or above are chosen only when no eligible one is below."""
    r = routing(queue(strategy="best_rating", saturation_threshold=50))
    r.online("best", capacity=4, rating=900)
    r.online("worst", capacity=4, rating=100)
    assert r.deal(8) == ["best", "best", "worst", "worst", "best", "best", "worst", "worst"]


def test_a_threshold_of_100_orders_nothing(routing: Make) -> None:
    """C4: at 100 percent an agent is full anyway."""
    r = routing(queue(strategy="best_rating", saturation_threshold=100))
    r.online("best", capacity=4, rating=900)
    r.online("worst", capacity=4, rating=100)
    assert r.deal(8) == ["best"] * 4 + ["worst"] * 4


def test_agents_below_the_threshold_who_are_not_eligible_do_not_count(routing: Make) -> None:
    """C4."""
    r = routing(queue(strategy="longest_idle", saturation_threshold=50))
    r.online("ann", capacity=2, skills={"de": 5})
    r.online("bob", capacity=2)
    r.give("h", "ann")
    assert r.assign("j", skills=["de"]).agent_id == "ann"
    assert r.shard.job(TENANT, "j").state == JobState.ASSIGNED
