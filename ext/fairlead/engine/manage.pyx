"""See manage.pxd."""

from libc.stdint cimport uint8_t

from fairlead.engine.apply cimport commit, fact_of
from fairlead.engine.decide cimport advance
from fairlead.engine.match cimport drop_owner, follow_plans, place_all, release_holds, serve, settle, tell_reasons
from fairlead.engine.model cimport (
    ACCEPTED, AGENT_HOLDS_JOBS, AWAY, FACT_AGENT, FACT_AGENT_REMOVED, FACT_CHANNEL, FACT_HOURS, FACT_PLAN, FACT_PRESENCE,
    FACT_QUEUE, FACT_SETTINGS, OFFLINE, ONLINE, Demand, Fact,
)


# ---- agents


cdef void define_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil:
    """A new agent, or all settings of one. Fills in the number and, where it is 0, the order (K1)."""
    cdef Fact fact = fact_of(FACT_AGENT)
    cdef bint exists = agent < e.agent_capacity and e.agents[agent].number != 0
    body.number = e.agents[agent].number if exists else e.agent_number + 1
    if body.order == 0:
        body.order = e.agents[agent].order if exists else e.highest_order + 1
    fact.agent = agent
    fact.body = body
    fact.body_size = body_size
    commit(e, &fact)


cdef void put_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil:
    """As `define_agent`; waiting jobs follow in the same step."""
    define_agent(e, agent, body, body_size)
    serve(e, agent)
    release_holds(e, agent)
    settle(e)


cdef uint32_t remove_agent(Engine* e, uint32_t agent) noexcept nogil:
    """Only an agent who holds nothing can go. Returns a Refusal."""
    cdef Fact fact = fact_of(FACT_AGENT_REMOVED)
    if e.agents[agent].held_count:
        return AGENT_HOLDS_JOBS
    set_presence(e, agent, OFFLINE)
    drop_owner(e, agent)
    fact.agent = agent
    commit(e, &fact)
    tell_reasons(e)
    rematch(e)
    return ACCEPTED


cdef void set_presence(Engine* e, uint32_t agent, uint32_t presence) noexcept nogil:
    """P1. Held jobs stay; waiting ones follow."""
    cdef Fact fact = fact_of(FACT_PRESENCE)
    if e.agents[agent].presence == presence:
        return
    fact.agent = agent
    fact.state = <uint8_t> presence
    commit(e, &fact)
    if presence == ONLINE or presence == AWAY:
        serve(e, agent)
    release_holds(e, agent)
    settle(e)


# ---- policy


cdef void define_settings(Engine* e, const SettingsBody* body) noexcept nogil:
    cdef Fact fact = fact_of(FACT_SETTINGS)
    fact.body = body
    fact.body_size = sizeof(SettingsBody)
    commit(e, &fact)


cdef void define_channel(Engine* e, const ChannelBody* body) noexcept nogil:
    cdef Fact fact = fact_of(FACT_CHANNEL)
    fact.body = body
    fact.body_size = sizeof(ChannelBody)
    commit(e, &fact)


cdef void define_queue(Engine* e, const QueueBody* body) noexcept nogil:
    cdef Fact fact = fact_of(FACT_QUEUE)
    fact.body = body
    fact.body_size = sizeof(QueueBody) + body.any_count * sizeof(Demand)
    commit(e, &fact)


cdef void define_plan(Engine* e, const PlanBody* body) noexcept nogil:
    cdef Fact fact = fact_of(FACT_PLAN)
    fact.body = body
    fact.body_size = sizeof(PlanBody) + body.dropped_count * sizeof(uint32_t)
    commit(e, &fact)


cdef void set_hours(Engine* e, uint32_t queue, bint closed) noexcept nogil:
    """The queue opens or closes; `follow_hours` ends the step, once for all queues of a schedule."""
    cdef Fact fact = fact_of(FACT_HOURS)
    if e.queues[queue].closed == closed:
        return
    fact.value = queue
    fact.flag = closed
    commit(e, &fact)


cdef void follow_hours(Engine* e) noexcept nogil:
    """Jobs that waited for a queue to open are matched (L2, Q1)."""
    place_all(e)
    settle(e)


cdef void rematch(Engine* e) noexcept nogil:
    """Waiting jobs follow a new policy, in key order (L1, Q1); those who by it have waited too long already end."""
    follow_plans(e)
    place_all(e)
    settle(e)
    advance(e, e.now)
