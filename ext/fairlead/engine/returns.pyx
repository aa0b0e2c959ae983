"""See returns.pxd. None of these settles: the command or timer that calls them does."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free, qsort

from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow
from fairlead.engine.apply cimport OWN_DROPPED, commit, fact_of
from fairlead.engine.choose cimport waiting_reason
from fairlead.engine.match cimport (
    Waiting, backlog_cause, compare_waiting, first_for, give, hold_after, make_wait, note, release_holds, serve, try_place,
)
from fairlead.engine.model cimport (
    ASSIGNED, AWAY, COMPLETED, EXPIRED, FACT_JOB_ENDED, FACT_JOB_RELEASED, FACT_OFFER_ENDED, FACT_PRESENCE, HELD_FOR_AGENT,
    MISSED_OFFERS, OFFERED, OFFER_MISSED, OFFER_WITHDRAWN, ONLINE, REASON_NONE, TIME_TO_LIVE, UNKNOWN, WRAPPING, Fact,
    Job, Queue, job_before,
)
from fairlead.engine.presence cimport LEASE_KEPT


cdef void end(Engine* e, uint32_t job, uint32_t state, uint32_t reason, int64_t samples) noexcept nogil:
    cdef Fact fact = fact_of(FACT_JOB_ENDED)
    fact.job = job
    fact.state = <uint8_t> state
    fact.reason = <uint8_t> reason
    fact.value = samples
    commit(e, &fact)


cdef void release(Engine* e, uint32_t job) noexcept nogil:
    cdef Fact fact = fact_of(FACT_JOB_RELEASED)
    fact.job = job
    commit(e, &fact)


cdef void place_requeued(Engine* e, uint32_t slot, uint32_t source) noexcept nogil:
    """Whom the room of `source` serves before the requeued job, then that job (Q2, Q4)."""
    cdef uint32_t waiting = first_for(e, source)
    while waiting != NOBODY and waiting != slot and job_before(&e.jobs[waiting], &e.jobs[slot]):
        give(e, waiting, source, e.jobs[waiting].cls, backlog_cause(e, waiting, source))
        waiting = first_for(e, source)
    try_place(e, slot)


cdef void end_wrap_up(Engine* e, uint32_t slot) noexcept nogil:
    cdef uint32_t agent = e.jobs[slot].agent
    end(e, slot, COMPLETED, REASON_NONE, 0)
    serve(e, agent)


# ---- offers


cdef void end_offer(Engine* e, uint32_t slot, uint32_t how) noexcept nogil:
    """The offer is over; who was asked and did not take it is barred for the cooldown (O2)."""
    cdef const Queue* queue = &e.queues[e.classes[e.jobs[slot].cls].queue]
    cdef Fact fact = fact_of(FACT_OFFER_ENDED)
    fact.job = slot
    fact.agent = e.jobs[slot].agent
    fact.reason = <uint8_t> how
    if how != OFFER_WITHDRAWN and queue.decline_cooldown:
        fact.value = e.now + queue.decline_cooldown
    commit(e, &fact)


cdef void wait_again(Engine* e, uint32_t slot) noexcept nogil:
    """After an offer: at its old place, for its own agent alone where it must be them (A3)."""
    cdef const Job* job = &e.jobs[slot]
    cdef Job probe = job[0]
    cdef int64_t hold = hold_after(e, job)
    probe.cost = e.channels[e.classes[job.cls].channel].cost
    make_wait(e, slot, job.cls, HELD_FOR_AGENT if hold else waiting_reason(e, &probe), hold, 0)


cdef void withdraw_offer(Engine* e, uint32_t slot, uint32_t how) noexcept nogil:
    """Declined: it waits again; the room of who had it serves the backlog, as after a transfer back."""
    cdef uint32_t source = e.jobs[slot].agent
    end_offer(e, slot, how)
    wait_again(e, slot)
    place_requeued(e, slot, source)
    serve(e, source)


cdef void offer_missed(Engine* e, uint32_t slot) noexcept nogil:
    """O3: nobody answered. Too often in a row, and the agent is AWAY before the job looks for another one."""
    cdef uint32_t source = e.jobs[slot].agent, limit = e.queues[e.classes[e.jobs[slot].cls].queue].misses_to_away
    cdef bint is_away = False
    end_offer(e, slot, OFFER_MISSED)
    if limit and e.agents[source].missed >= limit:
        is_away = e.agents[source].presence == ONLINE
        change_presence(e, source, AWAY if is_away else e.agents[source].presence, 0, MISSED_OFFERS, LEASE_KEPT)
    wait_again(e, slot)
    place_requeued(e, slot, source)
    serve(e, source)
    if is_away:
        release_holds(e, source, NULL, 0)


# ---- lost agents


cdef void change_presence(Engine* e, uint32_t agent, uint32_t presence, int64_t lease, uint32_t cause, uint32_t flag) noexcept nogil:
    cdef Fact fact = fact_of(FACT_PRESENCE)
    fact.agent = agent
    fact.state = <uint8_t> presence
    fact.reason = <uint8_t> cause
    fact.value = lease
    fact.flag = <uint8_t> flag
    commit(e, &fact)


cdef void requeue(Engine* e, uint32_t slot) noexcept nogil:
    """P3: an ASSIGNED job goes back to its place without its own agent; after-work is cut short."""
    cdef const Job* job = &e.jobs[slot]
    cdef Job probe
    if job.state == WRAPPING:
        end(e, slot, COMPLETED, REASON_NONE, 0)
        return
    release(e, slot)
    probe = job[0]
    probe.cost = e.channels[e.classes[job.cls].channel].cost
    make_wait(e, slot, job.cls, waiting_reason(e, &probe), 0, OWN_DROPPED)
    if job.expire_time and job.expire_time <= e.now:
        end(e, slot, EXPIRED, TIME_TO_LIVE, 0)


cdef void lose_job(Engine* e, uint32_t slot) noexcept nogil:
    """The grace of one job of a lost agent is over."""
    cdef uint32_t source = e.jobs[slot].agent
    requeue(e, slot)
    if e.jobs[slot].state < OFFERED:
        place_requeued(e, slot, source)
    serve(e, source)


cdef void lose_jobs(Engine* e, uint32_t agent) noexcept nogil:
    """The agent is lost now: open offers and jobs without grace begin to wait, in key order; then they, and who waited for
    this agent alone, look for a place. O(n log n) in those jobs."""
    cdef uint32_t count = 0, index, job = e.agents[agent].held_head
    cdef Waiting* line = <Waiting*> memory_grow(NULL, e.agents[agent].held_count * sizeof(Waiting))
    cdef uint32_t* slots = <uint32_t*> memory_grow(NULL, e.agents[agent].held_count * sizeof(uint32_t))
    cdef const Queue* queue
    while job != NOBODY:
        queue = &e.queues[e.classes[e.jobs[job].cls].queue]
        if e.jobs[job].state == OFFERED or (queue.requeue_lost and queue.lost_grace == 0):
            note(e, line + count, job)
            count += 1
        job = e.jobs[job].next
    qsort(line, count, sizeof(Waiting), compare_waiting)
    for index in range(count):
        slots[index] = line[index].job
        if e.jobs[slots[index]].state == OFFERED:
            end_offer(e, slots[index], OFFER_WITHDRAWN)
            wait_again(e, slots[index])
        else:
            requeue(e, slots[index])
    release_holds(e, agent, slots, count)
    free(line)
    free(slots)
