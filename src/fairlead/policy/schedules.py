"""What the fields of a schedule mean together: clock times, days, time zones, and that none contradicts another."""

from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches

from fairlead.policy.hours import DAYS, Day, days_of, parse_day, parse_time, zone, zone_names
from fairlead.problems import Problems
from fairlead.v1 import policy_pb2

TIME_HINT = 'a time such as "09:00", from 00:00 to 23:59'
CLOSE_HINT = 'a time after `open` such as "17:30", up to 24:00'
DATE_HINT = 'a day such as "2026-12-24", or "12-24" for every year'


def check_schedule(schedule: policy_pb2.Schedule, path: str, problems: Problems) -> None:
    """Notes what is wrong with a schedule beyond its bounds."""
    _check_zone(schedule.time_zone, f"{path}.time_zone", problems)
    if not schedule.weekly and not any(entry.hours for entry in schedule.dates):
        problems.note(f"{path}.weekly", "never open; give weekly hours, or dates with hours")
    _check_weekly(schedule.weekly, f"{path}.weekly", problems)
    _check_dates(schedule.dates, f"{path}.dates", problems)


def _check_zone(name: str, path: str, problems: Problems) -> None:
    try:
        zone(name)
    except ValueError:
        if not zone_names():
            problems.add(path, name, "UTC alone: this machine has no time zone data; install tzdata")
            return
        near = get_close_matches(name, zone_names(), 1, 0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        problems.add(path, name, f"{hint}an IANA time zone such as Europe/Berlin")


def _check_weekly(weekly: Sequence[policy_pb2.WeeklyHours], path: str, problems: Problems) -> None:
    taken: dict[str, list[tuple[int, int, str]]] = {day: [] for day in DAYS}
    for index, entry in enumerate(weekly):
        here = f"{path}[{index}]"
        span = _span(entry, here, problems)
        for number, day in enumerate(entry.days):
            if day not in taken:
                problems.add(f"{here}.days[{number}]", day, ", ".join(DAYS))
            elif day in entry.days[:number]:
                problems.add(f"{here}.days[{number}]", day, "each day once")
            elif span:
                _claim(taken[day], span, here, f"on {day} ", problems)


def _check_dates(dates: Sequence[policy_pb2.DateHours], path: str, problems: Problems) -> None:
    ranges: list[tuple[date, date, int]] = []
    yearly: dict[tuple[int, int], int] = {}
    for index, entry in enumerate(dates):
        here = f"{path}[{index}]"
        days = _range(entry, here, problems)
        if days and days[0].year:
            ranges.append((date(*days[0]), date(*days[1]), index))
        elif days:
            for day in sorted(days_of(*days)):
                before = yearly.setdefault(day, index)
                if before != index:
                    _tell_twice(f"{day[0]:02}-{day[1]:02}", index, before, path, problems)
        taken: list[tuple[int, int, str]] = []
        for number, hours in enumerate(entry.hours):
            inner = f"{here}.hours[{number}]"
            span = _span(hours, inner, problems)
            if span:
                _claim(taken, span, inner, "", problems)
    ranges.sort()
    last: tuple[date, int] | None = None
    for first, end, index in ranges:
        if last and first <= last[0]:
            _tell_twice(first.isoformat(), max(index, last[1]), min(index, last[1]), path, problems)
        if not last or end > last[0]:
            last = (end, index)


def _tell_twice(day: str, index: int, before: int, path: str, problems: Problems) -> None:
    problems.note(f"{path}[{index}].date", f"{day} has its hours in {path}[{before}] already; each day once")


def _span(hours: policy_pb2.WeeklyHours | policy_pb2.DayHours, path: str, problems: Problems) -> tuple[int, int] | None:
    """Minutes of opening and closing; None, with what is wrong noted, when they are none."""
    opens, closes = parse_time(hours.open), parse_time(hours.close)
    if opens is None or opens == parse_time("24:00"):
        problems.add(f"{path}.open", hours.open, TIME_HINT)
        opens = None
    if closes is None or (opens is not None and closes <= opens):
        problems.add(f"{path}.close", hours.close, CLOSE_HINT)
        return None
    return None if opens is None else (opens, closes)


def _claim(taken: list[tuple[int, int, str]], span: tuple[int, int], path: str, when: str, problems: Problems) -> None:
    """Takes minutes of a day, unless others have some of them."""
    for opens, closes, other in taken:
        if span[0] < closes and opens < span[1]:
            problems.note(f"{path}.open", f"{when}overlaps {_clock(opens)}-{_clock(closes)} of {other}")
            return
    taken.append((*span, path))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _range(entry: policy_pb2.DateHours, path: str, problems: Problems) -> tuple[Day, Day] | None:
    """First and last day; None, with what is wrong noted, when they are none."""
    first = parse_day(entry.date)
    if first is None:
        problems.add(f"{path}.date", entry.date, DATE_HINT)
    last = parse_day(entry.until) if entry.until else first
    if entry.until and last is None:
        problems.add(f"{path}.until", entry.until, DATE_HINT)
    if first is None or last is None:
        return None
    if bool(first.year) != bool(last.year):
        problems.add(f"{path}.until", entry.until, "a day of the same form as `date`")
        return None
    if first.year and last < first:
        problems.add(f"{path}.until", entry.until, f"{entry.date} or later")
        return None
    return first, last


def ids_in_use(policy: policy_pb2.Policy) -> Iterable[str]:
    """Every schedule that a queue or rule refers to."""
    for queue in policy.queues:
        yield queue.hours
    for rule in policy.rules:
        yield rule.match.schedule
        yield rule.match.not_schedule
