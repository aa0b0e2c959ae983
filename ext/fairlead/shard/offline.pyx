"""The state of a data directory, built in memory beside whoever writes there: what the compactor and the verification need.

Nobody is asked and nothing is locked. What is read may not be on disk yet, so each segment is synced after it was read and
before the state is believed: a snapshot is never ahead of its journal.
"""

import os

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free

from fairlead.base.memory cimport memory_zeroed
from fairlead.directory.names cimport names_text
from fairlead.engine.audit cimport Audit, audit
from fairlead.events.ring cimport LEAST_EVENTS
from fairlead.journal.reader cimport Reader
from fairlead.shard.dispatch cimport ShardState, shard_free, shard_init
from fairlead.shard.durable cimport EVERYTHING, raise_damage, read_all
from fairlead.shard.snapshot cimport load_newest, load_snapshot, save_snapshot, shard_hash
from fairlead.shard.views cimport to_str

from fairlead.errors import raise_error
from fairlead.journal.reader import Damage


cdef class State:
    """All tenants of a directory. Memory: what the shard needs that wrote it. Made for one directory, once."""

    cdef ShardState* _state
    cdef object _base      # behind the last record that is in the state; None: no record
    cdef object _image     # of the snapshot that was begun with
    cdef tuple _problems

    def __cinit__(self):
        self._state = <ShardState*> memory_zeroed(sizeof(ShardState))
        shard_init(self._state, True, 0, LEAST_EVENTS)
        self._problems = ()

    def __dealloc__(self):
        shard_free(self._state)
        free(self._state)

    def load(self, str path not None):
        """The state of one snapshot. Returns its Image. Raises SnapshotDamage."""
        self._image = load_snapshot(self._state, path)
        self._base = self._image.base
        return self._image

    def read(self, str directory not None, upto=None, *, bint sealed=False, progress=None):
        """The newest good snapshot of a directory, and what lies behind it: all, or with `sealed` without the segment that is written.

        `progress` is called with (last sequence read, "replay"). Returns the records read. Raises FairleadError (JOURNAL_..).
        """
        self._image, problems = load_newest(self._state, directory, EVERYTHING if upto is None else <uint64_t> upto)
        self._problems = tuple(problems)
        return self.go_on(directory, upto, sealed=sealed, progress=progress)

    def go_on(self, str directory not None, upto=None, *, bint sealed=False, progress=None):
        """Applies what lies behind the snapshot that was loaded. As `read` otherwise."""
        cdef Reader reader = Reader(directory, self._image.base if self._image else None)
        cdef uint64_t first = self._image.base.sequence if self._image else 0
        cdef uint64_t last = EVERYTHING if upto is None else <uint64_t> upto
        if self._image and not reader.names:
            raise_error("JOURNAL_GAP", f"{directory}: segment {self._image.base.segment}, in which {self._image.name} ends, is missing", "path")
        if sealed:
            del reader.names[max(0, len(reader.names) - 1):]
        self._state.journal.replaying = 1
        try:
            read_all(self._state, reader, last, progress)
        finally:
            self._state.journal.replaying = 0
        if sealed and reader.torn:
            try:
                raise reader.damage("broken", "no whole frame, though another segment follows")
            except Damage as damage:
                raise_damage(damage)
        for name in reader.names[:reader.place + 1]:
            sync(os.path.join(directory, name))
        if reader.place >= 0:
            self._base = reader.place_behind
        else:
            self._base = self._image.base if self._image else None
        return reader.sequence - first

    def save(self, str directory not None):
        """Writes the snapshot of this state, synced; the manifest is the caller's. Returns its Image. Raises OSError."""
        if self._base is None:
            raise_error("JOURNAL_ABSENT", f"{directory} has no record yet, so there is nothing to make a snapshot of", "path")
        return save_snapshot(self._state, directory, self._base)

    def check(self):
        """Every invariant of every engine; what is violated. O(state) at least."""
        cdef Audit result
        cdef uint32_t slot, index
        found = []
        for slot in range(self._state.names.used):
            audit(&self._state.tenants[slot].engine, &result)
            name = to_str(names_text(&self._state.names, slot))
            found += [f"{name}: {result.violations[index].decode()}" for index in range(result.count)]
        return found

    @property
    def base(self):
        """Where in the journal the state is, as a Base; None before the first record."""
        return self._base

    @property
    def image(self):
        """The Image of the snapshot that was begun with; None: none."""
        return self._image

    @property
    def problems(self):
        """What was wrong with snapshots that were passed over."""
        return self._problems

    @property
    def tenants(self):
        """How many there are."""
        return self._state.names.used

    @property
    def jobs(self):
        """Jobs that are live or remembered, of all tenants."""
        cdef uint32_t slot
        cdef uint64_t count = 0
        for slot in range(self._state.names.used):
            count += self._state.tenants[slot].jobs.count
        return count

    @property
    def state_hash(self):
        """The sum of all tenants'."""
        return shard_hash(self._state)


cdef object sync(str path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
