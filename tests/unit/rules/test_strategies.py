"""T1, T2, T3, T5: who is a candidate, and whom each of the eight presets prefers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.policy.tables import STRATEGIES, ChannelTable
from fairlead.shard.core import Affinity, Presence
from tests.unit.rules.support import TENANT, Routing, queue

Make = Callable[..., Routing]
MASK = 2**64 - 1

# What keeps an agent from a job, as (settings of the agent, settings of the job).
BARS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "not a member": ({"tags": ()}, {}),
    "away": ({"presence": Presence.AWAY}, {}),
    "draining": ({"presence": Presence.DRAINING}, {}),
    "offline": ({"presence": Presence.OFFLINE}, {}),
    "level too low": ({"skills": {"de": 2}}, {"skills": {"de": 3}}),
    "level too high": ({"skills": {"de": 9}}, {"skills": {"de": (3, 8)}}),
    "no such skill": ({"skills": {}}, {"skills": {"de": 3}}),
    "no such tag": ({"tags": ("member",)}, {"tags": ["night"]}),
    "too little room": ({"capacity": 4}, {"channel": "voice"}),
    "channel full": ({"channel_limits": {"voice": 0}}, {"channel": "voice"}),
    "excluded": ({}, {"excluded_agents": ["best"]}),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("bar", BARS)
def test_a_candidate_is_barred_by_nothing(routing: Make, strategy: str, bar: str) -> None:
    """T1: whatever the strategy, whoever is best by every key gets the job only as a candidate."""
    r = routing(
        queue(strategy=strategy, any_tags=("member",)), channels=(ChannelTable("chat"), ChannelTable("voice", 5))
    )
    fine = {"skills": {"de": 5}, "tags": ("member", "night"), "capacity": 100}
    agent, job = BARS[bar]
    r.online("best", **{**fine, "rating": 1000, "weight": 1000, "order": 1, **agent})
    r.online("other", **fine, rating=1, weight=1, order=2)
    assert r.assign("j", **job).agent_id == "other"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_candidates_are_looked_at(routing: Make, strategy: str) -> None:
    """T2: no sampling, no top-n. Among 400 agents one alone has room."""
    r = routing(queue(strategy=strategy))
    r.online(*(f"a{number}" for number in range(400)))
    r.deal(400)
    r.complete("j123")
    alone = r.job("j123").agent_id
    assert r.assign("last").agent_id == alone


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"random", "sequential"}))
def test_a_tie_goes_to_whoever_was_given_a_job_longest_ago_then_to_the_first_in_order(
    routing: Make, strategy: str
) -> None:
    """T2: a total order, so that ties never fall to the oldest account each time."""
    r = routing(queue(strategy=strategy))
    r.online("cid", order=3)
    r.online("ann", order=1)
    r.online("bob", order=2)
    assert r.deal(6, complete=True) == ["ann", "bob", "cid"] * 2
    r.give("g", "bob")
    r.complete("g")
    # A wanted agent is a turn taken, also in the weighted rotation.
    assert r.deal(2, "k", complete=True) == ["ann", "cid"]


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"random"}))
def test_equal_order_numbers_fall_to_whoever_was_created_first(routing: Make, strategy: str) -> None:
    """D1."""
    r = routing(queue(strategy=strategy))
    r.online("zoe", "ann", "bob", order=5)
    assert r.deal(3) == ["zoe", "ann", "bob"]


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"random"}))
def test_30_jobs_over_three_equal_agents_give_10_10_10(routing: Make, strategy: str) -> None:
    """T2: whether the jobs end at once or are held."""
    for capacity, complete in ((1, True), (100, False), (100, True)):
        r = routing(queue(strategy=strategy))
        r.online("ann", "bob", "cid", capacity=capacity)
        assert Counter(r.deal(30, complete=complete)) == {"ann": 10, "bob": 10, "cid": 10}


def test_sequential_takes_the_next_in_order_after_the_last_one_served(routing: Make) -> None:
    """T2 sequential."""
    r = routing(queue(strategy="sequential"))
    for name, order in (("cid", 30), ("ann", 10), ("bob", 20)):
        r.online(name, order=order, capacity=2)
    assert r.deal(4) == ["ann", "bob", "cid", "ann"]
    r.complete("j0")
    assert r.deal(3, "k") == ["bob", "cid", "ann"]


def test_sequential_goes_round_the_queue_whatever_the_demands_and_the_cause(routing: Make) -> None:
    """T2 sequential, D6: the pointer is the queue's; wanted agents and transfers move it too."""
    r = routing(queue("q", "sequential"), queue("other", "sequential"))
    r.online("ann", "bob", "cid", "dan", capacity=20, skills={"de": 5})
    assert r.assign("j1").agent_id == "ann"
    assert r.assign("j2", skills=["de"]).agent_id == "bob"
    assert r.assign("o1", queue="other").agent_id == "ann"
    r.give("j3", "dan")
    assert r.assign("j4").agent_id == "ann"
    r.transfer("j4", agent="cid")
    assert r.assign("j5").agent_id == "dan"


