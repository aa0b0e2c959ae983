"""Snapshots from the journal: made by a process of its own, beside the one that writes, which never waits for it.

A compaction loads the newest snapshot, applies what lies behind it, writes the next snapshot and reads it back into a
state that must have the same hash. Only then does the manifest name it, and only then is deleted what no kept snapshot
needs: older snapshots, and segments before the older of the two. A crash anywhere leaves what a start accepts: before
the manifest is replaced the new file is one that nobody asks for, and afterwards what is left over is deleted by the
next compaction.

    compact(path)         one compaction, here
    Compactor(path, ..)   the watch of a daemon: starts `fairlead snapshot create` when enough was written
"""

import contextlib
import ctypes
import fcntl
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from fairlead.compaction import snapshot_command
from fairlead.config import JournalConfig
from fairlead.errors import error
from fairlead.journal.reader import segment_names
from fairlead.shard.manifest import (
    KEPT_SNAPSHOTS,
    Entry,
    Manifest,
    read_manifest,
    snapshot_names,
    sync_directory,
    write_manifest,
)
from fairlead.shard.offline import State
from fairlead.shard.snapshot import Image, SnapshotDamage, candidates, describe

LOCK = "compactor"  # held by a compaction
READERS = "readers"  # shared by who reads, alone while something is deleted
LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0  # after a compaction that failed
STOP_SECONDS = 10.0  # that a compaction gets to end when it is told to
NICE = 19
# linux/ioprio.h: the class that gets the disk when nobody else wants it.
IOPRIO_IDLE = 3 << 13
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}

Progress = Callable[[int, str], None]


class Compacted(NamedTuple):
    """What a compaction made. `records` were applied to the snapshot before; `deleted` are files that are gone now."""

    snapshot: str
    sequence: int
    records: int
    tenants: int
    jobs: int
    bytes: int
    state_hash: int
    seconds: float
    deleted: int


