"""See places.pxd."""

from libc.stdlib cimport free

from fairlead.base.heap cimport HeapNode, heap_push, heap_remove
from fairlead.base.lineup cimport NOBODY, lineup_move_to_back
from fairlead.base.memory cimport memory_zeroed
from fairlead.engine.affinity cimport memory_bind
from fairlead.engine.model cimport (
    AFFINITY_OFF, ASSIGNED, BY_OWN_AGENT, BY_TRANSFER, CANCELLED, COMPLETED, EXPIRED, NO_JOB, OFFERED, QUEUED,
    RING_SIZE, SCHEDULED, UNKNOWN, WRAPPING, Agent, Class, Queue, WEIGHTED, job_high,
)
from fairlead.engine.pace cimport pace_begins, pace_taken
from fairlead.engine.plans cimport strategy_of
from fairlead.engine.rotation cimport rotation_charge
from fairlead.engine.state cimport class_find, derive_room, job_waiting_places, owns, start_rotation
from fairlead.engine.timers cimport set_agent_timer, set_timer

cdef extern from "<assert.h>" nogil:
    void c_assert "assert"(bint condition)

cdef enum:
    NEVER = -1    # the job has not waited in its queue yet


# ---- states


cdef uint16_t following_states(uint32_t state) noexcept nogil:
    """J1: the states that may follow one, as bits; the table in docs/SEMANTICS.md says by what cause. A job is SCHEDULED
    between the fact that it exists and the one that says where it goes."""
    if state == NO_JOB:
        return 1 << SCHEDULED
    if state == SCHEDULED:
        return 1 << QUEUED | 1 << OFFERED | 1 << ASSIGNED | 1 << CANCELLED | 1 << EXPIRED
    if state == QUEUED:
        return 1 << QUEUED | 1 << OFFERED | 1 << ASSIGNED | 1 << CANCELLED | 1 << EXPIRED
    if state == OFFERED:
        return 1 << ASSIGNED | 1 << QUEUED | 1 << CANCELLED | 1 << EXPIRED
    if state == ASSIGNED:
        return 1 << ASSIGNED | 1 << QUEUED | 1 << WRAPPING | 1 << COMPLETED | 1 << CANCELLED
    if state == WRAPPING:
        return 1 << COMPLETED | 1 << CANCELLED
    return 0


cdef bint may_follow(uint32_t state, uint32_t after) noexcept nogil:
    return (following_states(after) >> state) & 1


cdef void set_state(Engine* e, Job* job, uint8_t state) noexcept nogil:
    """A debug build ends here when the table does not know the transition."""
    c_assert(may_follow(state, job.state))
    e.state_counts[job.state] -= 1
    e.state_counts[state] += 1
    job.state = state


# ---- the backlog


cdef void drop_plan(Job* job) noexcept nogil:
    """The job stays on its present demands."""
    job.plan = NOBODY
    job.step = 0


cdef void enter_class(Engine* e, uint32_t slot, uint32_t cls) noexcept nogil:
    """The job's class becomes `cls`. In another queue own agent and plan no longer count (A3, R1)."""
    cdef Job* job = &e.jobs[slot]
    cdef const Class* preferred
    if job.cls == cls:
        return
    if e.classes[job.cls].queue != e.classes[cls].queue:
        e.queues[e.classes[job.cls].queue].live -= 1
        e.queues[e.classes[cls].queue].live += 1
        job.enter_time = NEVER
        job.own_mode = AFFINITY_OFF
        drop_plan(job)
    job.cls = cls
    if job.preferred != NOBODY:
        preferred = &e.classes[job.preferred]
        job.preferred = class_find(e, e.classes[cls].queue, preferred.channel, preferred.demands, preferred.demand_count)


cdef void enter_backlog(Engine* e, uint32_t slot) noexcept nogil:
    """A QUEUED job waits in its class, or for its own agent alone, and stands in that agent's list either way."""
    cdef Job* job = &e.jobs[slot]
    cdef Class* c = &e.classes[job.cls]
    cdef HeapNode node
    e.queues[c.queue].waiting += 1
    if job.held:
        e.held_waiting += 1
    else:
        e.costly_waiting += job.cost > 1
        node.high = job_high(job)
        node.tie = <uint32_t> job.number
        node.item = slot
        if c.waiting.size == 0:
            pace_begins(c, e.now)
        heap_push(&c.waiting, job_waiting_places(e), node)
        if c.waiting_index == NOBODY:
            c.waiting_index = e.waiting_class_count
            e.waiting_classes[e.waiting_class_count] = job.cls
            e.waiting_class_count += 1
    if owns(e, job):
        job.listed = 1
        job.own_previous = NOBODY
        job.own_next = e.agents[job.own_agent].own_head
        if job.own_next != NOBODY:
            e.jobs[job.own_next].own_previous = slot
        e.agents[job.own_agent].own_head = slot


