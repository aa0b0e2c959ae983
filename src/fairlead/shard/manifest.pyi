"""The manifest of a data directory: which snapshots were verified, and the epoch. Built from ext/fairlead/shard/."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

MANIFEST: str
SUFFIX: str
KEPT_SNAPSHOTS: int

class Entry(NamedTuple):
    """A snapshot that was verified."""

    sequence: int
    segment: int
    offset: int
    state_hash: int
    size: int
    crc: int

class Manifest(NamedTuple):
    """What a directory has: entries oldest first."""

    instance: int
    epoch: int
    entries: tuple[Entry, ...]

def snapshot_name(sequence: int) -> str:
    """The name of the snapshot behind a record."""

def snapshot_names(directory: str) -> list[str]:
    """Names of the snapshots of a directory, oldest first, whether they are whole or not."""

def read_manifest(directory: str) -> Manifest | None:
    """The manifest; None: there is none. Raises ValueError for a damaged one, or one of a newer format."""

def write_manifest(directory: str, manifest: Manifest) -> None:
    """Replaces it; whole and synced, or not at all. Raises OSError."""

def sync_directory(path: str) -> None:
    """Names in the directory that came and went are on disk from here on. Raises OSError."""

def replace_file(directory: str, name: str, write: Callable[[BinaryIO], object]) -> None:
    """A file of a name, whole and synced, or what was there before. Raises OSError."""
