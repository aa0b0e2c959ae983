"""What a policy would do with one job (L4): decided by a shard of its own, which is thrown away.

The scratch shard gets the tenant's agents as they are: skills, capacity, presence, who was given a job last, who let a
job go last (the order alone), and for each job they hold a stand-in of its channel. Not copied are jobs that wait, what
the router remembers of customers, the credit of weighted rotations, performance figures, and what passes by itself
(offers, leases, warm-up, rates).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from fairlead.errors import FairleadError
from fairlead.policy.tables import ChannelTable, PolicyTables, QueueTable
from fairlead.shard.core import Affinity, AgentView, Explanation, JobState, Outcome, Presence, Reason, Shard

TENANT = "trial"
# Longer ago than any window or warm-up looks back.
SETTLED_US = 25 * 3_600 * 1_000_000
HOUR_US = 3_600 * 1_000_000
PAGE_SIZE = 1_000
MAX_CAPACITY = 10_000
DEFAULT_JOB_ID = "test"
# Queue of the stand-ins, unless the policy has one of this name.
HELD_QUEUE = "held already"

_OUTCOMES = {
    JobState.ASSIGNED: Outcome.ASSIGNED,
    JobState.OFFERED: Outcome.OFFERED,
    JobState.QUEUED: Outcome.QUEUED,
}


class Trial(NamedTuple):
    """What would become of the job; `candidates` best first with their sort keys, `excluded` with the first reason."""

    rule: str
    queue: str
    strategy: str
    plan: str
    urgency: int
    head_start_us: int
    outcome: Outcome
    reason: Reason
    agent_id: str
    key_names: Sequence[str]
    candidates: Sequence[tuple[str, Sequence[int]]]
    excluded: Sequence[tuple[str, str, str]]


def try_job(
    shard: Shard, tenant: str, tables: PolicyTables, job: Mapping[str, Any], time_us: int, scenarios: Iterable[str]
) -> Trial:
    """Decides the job by the tables with the tenant's agents; the tenant is only read.

    `job` are arguments of `Shard.assign`; a start in the future is left out: the question is what happens at once.
    """
    scratch = _with_agents(shard, tenant, tables, time_us)
    scratch.advance_to(time_us)
    scratch.install_policy(TENANT, _tables(tables))
    _add_customer(shard, tenant, scratch, job.get("customer", ""))
    for scenario in scenarios:
        scratch.set_scenario(TENANT, scenario, True)
    arguments = {"job_id": DEFAULT_JOB_ID} | {name: value for name, value in job.items() if name != "start_time_us"}
    job_id = arguments.pop("job_id") or DEFAULT_JOB_ID
    # A moment before its start it can be seen who could take it, which is no longer so once somebody has.
    scratch.assign(TENANT, job_id, start_time_us=time_us + 1, **arguments)
    before = scratch.explain(TENANT, job_id)
    scratch.advance_to(time_us + 1)
    after = scratch.explain(TENANT, job_id)
    return _outcome(before, after)


def _outcome(before: Explanation, after: Explanation) -> Trial:
    job = after.job
    # After an overflow the candidates are those of the queue it came to, as they stand after the decision.
    shown = before if before.job.queue == job.queue else after
    rule, plan = job.rule, job.plan
    return Trial(
        rule=rule,
        queue=job.queue,
        strategy=shown.strategy,
        plan=plan,
        urgency=job.urgency,
        head_start_us=job.head_start_us,
        outcome=_OUTCOMES.get(job.state, Outcome.REFUSED),
        reason=job.reason,
        agent_id=job.agent_id,
        key_names=shown.key_names,
        candidates=shown.candidates,
        excluded=shown.excluded,
    )


def _with_agents(shard: Shard, tenant: str, tables: PolicyTables, time_us: int) -> Shard:
    """A scratch shard before `time_us` whose agents stand as the tenant's do, and have for long."""
    begin_us = max(0, time_us - SETTLED_US)
    views = shard.agents(tenant)
    held = _held(shard, tenant)
    channels = [channel.id for channel in tables.channels]
    scratch = Shard(virtual_time=True)
    scratch.advance_to(begin_us)
    costs = {channel: cost for jobs in held.values() for channel, cost in jobs}
    scratch.install_policy(TENANT, _filling(tables, costs))
    for view in views:
        # Room for the stand-ins, also of those who hold more than they may by now.
        busy = bool(view.last_given_time_us or view.id in held)
        scratch.create_agent(
            TENANT,
            view.id,
            skills=view.skills,
            tags=view.tags,
            capacity=MAX_CAPACITY if busy else view.capacity,
            channel_limits={} if busy else _limits(view, channels),
            weight=view.weight,
            rating=view.rating,
            order=view.order,
            presence=Presence.ONLINE if busy else view.presence,
        )
    filled = [view for view in views if view.last_given_time_us or view.id in held]
    # In the order in which they were last given a job, and then let one go, so that their turns are as they are (T2).
    over: list[tuple[int, str]] = []
    for number, view in enumerate(sorted(filled, key=lambda view: view.last_given_time_us)):
        jobs = [channel if channel in channels else channels[0] for channel, _ in held.get(view.id, ())]
        if view.last_freed_time_us or not jobs:
            over.append((view.last_freed_time_us, f"{number} over"))
            _give(scratch, _held_queue(tables), view, over[-1][1], channels[0])
        for index, channel in enumerate(jobs):
            _give(scratch, _held_queue(tables), view, f"{number} {index}", channel)
    for step, (_, together) in enumerate(groupby(sorted(over), key=itemgetter(0)), 1):
        scratch.advance_to(min(time_us, begin_us + step))
        for _, job_id in together:
            # A job that was completed would tell how long they take.
            scratch.cancel(TENANT, job_id)
    for view in filled:
        scratch.update_agent(TENANT, view.id, capacity=view.capacity, channel_limits=_limits(view, channels))
        scratch.set_presence(TENANT, view.id, view.presence)
    return scratch


