"""Reads journals and believes nothing that is not proven. Built from ext/fairlead/journal/."""

from collections.abc import Iterator
from typing import NamedTuple

class Damage(Exception):
    """A journal that must not be read on. `kind` is broken, gap, or newer; `needs` the format that reads it, else 0."""

    kind: str
    segment: str
    offset: int
    sequence: int
    needs: int

class Base(NamedTuple):
    """A place between two frames: behind record `sequence`, at byte `offset` of a segment."""

    segment: int
    offset: int
    sequence: int
    digest: int
    instance: int
    epoch: int

class Frame(NamedTuple):
    """One frame. `offset` and `size` are bytes of its segment, `time` microseconds of Unix time."""

    segment: str
    offset: int
    size: int
    first: int
    records: int
    epoch: int
    durable_upto: int
    time: int
    payload: bytes

def checksum(data: bytes, tables: bool = False) -> int:
    """CRC-32C; with `tables` as a processor without it computes it."""

def segment_names(directory: str) -> list[str]:
    """Names of the segments of a directory, oldest first."""

class Reader:
    """One reading of a directory, from record 1 on, or behind a `base` that a snapshot vouches for."""

    def __init__(self, directory: str, base: Base | None = None, trusting: bool = False) -> None: ...
    def __iter__(self) -> Iterator[Frame]:
        """Frames, to the end or the torn tail. Raises Damage."""
    @property
    def segments(self) -> list[str]:
        """Names of the segments that are read."""
    @property
    def place_behind(self) -> Base:
        """Behind the last frame that was read, as a Base for another reading."""
    @property
    def tail(self) -> tuple[str, int, int, int]:
        """(name of the segment, offset behind the last frame, bytes that are torn, last sequence) once all is read."""