def test_sequential_passes_over_who_is_full_and_comes_back_to_them(routing: Make) -> None:
    """T2 sequential."""
    r = routing(queue(strategy="sequential"))
    r.online("ann", "bob", "cid")
    r.deal(3)
    r.complete("j1")
    assert r.assign("k1").agent_id == "bob"
    r.complete("j0")
    r.complete("j2")
    assert r.deal(2, "m") == ["cid", "ann"]


def test_least_load_compares_exact_fractions(routing: Make) -> None:
    """T2 least_load, D3: 1/3 equals 3/9 and is more than 33/100, which no rounding tells apart."""
    r = routing(queue(strategy="least_load"))
    r.online("third", capacity=3)
    r.give("t", "third")
    r.online("ninth", capacity=9)
    for number in range(3):
        r.give(f"n{number}", "ninth")
    r.online("cent", capacity=100)
    for number in range(33):
        r.give(f"c{number}", "cent")
    assert r.assign("j1").agent_id == "cent"
    # 34/100 is more than a third; the tie of 1/3 and 3/9 goes to whoever was given a job longest ago.
    assert r.assign("j2").agent_id == "third"
    assert r.assign("j3").agent_id == "ninth"


def test_least_load_tells_apart_what_lies_in_one_hundredth(routing: Make) -> None:
    """T2 least_load: 1/10000 against 1/9999."""
    r = routing(queue(strategy="least_load"))
    r.online("small", capacity=9999)
    r.online("large", capacity=10_000)
    r.give("l", "large")
    r.give("s", "small")
    assert r.assign("j").agent_id == "large"
    assert r.assign("k").agent_id == "small"


def test_a_newcomer_with_no_load_is_first(routing: Make) -> None:
    """T2 least_load."""
    r = routing()
    r.online("ann", "bob", capacity=5)
    r.deal(4)
    r.online("new", capacity=5)
    assert r.deal(3, "k") == ["new", "new", "ann"]


def test_longest_idle_asks_neither_load_nor_when_the_work_ended(routing: Make) -> None:
    """T2 longest_idle: least recently given a job."""
    r = routing(queue(strategy="longest_idle"))
    r.online("ann", "bob", capacity=100)
    for number in range(5):
        r.give(f"a{number}", "ann")
    r.give("b", "bob")
    assert r.assign("j1").agent_id == "ann"
    r.complete("b")
    assert r.assign("j2").agent_id == "bob"


def test_best_skill_sums_the_levels_of_the_demanded_skills_then_asks_for_load(routing: Make) -> None:
    """T2 best_skill, D5: skills that are not demanded and tags count nothing."""
    r = routing(queue(strategy="best_skill"))
    r.online("many", capacity=10, skills={"de": 3, "en": 10, "fr": 10, "es": 10})
    r.online("good", capacity=10, skills={"de": 8, "en": 6})
    r.online("even", capacity=10, skills={"de": 7, "en": 7}, tags=["de"])
    assert r.assign("j1", skills=["de"]).agent_id == "good"
    assert r.assign("j2", skills=["de", "en"]).agent_id == "even"
    # 14 both, and both hold one job: the tie goes to whoever was given theirs first.
    assert r.assign("j3", skills=["de", "en"]).agent_id == "good"
    assert r.assign("j4", skills=["en"]).agent_id == "many"
    assert r.assign("j5").agent_id == "even"


def test_best_skill_breaks_equal_sums_by_saturation(routing: Make) -> None:
    """T2 best_skill."""
    r = routing(queue(strategy="best_skill"))
    r.online("ann", capacity=2, skills={"de": 5, "en": 5})
    r.online("bob", capacity=4, skills={"de": 4, "en": 6})
    assert r.deal(4, skills=["de", "en"]) == ["ann", "bob", "bob", "ann"]


def test_specialist_spares_the_generalists(routing: Make) -> None:
    """T2 specialist: fewest skills first; tags are no skills."""
    r = routing(queue(strategy="specialist"))
    r.online("general", skills={"de": 10, "en": 10, "fr": 10}, capacity=2)
    r.online("special", skills={"de": 1}, tags=["a", "b", "c"], capacity=2)
    assert r.deal(3, skills=["de"]) == ["special", "special", "general"]


def test_specialist_then_asks_for_load(routing: Make) -> None:
    """T2 specialist."""
    r = routing(queue(strategy="specialist"))
    r.online("ann", skills={"de": 1}, capacity=2)
    r.online("bob", skills={"en": 1}, capacity=4)
    assert r.deal(4) == ["ann", "bob", "bob", "ann"]


def test_best_rating_then_load(routing: Make) -> None:
    """T2 best_rating: a rating of 0 is the last and no missing one."""
    r = routing(queue(strategy="best_rating"))
    r.online("zero", rating=0, capacity=9)
    r.online("ann", rating=700, capacity=2)
    r.online("bob", rating=700, capacity=4)
    r.online("top", rating=1000)
    assert r.deal(8) == ["top", "ann", "bob", "bob", "ann", "bob", "bob", "zero"]


