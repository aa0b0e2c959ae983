"""Q8: a job of several units does not starve behind cheap ones (D12)."""

from collections.abc import Callable

import pytest

from fairlead.errors import ResourceExhausted
from fairlead.policy.tables import ChannelTable
from fairlead.shard.core import Presence
from tests.unit.rules.support import SECOND, Routing, queue

Make = Callable[..., Routing]
CHANNELS = (ChannelTable("chat", 1), ChannelTable("voice", 3))


def busy(routing: Make, *agents: str, capacity: int = 4, strategy: str = "least_load") -> Routing:
    """Agents full of chats c0, c1 .., and a call that waits since second 0; a reservation comes after 30 s."""
    r = routing(queue(strategy=strategy), channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.online(*agents, capacity=capacity)
    r.deal(capacity * len(agents), "c")
    r.assign("call", channel="voice")
    return r


def chats_of(r: Routing, agent: str) -> list[str]:
    return [job.id for job in r.all_jobs() if r.who(job.id) == agent]


@pytest.mark.parametrize("strategy", ["least_load", "weighted", "longest_idle", "sequential", "random"])
def test_a_costly_job_does_not_starve_behind_cheap_ones(routing: Make, strategy: str) -> None:
    """Q8: chats keep coming and each would take the unit that gets free; the call is served after 30 s and 3 units."""
    r = busy(routing, "ann", strategy=strategy)
    for second in range(1, 30):
        r.at(second)
        r.assign(f"n{second}")
        r.complete(chats_of(r, "ann")[0])
        assert r.load("ann") == 4
    r.at(30)
    for number in range(3):
        assert r.who("call") == ""
        r.assign(f"late{number}")
        r.complete(chats_of(r, "ann")[0])
    assert r.who("call") == "ann"


def test_before_reserve_after_cheap_jobs_take_what_gets_free(routing: Make) -> None:
    """Q8: to the microsecond."""
    r = busy(routing, "ann")
    r.assign("n1")
    r.at(29.999999)
    r.complete("c0")
    assert r.who("n1") == "ann"
    r.at(30)
    r.assign("n2")
    r.complete("c1")
    assert (r.who("n2"), r.load("ann")) == ("", 3)


@pytest.mark.parametrize("reserve_after", [10, 50])
def test_a_new_policy_sets_clocks_that_run_already(routing: Make, reserve_after: int) -> None:
    """Q8, L1: the clock keeps its start and rings by the new `reserve_after`, also when it would have rung before."""
    r = busy(routing, "ann")
    r.at(5)
    r.install(queue(), channels=CHANNELS, reserve_after_us=reserve_after * SECOND)
    r.at(reserve_after - 0.000001)
    r.complete("c0")
    r.assign("n1")
    assert r.who("n1") == "ann"
    r.at(reserve_after)
    r.complete("c1")
    r.assign("n2")
    assert r.who("n2") == ""


def test_an_agent_who_can_never_hold_the_job_any_more_is_set_free(routing: Make) -> None:
    """Q8: a capacity lowered below the job's cost; the unit that gets free serves who waits."""
    r = busy(routing, "ann")
    r.at(30)
    r.assign("n1")
    r.complete("c0")
    assert r.who("n1") == ""
    r.update("ann", capacity=2)
    r.complete("c1")
    r.complete("c2")
    assert (r.who("n1"), r.who("call")) == ("ann", "")


def test_the_candidate_closest_to_room_is_reserved(routing: Make) -> None:
    """Q8, D12: fewest units to free; among equals least recently given a job."""
    r = routing(channels=CHANNELS, reserve_after_us=30 * SECOND)
    for name, held in (("full", 4), ("near", 2), ("also", 2)):
        r.online(name, capacity=4)
        for number in range(held):
            r.give(f"{name}{number}", name)
    r.assign("call", channel="voice")
    r.at(30)
    # "near" was given its last job before "also"; it takes no more chats while there is a unit to wait for.
    assert r.assign("n1").agent_id == "also"
    assert r.assign("n2").agent_id == "also"
    assert r.assign("n3").agent_id == ""
    r.complete("near0")
    assert r.who("call") == "near"


def test_a_reserved_agent_still_takes_what_comes_before_the_reserved_job(routing: Make) -> None:
    """Q8: nothing with a larger key; a smaller one has the right of way."""
    r = busy(routing, "ann")
    r.at(30)
    r.complete("c0")
    assert r.assign("plain").agent_id == ""
    assert r.assign("urgent", urgency=1).agent_id == "ann"


def test_a_reservation_ends_with_the_wait_of_its_job(routing: Make) -> None:
    """Q8, D12: the agent is everybody's again in the same step."""
    r = busy(routing, "ann")
    r.at(30)
    r.complete("c0")
    r.assign("n")
    assert r.who("n") == ""
    r.cancel("call")
    assert r.who("n") == "ann"


@pytest.mark.parametrize(
    "loss",
    [
        lambda r: r.presence("ann", Presence.AWAY),
        lambda r: r.update("ann", tags=[]),
    ],
    ids=["goes away", "no longer matches"],
)
def test_a_lost_agent_is_replaced_by_the_next_closest(routing: Make, loss: Callable[[Routing], None]) -> None:
    """Q8, D12."""
    r = routing(queue(any_tags=("member",)), queue("all"), channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.online("ann", "bob", capacity=4, tags=["member"])
    for number in range(3):
        r.give(f"a{number}", "ann")
    for number in range(4):
        r.give(f"b{number}", "bob")
    r.assign("call", channel="voice")
    r.at(30)
    assert r.assign("n1").agent_id == ""
    loss(r)
    r.complete("b0")
    assert (r.load("bob"), r.who("n1")) == (3, "")
    r.complete("b1")
    r.complete("b2")
    assert r.who("call") == "bob"


def test_the_clock_starts_again_for_a_new_head(routing: Make) -> None:
    """D12: it runs for the smallest key of its class only."""
    r = busy(routing, "ann")
    r.at(20)
    r.assign("first", channel="voice", urgency=1)
    r.at(40)
    r.assign("n")
    r.complete("c0")
    assert r.who("n") == "ann"
    r.at(50)
    r.assign("n2")
    r.complete("c1")
    assert r.who("n2") == ""


def test_cheap_jobs_reserve_nobody(routing: Make) -> None:
    """Q8, D12: a job of one unit needs no reservation; whoever gets free takes the smallest key anyway."""
    r = routing(channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.online("ann", skills={"de": 1})
    r.online("bob")
    r.deal(2)
    r.assign("waits", skills=["de"])
    r.at(100)
    r.assign("n")
    r.complete("j1")
    assert r.who("n") == "bob"


def test_an_agent_too_small_for_the_job_is_not_reserved(routing: Make) -> None:
    """D12: capacity must suffice, and the channel's limit be above zero."""
    r = routing(channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.online("small", capacity=2)
    r.online("deaf", capacity=10, channel_limits={"voice": 0})
    r.assign("call", channel="voice")
    r.at(60)
    assert set(r.deal(12)) == {"small", "deaf"}


def test_a_reservation_begins_when_a_step_brings_somebody_to_reserve(routing: Make) -> None:
    """D12: nobody at the time the clock passed; it is tried again whenever a step ends."""
    r = routing(channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.assign("call", channel="voice")
    r.at(100)
    r.online("ann", capacity=4, presence=Presence.OFFLINE)
    r.online("bob", capacity=2)
    r.update("bob", capacity=4, channel_limits={"voice": 0})
    r.give("b", "bob")
    r.update("ann", capacity=2)
    r.presence("ann", Presence.ONLINE)
    r.deal(2, excluded_agents=["bob"])
    r.update("ann", capacity=4)
    # ann lacks one unit of three and is kept for the call; bob is not eligible.
    assert r.assign("n", excluded_agents=["bob"]).agent_id == ""
    r.complete("j0")
    assert r.who("call") == "ann"


def test_a_transfer_finds_no_room_with_a_reserved_agent(routing: Make) -> None:
    """D20: reserved counts as no room, unless an operator forces it."""
    r = busy(routing, "ann")
    r.at(30)
    r.complete("c0")
    r.online("bob")
    r.give("b", "bob")
    with pytest.raises(ResourceExhausted) as raised:
        r.transfer("b", agent="ann")
    assert raised.value.reason == "AGENT_FULL"
    assert r.transfer("b", agent="ann", over_capacity=True).agent_id == "ann"


def test_two_costly_demands_reserve_two_agents(routing: Make) -> None:
    """D12: one agent each, in the order of their keys."""
    r = routing(channels=CHANNELS, reserve_after_us=30 * SECOND)
    r.online("ann", "bob", "cid", capacity=4, skills={"de": 5})
    r.deal(12)
    r.assign("call", channel="voice")
    r.assign("german call", channel="voice", skills=["de"])
    r.at(30)
    r.assign("n")
    for agent in ("ann", "bob"):
        r.complete(chats_of(r, agent)[0])
    assert r.who("n") == ""
    r.complete(chats_of(r, "cid")[0])
    assert r.who("n") == "cid"
    for agent in ("ann", "bob"):
        for chat in chats_of(r, agent)[:2]:
            r.complete(chat)
    assert {r.who("call"), r.who("german call")} == {"ann", "bob"}
