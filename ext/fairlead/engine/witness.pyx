"""See witness.pxd."""

from libc.stdint cimport uint32_t

from fairlead.base.heap cimport Heap, heap_node
from fairlead.base.lineup cimport NOBODY
from fairlead.engine.apply cimport AGE_RESET
from fairlead.engine.choose cimport can_take, own_can_take
from fairlead.engine.model cimport (
    AFFINITY_OFF, AFFINITY_REQUIRE, ASSIGNED, AWAY, BY_OWN_AGENT, BY_TRANSFER, COMPLETED, FACT_AGENT, FACT_AGENT_DUE, FACT_AGENT_REMOVED,
    FACT_BARS_ENDED, FACT_CLOCK, FACT_JOB_ENDED, FACT_JOB_EXCLUDES, FACT_JOB_FORGOTTEN, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELAXED,
    FACT_JOB_RELEASED, FACT_JOB_STARTS, FACT_JOB_SUBMITTED, FACT_JOB_WAITS, FACT_JOB_WRAPS, FACT_LEASE_EXTENDED, FACT_OFFER_ACCEPTED,
    FACT_OFFER_ENDED, FACT_PRESENCE, FACT_RESERVED, FACT_UNRESERVED, NO_JOB, OFFERED, ONLINE, QUEUED, SCHEDULED, WRAPPING, Agent, Class, JobBody,
    job_before,
)
from fairlead.engine.places cimport may_follow
from fairlead.engine.state cimport class_find, class_matches, has_room, owns

cdef enum:
    MOST_AGENTS = 16777216
    MAX_ENDED = 1000000    # as many ended jobs as are remembered at most


cdef Job about_to_be(const Engine* e, const Fact* fact) noexcept nogil:
    """An overflow puts it into another queue in the same fact, where own agent and plan do not count; a job that waits for its
    own agent, or must have them, is nobody else's."""
    cdef Job job = e.jobs[fact.job]
    cdef const Class* preferred
    if fact.cls != NOBODY and fact.cls != job.cls:
        if e.classes[fact.cls].queue != e.classes[job.cls].queue:
            job.own_mode = AFFINITY_OFF
            job.plan = NOBODY
            job.step = 0
        job.cls = fact.cls
        if job.preferred != NOBODY:
            preferred = &e.classes[job.preferred]
            job.preferred = class_find(
                e, e.classes[fact.cls].queue, preferred.channel, preferred.demands, preferred.demand_count)
    if fact.type != FACT_JOB_ENDED and fact.flag & AGE_RESET:
        job.queue_time = fact.time
    if owns(e, &job) and (job.own_mode == AFFINITY_REQUIRE or (fact.type == FACT_JOB_WAITS and fact.value)):
        job.held = 1
    return job


cdef inline bint is_held(const Job* job) noexcept nogil:
    return job.agent != NOBODY and OFFERED <= job.state <= WRAPPING


cdef inline bint is_agent(const Engine* e, uint32_t agent) noexcept nogil:
    return agent < e.agent_capacity and e.agents[agent].number != 0


cdef inline bint names_job(uint32_t type) noexcept nogil:
    return FACT_JOB_SUBMITTED < type <= FACT_JOB_EXCLUDES or type == FACT_JOB_STARTS or FACT_JOB_OFFERED <= type <= FACT_BARS_ENDED \
        or type == FACT_JOB_RELAXED


# ---- who gets a job


