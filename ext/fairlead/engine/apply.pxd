"""Facts change state; nothing else does.

`commit` hands a fact to the sink, which sees the state before it, and applies it. A replay calls `apply` with the facts of a journal and comes to the same
state: no function here looks at anything but the fact and the state, and none of them chooses.
"""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.engine.model cimport Engine, Fact

# Flags of FACT_JOB_WAITS; FACT_JOB_GIVEN knows the first.
cdef enum:
    AGE_RESET = 1     # queue_time becomes now
    OWN_DROPPED = 2   # its own agent no longer counts

cdef void apply(Engine* e, const Fact* fact) noexcept nogil
cdef void commit(Engine* e, Fact* fact) noexcept nogil
cdef Fact fact_of(uint32_t type) noexcept nogil
