"""What keeps an agent from new jobs for a while although it has room: warm-up (P4) and rate limit (P5). Changes no state."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport Agent, Engine, Job, Queue
from fairlead.engine.state cimport barred, excludes

cdef bint limited(Engine* e, uint32_t queue, uint32_t agent) noexcept nogil
cdef bint is_rated(const Engine* e, const Queue* queue, const Agent* agent) noexcept nogil
cdef int64_t next_limit_end(const Engine* e, const Agent* agent) noexcept nogil


cdef inline bint is_limited(const Engine* e, uint32_t queue, uint32_t agent) noexcept nogil:
    """Whether the agent is no candidate for jobs of the queue just now. Free for a queue without such rules."""
    return e.queues[queue].paced and limited(<Engine*> e, queue, agent)


cdef inline bint kept_off(const Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """Whether anything but skills, presence and room keeps the agent from the job: excluded, barred (O2), limited."""
    return excludes(job, agent) or barred(e, job, agent) or is_limited(e, e.classes[job.cls].queue, agent)
