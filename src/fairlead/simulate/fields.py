"""Reads the tables of a scenario: every value checked, every mistake noted with its path, unknown keys with a guess."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from fairlead.durations import HINT, parse_duration
from fairlead.problems import Problems

NAME_SIZE = 128


class Table:
    """One table of a document. Each reader notes what is wrong and returns its default, so that reading goes on."""

    def __init__(self, value: object, path: str, problems: Problems, known: tuple[str, ...]) -> None:
        self._path = path
        self._problems = problems
        self._values: Mapping[str, Any] = {}
        if not isinstance(value, Mapping):
            problems.add(path, value, f"a table of {', '.join(known)}")
            return
        self._values = value
        for key in value:
            if key not in known:
                close = get_close_matches(str(key), known, 1)
                hint = f"did you mean {close[0]}? " if close else ""
                problems.note(self.path(str(key)), f"unknown key; {hint}allowed: {', '.join(known)}")

    def path(self, key: str) -> str:
        """Where a key of this table is in the document."""
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        return key in self._values

    def raw(self, key: str, default: Any = None) -> Any:
        """The value as it is."""
        return self._values.get(key, default)

    def duration(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """Microseconds; without a default the key is required."""
        value = self._values.get(key)
        if value is None:
            if default is None:
                self._problems.note(self.path(key), f"is missing; needed: {HINT}")
            return default or 0
        return duration(value, self.path(key), self._problems, least) or default or 0

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self._problems.add(self.path(key), value, f"a number from {low:g} to {high:g}")
            return default
        return float(value)

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._problems.add(self.path(key), value, f"a whole number from {low:,} to {high:,}")
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            self._problems.add(self.path(key), value, "true or false")
            return default
        return value

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A name of at most 128 bytes."""
        value = self._values.get(key, default)
        if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > NAME_SIZE or (required and not value):
            self._problems.add(self.path(key), value, f"text of {int(required)} to {NAME_SIZE} bytes")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of names."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self._problems.add(self.path(key), value, "a list of texts")
            return ()
        return tuple(value)

    def levels(self, key: str) -> dict[str, int]:
        """Names with levels 1-10; a plain list means any level, which is 1 as a demand and 10 of an agent: 0 here."""
        value = self._values.get(key, {})
        if isinstance(value, list):
            return dict.fromkeys(self.texts(key), 0)
        if not isinstance(value, Mapping):
            self._problems.add(self.path(key), value, "a table of name = level, or a list of names")
            return {}
        for name, level in value.items():
            if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= 10:
                self._problems.add(self.path(f"{key}.{name}"), level, "a whole number from 1 to 10")
        return {name: level for name, level in value.items() if isinstance(level, int)}

    def mapping(self, key: str) -> dict[str, str]:
        """A table of texts."""
        value = self._values.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            self._problems.add(self.path(key), value, "a table of texts")
            return {}
        return dict(value)

    def list(self, key: str) -> list[Any]:
        """A list of whatever it holds."""
        value = self._values.get(key, [])
        if not isinstance(value, list):
            self._problems.add(self.path(key), value, "a list")
            return []
        return value


def duration(value: object, path: str, problems: Problems, least: int = 0) -> int:
    """Microseconds of a text such as "90s"; 0 after noting what is wrong."""
    if not isinstance(value, str):
        problems.add(path, value, HINT)
        return 0
    try:
        found = parse_duration(value)
    except ValueError as wrong:
        problems.note(path, str(wrong))
        return 0
    if found < least:
        problems.add(path, value, f"a duration of at least {least} us")
        return 0
    return found
