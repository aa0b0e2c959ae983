"""Compiled tables as JSON and back: a journal keeps what was in force, so that no later calendar decides again."""

import json
from typing import Any, get_args, get_type_hints

from fairlead.policy.tables import PolicyTables

# In the record of a policy they have a place of their own.
_APART = ("document", "author")


def to_json(tables: PolicyTables) -> bytes:
    """All but document and author, by field; named tuples within are arrays of their fields, in order.

    Item by item: one encoding of a thousand rules would keep other threads from the interpreter for 10 ms.
    """
    kept = ((name, value) for name, value in tables._asdict().items() if name not in _APART)
    return ("{" + ",".join(f"{_written(name)}:{_listed(value)}" for name, value in kept) + "}").encode()


def _listed(value: Any) -> str:
    return "[" + ",".join(map(_written, value)) + "]" if isinstance(value, tuple) else _written(value)


def _written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def from_json(data: bytes) -> PolicyTables:
    """What `to_json` wrote. Raises ValueError, KeyError, TypeError for anything else."""
    hints = get_type_hints(PolicyTables)
    return PolicyTables(**{name: _typed(value, hints[name]) for name, value in json.loads(data).items()})


def _typed(value: Any, wanted: Any) -> Any:
    """A value of JSON as the type says: an array as a tuple, or a named one."""
    if not isinstance(value, list):
        return value
    if hasattr(wanted, "_fields"):
        hints = get_type_hints(wanted)
        fields = zip(wanted._fields, value, strict=True)
        return wanted(*(_typed(each, hints[name]) for name, each in fields))
    kinds = get_args(wanted)
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(value)
    return tuple(_typed(each, kind) for each, kind in zip(value, kinds, strict=True))
