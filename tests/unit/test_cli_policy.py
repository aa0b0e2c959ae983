"""`fairlead policy` and `fairlead scenario`: what they print, as text and as one JSON object, and their exit codes."""

import json
from pathlib import Path

import pytest

from fairlead import cli
from fairlead.policy.compare import compare
from fairlead.policy.document import load
from fairlead.policy.schema import json_schema
from tests.unit.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "docs/examples/shop.toml"

FIRST = """
default_queue = "orders"
scenarios = ["sale"]

[[queues]]
id = "orders"
strategy = "longest_idle"

[[queues]]
id = "returns"

[[rules]]
id = "sale"
urgency = 1
[rules.match]
scenario = "sale"
"""
SECOND = FIRST.replace("longest_idle", "best_rating").replace('id = "returns"', 'id = "returns"\nmax_wait = "90s"')


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(FIRST)
    second.write_text(SECOND)
    return str(first), str(second)


def test_apply_history_rollback_and_show(shell: Shell, files: tuple[str, str]) -> None:
    assert shell.run("policy", "history") == "the built-in policy is in force; none was stored yet\n"
    for file, author in zip(files, ("ann", "bob"), strict=True):
        shell.run("policy", "apply", file, "--author", author)
    lines = shell.run("policy", "history").splitlines()
    assert lines[0].split() == ["VERSION", "STORED", "AUTHOR", "QUEUES", "RULES"]
    assert [(line.split()[0], line.split()[2]) for line in lines[1:]] == [("2", "bob"), ("1", "ann")]
    assert shell.json("policy", "history")["versions"][1]["author"] == "ann"
    assert shell.run("policy", "rollback", "1").startswith("version 3 is in force, the content of version 1: queues: 2")
    assert shell.json("policy", "rollback", "2", "--author", "cat")["policy"]["author"] == "cat"
    assert 'strategy = "longest_idle"' in shell.run("policy", "show", "--version", "3")
    assert shell.json("policy", "show")["version"] == 4
    assert shell.refused("policy", "rollback", "9").startswith("POLICY_VERSION_NOT_FOUND: no version 9")
    assert shell.refused("policy", "show", "--version", "9").startswith("POLICY_VERSION_NOT_FOUND")


def test_diff_of_files_versions_and_what_is_in_force(shell: Shell, files: tuple[str, str]) -> None:
    expected = '~ queues[orders].strategy: "longest_idle" -> "best_rating"\n' + '+ queues[returns].max_wait = "90s"\n'
    assert shell.run("policy", "diff", *files) == expected
    shell.run("policy", "apply", files[0])
    assert shell.run("policy", "diff", files[1]) == expected
    shell.run("policy", "apply", files[1])
    assert shell.run("policy", "diff", "1", "2") == expected
    assert shell.run("policy", "diff", "1", "2", "--exit-code", code=1) == expected
    assert shell.run("policy", "diff", "2", "--exit-code") == "no difference\n"
    assert shell.json("policy", "diff", "2", "1")["changes"] == [
        {"path": "queues[orders].strategy", "before": "best_rating", "after": "longest_idle"},
        {"path": "queues[returns].max_wait", "before": "90s", "after": None},
    ]
    assert shell.refused("policy", "diff", "1", "7").startswith("POLICY_VERSION_NOT_FOUND")


def test_a_change_is_told_by_id_and_a_new_order_once() -> None:
    queue = {"id": "q", "members": {"agents": ["a", "b"]}}
    before = load({"queues": [queue], "rules": [{"id": "x"}, {"id": "y"}, {"id": "z", "urgency": 1}]})
    after = load(
        {
            "queues": [{"id": "q"}, {"id": "r"}],
            "rules": [{"id": "y", "match": {"channels": ["chat"]}}, {"id": "x"}],
        }
    )
    assert [tuple(change) for change in compare(before, after)] == [
        ("queues[q].members", {"agents": ["a", "b"]}, None),
        ("queues[r]", None, {"id": "r"}),
        ("rules[y].match", None, {"channels": ["chat"]}),
        ("rules[z]", {"id": "z", "urgency": 1}, None),
        ("rules (order)", ["x", "y"], ["y", "x"]),
    ]
    assert compare(before, before) == []
    assert [tuple(change) for change in compare(load({"queues": [{"id": "q"}]}), before)][1:] == [
        ("rules[x]", None, {"id": "x"}),
        ("rules[y]", None, {"id": "y"}),
        ("rules[z]", None, {"id": "z", "urgency": 1}),
    ]


def test_test_shows_who_would_get_the_job_and_why_not_the_others(shell: Shell, files: tuple[str, str]) -> None:
    shell.run("agents", "create", "ana", "--skill", "en:5", "--presence", "online")
    shell.run("agents", "create", "ben", "--presence", "online")
    out = shell.run("policy", "test", "--skill", "en:3", "--urgency", "2")
    assert out.splitlines()[:6] == [
        "outcome   assigned to ana",
        "rule      none matches",
        "queue     default",
        "strategy  least_load",
        "plan      none",
        "urgency   2, head start 0.0 s",
    ]
    assert "could take it, best first:" in out
    assert "ben    missing skill" in out
    assert shell.run("jobs").splitlines()[1:] == []
    other = shell.json("policy", "test", "--policy", files[1], "--queue", "returns", "--job", "j")
    assert (other["queue"], other["outcome"], other["agent_id"]) == ("returns", "OUTCOME_ASSIGNED", "ana")
    assert shell.json("policy", "history")["versions"] == []
    assert shell.refused("policy", "test", "--queue", "none").startswith("QUEUE_NOT_FOUND")


def test_apply_tells_warnings(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(FIRST + '\n[[rules]]\nid = "all"\n[[rules]]\nid = "never"\n')
    warning = "rules[2]: never matches: rules[1] (all) matches every job that it would match, and comes first"
    assert f"warning: {warning}\n" in shell.run("policy", "apply", str(file), "--dry-run")
    assert shell.json("policy", "apply", str(file))["warnings"] == [warning]


def test_check_tells_warnings_and_can_fail_by_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('scenarios = ["sale"]\n[[queues]]\nid = "q"\n')
    assert cli.main(["policy", "check", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "warning: scenarios[0]: sale is used by no rule"
    assert cli.main(["policy", "check", str(file), "--strict", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["warnings"] == ["scenarios[0]: sale is used by no rule"]
    assert cli.main(["policy", "check", str(SHOP), "--strict"]) == 0
    assert capsys.readouterr().out.endswith("rules: 6, plans: 2, schedules: 1, scenarios: 2\n")


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_scenarios_are_listed_and_unknown_ones_refused(shell: Shell, files: tuple[str, str]) -> None:
    assert shell.run("scenario", "list") == "the policy has no scenarios\n"
    shell.run("policy", "apply", files[0])
    assert shell.run("scenario", "list").splitlines() == ["SCENARIO  IS", "sale      off"]
    assert shell.json("scenario", "list") == {"scenarios": ["sale"], "active_scenarios": []}
    assert shell.refused("scenario", "on", "rain") == (
        "SCENARIO_NOT_FOUND: no scenario 'rain' in the policy; it has: sale"
    )
