"""Whether a schedule is open, asked minute by minute: local clock and date are looked up, every line is read (L2).

The schedule is the document's message or anything with its fields: `time_zone`, `weekly` (`days`, `open`, `close`) and
`dates` (`date`, `until`, `hours` of `open` and `close`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from tests.oracle.model import SECOND

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)


class Span(Protocol):
    @property
    def open(self) -> str: ...
    @property
    def close(self) -> str: ...


class Weekly(Span, Protocol):
    @property
    def days(self) -> Iterable[str]: ...


class Dates(Protocol):
    @property
    def date(self) -> str: ...
    @property
    def until(self) -> str: ...
    @property
    def hours(self) -> Iterable[Span]: ...


class Schedule(Protocol):
    @property
    def time_zone(self) -> str: ...
    @property
    def weekly(self) -> Iterable[Weekly]: ...
    @property
    def dates(self) -> Iterable[Dates]: ...


def is_open(schedule: Schedule, moment: datetime) -> bool:
    """At a moment that knows its zone. A day's own date goes before its date of every year, that before its weekday."""
    local = moment.astimezone(ZoneInfo(schedule.time_zone or "UTC"))
    clock = f"{local:%H:%M}"
    lines = sorted(schedule.dates, key=lambda line: -len(line.date))
    special = next((line for line in lines if names(line, local.date())), None)
    if special is not None:
        return any(span.open <= clock < span.close for span in special.hours)
    return any(DAYS[local.weekday()] in line.days and line.open <= clock < line.close for line in schedule.weekly)


def names(line: Dates, day: date) -> bool:
    """Whether a line of dates names the day; MM-DD means every year, and may run over the end of one."""
    first, last = line.date, line.until or line.date
    text = day.isoformat() if len(first) == len("YYYY-MM-DD") else f"{day:%m-%d}"
    if first <= last:
        return first <= text <= last
    return text >= first or text <= last


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every whole minute from the start to before the end."""
    moment = start
    while moment < end:
        yield moment
        moment += MINUTE


def changes(schedule: Schedule, start: datetime, end: datetime) -> tuple[bool, list[int]]:
    """What holds at the start (a whole minute of UTC), and the Unix microseconds of every change before the end."""
    at_start = is_open(schedule, start)
    known, times = at_start, []
    for moment in minutes(start, end):
        if is_open(schedule, moment) != known:
            known = not known
            times.append(int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)) * SECOND)
    return at_start, times


def state_at(open_at_start: bool, times_us: Sequence[int], now_us: int) -> bool:
    """What a compiled schedule says: every time that has come turned it over."""
    return open_at_start != (sum(1 for time in times_us if time <= now_us) % 2 == 1)
