"""kill -9 under load, calls of the system that fail, a full disk: what was answered is there afterwards."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairlead import Router

ROOT = Path(__file__).resolve().parents[2]
EXIT_FAILED = 74
SHIM = Path(__file__).with_name("failing_calls.c")


def start(path: Path, mode: str, threads: int, size: int = 1 << 20, **more: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.crash.worker", str(path), mode, str(threads), str(size)]
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def missing(path: Path, lines: list[str]) -> list[str]:
    """Answers that the journal does not know."""
    lost = []
    with Router(path, "os", segment_size=1 << 20) as router:
        assert router.check() == []
        for line in lines:
            words = line.split()
            if len(words) != 4 or not line.endswith("\n"):
                continue  # cut short by the kill: nobody read it
            job = router.job(words[1])
            ended = words[0] == "ended"
            if (job.agent_id, str(job.version)) != (words[2], words[3]) or (ended and job.state.name != "COMPLETED"):
                lost.append(line)
    return lost


@pytest.mark.parametrize("mode", ["fsync", "os"])
def test_every_answer_is_there_after_kill_9(tmp_path: Path, mode: str, request: pytest.FixtureRequest) -> None:
    rounds = 100 if request.config.getoption("--torture") else 3
    lines: list[str] = []
    for number in range(rounds):
        process = start(tmp_path / "data", mode, 4)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        time.sleep(0.2 + 0.05 * (number % 7))
        process.send_signal(signal.SIGKILL)
        answers, _ = process.communicate()
        lines += answers.splitlines(keepends=True)
        lost = missing(tmp_path / "data", lines)
        assert lost == [], f"kill {number}: {len(lost)} of {len(lines)} answers lost"
    print(f"kill -9, {mode}: 0 of {len(lines)} answers lost in {rounds} kills")
    assert len(lines) > 10 * rounds


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that lets the n-th call of the journal's kind fail."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "renameat", "posix_fallocate", "fsync"])
def test_a_call_that_fails_ends_the_process_and_loses_no_answer(
    tmp_path: Path, shim: Path, call: str, request: pytest.FixtureRequest
) -> None:
    # The journal begins before the faults do: what fails at the very start is refused, not lost.
    Router(tmp_path / "first", "fsync", segment_size=1 << 16).close()
    counts = range(1, 60) if request.config.getoption("--torture") else (1, 2, 3, 7)
    ended = 0
    for count in counts:
        data = tmp_path / f"data-{count}"
        shutil.copytree(tmp_path / "first", data)
        environment = os.environ | {"LD_PRELOAD": str(shim), "FAIL_CALL": call, "FAIL_COUNT": str(count)}
        process = start(data, "fsync", 4, 1 << 16, env=environment)
        try:
            answers, errors = process.communicate(timeout=2 if call in ("pwrite", "fdatasync") else 5)
        except subprocess.TimeoutExpired:
            process.kill()
            answers, errors = process.communicate()
        else:
            assert process.returncode in (1, EXIT_FAILED), errors
            assert "journal" in errors, errors
            ended += 1
        assert missing(data, answers.splitlines(keepends=True)) == []
    print(f"{call} failing: {ended} of {len(counts)} ended the process, 0 lost an answer")
    assert ended or call in ("renameat", "posix_fallocate", "fsync")


def test_a_file_that_may_not_grow_ends_the_process_and_loses_no_answer(tmp_path: Path) -> None:
    limit = 200_000

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    Router(tmp_path, "fsync", segment_size=1 << 16).close()
    process = start(tmp_path, "fsync", 4, 1 << 18, preexec_fn=shrink)
    answers, errors = process.communicate(timeout=60)
    assert process.returncode in (1, EXIT_FAILED)
    assert "journal" in errors
    assert missing(tmp_path, answers.splitlines(keepends=True)) == []
