"""Replay and comparison read the directory of a daemon that runs, writes, and makes snapshots under load."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli import main
from fairlead.journal.reader import segment_names
from tests.crash.test_daemon_journal import start
from tests.replay.team import QUEUES, at_work
from tests.replay.test_replay import written

READINGS = 2
PATIENCE = 120  # seconds until a snapshot was made and segments are gone
POLICY: dict[str, Any] = {
    "queues": [{"id": "default", "strategy": "longest_idle"}, *QUEUES],
    "default_queue": "default",
    "experiment": {"id": "trial", "arms": [{"id": "a"}, {"id": "b"}], "slice": "1m"},
}
JOURNAL = 'durability = "os"\nsnapshot_after = 1048576\n[policies]\ndefault = "policy.json"\n'


def load(address: str, *flags: str) -> "subprocess.Popen[str]":
    """Jobs that are assigned and completed at once."""
    flags = ("--tenant", "default", "--agents", "200", "--json", "--warm-up", "0", *flags)
    command = [sys.executable, "-m", "fairlead", "load", "--address", address, *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a daemon that makes snapshots, and what it logs; all is well with it at its end."""
    process, events = start(folder, "native", "--init", journal=JOURNAL)
    logged: list[str] = []
    assert process.stdout is not None
    # What it logs must be read, or it waits.
    reading = threading.Thread(target=logged.extend, args=(process.stdout,))
    reading.start()
    try:
        yield events[-1]["address"], logged
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        reading.join()
    assert code == 0


def test_a_journal_is_read_while_its_daemon_writes_it_and_deletes_segments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each reading is of a whole history, with 0 differences by the same policy, and the daemon goes on as if alone."""
    policy, data = written(tmp_path / "policy.json", POLICY), tmp_path / "data"
    live, ends = Counter[str](), Counter[str]()
    with daemon(tmp_path) as (address, logged), at_work(address, 1) as team:
        deadline = time.monotonic() + PATIENCE
        while int((names := segment_names(str(data)))[0][:16]) == 1:
            assert time.monotonic() < deadline, logged
            # Enough for two snapshots, and then little more: what is read behind the first of them is not long.
            load(address, "--rate", "2000" if len(names) < 4 else "300", "--duration", "2").communicate()
        driver = load(address, "--rate", "300", "--duration", "600")
        try:
            for _ in range(READINGS):
                assert main(["compare", "--journal", str(data)]) == 1
                assert "no block with jobs of every arm yet; what is left of it begins" in capsys.readouterr().err
                assert main(["replay", str(data), "--policy", str(policy), "--json"]) == 0
                found = json.loads(capsys.readouterr().out)
                assert found["changes"]["same"] == found["changes"]["jobs"] > 0
                live.update(found["beginning"]["live"])
                ends.update({name: found["before"][name] for name in ("served", "abandoned", "refused", "expired")})
            assert driver.poll() is None
        finally:
            driver.terminate()
            answers, _ = driver.communicate()
    told = json.loads(answers)
    assert told["methods"]["Assign"]["codes"].keys() == {"0"}
    assert [line for line in logged if "no snapshot" in line or "error" in line] == []
    print(f"{READINGS} readings under load; live at their beginnings {dict(live)}; jobs {dict(ends)}")
    print(f"the team: {team.calls} calls, {team.refused} too late")
    assert live.total() > 0
    assert all(ends.values())
