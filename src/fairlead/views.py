"""What the embedded router shows: frozen snapshots with times as datetimes and lengths of time in seconds.

Also the one sentence that tells a person why a job is where it is (E3), which the daemon sends as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fairlead.shard.core import (
    AgentView,
    CustomerView,
    EventKind,
    JobState,
    JobView,
    Moment,
    Outcome,
    Presence,
    Reason,
    TenantView,
)
from fairlead.shard.core import Explanation as ExplanationView

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_SECOND_MS = 1_000

_WHY = {
    Reason.NO_AGENT_ONLINE: "no agent of the queue is online",
    Reason.NONE_ELIGIBLE: "no agent who is online meets its demands",
    Reason.ALL_BUSY: "every agent who meets its demands is full",
    Reason.BARRED: "the only agents with room are excluded from it",
    Reason.QUEUE_FULL: "the queue holds its maximum length",
    Reason.CLOSED_HOURS: "the queue is closed now",
    Reason.SCHEDULED: "its start is in the future",
    Reason.HELD_FOR_AGENT: "it is held for the customer's own agent",
    Reason.MAX_WAIT: "it waited longer than the queue allows",
    Reason.TIME_TO_LIVE: "its time to live passed",
    Reason.CALLER: "a caller cancelled it",
    Reason.PLAN_END: "its plan came to its end",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job at the moment of the call; `agent_id` is empty while nobody does; a time is None where there is none.

    `deadline` is when the open offer or the after-work ends. `arm` of the policy's experiment, empty for none (L5).
    While it waits in line: its `position` (from 1), and the seconds that half and nine of ten such jobs do not exceed,
    None while too little is known.
    """

    id: str
    state: JobState
    reason: Reason
    queue: str
    channel: str
    agent_id: str
    version: int
    urgency: int
    head_start: float
    customer: str
    cost: int
    create_time: datetime | None
    queue_time: datetime | None
    assign_time: datetime | None
    end_time: datetime | None
    policy_version: int
    arm: str
    deadline: datetime | None
    position: int
    wait_p50: float | None
    wait_p90: float | None

    @classmethod
    def of(cls, view: JobView) -> "Job":
        """The snapshot of a shard's view."""
        return cls(
            id=view.id,
            state=view.state,
            reason=view.reason,
            queue=view.queue,
            channel=view.channel,
            agent_id=view.agent_id,
            version=view.version,
            urgency=view.urgency,
            head_start=view.head_start_us / _SECOND_US,
            customer=view.customer,
            cost=view.cost,
            create_time=to_datetime(view.create_time_us),
            queue_time=to_datetime(view.queue_time_us),
            assign_time=to_datetime(view.assign_time_us),
            end_time=to_datetime(view.end_time_us),
            policy_version=view.policy_version,
            arm=view.arm,
            deadline=to_datetime(view.deadline_us),
            position=view.position,
            wait_p50=view.wait_p50_us / _SECOND_US if view.wait_p50_us else None,
            wait_p90=view.wait_p90_us / _SECOND_US if view.wait_p90_us else None,
        )


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at the moment of the call; `load` and `capacity` in units, `given_count` jobs ever given (T3).

    `last_freed_time` is when one of these last left its hands, None: never.
    `wrap_up` is its own after-work, None the queue's; `missed_offers` counts those in a row (O3). The last three are
    means that weigh each completed job by 1/16, None while nothing is known; `satisfaction` is 0-1000.
    """

    id: str
    presence: Presence
    presence_reason: str
    skills: Mapping[str, int]
    tags: tuple[str, ...]
    capacity: int
    channel_limits: Mapping[str, int]
    weight: int
    rating: int
    order: int
    load: int
    job_count: int
    given_count: int
    completed_count: int
    last_given_time: datetime | None
    last_freed_time: datetime | None
    wrap_up: float | None
    lease_end_time: datetime | None
    missed_offers: int
    handle_time: float | None
    first_response: float | None
    satisfaction: int | None

    @classmethod
    def of(cls, view: AgentView) -> "Agent":
        """The snapshot of a shard's view."""
        return cls(
            id=view.id,
            presence=view.presence,
            presence_reason=view.presence_reason,
            skills=view.skills,
            tags=tuple(view.tags),
            capacity=view.capacity,
            channel_limits=view.channel_limits,
            weight=view.weight,
            rating=view.rating,
            order=view.order,
            load=view.load,
            job_count=view.job_count,
            given_count=view.given_count,
            completed_count=view.completed_count,
            last_given_time=to_datetime(view.last_given_time_us),
            last_freed_time=to_datetime(view.last_freed_time_us),
            wrap_up=None if view.wrap_up_us < 0 else view.wrap_up_us / _SECOND_US,
            lease_end_time=to_datetime(view.lease_end_us),
            missed_offers=view.missed_offers,
            handle_time=None if view.handle_time_ms < 0 else view.handle_time_ms / _SECOND_MS,
            first_response=None if view.first_response_ms < 0 else view.first_response_ms / _SECOND_MS,
            satisfaction=None if view.satisfaction < 0 else view.satisfaction,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What gave a job its present or last agent; `waited` in seconds, None where that is not known."""

    agent_id: str
    policy_version: int
    cause: str
    load_before: int
    capacity: int
    waited: float | None

    @classmethod
    def of(cls, row: tuple[str, int, str, int, int, int]) -> "Decision":
        """The snapshot of a shard's row."""
        return cls(*row[:5], row[5] / _SECOND_US if row[5] >= 0 else None)


@dataclass(frozen=True, slots=True)
class DecisionMoment:
    """A decision in the journal; `agent_id` is empty, and `reason` says why, where nobody was chosen."""

    sequence: int
    time: datetime | None
    outcome: Outcome
    reason: Reason
    agent_id: str

    @classmethod
    def of(cls, row: Moment) -> "DecisionMoment":
        """The snapshot of a shard's row."""
        return cls(row.sequence, to_datetime(row.time_us), row.outcome, row.reason, row.agent_id)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job is, or was put, where it is (E3): at the decision `moment`, or now where that is None.

    `candidates` could take it, best first, each (agent id, sort keys named by `key_names`); `excluded` is everyone
    else as (agent id, cause, detail); `blocking_demands` each would place the job if dropped alone; `step` is where its
    plan was. All these are of the moment; `job` is the job now. `rule` matched when it was submitted. Empty and 0 where
    there is none. `at_decision_unavailable` says why the present is told though the decision was asked for.
    """

    job: Job
    strategy: str
    key_names: tuple[str, ...]
    candidates: tuple[tuple[str, tuple[int, ...]], ...]
    excluded: tuple[tuple[str, str, str], ...]
    blocking_demands: tuple[str, ...]
    decision: Decision | None
    rule: str
    step: int
    summary: str
    moment: DecisionMoment | None
    at_decision_unavailable: str

    @classmethod
    def of(cls, view: ExplanationView) -> "Explanation":
        """The snapshot of a shard's view."""
        return cls(
            job=Job.of(view.job),
            strategy=view.strategy,
            key_names=tuple(view.key_names),
            candidates=tuple((agent_id, tuple(keys)) for agent_id, keys in view.candidates),
            excluded=tuple(view.excluded),
            blocking_demands=tuple(view.blocking_demands),
            decision=None if view.decision is None else Decision.of(view.decision),
            rule=view.job.rule,
            step=view.step,
            summary=summarize(view),
            moment=None if view.moment is None else DecisionMoment.of(view.moment),
            at_decision_unavailable=view.unavailable,
        )


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of a customer; empty and 0 where nothing is."""

    id: str
    tier: str = ""
    value: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    own_agent: str = ""
    language: str = ""

    @classmethod
    def of(cls, view: CustomerView) -> "Customer":
        """The snapshot of a shard's view."""
        return cls(view.id, view.tier, view.value, view.attributes, view.own_agent, view.language)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a job or an agent (E4); empty and 0 where a field does not apply."""

    sequence: int
    time: datetime | None
    kind: EventKind
    tenant: str
    job_id: str
    agent_id: str
    queue: str
    version: int
    reason: Reason
    presence: Presence | None
    presence_reason: str
    policy_version: int
    gateway: str
    arm: str

    @classmethod
    def of(cls, row: tuple[int, int, EventKind, str, str, str, str, int, int, int, str, int, str, str]) -> "Event":
        """The event of a row of `EventBatch.rows`."""
        sequence, time_us, kind, tenant, job_id, agent_id, queue, version, reason, presence = row[:10]
        presence_reason, policy_version, gateway, arm = row[10:]
        return cls(
            sequence, to_datetime(time_us), kind, tenant, job_id, agent_id, queue, version, Reason(reason),
            Presence(presence) if presence else None, presence_reason, policy_version, gateway, arm,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Jobs that wait in a queue and the seconds the oldest has waited."""

    id: str
    waiting_count: int
    longest_wait: float


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of a tenant; `load` and `capacity` are sums over the agents who are ONLINE."""

    tenant: str
    policy_version: int
    state_hash: int
    agents: Mapping[Presence, int]
    load: int
    capacity: int
    jobs: Mapping[JobState, int]
    queues: tuple[QueueStatus, ...]

    @classmethod
    def of(cls, view: TenantView) -> "Status":
        """The snapshot of a shard's view."""
        order = (Presence.ONLINE, Presence.AWAY, Presence.DRAINING, Presence.OFFLINE)
        return cls(
            tenant=view.tenant,
            policy_version=view.policy_version,
            state_hash=view.state_hash,
            agents=dict(zip(order, view.agents, strict=True)),
            load=view.load,
            capacity=view.capacity,
            jobs=dict(view.jobs),
            queues=tuple(QueueStatus(name, count, wait / _SECOND_US) for name, count, wait in view.queues),
        )


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One kept version of a policy: who stored it and when, and how large it is."""

    version: int
    author: str
    update_time: datetime | None
    queue_count: int
    rule_count: int


@dataclass(frozen=True, slots=True)
class PolicyTrial:
    """What a policy would do with a job (L4).

    `rule` and `plan` are empty where there is none; `head_start` in seconds; `agent_id` who would get it. `candidates`
    and `excluded` as in `Explanation`.
    """

    rule: str
    queue: str
    strategy: str
    plan: str
    urgency: int
    head_start: float
    outcome: Outcome
    reason: Reason
    agent_id: str
    key_names: tuple[str, ...]
    candidates: tuple[tuple[str, tuple[int, ...]], ...]
    excluded: tuple[tuple[str, str, str], ...]


def to_datetime(microseconds: int) -> datetime | None:
    """The time of a number of the shard's clock, exact to the microsecond; None for 0, which stands for none."""
    return _EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def from_datetime(time: datetime) -> int:
    """Microseconds of an aware datetime on the shard's clock, exact."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def summarize(view: ExplanationView) -> str:
    """One sentence for a person: where the job is, and why. Of a decision that was: what was decided, and why."""
    job, why = view.job, _WHY.get(view.job.reason, "")
    state = job.state.name.lower()
    if view.moment is not None and job.state not in (JobState.OFFERED, JobState.ASSIGNED, JobState.WRAPPING):
        return f"Job {job.id} is {state} now. {_decided(view, view.moment)}"
    if job.state in (JobState.OFFERED, JobState.ASSIGNED, JobState.WRAPPING) and view.decision is not None:
        return f"Job {job.id} is {state} to agent {view.decision[0]} since version {job.version}: {_because(view)}."
    if job.state is not JobState.QUEUED and view.decision is not None:
        return f"Job {job.id} is {state}{f': {why}' if why else ''}. Agent {view.decision[0]} had it: {_because(view)}."
    if job.state is not JobState.QUEUED:
        return f"Job {job.id} is {state}{f': {why}' if why else ''}."
    return f"Job {job.id} waits in queue {job.queue} because {why or 'no agent has taken it yet'}{_blocked(view)}."


def _because(view: ExplanationView) -> str:
    """What decided for the agent."""
    assert view.decision is not None
    _, _, cause, load, capacity, waited_us = view.decision
    strategy = f" {view.strategy}" if cause == "strategy" else ""
    waited = f", after {waited_us / _SECOND_US:.1f} s of waiting" if waited_us >= 0 else ""
    return f"decided by {cause}{strategy} with load {load} of {capacity} before{waited}"


def _blocked(view: ExplanationView) -> str:
    demands = " or without ".join(view.blocking_demands)
    verb = "would be placed now" if view.moment is None else "would have been placed"
    return f"; without {demands} it {verb}" if demands else ""


def _decided(view: ExplanationView, moment: Moment) -> str:
    """The decision of a job that nobody holds now."""
    if moment.agent_id:
        verb = "offered" if moment.outcome is Outcome.OFFERED else "given"
        return f"It was {verb} to agent {moment.agent_id}: {_because(view)}."
    why = _WHY.get(moment.reason, "")
    verb = "began to wait" if moment.outcome is Outcome.QUEUED else "was turned away"
    return f"It {verb} because {why or 'no agent could take it'}{_blocked(view)}."
