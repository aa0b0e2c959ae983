"""See timers.pxd."""

from fairlead.base.heap cimport Heap, HeapNode, Places, heap_move, heap_push, heap_remove
from fairlead.engine.limits cimport next_limit_end
from fairlead.engine.model cimport ASSIGNED, OFFERED, QUEUED, SCHEDULED, UNKNOWN, WRAPPING, Queue
from fairlead.engine.plans cimport plan_due
from fairlead.engine.state cimport agent_timer_places, job_timer_places

FOREVER = <int64_t> 1 << 62


cdef inline int64_t earlier(int64_t a, int64_t b) noexcept nogil:
    """The earlier of two times, of which 0 is never."""
    return b if a == 0 or (b != 0 and b < a) else a


cdef int64_t waiting_due(const Engine* e, const Job* job) noexcept nogil:
    """End of its maximum wait (Q6), of its hold (A2), of its first bar (O2), the next of its plan (R1)."""
    cdef int64_t wait = e.queues[e.classes[job.cls].queue].max_wait, due
    cdef uint32_t index
    due = job.enter_time + wait if wait else 0
    if job.held and job.hold_until != FOREVER:
        due = earlier(due, job.hold_until)
    for index in range(job.bar_count):
        due = earlier(due, job.bars[index].until)
    return earlier(due, plan_due(e, job))


cdef int64_t job_due(const Engine* e, const Job* job) noexcept nogil:
    """When the clock next concerns the job, 0 for never."""
    cdef const Queue* queue
    if job.state == QUEUED:
        return earlier(waiting_due(e, job), job.expire_time)
    if job.state == SCHEDULED:
        return earlier(job.start_time, job.expire_time)
    if job.state == OFFERED:
        return earlier(job.deadline, job.expire_time)
    if job.state == ASSIGNED or job.state == WRAPPING:
        queue = &e.queues[e.classes[job.cls].queue]
        if queue.requeue_lost and e.agents[job.agent].lost_since != UNKNOWN:
            return earlier(job.deadline, e.agents[job.agent].lost_since + queue.lost_grace)
        return job.deadline
    return 0


cdef void set_due(Heap* heap, Places places, uint32_t* place, HeapNode node) noexcept nogil:
    """Puts an item at its time, or takes it out when that is 0."""
    if node.high == 0:
        if place[0]:
            heap_remove(heap, places, node.item)
    elif place[0]:
        heap_move(heap, places, node)
    else:
        heap_push(heap, places, node)


cdef void set_timer(Engine* e, uint32_t slot) noexcept nogil:
    cdef Job* job = &e.jobs[slot]
    cdef HeapNode node
    node.high = <uint64_t> job_due(e, job)
    if node.high == 0 and job.timer_place == 0:
        return
    node.tie = <uint32_t> job.number
    node.item = slot
    set_due(&e.job_timers, job_timer_places(e), &job.timer_place, node)


cdef int64_t agent_due(const Engine* e, const Agent* agent) noexcept nogil:
    """When the clock next concerns the agent, 0 for never: the end of a lease, or of what keeps it from new jobs."""
    cdef int64_t due = agent.lease_end
    if e.longest_warm_up or e.rate_count:
        due = earlier(due, next_limit_end(e, agent))
    return due


cdef void set_agent_timer(Engine* e, uint32_t slot) noexcept nogil:
    cdef Agent* agent = &e.agents[slot]
    cdef HeapNode node
    node.high = <uint64_t> agent_due(e, agent)
    if node.high == 0 and agent.timer_place == 0:
        return
    node.tie = <uint32_t> agent.number
    node.item = slot
    set_due(&e.agent_timers, agent_timer_places(e), &agent.timer_place, node)


cdef void agent_timer_fired(Engine* e, uint32_t slot) noexcept nogil:
    """What ended now has ended; the timer goes on to what ends next."""
    if e.agents[slot].timer_place:
        heap_remove(&e.agent_timers, agent_timer_places(e), slot)
    set_agent_timer(e, slot)
