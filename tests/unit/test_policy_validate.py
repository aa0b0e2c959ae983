"""L1: every bound of the contract, each with its path; circles, duplicates and unknown names; all at once."""

from typing import Any

import pytest

from fairlead.errors import InvalidArgument
from fairlead.policy.document import load
from fairlead.v1 import policy_pb2


def violations_of(source: Any) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as raised:
        load(source)
    return dict(raised.value.violations)


def with_queue(**fields: Any) -> dict[str, Any]:
    return {"queues": [{"id": "q"} | fields]}


LONG = "x" * 129

BAD = [
    ({}, "queues"),
    ({"queues": [{"id": str(index)} for index in range(1001)]}, "queues"),
    (with_queue() | {"channels": [{"id": str(index)} for index in range(17)]}, "channels"),
    (with_queue() | {"tiers": [{"id": str(index)} for index in range(101)]}, "tiers"),
    ({"queues": [{}]}, "queues[0].id"),
    ({"queues": [{"id": LONG}]}, "queues[0].id"),
    ({"queues": [{"id": "ü" * 65}]}, "queues[0].id"),
    ({"queues": [{"id": "q"}, {"id": "q"}]}, "queues[1].id"),
    (with_queue() | {"channels": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}, "channels[2].id"),
    (with_queue() | {"channels": [{"id": "a", "cost": 1001}]}, "channels[0].cost"),
    (with_queue() | {"channels": [{"id": "a", "cost": -1}]}, "channels[0].cost"),
    (with_queue() | {"channels": [{"id": "a", "max_jobs": 10_001}]}, "channels[0].max_jobs"),
    (with_queue() | {"tiers": [{"id": "vip"}, {"id": "vip"}]}, "tiers[1].id"),
    (with_queue() | {"tiers": [{"id": "vip", "urgency": 10}]}, "tiers[0].urgency"),
    (with_queue() | {"tiers": [{"id": "vip", "head_start": "24h1us"}]}, "tiers[0].head_start"),
    (with_queue() | {"tiers": [{"id": "vip", "head_start": "-1us"}]}, "tiers[0].head_start"),
    (with_queue() | {"default_queue": "r"}, "default_queue"),
    (with_queue() | {"retention": "25h"}, "retention"),
    (with_queue() | {"reserve_after": "25h"}, "reserve_after"),
    (with_queue(members={}), "queues[0].members"),
    (with_queue(members={"agents": [""]}), "queues[0].members.agents[0]"),
    (with_queue(members={"agents": ["a"] * 100_001}), "queues[0].members.agents"),
    (with_queue(members={"any_tags": [LONG]}), "queues[0].members.any_tags[0]"),
    (with_queue(members={"any_tags": ["t"] * 33}), "queues[0].members.any_tags"),
    (with_queue(members={"any_skills": [{"name": "s"}] * 33}), "queues[0].members.any_skills"),
    (with_queue(members={"any_skills": [{"min_level": 1}]}), "queues[0].members.any_skills[0].name"),
    (with_queue(members={"any_skills": [{"name": "s", "min_level": 11}]}), "queues[0].members.any_skills[0].min_level"),
    (
        with_queue(members={"any_skills": [{"name": "s", "min_level": 5, "max_level": 4}]}),
        "queues[0].members.any_skills[0].max_level",
    ),
    (
        with_queue(members={"any_skills": [{"name": "s", "max_level": 11}]}),
        "queues[0].members.any_skills[0].max_level",
    ),
    (with_queue(strategy="fastest"), "queues[0].strategy"),
    (with_queue(saturation_threshold=101), "queues[0].saturation_threshold"),
    (with_queue(max_length=1_000_001), "queues[0].max_length"),
    (with_queue(max_wait="721h"), "queues[0].max_wait"),
    (with_queue(on_max_wait="overflow"), "queues[0].overflow_queue"),
    (with_queue(on_max_length="overflow"), "queues[0].overflow_queue"),
    (with_queue(overflow_queue="q"), "queues[0].overflow_queue"),
    (with_queue(overflow_queue="r"), "queues[0].overflow_queue"),
    (with_queue(affinity={"group": LONG}), "queues[0].affinity.group"),
    (with_queue(affinity={"tiers": [{"age": f"{index}m"} for index in range(1, 10)]}), "queues[0].affinity.tiers"),
    (with_queue(affinity={"tiers": [{}]}), "queues[0].affinity.tiers[0].age"),
    (with_queue(affinity={"tiers": [{"age": "2h"}, {"age": "2h"}]}), "queues[0].affinity.tiers[1].age"),
    (with_queue(affinity={"tiers": [{"age": "366d"}]}), "queues[0].affinity.tiers[0].age"),
    (with_queue(affinity={"tiers": [{"age": "1h", "hold": "25h"}]}), "queues[0].affinity.tiers[0].hold"),
]


