"""A compaction that is cut short anywhere leaves what a start accepts, and loses nothing; the next one clears up."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from fairlead import Router
from fairlead.errors import FairleadError
from fairlead.journal.reader import segment_names
from fairlead.shard.manifest import read_manifest, snapshot_names
from fairlead.shard.snapshot import describe
from fairlead.storage.compactor import compact, undisturbed, unsnapshotted_bytes
from fairlead.v1 import job_pb2, routing_service_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.builds import preloaded
from tests.crash.disk import Files, recorded, states
from tests.crash.histories import Look, look, opened, steps
from tests.crash.test_daemon_journal import start as start_daemon
from tests.crash.test_damage import recovered
from tests.crash.test_kill import ROOT, missing, shim, start
from tests.crash.test_snapshots import written

__all__ = ["shim"]
CREATE = [sys.executable, "-m", "fairlead", "snapshot", "create", "--json"]


def files_of(path: Path) -> Files:
    """What is in a directory, without the locks."""
    return {
        file.name: file.read_bytes()
        for file in sorted(path.iterdir())
        if file.name not in ("lock", "compactor", "readers")
    }


def filled(path: Path, files: Files) -> Path:
    """A fresh directory with these files."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def is_whole(path: Path) -> bool:
    """No segment that a kept snapshot needs is missing, no file is left over, and the manifest names what is there."""
    manifest = read_manifest(str(path))
    names = snapshot_names(str(path))
    assert manifest is not None
    return (
        [entry.sequence for entry in manifest.entries] == [int(name[:16]) for name in names]
        and int(segment_names(str(path))[0][:16]) <= describe(str(path / names[0])).base.segment
        and not list(path.glob("*.tmp"))
    )


