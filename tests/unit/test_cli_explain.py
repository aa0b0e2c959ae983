"""`fairlead explain` and `fairlead journal explain`: a decision as a supervisor reads it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairlead import cli
from fairlead.router import Router
from fairlead.shard.core import Presence
from tests.unit.shell import Shell

TIME = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two agents who could, one who could not; then everything is another way."""
    path = tmp_path / "journal"
    with Router(path, "none", virtual_time=True) as router:
        router.advance_to(TIME)
        for name in ("ann", "bob"):
            router.create_agent(name, skills={"de": 5}, capacity=4, presence=Presence.ONLINE)
        router.create_agent("cid", presence=Presence.ONLINE)
        router.assign("j0", skills={"de": 1})
        router.assign("j1", skills={"de": 1})
        router.assign("j2", skills={"de": 1})
        router.assign("j3", skills={"fr": 1})
        router.complete("j2", 1)
        router.set_presence("bob", Presence.OFFLINE)
        router.set_presence("cid", Presence.OFFLINE)
    return path


def test_a_journal_tells_who_could_have_had_a_job(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["journal", "explain", str(journal), "j2"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "j2 is assigned in queue default (least_load)"
    assert lines[2].startswith("told as it was decided at ")
    assert lines[2].endswith(": assigned to ann")
    rows = [line.split() for line in lines]
    assert ["->", "ann", "1", "0", "0", "0", "25.0%", "1", "1", "1"] in rows
    assert ["bob", "1", "0", "0", "0", "25.0%", "2", "2", "2"] in rows
    assert "could have taken it then, best first:" in lines
    assert "could not have:" in lines
    assert ["cid", "missing", "skill", "skill", "de", ">=", "1"] in rows


def test_a_journal_tells_what_would_have_placed_a_waiting_job(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["journal", "explain", str(journal), "j3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["moment"]["outcome"], answer["moment"]["reason"]) == ("OUTCOME_QUEUED", "REASON_NONE_ELIGIBLE")
    assert answer["blocking_demands"] == ["skill fr >= 1"]
    assert [agent["agent_id"] for agent in answer["excluded"]] == ["ann", "bob", "cid"]
    assert answer["when"] == "EXPLAIN_WHEN_AT_DECISION"
    assert cli.main(["journal", "explain", str(journal), "j3"]) == 0
    told = capsys.readouterr().out
    assert "any one of these demands dropped would have placed it: skill fr >= 1" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "JOB_NOT_FOUND: nothing was decided of a job 'nothing' of tenant 'default'"),
        (("j0", "--tenant", "other"), "JOB_NOT_FOUND: nothing was decided of a job 'j0' of tenant 'other'"),
        (("j2", "--max-records", "5"), "LIMIT_EXCEEDED: "),
    ],
    ids=["job", "tenant", "limit"],
)
def test_what_a_journal_cannot_tell_is_refused(
    journal: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert cli.main(["journal", "explain", str(journal), *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"fairlead: {told}")


def test_reading_a_journal_changes_no_byte_of_it(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in journal.iterdir()}
    assert cli.main(["journal", "explain", str(journal), "j0"]) == 0
    capsys.readouterr()
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in journal.iterdir()} == before


def test_a_daemon_without_a_journal_says_that_it_tells_the_present(shell: Shell) -> None:
    shell.run("agents", "create", "ana", "--presence", "online")
    shell.run("assign", "j1")
    for flags in ((), ("--at-decision",)):
        assert "told as it is now, not as it was decided: no journal is kept" in shell.run("explain", "j1", *flags)
    assert "told as" not in shell.run("explain", "j1", "--now")
    assert shell.json("explain", "j1", "--now")["when"] == "EXPLAIN_WHEN_NOW"
