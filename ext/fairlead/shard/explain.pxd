"""Why a job is where it is (E3): every agent with keys or with the first thing that excludes them."""

from libc.stdint cimport uint32_t

from fairlead.engine.model cimport Job
from fairlead.shard.tenant cimport Tenant
from fairlead.shard.views cimport JobView


cdef class Explanation:
    cdef public JobView job            # as it is when the caller asks
    cdef readonly int step             # of its plan, at the moment that is explained
    cdef readonly str strategy
    cdef readonly list key_names
    cdef readonly list candidates
    cdef readonly list excluded
    cdef readonly list blocking_demands
    cdef readonly tuple decision       # agent, policy version, cause, load, capacity, microseconds waited (-1: unknown)
    cdef public object moment          # of the decision that is explained; None: now
    cdef public str unavailable        # why it is not the decision that is explained, though that was asked for


# Reads everything about one job as it is now. O(agents * demands).
cdef Explanation explain(const Tenant* t, uint32_t job_slot)
# The same for a job that is, or is about to be, something else than the one kept; `waits`: tell what single demands block it.
cdef Explanation explain_as(const Tenant* t, uint32_t job_slot, const Job* job, bint waits)
cdef str cause_name(uint32_t cause)
