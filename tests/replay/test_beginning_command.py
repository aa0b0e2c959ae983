"""What the commands tell of a journal whose first records are gone, and what they refuse."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli import main
from fairlead.journal.reader import checksum, segment_names
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.shard.core import Shard
from fairlead.shard.manifest import snapshot_names
from fairlead.shard.snapshot import describe
from fairlead.storage.compactor import compact
from tests.replay.days import POLICY, TENANT, asks, play
from tests.replay.test_replay import OTHER, written

DAY = asks(1, 500)
EXPERIMENT = {"id": "trial", "arms": [{"id": "a"}, {"id": "b"}], "slice": "10m"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day with an experiment, compacted before jobs 150 and 300."""
    path = tmp_path_factory.mktemp("kept") / "data"
    policy = {**POLICY, "experiment": EXPERIMENT}
    play(path, policy, DAY, between={150: lambda _: compact(path), 300: lambda _: compact(path)})
    assert int(segment_names(str(path))[0][:16]) > 1
    return path


@pytest.fixture
def data(kept: Path, tmp_path: Path) -> Path:
    """A copy to do damage to."""
    return Path(shutil.copytree(kept, tmp_path / "data"))


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_how_many_jobs_were_live_is_told_everywhere(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {file.name: file.read_bytes() for file in kept.iterdir() if file.name != "readers"}
    policy, page = written(tmp_path / "same.json", {**POLICY, "experiment": EXPERIMENT}), tmp_path / "page.html"
    text = told(capsys, "replay", kept, "--policy", policy)
    found = json.loads(told(capsys, "replay", kept, "--policy", policy, "--json", "--html", page))
    beginning = found["beginning"]
    live = sum(beginning["live"].values())
    assert set(beginning["live"]) == {"scheduled", "waiting", "offered", "held", "in_after_work"}
    assert live > 0
    assert beginning["snapshot"] == snapshot_names(str(kept))[0]
    assert beginning["record"] == describe(str(kept / beginning["snapshot"])).base.sequence
    assert (beginning["policy_version"], beginning["problems"]) == (1, [])
    assert found["changes"]["jobs"] == found["changes"]["same"] == found["before"]["jobs"] > 350
    assert found["policy_changes_not_followed"] == []
    assert f"nothing would have changed: all {found['changes']['jobs']} jobs" in text
    begins = f"The records up to {beginning['record']:,} are gone: this begins with {beginning['snapshot']}"
    for shown in (text, page.read_text()):
        assert begins in shown
        assert f"in which {live} jobs were live: " in shown
        assert f"{beginning['live']['held']} held" in shown
        assert "live at the beginning" in shown
        assert "not followed" not in shown
    assert {file.name: file.read_bytes() for file in kept.iterdir() if file.name != "readers"} == files


def test_a_journal_from_its_first_record_has_no_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path / "data", POLICY, DAY[:50])
    policy = written(tmp_path / "same.json", POLICY)
    found = json.loads(told(capsys, "replay", tmp_path / "data", "--policy", policy, "--json"))
    assert found["beginning"] is None
    assert found["policy_changes_not_followed"] == []
    assert "live at the beginning" not in told(capsys, "replay", tmp_path / "data", "--policy", policy)


def test_recorded_changes_of_the_policy_are_told_with_their_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[int] = []

    def change(shard: Shard, policy: Any) -> None:
        times.append(shard.now_us)
        shard.install_policy(TENANT, compile_policy(load(policy), now_us=shard.now_us))

    data = tmp_path / "data"
    between: dict[int, Callable[[Shard], object]] = {
        100: lambda shard: change(shard, OTHER),
        150: lambda _: compact(data),
        300: lambda _: compact(data),
        350: lambda shard: change(shard, POLICY),
        400: lambda shard: change(shard, OTHER),
    }
    play(data, POLICY, DAY, between=between)
    policy, page = written(tmp_path / "other.json", OTHER), tmp_path / "page.html"
    found = json.loads(told(capsys, "replay", data, "--policy", policy, "--json", "--html", page))
    assert found["beginning"]["policy_version"] == 2
    changes = found["policy_changes_not_followed"]
    assert [change["version"] for change in changes] == [3, 4]
    assert [change["time_us"] for change in changes] == times[1:]
    assert found["changes"]["same"] < found["changes"]["jobs"]
    for shown in (told(capsys, "replay", data, "--policy", policy), page.read_text()):
        assert "2 recorded changes of the policy not followed" in shown
        assert "version 3 at 2023-11-15 " in shown


