"""See views.pxd. The enums have the numbers of the contract."""

from enum import IntEnum

from cpython.unicode cimport PyUnicode_DecodeUTF8
from fairlead.directory.names cimport NO_SLOT, names_text
from fairlead.codec.messages cimport JobDetail, WaitEstimate
from fairlead.engine.audit cimport state_hash
from fairlead.engine.model cimport (
    COMPLETED, MAX_CHANNELS, OFFERED, ONLINE, OUTCOME_ASSIGNED, OUTCOME_OFFERED, OUTCOME_QUEUED, OUTCOME_REFUSED, QUEUED, UNKNOWN,
    Agent, Job,
)
from fairlead.shard.dispatch cimport job_detail
from fairlead.shard.estimate cimport estimate_wait
from fairlead.shard.tenant cimport arm_name


cdef enum:
    NO_LIMIT = 0xFFFF


class Presence(IntEnum):
    """P1."""

    ONLINE = 1
    AWAY = 2
    DRAINING = 3
    OFFLINE = 4


class JobState(IntEnum):
    """J1."""

    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ASSIGNED = 4
    WRAPPING = 5
    COMPLETED = 6
    CANCELLED = 7
    EXPIRED = 8


class Outcome(IntEnum):
    """E1."""

    ASSIGNED = 1
    OFFERED = 2
    QUEUED = 3
    REFUSED = 4


class Reason(IntEnum):
    """E1, and the causes of an end."""

    NONE = 0
    NO_AGENT_ONLINE = 1
    NONE_ELIGIBLE = 2
    ALL_BUSY = 3
    BARRED = 4
    QUEUE_FULL = 5
    CLOSED_HOURS = 6
    SCHEDULED = 7
    HELD_FOR_AGENT = 8
    MAX_WAIT = 9
    TIME_TO_LIVE = 10
    CALLER = 11
    PLAN_END = 12


class Affinity(IntEnum):
    """A3."""

    UNSET = 0
    OFF = 1
    PREFER = 2
    REQUIRE = 3


cdef str to_str(Text text):
    return PyUnicode_DecodeUTF8(text.data, text.size, NULL) if text.size else ""


cdef inline str agent_id(const Tenant* t, uint32_t slot):
    return to_str(names_text(&t.agents, slot)) if slot != NO_SLOT else ""


cdef class Assignment:
    """What a mutation of a job came to. `agent_id` is empty and `version` 0 when nobody holds it.

    `deadline_us` is when the open offer or the after-work ends, 0 for neither.
    """

    @property
    def outcome(self):
        """What an assign came to (E1)."""
        return Outcome(self._outcome)

    @property
    def state(self):
        """The job's state (J1)."""
        return JobState(self._state)

    @property
    def reason(self):
        """Why nobody holds it (E1)."""
        return Reason(self._reason)

    def __repr__(self):
        held = f" by {self.agent_id!r} at version {self.version}" if self.agent_id else ""
        why = f" ({self.reason.name})" if self._reason else ""
        return f"<Assignment {self.job_id!r} {self.state.name}{held} in {self.queue!r}{why}>"


cdef Assignment assignment(const Tenant* t, str job_id, const Reply* reply):
    cdef Assignment view = Assignment.__new__(Assignment)
    cdef WaitEstimate estimate
    view.job_id = job_id
    view.agent_id = agent_id(t, reply.answer.agent)
    view.queue = to_str(names_text(&t.queues, reply.answer.queue))
    view.repeated = reply.repeated
    view.version = reply.answer.version
    view.policy_version = <int64_t> reply.answer.policy_version
    view.arm = ""
    view.deadline_us = reply.answer.deadline
    view._outcome = reply.answer.outcome
    view._state = reply.answer.state
    view._reason = reply.answer.reason
    if reply.answer.outcome == OUTCOME_QUEUED:
        estimate_wait(&t.engine, reply.answer.job, &estimate)
        view.position = estimate.position
        view.wait_p50_us = estimate.p50_us
        view.wait_p90_us = estimate.p90_us
    return view


