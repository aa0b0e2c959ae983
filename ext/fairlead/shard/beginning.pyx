"""See beginning.pxd."""

from typing import NamedTuple

from libc.stdint cimport uint32_t

from fairlead.directory.names cimport NO_SLOT, names_text
from fairlead.engine.model cimport ASSIGNED, OFFERED, SCHEDULED, WRAPPING, Job
from fairlead.shard.durable cimport stored_policies
from fairlead.shard.tenant cimport arm_name
from fairlead.shard.views cimport to_str

from fairlead.shard.views import JobState, Presence


class Live(NamedTuple):
    """A job that was live. `start_us` is from when it could be served; `assign_us` when its agent was given it, else 0.

    `agent_id` is empty, `version`, `cause` and `cost` are 0 for one that nobody holds or is offered.
    """

    job_id: str
    state: JobState
    queue: str
    create_us: int
    start_us: int
    agent_id: str
    version: int
    assign_us: int
    cause: int
    cost: int
    arm: str


class Beginning(NamedTuple):
    """Where and with what a history begins: behind record `sequence` of the snapshot, at the tenant's time then.

    `policy` is (version, document), None for the built-in one; `agents` are (id, presence, capacity); `jobs` in the order of
    submission. `problems` tell of older snapshots that could not be used.
    """

    snapshot: str
    sequence: int
    time_us: int
    policy: tuple
    agents: list
    jobs: list
    problems: tuple


cdef object live_job(const Tenant* t, uint32_t slot):
    cdef const Job* job = &t.engine.jobs[slot]
    cdef bint is_with_agent = OFFERED <= job.state <= WRAPPING
    cdef bint is_given = ASSIGNED <= job.state <= WRAPPING
    return Live(
        to_str(names_text(&t.jobs, slot)),
        JobState(job.state),
        to_str(names_text(&t.queues, t.engine.classes[job.cls].queue)),
        job.create_time,
        job.start_time if job.state == SCHEDULED else job.queue_time,
        to_str(names_text(&t.agents, job.agent)) if is_with_agent else "",
        job.version if is_with_agent else 0,
        job.assign_time if is_given else 0,
        job.cause if is_with_agent else 0,
        job.cost if is_with_agent else 0,
        to_str(arm_name(t, job.arm)))


cdef object beginning_of(Tenant* t, object image, object problems):
    cdef uint32_t slot
    cdef list jobs = [], agents = []
    for slot in range(t.engine.job_used):
        if t.engine.jobs[slot].number and SCHEDULED <= t.engine.jobs[slot].state <= WRAPPING:
            jobs.append((t.engine.jobs[slot].number, live_job(t, slot)))
    for slot in range(t.engine.agent_capacity):
        if t.engine.agents[slot].number:
            agents.append((to_str(names_text(&t.agents, slot)), Presence(t.engine.agents[slot].presence), t.engine.agents[slot].capacity))
    policies = stored_policies(t)
    return Beginning(
        image.name, image.base.sequence, t.engine.now, policies.pop()[0][:2] if policies else None, agents,
        [job for _, job in sorted(jobs)], tuple(problems))
