"""Opening and closing a shard's journal: the directory and its lock, recovery, the torn tail."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fairlead.journal.reader cimport Reader
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.replay cimport Replay
from fairlead.shard.tenant cimport Tenant

cdef enum:
    EVERYTHING = 0xFFFFFFFFFFFFFFFF   # no sequence comes after this

# Applies every record up to `upto` to an empty shard. Raises FairleadError; only reads the directory.
# `progress`, if any, is called with the last sequence read and "replay", once a frame.
cdef object read_all(ShardState* s, Reader reader, uint64_t upto=*, object progress=*)
# Applies what lies behind a snapshot (its Image; None: all). Returns the Reader, at its end.
cdef object read_tail(ShardState* s, str path, object image, uint64_t upto=*, object progress=*)
cdef object check_layout(Reader reader)
cdef object raise_damage(object damage)
# Raises what the state of a replay that is not REPLAY_OK means.
cdef object refuse_record(Reader reader, const Replay* replay, uint32_t state)
# What was found, and the descriptor that holds the lock of the directory.
cdef tuple open_journal(ShardState* s, str path, str durability, bint create, uint64_t segment_size)
cdef void close_journal(ShardState* s) noexcept nogil
cdef dict journal_counts(ShardState* s)
# ((version, document, author, time), tables as they are stored) of the record of a policy, and of the last policies of a tenant, oldest first; the last is in force.
cdef tuple policy_of(const uint8_t* at, const uint8_t* end)
cdef list stored_policies(Tenant* t)