def test_every_state_that_a_power_cut_leaves_of_a_compaction_is_a_good_one(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data, cut = tmp_path / "data", tmp_path / "cut"
    expected = written(data)
    before = files_of(data)
    with recorded(data) as events:
        assert compact(data) is not None
    read = [event.name for event in events if event.kind == "segment"]
    base = describe(str(data / sorted(name for name in before if name.endswith(".snapshot"))[-1])).base.segment
    assert read == [name for name in before if name.endswith(".journal") and int(name[:16]) >= base], "read, not synced"
    kinds = [event.kind for event in events if event.kind != "segment"]
    assert kinds[:6] == ["create", "rename", "directory"] * 2
    assert set(kinds[6:]) == {"unlink", "directory"}
    wrong = tried = 0
    torture = request.config.getoption("--torture")
    for number, files in enumerate(states(before, events)):
        wrong += recovered(filled(cut, files)) != expected
        tried += 1
        if torture or number % 8 == 0:
            made = compact(filled(cut, files))
            wrong += not is_whole(cut) or recovered(cut) != expected
            assert made is not None or snapshot_names(str(cut))[-1] == snapshot_names(str(data))[-1]
    print(f"power cuts in a compaction: {wrong} of {tried} wrong")
    assert wrong == 0
    assert tried > 12


@pytest.mark.parametrize("call", ["fsync", "rename", "unlink", "write"])
def test_a_call_that_fails_leaves_a_good_directory_and_says_so(
    tmp_path: Path, shim: Path, call: str, request: pytest.FixtureRequest
) -> None:
    expected = written(tmp_path / "first")
    failed = 0
    for count in range(1, 30 if request.config.getoption("--torture") else 3):
        data = tmp_path / f"data-{count}"
        shutil.copytree(tmp_path / "first", data)
        environment = os.environ | {
            "LD_PRELOAD": preloaded(shim),
            "FAIL_CALL": call,
            "FAIL_COUNT": str(count),
            "FAIL_LAST": str(count),
        }
        done = subprocess.run([*CREATE, str(data)], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert recovered(data) == expected
        if done.returncode == 0:
            break
        failed += 1
        assert "was not completed" in done.stderr
        assert "Traceback" not in done.stderr
        compact(data)
        assert is_whole(data)
        assert recovered(data) == expected
    print(f"{call} failing in a compaction: {failed} told, 0 left a bad directory")
    assert failed


def test_a_full_disk_ends_a_compaction_and_nothing_else(tmp_path: Path) -> None:
    expected = written(tmp_path)
    before = files_of(tmp_path)

    def shrink() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run([*CREATE, str(tmp_path)], cwd=ROOT, preexec_fn=shrink, capture_output=True, text=True)
    assert done.returncode == 1
    assert "was not completed" in done.stderr
    assert files_of(tmp_path) == before
    assert recovered(tmp_path) == expected


def test_no_answer_is_lost_when_router_and_compactor_are_killed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rounds = 60 if request.config.getoption("--torture") else 3
    data, lines, made = tmp_path / "data", [], 0
    for number in range(rounds):
        worker = start(data, "os", 2, 1 << 16)
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("ready")
        first = subprocess.run([*CREATE, str(data)], cwd=ROOT, capture_output=True, text=True)
        assert first.returncode == 0, first.stderr
        made += json.loads(first.stdout)["snapshot"] != ""
        second = subprocess.Popen([*CREATE, str(data)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.1 + 0.05 * (number % 11))
        second.kill()
        second.wait()
        worker.kill()
        answers, _ = worker.communicate()
        lines += answers.splitlines(keepends=True)
        # Jobs that ended stay known for an hour: each answer can be looked up.
        assert missing(data, lines) == [], f"round {number}"
    print(f"kill -9 of router and compactor: 0 of {len(lines)} answers lost in {rounds} rounds, {made} snapshots")
    assert made == rounds
    assert int(segment_names(str(data))[0][:16]) > 1


def test_a_copy_holds_deletion_back(tmp_path: Path) -> None:
    """A compaction waits with deleting until nobody reads what it would delete."""
    expected = written(tmp_path)
    names = segment_names(str(tmp_path))
    with undisturbed(tmp_path):
        compactor = subprocess.Popen([*CREATE, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        before = read_manifest(str(tmp_path))
        deadline = time.monotonic() + 60
        while read_manifest(str(tmp_path)) == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # All that is left to do is to delete and to end.
        with pytest.raises(subprocess.TimeoutExpired):
            compactor.wait(3)
        assert segment_names(str(tmp_path)) == names
        with pytest.raises(FairleadError, match="wait for it"):
            compact(tmp_path)
    told, _ = compactor.communicate()
    assert json.loads(told)["deleted"] > 1
    assert is_whole(tmp_path)
    assert recovered(tmp_path) == expected


def test_a_snapshot_of_sealed_segments_leaves_the_one_that_is_written_alone(tmp_path: Path) -> None:
    shard = opened(tmp_path)
    steps(shard, 120)
    expected: Look = look(shard)
    last = int(segment_names(str(tmp_path))[-1][:16])
    assert unsnapshotted_bytes(tmp_path) > 4096
    made = compact(tmp_path, sealed=True)
    assert made is not None
    assert describe(str(tmp_path / made.snapshot)).base.segment == last - 1
    assert unsnapshotted_bytes(tmp_path) == 0
    shard.close()
    assert recovered(tmp_path) == expected


def test_a_daemon_makes_snapshots_when_enough_was_written(tmp_path: Path) -> None:
    process, events = start_daemon(tmp_path, "native", "--init", journal="snapshot_after = 1048576\n")
    assert process.stdout is not None
    with grpc.insecure_channel(events[-1]["address"]) as channel:
        for batch in range(30):
            jobs = [job_pb2.JobSpec(id=f"{batch:04d}-{number:031d}", customer="kim") for number in range(1_000)]
            RoutingServiceStub(channel).BatchAssign(routing_service_pb2.BatchAssignRequest(jobs=jobs), timeout=20)
    told: list[dict[str, Any]] = []
    watchdog = threading.Timer(90, process.kill)
    watchdog.start()
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["event"] in ("snapshot", "no snapshot"):
            break
    process.send_signal(signal.SIGTERM)
    process.communicate()
    watchdog.cancel()
    assert told[-1]["event"] == "snapshot", told
    process, events = start_daemon(tmp_path, "native")
    assert events[0]["snapshot"] in snapshot_names(str(tmp_path / "data"))
    process.send_signal(signal.SIGTERM)
    process.communicate()


def test_a_directory_without_a_record_has_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="no journal in"):
        compact(tmp_path)
    Router(tmp_path, "os", segment_size=1 << 20).close()
    assert compact(tmp_path) is None
