"""Reads a directory of segments, frame by frame, and believes nothing that is not proven.

Each frame must have right checksums, follow the one before by sequence and digest, and stand in a segment that follows the
one before. What ends the reading:

    zeroes or the end of the last segment         the end
    no whole frame in the last segment, and no    a torn tail: `torn` bytes from `offset` on were being written when the
    later one that was written after it was durable   process ended, and nobody was told of them
    anything else                                 Damage, with segment, offset and sequence

Nothing is written here.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import os
from typing import NamedTuple

from fairlead.journal.frames cimport (
    FRAME_HEADER_SIZE, FRAME_NONE, FRAME_OK, FRAME_BROKEN, SEGMENT_HEADER_SIZE, SEGMENT_NEWER, SEGMENT_OK, crc32c, crc32c_tables,
    frame_digest, frame_size, frame_state, later_frame, segment_state,
)
from fairlead.journal.model cimport FORMAT, FrameHeader, SegmentHeader

SUFFIX = ".journal"


class Damage(Exception):
    """A journal that must not be read on. `kind` is broken, gap, or newer; `needs` the format that reads it, 0 unless newer."""

    kind = ""
    segment = ""
    offset = 0
    sequence = 0
    needs = 0


class Base(NamedTuple):
    """A place between two frames: behind record `sequence`, at byte `offset` of a segment. `digest` is that of the frame before."""

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


def checksum(bytes data not None, bint tables=False):
    """CRC-32C; with `tables` as a processor without it computes it."""
    cdef const char* start = data
    return crc32c_tables(0, start, len(data)) if tables else crc32c(0, start, len(data))


def segment_names(str directory not None):
    """Names of the segments of a directory, oldest first."""
    return sorted(
        name for name in os.listdir(directory) if name.endswith(SUFFIX) and name[:-len(SUFFIX)].isdigit() and len(name) == 24)


cdef class Reader:
    """One reading of a directory, from record 1 on, or behind a `base` that a snapshot vouches for. Memory: one segment.

    With `trusting` and no base the first segment that is there is taken at its word: for who looks into what is left.
    """

    def __init__(self, directory, base=None, trusting=False):
        start = base.segment if base else 1
        self.directory = directory
        self.names = [name for name in segment_names(directory) if int(name[:16]) >= start]
        self.base = base
        self.trusting = trusting
        self.place = -1
        self.data = b""
        if base:
            self.sequence, self.digest, self.instance, self.epoch = base.sequence, base.digest, base.instance, base.epoch

    cdef object damage(self, kind, what, needs=0):
        name = self.names[self.place]
        found = Damage(f"{name}: at byte {self.offset}, where the record {self.sequence + 1} should be: {what}")
        found.kind = kind
        found.segment = name
        found.offset = self.offset
        found.sequence = self.sequence + 1
        found.needs = needs
        return found

    cdef bint open_next(self) except -1:
        """Whether there is another segment; its header is checked against what was read before."""
        cdef SegmentHeader header
        cdef uint32_t state
        if self.place + 1 >= <Py_ssize_t> len(self.names):
            return False
        self.place += 1
        self.offset = 0
        name = self.names[self.place]
        self._read()
        state = segment_state(self.bytes_of, self.size)
        if state == SEGMENT_NEWER:
            memcpy(&header, self.bytes_of, sizeof(SegmentHeader))
            raise self.damage(
                "newer", f"format {header.format} needs a reader of format {header.least_reader}; this one reads {FORMAT}",
                header.least_reader)
        if state != SEGMENT_OK:
            raise self.damage("broken", "the header of the segment is damaged")
        memcpy(&header, self.bytes_of, sizeof(SegmentHeader))
        if header.number != int(name[:16]):
            raise self.damage("gap", f"the header is that of segment {header.number}")
        if self.place == 0:
            self.check_first(&header)
        elif header.number != self.number + 1:
            raise self.damage("gap", f"segment {self.number + 1} is missing")
        self.number = header.number
        self.layout = header.layout
        self.offset = self.end = SEGMENT_HEADER_SIZE
        if header.instance != self.instance:
            raise self.damage("gap", "the segment belongs to another journal")
        if self.base and self.base.segment == header.number:
            return self.begin_at_base(&header)
        if header.first != self.sequence + 1 or header.previous != self.digest or header.epoch < self.epoch:
            raise self.damage("gap", f"the segment follows record {header.first - 1}, not the last one of the segment before")
        self.epoch = header.epoch
        return True

    def _read(self):
        """The bytes of the segment, as they are now."""
        cdef const char* bytes_of
        try:
            with open(os.path.join(self.directory, self.names[self.place]), "rb") as file:
                self.data = file.read()
        except FileNotFoundError:
            raise self.damage("gap", "the segment was deleted meanwhile, since a snapshot holds what it had; read again") from None
        bytes_of = self.data
        self.bytes_of = <const uint8_t*> bytes_of
        self.size = len(self.data)

    cdef int check_first(self, const SegmentHeader* header) except -1:
        """The first segment is the one where the reading begins, and begins as that one does."""
        cdef uint64_t start = self.base.segment if self.base else 1
        if self.base is None:
            self.instance = header.instance
            if self.trusting:
                self.sequence, self.digest = header.first - 1, header.previous
                return 0
        if header.number != start or (start == 1 and (header.first != 1 or header.previous != 0)):
            raise self.damage("gap", f"segment {start} is missing: the first one here is {header.number}")
        return 0

    cdef bint begin_at_base(self, const SegmentHeader* header) except -1:
        """The records before the base are in a snapshot; that the next frame follows shows in its digest."""
        if self.size < <size_t> self.base.offset:
            raise self.damage("broken", f"the segment ends at byte {self.size}, before byte {self.base.offset} where the snapshot does")
        if header.first > self.sequence + 1 or header.epoch != self.epoch:
            raise self.damage("gap", f"the segment begins with record {header.first} of epoch {header.epoch}, not as the snapshot says")
        self.offset = self.end = self.base.offset
        return True

    cdef bint next(self) except -1:
        """Whether there is another frame; `header` and `payload` are then its. Raises Damage."""
        cdef uint32_t state
        cdef bint again = False
        if self.place < 0 and not self.open_next():
            return False
        self.offset = self.end
        while True:
            state = frame_state(self.bytes_of, self.offset, self.size, self.sequence + 1, self.epoch, self.digest)
            if state == FRAME_OK:
                memcpy(&self.header, self.bytes_of + self.offset, sizeof(FrameHeader))
                self.payload = self.bytes_of + self.offset + FRAME_HEADER_SIZE
                self.end = self.offset + frame_size(&self.header)
                self.sequence += self.header.count
                self.digest = frame_digest(&self.header)
                return True
            if state == FRAME_BROKEN and not again:
                # Who reads beside the writer may have seen half of a frame, and the one behind it whole.
                again = True
                self._read()
                continue
            if state == FRAME_BROKEN:
                self.judge()
                return False
            if state != FRAME_NONE:
                raise self.damage("gap", "a whole frame that does not follow the one before")
            if not self.open_next():
                return False

    cdef int judge(self) except -1:
        """Something broken stands at `offset`: a torn tail, or damage."""
        cdef size_t later = later_frame(self.bytes_of, self.offset, self.size, self.sequence + 1)
        if self.place + 1 < <Py_ssize_t> len(self.names):
            raise self.damage("broken", f"no whole frame, though segment {self.names[self.place + 1]} follows")
        if later:
            raise self.damage("broken", f"no whole frame, though the one at byte {later} says that this was on disk")
        self.torn = self.size - self.offset
        while self.torn and self.bytes_of[self.offset + self.torn - 1] == 0:
            self.torn -= 1
        return 0

    def __iter__(self):
        """Frames, to the end or the torn tail. Raises Damage."""
        while self.next():
            yield Frame(
                self.names[self.place], self.offset, self.end - self.offset, self.header.first, self.header.count, self.header.epoch,
                self.header.durable_upto, self.header.time,
                PyBytes_FromStringAndSize(<const char*> self.payload, self.header.size))

    @property
    def segments(self):
        """Names of the segments that are read."""
        return list(self.names)

    @property
    def place_behind(self):
        """Behind the last frame that was read, as a Base for another reading."""
        return Base(self.number, self.end, self.sequence, self.digest, self.instance, self.epoch)

    @property
    def tail(self):
        """(name of the segment, offset behind the last frame, bytes that are torn, last sequence) once all is read."""
        return self.names[self.place] if self.place >= 0 else "", self.end, self.torn, self.sequence
