"""Events as Python sees them: a batch read from the ring and encoded once, and filters that choose from it."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text
from fairlead.codec.messages cimport EventDetail
from fairlead.shard.dispatch cimport ShardState


# One event of a batch. Hashes of what filters look at; 0 for none.
cdef struct Seen:
    EventDetail detail
    uint64_t tenant
    uint64_t gateway
    uint64_t queue
    uint64_t agent
    size_t begin             # of its bytes in the batch
    size_t end

cdef struct Wanted:
    uint64_t* hashes
    Text* texts
    uint32_t count


cdef class EventFilter:
    cdef readonly object key
    cdef bint _all_tenants
    cdef uint32_t _kinds
    cdef Wanted _tenants
    cdef Wanted _gateways
    cdef Wanted _queues
    cdef Wanted _agents
    cdef object _alive
    cdef bint lets(self, const Seen* event) noexcept nogil


cdef class EventBatch:
    cdef readonly int64_t first
    cdef readonly int64_t last
    cdef Seen* _events
    cdef uint32_t _count
    cdef Buffer _texts
    cdef Buffer _encoded


cdef EventBatch read_events(ShardState* state, int64_t after, uint32_t limit, uint64_t most_bytes)
