"""L2: schedules become the right instants, also where clocks change, against a look at every minute."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fairlead.policy.calendar import DAY_US, HORIZON_DAYS, MINUTE_US, RENEW_DAYS, compile_schedule, is_due
from fairlead.policy.document import load
from fairlead.policy.tables import ScheduleTable
from fairlead.v1 import policy_pb2

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def schedule(**fields: Any) -> policy_pb2.Schedule:
    return load({"queues": [{"id": "q"}], "schedules": [{"id": "s"} | fields]}).schedules[0]


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def is_open(table: ScheduleTable, time_us: int) -> bool:
    return table.open_at_start ^ (sum(1 for time in table.times_us if time <= time_us) % 2 == 1)


def minute_of(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def naive(fields: dict[str, Any], time: datetime) -> bool:
    """The definition: what the local clock shows, looked up in the hours of the local day."""
    local = time.astimezone(ZoneInfo(fields.get("time_zone", "UTC")))
    today = local.date()
    hours: list[dict[str, Any]] = [w for w in fields.get("weekly", []) if DAYS[today.weekday()] in w["days"]]
    for form in ("%m-%d", "%Y-%m-%d"):
        for entry in fields.get("dates", []):
            first, last = entry["date"], entry.get("until", entry["date"])
            if len(first) != len(today.strftime(form)):
                continue
            day = today.strftime(form)
            inside = first <= day <= last if first <= last else day >= first or day <= last
            if inside:
                hours = entry.get("hours", [])
    minute = local.hour * 60 + local.minute
    return any(minute_of(each["open"]) <= minute < minute_of(each["close"]) for each in hours)


def compare(fields: dict[str, Any], start: datetime, days: int) -> None:
    """Every minute of the range: the toggles must give what the definition gives."""
    table = compile_schedule(schedule(**fields), microseconds(start))
    assert list(table.times_us) == sorted(set(table.times_us))
    state, changes = table.open_at_start, list(reversed(table.times_us))
    for minute in range(days * 24 * 60):
        time = start + timedelta(minutes=minute)
        while changes and changes[-1] <= microseconds(time):
            state, _ = not state, changes.pop()
        assert state == naive(fields, time), time


# Clocks change on Sundays between 01:00 and 03:00, by half an hour or a whole one.
WEEKLY = [
    {"days": ["mon", "tue", "wed", "thu", "fri", "sun"], "open": "00:15", "close": "02:30"},
    {"days": ["sat"], "open": "01:50", "close": "02:20"},
    {"days": ["sat", "sun"], "open": "02:45", "close": "03:10"},
    {"days": ["mon"], "open": "09:00", "close": "12:00"},
    {"days": ["mon"], "open": "12:00", "close": "24:00"},
    {"days": ["fri"], "open": "17:00", "close": "24:00"},
]


@pytest.mark.parametrize(
    ("zone", "forward", "back"),
    [
        ("Europe/Berlin", date(2026, 3, 29), date(2026, 10, 25)),
        ("America/New_York", date(2026, 3, 8), date(2026, 11, 1)),
        # Half an hour only, and forward in October.
        ("Australia/Lord_Howe", date(2026, 10, 4), date(2026, 4, 5)),
    ],
)
def test_hours_are_right_to_the_minute_where_clocks_change(zone: str, forward: date, back: date) -> None:
    for day in (forward, back):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=3)
        compare({"time_zone": zone, "weekly": WEEKLY}, start, 6)


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        # Clocks go from 02:00 (01:00 UTC) to 03:00.
        ("02:30", "04:00", [("01:00", "02:00")]),
        ("01:30", "02:30", [("00:30", "01:00")]),
        ("02:10", "02:50", []),
        ("01:30", "03:30", [("00:30", "01:30")]),
    ],
)
def test_hours_in_the_skipped_hour_begin_at_its_end_and_end_at_its_begin(
    opens: str, closes: str, expected: list[tuple[str, str]]
) -> None:
    day = {"date": "2026-03-29", "hours": [{"open": opens, "close": closes}]}
    table = compile_schedule(
        schedule(time_zone="Europe/Berlin", dates=[day]), microseconds(datetime(2026, 3, 28, 20, tzinfo=UTC))
    )
    assert clock_times(table) == expected


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        # Clocks go from 03:00 (01:00 UTC) back to 02:00.
        ("02:10", "02:50", [("00:10", "00:50"), ("01:10", "01:50")]),
        ("01:30", "02:30", [("23:30", "00:30"), ("01:00", "01:30")]),
        ("02:30", "03:30", [("00:30", "01:00"), ("01:30", "02:30")]),
        ("01:30", "03:30", [("23:30", "02:30")]),
    ],
)
def test_hours_in_the_hour_that_comes_twice_are_open_both_times(
    opens: str, closes: str, expected: list[tuple[str, str]]
) -> None:
    day = {"date": "2026-10-25", "hours": [{"open": opens, "close": closes}]}
    table = compile_schedule(
        schedule(time_zone="Europe/Berlin", dates=[day]), microseconds(datetime(2026, 10, 24, 20, tzinfo=UTC))
    )
    assert clock_times(table) == expected


def clock_times(table: ScheduleTable) -> list[tuple[str, str]]:
    shown = [(EPOCH + timedelta(microseconds=time)).strftime("%H:%M") for time in table.times_us]
    return list(zip(shown[::2], shown[1::2], strict=True))


def test_a_date_goes_before_a_yearly_one_and_both_before_the_week() -> None:
    fields = {
        "time_zone": "Europe/Berlin",
        "weekly": [{"days": list(DAYS), "open": "08:00", "close": "20:00"}],
        "dates": [
            {"date": "12-24", "until": "01-02"},
            {"date": "2026-12-28", "hours": [{"open": "10:00", "close": "12:00"}, {"open": "13:00", "close": "14:00"}]},
            {"date": "2027-01-01", "until": "2027-01-02", "hours": [{"open": "00:00", "close": "24:00"}]},
        ],
    }
    compare(fields, datetime(2026, 12, 22, tzinfo=UTC), 14)


def test_the_last_of_february_is_a_day_of_leap_years_alone() -> None:
    fields = {"dates": [{"date": "02-29", "hours": [{"open": "00:00", "close": "24:00"}]}]}
    table = compile_schedule(schedule(**fields), microseconds(datetime(2026, 6, 1, tzinfo=UTC)))
    assert table == ScheduleTable(
        "s",
        False,
        (microseconds(datetime(2028, 2, 29, tzinfo=UTC)),) + (microseconds(datetime(2028, 3, 1, tzinfo=UTC)),),
    )


def test_hours_that_touch_are_one_opening() -> None:
    """Also over midnight."""
    fields = {"weekly": [{"days": list(DAYS), "open": "00:00", "close": "24:00"}]}
    assert compile_schedule(schedule(**fields), 0) == ScheduleTable("s", True, ())
    halves = [
        {"days": ["mon"], "open": "09:00", "close": "12:00"},
        {"days": ["mon"], "open": "12:00", "close": "24:00"},
        {"days": ["tue"], "open": "00:00", "close": "08:00"},
    ]
    # The epoch was a Thursday.
    times = compile_schedule(schedule(weekly=halves), 0).times_us[:2]
    assert times == (4 * DAY_US + 9 * 60 * MINUTE_US, 5 * DAY_US + 8 * 60 * MINUTE_US)


@pytest.mark.parametrize("minutes", [0, 1, 8 * 60 - 1, 8 * 60, 8 * 60 + 1, 20 * 60 - 1, 20 * 60, 20 * 60 + 1, 1439])
def test_a_calendar_begins_at_its_start_to_the_microsecond(minutes: int) -> None:
    fields = {"weekly": [{"days": list(DAYS), "open": "08:00", "close": "20:00"}]}
    for start in (minutes * MINUTE_US - 1, minutes * MINUTE_US, minutes * MINUTE_US + 1):
        table = compile_schedule(schedule(**fields), start)
        assert table.open_at_start == (8 * 60 * MINUTE_US <= start % DAY_US < 20 * 60 * MINUTE_US)
        assert table.times_us[0] > start
        assert is_open(table, table.times_us[0]) != table.open_at_start


def test_it_is_three_years_long_and_due_when_one_is_left() -> None:
    start = microseconds(datetime(2026, 5, 1, 11, 7, tzinfo=UTC))
    fields = {"time_zone": "America/New_York", "weekly": [{"days": ["sun"], "open": "10:00", "close": "11:00"}]}
    times = compile_schedule(schedule(**fields), start).times_us
    end = (start // DAY_US + HORIZON_DAYS) * DAY_US
    assert end - 8 * DAY_US < times[-1] < end
    assert len(times) == 2 * 157
    due = start + (HORIZON_DAYS - RENEW_DAYS) * DAY_US
    assert not is_due(start, due - 1)
    assert is_due(start, due)


def test_two_calendars_that_overlap_in_time_agree() -> None:
    """So recompiling changes nothing that was known before."""
    fields = {"time_zone": "Europe/Berlin", "weekly": WEEKLY}
    start = microseconds(datetime(2026, 5, 1, 11, 7, tzinfo=UTC))
    old, new = compile_schedule(schedule(**fields), start), compile_schedule(schedule(**fields), start + 700 * DAY_US)
    common = [time for time in old.times_us if time > start + 700 * DAY_US]
    assert list(new.times_us[: len(common)]) == common
