"""What can be done with the snapshots of a data directory: verify them against the journal, and restore a copy.

None of these changes the directory it reads; `compactor.py` makes snapshots.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fairlead.errors import FairleadError, error
from fairlead.shard.manifest import Manifest, read_manifest, snapshot_names, write_manifest
from fairlead.shard.offline import State
from fairlead.shard.snapshot import Image, SnapshotDamage
from fairlead.storage import journal
from fairlead.storage.compactor import undisturbed

Progress = Callable[[int, str], None]


class Verified(NamedTuple):
    """One snapshot. `problem` is empty for one that a start would use."""

    snapshot: str
    sequence: int
    tenants: int
    jobs: int
    bytes: int
    state_hash: int
    problem: str


class Restored(NamedTuple):
    """A data directory that was made of another. Its journal goes on in `epoch`."""

    target: str
    last: int
    tenants: int
    state_hash: int
    epoch: int


def nothing(_sequence: int, _what: str) -> None:
    """No progress is shown."""


def verify(path: Path, progress: Progress = nothing) -> list[Verified]:
    """Each snapshot, oldest first: checksums, the state it makes, and whether the journal leads to it from the one
    before.

    Cost: as a start from the oldest one. Memory: the state twice, while one is compared with the next.
    """
    names = snapshot_names(str(journal.check_directory(path)))
    if not names:
        raise error("JOURNAL_ABSENT", f"no snapshot in {path}; `fairlead snapshot create` makes one", "path")
    found: list[Verified] = []
    before: State | None = None
    with undisturbed(path):
        for name in names:
            state = State()
            try:
                image = state.load(str(path / name))
            except SnapshotDamage as wrong:
                found.append(Verified(name, int(name[:16]), 0, 0, (path / name).stat().st_size, 0, str(wrong)))
                continue
            problem = led_to(path, before, image, progress) if before else ""
            found.append(
                Verified(name, image.base.sequence, image.tenants, state.jobs, image.size, image.state_hash, problem)
            )
            before = state
    return found


def led_to(path: Path, before: State, image: Image, progress: Progress) -> str:
    """What is wrong with a snapshot, by the one before it and the journal; empty: nothing."""
    try:
        before.go_on(str(path), image.base.sequence, progress=progress)
    except FairleadError as wrong:
        return wrong.message
    if before.base != image.base:
        return f"the journal ends at record {before.base.sequence if before.base else 0}, before the snapshot"
    if before.state_hash != image.state_hash:
        return f"from the snapshot before and the journal the state has the hash {before.state_hash:016x}"
    return ""


def restore(source: Path, target: Path, progress: Progress = nothing) -> Restored:
    """Makes a data directory of a back-up or of another directory, proves its state, and gives it an epoch of its own.

    What both write from then on is told apart. Raises FairleadError (JOURNAL_..); the target is then not to be used.
    """
    last = journal.backup(source, target)
    state = State()
    state.read(str(target), progress=progress)
    if state.base is None:
        raise error("JOURNAL_ABSENT", f"{source} has no record", "source")
    old = read_manifest(str(target))
    epoch = max(old.epoch if old else 0, state.base.epoch) + 1
    write_manifest(str(target), Manifest(state.base.instance, epoch, old.entries if old else ()))
    return Restored(str(target), last, state.tenants, state.state_hash, epoch)
