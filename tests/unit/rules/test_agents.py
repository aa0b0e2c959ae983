"""P1, K1: presence, skills, tags and numbers of an agent."""

from collections.abc import Callable

import pytest

from fairlead import Router
from fairlead.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from fairlead.shard.core import JobState, Outcome, Presence, Reason
from tests.unit.rules.support import TENANT, Routing, queue

Make = Callable[..., Routing]
NOT_ONLINE = [Presence.AWAY, Presence.DRAINING, Presence.OFFLINE]


@pytest.mark.parametrize("presence", NOT_ONLINE)
def test_an_agent_who_is_not_online_is_never_chosen(routing: Make, presence: Presence) -> None:
    """P1: and the answer says so plainly."""
    r = routing()
    r.online("ann", presence=presence)
    answer = r.assign("j")
    assert (answer.outcome, answer.reason, answer.agent_id) == (Outcome.QUEUED, Reason.NO_AGENT_ONLINE, "")


def test_a_new_agent_is_offline_until_told_otherwise(routing: Make) -> None:
    """P1."""
    r = routing()
    view = r.shard.create_agent(TENANT, "ann")
    assert view.presence == Presence.OFFLINE
    assert r.assign("j").reason == Reason.NO_AGENT_ONLINE


@pytest.mark.parametrize("presence", NOT_ONLINE)
def test_changing_presence_drops_no_held_job(routing: Make, presence: Presence) -> None:
    """P1: what is held can be finished, and nothing new comes after it."""
    r = routing()
    r.online("ann")
    r.assign("held")
    r.assign("waits")
    r.presence("ann", presence)
    assert r.who("held") == "ann"
    assert r.load("ann") == 1
    r.complete("held")
    assert r.load("ann") == 0
    assert r.state("waits") == JobState.QUEUED
    r.presence("ann", Presence.ONLINE)
    assert r.who("waits") == "ann"


def test_presence_comes_with_its_reason_and_saying_it_again_is_fine(routing: Make) -> None:
    """P1, and D24: the same presence once more is a success."""
    r = routing()
    r.online("ann")
    r.shard.set_presence(TENANT, "ann", Presence.AWAY, "lunch")
    assert r.shard.agent(TENANT, "ann").presence_reason == "lunch"
    r.shard.set_presence(TENANT, "ann", Presence.AWAY, "meeting")
    view = r.shard.agent(TENANT, "ann")
    assert (view.presence, view.presence_reason) == (Presence.AWAY, "meeting")
    assert r.shard.status(TENANT).agents == (0, 1, 0, 0)


def test_defaults_of_an_agent() -> None:
    """K1: weight 100, rating 500, a skill without a level is level 10, capacity 1."""
    router = Router(virtual_time=True)
    agent = router.create_agent("ann", skills=["de"])
    assert (agent.weight, agent.rating, agent.capacity, dict(agent.skills)) == (100, 500, 1, {"de": 10})


def test_the_default_order_number_is_one_behind_the_highest_ever_used(routing: Make) -> None:
    """K1, D1: deleting an agent does not give its place in line away."""
    r = routing()
    for name, order in (("ann", 0), ("bob", 7), ("cid", 0), ("dan", 3), ("eve", 0)):
        r.online(name, order=order)
    assert [(a.id, a.order) for a in r.shard.agents(TENANT)] == [
        ("ann", 1),
        ("dan", 3),
        ("bob", 7),
        ("cid", 8),
        ("eve", 9),
    ]
    r.shard.delete_agent(TENANT, "eve")
    r.online("eve")
    assert r.shard.agent(TENANT, "eve").order == 10
    r.update("ann", order=50)
    r.online("fay")
    assert r.shard.agent(TENANT, "fay").order == 51


@pytest.mark.parametrize(
    ("has", "wants", "fits"),
    [
        ({"de": 10}, {"de": 1}, True),
        ({"de": 1}, {"de": 1}, True),
        ({"de": 4}, {"de": 5}, False),
        ({"de": 5}, {"de": 5}, True),
        ({"de": 6}, {"de": (2, 5)}, False),
        ({"de": 5}, {"de": (2, 5)}, True),
        ({"de": 2}, {"de": (2, 5)}, True),
        ({"de": 1}, {"de": (2, 5)}, False),
        ({"de": 10}, {"de": (1, 9)}, False),
        ({"de": 10}, {"de": (10, 10)}, True),
        ({"de": 9}, {"de": 10}, False),
        ({}, {"de": 1}, False),
        ({"de": 10, "en": 10, "fr": 1}, {"de": 3, "en": 3}, True),
        ({"de": 10}, {"de": 3, "en": 3}, False),
        ({"de": 10}, {}, True),
        ({"de": 1}, ["de"], True),
    ],
)
def test_a_demand_is_met_by_a_level_within_its_bounds(
    routing: Make, has: dict[str, int], wants: dict[str, int], fits: bool
) -> None:
    """K1: a superset of the demanded skills matches, a demand without a level is "at least 1"."""
    r = routing()
    r.online("ann", skills=has)
    answer = r.assign("j", skills=wants)
    assert answer.agent_id == ("ann" if fits else "")
    assert answer.reason == (Reason.NONE if fits else Reason.NONE_ELIGIBLE)


