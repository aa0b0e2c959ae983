"""The file of a snapshot. Built from ext/fairlead/shard/."""

from typing import NamedTuple

from fairlead.journal.reader import Base

class SnapshotDamage(Exception):
    """A snapshot that must not be read. `kind` is broken, newer (another version's) or hash (the state is another)."""

    kind: str

class Image(NamedTuple):
    """What the header of a snapshot tells. `time` is microseconds of Unix time."""

    name: str
    base: Base
    state_hash: int
    tenants: int
    size: int
    time: int
    crc: int

def describe(path: str) -> Image:
    """The Image of a snapshot, of which only the header is read. Raises SnapshotDamage."""

def prove(path: str) -> Image:
    """The Image of a snapshot whose every checksum is right; no state is built. Raises SnapshotDamage."""

def candidates(directory: str) -> tuple[list[str], list[str]]:
    """(names of the snapshots to try, newest first, what is wrong with the manifest)."""

def oldest(directory: str) -> Image | None:
    """The Image of the oldest snapshot behind which the segments begin; None: they begin with the first record."""