cdef bint is_taken_from_another(Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """Q4: whether a waiting job with a smaller key could have had the agent."""
    cdef const Heap* line
    cdef const Job* other
    cdef uint32_t index, place, cls
    for index in range(e.waiting_class_count):
        cls = e.waiting_classes[index]
        line = &e.classes[cls].waiting
        if not job_before(&e.jobs[heap_node(line, 0).item], job) or not class_matches(e, cls, agent):
            continue
        for place in range(line.size):
            other = &e.jobs[heap_node(line, place).item]
            if other.number != job.number and job_before(other, job) and can_take(e, other, agent):
                return True
    return False


cdef const char* object_to_agent(Engine* e, const Fact* fact) noexcept nogil:
    """To who gets the job."""
    cdef Job job = about_to_be(e, fact)
    cdef const Agent* agent = &e.agents[fact.agent]
    cdef bint is_own = owns(e, &job) and job.own_agent == fact.agent
    if is_held(&e.jobs[fact.job]):
        return b"J2: a job with two holders"
    if agent.presence != ONLINE and not (agent.presence == AWAY and is_own and job.own_away and fact.reason == BY_OWN_AGENT):
        return b"A2: a job goes to an agent who is not ONLINE"
    if fact.reason == BY_TRANSFER:
        return NULL    # the operator's business, who may say that it goes above capacity
    if not has_room(e, fact.agent, e.classes[job.cls].channel, job.cost):
        return b"C2: an agent is above capacity by the router's doing"
    if not can_take(e, &job, fact.agent) and not (is_own and own_can_take(e, &job)):
        return b"T1: a job goes to an agent who is no candidate for it"
    if is_taken_from_another(e, &job, fact.agent):
        return b"Q4: a job takes an agent that a waiting job with a smaller key could have had"
    return NULL


# ---- facts of jobs and agents


cdef uint32_t state_after(const Engine* e, const Fact* fact) noexcept nogil:
    """The state that the job goes to; that which it has, where it stays."""
    if fact.type == FACT_JOB_WAITS:
        return QUEUED
    if fact.type == FACT_JOB_GIVEN or fact.type == FACT_OFFER_ACCEPTED:
        return ASSIGNED
    if fact.type == FACT_JOB_OFFERED:
        return OFFERED
    if fact.type == FACT_JOB_WRAPS:
        return WRAPPING
    return fact.state if fact.type == FACT_JOB_ENDED else e.jobs[fact.job].state


cdef const char* object_to_job(Engine* e, const Fact* fact) noexcept nogil:
    cdef const Job* job = &e.jobs[fact.job]
    cdef uint32_t after
    if fact.job >= e.job_used or job.state == NO_JOB:
        return b"J2: a fact of a job that does not exist"
    if fact.cls != NOBODY and fact.cls >= e.class_count:
        return b"a job goes to a class that does not exist"
    if fact.agent != NOBODY and not is_agent(e, fact.agent):
        return b"a job goes to an agent who does not exist"
    if fact.type == FACT_JOB_FORGOTTEN:
        if job.state < COMPLETED or fact.job != e.ended_head:
            return b"J2: a job vanishes that has not ended, or not first"
        if job.end_time + e.retention > fact.time and e.ended_count <= MAX_ENDED:
            return b"J4: a job is forgotten before its time"
        return NULL
    if job.state >= COMPLETED:
        return b"J1: something happens to a job that has ended"
    if fact.type == FACT_JOB_GIVEN or fact.type == FACT_JOB_OFFERED:
        if fact.agent == NOBODY or fact.cls == NOBODY:
            return b"a job goes to nobody"
        if is_held(job):
            return b"J2: a job with two holders"
    after = state_after(e, fact)
    if after != job.state and not may_follow(after, job.state):
        return b"J1: a job goes to a state that does not follow its own"
    if fact.type == FACT_JOB_WAITS and (fact.cls == NOBODY or is_held(job)):
        return b"J2: a job waits that somebody holds"
    if fact.type == FACT_JOB_RELEASED and (job.state != ASSIGNED or job.agent == NOBODY):
        return b"J2: a job is taken from an agent who does not hold it"
    if (fact.type == FACT_OFFER_ACCEPTED or fact.type == FACT_OFFER_ENDED) and (
            job.state != OFFERED or job.agent == NOBODY or (fact.agent != NOBODY and job.agent != fact.agent)):
        return b"O1: an answer to an offer that is not open"
    if fact.type == FACT_JOB_STARTS and job.state != SCHEDULED:
        return b"J1: a job starts that is not SCHEDULED"
    if fact.type == FACT_JOB_GIVEN or fact.type == FACT_JOB_OFFERED:
        return object_to_agent(e, fact)
    return NULL


cdef const char* object_to_submission(const Engine* e, const Fact* fact) noexcept nogil:
    cdef const JobBody* body = <const JobBody*> fact.body
    if fact.job != (e.free_job if e.free_job != NOBODY else e.job_used):
        return b"J2: a job takes the place of another"
    if fact.body_size < sizeof(JobBody) or body.cls >= e.class_count:
        return b"a job goes to a class that does not exist"
    return NULL


cdef const char* objection(Engine* e, const Fact* fact) noexcept nogil:
    if fact.time < e.now:
        return b"time goes back"
    if fact.type == FACT_JOB_SUBMITTED:
        return object_to_submission(e, fact)
    if names_job(fact.type):
        return object_to_job(e, fact)
    if fact.type == FACT_AGENT and fact.agent >= MOST_AGENTS:
        return b"an agent beyond every limit"
    if fact.type == FACT_PRESENCE or fact.type == FACT_LEASE_EXTENDED or fact.type == FACT_AGENT_DUE or fact.type == FACT_AGENT_REMOVED \
            or fact.type == FACT_RESERVED or fact.type == FACT_UNRESERVED:
        if fact.agent == NOBODY or not is_agent(e, fact.agent):
            return b"a fact of an agent who does not exist"
        if fact.type == FACT_PRESENCE and not 1 <= fact.state <= 4:
            return b"P1: a presence that there is not"
        if fact.type == FACT_AGENT_REMOVED and e.agents[fact.agent].held_count:
            return b"J2: an agent is removed who holds jobs"
    if fact.type == FACT_CLOCK or fact.type == FACT_RESERVED or fact.type == FACT_UNRESERVED:
        if fact.cls >= e.class_count or (fact.job != NOBODY and (fact.job >= e.job_used or e.jobs[fact.job].state != QUEUED)):
            return b"Q8: a reservation for a job that does not wait"
        if fact.type == FACT_RESERVED and e.agents[fact.agent].reserved_for != NOBODY:
            return b"Q8: an agent reserved twice"
    return NULL


cdef const char* unfinished(const Engine* e) noexcept nogil:
    cdef uint32_t slot
    for slot in range(e.job_used):
        if e.jobs[slot].state == SCHEDULED and e.jobs[slot].start_time <= e.now:
            return b"J2: a job was submitted and went nowhere"
        if OFFERED <= e.jobs[slot].state <= WRAPPING and e.jobs[slot].agent == NOBODY:
            return b"J2: a job was taken from its agent and went nowhere"
    return NULL
