"""Lengths of time as people write them in policy and configuration files: "90s", "1.5h", "1h30m", "250ms".

Inside, a length of time is a whole number of microseconds. Text is read exactly, without floating point.
"""

import re
from fractions import Fraction

UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}

HINT = 'a duration such as "90s", "1.5h" or "1h30m" (units us, ms, s, m, h, d)'

# The longest a protobuf Duration may be, 10,000 years.
MAX_DURATION_US = 315_576_000_000 * 1_000_000

_PART = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)(us|ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Microseconds of a text such as "1h30m". Raises ValueError when it is none or is finer than a microsecond."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    total = Fraction(0)
    at = 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            break
        total += Fraction(part[1]) * UNITS_US[part[2]]
        at = part.end()
    if at == 0 or at < len(rest):
        raise ValueError(f"{text!r} is not {HINT}")
    if total.denominator != 1:
        raise ValueError(f"{text!r} is finer than a microsecond")
    if total > MAX_DURATION_US:
        raise ValueError(f"{text!r} is longer than 10,000 years")
    return sign * int(total)


def format_duration(microseconds: int) -> str:
    """The shortest text of one unit that `parse_duration` reads back to the same number; 0 is "0s"."""
    if microseconds == 0:
        return "0s"
    for unit in ("h", "m", "s", "ms"):
        if microseconds % UNITS_US[unit] == 0:
            return f"{microseconds // UNITS_US[unit]}{unit}"
    return f"{microseconds}us"
