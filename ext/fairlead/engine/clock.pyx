"""See clock.pxd. Timers lie in three heaps: of jobs, of agents, of classes whose head may reserve (Q8)."""

from fairlead.base.heap cimport heap_node, heap_remove
from fairlead.base.lineup cimport NOBODY
from fairlead.engine.apply cimport OWN_DROPPED, commit, fact_of
from fairlead.engine.choose cimport waiting_reason
from fairlead.engine.decide cimport Placement, carry_out, carry_over, place
from fairlead.engine.match cimport follow_plan, make_wait, serve, settle, try_place
from fairlead.engine.model cimport (
    ACTION_OVERFLOW, AFFINITY_OFF, ASSIGNED, CANCELLED, END_OVERFLOW, EXPIRED, FACT_AGENT_DUE, FACT_BARS_ENDED,
    FACT_JOB_FORGOTTEN, FACT_JOB_STARTS, LEASE_EXPIRED, MAX_WAIT, OFFERED, OFFLINE, PLAN_END, SCHEDULED, TIME_TO_LIVE,
    WRAPPING, Fact, Job, Queue,
)
from fairlead.engine.plans cimport due_step, forgets_owner, plan_due, turns_away
from fairlead.engine.presence cimport IS_LOST
from fairlead.engine.returns cimport change_presence, end, end_wrap_up, lose_job, lose_jobs, offer_missed
from fairlead.engine.state cimport class_timer_places


cdef int64_t next_due(const Engine* e) noexcept nogil:
    """When `advance` next has something to do, -1 for never. Forgetting ended jobs waits for the next command."""
    cdef uint64_t due = <uint64_t> -1
    if e.job_timers.size:
        due = heap_node(&e.job_timers, 0).high
    if e.agent_timers.size and heap_node(&e.agent_timers, 0).high < due:
        due = heap_node(&e.agent_timers, 0).high
    if e.class_timers.size and heap_node(&e.class_timers, 0).high < due:
        due = heap_node(&e.class_timers, 0).high
    return <int64_t> due


cdef void advance(Engine* e, int64_t now) noexcept nogil:
    """Fires what is due until `now`, each at its own time and as a step of its own, and forgets what is old enough (J4).

    Equal times: jobs by number, then agents by number, then reservation clocks.
    """
    cdef int64_t due
    while True:
        due = next_due(e)
        if due < 0 or due > now:
            break
        if due > e.now:
            e.now = due
        if e.job_timers.size and heap_node(&e.job_timers, 0).high == <uint64_t> due:
            fire(e, heap_node(&e.job_timers, 0).item, due)
        elif e.agent_timers.size and heap_node(&e.agent_timers, 0).high == <uint64_t> due:
            fire_agent(e, heap_node(&e.agent_timers, 0).item)
        else:
            heap_remove(&e.class_timers, class_timer_places(e), heap_node(&e.class_timers, 0).item)
        settle(e)
    if now > e.now:
        e.now = now
    forget(e)


cdef void approach(Engine* e, int64_t now) noexcept nogil:
    """Moves the clock to a time whose own timers have not fired yet: something else happens first then."""
    advance(e, now - 1)
    if now > e.now:
        e.now = now


cdef void forget(Engine* e) noexcept nogil:
    """Drops ended jobs that are old enough, and the oldest beyond MAX_ENDED (J4). O(dropped)."""
    cdef Fact fact
    while e.ended_head != NOBODY and (e.jobs[e.ended_head].end_time + e.retention <= e.now or e.ended_count > MAX_ENDED):
        fact = fact_of(FACT_JOB_FORGOTTEN)
        fact.job = e.ended_head
        commit(e, &fact)


