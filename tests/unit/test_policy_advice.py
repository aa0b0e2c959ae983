"""L1, L2: what is valid and probably not meant is told with its path, and nothing that is meant."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from fairlead.policy.advice import MAX_WARNINGS, advise
from fairlead.policy.document import load
from fairlead.policy.shadows import shadows
from fairlead.v1 import policy_pb2

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = ("chat", "voice")
BASE: dict[str, Any] = {
    "queues": [{"id": "q", "hours": "day", "on_closed": "queue"}, {"id": "r"}],
    "channels": [{"id": name} for name in CHANNELS],
    "tiers": [{"id": "gold"}, {"id": "silver"}],
    "scenarios": ["sale", "rain"],
    "schedules": [
        {"id": name, "weekly": [{"days": ["mon"], "open": "09:00", "close": "17:00"}]} for name in ("day", "night")
    ],
}
USED = [
    {"id": f"uses {name}", "match": {"labels": [{"key": name}], kind: name}}
    for kind, name in (("scenario", "sale"), ("scenario", "rain"), ("schedule", "night"))
]


def warnings(*matches: dict[str, Any], **fields: Any) -> list[str]:
    rules = [{"id": f"rule {index}", "match": match} for index, match in enumerate(matches)]
    return advise(load(BASE | {"rules": rules + USED} | fields))


HIDDEN = [
    ({}, {"channels": ["voice"]}),
    ({"channels": ["chat", "voice"]}, {"customer_tiers": ["gold"]}),
    ({"channels": ["chat"]}, {"channels": ["chat"], "scenario": "sale"}),
    ({"customer_tiers": ["gold", "silver"]}, {"customer_tiers": ["silver"]}),
    ({"languages": ["EN"]}, {"languages": ["en-GB", "en-US"]}),
    ({"languages": ["en-GB"]}, {"languages": ["en-gb-oed"]}),
    ({"queues": ["q", "r"]}, {"queues": ["r"]}),
    ({"labels": [{"key": "k"}]}, {"labels": [{"key": "k", "values": ["v"]}]}),
    ({"labels": [{"key": "k", "values": ["v", "w"]}]}, {"labels": [{"key": "k", "values": ["w"]}, {"key": "l"}]}),
    ({"min_customer_value": 5}, {"min_customer_value": 6}),
    ({"max_customer_value": 5}, {"max_customer_value": 5, "min_customer_value": 1}),
    ({"schedule": "day"}, {"schedule": "day", "not_scenario": "rain"}),
    ({"not_schedule": "day"}, {"not_schedule": "day", "schedule": "night"}),
]
SEEN = [
    ({"channels": ["chat"]}, {}),
    ({"channels": ["chat"]}, {"channels": ["chat", "voice"]}),
    # A job may have no tier, name no queue, have no label.
    ({"customer_tiers": ["gold", "silver"]}, {}),
    ({"queues": ["q", "r"]}, {}),
    ({"labels": [{"key": "k"}]}, {"labels": [{"key": "l"}]}),
    ({"labels": [{"key": "k", "values": ["v"]}]}, {"labels": [{"key": "k"}]}),
    ({"languages": ["en-GB"]}, {"languages": ["en"]}),
    ({"languages": ["en"]}, {"languages": ["eng"]}),
    ({"min_customer_value": 6}, {"min_customer_value": 5}),
    ({"max_customer_value": 5}, {"max_customer_value": 6}),
    ({"max_customer_value": 5}, {"min_customer_value": 1}),
    ({"schedule": "day"}, {"schedule": "night"}),
    ({"schedule": "day"}, {"not_schedule": "day"}),
    ({"scenario": "sale"}, {"not_scenario": "sale"}),
]


@pytest.mark.parametrize(("first", "second"), HIDDEN)
def test_a_rule_that_an_earlier_one_hides_is_told(first: dict[str, Any], second: dict[str, Any]) -> None:
    (found,) = [text for text in warnings(first, second) if "rules[1]" in text]
    assert found.startswith("rules[1]: never matches: rules[0] (rule 0) matches every job")
    # Not the other way round.
    assert not [text for text in warnings(second, first) if text.startswith("rules[1]:")]


@pytest.mark.parametrize(("first", "second"), SEEN)
def test_a_rule_that_may_match_is_not_warned_of(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert [text for text in warnings(first, second) if text.startswith("rules[1]")] == []


def random_match(choice: random.Random) -> dict[str, Any]:
    match: dict[str, Any] = {}
    for field, names in (
        ("channels", CHANNELS),
        ("customer_tiers", ("gold", "silver")),
        ("queues", ("q", "r")),
        ("languages", ("de", "en", "en-gb")),
    ):
        if choice.random() < 0.3:
            match[field] = choice.sample(names, choice.randint(1, len(names)))
    if choice.random() < 0.3:
        match["labels"] = [{"key": choice.choice("kl"), "values": choice.sample("vw", choice.randint(0, 2))}]
    for field in ("scenario", "not_scenario"):
        if choice.random() < 0.2:
            match[field] = choice.choice(("sale", "rain"))
    if choice.random() < 0.2:
        match["min_customer_value"] = choice.randint(1, 2)
    return match


def matches(match: policy_pb2.Match, job: dict[str, Any]) -> bool:
    """The rule, the plain way."""
    return (
        all(
            label.key in job["labels"] and (not label.values or job["labels"][label.key] in label.values)
            for label in match.labels
        )
        and (not match.channels or job["channel"] in match.channels)
        and (not match.customer_tiers or job["tier"] in match.customer_tiers)
        and (not match.queues or job["queue"] in match.queues)
        and (not match.languages or any((job["language"] + "-").startswith(name + "-") for name in match.languages))
        and (not match.scenario or match.scenario in job["scenarios"])
        and match.not_scenario not in job["scenarios"]
        and match.min_customer_value <= job["value"]
    )


def test_no_job_ever_comes_to_a_rule_that_is_told_as_hidden() -> None:
    """A thousand random jobs against random rule books; and what one rule alone hides is always found."""
    choice = random.Random(3)
    hidden_count = 0
    for _ in range(40):
        rules = [{"id": str(index), "match": random_match(choice)} for index in range(20)]
        books = [rule.match for rule in load(BASE | {"rules": rules}).rules]
        hidden = shadows(books, frozenset(CHANNELS))
        hidden_count += len(hidden)
        for _ in range(300):
            job = {
                "channel": choice.choice(CHANNELS),
                "tier": choice.choice(("", "gold", "silver")),
                "queue": choice.choice(("", "q", "r")),
                "language": choice.choice(("", "de", "en", "en-gb")),
                "labels": {key: choice.choice("vwx") for key in choice.sample("kl", choice.randint(0, 2))},
                "scenarios": choice.sample(("sale", "rain"), choice.randint(0, 2)),
                "value": choice.randint(0, 3),
            }
            first = next((index for index, match in enumerate(books) if matches(match, job)), None)
            assert first not in hidden, (first, job)
            for index, earlier in hidden.items():
                assert not matches(books[index], job) or matches(books[earlier], job)
    assert hidden_count > 100


def test_a_thousand_rules_are_looked_through_in_no_time() -> None:
    """The linear way; each against each would be half a million comparisons."""
    rules = [
        {"id": str(index), "match": {"channels": ["chat"], "labels": [{"key": "tag", "values": [f"v{index}"]}]}}
        for index in range(1000)
    ]
    policy = load(BASE | {"rules": rules})
    began = time.process_time()
    assert shadows([rule.match for rule in policy.rules], frozenset(CHANNELS)) == {}
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"schedule": "day", "not_schedule": "day"}, "schedule day cannot be open and closed"),
        ({"scenario": "sale", "not_scenario": "sale"}, "scenario sale cannot be on and off"),
        (
            {"labels": [{"key": "k", "values": ["v"]}, {"key": "k", "values": ["w"]}]},
            "label k cannot have two values",
        ),
    ],
)
def test_a_rule_that_contradicts_itself_is_told(match: dict[str, Any], why: str) -> None:
    assert warnings(match) == [f"rules[0].match: never matches: {why}"]


def test_what_nothing_refers_to_is_told() -> None:
    plans = [{"id": "p", "steps": [{"after": "1m", "any_agent": True}]}]
    found = advise(load(BASE | {"plans": plans}))
    assert found == [
        "plans[0]: p is used by no queue, rule or arm",
        "schedules[1]: night is used by no queue or rule",
        "scenarios[0]: sale is used by no rule",
        "scenarios[1]: rain is used by no rule",
    ]
    assert warnings(plans=plans, queues=[{"id": "q", "plan": "p", "hours": "day"}]) == []


def test_a_default_queue_that_no_job_reaches_is_told() -> None:
    rules = [{"id": "voice", "queue": "r", "match": {"channels": ["voice"]}}, {"id": "all", "queue": "r"}]
    found = advise(
        load({"queues": [{"id": "q"}, {"id": "r"}], "default_queue": "q", "channels": BASE["channels"], "rules": rules})
    )
    assert found == [
        "default_queue: no job reaches it by default: up to rules[1] (all), which matches every job, "
        "each rule names a queue"
    ]
    rules[0].pop("queue")
    found = advise(
        load({"queues": [{"id": "q"}, {"id": "r"}], "default_queue": "q", "channels": BASE["channels"], "rules": rules})
    )
    assert found == []


@pytest.mark.parametrize(
    ("queue", "field"),
    [
        ({"on_closed": "queue"}, "on_closed"),
        ({"closed_strategy": "random"}, "closed_strategy"),
        ({"lost_grace": "5s"}, "lost_grace"),
        ({"misses_to_away": 3}, "misses_to_away"),
    ],
)
def test_a_field_without_effect_is_told(queue: dict[str, Any], field: str) -> None:
    (found,) = advise(load({"queues": [{"id": "q"} | queue]}))
    assert found.startswith(f"queues[0].{field}: has no effect")


def test_steps_and_ends_without_effect_are_told() -> None:
    plan = {"id": "p", "steps": [{"after": "1m"}], "overflow_queue": "q"}
    assert advise(load({"queues": [{"id": "q", "plan": "p"}], "plans": [plan]})) == [
        "plans[0].overflow_queue: has no effect: end is not overflow",
        "plans[0].steps[0]: relaxes nothing",
    ]


def test_many_warnings_are_counted_not_listed() -> None:
    found = advise(load({"queues": [{"id": f"q{index}", "lost_grace": "5s"} for index in range(300)]}))
    assert len(found) == MAX_WARNINGS
    assert found[-1] == "201 more warnings are not listed"


def test_the_example_of_the_documentation_has_no_warnings() -> None:
    assert advise(load((ROOT / "docs/examples/shop.toml").read_text())) == []