@pytest.mark.parametrize(("policy", "path"), BAD, ids=[f"{index}-{path}" for index, (_, path) in enumerate(BAD)])
def test_each_bound_is_held_and_told_with_its_path_alone(policy: dict[str, Any], path: str) -> None:
    assert list(violations_of(policy)) == [path]


GOOD = [
    {"queues": [{"id": str(index)} for index in range(1000)]},
    with_queue() | {"channels": [{"id": str(index), "cost": 1000, "max_jobs": 10_000} for index in range(16)]},
    with_queue() | {"tiers": [{"id": "x" * 128, "urgency": 9, "head_start": "24h"}]},
    with_queue() | {"default_queue": "q", "retention": "24h", "reserve_after": "24h"},
    with_queue(saturation_threshold=100, max_length=1_000_000, max_wait="30d", on_max_wait="refuse"),
    with_queue(members={"any_skills": [{"name": "s", "min_level": 10, "max_level": 10}] * 32, "any_tags": ["t"] * 32}),
    with_queue(affinity={}),
    with_queue(affinity={"mode": "off", "tiers": [{"age": f"{days}d", "hold": "24h"} for days in range(358, 366)]}),
    # Two queues may overflow into one, and a chain may be long: only circles are refused.
    {"queues": [{"id": str(index), "overflow_queue": str(index + 1)} for index in range(999)] + [{"id": "999"}]},
    {"queues": [{"id": "a", "overflow_queue": "c"}, {"id": "b", "overflow_queue": "c"}, {"id": "c"}]},
]


@pytest.mark.parametrize("policy", GOOD)
def test_the_bounds_themselves_are_allowed(policy: dict[str, Any]) -> None:
    load(policy)


@pytest.mark.parametrize("size", [2, 3, 9])
def test_each_overflow_circle_is_told_once(size: int) -> None:
    queues = [{"id": f"q{index}", "overflow_queue": f"q{(index + 1) % size}"} for index in range(size)]
    queues += [
        {"id": "in", "overflow_queue": "q1"},
        {"id": "x", "overflow_queue": "y"},
        {"id": "y", "overflow_queue": "x"},
    ]
    found = violations_of({"queues": queues})
    assert list(found) == ["queues[0].overflow_queue", f"queues[{size + 1}].overflow_queue"]
    assert "q0 -> q1" in found["queues[0].overflow_queue"]


def test_a_circle_through_the_plan_of_an_arm_is_told() -> None:
    plan = {"id": "p", "steps": [{"after": "10s", "drop_skills": ["x"]}], "end": "overflow", "end_after": "60s"}
    policy = {
        "queues": [{"id": "q"}, {"id": "r", "overflow_queue": "q"}],
        "default_queue": "q",
        "plans": [plan | {"overflow_queue": "r"}],
        "experiment": {"id": "e", "arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "q", "plan": "p"}]}]},
    }
    (found,) = violations_of(policy).items()
    assert found == ("plans[0].overflow_queue", "overflows form a circle: q -> r -> q; break it at one of these queues")
    load(policy | {"plans": [plan | {"overflow_queue": "r"}], "queues": [{"id": "q"}, {"id": "r"}]})


def test_unknown_enum_numbers_of_the_message_are_refused() -> None:
    policy = policy_pb2.Policy(queues=[policy_pb2.Queue(id="q", on_max_length=9, on_max_wait=9)])  # type: ignore[arg-type]
    policy.queues[0].affinity.mode = 9  # type: ignore[assignment]
    assert list(violations_of(policy)) == [
        "queues[0].on_max_length",
        "queues[0].on_max_wait",
        "queues[0].affinity.mode",
    ]


def test_a_duration_of_two_signs_is_refused() -> None:
    policy = policy_pb2.Policy(queues=[policy_pb2.Queue(id="q")])
    policy.retention.seconds, policy.retention.nanos = 1, -1
    assert list(violations_of(policy)) == ["retention"]


def test_everything_wrong_is_told_at_once() -> None:
    found = violations_of({"queues": [{"strategy": "x", "max_length": -1}], "default_queue": "d", "tiers": [{}]})
    assert list(found) == ["queues[0].id", "queues[0].max_length", "tiers[0].id", "queues[0].strategy", "default_queue"]
