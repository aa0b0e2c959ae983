"""See explain.pxd. For people, not for speed."""

from enum import IntEnum

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.directory.names cimport NO_SLOT, names_text
from fairlead.engine.choose cimport GROUP_KEYS, KEY_COUNT, may_use, own_can_take, sort_keys, start_limit
from fairlead.engine.model cimport (
    AWAY, BY_BACKLOG, BY_OWN_AGENT, BY_PREFERENCE, BY_TRANSFER, COMPLETED, DRAINING, OFFLINE, ONLINE, QUEUED,
    SORT_KEYS_BASE, WEIGHTED, Agent, Class, Demand, Engine, Job,
)
from fairlead.engine.plans cimport is_shut, strategy_of
from fairlead.engine.rotation cimport rotation_begin, rotation_cell
from fairlead.engine.limits cimport is_limited, is_rated, kept_off
from fairlead.engine.state cimport agent_meets, barred, excludes, has_room, is_member, level_of, owns
from fairlead.shard.tenant cimport Tenant
from fairlead.shard.views cimport JobView, job_view, to_str

from fairlead.policy.tables import SORT_KEYS, STRATEGIES

# Names of the strategies' own keys, in the engine's order.
_STRATEGY_KEYS = {
    "sequential": ("served_this_round", "order", "agent_number"),
    "weighted": ("not_due_yet", "virtual_finish"),
    "least_load": ("saturation",),
    "longest_idle": (),
    "best_skill": ("minus_skill_levels", "saturation"),
    "specialist": ("skill_count", "saturation"),
    "best_rating": ("minus_rating", "saturation"),
    "random": ("draw",),
}
_HIGH_FIRST = ("skill_level", "rating", "weight", "satisfaction")
_CAUSES = {BY_OWN_AGENT: "own_agent", BY_PREFERENCE: "preferred", BY_BACKLOG: "backlog", BY_TRANSFER: "transfer"}
_ABSENCES = {AWAY: "away", DRAINING: "draining", OFFLINE: "offline"}


class When(IntEnum):
    """The moment that an explanation is about."""

    NOW = 1
    AT_DECISION = 2


cdef class Explanation:
    """Why a job is, or was put, where it is (E3). Candidates best first: (agent id, keys). Excluded: (agent id, cause, detail)."""

    def __init__(self, job, int step, strategy, key_names, candidates, excluded, blocking_demands, decision):
        self.job = job
        self.step = step
        self.strategy = strategy
        self.key_names = key_names
        self.candidates = candidates
        self.excluded = excluded
        self.blocking_demands = blocking_demands
        self.decision = decision
        self.moment = None
        self.unavailable = ""


cdef str demand_text(const Tenant* t, const Demand* demand):
    cdef str name = to_str(names_text(&t.abilities, demand.ability))
    if name[0] == "t":
        return f"tag {name[1:]}"
    if demand.most < 10:
        return f"skill {name[1:]} {demand.least}-{demand.most}"
    return f"skill {name[1:]} >= {demand.least}"


cdef tuple unmet(const Tenant* t, uint32_t slot, const Demand* demand):
    """(cause, detail) of a demand that the agent does not meet, None when they do."""
    cdef uint32_t level = level_of(&t.engine, slot, demand.ability)
    if demand.least <= level <= demand.most:
        return None
    cause = "level_too_high" if level > demand.most else "missing_skill"
    if names_text(&t.abilities, demand.ability).data[0] == b"t":
        cause = "missing_tag"
    have = f", has {level}" if level and cause != "missing_tag" else ""
    return cause, demand_text(t, demand) + have


cdef tuple lack_of_room(const Tenant* t, uint32_t slot, const Job* job):
    """(cause, detail) of C1."""
    cdef const Agent* agent = &t.engine.agents[slot]
    cdef uint32_t channel = t.engine.classes[job.cls].channel
    if agent.load + job.cost > agent.capacity:
        return "full", f"load {agent.load} + {job.cost} > capacity {agent.capacity}"
    name = to_str(names_text(&t.channels, t.engine.channels[channel].name))
    return "channel_full", f"holds {agent.channel_count[channel]} of channel {name}"


cdef tuple exclusion(const Tenant* t, const Job* job, uint32_t slot):
    """(cause, detail): the first thing that keeps the agent from the job, None for a candidate."""
    cdef const Engine* e = &t.engine
    cdef const Class* c = &e.classes[job.cls]
    cdef uint32_t index
    if not is_member(e, slot, c.queue):
        return "not_member", ""
    if is_shut(e, job.cls):
        return "closed_hours", ""
    if e.agents[slot].presence != ONLINE and not (own_can_take(e, job) and job.own_agent == slot):
        return _ABSENCES[e.agents[slot].presence], ""
    for index in range(c.demand_count):
        found = unmet(t, slot, c.demands + index)
        if found is not None:
            return found
    if excludes(job, slot):
        return "excluded", ""
    if barred(e, job, slot):
        return "barred", "declined it or missed its offer"
    if not has_room(e, slot, c.channel, job.cost):
        return lack_of_room(t, slot, job)
    if is_limited(e, c.queue, slot):
        return ("rate_limit" if is_rated(e, &e.queues[c.queue], &e.agents[slot]) else "warming_up"), ""
    if not may_use(e, job, slot):
        return "reserved", "for job " + to_str(names_text(&t.jobs, e.agents[slot].reserved_for))
    if job.held and job.own_agent != slot:
        return "held_for_agent", to_str(names_text(&t.agents, job.own_agent))
    return None


