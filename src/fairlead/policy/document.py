"""Reads and shows policy documents: TOML, JSON, mappings and the protobuf message are one structure (L1).

The message `fairlead.v1.Policy` is the definition. A file has the same field names; a Duration is text such as "90s",
an enum is its name without the prefix in any case ("overflow" for LIMIT_ACTION_OVERFLOW). Nothing is lost or guessed
on the way: unknown keys and wrong types are problems with their path. What the values mean and may be is in `validate`.
This module knows no engine and no files.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fairlead.durations import HINT, format_duration, parse_duration
from fairlead.errors import error
from fairlead.policy.validate import validate
from fairlead.problems import Problems
from fairlead.protobuf import duration_us, enum_names, enum_prefix, set_duration
from fairlead.v1 import policy_pb2

# Set by the program when it answers; ignored when a document comes in, so that what was read can be sent back.
OUTPUT_ONLY = ("version", "author", "update_time")

# A policy of 1,000 queues and 100,000 members is a few megabytes.
MAX_DOCUMENT_SIZE = 16 * 1024 * 1024

_DURATION = duration_pb2.Duration.DESCRIPTOR.full_name
_TIMESTAMP = timestamp_pb2.Timestamp.DESCRIPTOR.full_name

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def load(source: policy_pb2.Policy | Mapping[str, Any] | str) -> policy_pb2.Policy:
    """A valid policy from a message, a mapping or text (JSON when it begins with "{", else TOML).

    Raises InvalidArgument (INVALID_POLICY) with every problem at once. Cost: linear in the document. What is valid and
    probably not meant is told by `fairlead.policy.advice`.
    """
    problems = Problems()
    if isinstance(source, str):
        source = parse_text(source)
    policy = source if isinstance(source, policy_pb2.Policy) else from_mapping(source, problems)
    accepted = policy_pb2.Policy()
    accepted.CopyFrom(policy)
    for name in OUTPUT_ONLY:
        accepted.ClearField(name)
    validate(accepted, problems)
    problems.raise_if_any("INVALID_POLICY", "the policy")
    return accepted


def parse_text(text: str) -> Mapping[str, Any]:
    """The mapping of a TOML or JSON text. Raises InvalidArgument where the text is neither."""
    if len(text) > MAX_DOCUMENT_SIZE:
        raise error("INVALID_POLICY", f"the policy has {len(text)} characters; at most {MAX_DOCUMENT_SIZE} are allowed")
    try:
        if not text.lstrip().startswith("{"):
            return tomllib.loads(text)
        mapping = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as wrong:
        raise error("INVALID_POLICY", f"the policy is no TOML or JSON text: {wrong}") from wrong
    assert isinstance(mapping, dict)
    return mapping


def from_mapping(mapping: Mapping[str, Any], problems: Problems) -> policy_pb2.Policy:
    """The message of a mapping with proto field names; what does not fit goes to `problems` and is left out."""
    policy = policy_pb2.Policy()
    if isinstance(mapping, Mapping):
        _fill(policy, mapping, "", problems)
    else:
        problems.add("", mapping, "a table of policy fields, TOML or JSON text, or a fairlead.v1.Policy message")
    return policy


def to_mapping(policy: policy_pb2.Policy) -> dict[str, Any]:
    """The mapping that `from_mapping` reads back to the same message: set fields only, JSON and TOML types."""
    return _show(policy)


def to_toml(policy: policy_pb2.Policy) -> str:
    """The document as TOML text that `load` reads back to the same message."""
    return "\n".join(_toml_table(to_mapping(policy), "")).strip() + "\n"


def to_text(value: Any) -> str:
    """One value of `to_mapping` on one line, as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {to_text(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_text, value)) + "]"
    return _toml_value(value)


def from_stored(data: bytes) -> policy_pb2.Policy:
    """The message of the bytes that were compiled into the tables."""
    policy: policy_pb2.Policy = policy_pb2.Policy.FromString(data)
    return policy


def _unique_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {key!r} stands twice in one table")
        table[key] = value
    return table


