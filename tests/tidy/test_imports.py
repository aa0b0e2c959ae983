"""Imports go down only.

The house has floors; a module sees its own room and the floors below. The tables here are the architecture's; an arrow
that goes up fails with its file, line and rule.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The compiled rooms, top floor first. Rooms of one floor do not see each other.
ROOMS = (
    ("transport", "load", "simulation"),
    ("shard",),
    ("customers",),
    ("codec", "directory", "events", "journal", "engine", "rules"),
    ("base",),
)

# What lies under src/fairlead, top floor first. The programs on the top floor see all, each other too. `__init__` is
# the package itself, which hands out Router. The compiled shard is seen from above it, never below.
FLOORS = (
    ("__main__", "cli", "commands", "demo"),
    ("daemon",),
    ("service", "simulate", "replay"),
    ("storage", "telemetry"),
    ("__init__",),
    ("router",),
    ("policy_face", "customer_face", "event_face"),
    ("watching", "compaction"),
    ("rulebook", "arguments"),
    ("views",),
    ("shard",),
    ("policy",),
    ("config",),
    ("problems", "protobuf"),
    ("durations", "reports"),
    ("errors", "version"),
)

# The Python faces of the compiled modules: all that src may import of them.
FACES = (
    *("fairlead.shard.core", "fairlead.engine.core", "fairlead.transport.core"),
    *("fairlead.load.core", "fairlead.journal.reader", "fairlead.shard.history"),
    *("fairlead.shard.beginning", "fairlead.shard.inspection"),
    *("fairlead.shard.manifest", "fairlead.shard.offline", "fairlead.shard.snapshot"),
    "fairlead.simulation.core",
)

IMPORT_FROM = re.compile(r"^\s*from\s+(?P<module>[\w.]+)\s+c?import\s+(?P<names>.*)$")
IMPORT = re.compile(r"^\s*c?import\s+(?P<names>[\w., ]+)$")


class Arrow(NamedTuple):
    """One import: where it stands and the full name of what it names. Relative ones keep their leading dots."""

    line: int
    target: str


def depth(floors: tuple[tuple[str, ...], ...], name: str) -> int:
    """How far down the floor of `name` is; -1 when it has none."""
    return next((i for i, floor in enumerate(floors) if name in floor), -1)


def python_arrows(source: str) -> Iterator[Arrow]:
    """Every import of Python source, those inside functions too; `from a import b` names a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Arrow(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Arrow(node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}")


def cython_arrows(source: str) -> Iterator[Arrow]:
    """Every import and cimport of Cython source, by its first line; names on later lines matter only below a room."""
    for line, text in enumerate(source.splitlines(), 1):
        code = text.partition("#")[0].rstrip()
        if match := IMPORT_FROM.match(code):
            names = match["names"].strip("() \\").split(",")
            for name in names:
                yield Arrow(line, f"{match['module']}.{name.split(' as ')[0].strip()}".rstrip("."))
        elif match := IMPORT.match(code):
            for name in match["names"].split(","):
                yield Arrow(line, name.split(" as ")[0].strip())


def room_rule(room: str, target: str) -> str | None:
    """The rule that a module of a compiled room breaks by naming `target`, or None."""
    if target.startswith("."):
        return "imports are absolute"
    parts = target.split(".")
    if parts[0] != "fairlead" or len(parts) < 2 or parts[1] == room:
        return None
    other = parts[1]
    if depth(ROOMS, room) < 0:
        return f"`{room}` has no place among the rooms of tests/tidy/test_imports.py"
    if depth(ROOMS, other) >= 0:
        if depth(ROOMS, other) > depth(ROOMS, room):
            return None
        return f"ext: `{room}` does not see `{other}`: only floors below it"
    if room in ("shard", "transport") and depth(FLOORS, other) > depth(FLOORS, "shard"):
        return None
    return f"ext: `{room}` does not see the Python module `{other}`"


def source_rule(unit: str, target: str) -> str | None:
    """The rule that a module of `unit` (the first name under src/fairlead) breaks by naming `target`, or None."""
    if target.startswith("."):
        return "imports are absolute"
    parts = target.split(".")
    if parts[0] in ("tests", "benchmarks"):
        return f"src: the product does not see `{parts[0]}`"
    if parts[0] != "fairlead":
        return None
    other = parts[1] if len(parts) > 1 else "__init__"
    if other in (unit, "v1"):
        return None
    if depth(ROOMS, other) >= 0:
        if not any(target == face or target.startswith(f"{face}.") for face in FACES):
            return f"src: nothing reaches below {' and '.join(FACES)}"
        other = "shard"
    elif depth(FLOORS, other) < 0 and (other[0].isupper() or other.startswith("__")):
        other = "__init__"
    for name in (unit, other):
        if depth(FLOORS, name) < 0:
            return f"`{name}` has no place among the floors of tests/tidy/test_imports.py"
    if depth(FLOORS, other) > depth(FLOORS, unit) or depth(FLOORS, unit) == 0:
        return None
    return f"src: `{unit}` does not see `{other}`: only floors below it"


def violations(root: Path) -> list[str]:
    """Every arrow that goes up, as `file:line: rule (target)`."""
    found = []
    ext, src = root / "ext/fairlead", root / "src/fairlead"
    for path in sorted([*ext.rglob("*.pyx"), *ext.rglob("*.pxd")]):
        room = path.relative_to(ext).parts[0]
        for arrow in cython_arrows(path.read_text()):
            if rule := room_rule(room, arrow.target):
                found.append(f"{path.relative_to(root)}:{arrow.line}: {rule} ({arrow.target})")
    for path in sorted([*src.rglob("*.py"), *src.rglob("*.pyi")]):
        unit = Path(path.relative_to(src).parts[0]).stem
        if unit == "v1":
            continue
        rule_of = room_rule if depth(ROOMS, unit) >= 0 else source_rule
        for arrow in python_arrows(path.read_text()):
            if rule := rule_of(unit, arrow.target):
                found.append(f"{path.relative_to(root)}:{arrow.line}: {rule} ({arrow.target})")
    return found


def test_every_arrow_of_the_house_goes_down() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("room", "target"),
    [
        ("base", "fairlead.engine.core"),
        ("engine", "fairlead.directory.names"),
        ("codec", "fairlead.engine.model"),
        ("journal", "fairlead.shard.core"),
        ("shard", "fairlead.transport.listener"),
        ("shard", "fairlead.router"),
        ("engine", "fairlead.errors"),
        ("engine", ".model"),
        ("cellar", "fairlead.base.heap"),
    ],
)
def test_an_arrow_up_or_aside_between_rooms_is_refused(room: str, target: str) -> None:
    assert room_rule(room, target)


