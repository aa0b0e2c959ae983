"""T4, T6: shares by weight, and rotations that changes repair and never restart."""

import csv
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from fairlead.shard.core import Presence
from tests.unit.rules.support import TENANT, Routing, queue

Make = Callable[..., Routing]
REFERENCE = Path(__file__).resolve().parents[4] / "shared/reference/wrr.csv"


def weighted(routing: Make, *weights: int, capacity: int = 1) -> Routing:
    """Agents a, b, c .. of these weights."""
    r = routing(queue(strategy="weighted"), retention_us=1_000_000)
    for number, weight in enumerate(weights):
        r.online("abcdefghij"[number], weight=weight, capacity=capacity)
    return r


def worst_deviation(holders: list[str], weights: dict[str, int]) -> Fraction:
    """The largest distance of anybody's count from their exact share, over all prefixes."""
    total, counts, worst = sum(weights.values()), Counter[str](), Fraction(0)
    for jobs, holder in enumerate(holders, 1):
        counts[holder] += 1
        for agent, weight in weights.items():
            worst = max(worst, abs(counts[agent] - Fraction(jobs * weight, total)))
    return worst


def test_weights_21_and_20_give_21_and_20_over_41_jobs_and_never_deviate_by_one(routing: Make) -> None:
    """T4, and over each further cycle."""
    r = weighted(routing, 21, 20)
    holders = r.deal(41 * 3, complete=True)
    for cycle in range(3):
        assert Counter(holders[41 * cycle : 41 * (cycle + 1)]) == {"a": 21, "b": 20}
    assert worst_deviation(holders, {"a": 21, "b": 20}) < 1


def reference_rows() -> list[dict[str, str]]:
    """The rows of the reference table, none when it is not there."""
    if not REFERENCE.exists():
        return []
    with REFERENCE.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not REFERENCE.exists(), reason="shared/reference/wrr.csv is not beside this tree")
def test_shares_are_exact_and_no_worse_than_the_known_rules(routing: Make) -> None:
    """T4: exact over a cycle as all known rules are, and below one job everywhere, as EDF and naive are not."""
    rows = reference_rows()
    assert len(rows) >= 4
    for row in rows:
        weights = [int(weight) for weight in row["weights"].split()]
        names = dict(zip("abcdefghij", weights, strict=False))
        r = weighted(routing, *weights)
        holders = r.deal(3 * sum(weights), complete=True)
        cycle = Counter(holders[: sum(weights)])
        assert cycle == names
        worst = worst_deviation(holders, names)
        assert worst < 1
        assert worst < float(row["naive_maxdev"])
        assert float(row["smooth_maxdev"]) < 1


@pytest.mark.parametrize(
    "weights", [(1,), (1000, 1), (5, 1, 1), (10, 10, 10, 1), (30, 20, 20), (13, 11, 7, 5, 3, 2, 1)]
)
@pytest.mark.parametrize("held", [False, True])
def test_every_prefix_is_within_one_job_of_the_exact_shares(
    routing: Make, weights: tuple[int, ...], held: bool
) -> None:
    """T4: while the available set does not change."""
    r = weighted(routing, *weights, capacity=2000 if held else 1)
    holders = r.deal(2 * sum(weights) if sum(weights) < 500 else 1100, complete=not held)
    assert worst_deviation(holders, dict(zip("abcdefghij", weights, strict=False))) < 1


def test_a_full_agent_neither_gains_nor_loses_credit_beyond_one_job(routing: Make) -> None:
    """T4."""
    r = weighted(routing, 100, 100)
    r.give("long", "a")
    assert set(r.deal(50, complete=True)) == {"b"}
    r.complete("long")
    counts = Counter(r.deal(20, "k", complete=True))
    assert abs(counts["a"] - 10) <= 1


@pytest.mark.parametrize("presence", [Presence.AWAY, Presence.OFFLINE])
def test_who_was_away_is_owed_at_most_one_job(routing: Make, presence: Presence) -> None:
    """T4."""
    r = weighted(routing, 300, 200, 100)
    r.deal(100, complete=True)
    r.presence("a", presence)
    assert "a" not in r.deal(600, "k", complete=True)
    r.presence("a", Presence.ONLINE)
    counts: Counter[str] = Counter()
    for jobs, holder in enumerate(r.deal(60, "m", complete=True), 1):
        counts[holder] += 1
        assert abs(counts["a"] - Fraction(jobs, 2)) < 2


def test_what_was_missed_while_others_had_jobs_of_their_own_is_one_job_after_an_absence(routing: Make) -> None:
    """T4: ten jobs of a's own leave b five turns behind, and b comes back with one."""
    r = weighted(routing, 100, 100)
    for number in range(10):
        r.give(f"own{number}", "a")
        r.complete(f"own{number}")
    for agent in "ab":
        r.presence(agent, Presence.AWAY)
        r.presence(agent, Presence.ONLINE)
    counts = Counter(r.deal(10, complete=True))
    assert abs(counts["a"] - 5) <= 1


