"""See manage.pxd."""

from libc.stdlib cimport free

from fairlead.engine.apply cimport commit, fact_of
from fairlead.engine.clock cimport advance
from fairlead.engine.match cimport drop_owner, follow_plans, held_for, place_all, release_holds, serve, settle, tell_reasons
from fairlead.engine.model cimport (
    ACCEPTED, AGENT_HOLDS_JOBS, AWAY, FACT_AGENT, FACT_AGENT_REMOVED, FACT_CHANNEL, FACT_CUSTOMER_FORGOTTEN, FACT_HOURS,
    FACT_LEASE_EXTENDED, FACT_PLAN, FACT_QUEUE, FACT_SETTINGS, OFFLINE, ONLINE, PRESENCE_SET, Agent, Demand, Fact,
)
from fairlead.engine.presence cimport IS_LOST
from fairlead.engine.returns cimport change_presence, lose_jobs


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
    release_holds(e, agent, NULL, 0)
    settle(e)


cdef uint32_t remove_agent(Engine* e, uint32_t agent) noexcept nogil:
    """Only an agent who holds nothing can go. Returns a Refusal."""
    cdef Fact fact = fact_of(FACT_AGENT_REMOVED)
    cdef uint32_t count
    cdef uint32_t* jobs
    if e.agents[agent].held_count:
        return AGENT_HOLDS_JOBS
    jobs = held_for(e, agent, &count)
    set_presence(e, agent, OFFLINE, 0)
    drop_owner(e, agent)
    fact.agent = agent
    commit(e, &fact)
    tell_reasons(e, jobs, count)
    free(jobs)
    rematch(e)
    return ACCEPTED


cdef void set_presence(Engine* e, uint32_t agent, uint32_t presence, int64_t lease) noexcept nogil:
    """P1. Held jobs stay, unless the agent is lost (P3); waiting ones follow. `lease` 0: none; who is OFFLINE has none."""
    cdef Agent* a = &e.agents[agent]
    cdef uint32_t before = a.presence
    cdef bint is_lost = presence == OFFLINE and before != OFFLINE and a.held_count != 0
    if presence == OFFLINE:
        lease = 0
    if presence == before and lease == 0 and a.lease_end == 0 and (presence != ONLINE or a.missed == 0):
        return
    change_presence(e, agent, presence, lease, PRESENCE_SET, IS_LOST if is_lost else 0)
    if presence != before:
        if presence == ONLINE or presence == AWAY:
            serve(e, agent)
        if is_lost:
            lose_jobs(e, agent)
        else:
            release_holds(e, agent, NULL, 0)
    settle(e)


cdef bint extend_lease(Engine* e, uint32_t agent) noexcept nogil:
    """P2: the lease, if there is one, begins anew. False for an agent who is OFFLINE and must log in again."""
    cdef Fact fact
    if e.agents[agent].presence == OFFLINE:
        return False
    if e.agents[agent].lease_end:
        fact = fact_of(FACT_LEASE_EXTENDED)
        fact.agent = agent
        commit(e, &fact)
    return True


cdef void spare_leases(Engine* e, int64_t until) noexcept nogil:
    """No lease ends before: nobody could extend one while there was no router. O(agents)."""
    cdef Fact fact
    cdef uint32_t agent
    for agent in range(e.agent_capacity):
        if e.agents[agent].number and 0 < e.agents[agent].lease_end < until:
            fact = fact_of(FACT_LEASE_EXTENDED)
            fact.agent = agent
            fact.value = until
            commit(e, &fact)


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


# ---- customers


cdef void forget_customer(Engine* e, uint32_t customer, uint32_t groups) noexcept nogil:
    """Nobody has served the customer any more (A1), in any of the first `groups` affinity groups."""
    cdef Fact fact = fact_of(FACT_CUSTOMER_FORGOTTEN)
    fact.value = customer
    fact.cls = groups
    commit(e, &fact)
