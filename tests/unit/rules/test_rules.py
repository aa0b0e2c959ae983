"""L2: ordered rules over what a job says, schedules and scenarios; the first that matches decides."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.errors import NotFound
from fairlead.policy.tables import STRATEGIES, ChannelTable, RuleTable, ScheduleTable, TierTable
from fairlead.shard.core import Affinity, JobState, Presence
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]

CHANNELS = ("chat", "voice", "mail")
TIERS = ("gold", "silver")
LANGUAGES = ("en", "en-GB", "zh-Hant", "de", "")
QUEUES = ("q", "r")
KEYS = ("kind", "campaign", "shop")
VALUES = ("a", "b", "c")


def first(rules: list[RuleTable], job: dict[str, Any], opened: set[str], on: set[str]) -> str:
    """The definition: one rule after the other, one condition after the other."""
    return next((rule.id for rule in rules if matches(rule, job, opened, on)), "")


def matches(rule: RuleTable, job: dict[str, Any], opened: set[str], on: set[str]) -> bool:
    language = job.get("language", "").lower()
    labels = job.get("labels", {})
    value = job.get("customer_value", 0)
    return all(
        (
            all(key in labels and (not values or labels[key] in values) for key, values in rule.labels),
            not rule.channels or job.get("channel", "chat") in rule.channels,
            not rule.languages
            or any(language == each.lower() or language.startswith(each.lower() + "-") for each in rule.languages),
            not rule.customer_tiers or job.get("customer_tier", "") in rule.customer_tiers,
            value >= rule.min_value and (not rule.max_value or value <= rule.max_value),
            not rule.queues or job.get("queue", "") in rule.queues,
            not rule.schedule or rule.schedule in opened,
            not rule.not_schedule or rule.not_schedule not in opened,
            not rule.scenario or rule.scenario in on,
            not rule.not_scenario or rule.not_scenario not in on,
        )
    )


def some(rng: random.Random, values: tuple[str, ...], chance: float) -> tuple[str, ...]:
    return tuple(rng.sample(values, rng.randint(1, 2))) if rng.random() < chance else ()


def random_rule(rng: random.Random, number: int) -> RuleTable:
    low = rng.choice((0, 0, 10, 50))
    labels = tuple((key, some(rng, VALUES, 0.8)) for key in rng.sample(KEYS, rng.choice((0, 1, 1, 2, 3))))
    return RuleTable(
        f"rule{number}",
        labels=labels,
        channels=some(rng, CHANNELS, 0.3),
        languages=some(rng, LANGUAGES[:4], 0.3),
        customer_tiers=some(rng, TIERS, 0.3),
        min_value=low,
        max_value=rng.choice((0, low + 40)),
        queues=some(rng, QUEUES, 0.2),
        schedule=rng.choice(("", "", "", "day")),
        not_schedule=rng.choice(("", "", "", "", "night")),
        scenario=rng.choice(("", "", "", "sale")),
        not_scenario=rng.choice(("", "", "", "", "storm")),
    )


def random_job(rng: random.Random) -> dict[str, Any]:
    job: dict[str, Any] = {
        "channel": rng.choice(CHANNELS),
        "language": rng.choice((*LANGUAGES, "EN-gb", "en-US", "zh-Hant-TW", "zh", "fr")),
        "customer_value": rng.choice((0, 9, 10, 39, 40, 41, 50, 89, 90, 91, 10**12)),
        "labels": {key: rng.choice((*VALUES, "other")) for key in rng.sample((*KEYS, "unknown"), rng.randint(0, 4))},
    }
    if rng.random() < 0.5:
        job["customer_tier"] = rng.choice(TIERS)
    if rng.random() < 0.5:
        job["queue"] = rng.choice(QUEUES)
    return job


@pytest.mark.parametrize("count", [1, 63, 64, 65, 100, 300])
def test_shuffled_rules_give_the_answers_of_a_naive_matcher(routing: Make, count: int) -> None:
    """L2: whatever the order, the number of rules, the hour and the switches."""
    rng = random.Random(count)
    schedules = (
        ScheduleTable("day", False, (100 * SECOND, 300 * SECOND)),
        ScheduleTable("night", True, (200 * SECOND,)),
    )
    rules = [random_rule(rng, number) for number in range(count)]
    policy: dict[str, Any] = {
        "channels": tuple(ChannelTable(name) for name in CHANNELS),
        "tiers": tuple(TierTable(name) for name in TIERS),
        "schedules": schedules,
        "scenarios": ("sale", "storm"),
    }
    r = routing(queue("q"), queue("r"))
    on: set[str] = set()
    hits = 0
    for turn in range(6):
        rng.shuffle(rules)
        r.install(queue("q"), queue("r"), rules=tuple(rules), **policy)
        r.at(turn * 70)
        opened = {"day"} if 100 <= turn * 70 < 300 else set()
        opened |= {"night"} if turn * 70 < 200 else set()
        assert set(r.shard.open_schedules(TENANT)) == opened
        for name in ("sale", "storm"):
            if rng.random() < 0.5:
                active = name not in on
                on ^= {name}
                assert set(r.shard.set_scenario(TENANT, name, active)) == on
        for number in range(60):
            job = random_job(rng)
            expected = first(rules, job, opened, on)
            r.assign(f"j{turn}-{number}", **job)
            assert r.job(f"j{turn}-{number}").rule == expected, job
            hits += expected != ""
    assert hits > 20 or count == 1


def test_a_rule_sets_everything_that_a_rule_can_set(routing: Make) -> None:
    """L2, D48: what is added is added, and what the request says itself stays."""
    rule = RuleTable(
        "r",
        queue="b",
        skills=(("s", 4, 10),),
        tags=("t",),
        preferred_skills=(("p", 1, 10),),
        head_start_us=30 * SECOND,
        urgency=8,
        strategy=STRATEGIES["best_rating"],
        affinity=int(Affinity.OFF),
    )
    r = routing(queue("a"), queue("b"), rules=(rule,)).online("plain").online("able", skills={"s": 3}, tags=["t"])
    answer = r.assign("j", skills={"s": 2}, urgency=3, head_start_us=SECOND)
    assert (answer.queue, answer.agent_id) == ("b", "")
    view = r.job("j")
    assert (view.rule, view.urgency, view.head_start_us) == ("r", 9, 31 * SECOND)
    assert r.shard.explain(TENANT, "j").strategy == "best_rating"
    r.online("fit", skills={"s": 4}, tags=["t"])
    assert r.who("j") == "fit"
    assert r.assign("k", queue="a", excluded_agents=["fit"]).queue == "a"


def test_a_rule_for_a_queue_needs_the_request_to_name_it(routing: Make) -> None:
    """D48."""
    r = routing(queue("a"), queue("b"), rules=(RuleTable("r", queues=("a",)),))
    r.assign("named", queue="a")
    r.assign("unnamed")
    assert (r.job("named").rule, r.job("unnamed").rule) == ("r", "")


def test_a_sale_switches_the_strategy_at_the_minute_and_back(routing: Make) -> None:
    """L2: by a schedule, with nobody asking in between."""
    sale = RuleTable("sale", schedule="friday", strategy=STRATEGIES["best_rating"])
    hours = ScheduleTable("friday", False, (60 * SECOND, 120 * SECOND))
    r = routing(queue("a", "longest_idle"), rules=(sale,), schedules=(hours,))
    r.online("good", rating=900, capacity=99).online("idle", rating=1, capacity=99)
    r.shard.advance_to(60 * SECOND - 1)
    assert r.deal(2, "before") == ["good", "idle"]
    r.at(60)
    assert r.deal(2, "during") == ["good", "good"]
    r.shard.advance_to(120 * SECOND - 1)
    assert r.job("during0").rule == "sale"
    r.at(120)
    assert r.deal(1, "after") == ["idle"]


def test_a_scenario_switches_the_strategy_and_back(routing: Make) -> None:
    """L2, D49, D50: later jobs follow; the policy's version stays."""
    sale = RuleTable("sale", scenario="sale", strategy=STRATEGIES["best_rating"])
    r = routing(queue("a", "longest_idle"), rules=(sale,), scenarios=("sale", "other"))
    r.online("good", rating=900, capacity=99).online("idle", rating=1, capacity=99)
    version = r.assign("first").policy_version
    assert r.deal(1, "before") == ["idle"]
    assert r.shard.set_scenario(TENANT, "sale", True, "once") == ["sale"]
    assert r.deal(2, "during") == ["good", "good"]
    assert r.shard.set_scenario(TENANT, "sale", False) == []
    assert r.shard.set_scenario(TENANT, "sale", True, "once") == ["sale"], "a repeat is answered, not done"
    assert r.shard.scenarios(TENANT) == []
    assert r.assign("last").policy_version == version
    with pytest.raises(NotFound, match="SCENARIO_NOT_FOUND|no scenario"):
        r.shard.set_scenario(TENANT, "unknown", True)


