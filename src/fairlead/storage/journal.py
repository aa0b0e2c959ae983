"""What can be done with a journal on disk: verify it, count it, save what is whole, copy it while it is written.

None of these changes the directory it reads. `backup` and `salvage` write to a fresh directory, which a daemon or
Router can then open. A running process may go on: the reader stops at the last frame that is whole. Where the first
segments were deleted, the journal begins behind the oldest snapshot.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fairlead.errors import error
from fairlead.journal.reader import Base, Damage, Frame, Reader, segment_names
from fairlead.shard.manifest import Entry, Manifest, read_manifest, sync_directory, write_manifest
from fairlead.shard.offline import State
from fairlead.shard.snapshot import Image, SnapshotDamage, candidates, oldest, prove
from fairlead.storage.compactor import undisturbed
from fairlead.storage.records import records

SEGMENT_HEADER = 64

Progress = Callable[[Frame], None]


class Verdict(NamedTuple):
    """What a verification found. `problem` is empty for a journal that a start would accept.

    `snapshots` are those that are whole; `warnings` tell of the others, which a start would pass over.
    """

    snapshots: int
    segments: int
    frames: int
    records: int
    bytes: int
    torn_bytes: int
    state_hash: int
    problem: str
    warnings: tuple[str, ...] = ()


def nothing(_frame: Frame) -> None:
    """No progress is shown."""


def check_directory(path: Path) -> Path:
    """The path. Raises FailedPrecondition when there is no journal."""
    if not path.is_dir() or not segment_names(str(path)):
        raise error("JOURNAL_ABSENT", f"no journal in {path}", "path")
    return path


def segment_name(number: int) -> str:
    """The name of a segment."""
    return f"{number:016d}.journal"


def reader_of(path: Path) -> Reader:
    """A reader of every record that is there: from the first one, or behind the oldest snapshot that can be read."""
    first = oldest(str(check_directory(path)))
    return Reader(str(path), first.base if first else None, trusting=True)


def good_snapshots(path: Path) -> tuple[list[Image], tuple[str, ...]]:
    """Those that a start would try and whose checksums are right, oldest first; and what is wrong with others."""
    names, problems = candidates(str(path))
    good = []
    for name in names[::-1]:
        try:
            good.append(prove(str(path / name)))
        except SnapshotDamage as wrong:
            problems.append(str(wrong))
    return good, tuple(problems)


def check_beginning(path: Path, snapshots: list[Image]) -> str:
    """What is wrong with where the journal begins; empty: nothing."""
    names = segment_names(str(path))
    if int(names[0][:16]) == 1 or snapshots:
        return ""
    return f"{names[0]} is the first segment, and no snapshot holds what was before it"


def verify(path: Path, progress: Progress = nothing) -> Verdict:
    """Reads every snapshot, frame and record; checksums, sequence, chain. Cost: linear; memory of one file."""
    reader = reader_of(path)
    frames = count = size = 0
    with undisturbed(path):
        snapshots, warnings = good_snapshots(path)
        problem = check_beginning(path, snapshots)
        try:
            for frame in reader:
                frames += 1
                size += frame.size
                count += sum(1 for _ in records(frame.payload, frame.first))
                progress(frame)
        except (Damage, ValueError) as wrong:
            problem = str(wrong)
    return Verdict(
        len(snapshots), len(reader.segments), frames, count, size, reader.tail[2], 0, problem, tuple(warnings)
    )


def replayed(path: Path) -> Verdict:
    """As `verify`, and the state is built, so that every state hash is compared, and every invariant looked at."""
    found = verify(path)
    if found.problem:
        return found
    state = State()
    with undisturbed(path):
        state.read(str(path))
    return found._replace(state_hash=state.state_hash, problem="; ".join(state.check()))


def statistics(path: Path, progress: Progress = nothing) -> dict[str, tuple[int, int]]:
    """Records and their bytes, by kind."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for frame in reader_of(path):
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
    """Copies snapshots and whole frames to `target`, while they may be written; the last sequence. Raises DataLoss."""
    return _copy(path, target, _Copying(False, progress))


def salvage(path: Path, target: Path, progress: Progress = nothing) -> int:
    """Copies the newest whole snapshot and what is whole behind it; the last sequence. What is after damage is lost."""
    return _copy(path, target, _Copying(True, progress))


class _Copying(NamedTuple):
    """How a directory is copied: up to its first damage, or only without any."""

    salvages: bool
    progress: Progress


def _copy(path: Path, target: Path, how: _Copying) -> int:
    check_directory(path)
    with undisturbed(path):
        snapshots, _ = good_snapshots(path)
        if problem := check_beginning(path, snapshots):
            raise error(
                "JOURNAL_DAMAGED", f"{path}: {problem}: nothing can be copied that a start would accept", "path"
            )
        # What is saved begins with the newest snapshot: damage before it costs nothing.
        kept = snapshots[-1:] if how.salvages else snapshots
        reader = Reader(str(path), kept[0].base if kept else None)
        fresh(target)
        for image in kept:
            _copy_file(path / image.name, target / image.name)
        last = _copy_frames(reader, kept[0].base if kept else None, path, target, how)
        _copy_manifest(path, target, kept)
        sync_directory(str(target))
    return last


def _copy_frames(reader: Reader, base: Base | None, path: Path, target: Path, how: _Copying) -> int:
    """Copies the segments that are read, each up to its last whole frame; returns the last sequence."""
    ends = {segment_name(base.segment): base.offset} if base else {}
    last = base.sequence if base else 0
    try:
        for frame in reader:
            ends[frame.segment] = frame.offset + frame.size
            last = frame.first + frame.records - 1
            how.progress(frame)
    except Damage as damage:
        if not how.salvages:
            raise error("JOURNAL_DAMAGED", str(damage), "path") from damage
    for name in reader.segments:
        # One without frames is a link of the chain, if others follow it.
        if name <= max(ends, default=""):
            _copy_file(path / name, target / name, ends.get(name, SEGMENT_HEADER))
    return last


def _copy_file(source: Path, target: Path, size: int | None = None) -> None:
    """Copies a file, or its first bytes, and syncs the copy."""
    with source.open("rb") as original, target.open("wb") as copy:
        shutil.copyfileobj(original, copy)
        if size is not None:
            copy.truncate(size)
        copy.flush()
        os.fsync(copy.fileno())


def _copy_manifest(path: Path, target: Path, kept: list[Image]) -> None:
    """A manifest of what was copied; none where the source has none and there is nothing to name."""
    try:
        old = read_manifest(str(path))
    except ValueError:
        old = None
    if not kept:
        if old:
            write_manifest(str(target), old._replace(entries=()))
        return
    entries = tuple(
        Entry(image.base.sequence, image.base.segment, image.base.offset, image.state_hash, image.size, image.crc)
        for image in kept
    )
    base = kept[-1].base
    write_manifest(str(target), Manifest(base.instance, max(old.epoch if old else 0, base.epoch), entries))