def test_all_demanded_tags_are_needed_and_a_tag_is_no_skill(routing: Make) -> None:
    """K1."""
    r = routing()
    r.online("ann", tags=["night", "senior"], skills={"de": 10})
    r.online("bob", tags=["night"], skills={"senior": 10})
    assert r.assign("j1", tags=["senior", "night"]).agent_id == "ann"
    assert r.assign("j2", tags=["senior", "night"]).reason == Reason.ALL_BUSY
    assert r.assign("j3", tags=["de"]).reason == Reason.NONE_ELIGIBLE
    assert r.assign("j4", skills=["senior"]).agent_id == "bob"


def test_there_is_no_fixed_number_of_skills(routing: Make) -> None:
    """K1: hundreds of skills, each asked for at each edge of the words that hold their bits."""
    r = routing(queue(strategy="specialist"))
    names = [f"s{number}" for number in range(250)]
    r.online("all", skills=dict.fromkeys(names, 7), capacity=1000)
    r.online("but one", skills=dict.fromkeys(names[:-1], 7), capacity=1000)
    r.assign("last", skills={names[-1]: 7})
    assert r.who("last") == "all"
    for start in range(0, 250, 32):
        wanted = dict.fromkeys(names[start : start + 32], (7, 7))
        assert r.assign(f"j{start}", skills=wanted).agent_id == ("but one" if start + 32 < 250 else "all")
    assert r.assign("none", skills={names[3]: 8}).reason == Reason.NONE_ELIGIBLE


@pytest.mark.parametrize(
    ("field", "low", "high"), [("weight", 1, 1000), ("rating", 0, 1000), ("capacity", 1, 10_000), ("order", 1, 10**9)]
)
def test_numbers_of_an_agent_have_bounds(routing: Make, field: str, low: int, high: int) -> None:
    """K1: both ends are in, one beyond is out and changes nothing."""
    r = routing()
    r.online("ann")
    for value in (low, high):
        r.update("ann", **{field: value})
        assert getattr(r.shard.agent(TENANT, "ann"), field) == value
    before = r.shard.state_hash(TENANT)
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidArgument) as raised:
            r.update("ann", **{field: value})
        assert field in raised.value.field
    assert r.shard.state_hash(TENANT) == before


def test_an_agent_who_holds_jobs_cannot_be_deleted(routing: Make) -> None:
    """D22."""
    r = routing()
    r.online("ann")
    r.assign("j")
    with pytest.raises(FailedPrecondition) as raised:
        r.shard.delete_agent(TENANT, "ann")
    assert raised.value.reason == "AGENT_HOLDS_JOBS"
    r.complete("j")
    r.shard.delete_agent(TENANT, "ann")
    assert r.shard.agents(TENANT) == []
    assert r.assign("k").reason == Reason.NO_AGENT_ONLINE


def test_a_new_agent_of_a_deleted_ones_name_is_somebody_else(routing: Make) -> None:
    """D22: neither what a customer remembers nor an exclusion is passed on, and counts begin at zero."""
    r = routing(queue(affinity_mode=2))
    r.online("ann", "bob")
    r.give("j1", "ann")
    r.complete("j1")
    r.assign("j2", customer="c", excluded_agents=["bob"])
    r.complete("j2")
    r.presence("bob", Presence.AWAY)
    r.assign("waits", excluded_agents=["ann"])
    r.shard.delete_agent(TENANT, "ann")
    r.online("ann")
    view = r.shard.agent(TENANT, "ann")
    assert (view.given_count, view.completed_count) == (1, 0)
    assert r.who("waits") == "ann"
    r.presence("bob", Presence.ONLINE)
    assert r.assign("j3", customer="c").agent_id == "bob"


def test_names_of_members_take_effect_for_agents_created_later(routing: Make) -> None:
    """D22."""
    r = routing(queue("q", agents=("ann",)))
    r.online("bob")
    assert r.assign("j").reason == Reason.NO_AGENT_ONLINE
    r.online("ann")
    assert r.who("j") == "ann"


def test_two_agents_do_not_share_an_id(routing: Make) -> None:
    """K1."""
    r = routing()
    r.online("ann")
    with pytest.raises(AlreadyExists) as raised:
        r.online("ann")
    assert raised.value.reason == "AGENT_ALREADY_EXISTS"
