"""The records of a frame, applied: the directory, requests, notes, policies and the engine's state come out as they were.

Nothing is decided again; `record.pxd` says what each record holds. Frames have right checksums when they come here, so a record
that cannot be applied is one of another version, or a defect.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.shard.dispatch cimport ShardState

cdef enum ReplayState:
    REPLAY_OK = 0
    REPLAY_UNKNOWN = 1     # a kind of record that this version does not know
    REPLAY_BROKEN = 2      # a record that ends too early, or names what does not exist
    REPLAY_HASH = 3        # the state is not the one that the journal says it was

cdef struct Replay:
    Buffer body            # of a fact, aligned
    int64_t time           # of the record before
    uint32_t kind          # of the record that failed
    uint64_t done          # records of the frame that were applied
    uint64_t expected      # hash, where REPLAY_HASH
    uint64_t actual


cdef void replay_init(Replay* replay) noexcept nogil
cdef void replay_free(Replay* replay) noexcept nogil
# Returns a ReplayState; at the first record that fails, the state is what those before made of it.
cdef uint32_t replay_frame(ShardState* s, Replay* replay, const uint8_t* data, size_t size, uint32_t count) noexcept nogil
