"""Calls of a batch follow each other faster than memory answers: what the next ones look at is loaded meanwhile.

A request is read only as far as that needs, and only where fields stand as every client writes them, in the order of their
numbers; any other is carried out just as well. Changes nothing. The caller holds the shard's lock.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.tenant cimport Tenant


# What is known of a call before it is carried out.
cdef struct Foresight:
    Tenant* tenant             # NULL: nothing
    uint64_t hash              # of its job's id, by the tenant's jobs


# Two calls ahead: begins to load the place of the job's id among its tenant's jobs.
cdef Foresight foresee(const ShardState* s, uint32_t method, const uint8_t* data, size_t size) noexcept nogil
# One call ahead: begins to load the job itself, if there is one; its place is in the cache by now.
cdef void foresee_job(const Foresight* sight) noexcept nogil
# The same as the first, for the next job of a BatchAssignRequest.
cdef void foresee_next(const Tenant* t, const uint8_t* data, const uint8_t* end) noexcept nogil
