"""Reads a log of calls, tab-separated with a heading: the columns of the Technion "Anonymous Bank" log.

Only the columns of `COLUMNS` are read; docs/DEMO.md says what each becomes. Lines may be in any order, days may be
missing. Nothing is guessed: a line that cannot be right is an error with its number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from pathlib import Path

from fairlead.errors import InvalidArgument

COLUMNS = (
    "call_id",
    "customer_id",
    "priority",
    "type",
    "date",
    "vru_entry",
    "vru_exit",
    "q_start",
    "q_exit",
    "q_time",
    "outcome",
    "ser_start",
    "ser_exit",
    "ser_time",
)

# New and regular business, business in English, calls back, the stock exchange, help with the internet site.
CALL_TYPES = ("NW", "PS", "PE", "TT", "NE", "IN")
OUTCOMES = ("AGENT", "HANG", "PHANTOM")
VIP_PRIORITY = "2"
UNKNOWN_CUSTOMER = "0"

# The voice response unit and the queue have clocks of their own; the log has them up to a minute apart.
CLOCK_SKEW_S = 60
MIDNIGHT = 86_400
MAX_LINES = 1_000_000
# Dates of the log have two digits for the year.
_DATE_FORM = "%y%m%d"


class TraceError(InvalidArgument):
    """A log that cannot be played; `field` is the line."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__("INVALID_TRACE", f"{path}, line {line}: {message}", f"line {line}")


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log, checked. Seconds count from the midnight before it; a handle time of 0 is unknown.

    `patience_s` is known of who hung up, after `queued_s`; of everybody else it was longer than that.
    """

    id: str
    day: date
    arrival_s: int
    type: str
    customer: str
    vip: bool
    handle_s: int
    patience_s: float
    queued_s: int
    line: int


def read_calls(path: Path) -> Iterator[Call]:
    """The calls in the order of the file. Raises TraceError at the first line that is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            heading = file.readline().rstrip("\r\n").split("\t")
            places = _places(path, heading)
            seen: dict[str, int] = {}
            for number, line in enumerate(file, 2):
                text = line.rstrip("\r\n")
                if not text:
                    continue
                if number > MAX_LINES:
                    raise TraceError(path, number, f"more than {MAX_LINES:,} lines")
                cells = text.split("\t")
                if len(cells) != len(heading):
                    raise TraceError(path, number, f"{len(cells)} columns where the heading has {len(heading)}")
                call = _Line(path, number, {name: cells[place].strip() for name, place in places.items()}).call()
                earlier = seen.setdefault(call.id, number)
                if earlier != number:
                    raise TraceError(path, number, f"the call of line {earlier} again")
                yield call
    except (OSError, UnicodeDecodeError) as failure:
        raise InvalidArgument("INVALID_TRACE", f"cannot read {path}: {failure}") from failure


def _places(path: Path, heading: Sequence[str]) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        raise TraceError(path, 1, f"no column {', '.join(missing)}; the heading needs {', '.join(COLUMNS)}, by tabs")
    places = {name: heading.index(name) for name in COLUMNS}
    # The unit that took the call, where the log has it: call ids count per unit.
    if "vru+line" in heading:
        places["vru+line"] = heading.index("vru+line")
    return places


class _Line:
    """The cells of one line by column."""

    def __init__(self, path: Path, number: int, cells: dict[str, str]) -> None:
        self._path = path
        self._number = number
        self._cells = cells

    def call(self) -> Call:
        cells = self._cells
        if not cells["call_id"]:
            raise self._wrong("call_id", "is empty")
        if cells["type"] not in CALL_TYPES:
            raise self._wrong("type", f"is none of {', '.join(CALL_TYPES)}")
        if cells["outcome"] not in OUTCOMES:
            raise self._wrong("outcome", f"is none of {', '.join(OUTCOMES)}")
        self._count("priority")
        arrival_s, queued_s = self._arrival_s(), self._count("q_time")
        hung_up = cells["outcome"] == "HANG"
        customer = cells["customer_id"]
        return Call(
            id=f"{cells.get('vru+line', '')}-{cells['call_id']}-{cells['date']}".lstrip("-"),
            day=self._day(),
            arrival_s=arrival_s,
            type=cells["type"],
            customer="" if customer in ("", UNKNOWN_CUSTOMER) else customer,
            vip=cells["priority"] == VIP_PRIORITY,
            handle_s=self._count("ser_time"),
            patience_s=queued_s if hung_up else inf,
            queued_s=queued_s,
            line=self._number,
        )

    def _arrival_s(self) -> int:
        """When the caller was through with the voice response unit, in order with all other times of the line."""
        entry, leave = self._time("vru_entry"), self._time("vru_exit")
        leave = self._after("vru_exit", leave, "vru_entry", entry, CLOCK_SKEW_S)
        queued, unqueued = self._time("q_start"), self._time("q_exit")
        # Both zero: the caller did not queue.
        if queued or unqueued:
            queued = self._after("q_start", queued, "vru_exit", leave, CLOCK_SKEW_S)
            self._after("q_exit", unqueued, "q_start", queued, 0)
        started, ended = self._time("ser_start"), self._time("ser_exit")
        if started or ended:
            self._after("ser_exit", ended, "ser_start", started, 0)
        return queued if queued or unqueued else leave

    def _after(self, name: str, second: int, before: str, earlier: int, skew: int) -> int:
        """`second`, on the next day when it lies more than half a day back. Raises when it is earlier still."""
        if earlier - second > MIDNIGHT // 2:
            second += MIDNIGHT
        if second < earlier - skew:
            raise self._wrong(name, f"is before {before} {self._cells[before]}")
        return second

    def _day(self) -> date:
        try:
            return datetime.strptime(self._cells["date"], _DATE_FORM).date()
        except ValueError:
            raise self._wrong("date", "is no date; write it as YYMMDD") from None

    def _time(self, name: str) -> int:
        parts = self._cells[name].split(":")
        if len(parts) == 3 and all(part.isdecimal() and len(part) <= 2 for part in parts):
            hour, minute, second = map(int, parts)
            if hour < 24 and minute < 60 and second < 60:
                return hour * 3_600 + minute * 60 + second
        raise self._wrong(name, "is no time; write it as H:MM:SS")

    def _count(self, name: str) -> int:
        text = self._cells[name]
        if not text.isdecimal() or int(text) > MIDNIGHT:
            raise self._wrong(name, f"is no whole number from 0 to {MIDNIGHT}")
        return int(text)

    def _wrong(self, name: str, message: str) -> TraceError:
        return TraceError(self._path, self._number, f"{name} {self._cells[name]!r} {message}")
