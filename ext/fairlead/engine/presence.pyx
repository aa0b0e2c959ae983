"""See presence.pxd."""

from libc.stdint cimport uint32_t

from fairlead.base.lineup cimport NOBODY, lineup_put
from fairlead.engine.model cimport MISSED_OFFERS, OFFLINE, ONLINE, ONLINE_BIT, PRESENCE_SET, UNKNOWN, Agent
from fairlead.engine.state cimport derive_room
from fairlead.engine.timers cimport set_agent_timer, set_timer


cdef void note_loss(Engine* e, Agent* agent, const Fact* fact) noexcept nogil:
    """The clocks of a lost agent's jobs start, or stop when the agent is back. O(jobs held)."""
    cdef uint32_t job
    if (agent.lost_since != UNKNOWN) == (fact.state == OFFLINE and fact.flag & IS_LOST != 0):
        return
    agent.lost_since = fact.time if agent.lost_since == UNKNOWN else UNKNOWN
    job = agent.held_head
    while job != NOBODY:
        set_timer(e, job)
        job = e.jobs[job].next


cdef void apply_presence(Engine* e, const Fact* fact) noexcept nogil:
    """`agent`, `state`, `reason` (a PresenceCause), `value` (lease, 0: none), `flag`."""
    cdef Agent* agent = &e.agents[fact.agent]
    if fact.state == ONLINE and agent.presence != ONLINE:
        agent.warm_since = fact.time
        agent.warm_last = UNKNOWN
        e.last_online = fact.time
    elif fact.state != ONLINE:
        agent.warm_since = UNKNOWN
    e.presence_counts[agent.presence] -= 1
    e.presence_counts[fact.state] += 1
    agent.presence = fact.state
    if not fact.flag & LEASE_KEPT:
        agent.lease = fact.value
        agent.lease_end = fact.time + fact.value if fact.value else 0
    if fact.reason == MISSED_OFFERS or (fact.reason == PRESENCE_SET and fact.state == ONLINE):
        agent.missed = 0
    lineup_put(&e.lineup, fact.agent, ONLINE_BIT, fact.state == ONLINE)
    derive_room(e, fact.agent)
    note_loss(e, agent, fact)
    set_agent_timer(e, fact.agent)


cdef void apply_lease_extended(Engine* e, const Fact* fact) noexcept nogil:
    """`agent`: its lease begins anew (P2); `value`: or ends then."""
    cdef Agent* agent = &e.agents[fact.agent]
    agent.lease_end = fact.value if fact.value else fact.time + agent.lease
    set_agent_timer(e, fact.agent)
