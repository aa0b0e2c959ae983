"""Schedules as the shard takes them: the instants at which each opens and closes, for three years ahead.

A schedule is open at an instant when the local clock then shows a time within the hours of that local day: `open`
included, `close` not. That alone decides what daylight saving does. When clocks go forward, hours that begin in the
hour that is skipped begin at its end, and hours that end in it end at its begin; when clocks go back, hours within the
hour that comes twice are open both times. A day's hours are those of its date, else of its yearly date, else of its
weekday.

Knows no clock: the start is given. Time zones are those of the machine (zoneinfo).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fairlead.policy.hours import DAYS, days_of, parse_day, parse_time, zone
from fairlead.policy.tables import ScheduleTable
from fairlead.v1 import policy_pb2

HORIZON_DAYS = 3 * 365 + 1
# A calendar with less than this ahead is compiled anew.
RENEW_DAYS = 365

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()

# Open minutes of one local day, ascending.
_Hours = tuple[tuple[int, int], ...]


def compile_schedules(schedules: Iterable[policy_pb2.Schedule], start_us: int) -> tuple[ScheduleTable, ...]:
    """The tables of valid schedules from `start_us` (Unix microseconds) on, `HORIZON_DAYS` long.

    Cost: about a microsecond for each day and each opening of each schedule; nothing for one that was compiled on the
    same day before.
    """
    return tuple(compile_schedule(schedule, start_us) for schedule in schedules)


def compile_schedule(schedule: policy_pb2.Schedule, start_us: int) -> ScheduleTable:
    """The same of one: its times are all after `start_us`."""
    times = _times(schedule.SerializeToString(deterministic=True), start_us // DAY_US)
    passed = bisect_right(times, start_us)
    # The first of `times` opens.
    return ScheduleTable(schedule.id, open_at_start=passed % 2 == 1, times_us=times[passed:])


def is_due(compiled_us: int, now_us: int) -> bool:
    """Whether a calendar that was compiled then should be compiled anew now."""
    return now_us >= compiled_us + (HORIZON_DAYS - RENEW_DAYS) * DAY_US


@lru_cache(maxsize=256)
def _times(serialized: bytes, first_day: int) -> tuple[int, ...]:
    """Opening, closing, opening, .. from the begin of a day of UTC (counted from the epoch) on.

    What is open at the begin opens there, what is open at the end stays open.
    """
    schedule = policy_pb2.Schedule.FromString(serialized)
    begin, end = first_day * DAY_US, (first_day + HORIZON_DAYS) * DAY_US
    hours = _Hourbook(schedule)
    times: list[int] = []
    for opens, closes in _openings(hours, zone(schedule.time_zone), begin, end):
        if times and opens <= times[-1]:
            # Hours that touch, at midnight or within a day, are one opening.
            times[-1] = max(times[-1], closes)
        else:
            times += (opens, closes)
    if times and times[-1] >= end:
        times.pop()
    return tuple(times)


class _Hourbook:
    """The open minutes of any local date of one schedule."""

    def __init__(self, schedule: policy_pb2.Schedule) -> None:
        self._weekly: list[_Hours] = [_sorted(entry for entry in schedule.weekly if day in entry.days) for day in DAYS]
        self._dates: dict[int, _Hours] = {}
        self._yearly: dict[tuple[int, int], _Hours] = {}
        for entry in schedule.dates:
            first = parse_day(entry.date)
            last = parse_day(entry.until) if entry.until else first
            assert first is not None and last is not None, "validated"
            if first.year:
                for ordinal in range(date(*first).toordinal(), date(*last).toordinal() + 1):
                    self._dates[ordinal] = _sorted(entry.hours)
            else:
                for day in days_of(first, last):
                    self._yearly[day] = _sorted(entry.hours)

    def of(self, ordinal: int) -> _Hours:
        """The hours of the date with this ordinal (1 is the first day of the year 1, a Monday)."""
        found = self._dates.get(ordinal)
        if found is None and self._yearly:
            day = date.fromordinal(ordinal)
            found = self._yearly.get((day.month, day.day))
        return self._weekly[(ordinal - 1) % 7] if found is None else found


def _sorted(entries: Iterable[policy_pb2.WeeklyHours | policy_pb2.DayHours]) -> _Hours:
    spans = ((parse_time(entry.open), parse_time(entry.close)) for entry in entries)
    return tuple(sorted((opens, closes) for opens, closes in spans if opens is not None and closes is not None))


def _openings(hours: "_Hourbook", where: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Open intervals in the order of time, those that touch still apart.

    Between two changes of the clock local time is UTC and a constant, so hours are cut to each such part alone.
    """
    for part_begin, part_end, offset in _parts(where, begin, end):
        first = (part_begin + offset) // DAY_US
        last = (part_end + offset - 1) // DAY_US
        for day in range(first, last + 1):
            midnight = day * DAY_US - offset
            for opens, closes in hours.of(day + _EPOCH_DAY):
                low = max(part_begin, midnight + opens * MINUTE_US)
                high = min(part_end, midnight + closes * MINUTE_US)
                if low < high:
                    yield low, high


def _parts(where: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The range cut where the offset of local time changes: begin, end and offset of each part."""
    offsets = _offsets(where, begin // DAY_US, end // DAY_US)
    start = begin
    for day, (before, after) in enumerate(zip(offsets, offsets[1:], strict=False), begin // DAY_US):
        if before != after:
            change = _change(where, day * DAY_US, (day + 1) * DAY_US)
            yield start, change, before
            start = change
    yield start, end, offsets[-1]


@lru_cache(maxsize=64)
def _offsets(where: ZoneInfo, first_day: int, last_day: int) -> Sequence[int]:
    return tuple(_offset(where, day * DAY_US) for day in range(first_day, last_day + 1))


def _change(where: ZoneInfo, low: int, high: int) -> int:
    """The first instant after `low` with the offset of `high`; no zone changes its clock twice a day."""
    after = _offset(where, high)
    while high - low > 1_000_000:
        middle = (low + high) // 2_000_000 * 1_000_000
        if _offset(where, middle) == after:
            high = middle
        else:
            low = middle
    return high


def _offset(where: ZoneInfo, time_us: int) -> int:
    """What to add to UTC for the local clock, in microseconds."""
    offset = (_EPOCH + timedelta(microseconds=time_us)).astimezone(where).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)