cdef void fire(Engine* e, uint32_t slot, int64_t due) noexcept nogil:
    """What concerns one job at this time, which a new policy may have set into the past; at equal times the first of: the end of its life, its start, the end of its offer, of its after-work,
    of its lost agent's grace, of its hold, of a bar, a step of its plan, the plan's end, the end of its wait."""
    cdef Job* job = &e.jobs[slot]
    cdef Placement p
    cdef Fact fact
    if job.expire_time and job.expire_time <= due and job.state <= OFFERED:
        fire_expiry(e, slot)
    elif job.state == SCHEDULED:
        fact = fact_of(FACT_JOB_STARTS)
        fact.job = slot
        commit(e, &fact)
        if not turns_away(&e.queues[e.classes[job.cls].queue]):
            follow_plan(e, slot, False)
        p = place(e, job, False)
        carry_out(e, slot, &p)
    elif job.state == OFFERED:
        offer_missed(e, slot)
    elif job.state == WRAPPING and job.deadline <= due:
        end_wrap_up(e, slot)
    elif job.state >= ASSIGNED:
        lose_job(e, slot)
    else:
        fire_waiting(e, slot, due)


cdef void fire_expiry(Engine* e, uint32_t slot) noexcept nogil:
    cdef uint32_t agent = e.jobs[slot].agent if e.jobs[slot].state == OFFERED else NOBODY
    end(e, slot, EXPIRED, TIME_TO_LIVE, 0)
    if agent != NOBODY:
        serve(e, agent)


cdef void fire_waiting(Engine* e, uint32_t slot, int64_t due) noexcept nogil:
    cdef Job* job = &e.jobs[slot]
    cdef Queue* queue = &e.queues[e.classes[job.cls].queue]
    cdef Fact fact
    cdef int64_t planned = plan_due(e, job)
    if job.held and job.hold_until <= due:
        make_wait(e, slot, job.cls, waiting_reason(e, job), 0, 0)
        try_place(e, slot)
    elif bar_is_over(job, due):
        fact = fact_of(FACT_BARS_ENDED)
        fact.job = slot
        commit(e, &fact)
        try_place(e, slot)
    elif planned and planned <= due and (due_step(e, job) != job.step or forgets_owner(e, job)):
        follow_plan(e, slot, False)
        try_place(e, slot)
    elif planned and planned <= due:
        if e.plans[job.plan].end == END_OVERFLOW:
            overflow_to(e, slot, e.plans[job.plan].overflow, PLAN_END)
        else:
            end(e, slot, CANCELLED, PLAN_END, 0)
    elif queue.on_max_wait == ACTION_OVERFLOW:
        overflow_to(e, slot, queue.overflow, MAX_WAIT)
    else:
        end(e, slot, CANCELLED, MAX_WAIT, 0)


cdef bint bar_is_over(const Job* job, int64_t due) noexcept nogil:
    cdef uint32_t index
    for index in range(job.bar_count):
        if job.bars[index].until <= due:
            return True
    return False


cdef void fire_agent(Engine* e, uint32_t slot) noexcept nogil:
    """The end of a lease (P2), or of something that kept the agent from new jobs (P4, P5)."""
    cdef Fact fact
    if e.agents[slot].lease_end and e.agents[slot].lease_end <= e.now:
        change_presence(e, slot, OFFLINE, 0, LEASE_EXPIRED, IS_LOST)
        lose_jobs(e, slot)
        return
    fact = fact_of(FACT_AGENT_DUE)
    fact.agent = slot
    commit(e, &fact)
    serve(e, slot)


cdef void overflow_to(Engine* e, uint32_t slot, uint32_t queue, uint32_t reason) noexcept nogil:
    """A waiting job is decided in another queue; where that cannot be, it ends."""
    cdef Job probe = e.jobs[slot]
    cdef Placement p
    probe.own_mode = AFFINITY_OFF
    probe.plan = NOBODY
    probe.step = 0
    if carry_over(e, &e.jobs[slot], queue, &probe.cls, &probe.preferred):
        p = place(e, &probe, False)
        p.own_flag = OWN_DROPPED
        carry_out(e, slot, &p)
    else:
        end(e, slot, CANCELLED, reason, 0)
