"""All tenants of a shard added up, for metrics: what was done since the start and what is there now."""

from libc.stdint cimport uint64_t

from fairlead.engine.model cimport STATE_COUNT
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.tally cimport Tally

cdef struct Totals:
    uint64_t tenants
    uint64_t[STATE_COUNT] jobs     # by state
    uint64_t[5] agents             # by presence
    uint64_t load                  # of those who are ONLINE
    uint64_t capacity

# Takes the lock, and lets others have it after every few tenants.
cdef void add_up(ShardState* s, Totals* totals) noexcept nogil
cdef dict totals_view(const Tally* tally, const Totals* totals)
