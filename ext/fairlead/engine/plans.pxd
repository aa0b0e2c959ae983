"""What follows from a job's plan and its queue's hours: demands at a step, strategy, what is due (R1, R2, L2). Reads only.

The steps of a plan are numbered from 1; 0 is the demands as submitted, and one more than there are steps is an end that takes
anyone. A job that waits at a step is of the class of that step's demands.
"""

from libc.stdint cimport int64_t, uint32_t

from fairlead.base.lineup cimport NOBODY
from fairlead.engine.model cimport CLOSED_OVERFLOW, CLOSED_QUEUE, CLOSED_REFUSE, Demand, Engine, Job, Queue

cdef uint32_t due_step(const Engine* e, const Job* job) noexcept nogil
cdef bint forgets_owner(const Engine* e, const Job* job) noexcept nogil
cdef int64_t plan_due(const Engine* e, const Job* job) noexcept nogil
cdef uint32_t step_demands(const Engine* e, const Job* job, uint32_t step, Demand* demands) noexcept nogil
cdef uint32_t step_preferred(const Engine* e, const Job* job, uint32_t step, Demand* demands) noexcept nogil
cdef uint32_t step_class(const Engine* e, const Job* job, uint32_t step) noexcept nogil
cdef uint32_t earliest_step(const Engine* e, const Job* job, uint32_t agent) noexcept nogil
cdef uint32_t strategy_of(const Engine* e, const Job* job) noexcept nogil


cdef inline bint is_shut(const Engine* e, uint32_t cls) noexcept nogil:
    """Whether jobs of the class wait for their queue to open, whoever is there."""
    cdef const Queue* queue = &e.queues[e.classes[cls].queue]
    return queue.closed and queue.on_closed == CLOSED_QUEUE


cdef inline bint turns_away(const Queue* queue) noexcept nogil:
    """Whether a job that is decided now does not come into the queue at all."""
    return queue.closed and (queue.on_closed == CLOSED_REFUSE or queue.on_closed == CLOSED_OVERFLOW)
