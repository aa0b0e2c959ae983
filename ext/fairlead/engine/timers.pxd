"""When the clock next concerns a job or an agent. Derived from their state; whoever changes that asks here again."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.engine.model cimport Agent, Engine, Job

cdef int64_t FOREVER

cdef int64_t job_due(const Engine* e, const Job* job) noexcept nogil
cdef void set_timer(Engine* e, uint32_t job) noexcept nogil
cdef int64_t agent_due(const Engine* e, const Agent* agent) noexcept nogil
cdef void set_agent_timer(Engine* e, uint32_t agent) noexcept nogil
cdef void agent_timer_fired(Engine* e, uint32_t agent) noexcept nogil
