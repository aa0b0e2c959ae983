"""Text for people: aligned tables, ages, times. Knows no messages."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

_GAP = "  "
# From this many units on the unit in front is the one to read.
_AGE_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def width(text: str) -> int:
    """Columns a terminal needs: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """Lines of aligned columns, the first `left` ones flush left, the others flush right; no trailing blanks.

    Cells are shown by `cell`. A row of another length than the headers is a ValueError.
    """
    lines = [list(headers), *([cell(value) for value in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    out = []
    for line in lines:
        padded = []
        for number, (text, size) in enumerate(zip(line, widths, strict=True)):
            blank = " " * (size - width(text))
            padded.append(text + blank if number < left else blank + text)
        out.append(_GAP.join(padded).rstrip())
    return "\n".join(out)


def cell(value: object) -> str:
    """None is a dash, whole numbers have thousands separators, control characters are shown, not sent."""
    if value is None or value == "":
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))


def age(seconds: float) -> str:
    """A length of time with two or three digits that matter: 850 us, 3.2 s, 12.5 min, 4.0 h, 2.1 d."""
    for size, unit in _AGE_UNITS:
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    if seconds == 0 or abs(seconds) >= 1:
        return f"{seconds:.1f} s"
    if abs(seconds) >= 0.001:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} us"


def local_time(seconds: float) -> str:
    """Seconds of the Unix epoch as local ISO time with its offset, to the millisecond."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")


def percent(part: float, whole: float) -> str:
    """A share with one digit; a dash when there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
