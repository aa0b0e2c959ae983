"""The demo with a real daemon: a small day, a small log, and an end that leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead import cli

HEADING = (
    "call_id\tcustomer_id\tpriority\ttype\tdate\tvru_entry\tvru_exit\t"
    "q_start\tq_exit\tq_time\toutcome\tser_start\tser_exit\tser_time"
)


def play(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The report of a demo, which is all it prints on stdout."""
    code = cli.main(["demo", "--json", *arguments])
    out, err = capsys.readouterr()
    report: dict[str, Any] = json.loads(out)
    assert (code, report["violations"], report["ok"]) == (0, 0, True), (report["audit"], err)
    return report


def test_a_small_day_ends_well_and_its_numbers_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    report = play(capsys, "--jobs", "400")
    jobs = report["jobs"]
    assert jobs["submitted"] == 400
    assert jobs["completed"] + jobs["left"] == 400
    assert sum(queue["jobs"] for queue in report["queues"]) == 400
    assert sum(tier["jobs"] for tier in report["tiers"]) == 400
    assert len(report["agents"]) == 24
    assert report["rpc_ms"]["Assign"]["calls"] == 400
    assert report["rpc_ms"]["CompleteJob"]["calls"] == jobs["completed"]
    assert all(check["checked"] > 0 for check in report["audit"])
    assert sum(agent["jobs"] for agent in report["agents"]) >= jobs["completed"]


def test_three_agents_for_a_day_keep_customers_waiting_and_all_promises(capsys: pytest.CaptureFixture[str]) -> None:
    report = play(capsys, "--jobs", "600", "--agents", "3", "--seed", "2")
    assert report["play"]["handle_scale"] == 1.0
    assert sum(queue["waited"] for queue in report["queues"]) > 0
    assert sum(queue["left"] for queue in report["queues"]) > 0


def test_a_log_is_played_day_after_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [HEADING]
    for number in range(60):
        clock = f"9:{number:02d}:00"
        kind, outcome = ("PS", "NW", "NE", "PE")[number % 4], "HANG" if number % 10 == 9 else "AGENT"
        service = "0" if outcome == "HANG" else str(60 + number)
        cells = (str(number), str(number % 7), str(number % 3), kind, "990202" if number < 40 else "990204")
        lines.append(
            "\t".join((*cells, clock, clock, "0:00:00", "0:00:00", "5", outcome, "0:00:00", "0:00:00", service))
        )
    file = tmp_path / "calls.tsv"
    file.write_text("\n".join(lines) + "\n")
    report = play(capsys, "--trace", str(file))
    assert report["play"]["source"] == "calls.tsv, 2 days from 1999-02-02"
    assert report["jobs"]["submitted"] == 60
    # Two days without their nights: the clock jumped.
    assert report["play"]["day_s"] > 86_400
    assert report["play"]["wall_s"] < 30


def test_a_bad_log_is_one_line_and_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "calls.tsv"
    file.write_text("a\tb\n")
    assert cli.main(["demo", "--trace", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"fairlead: INVALID_TRACE: {file}, line 1: no column ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("playing", [False, True], ids=["starting", "playing"])
@pytest.mark.parametrize(
    ("number", "code", "ctrl_c"),
    [
        (signal.SIGINT, 130, signal.default_int_handler),
        (signal.SIGTERM, 143, signal.default_int_handler),
        # As in the background of a script.
        (signal.SIGTERM, 143, signal.SIG_IGN),
    ],
    ids=["ctrl-c", "sigterm", "sigterm deaf to ctrl-c"],
)
def test_an_interrupted_demo_ends_quietly_and_takes_its_daemon_along(
    number: signal.Signals, code: int, ctrl_c: Any, playing: bool
) -> None:
    command = [sys.executable, "-m", "fairlead", "demo", "--jobs", "2000", "--speed", "1000"]
    terminal, end = os.openpty()
    before = signal.signal(signal.SIGINT, ctrl_c)
    try:
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end)
    finally:
        signal.signal(signal.SIGINT, before)
    with demo:
        os.close(end)
        daemon = wait_for_daemon(demo.pid)
        # The progress bar is drawn once the play runs.
        drawn = os.read(terminal, 1_000) if playing else b""
        demo.send_signal(number)
        out, _ = demo.communicate(timeout=30)
    said = drawn + read_to_end(terminal)
    assert (demo.returncode, out) == (code, b""), said
    assert b"Traceback" not in said
    assert not Path(f"/proc/{daemon}").exists()


def wait_for_daemon(parent: int) -> int:
    """The process id of a demo's daemon as soon as it exists."""
    tasks = Path(f"/proc/{parent}/task/{parent}/children")
    while True:
        children = tasks.read_text().split()
        if children and "serve" in Path(f"/proc/{children[0]}/cmdline").read_text():
            return int(children[0])


def read_to_end(terminal: int) -> bytes:
    """What is left to read of a terminal whose other end is closed."""
    said = b""
    try:
        while chunk := os.read(terminal, 10_000):
            said += chunk
    except OSError:  # how a terminal tells its end
        os.close(terminal)
    return said
