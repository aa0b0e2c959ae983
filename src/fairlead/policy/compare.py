"""How two policies differ, field by field, as a person would tell it: entries with an id are found by it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.policy.document import OUTPUT_ONLY, to_mapping
from fairlead.v1 import policy_pb2


class Change(NamedTuple):
    """One field: what it was and is. None: it was not, or is no longer, there."""

    path: str
    before: Any
    after: Any


def compare(before: policy_pb2.Policy, after: policy_pb2.Policy) -> list[Change]:
    """Every change from one document to the other, in the order of the contract's fields.

    Paths name entries by id, `queues[orders].max_wait`. That entries stand in another order is told once for a list,
    since for rules and channels it matters.
    """
    old, new = ({k: v for k, v in to_mapping(each).items() if k not in OUTPUT_ONLY} for each in (before, after))
    return list(_tables(old, new, ""))


def _tables(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        here = f"{path}.{key}" if path else key
        yield from _values(before.get(key), after.get(key), here)


def _values(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _tables(before, after, path)
    elif _has_ids(before or after) and _has_ids(after or before):
        yield from _lists(before or [], after or [], path)
    else:
        yield Change(path, before, after)


def _has_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) and "id" in entry for entry in value)


def _lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Change]:
    old, new = ({entry["id"]: entry for entry in entries} for entries in (before, after))
    for name in dict.fromkeys((*old, *new)):
        yield from _values(old.get(name), new.get(name), f"{path}[{name}]")
    kept_before, kept_after = ([n for n in names if n in old and n in new] for names in (old, new))
    if kept_before != kept_after:
        yield Change(f"{path} (order)", kept_before, kept_after)