@contextlib.contextmanager
def _locked(path: Path, name: str, how: int) -> Iterator[None]:
    """A lock of the directory. Raises BlockingIOError when `how` says not to wait, OSError where there can be none."""
    descriptor = os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def undisturbed(path: Path) -> Iterator[None]:
    """While this lasts no compaction deletes what is read. A directory that cannot be written to has no compaction."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(_locked(path, READERS, fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One compaction at a time. Raises FailedPrecondition for a second one."""
    try:
        with _locked(path, LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise error("JOURNAL_LOCKED", f"another process makes a snapshot of {path}; wait for it", "path") from None


def compact(path: Path, *, sealed: bool = False, progress: Progress | None = None) -> Compacted | None:
    """Makes a snapshot of all that is on disk, or with `sealed` of all but the segment that is written.

    None when nothing came since the newest one. Raises FairleadError (JOURNAL_..) for a journal that no start would
    accept, and OSError for a disk that refuses; both leave the directory good. Cost: as a start from the newest
    snapshot, and the writing and reading of the new one. Memory: the state once.
    """
    if not path.is_dir() or not (segment_names(str(path)) or snapshot_names(str(path))):
        raise error("JOURNAL_ABSENT", f"no journal in {path}", "path")
    begin = time.monotonic()
    with _alone(path):
        state = State()
        records = state.read(str(path), sealed=sealed, progress=progress)
        before = state.image
        if state.base is None or state.base.sequence == (before.base.sequence if before else 0):
            clean(path)
            return None
        image = state.save(str(path))
        tenants, jobs = state.tenants, state.jobs
        del state
        if progress is not None:
            progress(image.base.sequence, "verify")
        read_back(path, image)
        kept = replace_manifest(path, [*([before] if before else []), image])
        deleted = delete_unneeded(path, kept)
    seconds = round(time.monotonic() - begin, 3)
    return Compacted(
        image.name, image.base.sequence, records, tenants, jobs, image.size, image.state_hash, seconds, deleted
    )


def read_back(path: Path, image: Image) -> None:
    """What is on disk is what was written, the file and the state that it makes; else it goes. Raises DataLoss."""
    file = path / image.name
    with file.open("rb") as written:
        # What is in memory proves nothing of the disk.
        os.posix_fadvise(written.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        found = State().load(str(file))
        if found != image:
            raise SnapshotDamage(f"{image.name}: its header is another than was written")
    except SnapshotDamage as wrong:
        file.unlink()
        raise error(
            "JOURNAL_DAMAGED", f"the snapshot that was written is not what is read: {wrong}; look at the disk", "path"
        ) from wrong


def replace_manifest(path: Path, images: list[Image]) -> list[Image]:
    """Names the newest of these, oldest first, in the manifest; returns them. An epoch that a restore set stays."""
    kept = images[-KEPT_SNAPSHOTS:]
    try:
        old = read_manifest(str(path))
    except ValueError:
        old = None
    base = kept[-1].base
    epoch = max(old.epoch if old else 0, base.epoch)
    entries = tuple(
        Entry(image.base.sequence, image.base.segment, image.base.offset, image.state_hash, image.size, image.crc)
        for image in kept
    )
    write_manifest(str(path), Manifest(base.instance, epoch, entries))
    return kept


def clean(path: Path) -> None:
    """Deletes what a compaction that was cut short left."""
    kept = []
    for name in candidates(str(path))[0][::-1]:
        with contextlib.suppress(SnapshotDamage):
            kept.append(describe(str(path / name)))
    if kept:
        delete_unneeded(path, kept)


def delete_unneeded(path: Path, kept: list[Image]) -> int:
    """Deletes other snapshots, segments before the oldest that is kept, and what a crash left; how many files.

    Waits until nobody reads them.
    """
    first = kept[0].base.segment
    names = {image.name for image in kept}
    gone = [name for name in snapshot_names(str(path)) if name not in names]
    if len(kept) == KEPT_SNAPSHOTS:
        gone += [name for name in segment_names(str(path)) if int(name[:16]) < first]
    gone += [file.name for file in path.glob("*.tmp")]
    with _locked(path, READERS, fcntl.LOCK_EX):
        for name in gone:
            (path / name).unlink()
    if gone:
        sync_directory(str(path))
    return len(gone)


def lower_priority() -> None:
    """This process gets the processor and the disk when nobody else wants them, as far as the system can do that."""
    os.nice(NICE)
    number = IOPRIO_SET.get(platform.machine())
    if number is not None and sys.platform == "linux":
        # Refused by a scheduler without classes: then it is nice alone.
        ctypes.CDLL(None).syscall(number, 1, 0, IOPRIO_IDLE)


def unsnapshotted_bytes(path: Path) -> int:
    """Bytes of whole segments behind the newest snapshot: what a compaction of sealed segments would read."""
    names = segment_names(str(path))[:-1]
    sizes = {int(name[:16]): (path / name).stat().st_size for name in names}
    try:
        manifest = read_manifest(str(path))
    except ValueError:
        manifest = None
    if not manifest or not manifest.entries:
        return sum(sizes.values())
    newest = manifest.entries[-1]
    behind = sum(size for number, size in sizes.items() if number >= newest.segment)
    return behind - (newest.offset if newest.segment in sizes else 0)


class Compactor:
    """Watches how much was written since the last snapshot, and starts a compaction when it was enough."""

    def __init__(self, journal: JournalConfig, log: FilteringBoundLogger) -> None:
        self._path = journal.path or Path()
        self._limit = journal.snapshot_after if journal.path else 0
        self._log = log
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="compactor", daemon=True)

    def start(self) -> None:
        """Watches from here on; not without a journal, or with a limit of 0."""
        if self._limit:
            self._thread.start()

    def stop(self) -> None:
        """Ends the watch, and a compaction that runs: what it has written so far is nothing that a start looks at."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.wait(wait):
            wait = LOOK_SECONDS
            try:
                if unsnapshotted_bytes(self._path) >= self._limit and not self._run():
                    wait = RETRY_SECONDS
            except OSError as wrong:
                self._log.warning("no snapshot", path=str(self._path), message=str(wrong))
                wait = RETRY_SECONDS

    def _run(self) -> bool:
        """One compaction; whether it was made."""
        command = snapshot_command(str(self._path), "--sealed")
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while True:
            try:
                told, wrong = process.communicate(timeout=LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if self._stopping.is_set():
                    end(process)
                    return False
        if process.returncode == 0:
            self._log.info("snapshot", seconds=round(time.monotonic() - begin, 3), made=told.strip())
        else:
            self._log.warning("no snapshot", path=str(self._path), exit_code=process.returncode, message=wrong.strip())
        return process.returncode == 0


def end(process: "subprocess.Popen[str]") -> None:
    """Ends a child, politely first."""
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