@pytest.mark.parametrize("weights", [(1, 1, 1), (2, 1)])
def test_shares_stay_exact_when_virtual_time_starts_anew(routing: Make, weights: tuple[int, ...]) -> None:
    """T4: some 400 jobs bring it there, 2,000 would overflow it."""
    r = weighted(routing, *weights, capacity=2500)
    assert worst_deviation(r.deal(2500), dict(zip("abc", weights, strict=False))) < 1


def test_a_rotation_stays_in_order_when_its_virtual_time_starts_anew(routing: Make) -> None:
    """T4: each 130 turns of weight 1; what those who left have in its heaps is older than all that is taken off."""
    r = weighted(routing, 1, 1, 1, 1, 1, 1, capacity=5)
    assert r.assign("first").agent_id == "a"
    for absent in "bcdef":
        r.presence(absent, Presence.OFFLINE)
    for number in range(200):
        r.give(f"own{number}", "a")
        r.complete(f"own{number}")
        assert r.shard.check(TENANT) == []
    for back in "bcdef":
        r.presence(back, Presence.ONLINE)
    counts = Counter(r.deal(60, complete=True))
    assert all(abs(counts[agent] - 10) <= 2 for agent in "abcdef")


@pytest.mark.parametrize("given_to", "ab")
def test_what_an_absent_one_is_owed_or_owes_is_one_job_of_the_new_weight(routing: Make, given_to: str) -> None:
    """T4, T6: a turn of weight 1 is worth a hundred of weight 100, and none of these is due."""
    r = weighted(routing, 1, 1, capacity=50)
    for number in range(10):
        r.give(f"own{number}", given_to)
        r.complete(f"own{number}")
    for agent in "ab":
        r.presence(agent, Presence.AWAY)
        r.update(agent, weight=100)
    for agent in "ab":
        r.presence(agent, Presence.ONLINE)
    # Held: each completion would be one more coming back, which cuts what is owed by itself.
    counts = Counter(r.deal(20))
    assert abs(counts["a"] - 10) <= 1


def test_going_away_and_coming_back_neither_wins_nor_loses_a_turn(routing: Make) -> None:
    """T4, T6: the rotation goes on as if nothing had been."""
    r, undisturbed = weighted(routing, 5, 3, 2), weighted(routing, 5, 3, 2)
    expected = undisturbed.deal(40, complete=True)
    got = []
    for number in range(40):
        got += r.deal(1, f"j{number}-", complete=True)
        r.presence("a", Presence.AWAY)
        r.presence("a", Presence.ONLINE)
    assert got == expected


def test_an_unskilled_agent_is_not_part_of_a_demands_rotation(routing: Make) -> None:
    """T4: jobs they cannot do give them no credit for those they can."""
    r = weighted(routing, 100, 100)
    r.update("a", skills={"de": 5})
    assert set(r.deal(40, skills=["de"], complete=True)) == {"a"}
    counts = Counter(r.deal(20, "k", complete=True))
    assert abs(counts["a"] - 10) <= 1


def test_a_newcomer_starts_at_the_present_point(routing: Make) -> None:
    """T4: no debt is owed to them for the time before."""
    r = weighted(routing, 100, 100)
    r.deal(500, complete=True)
    r.online("c", weight=100)
    counts = Counter(r.deal(30, "k", complete=True))
    assert all(abs(counts[agent] - 10) <= 1 for agent in "abc")


def test_who_leaves_and_joins_again_is_a_newcomer(routing: Make) -> None:
    """D8: members who no longer match are dropped."""
    r = weighted(routing, 100, 100)
    r.update("a", skills={"de": 5})
    r.update("b", skills={"de": 5})
    r.deal(50, skills=["de"], complete=True)
    r.update("a", skills={})
    assert set(r.deal(50, "k", skills=["de"], complete=True)) == {"b"}
    r.update("a", skills={"de": 5})
    counts = Counter(r.deal(20, "m", skills=["de"], complete=True))
    assert abs(counts["a"] - 10) <= 1


def test_a_job_by_any_cause_is_a_turn_taken(routing: Make) -> None:
    """D8: a wanted agent, a transfer and the backlog are charged like a pick."""
    r = weighted(routing, 100, 100, capacity=100)
    r.give("j1", "a")
    assert r.assign("j2").agent_id == "b"
    r.assign("j3")
    assert r.who("j3") == "a"
    r.transfer("j3", agent="b")
    assert r.assign("j4").agent_id == "a"


