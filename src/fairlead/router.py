"""The embedded face: one class, the compiled engine, no network.

`Router` gives names, seconds and snapshots to what the shard does with names and microseconds; it decides nothing. All
calls are thread-safe and take the shard's lock for their own length. A refused call raises a class of
`fairlead.errors` and has changed nothing; that nobody is free is an outcome, not an error (E1).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike, fspath
from typing import Any, Required, Self, TypedDict

from fairlead.arguments import instant as _instant
from fairlead.arguments import levels as _levels
from fairlead.arguments import microseconds as _microseconds
from fairlead.arguments import name as _name
from fairlead.arguments import names as _names
from fairlead.arguments import natural as _natural
from fairlead.compaction import make_snapshot
from fairlead.customer_face import CustomerFace
from fairlead.errors import FairleadError, error
from fairlead.event_face import EventFace
from fairlead.policy_face import PolicyFace
from fairlead.rulebook.book import RuleBook
from fairlead.shard.core import MOST_RECORDS, Affinity, Assignment, JobState, Outcome, Presence, Shard
from fairlead.views import Agent, Explanation, Job, Status, to_datetime
from fairlead.watching import placed, wait_us_of

DEFAULT_TENANT = "default"
MAX_BATCH = 1_000
PAGE_SIZE = 1_000
SEGMENT_SIZE = 64 * 1024 * 1024  # bytes of one file of a journal

# A level as in a demand: at least this one, or (lowest, highest).
Demands = Mapping[str, int | tuple[int, int]] | Iterable[str]


class JobRequest(TypedDict, total=False):
    """One job of `Router.batch_assign`: the arguments of `Router.assign` by name."""

    job_id: Required[str]
    queue: str
    channel: str
    skills: Demands | None
    tags: Sequence[str]
    preferred_skills: Demands | None
    preferred_tags: Sequence[str]
    customer: str
    customer_tier: str
    urgency: int
    head_start: float
    excluded_agents: Sequence[str]
    wanted_agent: str
    wanted_mode: int
    wanted_hold: float
    time_to_live: float
    start_time: datetime | float | None
    labels: Mapping[str, str] | None
    language: str
    customer_value: int
    affinity: int
    gateway: str


class Router(PolicyFace, CustomerFace, EventFace):
    """Assigns jobs to agents in this process.

    Times come from the machine's clock, or with `virtual_time` from `advance_to` alone, which makes tests and
    simulations exact. Every method takes `tenant`; a tenant exists from its first change. Lengths of time are seconds.
    Timers (holds, maximum waits, times to live, leases) fire in `tick` and `advance_to`.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        durability: str = "fsync",
        *,
        virtual_time: bool = False,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        """In memory without a `path`; with one the state survives in a journal there, begun when there is none.

        `durability` is what an answer means: "fsync", it survives a power cut; "os", a crash of this process; "none",
        nothing until `close`. Every call returns only then. A second router on the directory is refused, and a journal
        that is not whole is never read as a good one: FairleadError (JOURNAL_..) says where. A disk that fails later
        ends the process with exit code 74. `recovered` tells what was found. Close it, or use it in `with`.
        """
        self._shard = Shard(virtual_time=virtual_time)
        self._book = RuleBook(self._shard)
        self._virtual_time = virtual_time
        self.recovered = None
        if path is not None:
            self.recovered = self._shard.open(fspath(path), durability, segment_size=segment_size)
        # Bound once: the attribute look-ups would be a tenth of an assign.
        self._assign = self._shard.assign

    def close(self) -> None:
        """Writes and syncs what is pending and gives the directory free; the router then lives on in memory alone."""
        self._shard.close()

    def journal(self) -> dict[str, int]:
        """Counts of the journal since the start: commits, frames, bytes, sequence, durable ..; empty in memory."""
        return self._shard.journal()

    def snapshot(self) -> dict[str, Any]:
        """Makes a snapshot of the journal, so that the next start need not read all of it, and deletes what none needs.

        A process of its own makes it (`fairlead snapshot create`), at low priority, while this router goes on; returns
        when it is there: its name, sequence, size, .. A name of "" says that nothing came since the last one. Raises
        FailedPrecondition in memory, and FairleadError (JOURNAL_FAILED) with what that process said.
        """
        return make_snapshot(self._shard.directory)

    def __enter__(self) -> Self:
        """The router itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes it."""
        self.close()

    # Jobs

    # Name what follows the id. Python does not enforce it here, because that cost a fifth of an assign: it looks up the
    # default of every argument that can only be named and is not.
    def assign(
        self,
        job_id: str,
        queue: str = "",
        channel: str = "",
        skills: Demands | None = None,
        tags: Sequence[str] = (),
        preferred_skills: Demands | None = None,
        preferred_tags: Sequence[str] = (),
        customer: str = "",
        customer_tier: str = "",
        urgency: int = 0,
        head_start: float = 0,
        excluded_agents: Sequence[str] = (),
        wanted_agent: str = "",
        wanted_mode: int = Affinity.UNSET,
        wanted_hold: float = 0,
        time_to_live: float = 0,
        start_time: datetime | float | None = None,
        labels: Mapping[str, str] | None = None,
        language: str = "",
        customer_value: int = 0,
        affinity: int = Affinity.UNSET,
        gateway: str = "",
        immediate_only: bool = False,
        wait: float = 0,
        tenant: str = DEFAULT_TENANT,
    ) -> Assignment:
        """Submits a job: an agent holds it, it waits, or it was refused; `outcome` and `reason` say which (E1).

        `skills` demands levels: names (any level), name -> lowest, or name -> (lowest, highest). `urgency` is 0-9 and
        `head_start` at most 24 h (Q3). `wanted_hold` is how long the job may wait for `wanted_agent` alone. With
        `immediate_only` the job is refused instead of waiting. Repeating a job id with the same content gives the
        first answer with `repeated`. With `wait` (seconds, at most an hour) a job that has to wait is answered when an
        agent has it, when it ended, or after that time, as it is then; never with virtual time, which stands meanwhile.

        Raises NotFound (queue, channel, tier, named agents), AlreadyExists (the id with other content),
        InvalidArgument (a wrong field). Cost: a few microseconds, whatever the number of agents.
        """
        wait_us = wait_us_of(wait, self._virtual_time) if wait else 0
        # By position: matching two dozen names would cost as much as the assign.
        answer = self._assign(
            tenant,
            job_id,
            queue,
            channel,
            skills,
            tags,
            preferred_skills,
            preferred_tags,
            customer,
            customer_tier,
            urgency,
            _microseconds(head_start, "job.head_start") if head_start else 0,
            excluded_agents,
            wanted_agent,
            wanted_mode,
            _microseconds(wanted_hold, "job.wanted_agent.hold") if wanted_hold else 0,
            _microseconds(time_to_live, "job.time_to_live") if time_to_live else 0,
            0 if start_time is None else _instant(start_time, "job.start_time"),
            labels,
            language,
            customer_value,
            affinity,
            immediate_only,
            gateway,
        )
        return placed(self._shard, answer, tenant, wait_us) if wait_us and answer.outcome == Outcome.QUEUED else answer

    def batch_assign(
        self, jobs: Sequence[JobRequest], *, immediate_only: bool = False, tenant: str = DEFAULT_TENANT
    ) -> list[Assignment | FairleadError]:
        """Submits 1 to 1,000 jobs in order; a job that is refused as an error leaves its error in its place.

        Raises InvalidArgument for a wrong number of jobs. Cost: that of as many assigns.
        """
        if not 1 <= len(jobs) <= MAX_BATCH:
            raise error("INVALID_FIELD", f"{len(jobs)} jobs; 1 to {MAX_BATCH} are allowed", "jobs")
        results: list[Assignment | FairleadError] = []
        for job in jobs:
            try:
                results.append(self.assign(**job, immediate_only=immediate_only, tenant=tenant))
            except FairleadError as refused:
                results.append(refused)
        return results

    def accept(self, job_id: str, version: int, *, request_id: str = "", tenant: str = DEFAULT_TENANT) -> Assignment:
        """The offered agent takes the job, until its deadline (O1).

        Raises NotFound, FailedPrecondition (not offered, stale version).
        """
        return self._shard.accept(tenant, job_id, version, request_id)

    def decline(self, job_id: str, version: int, *, request_id: str = "", tenant: str = DEFAULT_TENANT) -> Assignment:
        """The offered agent does not take the job; it is offered on in the same step. Raises as `accept`."""
        return self._shard.decline(tenant, job_id, version, request_id)

    def complete(
        self,
        job_id: str,
        version: int,
        *,
        first_response: float = 0,
        satisfaction: int | None = None,
        skip_wrap_up: bool = False,
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> Assignment:
        """Ends a held job; the agent's room serves the backlog in the same step, or after the after-work (Q1).

        `version` is that of the assignment (J5); `first_response` seconds to the agent's first answer; `satisfaction`
        0-1000. Raises NotFound, FailedPrecondition (nobody holds it, stale version), InvalidArgument.
        """
        return self._shard.complete(
            tenant,
            job_id,
            version,
            request_id,
            _microseconds(first_response, "first_response") if first_response else 0,
            -1 if satisfaction is None else _natural(satisfaction, "satisfaction"),
            skip_wrap_up,
        )

    def finish_wrap_up(
        self, job_id: str, version: int, *, request_id: str = "", tenant: str = DEFAULT_TENANT
    ) -> Assignment:
        """Ends the after-work of a completed job before its time is over; the agent's room serves the backlog.

        Raises NotFound, FailedPrecondition (no after-work, stale version).
        """
        return self._shard.finish_wrap_up(tenant, job_id, version, request_id)

    def cancel(self, job_id: str, *, request_id: str = "", tenant: str = DEFAULT_TENANT) -> Assignment:
        """Ends a live job whoever holds it. Raises NotFound, FailedPrecondition when it has ended already."""
        return self._shard.cancel(tenant, job_id, request_id)

    def transfer(
        self,
        job_id: str,
        version: int,
        *,
        agent: str = "",
        queue: str = "",
        over_capacity: bool = False,
        reset_age: bool = False,
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> Assignment:
        """Moves a held job to `agent`, to the backlog of `queue`, or, with neither, back to its own without its agent.

        `over_capacity` gives it to an agent who is full (C2); `reset_age` starts its age again (Q7). Raises NotFound,
        FailedPrecondition (nobody holds it, stale version, agent not online), ResourceExhausted (agent full),
        InvalidArgument (both targets).
        """
        if agent and queue:
            raise error("INVALID_FIELD", "a transfer has one target: agent or queue, not both", "queue")
        return self._shard.transfer(
            tenant,
            job_id,
            version,
            agent=agent,
            queue=queue,
            over_capacity=over_capacity,
            reset_age=reset_age,
            request_id=request_id,
        )

    def job(self, job_id: str, *, tenant: str = DEFAULT_TENANT) -> Job:
        """A live or remembered job. Raises NotFound."""
        return Job.of(self._shard.job(tenant, _name(job_id, "job_id")))

    def jobs(
        self,
        *,
        states: Iterable[JobState] = (),
        queue: str = "",
        agent: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> Iterator[Job]:
        """Live and remembered jobs by submission; filters that are empty let all pass.

        Read in pages of 1,000: jobs that come or go while iterating may be seen or not, none is seen twice.
        """
        wanted = tuple(states)
        after = 0
        while True:
            page, after = self._shard.jobs(
                tenant, after=after, limit=PAGE_SIZE, states=wanted, queue=queue, agent_id=agent
            )
            yield from map(Job.of, page)
            if not after:
                return

    def explain(
        self, job_id: str, *, when: int = 0, max_records: int = MOST_RECORDS, tenant: str = DEFAULT_TENANT
    ) -> Explanation:
        """Why a job is where it is (E3): `When.NOW` or `When.AT_DECISION`; 0: at its decision unless it waits.

        Cost: linear in the agents of the tenant. A decision is read from the journal, up to `max_records` records,
        while other calls go on. Without a journal the present is told, and `at_decision_unavailable` says so; one that
        is longer than that raises ResourceExhausted if AT_DECISION was asked for. Raises NotFound.
        """
        return Explanation.of(self._shard.explain(tenant, _name(job_id, "job_id"), when, max_records))

    # Agents

    def create_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | Iterable[str] | None = None,
        tags: Sequence[str] = (),
        capacity: int = 1,
        channel_limits: Mapping[str, int] | None = None,
        weight: int = 100,
        rating: int = 500,
        order: int = 0,
        presence: int = Presence.OFFLINE,
        wrap_up: float | None = None,
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> Agent:
        """Adds an agent.

        `skills` maps names to levels 1-10; a plain list of names is level 10 (K1). `channel_limits` maps channels to
        the jobs the agent may hold of them. `order` 0 is after everyone created before. `wrap_up` is the agent's own
        after-work, 0 for none, None for the queue's. Raises AlreadyExists, NotFound (channel), InvalidArgument.
        """
        view = self._shard.create_agent(
            tenant,
            agent_id,
            skills=_levels(skills),
            tags=_names(tags, "agent.tags"),
            capacity=capacity,
            channel_limits=channel_limits,
            weight=weight,
            rating=rating,
            order=order,
            presence=presence,
            wrap_up_us=-1 if wrap_up is None else _microseconds(wrap_up, "agent.wrap_up"),
            request_id=_name(request_id, "request_id", 0),
        )
        return Agent.of(view)

    def update_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | Iterable[str] | None = None,
        tags: Sequence[str] | None = None,
        capacity: int | None = None,
        channel_limits: Mapping[str, int] | None = None,
        weight: int | None = None,
        rating: int | None = None,
        order: int | None = None,
        wrap_up: float | None = None,
        clear_wrap_up: bool = False,
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> Agent:
        """Changes what is given, None leaves as it is; waiting jobs follow in the same step (Q1).

        Lowering capacity takes no job away (C2). With `clear_wrap_up` the after-work is the queue's again. Raises
        NotFound (agent, channel), InvalidArgument.
        """
        view = self._shard.update_agent(
            tenant,
            agent_id,
            skills=_levels(skills),
            tags=None if tags is None else _names(tags, "agent.tags"),
            capacity=capacity,
            channel_limits=channel_limits,
            weight=weight,
            rating=rating,
            order=order,
            wrap_up_us=-1 if clear_wrap_up else None if wrap_up is None else _microseconds(wrap_up, "agent.wrap_up"),
            request_id=_name(request_id, "request_id", 0),
        )
        return Agent.of(view)

    def delete_agent(self, agent_id: str, *, request_id: str = "", tenant: str = DEFAULT_TENANT) -> None:
        """Removes an agent. Raises NotFound, FailedPrecondition while the agent holds jobs."""
        self._shard.delete_agent(tenant, _name(agent_id, "agent_id"), _name(request_id, "request_id", 0))

    def set_presence(
        self,
        agent_id: str,
        presence: int,
        *,
        reason: str = "",
        lease: float = 0,
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> bool:
        """Changes presence, which takes no held job away (P1) unless the agent is lost (P3).

        True when this request_id was answered before.

        With a `lease` (1 s to 24 h) the agent becomes OFFLINE without a heartbeat within it (P2). Raises NotFound,
        InvalidArgument.
        """
        lease_us = _microseconds(lease, "lease") if lease else 0
        return self._shard.set_presence(tenant, agent_id, presence, reason, lease_us, request_id)

    def heartbeat(self, agent_ids: Sequence[str], *, tenant: str = DEFAULT_TENANT) -> list[str]:
        """Extends the leases of 1 to 10,000 agents; returns the ids that must log in again."""
        return self._shard.heartbeat(tenant, _names(agent_ids, "agent_ids"))

    def agent(self, agent_id: str, *, tenant: str = DEFAULT_TENANT) -> Agent:
        """One agent. Raises NotFound."""
        return Agent.of(self._shard.agent(tenant, _name(agent_id, "agent_id")))

    def agents(self, *, tenant: str = DEFAULT_TENANT) -> list[Agent]:
        """All agents, by order number. Cost: linear."""
        return [Agent.of(view) for view in self._shard.agents(tenant)]

    # State and time

    def tenants(self) -> list[str]:
        """Tenants that exist."""
        return self._shard.tenants()

    def status(self, *, tenant: str = DEFAULT_TENANT) -> Status:
        """Counts of agents and jobs and the state hash."""
        return Status.of(self._shard.status(tenant))

    def check(self, *, tenant: str = DEFAULT_TENANT) -> list[str]:
        """Every invariant of every structure; what is violated. Cost: linear in the state."""
        return self._shard.check(tenant)

    def state_hash(self, *, tenant: str = DEFAULT_TENANT) -> int:
        """Equal for equal histories, on every build."""
        return self._shard.state_hash(tenant)

    @property
    def now(self) -> datetime | None:
        """The router's time; None at the zero of virtual time."""
        return to_datetime(self._shard.now_us)

    def advance_to(self, time: datetime | float) -> None:
        """Moves virtual time forward, seconds from its zero or a datetime, and fires what was due on the way, in order.

        Raises FairleadError for a time in the past or a router without virtual time.
        """
        self._shard.advance_to(_instant(time, "time"))

    def tick(self) -> float | None:
        """Fires the timers that are due; returns the seconds until the next one, None when there is none."""
        wait_us = self._shard.tick()
        return None if wait_us < 0 else wait_us / 1_000_000