def test_of_many_changes_the_first_are_told_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = compile_policy(load(POLICY), now_us=0)
    between = dict.fromkeys(range(5, 20), lambda shard: shard.install_policy(TENANT, tables))
    play(tmp_path / "data", POLICY, DAY[:30], between=between)
    policy = written(tmp_path / "same.json", POLICY)
    shown = told(capsys, "replay", tmp_path / "data", "--policy", policy)
    assert "15 recorded changes of the policy not followed" in shown
    assert " and 5 more." in shown


def test_arms_are_compared_behind_the_snapshot_and_that_is_told(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "compare", "--journal", kept)
    assert "b instead of a: " in shown
    assert "The journal begins behind a snapshot of 2023-11-1" in shown
    assert "jobs that were live then, are left out." in shown


def flip(file: Path, at: int = 300) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def of_another_layout(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[16] = 99
    content[124:128] = checksum(bytes(content[:124])).to_bytes(4, "little")
    file.write_bytes(content)


def without_snapshots(data: Path) -> None:
    for name in [*snapshot_names(str(data)), "manifest"]:
        (data / name).unlink()


def with_damaged_snapshots(data: Path) -> None:
    for name in snapshot_names(str(data)):
        flip(data / name)


def with_snapshots_of_another_layout(data: Path) -> None:
    for name in snapshot_names(str(data)):
        of_another_layout(data / name)


def without_the_segments_of_the_snapshots(data: Path) -> None:
    last = describe(str(data / snapshot_names(str(data))[-1])).base.segment
    for name in segment_names(str(data)):
        if int(name[:16]) <= last:
            (data / name).unlink()


def without_a_segment(data: Path) -> None:
    (data / segment_names(str(data))[2]).unlink()


def without_segments(data: Path) -> None:
    for name in segment_names(str(data)):
        (data / name).unlink()


def with_a_damaged_segment(data: Path) -> None:
    flip(data / segment_names(str(data))[1], 200)


@pytest.mark.parametrize("command", ["replay", "compare"])
@pytest.mark.parametrize(
    ("damage", "reason", "words"),
    [
        (without_snapshots, "JOURNAL_GAP", "no snapshot tells what was before it"),
        (with_damaged_snapshots, "JOURNAL_DAMAGED", "no whole section"),
        (with_snapshots_of_another_layout, "JOURNAL_VERSION", "layout 99"),
        (without_the_segments_of_the_snapshots, "JOURNAL_GAP", "it ends in a segment before"),
        (without_a_segment, "JOURNAL_GAP", "is missing"),
        (without_segments, "JOURNAL_ABSENT", "no journal in"),
        (with_a_damaged_segment, "JOURNAL_DAMAGED", "no whole frame"),
    ],
)
def test_what_a_start_would_refuse_is_refused_in_one_line(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    reason: str,
    words: str,
    command: str,
) -> None:
    damage(data)
    policy = written(tmp_path / "same.json", POLICY)
    arguments = ["--policy", policy] if command == "replay" else []
    error = refused(capsys, command, *(["--journal"] if command == "compare" else []), data, *arguments)
    assert reason in error
    assert words in error


@pytest.mark.parametrize("what", ["damage", "segments"])
def test_an_older_snapshot_that_cannot_be_used_is_passed_over_and_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    older, newer = snapshot_names(str(data))
    if what == "damage":
        flip(data / older)
    else:
        for name in segment_names(str(data)):
            if int(name[:16]) < describe(str(data / newer)).base.segment:
                (data / name).unlink()
    policy = written(tmp_path / "same.json", POLICY)
    found = json.loads(told(capsys, "replay", data, "--policy", policy, "--json"))
    assert found["beginning"]["snapshot"] == newer
    (problem,) = found["beginning"]["problems"]
    assert problem.startswith(older)
    assert f"An older snapshot was passed over: {older}" in told(capsys, "replay", data, "--policy", policy)


def test_bad_tenants_and_policies_are_told_in_one_line(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same, smaller = written(tmp_path / "a.json", POLICY), written(tmp_path / "b.json", {"queues": [{"id": "one"}]})
    assert "TENANT_NOT_FOUND" in refused(capsys, "replay", kept, "--policy", same, "--tenant", "acme")
    assert "TENANT_NOT_FOUND" in refused(capsys, "compare", "--journal", kept, "--tenant", "acme")
    error = refused(capsys, "replay", kept, "--policy", smaller)
    assert "QUEUE_IN_USE" in error
    assert "live job" in error


def test_without_a_manifest_the_oldest_snapshot_is_found(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "manifest").unlink()
    policy = written(tmp_path / "same.json", POLICY)
    found = json.loads(told(capsys, "replay", data, "--policy", policy, "--json"))
    assert found["beginning"]["snapshot"] == snapshot_names(str(data))[0]
