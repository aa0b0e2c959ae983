"""See totals.pxd."""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from posix.unistd cimport usleep

from fairlead.engine.model cimport ONLINE
from fairlead.shard.dispatch cimport shard_lock, shard_unlock
from fairlead.shard.tally cimport TALLY_EVENTS, TALLY_OUTCOMES, TALLY_REASONS, WAIT_BUCKETS, wait_bounds

from fairlead.shard.tenant cimport Tenant

from fairlead.shard.views import JobState, Presence

cdef enum:
    LONGEST_HOLD = 64        # tenants
    PAUSE_US = 50


cdef void add_totals(const Tenant* t, Totals* totals) noexcept nogil:
    cdef uint32_t at
    totals.tenants += 1
    for at in range(STATE_COUNT):
        totals.jobs[at] += t.engine.state_counts[at]
    for at in range(5):
        totals.agents[at] += t.engine.presence_counts[at]
    for at in range(t.engine.agent_capacity):
        if t.engine.agents[at].number and t.engine.agents[at].presence == ONLINE:
            totals.load += t.engine.agents[at].load
            totals.capacity += t.engine.agents[at].capacity


cdef void add_up(ShardState* s, Totals* totals) noexcept nogil:
    cdef uint32_t slot
    memset(totals, 0, sizeof(Totals))
    shard_lock(s)
    for slot in range(s.names.used):
        if slot % LONGEST_HOLD == LONGEST_HOLD - 1:
            shard_unlock(s)
            usleep(PAUSE_US)
            shard_lock(s)
        add_totals(s.tenants[slot], totals)
    shard_unlock(s)


cdef dict totals_view(const Tally* tally, const Totals* totals):
    cdef int outcome, reason, at
    return {
        "assigns": {
            (outcome, reason): tally.assigns[outcome][reason]
            for outcome in range(TALLY_OUTCOMES)
            for reason in range(TALLY_REASONS)
            if tally.assigns[outcome][reason]
        },
        "events": [tally.events[at] for at in range(TALLY_EVENTS)],
        "waits": [tally.waits[at] for at in range(WAIT_BUCKETS)],
        "wait_us": tally.wait_us,
        "wait_bounds_us": [wait_bounds()[at] for at in range(WAIT_BUCKETS - 1)],
        "tenants": totals.tenants,
        "jobs": {state: totals.jobs[<int> state] for state in JobState},
        "agents": {presence: totals.agents[<int> presence] for presence in Presence},
        "load": totals.load,
        "capacity": totals.capacity,
    }