def _fill(message: Message, table: Mapping[str, Any], path: str, problems: Problems) -> None:
    fields = cast(Mapping[str, FieldDescriptor], message.DESCRIPTOR.fields_by_name)
    for key, value in table.items():
        here = f"{path}.{key}" if path else str(key)
        field = fields.get(key)
        if field is None:
            close = get_close_matches(str(key), fields, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            problems.note(here, f"unknown key; {hint}allowed: {', '.join(fields)}")
        elif not path and key in OUTPUT_ONLY:
            continue
        elif field.is_repeated:
            if isinstance(value, (list, tuple)):
                for index, item in enumerate(value):
                    _put(message, field, item, f"{here}[{index}]", problems)
            else:
                problems.add(here, value, "a list")
        else:
            _put(message, field, value, here, problems)


def _put(message: Message, field: FieldDescriptor, value: object, path: str, problems: Problems) -> None:
    """Sets a field or appends to it. A list keeps its indexes: a wrong entry leaves an empty one behind."""
    repeated = field.is_repeated
    if field.message_type is not None and field.message_type.full_name != _DURATION:
        target = getattr(message, field.name)
        inner = target.add() if repeated else target
        if isinstance(value, Mapping):
            # A table that is there but empty still counts as there.
            inner.SetInParent()
            _fill(inner, value, path, problems)
        else:
            problems.add(path, value, f"a table of {', '.join(field.message_type.fields_by_name)}")
        return
    known, good = _scalar(field, value, path, problems)
    if field.message_type is not None:
        if good:
            set_duration(getattr(message, field.name), known)
    elif repeated:
        getattr(message, field.name).append(known)
    elif good:
        setattr(message, field.name, known)


def _scalar(field: FieldDescriptor, value: object, path: str, problems: Problems) -> tuple[Any, bool]:
    """The value as the message holds it and whether it fits; a wrong one is noted and replaced by the empty value."""
    kind = field.cpp_type
    if field.message_type is not None:
        if isinstance(value, str):
            try:
                return parse_duration(value), True
            except ValueError as wrong:
                problems.note(path, str(wrong))
                return 0, False
        problems.add(path, value, HINT)
    elif field.enum_type is not None:
        names = enum_names(field.enum_type)
        name = value.lower().removeprefix(enum_prefix(field.enum_type)) if isinstance(value, str) else ""
        if name in names:
            return names[name], True
        problems.add(path, value, ", ".join(names))
    elif kind == FieldDescriptor.CPPTYPE_STRING:
        if isinstance(value, str) and _is_utf8(value):
            return value, True
        problems.add(path, value, "text")
        return "", False
    elif kind == FieldDescriptor.CPPTYPE_BOOL:
        if isinstance(value, bool):
            return value, True
        problems.add(path, value, "true or false")
    else:
        low, high = _INTEGERS[kind]
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value, True
        problems.add(path, value, f"a whole number from {low} to {high}")
    return 0, False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _show(message: Message) -> dict[str, Any]:
    return {
        field.name: [_shown(field, item) for item in value] if field.is_repeated else _shown(field, value)
        for field, value in message.ListFields()
    }


def _shown(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is None:
        if field.enum_type is None:
            return value
        return next((name for name, number in enum_names(field.enum_type).items() if number == value), value)
    if field.message_type.full_name == _DURATION:
        return format_duration(duration_us(value))
    if field.message_type.full_name == _TIMESTAMP:
        return value.ToJsonString()
    return _show(value)


def _toml_table(table: Mapping[str, Any], path: str) -> Iterable[str]:
    """Lines of a table: its plain values first, then its tables, as TOML demands."""
    later: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            later.append((key, value))
        else:
            yield f"{key} = {_toml_value(value)}"
    for key, value in later:
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield f"\n[{here}]"
            yield from _toml_table(value, here)
        else:
            for item in value:
                yield f"\n[[{here}]]"
                yield from _toml_table(item, here)


def _toml_value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        # JSON escapes are TOML escapes; DEL is the one character that TOML wants escaped and JSON does not.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)