cdef Assignment assigned(const Tenant* t, str job_id, const Reply* reply):
    cdef Assignment view = assignment(t, job_id, reply)
    view.arm = to_str(arm_name(t, reply.arm))
    return view


cdef Assignment present_assignment(const Tenant* t, uint32_t slot, bint repeated):
    """The answer to an assign as the job is now; one that was served counts as assigned, one that ended else as refused."""
    cdef Assignment view = Assignment.__new__(Assignment)
    cdef WaitEstimate estimate
    cdef const Job* job = &t.engine.jobs[slot]
    cdef bint is_placed = OFFERED <= job.state <= COMPLETED
    view.job_id = to_str(names_text(&t.jobs, slot))
    view.agent_id = agent_id(t, job.agent) if is_placed else ""
    view.queue = to_str(names_text(&t.queues, t.engine.classes[job.cls].queue))
    view.repeated = repeated
    view.version = job.version if is_placed else 0
    view.policy_version = <int64_t> job.policy_version
    view.arm = to_str(arm_name(t, job.arm))
    view._outcome = OUTCOME_OFFERED if job.state == OFFERED else OUTCOME_ASSIGNED if is_placed else OUTCOME_QUEUED
    if job.state > COMPLETED:
        view._outcome = OUTCOME_REFUSED
    view._state = job.state
    view._reason = job.reason
    view.deadline_us = job.deadline
    if view._outcome == OUTCOME_QUEUED:
        estimate_wait(&t.engine, slot, &estimate)
        view.position = estimate.position
        view.wait_p50_us = estimate.p50_us
        view.wait_p90_us = estimate.p90_us
    return view


cdef class JobView:
    """A job at the moment of the call; times in microseconds of the shard's clock, 0 where there is none."""


cdef JobView job_view(const Tenant* t, uint32_t slot):
    cdef JobView view = JobView.__new__(JobView)
    cdef JobDetail detail
    job_detail(t, slot, &detail)
    view.id = to_str(detail.id)
    view.state = JobState(detail.state)
    view.queue = to_str(detail.queue)
    view.channel = to_str(detail.channel)
    view.agent_id = to_str(detail.agent_id)
    view.version = detail.version
    view.reason = Reason(detail.reason)
    view.urgency = detail.urgency
    view.head_start_us = detail.head_start_us
    view.customer = to_str(detail.customer)
    view.create_time_us = detail.create_time_us
    view.queue_time_us = detail.queue_time_us
    view.assign_time_us = detail.assign_time_us
    view.end_time_us = detail.end_time_us
    view.policy_version = detail.policy_version
    view.cost = detail.cost
    view.rule = to_str(detail.rule)
    view.arm = to_str(detail.arm)
    view.plan = to_str(detail.plan)
    view.step = detail.step
    view.deadline_us = detail.deadline_us
    view.position = detail.estimate.position
    view.wait_p50_us = detail.estimate.p50_us
    view.wait_p90_us = detail.estimate.p90_us
    return view


cdef dict agent_settings(const Tenant* t, uint32_t slot):
    """What a caller set of an agent: skills, tags, channel_limits, capacity, weight, rating, order, wrap_up_us."""
    cdef const Agent* agent = &t.engine.agents[slot]
    cdef uint32_t index
    skills = {}
    tags = []
    for index in range(agent.ability_count):
        name = to_str(names_text(&t.abilities, agent.abilities[index].ability))[1:]
        if agent.abilities[index].is_skill:
            skills[name] = agent.abilities[index].level
        else:
            tags.append(name)
    limits = {
        to_str(names_text(&t.channels, t.engine.channels[index].name)): agent.channel_limit[index]
        for index in range(MAX_CHANNELS)
        if agent.channel_limit[index] != NO_LIMIT and t.engine.channels[index].used
    }
    return {
        "skills": skills,
        "tags": sorted(tags),
        "channel_limits": limits,
        "capacity": agent.capacity,
        "weight": agent.weight,
        "rating": agent.rating,
        "order": agent.order,
        "wrap_up_us": agent.wrap_up,
    }


