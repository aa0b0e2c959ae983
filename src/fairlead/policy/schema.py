"""The JSON Schema of a policy file, for editors: made of the contract's descriptors and `bounds`.

It says what stands where and the bounds of each field. What fields mean together (names that must exist, steps that
ascend, circles) only `validate` knows. Enums are offered in their short lower-case form.
"""

from collections.abc import Iterator
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration

from fairlead.durations import HINT, format_duration
from fairlead.policy.bounds import BOUNDS, Bound
from fairlead.policy.document import OUTPUT_ONLY
from fairlead.policy.hours import DAYS
from fairlead.policy.strategies import MAX_KEYS
from fairlead.policy.tables import SORT_KEYS, STRATEGIES
from fairlead.protobuf import enum_names
from fairlead.v1 import policy_pb2

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DURATION = r"^(\d+(\.\d+)?(us|ms|s|m|h|d))+$"
_KEY = f"({'|'.join(SORT_KEYS)})"
_STRATEGY = f"^({'|'.join(STRATEGIES)}|{_KEY}(, *{_KEY}){{0,{MAX_KEYS - 1}}})$"
_OPEN = r"^([01]\d|2[0-3]):[0-5]\d$"
_CLOSE = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
_DATE = r"^(\d{4}-)?\d{2}-\d{2}$"

# Form of texts that are no free names.
_FORMS: dict[str, dict[str, Any]] = {
    "strategy": {"pattern": _STRATEGY},
    "closed_strategy": {"pattern": _STRATEGY},
    "open": {"pattern": _OPEN},
    "close": {"pattern": _CLOSE},
    "date": {"pattern": _DATE},
    "until": {"pattern": _DATE},
    "days": {"enum": list(DAYS)},
}

_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def json_schema() -> dict[str, Any]:
    """The schema, with one definition for each message of the contract."""
    root = cast(Descriptor, policy_pb2.Policy.DESCRIPTOR)
    return {
        "$schema": DIALECT,
        "title": "fairlead policy",
        **_table(root),
        "$defs": {message.name: _table(message) for message in sorted(_below(root), key=lambda each: each.name)},
    }


def _below(root: Descriptor) -> set[Descriptor]:
    """Every message that a policy is made of, but for durations."""
    found: set[Descriptor] = set()
    waiting = [root]
    while waiting:
        for field in _fields(waiting.pop()):
            inner = field.message_type
            if inner is not None and inner is not Duration.DESCRIPTOR and inner not in found:
                found.add(inner)
                waiting.append(inner)
    return found


def _fields(message: Descriptor) -> Iterator[FieldDescriptor]:
    top = message is policy_pb2.Policy.DESCRIPTOR
    return (field for field in message.fields if not (top and field.name in OUTPUT_ONLY))


def _table(message: Descriptor) -> dict[str, Any]:
    bounds = {field.name: BOUNDS.get(f"{message.name}.{field.name}", Bound()) for field in _fields(message)}
    table: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: _field(field, bounds[field.name]) for field in _fields(message)},
        "additionalProperties": False,
    }
    if message is policy_pb2.Policy.DESCRIPTOR:
        # What `fairlead policy show` prints can be sent back.
        table["properties"] |= {name: {"readOnly": True} for name in OUTPUT_ONLY}
    required = [name for name, bound in bounds.items() if bound.required or bound.least]
    return table | ({"required": required} if required else {})


def _field(field: FieldDescriptor, bound: Bound) -> dict[str, Any]:
    if not field.is_repeated:
        return _value(field, bound)
    entries: dict[str, Any] = {"type": "array", "items": _value(field, bound)}
    if bound.least:
        entries["minItems"] = bound.least
    return entries | ({"maxItems": bound.most} if bound.most else {})


def _value(field: FieldDescriptor, bound: Bound) -> dict[str, Any]:
    if field.message_type is not None:
        if field.message_type is not Duration.DESCRIPTOR:
            return {"$ref": f"#/$defs/{field.message_type.name}"}
        span = f"{format_duration(bound.low)} to {format_duration(bound.high)}"
        return {"type": "string", "pattern": _DURATION, "description": f"{HINT}; {span}"}
    if field.enum_type is not None:
        return {"enum": list(enum_names(field.enum_type))}
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"type": "boolean"}
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        # JSON Schema counts letters where the contract counts bytes: at most as many.
        low, high = bound.sizes or (0, 0)
        sizes = ({"minLength": low} if low else {}) | ({"maxLength": high} if high else {})
        return {"type": "string"} | sizes | _FORMS.get(field.name, {})
    low, high = (bound.low, bound.high) if bound.high else _NUMBERS[field.cpp_type]
    return {"type": "integer", "minimum": low, "maximum": high}
