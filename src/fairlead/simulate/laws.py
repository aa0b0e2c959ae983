"""Distributions of handle times and patience, as a scenario names them and as the event loop draws them."""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path

from fairlead.problems import Problems
from fairlead.simulate.fields import Table, duration

# (kind, a, b, c, values), as the event loop takes it.
Compiled = tuple[int, float, float, float, "array[float]"]

# Kinds, by their number in the compiled loop, with what each needs.
PARAMETERS = {
    "constant": ("mean",),
    "exponential": ("mean",),
    "uniform": ("least", "most"),
    "lognormal": ("mean", "cv"),
    "erlang": ("mean", "phases"),
    "hyperexponential": ("mean", "cv"),
    "empirical": ("values", "file"),
}
KINDS = tuple(PARAMETERS)
_KEYS = ("law", "mean", "cv", "least", "most", "phases", "values", "file")
MAX_VALUES = 1_000_000


@dataclass(frozen=True)
class Law:
    """A distribution of times in microseconds; `a`, `b`, `c` are those of `simulation/draws.pyx`."""

    kind: str
    mean: float
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    values: tuple[float, ...] = ()

    def compiled(self) -> Compiled:
        """What the event loop takes."""
        return KINDS.index(self.kind), self.a, self.b, self.c, array("d", self.values)


def exponential(mean: float) -> Law:
    """The memoryless law."""
    return Law("exponential", mean, mean)


def parse_law(value: object, path: str, problems: Problems, folder: Path) -> Law:
    """A law of a document: a table with `law` and its parameters, or a text, which is always that long.

    After a mistake, which is noted, a law of one second, so that reading can go on.
    """
    if isinstance(value, str):
        always = float(duration(value, path, problems))
        return Law("constant", always, always)
    table = Table(value, path, problems, _KEYS)
    kind = table.text("law", "")
    if kind not in PARAMETERS:
        if not problems.within(path):
            problems.add(table.path("law"), kind, ", ".join(KINDS))
        return exponential(1e6)
    for key in _KEYS[1:]:
        if table.has(key) and key not in PARAMETERS[kind]:
            problems.note(table.path(key), f"is not for {kind}, which takes {', '.join(PARAMETERS[kind])}")
    if kind == "empirical":
        return _empirical(table, problems, folder)
    if kind == "uniform":
        least, most = table.duration("least"), table.duration("most")
        if most < least:
            problems.note(table.path("most"), "is less than `least`")
        return Law(kind, (least + most) / 2, least, most)
    mean = float(table.duration("mean", least=1)) or 1.0
    if kind == "lognormal":
        variance = math.log1p(table.number("cv", 1.0, 0.01, 100) ** 2)
        return Law(kind, mean, math.log(mean) - variance / 2, math.sqrt(variance))
    if kind == "erlang":
        return Law(kind, mean, mean, table.whole("phases", 2, 1, 64))
    if kind == "hyperexponential":
        # Two branches that carry the same mean between them ("balanced means").
        square = table.number("cv", 2.0, 1.0, 100) ** 2
        share = (1 + math.sqrt((square - 1) / (square + 1))) / 2
        return Law(kind, mean, mean / (2 * share), mean / (2 * (1 - share)), share)
    return Law(kind, mean, mean)


def _empirical(table: Table, problems: Problems, folder: Path) -> Law:
    values = [float(duration(v, f"{table.path('values')}[{i}]", problems)) for i, v in enumerate(table.list("values"))]
    name = table.text("file")
    if name:
        values = _read_values(folder / name, table.path("file"), problems)
    if not values and not problems.within(table.path("")[:-1]):
        problems.note(table.path("values"), "is empty; an empirical law needs `values` or a `file`")
    values = sorted(values) or [1e6]
    return Law("empirical", math.fsum(values) / len(values), values=tuple(values))


def _read_values(path: Path, where: str, problems: Problems) -> list[float]:
    """A file of one time in seconds per line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        problems.note(where, f"cannot read {path}: {failure}")
        return []
    found: list[float] = []
    for number, line in enumerate(lines[:MAX_VALUES], 1):
        text = line.strip()
        try:
            seconds = float(text) if text else 0.0
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < math.inf:
            problems.note(where, f"{path}, line {number}: {text!r} is no number of seconds from 0 on")
            return found
        if text:
            found.append(seconds * 1e6)
    return found