cdef class AgentView:
    """An agent at the moment of the call. -1: `wrap_up_us` is the queue's, a mean has no sample yet; no lease: 0."""


cdef inline int64_t mean(int64_t weighted) noexcept:
    """A mean as the engine keeps it, rounded."""
    return UNKNOWN if weighted == UNKNOWN else (weighted + 8) >> 4


# Looked up, not made: making one runs Python, in which another thread may take the interpreter while the shard's lock is held.
cdef dict PRESENCES = {int(presence): presence for presence in Presence}


cdef AgentView agent_view(const Tenant* t, uint32_t slot):
    cdef AgentView view = AgentView.__new__(AgentView)
    cdef const Agent* agent = &t.engine.agents[slot]
    cdef dict settings = agent_settings(t, slot)
    view.id = agent_id(t, slot)
    view.skills = settings["skills"]
    view.tags = settings["tags"]
    view.channel_limits = settings["channel_limits"]
    view.capacity = agent.capacity
    view.weight = agent.weight
    view.rating = agent.rating
    view.order = agent.order
    view.presence = PRESENCES[agent.presence]
    view.presence_reason = ""
    if slot < t.note_capacity:
        view.presence_reason = t.presence_notes[slot].data[:t.presence_notes[slot].size].decode("utf-8")
    view.load = agent.load
    view.job_count = agent.held_count
    view.given_count = <int64_t> agent.given_count
    view.last_given_time_us = agent.last_given_time
    view.last_freed_time_us = agent.last_freed_time
    view.completed_count = <int64_t> agent.completed_count
    view.wrap_up_us = agent.wrap_up
    view.lease_end_us = agent.lease_end
    view.missed_offers = agent.missed
    view.handle_time_ms = mean(agent.handle_time)
    view.first_response_ms = mean(agent.first_response)
    view.satisfaction = <int> mean(agent.satisfaction)
    return view


cdef class TenantView:
    """Counts of one tenant."""


cdef TenantView empty_view(str name):
    """Of a tenant that does not exist."""
    cdef TenantView view = TenantView.__new__(TenantView)
    view.tenant = name
    view.state_hash = 0
    view.agents = (0, 0, 0, 0)
    view.jobs = dict.fromkeys(JobState, 0)
    view.queues = []
    return view


cdef TenantView tenant_view(const Tenant* t, str name):
    cdef TenantView view = TenantView.__new__(TenantView)
    cdef uint32_t slot
    cdef int64_t oldest
    view.tenant = name
    view.policy_version = <int64_t> t.engine.policy_version
    view.state_hash = state_hash(&t.engine)
    view.agents = tuple([t.engine.presence_counts[slot] for slot in range(1, 5)])
    view.load = 0
    view.capacity = 0
    for slot in range(t.engine.agent_capacity):
        if t.engine.agents[slot].number and t.engine.agents[slot].presence == ONLINE:
            view.load += t.engine.agents[slot].load
            view.capacity += t.engine.agents[slot].capacity
    view.jobs = {state: t.engine.state_counts[<uint32_t> state] for state in JobState}
    waits = {}
    for slot in range(t.engine.job_used):
        if t.engine.jobs[slot].state == QUEUED:
            queue = t.engine.classes[t.engine.jobs[slot].cls].queue
            oldest = t.engine.now - t.engine.jobs[slot].queue_time
            if oldest > waits.get(queue, -1):
                waits[queue] = oldest
    view.queues = [
        (to_str(names_text(&t.queues, slot)), t.engine.queues[slot].waiting, waits.get(slot, 0))
        for slot in range(t.engine.queue_capacity)
        if t.engine.queues[slot].used
    ]
    return view
