"""Servers to be measured: the daemon and the bare echo, each a process on the server's core; and what they used."""

import mmap
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairlead.v1 import job_pb2, routing_service_pb2

SERVER_CORE, CLIENT_CORE = 0, 1
ECHO_SOURCE = Path(__file__).parent / "echo/echo.c"
IN_MEMORY = ("tmpfs", "ramfs")
START_SECONDS = 60
WARM_BYTES = 2 << 30


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@dataclass(frozen=True)
class Server:
    """Where it listens, and its process."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time of all its threads."""
        return cpu_seconds(self.pid)


def pin(core: int) -> None:
    """This process to one core, where there are several."""
    if os.cpu_count() != 1:
        os.sched_setaffinity(0, {core})


def on_core(core: int) -> list[str]:
    """What goes before a command that is to have one core alone. Nothing runs between its fork and its program."""
    return ["taskset", "-c", str(core)] if os.cpu_count() != 1 else []


def warm_memory(size: int = WARM_BYTES) -> None:
    """Touches so much of the machine's memory once, and gives it back.

    A virtual machine pays for memory that it never used before: 7 us for 4 KiB here, 0.6 us for what was used once.
    That is no cost of a server that runs for long, and falls on whoever grows first.
    """
    with mmap.mmap(-1, size) as touched:
        touched.madvise(mmap.MADV_HUGEPAGE)
        for page in range(0, size, mmap.PAGESIZE):
            touched[page] = 1


def file_system(folder: Path) -> str:
    """Type of the file system that has a folder. Raises SystemExit for one in memory: a sync there costs nothing."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        point, kind = line.split()[1:3]
        if folder.resolve().is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind)
    if found[1] in IN_MEMORY:
        raise SystemExit(f"{folder} is on {found[1]}, which is memory: name a folder on a disk with --folder")
    return found[1]


@contextmanager
def daemon(
    transport: str, journal: Path | None = None, more: str = "", environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """A daemon without a journal, which is mode none, or with one in this folder in mode fsync.

    `more` are further lines of its configuration, tables of their own.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fairlead.toml"
        lines = [f'transport = "{transport}"', "drain_seconds = 0", 'log.level = "warning"']
        if journal is not None:
            lines += ["[journal]", f'path = "{journal}"', 'durability = "fsync"']
        file.write_text("\n".join([*lines, more]) + "\n")
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "fairlead", "serve", "--config", str(file), "--listen", address]
        command += ["--init"] if journal is not None else []
        process = subprocess.Popen([*on_core(SERVER_CORE), *command], env=environment)
        try:
            _await_port(address, process)
            yield Server(address, process.pid)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def echo() -> Iterator[Server]:
    """The echo, which answers every call with an assignment."""
    reply = routing_service_pb2.AssignResponse(
        job_id="01234567-123456", outcome=job_pb2.OUTCOME_ASSIGNED, agent_id="agent-1234", version=1, queue="default"
    )
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "echo"
        subprocess.run(["gcc", "-O2", "-o", str(binary), str(ECHO_SOURCE), "-lnghttp2"], check=True)
        port = free_port()
        command = [str(binary), str(port), reply.SerializeToString().hex()]
        process = subprocess.Popen([*on_core(SERVER_CORE), *command], stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield Server(f"127.0.0.1:{port}", process.pid)
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(address: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when something listens there. Raises SystemExit when the process, which said why, has ended before."""
    host, _, port = address.rpartition(":")
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the daemon ended with {process.returncode} before it listened at {address}")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens at {address} after {START_SECONDS} s")
