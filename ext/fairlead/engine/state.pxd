"""The engine's memory, and what follows from an agent's or a queue's facts alone: bits, classes, memberships.

Nothing here decides; `apply.pyx` calls it when a fact changes what it derives from.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.base.heap cimport Places
from fairlead.base.lineup cimport Query, lineup_row
from fairlead.base.memory cimport memory_prefetch, prefetch
from fairlead.engine.model cimport WEIGHTED, Agent, Class, Demand, Engine, Job, Memory, Queue, Term

cdef void engine_init(Engine* e) noexcept nogil
cdef void engine_free(Engine* e) noexcept nogil
cdef void reserve_agents(Engine* e, uint32_t count) noexcept nogil
cdef void reserve_queues(Engine* e, uint32_t count) noexcept nogil
cdef void reserve_plans(Engine* e, uint32_t count) noexcept nogil
cdef void reserve_jobs(Engine* e, uint32_t count) noexcept nogil

cdef bint agent_meets(const Engine* e, uint32_t agent, const Demand* demands, uint32_t count) noexcept nogil
cdef bint is_member(const Engine* e, uint32_t agent, uint32_t queue) noexcept nogil
cdef uint32_t level_of(const Engine* e, uint32_t agent, uint32_t ability) noexcept nogil
cdef void derive_attributes(Engine* e, uint32_t agent) noexcept nogil
cdef void derive_room(Engine* e, uint32_t agent) noexcept nogil

cdef void restore_order(Engine* e) noexcept nogil

cdef uint64_t class_digest(uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil
cdef uint32_t class_find(const Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil
cdef void class_define(Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil
cdef void class_renew(Engine* e, uint32_t cls) noexcept nogil
cdef void rotations_follow(Engine* e, uint32_t agent) noexcept nogil
cdef void queue_rotations(Engine* e, uint32_t queue, bint weighted) noexcept nogil
cdef void class_query(const Engine* e, uint32_t cls, Query* query, uint32_t extra) noexcept nogil
cdef void narrow_query(const Engine* e, uint32_t cls, Query* query) noexcept nogil
cdef void start_rotation(Engine* e, uint32_t cls) noexcept nogil
cdef bint has_room(const Engine* e, uint32_t agent, uint32_t channel, uint32_t cost) noexcept nogil

cdef size_t engine_size(const Engine* e, size_t* agents, size_t* planes, size_t* rotations, size_t* jobs) noexcept nogil


cdef inline bint class_matches(const Engine* e, uint32_t cls, uint32_t agent) noexcept nogil:
    """Whether the agent is a member of the class's queue and meets its demands: mask and compare. O(words in the mask)."""
    cdef const Class* c = &e.classes[cls]
    cdef const uint64_t* row = lineup_row(&e.lineup, agent)
    cdef const Term* term
    cdef uint32_t index
    for index in range(c.term_count):
        term = &c.terms[index]
        if (row[term.word] & term.wanted) != term.wanted or row[term.word] & term.barred:
            return False
    return True


cdef inline bint needs_order(const Queue* queue) noexcept nogil:
    """Whether the queue's strategy looks for its agents in the line; rotations keep an order of their own."""
    return queue.used and queue.strategy != WEIGHTED


cdef inline void agent_prefetch(const Engine* e, uint32_t agent) noexcept nogil:
    """Begins to load what giving or taking a job touches of an agent."""
    memory_prefetch(&e.agents[agent], sizeof(Agent))
    prefetch(lineup_row(&e.lineup, agent))
    prefetch(&e.lineup.places[agent])


cdef inline bint excludes(const Job* job, uint32_t agent) noexcept nogil:
    cdef uint32_t index
    for index in range(job.excluded_count):
        if job.excluded[index] == agent:
            return True
    return False


cdef inline bint barred(const Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """O2. A bar holds until its own timer has taken it away, so that no other step of its last microsecond passes by the job."""
    cdef uint32_t index
    for index in range(job.bar_count):
        if job.bars[index].agent == agent:
            return job.bars[index].until >= e.now
    return False


cdef inline bint owns(const Engine* e, const Job* job) noexcept nogil:
    """Whether the job's own agent still exists."""
    return job.own_mode > 1 and e.agents[job.own_agent].number == job.own_number and job.own_number != 0


cdef inline Places job_waiting_places(const Engine* e) noexcept nogil:
    cdef Places places
    places.base = <unsigned char*> &e.jobs.waiting_place
    places.stride = sizeof(Job)
    return places


cdef inline Places job_timer_places(const Engine* e) noexcept nogil:
    cdef Places places
    places.base = <unsigned char*> &e.jobs.timer_place
    places.stride = sizeof(Job)
    return places


cdef inline Places agent_timer_places(const Engine* e) noexcept nogil:
    cdef Places places
    places.base = <unsigned char*> &e.agents.timer_place
    places.stride = sizeof(Agent)
    return places


cdef inline Places class_timer_places(const Engine* e) noexcept nogil:
    cdef Places places
    places.base = <unsigned char*> &e.classes.reserve_place
    places.stride = sizeof(Class)
    return places