def mix(value: int) -> int:
    """The finaliser of splitmix64."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


@pytest.mark.parametrize("seed", [0, 1, MASK])
def test_random_is_the_stated_draw(routing: Make, seed: int) -> None:
    """T2 random, D7: so that a replay draws the same. Jobs and agents are numbered from 1."""
    r = routing(queue(strategy="random"), seed=seed)
    r.online(*(f"a{number}" for number in range(1, 8)), capacity=100)
    draws = [[(mix(mix((seed ^ job) & MASK) ^ agent), f"a{agent}") for agent in range(1, 8)] for job in range(1, 41)]
    assert r.deal(40) == [min(draw)[1] for draw in draws]


def test_random_is_uniform_and_depends_on_the_seed(routing: Make) -> None:
    """T2 random: 6,000 jobs over six agents, within 5 standard deviations."""
    dealt = []
    for seed in (1, 2):
        r = routing(queue(strategy="random"), seed=seed, retention_us=10**6)
        r.online("ann", "bob", "cid", "dan", "eve", "fay", capacity=6000)
        dealt.append(r.deal(6000))
        assert all(abs(count - 1000) < 5 * (6000 * 5 / 36) ** 0.5 for count in Counter(dealt[-1]).values())
    assert dealt[0] != dealt[1]


def test_given_means_given_not_asked_about(routing: Make) -> None:
    """T3: looking, waiting, ending and refused transfers move nobody back; a transfer does."""
    r = routing(queue(strategy="longest_idle"))
    r.online("ann", "bob", "cid")
    r.deal(3)
    r.complete("j0")
    r.shard.explain(TENANT, "j0")
    assert r.assign("nobody", excluded_agents=["ann", "bob", "cid"]).agent_id == ""
    assert r.shard.agent(TENANT, "ann").given_count == 1
    r.complete("j1")
    r.complete("j2")
    r.give("k", "bob")
    r.transfer("k", agent="ann")
    assert r.shard.agent(TENANT, "ann").given_count == 2
    r.complete("k")
    assert r.deal(3, "m") == ["cid", "bob", "ann"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_has_all_preferences_comes_first_and_the_others_still_get_the_rest(routing: Make, strategy: str) -> None:
    """T5: before the strategy's own keys, which would all choose "plain"."""
    r = routing(queue(strategy=strategy))
    r.online("plain", rating=900, weight=1000, order=1, capacity=100)
    r.online("half", skills={"de": 5}, capacity=100)
    r.online("both", skills={"de": 5, "en": 1, "fr": 1}, tags=["vip"], rating=1, weight=1, capacity=2)
    wishes: dict[str, Any] = {"preferred_skills": {"de": 5}, "preferred_tags": ["vip"]}
    assert r.deal(2, **wishes) == ["both", "both"]
    assert r.assign("k", **wishes).agent_id in ("plain", "half")


def test_preferences_follow_the_demands_and_their_levels(routing: Make) -> None:
    """T5: a preferred level is a bound like a demanded one."""
    r = routing()
    r.online("low", skills={"de": 3})
    r.online("high", skills={"de": 8})
    assert r.assign("j1", skills=["de"], preferred_skills={"de": 7}).agent_id == "high"
    assert r.assign("j2", skills=["de"], preferred_skills={"de": 7}).agent_id == "low"


def test_the_whole_order_is_own_agent_threshold_preferences_strategy(routing: Make) -> None:
    """T5: each key is decided against all that come after it."""
    r = routing(queue(strategy="best_rating", saturation_threshold=50, affinity_mode=Affinity.PREFER))
    r.online("own", capacity=4, rating=1)
    r.give("o1", "own")
    r.assign("o2", wanted_agent="own", customer="c")
    r.online("liked", capacity=4, rating=2, tags=["nice"])
    r.online("fresh", capacity=4, rating=3)
    r.online("rated", capacity=4, rating=1000)
    for number in range(2):
        r.give(f"r{number}", "rated")
    wishes: dict[str, Any] = {"customer": "c", "preferred_tags": ["nice"]}
    assert r.assign("j1", **wishes).agent_id == "own"
    r.presence("own", Presence.AWAY)
    assert r.assign("j2", preferred_tags=["nice"]).agent_id == "liked"
    assert r.assign("j3", preferred_tags=["nice"]).agent_id == "liked"
    # "liked" is at the threshold now: below it comes before preferences, preferences before rating.
    assert r.deal(2, "k", preferred_tags=["nice"]) == ["fresh", "fresh"]
    assert r.assign("j4", preferred_tags=["nice"]).agent_id == "liked"
    assert r.assign("j5").agent_id == "rated"


@pytest.mark.parametrize("strategy", [strategy for strategy in STRATEGIES if strategy != "random"])
def test_preferences_leave_ties_to_the_order_number(routing: Make, strategy: str) -> None:
    """T2, T5: among those who have them all, as without any. The key of `random` has no ties."""
    r = routing(queue(strategy=strategy))
    r.online("late", order=9, skills={"de": 5})
    r.online("early", order=3, skills={"de": 5})
    assert r.assign("j", preferred_skills=["de"]).agent_id == "early"
