"""What the embedded face takes, as the shard takes it: seconds to microseconds, names and numbers checked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite

from fairlead.errors import error
from fairlead.problems import quote
from fairlead.views import from_datetime

NAME_SIZE = 128


def microseconds(seconds: float, field: str) -> int:
    """A number of seconds as whole microseconds. Raises InvalidArgument."""
    if not isinstance(seconds, (int, float)) or not isfinite(seconds):
        raise error("INVALID_FIELD", f"{field} is {seconds!r}; a finite number of seconds is allowed", field)
    return round(seconds * 1_000_000)


def instant(time: datetime | float, field: str) -> int:
    """A time as microseconds of the shard's clock; numbers are seconds. Raises InvalidArgument."""
    if not isinstance(time, datetime):
        return microseconds(time, field)
    if time.tzinfo is None:
        raise error("INVALID_FIELD", f"{field} is {time.isoformat()} without a time zone; one is needed", field)
    return from_datetime(time)


def natural(value: int, field: str) -> int:
    """A whole number from 0 on. Raises InvalidArgument."""
    # -1 means "nothing said" to the shard, so a caller's own negative number must not get that far.
    if not isinstance(value, int) or value < 0:
        raise error("INVALID_FIELD", f"{field} is {value!r}; a whole number from 0 on is allowed", field)
    return value


def name(value: str, field: str, low: int = 1) -> str:
    """Text of `low` to 128 bytes. Raises InvalidArgument."""
    if not isinstance(value, str) or not low <= len(value.encode("utf-8", "replace")) <= NAME_SIZE:
        raise error("INVALID_FIELD", f"{field} is {quote(value)}; {low} to {NAME_SIZE} bytes are allowed", field)
    return value


def levels(skills: Mapping[str, int] | Iterable[str] | None) -> Mapping[str, int] | None:
    """Skills with levels; a plain list of names is level 10 (K1)."""
    if skills is None or isinstance(skills, Mapping):
        return skills
    return dict.fromkeys(names(tuple(skills) if not isinstance(skills, str) else skills, "agent.skills"), 10)


def names(names: Sequence[str], field: str) -> Sequence[str]:
    """A list of names. Raises InvalidArgument."""
    # Text is a sequence of its letters, which nobody means.
    if isinstance(names, str):
        raise error("INVALID_FIELD", f"{field} is the text {names!r}; a list of names is allowed", field)
    return names
