"""Holds every field of a policy to its bound, whatever it means: numbers, lengths of time, counts, texts, enums.

Walks the message by its descriptors, so a field of the contract cannot be forgotten. What fields mean together is in
the rooms beside this one.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from fairlead.durations import format_duration
from fairlead.policy.bounds import BOUNDS, MAX_LEVEL, Bound
from fairlead.problems import Problems
from fairlead.protobuf import duration_us, enum_names, is_duration
from fairlead.v1 import skill_pb2

_NUMBERS = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
_NO_BOUND = Bound()


class Named(Protocol):
    """A message with an id."""

    id: str


def check_fields(message: Message, path: str, problems: Problems) -> None:
    """Notes every field at or below `message` that is out of its bound. Cost: linear in what is set."""
    descriptor = cast(Descriptor, message.DESCRIPTOR)
    present = dict(message.ListFields())
    for name, bound in _demanded(descriptor).items():
        if descriptor.fields_by_name[name] not in present:
            _missing(descriptor.fields_by_name[name], bound, join(path, name), problems)
    for field, value in present.items():
        here = join(path, field.name)
        bound = BOUNDS.get(f"{descriptor.name}.{field.name}", _NO_BOUND)
        if not field.is_repeated:
            _check_value(field, value, bound, here, problems)
            continue
        if bound.most:
            check_count(len(value), here, bound.least, bound.most, problems)
        if field.message_type is not None or bound.sizes:
            for index, item in enumerate(value):
                _check_value(field, item, bound, f"{here}[{index}]", problems)
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


def join(path: str, name: str) -> str:
    """The path of a field below another."""
    return f"{path}.{name}" if path else name


@cache
def _demanded(descriptor: Descriptor) -> Mapping[str, Bound]:
    """Bounds of the fields that may not be empty, by name."""
    named = {name: BOUNDS.get(f"{descriptor.name}.{name}", _NO_BOUND) for name in descriptor.fields_by_name}
    return {name: bound for name, bound in named.items() if bound.required or bound.least}


def _missing(field: FieldDescriptor, bound: Bound, path: str, problems: Problems) -> None:
    if field.is_repeated:
        check_count(0, path, bound.least, bound.most, problems)
    elif bound.sizes:
        problems.add(path, "", f"{bound.sizes[0]} to {bound.sizes[1]} bytes")
    else:
        problems.note(path, "missing")


def _check_value(field: FieldDescriptor, value: object, bound: Bound, path: str, problems: Problems) -> None:
    if isinstance(value, Duration):
        _check_duration(value, bound, path, problems)
    elif isinstance(value, Message):
        check_fields(value, path, problems)
    elif isinstance(value, str):
        # A name without sizes refers to something and is looked up elsewhere, which bounds it too.
        if bound.sizes and not bound.sizes[0] <= len(value.encode()) <= bound.sizes[1]:
            problems.add(path, value, f"{bound.sizes[0]} to {bound.sizes[1]} bytes")
    elif field.enum_type is not None:
        names = enum_names(field.enum_type)
        if value not in names.values():
            problems.add(path, value, ", ".join(names))
    elif field.cpp_type in _NUMBERS and bound.high:
        number = cast(int, value)
        if not bound.low <= number <= bound.high:
            problems.add(path, number, f"{bound.low} to {bound.high}")


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