def test_a_scenario_stays_on_while_policies_name_it(routing: Make) -> None:
    """D49."""
    r = routing(queue("a"), scenarios=("sale", "storm"))
    r.shard.set_scenario(TENANT, "storm", True)
    r.install(queue("a"), scenarios=("storm",))
    assert r.shard.scenarios(TENANT) == ["storm"]
    r.install(queue("a"))
    r.install(queue("a"), scenarios=("storm",))
    assert r.shard.scenarios(TENANT) == []


def test_a_tiers_strategy_goes_behind_the_rules(routing: Make) -> None:
    """D46."""
    tiers = (TierTable("gold", strategy=STRATEGIES["best_rating"]),)
    rule = RuleTable("r", labels=(("x", ()),), strategy=STRATEGIES["longest_idle"])
    r = routing(queue("a", "least_load"), tiers=tiers, rules=(rule,))
    r.assign("gold", customer_tier="gold")
    r.assign("both", customer_tier="gold", labels={"x": "1"})
    assert r.shard.explain(TENANT, "gold").strategy == "best_rating"
    assert r.shard.explain(TENANT, "both").strategy == "longest_idle"


def test_a_rule_is_chosen_at_submission_and_kept(routing: Make) -> None:
    """L2, D49: rules follow for later jobs."""
    r = routing(queue("a"), rules=(RuleTable("old", skills=(("s", 1, 10),)),)).online("ann")
    r.assign("j")
    r.install(queue("a"), rules=(RuleTable("new"),))
    assert (r.job("j").rule, r.state("j")) == ("old", JobState.QUEUED)
    r.presence("ann", Presence.AWAY)
    r.assign("k")
    assert r.job("k").rule == "new"
