"""T2: strategies made of sort keys, and the means that some of them look at."""

from collections.abc import Callable

import pytest

from fairlead.policy.tables import SORT_KEYS, SORT_KEYS_BASE
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def listing(*keys: str, **settings: object) -> object:
    """A queue whose strategy is a list of sort keys."""
    number = SORT_KEYS_BASE
    for place, key in enumerate(keys):
        number += SORT_KEYS[key] << (4 * place)
    return queue(**settings)._replace(strategy=number)


def serve(r: Routing, job: str, agent: str, seconds: float, **settings: int) -> None:
    """The agent has the job for so long."""
    r.give(job, agent)
    r.shard.advance_to(r.shard.now_us + round(seconds * SECOND))
    r.shard.complete(TENANT, job, 1, **settings)


def test_means_follow_each_completed_job_by_a_sixteenth(routing: Make) -> None:
    """T2: whole milliseconds; unknown until there is a sample."""
    r = routing().online("ann", capacity=2)
    ann = r.shard.agent(TENANT, "ann")
    assert (ann.handle_time_ms, ann.first_response_ms, ann.satisfaction) == (-1, -1, -1)
    serve(r, "a", "ann", 10, first_response_us=2_000_999, satisfaction=900)
    ann = r.shard.agent(TENANT, "ann")
    assert (ann.handle_time_ms, ann.first_response_ms, ann.satisfaction) == (10_000, 2_000, 900)
    serve(r, "b", "ann", 26, satisfaction=100)
    ann = r.shard.agent(TENANT, "ann")
    assert (ann.handle_time_ms, ann.first_response_ms, ann.satisfaction) == (11_000, 2_000, 850)


def test_handle_time_is_the_work_without_the_offer_and_the_after_work(routing: Make) -> None:
    """T2, O1: from the accept to CompleteJob."""
    r = routing(queue(offer_timeout_us=20 * SECOND, wrap_up_us=30 * SECOND)).online("ann")
    r.assign("a")
    r.at(5)
    r.shard.accept(TENANT, "a", 1)
    r.at(15)
    r.complete("a")
    r.at(100)
    ann = r.shard.agent(TENANT, "ann")
    assert (ann.handle_time_ms, ann.completed_count) == (10_000, 1)


def test_the_quicker_agent_comes_first(routing: Make) -> None:
    """T2: handle_time; who was never measured counts as 0."""
    r = routing(listing("handle_time")).online("ann", "bob", "new", capacity=9)
    serve(r, "a", "ann", 30)
    serve(r, "b", "bob", 20)
    assert r.deal(2) == ["new", "new"]
    r.update("new", capacity=1)
    assert r.deal(2, "k") == ["bob", "bob"]


def test_the_better_rated_agent_comes_first(routing: Make) -> None:
    """T2: satisfaction; of whom nothing is known counts as 500."""
    r = routing(listing("satisfaction")).online("good", "bad", "new", capacity=9)
    serve(r, "a", "good", 1, satisfaction=501)
    serve(r, "b", "bad", 1, satisfaction=499)
    assert r.deal(1) == ["good"]
    r.update("good", capacity=1)
    assert r.deal(1, "k") == ["new"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("load",), "free"),
        (("saturation",), "large"),
        (("skill_level",), "fluent"),
        (("skill_count",), "free"),
        (("rating",), "rated"),
        (("weight",), "heavy"),
        (("order",), "first"),
        (("rating", "weight"), "rated"),
        (("skill_count", "weight", "order"), "heavy"),
    ],
)
def test_each_key_prefers_whom_it_says(routing: Make, keys: tuple[str, ...], expected: str) -> None:
    """T2: each agent is the best by one key."""
    r = routing(listing(*keys)).online("first", skills={"de": 5, "x": 1}, capacity=5, order=1)
    r.online("fluent", skills={"de": 9, "x": 1}, capacity=5)
    r.online("rated", skills={"de": 5, "x": 1}, capacity=5, rating=900)
    r.online("heavy", skills={"de": 5}, capacity=5, weight=900)
    r.online("large", skills={"de": 5, "x": 1}, capacity=50)
    for agent in ("first", "fluent", "rated", "heavy", "large"):
        r.give(f"of {agent}", agent)
    r.online("free", skills={"de": 5}, capacity=5)
    if keys == ("saturation",):
        r.give("more", "free")
    assert r.assign("j", skills={"de": 1}).agent_id == expected


def test_equal_keys_go_on_with_the_longest_idle(routing: Make) -> None:
    """T2, T5."""
    r = routing(listing("rating", "weight")).online("ann", "bob", "cid", capacity=9)
    assert r.deal(4) == ["ann", "bob", "cid", "ann"]


def test_explain_names_the_keys(routing: Make) -> None:
    """E3."""
    r = routing(listing("rating", "saturation")).online("ann", capacity=2)
    r.assign("j", excluded_agents=["ann"])
    r.online("bob", rating=700)
    view = r.shard.explain(TENANT, "j")
    assert view.strategy == "rating,saturation"
    assert view.key_names[4:6] == ["minus_rating", "saturation"]


def test_who_let_a_job_go_earliest_comes_first(routing: Make) -> None:
    """T2: idle_time counts from the end of a job, not from when it was given; who never had one comes first."""
    r = routing(listing("idle_time")).online("ann", "bob", "new", capacity=9)
    r.give("long", "ann")
    r.at(10)
    r.give("short", "bob")
    r.at(20)
    r.complete("short")
    r.at(30)
    r.complete("long")
    freed = [r.shard.agent(TENANT, name).last_freed_time_us for name in ("ann", "bob", "new")]
    assert freed == [30 * SECOND, 20 * SECOND, 0]
    r.update("new", capacity=1)
    assert r.deal(3) == ["new", "bob", "bob"]


def test_idle_time_begins_after_the_after_work_and_with_any_end_but_an_offers(routing: Make) -> None:
    """T2, T3, J1."""
    r = routing(listing("idle_time", wrap_up_us=30 * SECOND, offer_timeout_us=20 * SECOND)).online("ann", capacity=2)

    def freed() -> int:
        return r.shard.agent(TENANT, "ann").last_freed_time_us // SECOND

    r.assign("a")
    r.at(5)
    r.shard.decline(TENANT, "a", 1)
    r.assign("b")
    r.at(10)
    r.shard.cancel(TENANT, "b")
    assert freed() == 0
    r.assign("c")
    r.at(12)
    r.shard.accept(TENANT, "c", 1)
    r.at(15)
    r.shard.complete(TENANT, "c", 1)
    assert freed() == 0
    r.at(46)
    assert freed() == 45
    r.assign("d")
    r.shard.accept(TENANT, "d", 1)
    r.at(50)
    r.shard.cancel(TENANT, "d")
    assert freed() == 50
