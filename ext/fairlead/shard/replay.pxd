"""The records of a frame, applied: the directory, requests, notes, policies and the engine's state come out as they were.

Nothing is decided again; `record.pxd` says what each record holds. Frames have right checksums when they come here, so a record
that cannot be applied is one of another version, or a defect.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text
from fairlead.engine.model cimport Fact
from fairlead.shard.dispatch cimport ShardState

cdef enum ReplayState:
    REPLAY_OK = 0
    REPLAY_UNKNOWN = 1     # a kind of record that this version does not know
    REPLAY_BROKEN = 2      # a record that ends too early, or names what does not exist
    REPLAY_HASH = 3        # the state is not the one that the journal says it was

cdef struct Replay:
    Buffer body            # of a fact, aligned
    int64_t time           # of the record read last
    uint32_t kind          # of that record
    uint64_t most          # records of the frame to apply
    uint64_t done          # records of the frame that were applied
    uint64_t expected      # hash, where REPLAY_HASH
    uint64_t actual


cdef void replay_init(Replay* replay) noexcept nogil
cdef void replay_free(Replay* replay) noexcept nogil
# Returns a ReplayState; at the first record that fails, the state is what those before made of it.
cdef uint32_t replay_frame(ShardState* s, Replay* replay, const uint8_t* data, size_t size, uint32_t count) noexcept nogil
# One record, without its size; as `replay_frame`.
cdef uint32_t replay_record(ShardState* s, Replay* replay, const uint8_t* at, const uint8_t* end) noexcept nogil
# For who looks for a record without applying any. The head: `replay.kind` and `replay.time`, and where the rest begins; NULL: none.
cdef const uint8_t* read_head(Replay* replay, const uint8_t* at, const uint8_t* end, uint32_t* tenant) noexcept nogil
# What follows the head of a fact; its body stays in `replay`. Id and gateway are set where a job is submitted. False: it is none.
cdef bint read_fact(Replay* replay, const uint8_t* at, const uint8_t* end, Fact* fact, Text* id, Text* gateway) noexcept nogil
