"""From facts to events (E4): one for each transition, in the order of facts over all tenants of the shard.

    fact                   event
    JOB_SUBMITTED          SCHEDULED, when it starts later
    JOB_WAITS              QUEUED, if the job still waits when its step ends
    JOB_GIVEN              ASSIGNED
    JOB_OFFERED            OFFERED
    OFFER_ACCEPTED         ACCEPTED
    OFFER_ENDED            DECLINED, MISSED, or REQUEUED when the agent was lost
    JOB_WRAPS              WRAPPING
    JOB_RELEASED           REQUEUED, with the agent who had it
    JOB_ENDED              COMPLETED, CANCELLED or EXPIRED, with the agent who had it
    AGENT                  AGENT_CREATED or AGENT_UPDATED
    AGENT_REMOVED          AGENT_DELETED
    PRESENCE               PRESENCE_CHANGED, with the reason noted for it
    SETTINGS               POLICY_CHANGED

The sink hands every fact over before it is applied. A step ends where the next one begins: with a later time, a new job,
or the end of the call (`notices_flush`).
"""

from fairlead.engine.model cimport Fact
from fairlead.events.feed cimport Feed
from fairlead.shard.tenant cimport Tenant

# Numbers of the contract.
cdef enum EventKind:
    EVENT_SCHEDULED = 1
    EVENT_QUEUED = 2
    EVENT_OFFERED = 3
    EVENT_ACCEPTED = 4
    EVENT_DECLINED = 5
    EVENT_MISSED = 6
    EVENT_ASSIGNED = 7
    EVENT_REQUEUED = 8
    EVENT_RELAXED = 9
    EVENT_WRAPPING = 10
    EVENT_COMPLETED = 11
    EVENT_CANCELLED = 12
    EVENT_EXPIRED = 13
    EVENT_AGENT_CREATED = 14
    EVENT_AGENT_UPDATED = 15
    EVENT_AGENT_DELETED = 16
    EVENT_PRESENCE_CHANGED = 17
    EVENT_POLICY_CHANGED = 18


cdef void notice_fact(Tenant* t, const Fact* fact) noexcept nogil
cdef void notices_flush(Feed* feed) noexcept nogil
