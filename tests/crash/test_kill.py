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
from tests.builds import preloaded

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
        environment = os.environ | {"LD_PRELOAD": preloaded(shim), "FAIL_CALL": call, "FAIL_COUNT": str(count)}
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


def test_every_write_is_synced_before_its_answer_and_every_new_name_before_its_first_frame(
    tmp_path: Path, shim: Path
) -> None:
    calls, log = 40, tmp_path / "calls"
    program = (
        "import sys; from fairlead import Router\n"
        "router = Router(sys.argv[1], segment_size=4096)\n"
        f"for n in range({calls}): router.assign(str(n)); open(sys.argv[2], 'a').write('answer\\n')\n"
        "router.close()"
    )
    environment = os.environ | {"LD_PRELOAD": preloaded(shim), "FAIL_LOG": str(log)}
    subprocess.run([sys.executable, "-c", program, tmp_path / "data", log], cwd=ROOT, env=environment, check=True)
    events = log.read_text().split()
    assert events.count("answer") == calls
    assert events.count("renameat") > 1
    written = renamed = False
    for event in events:
        assert not (event == "answer" and written), "an answer before the sync of its write"
        assert not (event == "pwrite" and renamed), "a frame before the sync of the directory"
        written = (written or event == "pwrite") and event != "fdatasync"
        renamed = (renamed or event == "renameat") and event != "fsync"


def test_on_a_full_disk_new_jobs_are_refused_completions_go_on_and_space_ends_it(tmp_path: Path, shim: Path) -> None:
    program = """
import sys, time
from fairlead import Router
from fairlead.errors import ResourceExhausted
router = Router(sys.argv[1], "os", segment_size=1 << 16)
router.create_agent("ann", capacity=10_000, presence=1)
def fill():
    for number in range(10_000):
        try:
            router.assign(f"job-{number}")
        except ResourceExhausted:
            return number
refused = fill()
assert 50 < refused < 2_000, refused
for number in range(50):
    router.complete(f"job-{number}", 1)
deadline = time.monotonic() + 20
while router.journal()["no_space"]:
    assert time.monotonic() < deadline
    time.sleep(0.05)
assert fill() is None
print(len(list(router.jobs())))
router.close()
"""
    # The first call sizes the segment that is opened, the next ones the one after it, once a second.
    environment = os.environ | {
        "LD_PRELOAD": preloaded(shim),
        "FAIL_CALL": "posix_fallocate",
        "FAIL_COUNT": "2",
        "FAIL_LAST": "4",
    }
    Router(tmp_path, "os", segment_size=1 << 16).close()
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no space for the next segment" in done.stderr
    assert missing(tmp_path, []) == []
