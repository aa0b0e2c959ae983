"""Holds every field of a policy to its bound, whatever it means: numbers, lengths of time, counts, texts, enums.

Walks the message by its descriptors, so a field of the contract cannot be forgotten. What fields mean together is in
the rooms beside this one.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from fairlead.durations import format_duration
from fairlead.policy.bounds import BOUNDS, MAX_LEVEL, Bound
from fairlead.problems import Problems
from fairlead.protobuf import duration_us, enum_names, is_duration
from fairlead.v1 import skill_pb2

_NO_BOUND = Bound()


class _Kind(Enum):
    """How a value is checked."""

    MESSAGE = 1
    DURATION = 2
    ENUM = 3
    TEXT = 4
    NUMBER = 5
    FREE = 6


_KINDS = {
    FieldDescriptor.CPPTYPE_STRING: _Kind.TEXT,
    FieldDescriptor.CPPTYPE_INT32: _Kind.NUMBER,
    FieldDescriptor.CPPTYPE_INT64: _Kind.NUMBER,
}


class _Shape(NamedTuple):
    """What is asked of one field; `names` of an enum's values."""

    number: int
    name: str
    repeated: bool
    kind: _Kind
    bound: Bound
    names: tuple[tuple[str, int], ...]


class _Shapes(NamedTuple):
    """Those of a message by field number, and which of them may not be empty."""

    of: Mapping[int, _Shape]
    demanded: tuple[_Shape, ...]


class Named(Protocol):
    """A message with an id."""

    id: str


def check_fields(message: Message, path: str, problems: Problems) -> None:
    """Notes every field at or below `message` that is out of its bound. Cost: linear in what is set."""
    shapes = _shapes(cast(Descriptor, message.DESCRIPTOR))
    present = [(shapes.of[field.number], value) for field, value in message.ListFields()]
    if shapes.demanded:
        given = {shape.number for shape, _ in present}
        for shape in shapes.demanded:
            if shape.number not in given:
                _tell_missing(shape, f"{path}.{shape.name}" if path else shape.name, problems)
    for shape, value in present:
        here = f"{path}.{shape.name}" if path else shape.name
        if not shape.repeated:
            _check_value(shape, value, here, problems)
            continue
        if shape.bound.most:
            check_count(len(value), here, shape.bound.least, shape.bound.most, problems)
        if shape.kind is _Kind.MESSAGE or shape.bound.sizes:
            for index, item in enumerate(value):
                _check_value(shape, item, f"{here}[{index}]", problems)
    if isinstance(message, skill_pb2.SkillDemand):
        _check_levels(message, path, problems)


def check_ids(items: Iterable[Named], path: str, problems: Problems) -> None:
    """Notes every id that an earlier entry of the list has."""
    check_unique((item.id for item in items), path, ".id", problems)


def check_unique(names: Iterable[str], path: str, suffix: str, problems: Problems) -> None:
    """Notes every name that stands earlier in the list; the field of an entry is `path[index]suffix`."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            problems.add(f"{path}[{index}]{suffix}", name, f"an id of its own; {path}[{first[name]}] has this one")


def check_known(name: str, known: Iterable[str], path: str, what: str, problems: Problems) -> None:
    """Notes a name that is given and not among the known ones."""
    if name and name not in known:
        problems.add(path, name, f"the id of {what} of this policy")


def check_count(count: int, path: str, low: int, high: int, problems: Problems) -> None:
    """Notes a list that is too short or too long."""
    if not low <= count <= high:
        problems.note(path, f"{count} entries; allowed: {low} to {high}")


@cache
def _shapes(descriptor: Descriptor) -> "_Shapes":
    """Asked for every message, and descriptors are slow to ask."""
    shapes = {}
    for field in descriptor.fields:
        bound = BOUNDS.get(f"{descriptor.name}.{field.name}", _NO_BOUND)
        names = tuple(enum_names(field.enum_type).items()) if field.enum_type is not None else ()
        shapes[field.number] = _Shape(field.number, field.name, field.is_repeated, _kind(field), bound, names)
    demanded = tuple(shape for shape in shapes.values() if shape.bound.required or shape.bound.least)
    return _Shapes(shapes, demanded)


def _kind(field: FieldDescriptor) -> "_Kind":
    if field.message_type is not None:
        return _Kind.DURATION if field.message_type is Duration.DESCRIPTOR else _Kind.MESSAGE
    if field.enum_type is not None:
        return _Kind.ENUM
    return _KINDS.get(field.cpp_type, _Kind.FREE)


def _tell_missing(shape: "_Shape", path: str, problems: Problems) -> None:
    if shape.repeated:
        check_count(0, path, shape.bound.least, shape.bound.most, problems)
    elif shape.bound.sizes:
        problems.add(path, "", f"{shape.bound.sizes[0]} to {shape.bound.sizes[1]} bytes")
    else:
        problems.note(path, "missing")


def _check_value(shape: "_Shape", value: Any, path: str, problems: Problems) -> None:
    bound = shape.bound
    if shape.kind is _Kind.MESSAGE:
        check_fields(value, path, problems)
    elif shape.kind is _Kind.DURATION:
        _check_duration(value, bound, path, problems)
    elif shape.kind is _Kind.TEXT:
        # A name without sizes refers to something and is looked up elsewhere, which bounds it too.
        if bound.sizes and not bound.sizes[0] <= len(value.encode()) <= bound.sizes[1]:
            problems.add(path, value, f"{bound.sizes[0]} to {bound.sizes[1]} bytes")
    elif shape.kind is _Kind.ENUM:
        if not any(value == number for _, number in shape.names):
            problems.add(path, value, ", ".join(name for name, _ in shape.names))
    elif shape.kind is _Kind.NUMBER and bound.high and not bound.low <= value <= bound.high:
        problems.add(path, value, f"{bound.low} to {bound.high}")


def _check_duration(value: Duration, bound: Bound, path: str, problems: Problems) -> None:
    if not is_duration(value):
        problems.add(path, f"{value.seconds} s {value.nanos} ns", "a Duration whose parts have one sign")
    elif not bound.low <= duration_us(value) <= bound.high:
        allowed = f"{format_duration(bound.low)} to {format_duration(bound.high)}"
        problems.add(path, format_duration(duration_us(value)), allowed)


def _check_levels(demand: skill_pb2.SkillDemand, path: str, problems: Problems) -> None:
    low = demand.min_level or 1
    if demand.max_level and not low <= demand.max_level <= MAX_LEVEL:
        problems.add(f"{path}.max_level", demand.max_level, f"min_level ({low}) to {MAX_LEVEL}, empty for no bound")