@pytest.mark.parametrize(
    ("room", "target"),
    [
        ("transport", "fairlead.shard.core"),
        ("shard", "fairlead.engine.core"),
        ("shard", "fairlead.policy.tables"),
        ("engine", "fairlead.engine.model"),
        ("engine", "fairlead.base.heap"),
        ("base", "libc.stdlib"),
    ],
)
def test_an_arrow_down_between_rooms_is_allowed(room: str, target: str) -> None:
    assert room_rule(room, target) is None


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("errors", "fairlead.problems"),
        ("router", "fairlead.service.routing"),
        ("policy", "fairlead.router.Router"),
        ("policy", "fairlead.shard.core"),
        ("service", "fairlead.daemon"),
        ("service", "fairlead.simulate"),
        ("reports", "fairlead.simulate"),
        ("service", "fairlead.shard"),
        ("router", "fairlead.base.heap"),
        ("daemon", "fairlead.codec.decode"),
        ("router", "tests.oracle"),
        ("router", "fairlead.Router"),
        ("router", "fairlead.attic"),
        ("attic", "fairlead.errors"),
        ("service", ".names"),
    ],
)
def test_an_arrow_up_or_aside_under_src_is_refused(unit: str, target: str) -> None:
    assert source_rule(unit, target)


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("cli", "fairlead.commands.serve"),
        ("demo", "fairlead.daemon"),
        ("demo", "fairlead.commands.client"),
        ("demo", "fairlead.Router"),
        ("service", "fairlead.shard.core.Method"),
        ("router", "fairlead.policy.compile"),
        ("errors", "fairlead.v1.job_pb2"),
        ("router", "collections.abc"),
    ],
)
def test_an_arrow_down_under_src_is_allowed(unit: str, target: str) -> None:
    assert source_rule(unit, target) is None


def test_a_violation_is_told_with_file_line_and_rule(tmp_path: Path) -> None:
    room = tmp_path / "ext/fairlead/engine"
    room.mkdir(parents=True)
    (room / "core.pyx").write_text(
        '"""Core."""\nfrom libc.stdint cimport int64_t\nfrom fairlead.shard.core cimport (\n'
    )
    (room / "core.pxd").write_text("cimport fairlead.base.heap as heap, fairlead.codec.decode\n")
    package = tmp_path / "src/fairlead"
    package.mkdir(parents=True)
    (package / "errors.py").write_text("def late():\n    from fairlead import router\n")
    low = "only floors below it"
    assert violations(tmp_path) == [
        f"ext/fairlead/engine/core.pxd:1: ext: `engine` does not see `codec`: {low} (fairlead.codec.decode)",
        f"ext/fairlead/engine/core.pyx:3: ext: `engine` does not see `shard`: {low} (fairlead.shard.core)",
        f"src/fairlead/errors.py:2: src: `errors` does not see `router`: {low} (fairlead.router)",
    ]
