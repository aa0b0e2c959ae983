"""benchmarks.peers: wrong answers are found, absent peers told, Ctrl-C leaves nothing behind, the page is rendered."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import contestants, job, report, runs, tools
from benchmarks.peers.__main__ import parsed
from benchmarks.peers.contestants import PEERS, Peer, Team
from benchmarks.peers.machine import work_folder

# What a preloaded sanitizer is for is compiled code of ours; the peers have none.
pytestmark = pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="another library is preloaded")

COMMAND = [sys.executable, "-m", "benchmarks.peers"]
ROOT = Path(__file__).resolve().parents[2]
STEPS, SECONDS = 160, 0.1
BUILT = {"go": "peer-go", "rust": "peer-rust"}

# A service that takes one job too many: who is full looks as if there were room.
BROKEN = """
import asyncio, sys
from pathlib import Path
from benchmarks.peers import python_service as service
add = service.Agent.__init__
def one_more(self, id, capacity, skills, key):
    add(self, id, capacity + 1, skills, key)
service.Agent.__init__ = one_more
asyncio.run(service.serve(sys.argv[1], Path(sys.argv[2])))
"""


def peer_of(name: str) -> Peer:
    return next(peer for peer in PEERS if peer.name == name)


def row(name: str, kind: str, calls: int, rate: float, **more: Any) -> dict[str, Any]:
    numbers = dict.fromkeys(("p50_us", "p99_us", "p999_us", "cpu_seconds_per_million", "client_busy", "rss_mb"), 1.0)
    counts = {"agents": 100, "in_flight": calls, "over_capacity": 0, "refused": 0}
    return {"name": name, "class": kind, "assignments_per_second": rate, **numbers, **counts, **more}


@pytest.mark.parametrize("name", ["redis", "postgresql", "go", "rust", "python", "fairlead none", "fairlead embedded"])
def test_a_peer_answers_rightly_call_by_call_and_under_load(name: str) -> None:
    if name in BUILT and not (tools.BINARIES / BUILT[name]).exists():
        pytest.skip(f"{name} is not built; `python -m benchmarks.peers --quick` builds it, in minutes")
    try:
        with work_folder() as folder:
            assert runs.prove(peer_of(name), folder, STEPS, SECONDS) == 0
    except tools.Absent as why:
        pytest.skip(f"{name}: {why}")


def test_a_peer_that_exceeds_capacity_gets_no_figures(tmp_path: Path) -> None:
    broken = Peer("broken", "memory", contestants.service("broken", lambda: [sys.executable, "-c", BROKEN]))
    with pytest.raises(job.WrongAnswer, match="which is the capacity"):
        runs.prove(broken, tmp_path, STEPS, SECONDS)


def test_a_client_in_c_counts_answers_over_capacity(tmp_path: Path) -> None:
    try:
        with peer_of("redis").start(Team(tmp_path, 24, 2)) as server:
            # The client believes that one job is the room.
            load = runs.Load(5, SECONDS, warm_up=0)
            assert runs.client_load(peer_of("redis"), server, Team(tmp_path, 24, 1), load, 40)["over_capacity"] > 0
    except tools.Absent as why:
        pytest.skip(f"redis: {why}")


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([(0, 5)], "nobody has this id"),
        ([(1, 0)], "does not have skill-1"),
        ([(0, None)], "refused a job for skill-0 though agent-0 has room"),
        ([(0, 0), (0, 0)], "agent-0 holds 1 jobs; another with skill-0 holds 0"),
        ([(0, 0), (0, 1), (0, 0), (0, 1), (0, 0)], "already holds 2 jobs"),
    ],
)
def test_the_referee_finds_a_wrong_answer(answers: list[tuple[int, int | None]], complaint: str) -> None:
    referee = job.Referee([job.Agent(0, (0,), 2), job.Agent(1, (0, 1), 2)])
    with pytest.raises(job.WrongAnswer, match=complaint):
        for skill, answer in answers:
            referee.judge(skill, answer)


def test_the_referee_agrees_with_a_right_sequence() -> None:
    referee = job.Referee([job.Agent(0, (0,), 1), job.Agent(1, (0, 1), 1)])
    referee.judge(0, 0)
    referee.judge(1, 1)
    referee.judge(0, None)
    referee.complete(1)
    referee.judge(0, 1)
    assert referee.loads == [1, 1]


def test_absent_tools_are_told_in_one_line_with_the_command_that_installs_them(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        [*COMMAND, "--json", "--quick", "--only", "go,rust,redis"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["results"] == []
    assert [row["why"].partition(";")[0] for row in result["absent"]] == [
        "absent: gcc is not installed",
        "absent: go is not installed",
        "absent: cargo is not installed",
    ]
    assert all("; apt-get install " in row["why"] and "\n" not in row["why"] for row in result["absent"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--only", "redis,mongo"], "'mongo' is no peer; there are: redis, "),
        (["--agents", "5"], "--agents 5: 100 to 100,000 are allowed"),
        (["--write", "nowhere"], "PEERS.md does not exist"),
    ],
)
def test_a_bad_option_is_told_in_one_line(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(options)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_ctrl_c_ends_the_servers_and_prints_what_is_finished(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--json", "--only", "fairlead none", "--seconds", "0.2", "--rounds", "100"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "round 1/100" in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    result = json.loads(output)
    assert result["interrupted"] is True
    assert result["results"][0]["name"] == "fairlead none"
    assert result["results"][0]["assignments_per_second"] > 0
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in "".join(
        path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    )


def test_ratios_are_of_medians_to_the_best_peer_of_the_class() -> None:
    rows = [row("redis", "memory", 100, rate) for rate in (10.0, 30.0, 20.0)]
    rows += [row("go", "memory", 100, 50.0), row("fairlead none", "memory", 100, 100.0)]
    rows += [row("fairlead grpcio", "memory", 100, 900.0), row("fairlead fsync", "durable", 100, 40.0)]
    results = report.medians(rows)
    assert (results[0]["assignments_per_second"], results[0]["n"], results[0]["spread"]) == (20.0, 3, [10.0, 30.0])
    ours = {"fairlead none", "fairlead grpcio", "fairlead fsync"}
    ratios = report.to_best_peer(results, (1, 100), ours)
    assert ratios["memory"] == {"1": None, "100": 2.0}
    assert ratios["durable"] == {"1": None, "100": None}
    assert ratios["fsync_to_best_memory_peer"] == {"1": None, "100": 0.8}
    assert [what for _, what in report.goals(ratios)] == ["not measured", "reached, 2", "not measured", "missed, 0.8"]


def test_the_page_gets_tables_and_plots_between_its_marks(tmp_path: Path) -> None:
    (tmp_path / "PEERS.md").write_text(f"# Page\n\n{report.BEGIN}\nold\n{report.END}\n\nrest\n")
    results = report.medians([row("redis", "memory", 1, 10.0), row("redis", "memory", 10, 20.0)])
    ratios = report.to_best_peer(results, (1, 10, 100), set())
    result: dict[str, Any] = {"machine": "a machine", "commit": "abc", "rounds": 1, "seconds": 2.0}
    result |= {"load_average": [0.1, 2.0], "results": results, "to_best_peer": ratios}
    result |= {"open_loop": [], "growth": [], "absent": [{"name": "go", "why": "absent: no go"}]}
    report.write(result, tmp_path)
    page = (tmp_path / "PEERS.md").read_text()
    assert page.startswith("# Page\n") and page.endswith("\n\nrest\n") and "old" not in page
    assert "| 10 | redis | 20 (20-20) |" in page
    assert "- go: absent: no go" in page
    assert "](peers-concurrency-memory.svg)" in page
    assert "<svg" in (tmp_path / "peers-concurrency-memory.svg").read_text()
