"""The published JSON Schema is the contract's, is current, and takes the example policies."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fairlead.policy.bounds import BOUNDS
from fairlead.policy.document import load, to_mapping
from fairlead.policy.schema import json_schema
from fairlead.v1 import policy_pb2, skill_pb2

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs/examples").glob("*.toml"))


def accepts(document: dict[str, Any]) -> bool:
    validator: Any = jsonschema.Draft202012Validator(json_schema())
    return bool(validator.is_valid(document))


def test_the_published_schema_is_current() -> None:
    """Else: `fairlead policy schema > docs/policy.schema.json`."""
    assert json.loads((ROOT / "docs/policy.schema.json").read_text()) == json_schema()


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_the_examples_are_valid_for_the_schema_and_for_the_program(path: Path) -> None:
    document = tomllib.loads(path.read_text())
    assert accepts(document)
    policy = load(document)
    assert accepts(to_mapping(policy))


def test_the_example_shows_every_field_of_the_contract() -> None:
    """A field that is added to the contract comes to the example too."""
    missing: set[str] = set()
    used: set[str] = set()

    def walk(message: Any) -> None:
        for field, value in message.ListFields():
            used.add(f"{message.DESCRIPTOR.name}.{field.name}")
            if field.message_type is not None and field.message_type.name != "Duration":
                for inner in value if field.is_repeated else [value]:
                    walk(inner)

    walk(load((ROOT / "docs/examples/shop.toml").read_text()))
    file = policy_pb2.DESCRIPTOR.message_types_by_name
    for message in [*file.values(), skill_pb2.SkillDemand.DESCRIPTOR]:
        missing |= {f"{message.name}.{field.name}" for field in message.fields} - used
    assert missing == {"Policy.version", "Policy.author", "Policy.update_time"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"queues": []},
        {"queues": [{"id": ""}]},
        {"queues": [{"id": "q", "strategy": "speed"}]},
        {"queues": [{"id": "q", "strategy": "load,rating,order,weight"}]},
        {"queues": [{"id": "q", "max_wait": 90}]},
        {"queues": [{"id": "q", "max_wait": "90 s"}]},
        {"queues": [{"id": "q", "max_length": -1}]},
        {"queues": [{"id": "q", "colour": "red"}]},
        {"queues": [{"id": "q"}], "rules": [{"id": "r", "affinity": "maybe"}]},
        {"queues": [{"id": "q"}], "plans": [{"id": "p", "steps": []}]},
        {
            "queues": [{"id": "q"}],
            "schedules": [{"id": "s", "weekly": [{"days": ["mon"], "open": "9", "close": "17:00"}]}],
        },
    ],
)
def test_an_editor_sees_what_is_wrong_in_one_place(document: dict[str, Any]) -> None:
    assert not accepts(document)


def test_what_is_shown_by_the_daemon_can_be_edited_and_sent_back() -> None:
    assert accepts({"version": 3, "author": "ann", "update_time": "2026-05-01T00:00:00Z", "queues": [{"id": "q"}]})


def test_every_bound_is_about_a_field_that_exists() -> None:
    messages = {**policy_pb2.DESCRIPTOR.message_types_by_name, "SkillDemand": skill_pb2.SkillDemand.DESCRIPTOR}
    for name in BOUNDS:
        message, field = name.split(".")
        assert field in messages[message].fields_by_name, name


def test_every_number_time_and_list_of_the_contract_has_a_bound() -> None:
    free = {"Policy.seed", "Experiment.seed", "Policy.version"}
    for message in [*policy_pb2.DESCRIPTOR.message_types_by_name.values(), skill_pb2.SkillDemand.DESCRIPTOR]:
        for field in message.fields:
            name = f"{message.name}.{field.name}"
            is_time = field.message_type is not None and field.message_type.name == "Duration"
            is_number = field.enum_type is None and "INT" in str(field.type) or field.type in (3, 4, 5)
            if (is_time or is_number or field.is_repeated) and name not in free:
                bound = BOUNDS.get(name)
                assert bound is not None and (bound.high or bound.most), name