def test_jobs_with_and_without_preferences_share_one_rotation(routing: Make) -> None:
    """D2: preferences are not part of the demand, exclusions neither; queue, channel and demands are."""
    r = weighted(routing, 100, 100, 100)
    wishes = [{}, {"preferred_skills": ["de"]}, {"preferred_tags": ["night"], "urgency": 3}]
    holders = []
    for number in range(30):
        holders += r.deal(1, f"j{number}-", complete=True, **wishes[number % 3])
    assert worst_deviation(holders, {"a": 100, "b": 100, "c": 100}) < 1


def test_threshold_and_preferences_come_before_whose_turn_it_is(routing: Make) -> None:
    """D8, T5: the turn is found inside the best group, whoever else's turn it is."""
    r = weighted(routing, 100, 100)
    r.update("b", tags=["nice"])
    assert set(r.deal(30, preferred_tags=["nice"], complete=True)) == {"b"}
    s = routing(queue(strategy="weighted", saturation_threshold=50))
    s.online("a", weight=900, capacity=4).online("b", weight=100, capacity=4)
    assert Counter(s.deal(4)) == {"a": 2, "b": 2}


def test_a_changed_weight_counts_from_now_on(routing: Make) -> None:
    """T4, T6."""
    r = weighted(routing, 100, 100)
    r.deal(100, complete=True)
    r.update("a", weight=300)
    holders = r.deal(400, "k", complete=True)
    counts = Counter(holders)
    assert abs(counts["a"] - 300) <= 2


def test_a_policy_edit_does_not_restart_the_weighted_rotation(routing: Make) -> None:
    """T6: nor do a newcomer who comes and goes and a changed name of the queue's members."""
    r, undisturbed = weighted(routing, 7, 3, 2), weighted(routing, 7, 3, 2)
    expected = undisturbed.deal(60, complete=True)
    got = []
    for number in range(60):
        got += r.deal(1, f"j{number}-", complete=True)
        r.install(queue(strategy="weighted", max_length=number), retention_us=1_000_000)
        r.online("z", presence=Presence.OFFLINE)
        r.shard.delete_agent(TENANT, "z")
    assert got == expected


def test_membership_changes_do_not_restart_the_sequential_rotation(routing: Make) -> None:
    """T6: whoever comes or goes, the next one is the next in order after the last one served."""
    r = routing(queue(strategy="sequential"))
    for order, name in enumerate("abcd", 1):
        r.online(name, order=10 * order, capacity=100)
    assert r.deal(2) == ["a", "b"]
    r.presence("c", Presence.OFFLINE)
    assert r.assign("k1").agent_id == "d"
    r.presence("c", Presence.ONLINE)
    r.online("aa", order=15, capacity=100)
    assert r.deal(3, "m") == ["a", "aa", "b"]
    # The last one served goes away altogether: the place they had is kept.
    r.presence("b", Presence.OFFLINE)
    assert r.assign("k2").agent_id == "c"
    r.install(queue(strategy="sequential", max_length=7))
    assert r.assign("k3").agent_id == "d"


def test_a_queue_keeps_to_its_members_after_a_reload(routing: Make) -> None:
    """T6: after a new policy the membership is exactly the new one."""
    r = routing(queue(agents=("ann", "bob")))
    r.online("ann", "bob", "cid", capacity=100)
    assert set(r.deal(10)) == {"ann", "bob"}
    r.install(queue(agents=("cid",)))
    assert set(r.deal(10, "k")) == {"cid"}
    r.install(queue())
    assert set(r.deal(30, "m")) == {"ann", "bob", "cid"}


def test_members_by_skill_level_by_tag_and_by_name(routing: Make) -> None:
    """T1, T6: whoever meets one of these is a member, and stops being one with it."""
    r = routing(queue(agents=("named",), any_skills=(("de", 3, 8),), any_tags=("night",)))
    r.online("named", "outside", capacity=100)
    r.online("skilled", skills={"de": 8}, capacity=100)
    r.online("too good", skills={"de": 9}, capacity=100)
    r.online("tagged", tags=["night"], capacity=100)
    assert set(r.deal(60)) == {"named", "skilled", "tagged"}
    r.update("skilled", skills={"de": 2})
    r.update("too good", skills={"de": 3})
    assert set(r.deal(60, "k")) == {"named", "too good", "tagged"}


def test_a_heavier_weight_does_not_multiply_what_was_owed(routing: Make) -> None:
    """T4: ann, of weight 1, was excluded from jobs worth some of her turns; as heavy as others she shares alike."""
    r = routing(queue(strategy="weighted"))
    r.online("ann", weight=1, capacity=100).online("bob", "cid", weight=100, capacity=100)
    r.deal(600, "before", complete=True, excluded_agents=["ann"])
    r.update("ann", weight=100)
    taken = Counter(r.deal(60, "after"))
    assert taken["ann"] <= 21
