"""Recorded arrivals: a table of jobs by commas or tabs, or the log of `calls.py`, as columns for the event loop.

A table has a heading. `arrival` is in seconds, or a date and time (ISO 8601); `type` names one of the scenario's jobs;
`handle` (seconds of work), `wait` (seconds that the customer waited then), `abandoned` (1: and then gave up) and
`customer` may be missing or empty. Nothing is guessed: a line that cannot be right is an error with its number.

What a record does not know is drawn by the scenario's laws: the work of who was never served, and how much longer than
they did the others would have waited.
"""

import csv
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from fairlead.simulate.calls import COLUMNS as CALL_COLUMNS
from fairlead.simulate.calls import MAX_LINES, TraceError, read_calls

COLUMNS = ("arrival", "type", "handle", "wait", "abandoned", "customer")
REQUIRED = ("arrival", "type")
DAY_S = 86_400
EPOCH = date(1970, 1, 1)
_TRUE, _FALSE = ("1", "true", "yes"), ("", "0", "false", "no")
UNKNOWN_WORK = -1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded job. Seconds; `handle` is nan where nobody worked on it, `customer` empty where unknown.

    `day` is the midnight before the day that it belongs to; a log of calls keeps a night with the day it began in.
    """

    arrival: float
    type: str
    handle: float
    wait: float
    abandoned: bool
    customer: str
    line: int
    day: float


@dataclass
class Recording:
    """Jobs from one start on, as columns for `Simulation.add_recorded`; times are microseconds since that start."""

    name: str
    times: "array[int]" = field(default_factory=lambda: array("q"))
    types: "array[int]" = field(default_factory=lambda: array("I"))
    works: "array[float]" = field(default_factory=lambda: array("d"))
    patiences: "array[float]" = field(default_factory=lambda: array("d"))
    customers: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, row: Row, start: float, kind: int, customer: int) -> None:
        """Appends a job that arrived at or after `start`."""
        self.times.append(round((row.arrival - start) * 1e6))
        self.types.append(kind)
        self.works.append(UNKNOWN_WORK if math.isnan(row.handle) else row.handle * 1e6)
        # Below zero is what was borne without giving up, so that patience is drawn on top of it.
        self.patiences.append(row.wait * 1e6 if row.abandoned else -max(1.0, row.wait * 1e6))
        self.customers.append(customer)


@dataclass(frozen=True)
class Trace:
    """All that is recorded: one recording, or one for each day. `mean_patience_us` is nan when nobody gave up."""

    recordings: tuple[Recording, ...]
    mean_patience_us: float
    is_daily: bool

    @property
    def jobs(self) -> int:
        """How many are recorded."""
        return sum(len(recording.times) for recording in self.recordings)

    def mean_works(self, types: int) -> list[float]:
        """The mean known work by type, in microseconds; nan where none is known."""
        sums, counts = [0.0] * types, [0] * types
        for recording in self.recordings:
            for kind, work in zip(recording.types, recording.works, strict=True):
                if work >= 0:
                    sums[kind] += work
                    counts[kind] += 1
        return [total / count if count else math.nan for total, count in zip(sums, counts, strict=True)]


def read_trace(path: Path, types: Sequence[str], *, daily: bool, columns: Mapping[str, str] | None = None) -> Trace:
    """The jobs of a file, whose types must be among `types`; with `daily` one recording for each day.

    `columns` gives the file's own heading for names of `COLUMNS`. Patience is estimated as for the exponential law:
    all waiting by the number who gave up. Raises TraceError with the line that is wrong.
    """
    rows = list(_rows(path, types, dict(columns or {})))
    if not rows:
        raise TraceError(path, 2, "there is no job")
    kinds = {name: number for number, name in enumerate(types)}
    customers: dict[str, int] = {}
    recordings: dict[float, Recording] = {}
    first = 0.0 if rows[0].arrival < DAY_S else rows[0].arrival // DAY_S * DAY_S
    for row in rows:
        start = row.day if daily else first
        known = recordings.get(start)
        if known is None:
            known = recordings[start] = Recording(_day_name(start, len(recordings) + 1) if daily else path.name)
        customer = customers.setdefault(row.customer, len(customers) + 1) if row.customer else 0
        known.add(row, start, kinds[row.type], customer)
    gave_up = sum(row.abandoned for row in rows)
    mean = math.fsum(row.wait for row in rows) * 1e6 / gave_up if gave_up else math.nan
    return Trace(tuple(recordings.values()), mean, daily)


def types_of(path: Path, columns: Mapping[str, str] | None = None) -> list[str]:
    """The types that a file names, in the order of the alphabet. Raises TraceError."""
    return sorted({row.type for row in _rows(path, None, dict(columns or {}))})


def _day_name(start: float, number: int) -> str:
    # A table that counts from zero has no dates.
    return str(EPOCH + timedelta(days=start // DAY_S)) if start >= 366 * DAY_S else f"day {number}"


def _rows(path: Path, types: Sequence[str] | None, columns: dict[str, str]) -> Iterable[Row]:
    heading = _heading(path)
    if set(CALL_COLUMNS) <= set(heading):
        return _call_rows(path, types)
    return _table_rows(path, heading, types, columns)


def _heading(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            line = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise TraceError(path, 1, f"cannot be read: {failure}") from failure
    return next(csv.reader([line], delimiter=_delimiter(line)), [])


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ";" if ";" in line and "," not in line else ","


def _call_rows(path: Path, types: Sequence[str] | None) -> Iterable[Row]:
    """Calls in the order of their time; the log has them by the unit that took them."""
    rows = []
    for call in read_calls(path):
        _known_type(path, call.line, call.type, types)
        start = (call.day - EPOCH).days * DAY_S
        handle = float(call.handle_s) if call.handle_s else math.nan
        gave_up = call.patience_s < math.inf
        rows.append(
            Row(start + call.arrival_s, call.type, handle, call.queued_s, gave_up, call.customer, call.line, start)
        )
    return sorted(rows, key=lambda row: row.arrival)


def _table_rows(
    path: Path, heading: Sequence[str], types: Sequence[str] | None, columns: Mapping[str, str]
) -> Iterable[Row]:
    names = {name: columns.get(name, name) for name in COLUMNS}
    missing = [names[name] for name in COLUMNS if names[name] not in heading and (name in REQUIRED or name in columns)]
    if missing:
        raise TraceError(path, 1, f"no column {', '.join(missing)}; the heading has {', '.join(heading)}")
    places = {name: heading.index(shown) for name, shown in names.items() if shown in heading}
    last = -math.inf
    with path.open(encoding="utf-8", newline="") as file:
        first = file.readline()
        for number, cells in enumerate(csv.reader(file, delimiter=_delimiter(first)), 2):
            if not cells:
                continue
            if number > MAX_LINES:
                raise TraceError(path, number, f"more than {MAX_LINES:,} lines")
            if len(cells) != len(heading):
                raise TraceError(path, number, f"{len(cells)} columns where the heading has {len(heading)}")
            row = _row(path, number, {name: cells[place].strip() for name, place in places.items()}, types)
            if row.arrival < last:
                raise TraceError(
                    path,
                    number,
                    f"arrival {cells[places['arrival']]} is before the one above it; sort the file by time",
                )
            last = row.arrival
            yield row


def _row(path: Path, line: int, cells: Mapping[str, str], types: Sequence[str] | None) -> Row:
    _known_type(path, line, cells["type"], types)
    handle, wait = cells.get("handle", ""), cells.get("wait", "")
    abandoned = cells.get("abandoned", "").lower()
    if abandoned not in _TRUE + _FALSE:
        raise TraceError(path, line, f"abandoned {abandoned!r} is none of 1, 0, true, false, yes, no")
    arrival = _instant(path, line, cells["arrival"])
    return Row(
        arrival,
        cells["type"],
        _seconds(path, line, "handle", handle) if handle else math.nan,
        _seconds(path, line, "wait", wait) if wait else 0.0,
        abandoned in _TRUE,
        cells.get("customer", ""),
        line,
        arrival // DAY_S * DAY_S,
    )


def _known_type(path: Path, line: int, name: str, types: Sequence[str] | None) -> None:
    if types is not None and name not in types:
        raise TraceError(path, line, f"type {name!r} is no job of the scenario; it has {', '.join(types)}")
    if not name:
        raise TraceError(path, line, "type is empty")


def _seconds(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e10:
        raise TraceError(path, line, f"{name} {text!r} is no number of seconds from 0 on")
    return value


def _instant(path: Path, line: int, text: str) -> float:
    """Seconds; of a date and time without a zone as if it were in UTC, so that days are the days of the file."""
    try:
        return _seconds(path, line, "arrival", text)
    except TraceError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise TraceError(path, line, f"arrival {text!r} is no number of seconds and no date and time") from None
    return (time.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