cdef list candidate_keys(const Tenant* t, const Job* job, uint32_t slot, uint32_t own_count, uint64_t limit):
    """own agent, step, threshold, preferences, the strategy's own, least recently given, order, number."""
    cdef int64_t[KEY_COUNT] keys
    cdef const Engine* e = &t.engine
    cdef uint32_t index
    sort_keys(e, job, slot, keys)
    is_owner = owns(e, job) and job.own_agent == slot
    own = [keys[GROUP_KEYS + index] for index in range(own_count)]
    if strategy_of(e, job) == WEIGHTED:
        cell = rotation_cell(e, job.cls, slot)
        own = [int(cell != NO_SLOT and rotation_begin(e, cell) >= limit), keys[GROUP_KEYS]]
    return [0 if is_owner else 1, keys[0], keys[1], keys[2], *own, keys[6], keys[7], keys[8]]


cdef list blocking(const Tenant* t, const Job* job):
    """Demands each of which, dropped alone, would let somebody take the job now. O(agents * demands^2)."""
    cdef const Engine* e = &t.engine
    cdef const Class* c = &e.classes[job.cls]
    cdef uint32_t slot, index, dropped
    found = []
    if is_shut(e, job.cls):
        return found
    for dropped in range(c.demand_count):
        for slot in range(e.agent_capacity):
            if e.agents[slot].number == 0 or e.agents[slot].presence != ONLINE or not is_member(e, slot, c.queue):
                continue
            if not has_room(e, slot, c.channel, job.cost) or kept_off(e, job, slot) or not may_use(e, job, slot):
                continue
            if agent_meets(e, slot, c.demands, dropped) and agent_meets(
                    e, slot, c.demands + dropped + 1, c.demand_count - dropped - 1):
                found.append(demand_text(t, c.demands + dropped))
                break
    return found


cdef str cause_name(uint32_t cause):
    """What brought a job to its agent."""
    return _CAUSES.get(cause, "strategy")


cdef tuple decision(const Tenant* t, const Job* job):
    """As far as the job remembers it: nobody knows how long it had waited (-1) when it was only offered."""
    if job.version == 0 or job.agent == NO_SLOT:
        return None
    return (
        to_str(names_text(&t.agents, job.agent)), job.policy_version, cause_name(job.cause), job.load_before, job.capacity_before,
        job.assign_time - job.queue_time if job.assign_time >= job.queue_time else -1,
    )


cdef tuple strategy_name(uint32_t strategy):
    """The strategy as the policy says it, and the names of its own keys."""
    cdef uint32_t digits
    if strategy < SORT_KEYS_BASE:
        name = next(name for name, number in STRATEGIES.items() if number == strategy)
        return name, _STRATEGY_KEYS[name]
    listed = {number: name for name, number in SORT_KEYS.items()}
    digits = strategy - SORT_KEYS_BASE
    keys = []
    while digits:
        keys.append(listed[digits & 15])
        digits >>= 4
    return ",".join(keys), tuple([f"minus_{key}" if key in _HIGH_FIRST else key for key in keys])


cdef Explanation explain_as(const Tenant* t, uint32_t job_slot, const Job* job, bint waits):
    cdef const Engine* e = &t.engine
    cdef uint32_t slot, strategy = strategy_of(e, job)
    cdef uint64_t limit = start_limit(e, job) if strategy == WEIGHTED else 0
    name, own_names = strategy_name(strategy)
    candidates = []
    excluded = []
    if job.state < COMPLETED:
        for slot in range(e.agent_capacity):
            if e.agents[slot].number == 0:
                continue
            agent = to_str(names_text(&t.agents, slot))
            cause = exclusion(t, job, slot)
            if cause is None:
                candidates.append((agent, candidate_keys(t, job, slot, len(own_names), limit)))
            else:
                excluded.append((agent, *cause))
    candidates.sort(key=lambda candidate: candidate[1])
    key_names = [
        "not_own_agent", "step", "above_threshold", "lacks_preferences", *own_names, "last_given", "order", "agent_number"]
    return Explanation(
        job_view(t, job_slot), job.step, name, key_names, candidates, excluded, blocking(t, job) if waits else [], decision(t, job))


cdef Explanation explain(const Tenant* t, uint32_t job_slot):
    cdef const Job* job = &t.engine.jobs[job_slot]
    return explain_as(t, job_slot, job, job.state == QUEUED and not job.held)