cdef void leave_backlog(Engine* e, uint32_t slot) noexcept nogil:
    """A waiting job waits no longer."""
    cdef Job* job = &e.jobs[slot]
    cdef Class* c = &e.classes[job.cls]
    cdef uint32_t last
    e.queues[c.queue].waiting -= 1
    if job.held:
        e.held_waiting -= 1
    else:
        e.costly_waiting -= job.cost > 1
        heap_remove(&c.waiting, job_waiting_places(e), slot)
        if c.waiting.size == 0:
            e.waiting_class_count -= 1
            last = e.waiting_classes[e.waiting_class_count]
            e.waiting_classes[c.waiting_index] = last
            e.classes[last].waiting_index = c.waiting_index
            c.waiting_index = NOBODY
    if job.listed:
        if job.own_previous == NOBODY:
            e.agents[job.own_agent].own_head = job.own_next
        else:
            e.jobs[job.own_previous].own_next = job.own_next
        if job.own_next != NOBODY:
            e.jobs[job.own_next].own_previous = job.own_previous
    job.held = 0
    job.listed = 0


cdef void leave_line(Engine* e, uint32_t slot, int64_t time) noexcept nogil:
    """An agent takes or is offered a waiting job."""
    if not e.jobs[slot].held:
        pace_taken(&e.classes[e.jobs[slot].cls], time)
    leave_backlog(e, slot)


# ---- agents


cdef void join_agent(Engine* e, const Fact* fact, uint8_t state) noexcept nogil:
    """`job`, `agent`, `reason` (a Cause): the agent's room is taken by it from now on, under a new version (J5)."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Agent* agent = &e.agents[fact.agent]
    job.load_before = agent.load
    job.capacity_before = agent.capacity
    agent.load += job.cost
    agent.channel_count[e.classes[job.cls].channel] += 1
    agent.held_count += 1
    job.previous = NOBODY
    job.next = agent.held_head
    if job.next != NOBODY:
        e.jobs[job.next].previous = fact.job
    agent.held_head = fact.job
    derive_room(e, fact.agent)
    set_state(e, job, state)
    job.agent = fact.agent
    job.version += 1
    job.cause = fact.reason
    job.reason = 0
    job.policy_version = e.policy_version
    note_pace(e, fact.agent, fact.time)


cdef void leave_agent(Engine* e, uint32_t slot) noexcept nogil:
    """The agent no longer holds the job. An offer was never theirs, so its end does not count as theirs (T3)."""
    cdef Job* job = &e.jobs[slot]
    cdef Agent* agent = &e.agents[job.agent]
    if job.state != OFFERED:
        agent.last_freed_time = e.now
    agent.load -= job.cost
    agent.channel_count[e.classes[job.cls].channel] -= 1
    agent.held_count -= 1
    if job.previous == NOBODY:
        agent.held_head = job.next
    else:
        e.jobs[job.previous].next = job.next
    if job.next != NOBODY:
        e.jobs[job.next].previous = job.previous
    derive_room(e, job.agent)
    job.agent = NOBODY
    job.deadline = 0


cdef bint binds(const Engine* e, const Job* job, uint32_t cls) noexcept nogil:
    """A1: whether the agent given a job of this class is remembered for its customer."""
    cdef uint8_t mode = job.affinity if job.affinity else e.queues[e.classes[cls].queue].affinity_mode
    return job.customer != NOBODY and mode != AFFINITY_OFF


cdef void note_given(Engine* e, uint32_t slot, uint32_t agent_slot, uint32_t cls, uint32_t cause, bint in_absence) noexcept nogil:
    """T3: the agent was given the job, now; shares, rotations, the line of idle agents and the memory know it from now on.
    With `in_absence` shares do too when the agent is not present: their own offer made them full (T4)."""
    cdef Job* job = &e.jobs[slot]
    cdef Agent* agent = &e.agents[agent_slot]
    cdef Queue* queue = &e.queues[e.classes[cls].queue]
    if strategy_of(e, job) == WEIGHTED:
        if e.classes[cls].rotation == NULL:
            start_rotation(e, cls)
        rotation_charge(e, cls, agent_slot, cause != BY_OWN_AGENT and cause != BY_TRANSFER, in_absence)
    queue.last_served = agent.order
    queue.last_served_number = agent.number
    e.given += 1
    agent.last_given = e.given
    agent.given_count += 1
    agent.last_given_time = e.now
    if e.ordered_queues:
        lineup_move_to_back(&e.lineup, agent_slot)
    job.assign_time = e.now
    if binds(e, job, cls):
        memory_bind(e, job.customer, queue.affinity_group, agent_slot, e.now)


cdef void note_pace(Engine* e, uint32_t slot, int64_t time) noexcept nogil:
    """P4, P5: the agent was given or offered a job."""
    cdef Agent* agent = &e.agents[slot]
    if agent.warm_since != UNKNOWN:
        agent.warm_last = time
    if e.rate_count:
        if agent.given_times == NULL:
            agent.given_times = <int64_t*> memory_zeroed(RING_SIZE * sizeof(int64_t))
        agent.given_times[agent.given_times_count % RING_SIZE] = time
        agent.given_times_count += 1
    if e.rate_count or e.longest_warm_up:
        set_agent_timer(e, slot)


cdef void drop_bars(Job* job) noexcept nogil:
    free(job.bars)
    job.bars = NULL
    job.bar_count = 0
