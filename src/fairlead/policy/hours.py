"""Clock times, days and time zones as the texts of a schedule give them. Parses; what it may be is in `schedules`."""

import re
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_FULL_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEARLY_DATE = re.compile(r"(\d{2})-(\d{2})")
# A leap year, so that 02-29 is a day.
_ANY_YEAR = 2000


class Day(NamedTuple):
    """A date; `year` 0 means every year."""

    year: int
    month: int
    day: int


def parse_time(text: str) -> int | None:
    """Minutes from midnight of "HH:MM", 00:00 to 24:00; None when it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * 60 + int(match[2]) if match[1] else DAY_MINUTES


def parse_day(text: str) -> Day | None:
    """The day of "YYYY-MM-DD" or, every year, "MM-DD"; None when there is no such day."""
    full, yearly = _FULL_DATE.fullmatch(text), _YEARLY_DATE.fullmatch(text)
    parts = full.groups() if full else ("0", *yearly.groups()) if yearly else None
    if parts is None or (full and parts[0] == "0000"):
        return None
    year, month, day = map(int, parts)
    try:
        date(year or _ANY_YEAR, month, day)
    except ValueError:
        return None
    return Day(year, month, day)


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; UTC for none. Raises ValueError when this machine knows no such zone."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as unknown:
        raise ValueError(f"no time zone {name!r}") from unknown


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone of this machine, sorted; empty when it has no time zone data. Reads hundreds of files, once."""
    return tuple(sorted(available_timezones()))


def days_of(first: Day, last: Day) -> set[tuple[int, int]]:
    """Month and day of every day of a yearly range, over New Year when it ends before it begins."""
    start, end = date(_ANY_YEAR, *first[1:]), date(_ANY_YEAR, *last[1:])
    if end >= start:
        spans = [(start, end)]
    else:
        spans = [(start, date(_ANY_YEAR, 12, 31)), (date(_ANY_YEAR, 1, 1), end)]
    days = (one + timedelta(number) for one, other in spans for number in range((other - one).days + 1))
    return {(day.month, day.day) for day in days}
