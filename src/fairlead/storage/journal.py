"""What can be done with a journal on disk: verify it, count it, save what is whole, copy it while it is written.

None of these changes the directory it reads. `backup` and `salvage` write to a fresh directory, which a daemon or
Router can then open. A running process may go on: the reader stops at the last frame that is whole.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fairlead.errors import error
from fairlead.journal.reader import Damage, Frame, Reader, segment_names
from fairlead.shard.core import Shard
from fairlead.storage.records import records

Progress = Callable[[Frame], None]


class Verdict(NamedTuple):
    """What a verification found. `problem` is empty for a journal that a start would accept."""

    segments: int
    frames: int
    records: int
    bytes: int
    torn_bytes: int
    state_hash: int
    problem: str


def nothing(_frame: Frame) -> None:
    """No progress is shown."""


def check_directory(path: Path) -> Path:
    """The path. Raises FailedPrecondition when there is no journal."""
    if not path.is_dir() or not segment_names(str(path)):
        raise error("JOURNAL_ABSENT", f"no journal in {path}", "path")
    return path


def verify(path: Path, progress: Progress = nothing) -> Verdict:
    """Reads every frame and record; checksums, sequence, chain. Cost: linear; memory of one segment."""
    reader = Reader(str(check_directory(path)))
    frames = count = size = 0
    problem = ""
    try:
        for frame in reader:
            frames += 1
            size += frame.size
            count += sum(1 for _ in records(frame.payload, frame.first))
            progress(frame)
    except (Damage, ValueError) as wrong:
        problem = str(wrong)
    return Verdict(len(reader.segments), frames, count, size, reader.tail[2], 0, problem)


def replayed(path: Path, scratch: Path) -> Verdict:
    """As `verify`, and the state is built in a copy in `scratch`, so that every state hash is compared."""
    found = verify(path)
    if found.problem:
        return found
    backup(path, scratch)
    shard = Shard(virtual_time=True)
    try:
        recovered = shard.open(str(scratch), "none")
        problems = [f"{tenant}: {what}" for tenant in shard.tenants() for what in shard.check(tenant)]
    finally:
        shard.close()
    return found._replace(state_hash=recovered.state_hash, problem="; ".join(problems))


def statistics(path: Path, progress: Progress = nothing) -> dict[str, tuple[int, int]]:
    """Records and their bytes, by kind."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for frame in Reader(str(check_directory(path))):
        for record in records(frame.payload, frame.first):
            count[record.kind] += 1
            size[record.kind] += record.size
        progress(frame)
    return {kind: (count[kind], size[kind]) for kind in sorted(count)}


def fresh(target: Path) -> Path:
    """The directory, made. Raises FailedPrecondition when something is there already."""
    if target.exists() and any(target.iterdir()):
        raise error("JOURNAL_FAILED", f"{target} is not empty", "target")
    target.mkdir(parents=True, exist_ok=True)
    return target


def backup(path: Path, target: Path, progress: Progress = nothing) -> int:
    """Copies what is whole to `target`, while it may be written; the last sequence of the copy. Raises DataLoss."""
    return _copy(path, target, progress, salvages=False)


def salvage(path: Path, target: Path, progress: Progress = nothing) -> int:
    """Copies what is whole before the first damage; the last sequence of the copy. What comes after is lost."""
    return _copy(path, target, progress, salvages=True)


def _copy(path: Path, target: Path, progress: Progress, salvages: bool) -> int:
    reader = Reader(str(check_directory(path)))
    fresh(target)
    ends: dict[str, int] = {}
    last = 0
    try:
        for frame in reader:
            ends[frame.segment] = frame.offset + frame.size
            last = frame.first + frame.records - 1
            progress(frame)
    except Damage as damage:
        if not salvages:
            raise error("JOURNAL_DAMAGED", str(damage), "path") from damage
    for name, end in ends.items():
        with (path / name).open("rb") as source, (target / name).open("wb") as copy:
            copy.write(source.read(end))
            copy.flush()
            os.fsync(copy.fileno())
    return last
