"""See offers.pxd."""

from libc.string cimport memmove, memset

from fairlead.base.memory cimport memory_grow
from fairlead.engine.model cimport (
    ASSIGNED, MAX_BARS, OFFER_DECLINED, OFFER_MISSED, OFFERED, QUEUED, UNKNOWN, WRAPPING, Agent, Bar, Job,
)
from fairlead.engine.places cimport (
    drop_bars, enter_class, join_agent, leave_agent, leave_line, note_given, set_state,
)
from fairlead.engine.timers cimport set_timer


cdef void apply_offered(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`, `cls`, `reason` (a Cause), `value` (deadline): the agent's room is kept for it, and nothing of T3 moves."""
    cdef Job* job = &e.jobs[fact.job]
    if job.state == QUEUED:
        leave_line(e, fact.job, fact.time)
    enter_class(e, fact.job, fact.cls)
    join_agent(e, fact, OFFERED)
    job.deadline = fact.value
    set_timer(e, fact.job)


cdef void apply_accepted(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: its agent has been given it, by what had brought the offer."""
    cdef Job* job = &e.jobs[fact.job]
    note_given(e, fact.job, job.agent, job.cls, job.cause, True)
    e.agents[job.agent].missed = 0
    set_state(e, job, ASSIGNED)
    job.deadline = 0
    drop_bars(job)
    set_timer(e, fact.job)


cdef void add_bar(Job* job, uint32_t agent, int64_t until) noexcept nogil:
    """At most MAX_BARS, the oldest goes; one agent has one."""
    cdef uint32_t index
    for index in range(job.bar_count):
        if job.bars[index].agent == agent or (index == 0 and job.bar_count == MAX_BARS):
            job.bar_count -= 1
            memmove(job.bars + index, job.bars + index + 1, (job.bar_count - index) * sizeof(Bar))
            break
    job.bars = <Bar*> memory_grow(job.bars, (job.bar_count + 1) * sizeof(Bar))
    memset(&job.bars[job.bar_count], 0, sizeof(Bar))
    job.bars[job.bar_count].agent = agent
    job.bars[job.bar_count].until = until
    job.bar_count += 1


cdef void apply_offer_ended(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`, `reason` (an OfferEnd), `value` (end of the bar, 0: none): nobody holds it; the next fact says where it goes."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Agent* agent = &e.agents[fact.agent]
    leave_agent(e, fact.job)
    if fact.reason == OFFER_DECLINED:
        agent.missed = 0
    elif fact.reason == OFFER_MISSED and agent.missed < 255:
        agent.missed += 1
    if fact.value:
        add_bar(job, fact.agent, fact.value)


cdef void forget_bars(Engine* e, uint32_t slot, int64_t now) noexcept nogil:
    """Drops the bars that are over."""
    cdef Job* job = &e.jobs[slot]
    cdef uint32_t index, kept = 0
    for index in range(job.bar_count):
        if job.bars[index].until > now:
            job.bars[kept] = job.bars[index]
            kept += 1
    job.bar_count = <unsigned char> kept


cdef void forgive_bars(Engine* e, uint32_t slot, uint32_t agent) noexcept nogil:
    """Takes an agent off the job's bars."""
    cdef Job* job = &e.jobs[slot]
    cdef uint32_t index, kept = 0, before = job.bar_count
    for index in range(before):
        if job.bars[index].agent != agent:
            job.bars[kept] = job.bars[index]
            kept += 1
    job.bar_count = <unsigned char> kept
    if kept < before:
        set_timer(e, slot)


cdef void apply_bars_ended(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: bars that are over by now are forgotten."""
    forget_bars(e, fact.job, fact.time)
    set_timer(e, fact.job)


# ---- after the work


cdef inline int64_t weigh(int64_t mean, int64_t sample) noexcept nogil:
    """T2: a mean times 16 in which a new sample weighs one sixteenth; UNKNOWN before the first."""
    return 16 * sample if mean == UNKNOWN else mean - ((mean + 8) >> 4) + sample


cdef void note_served(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `value`: (first response in ms + 1) << 16 | (satisfaction + 1), each 0 when unknown. The agent's work on it counts."""
    cdef const Job* job = &e.jobs[fact.job]
    cdef Agent* agent = &e.agents[job.agent]
    cdef int64_t first_response = (fact.value >> 16) - 1, satisfaction = (fact.value & 0xFFFF) - 1
    agent.completed_count += 1
    agent.handle_time = weigh(agent.handle_time, (fact.time - job.assign_time) // 1000)
    if first_response >= 0:
        agent.first_response = weigh(agent.first_response, first_response)
    if satisfaction >= 0:
        agent.satisfaction = <int> weigh(agent.satisfaction, satisfaction)


cdef void apply_wraps(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `value` as in note_served, body (int64_t: until when): its agent still needs the room for after-work."""
    cdef Job* job = &e.jobs[fact.job]
    note_served(e, fact)
    set_state(e, job, WRAPPING)
    job.deadline = (<const int64_t*> fact.body)[0]
    set_timer(e, fact.job)
