"""A policy's tables into a tenant: first everything is built aside, then put in force as one step: facts, then one rematch (L1)."""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.engine.model cimport QueueBody
from fairlead.shard.rulebook cimport RuleBook
from fairlead.shard.tenant cimport Tenant


cdef class _Draft:
    cdef RuleBook* rules
    cdef QueueBody** bodies
    cdef uint32_t body_count
    cdef uint32_t default_queue
    cdef set queues            # slots
    cdef dict named            # agent id to the slots of the queues that name it


cdef _Draft prepare(Tenant* t, object tables, object breathe)
cdef dict install(Tenant* t, object tables, _Draft draft, dict members, uint64_t version)
# After a replay: what a policy gives a tenant beside facts. Returns the members by name; O(policy).
cdef dict restore(Tenant* t, object tables)
cdef object refuse_what_is_in_use(const Tenant* t, object tables)
