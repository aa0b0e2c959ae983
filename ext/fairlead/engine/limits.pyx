"""See limits.pxd. A warm-up is over at its end; a rate limit stands until the agent's own timer has fired then, so that no other
step of that microsecond gives the agent a job before those that wait have their turn."""

from libc.stdint cimport uint64_t

from fairlead.base.heap cimport heap_node
from fairlead.base.lineup cimport lineup_has
from fairlead.engine.model cimport OFFLINE, ONLINE, RING_SIZE, UNKNOWN


cdef inline int64_t rate_end(const Queue* queue, const Agent* agent) noexcept nogil:
    """When the oldest of the last `rate_limit` jobs leaves the window; UNKNOWN while there are fewer."""
    if queue.rate_limit == 0 or agent.given_times_count < queue.rate_limit:
        return UNKNOWN
    return agent.given_times[(agent.given_times_count - queue.rate_limit) % RING_SIZE] + queue.rate_window


cdef inline bint fires_now(const Engine* e, const Agent* agent) noexcept nogil:
    """Whether the agent's own timer is due and has not fired."""
    return agent.timer_place != 0 and heap_node(&e.agent_timers, agent.timer_place - 1).high <= <uint64_t> e.now


cdef bint is_rated(const Engine* e, const Queue* queue, const Agent* agent) noexcept nogil:
    """P5: it was given as many jobs as the queue allows in a window."""
    cdef int64_t end = rate_end(queue, agent)
    return e.now < end or (e.now == end and fires_now(e, agent))


cdef inline bint is_new(const Engine* e, const Queue* queue, const Agent* agent) noexcept nogil:
    return agent.warm_since != UNKNOWN and e.now < agent.warm_since + queue.warm_for


cdef void count_settled(Engine* e, uint32_t slot) noexcept nogil:
    """Members who are ONLINE and past their warm-up, and their load; counted once for each state of the tenant. O(agents)."""
    cdef Queue* queue = &e.queues[slot]
    cdef uint32_t index
    if queue.settled_pass == e.changes and queue.settled_time == e.now:
        return
    queue.settled_pass = e.changes
    queue.settled_time = e.now
    queue.settled_count = 0
    queue.settled_load = 0
    for index in range(e.agent_capacity):
        if e.agents[index].number == 0 or e.agents[index].presence != ONLINE or is_new(e, queue, &e.agents[index]):
            continue
        if queue.everyone or lineup_has(&e.lineup, index, queue.bit):
            queue.settled_count += 1
            queue.settled_load += e.agents[index].load


cdef bint limited(Engine* e, uint32_t slot, uint32_t agent_slot) noexcept nogil:
    """P4, P5. What it counts it keeps in the queue, as a memo that no fact depends on."""
    cdef Queue* queue = &e.queues[slot]
    cdef const Agent* agent = &e.agents[agent_slot]
    if is_rated(e, queue, agent):
        return True
    if queue.warm_interval == 0 or agent.warm_last == UNKNOWN or e.now >= agent.warm_last + queue.warm_interval \
            or not is_new(e, queue, agent):
        return False
    count_settled(e, slot)
    return queue.settled_count == 0 or <uint64_t> agent.load * queue.settled_count < queue.settled_load


cdef inline void take_first(int64_t* first, int64_t end, int64_t after) noexcept nogil:
    if end > after and (first[0] == 0 or end < first[0]):
        first[0] = end


cdef int64_t next_limit_end(const Engine* e, const Agent* agent) noexcept nogil:
    """The next time at which a limit of any queue ends for the agent, 0 for never; now only while its timer is about to fire.
    O(queues)."""
    cdef int64_t first = 0, after = e.now - 1 if fires_now(e, agent) else e.now
    cdef const Queue* queue
    cdef uint32_t slot
    if agent.warm_since == UNKNOWN and agent.given_times_count == 0:
        return 0
    for slot in range(e.queue_capacity):
        queue = &e.queues[slot]
        if not queue.paced:
            continue
        if agent.presence != OFFLINE:
            take_first(&first, rate_end(queue, agent), after)
        if queue.warm_interval and is_new(e, queue, agent):
            take_first(&first, agent.warm_since + queue.warm_for, after)
            if agent.warm_last != UNKNOWN:
                take_first(&first, agent.warm_last + queue.warm_interval, after)
    return first
