"""L1: a policy is one structure, whether it is TOML, JSON, a mapping or the message; nothing is lost or guessed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import InvalidArgument
from fairlead.policy.document import OUTPUT_ONLY, from_stored, load, to_mapping, to_toml
from fairlead.v1 import policy_pb2

FULL_TOML = """
default_queue = "support"
retention = "30m"
reserve_after = "0s"
seed = 18446744073709551615

[[channels]]
id = "chat"
max_jobs = 3
[[channels]]
id = "voice"
cost = 5

[[tiers]]
id = "vip"
head_start = "90s"
urgency = 1

[[queues]]
id = "support"
strategy = "weighted"
saturation_threshold = 80
max_length = 100
on_max_length = "overflow"
max_wait = "1.5h"
on_max_wait = "CANCEL"
overflow_queue = "back office"
[queues.members]
agents = ["ann", "bob \\"b\\" ü"]
any_skills = [{ name = "de", min_level = 3, max_level = 9 }]
any_tags = ["night"]
[queues.affinity]
mode = "require"
group = "all"
tiers = [{ age = "10m" }, { age = "24h", also_away = true, hold = "30s" }]

[[queues]]
id = "back office"
on_max_wait = "LIMIT_ACTION_REFUSE"
"""


def test_toml_json_mapping_and_message_are_one_policy() -> None:
    policy = load(FULL_TOML)
    mapping = to_mapping(policy)
    assert load(to_toml(policy)) == load(json.dumps(mapping)) == load(mapping) == load(policy) == policy
    assert from_stored(policy.SerializeToString()) == policy


def test_the_mapping_has_the_fields_names_and_short_forms() -> None:
    mapping = to_mapping(load(FULL_TOML))
    assert mapping["reserve_after"] == "0s"
    assert mapping["queues"][0]["max_wait"] == "90m"
    assert mapping["queues"][0]["on_max_length"] == "overflow"
    assert mapping["queues"][0]["affinity"]["tiers"][1] == {"age": "24h", "also_away": True, "hold": "30s"}
    assert mapping["queues"][1] == {"id": "back office", "on_max_wait": "refuse"}


def test_output_only_fields_may_be_sent_back_and_are_ignored() -> None:
    policy = policy_pb2.Policy(version=7, author="ann", queues=[policy_pb2.Queue(id="q")])
    policy.update_time.seconds = 1_700_000_000
    shown = to_mapping(policy)
    assert set(OUTPUT_ONLY) < set(shown)
    assert load(shown) == load(policy) == load({"queues": [{"id": "q"}]})
    assert policy.version == 7


def problems_of(source: Any) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as raised:
        load(source)
    assert raised.value.reason == "INVALID_POLICY"
    return dict(raised.value.violations)


@pytest.mark.parametrize(
    ("queue", "path", "allowed"),
    [
        ({"stategy": "random"}, "queues[0].stategy", "did you mean strategy"),
        ({"strategy": 3}, "queues[0].strategy", "text"),
        ({"strategy": "\ud800"}, "queues[0].strategy", "text"),
        ({"max_wait": 90}, "queues[0].max_wait", '"90s"'),
        ({"max_wait": "90"}, "queues[0].max_wait", '"90s"'),
        ({"max_length": "9"}, "queues[0].max_length", "whole number"),
        ({"max_length": True}, "queues[0].max_length", "whole number"),
        ({"max_length": 2**31}, "queues[0].max_length", "whole number"),
        ({"on_max_wait": "explode"}, "queues[0].on_max_wait", "refuse, overflow, cancel"),
        ({"on_max_wait": 3}, "queues[0].on_max_wait", "refuse, overflow, cancel"),
        ({"members": ["ann"]}, "queues[0].members", "a table of agents, any_skills, any_tags"),
        ({"members": {"agents": "ann"}}, "queues[0].members.agents", "a list"),
        ({"members": {"agents": ["ann", 3]}}, "queues[0].members.agents[1]", "text"),
        ({"members": {"any_skills": [{"nam": "de"}]}}, "queues[0].members.any_skills[0].nam", "did you mean name"),
        ({"affinity": {"tiers": [{"age": "1h", "also_away": 1}]}}, "queues[0].affinity.tiers[0].also_away", "true or"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(queue: dict[str, Any], path: str, allowed: str) -> None:
    found = problems_of({"queues": [{"id": "q"} | queue]})
    assert allowed in found[path]


@pytest.mark.parametrize("text", ["queues = ", '{"queues": ', "{" * 100_000, '{"seed": 1, "seed": 2}', "a = 1\na = 2"])
def test_text_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="no TOML or JSON"):
        load(text)


@pytest.mark.parametrize("source", [None, 3, ["queues"], b"queues"])
def test_another_type_is_refused(source: Any) -> None:
    with pytest.raises(InvalidArgument, match="a table of policy fields"):
        load(source)


def test_problems_of_form_and_of_meaning_are_told_together_and_once_each() -> None:
    found = problems_of({"queues": [{"id": 3}, {"id": "b", "strategy": "best"}], "tier": []})
    assert list(found) == ["queues[0].id", "tier", "queues[1].strategy"]


KEYS = ["queues", "id", "members", "agents", "affinity", "tiers", "age", "strategy", "channels", "x"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["queues", "channels", "tiers", "retention", "seed", "y"]), JSON))
def test_any_mapping_is_accepted_or_refused_as_a_whole(mapping: dict[str, Any]) -> None:
    try:
        policy = load(mapping)
    except InvalidArgument as refused:
        assert refused.violations
    else:
        assert load(to_toml(policy)) == policy == load(json.loads(json.dumps(to_mapping(policy))))
