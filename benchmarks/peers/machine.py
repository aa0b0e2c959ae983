"""Processes of a run: started on one core, measured, ended by their id, their files in one folder that is removed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.servers import CLIENT_CORE, SERVER_CORE, cpu_seconds, free_port, on_core, pin
from benchmarks.wire import CONNECTIONS

STOP_SECONDS = 20
READY_SECONDS = 60
MEGABYTE = 1 << 20

__all__ = ["CLIENT_CORE", "CONNECTIONS", "SERVER_CORE", "free_port", "pin"]


class PeerFailed(Exception):
    """A peer that did not start, did not answer, or lost calls: no figure is taken of it."""


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for everything a run writes. Others may pass through it: a database serves as a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-peers-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str], core: int, log: Path, stop: signal.Signals = signal.SIGTERM, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A server on a core, in a process group of its own, so that Ctrl-C reaches it only through us; ended by its id."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*on_core(core), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **options,
        )
        try:
            yield process
        finally:
            process.send_signal(stop)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server accepts connections. Raises PeerFailed with the last line of its log when it ends before."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise PeerFailed(f"the server does not listen; its last words: {lines[-1] if lines else 'none'}")


def family(pid: int) -> list[int]:
    """A process and all that came from it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(one := waiting.pop())
        for task in _entries(Path(f"/proc/{one}/task")):
            try:
                waiting += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its children have used so far; those of an ended child are lost."""
    total = 0.0
    for one in family(pid):
        try:
            total += cpu_seconds(one)
        except OSError:
            continue
    return total


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children in MB; a page that several share counts once (PSS)."""
    kilobytes = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes * 1024 / MEGABYTE


def is_root() -> bool:
    return os.geteuid() == 0