def _add_customer(shard: Shard, tenant: str, scratch: Shard, customer_id: str) -> None:
    """What the tenant knows of the job's customer, if anything."""
    try:
        view = shard.customer(tenant, customer_id)
    except FairleadError:
        return
    scratch.upsert_customer(
        TENANT,
        customer_id,
        tier=view.tier,
        value=view.value,
        attributes=view.attributes,
        own_agent=view.own_agent,
        language=view.language,
    )


def _held(shard: Shard, tenant: str) -> dict[str, list[tuple[str, int]]]:
    """Channels and costs of the jobs that each agent holds."""
    held: dict[str, list[tuple[str, int]]] = {}
    states = (JobState.OFFERED, JobState.ASSIGNED, JobState.WRAPPING)
    after = 0
    while True:
        page, after = shard.jobs(tenant, after=after, limit=PAGE_SIZE, states=states)
        for view in page:
            held.setdefault(view.agent_id, []).append((view.channel, view.cost))
        if not after:
            return held


def _give(scratch: Shard, queue: str, view: AgentView, job_id: str, channel: str) -> None:
    """A stand-in for a job of the agent's."""
    scratch.assign(TENANT, job_id, queue=queue, channel=channel, wanted_agent=view.id, wanted_mode=Affinity.REQUIRE)


def _limits(view: AgentView, channels: Sequence[str]) -> dict[str, int]:
    return {channel: limit for channel, limit in view.channel_limits.items() if channel in channels}


def _filling(tables: PolicyTables, costs: Mapping[str, int]) -> PolicyTables:
    """One queue of everyone, and the channels at the costs that held jobs have."""
    return PolicyTables(
        channels=tuple(ChannelTable(each.id, costs.get(each.id, each.cost)) for each in tables.channels),
        queues=(QueueTable(_held_queue(tables)),),
        default_queue="",
        retention_us=0,
    )


def _tables(tables: PolicyTables) -> PolicyTables:
    """The policy on trial, with the queue of the stand-ins and a memory that outlasts a refusal."""
    only = tables.queues[0].id if len(tables.queues) == 1 else ""
    return tables._replace(
        queues=(*tables.queues, QueueTable(_held_queue(tables))),
        default_queue=tables.default_queue or only,
        retention_us=HOUR_US,
    )


def _held_queue(tables: PolicyTables) -> str:
    name = HELD_QUEUE
    while any(queue.id == name for queue in tables.queues):
        name += " "
    return name
