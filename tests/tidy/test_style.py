"""The parts of docs/STYLE.md that no linter knows: size of files, unfinished marks, tabs, and a test for each rule."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src/fairlead", "ext", "tests", "benchmarks", "build_tools", "proto", "docs")
SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".h", ".proto", ".md", ".sh", ".toml"}
CODE = {".py", ".pyi", ".pyx", ".pxd", ".h"}

LINES_MAX = 450
# File to reason. A file with two reasons to change is divided instead.
LONG_FILES: dict[str, str] = {
    "ext/fairlead/codec/face.pyx": "one dict for each message of the contract; grows with it and with nothing else",
    "ext/fairlead/engine/apply.pyx": "one function for each type of fact; grows with the facts and with nothing else",
    "ext/fairlead/engine/model.pxd": "every struct and fact of the engine, declarations only; grows with them alone",
    "ext/fairlead/shard/core.pyx": "one class, and a compiled class cannot be spread over files",
    "tests/oracle/twin.py": "one class with a method for each command of the shard",
}

# Spelled apart, so that this file passes its own test.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")

# A rule as docs/SEMANTICS.md gives it: a list item, table row or heading that begins with its number.
RULE = re.compile(r"^\s*(?:#+|[-*|])\s*(?:\*\*|`)?(?P<number>[A-Z]\d+)\b(?P<text>.*)$")
PLANNED = re.compile(r"\bplanned\b", re.IGNORECASE)


def files(root: Path) -> Iterator[Path]:
    """Every text file of the project that people write."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file() and "v1" not in path.relative_to(root / folder).parts[:1]:
                yield path


def code_lines(text: str) -> int:
    """Lines that are neither blank nor only a comment."""
    return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def line_problems(text: str) -> Iterator[tuple[int, str]]:
    """Line and rule for every unfinished mark and tab."""
    for number, line in enumerate(text.splitlines(), 1):
        if mark := UNFINISHED.search(line):
            yield number, f"{mark[0]}: finish it, or write it down where work is planned"
        if "\t" in line:
            yield number, "a tab: indent with spaces"


def violations(root: Path, long_files: dict[str, str]) -> list[str]:
    """Everything against these rules, as `file:line: rule`."""
    found = []
    for path in files(root):
        name, text = str(path.relative_to(root)), path.read_text()
        found += [f"{name}:{line}: {rule}" for line, rule in line_problems(text)]
        lines = code_lines(text)
        if path.suffix in CODE and lines > LINES_MAX and name not in long_files:
            found.append(f"{name}:{LINES_MAX}: {lines} lines of code, at most {LINES_MAX}: look for the second reason")
    return found


def built_rules(semantics: str) -> set[str]:
    """Numbers of the rules that the document gives and does not mark as planned."""
    matches = [match for line in semantics.splitlines() if (match := RULE.match(line))]
    return {match["number"] for match in matches if not PLANNED.search(match["text"])}


def untested(rules: set[str], tests: Iterator[str]) -> set[str]:
    """Those rules whose number no test file names."""
    named: set[str] = set()
    for text in tests:
        named |= set(re.findall(r"\b[A-Z]\d+\b", text))
    return rules - named


def test_files_are_small_finished_and_without_tabs() -> None:
    assert violations(ROOT, LONG_FILES) == []


def test_every_built_rule_is_named_by_a_test() -> None:
    rules = built_rules((ROOT / "docs/SEMANTICS.md").read_text())
    assert rules, "docs/SEMANTICS.md has no rule that this test can read"
    tests = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path.parent.name != "tidy")
    assert untested(rules, tests) == set()


def test_a_long_file_is_told_unless_it_is_listed(tmp_path: Path) -> None:
    package = tmp_path / "ext/fairlead/base"
    package.mkdir(parents=True)
    (package / "heap.pyx").write_text("# why\n\n" + "x = 1\n" * LINES_MAX)
    assert violations(tmp_path, {}) == []
    (package / "heap.pyx").write_text("x = 1\n" * (LINES_MAX + 1))
    assert violations(tmp_path, {}) == [
        "ext/fairlead/base/heap.pyx:450: 451 lines of code, at most 450: look for the second reason"
    ]
    assert violations(tmp_path, {"ext/fairlead/base/heap.pyx": "one table"}) == []


def test_an_unfinished_mark_and_a_tab_are_told_with_their_line(tmp_path: Path) -> None:
    package = tmp_path / "src/fairlead"
    package.mkdir(parents=True)
    (package / "router.py").write_text("x = 1\n# " + "TO" + "DO later\n\ty = 2\n")
    (package / "v1").mkdir()
    (package / "v1/job_pb2.py").write_text("\tgenerated\n")
    assert [problem.split(" ")[0] for problem in violations(tmp_path, {})] == [
        "src/fairlead/router.py:2:",
        "src/fairlead/router.py:3:",
    ]


def test_a_rule_without_a_test_is_found() -> None:
    semantics = "## T rules\n- T4 weighted: shares.\n- **T5** Preferred.\n| Q8 | reserve |\n- L1 (planned) A policy.\n"
    assert built_rules(semantics) == {"T4", "T5", "Q8"}
    assert untested({"T4", "T5", "Q8"}, iter(['"""T4: shares."""', "def test_q8(): ...", "T55"])) == {"T5", "Q8"}
