"""The twin: one tenant's router with the commands of the shard, every rule done the long way.

Each command is a step: it checks, changes, and lets `finish` restore the promise that no waiting job has a candidate.
A refused command raises `Failure` and changes nothing. Offers do not exist here, so accept and decline find no job in
a state for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from fairlead.policy.tables import STRATEGIES, PolicyTables
from tests.oracle.model import (
    ENDED,
    Agent,
    Answer,
    Demands,
    Failure,
    Job,
    Limit,
    Mode,
    Outcome,
    Presence,
    Reason,
    State,
    cost_of,
    has_room,
    normal_demands,
    queue_of,
)
from tests.oracle.world import World

Result = TypeVar("Result")


@dataclass
class Remembered:
    """What a request_id was used for and answered (J4)."""

    method: str
    content: tuple[Any, ...]
    answer: Any
    time: int


@dataclass
class Twin(World):
    """One tenant. Times are microseconds of a clock that stands until `advance_to`."""

    requests: dict[str, Remembered] = field(default_factory=dict)

    def advance_to(self, now_us: int) -> None:
        """Fires what is due on the way, each timer at its time and as a step of its own."""
        require(now_us >= self.now, "now_us")
        while due := [timer for timer in self.timers if timer.due <= now_us]:
            timer = min(due, key=lambda timer: timer.place)
            self.timers.remove(timer)
            self.now = max(self.now, timer.due)
            self.fire(timer)
        self.now = now_us

    # Jobs.

    def assign(
        self,
        job_id: str,
        *,
        queue: str = "",
        channel: str = "",
        skills: Demands = None,
        tags: Sequence[str] = (),
        preferred_skills: Demands = None,
        preferred_tags: Sequence[str] = (),
        customer: str = "",
        customer_tier: str = "",
        urgency: int = 0,
        head_start_us: int = 0,
        excluded_agents: Sequence[str] = (),
        wanted_agent: str = "",
        wanted_mode: int = 0,
        wanted_hold_us: int = 0,
        time_to_live_us: int = 0,
        start_time_us: int = 0,
        labels: Mapping[str, str] | None = None,
        language: str = "",
        customer_value: int = 0,
        affinity: int = 0,
        immediate_only: bool = False,
    ) -> Answer:
        require(job_id != "", "job.id")
        require(0 <= urgency <= 9, "job.urgency")
        require(head_start_us >= 0, "job.head_start")
        require(wanted_mode != Mode.OFF and wanted_hold_us >= 0, "job.wanted_agent")
        require(time_to_live_us >= 0, "job.time_to_live")
        require(not (immediate_only and start_time_us > self.now), "job.start_time")
        demands, preferred = normal_demands(skills), normal_demands(preferred_skills)
        content = (
            *(queue, channel, tuple(demands.items()), tuple(tags), tuple(preferred.items()), tuple(preferred_tags)),
            *(customer, customer_tier, urgency, head_start_us, tuple(excluded_agents)),
            *(wanted_agent, wanted_mode, wanted_hold_us, time_to_live_us, start_time_us),
            *(tuple(sorted((labels or {}).items())), language, customer_value, affinity),
        )
        self.advance_to(self.now)
        self.forget()
        known = self.jobs.get(job_id)
        if known is not None:
            if known.content != content:
                raise Failure("JOB_ALREADY_EXISTS", job_id)
            assert known.answer is not None
            return replace(known.answer, repeated=True)

        queue_id = queue or self.default_queue()
        channel_id = channel or self.policy.channels[0].id
        cost = cost_of(self.policy, channel_id)
        tier = next((tier for tier in self.policy.tiers if tier.id == customer_tier), None)
        found(queue_of(self.policy, queue_id), "QUEUE_NOT_FOUND")
        if cost is None:
            raise Failure("CHANNEL_NOT_FOUND", channel_id)
        if customer_tier:
            found(tier, "TIER_NOT_FOUND")
        excluded = {self.existing_agent(agent_id).number for agent_id in excluded_agents}
        wanted = self.existing_agent(wanted_agent) if wanted_agent else None

        job = Job(
            number=self.job_count + 1,
            id=job_id,
            content=content,
            queue=queue_id,
            channel=channel_id,
            skills=demands,
            tags=tuple(tags),
            preferred_skills=preferred,
            preferred_tags=tuple(preferred_tags),
            customer=customer,
            affinity=Mode(affinity),
            urgency=min(9, urgency + (tier.urgency if tier else 0)),
            head_start=head_start_us + (tier.head_start_us if tier else 0),
            excluded=excluded,
            create_time=self.now,
            queue_time=self.now,
            start_time=start_time_us,
            time_to_live=time_to_live_us,
            cost=cost,
        )
        job.own = self.own_for(job, wanted, Mode(wanted_mode), wanted_hold_us)
        job.answer = self.submit(job, immediate_only)
        return job.answer

    def submit(self, job: Job, immediate_only: bool) -> Answer:
        """Decides a new job, and keeps it unless it is refused."""
        if immediate_only and (reason := self.refusal_of(job)):
            job.reason = reason
            return self.answer(job, Outcome.REFUSED)
        if job.expiry is not None:
            self.set_timer(job.expiry, "time_to_live", job)
        if job.start_time > self.now:
            job.state, job.reason = State.SCHEDULED, Reason.SCHEDULED
            self.set_timer(job.start_time, "start", job)
            self.keep(job)
            return self.answer(job, Outcome.QUEUED)
        refused = self.decide(job)
        if refused is Limit.REFUSE:
            self.drop_timers(job, ("time_to_live",))
            job.reason = Reason.QUEUE_FULL
            return self.answer(job, Outcome.REFUSED)
        self.keep(job)
        if refused is Limit.CANCEL:
            self.end(job, State.CANCELLED, Reason.QUEUE_FULL)
            return self.answer(job, Outcome.REFUSED)
        self.finish()
        return self.answer(job, Outcome.ASSIGNED if job.state is State.ASSIGNED else Outcome.QUEUED)

    def refusal_of(self, job: Job) -> Reason:
        """Why a job that must not wait would have to; NONE when somebody takes it now."""
        job.held = self.should_be_held(job)
        agent, _ = self.choice(job)
        return Reason.NONE if agent is not None else self.waiting_reason(job)

    def keep(self, job: Job) -> None:
        self.jobs[job.id] = job
        self.job_count += 1

    def accept(self, job_id: str, version: int, request_id: str = "") -> Answer:
        return self.once(request_id, "accept", (job_id, version), lambda: self.answer_offer(job_id, version))

    def decline(self, job_id: str, version: int, request_id: str = "") -> Answer:
        return self.once(request_id, "decline", (job_id, version), lambda: self.answer_offer(job_id, version))

    def answer_offer(self, job_id: str, version: int) -> Answer:
        require(version >= 1, "version")
        self.existing_job(job_id)
        raise Failure("WRONG_STATE", job_id)

    def complete(
        self,
        job_id: str,
        version: int,
        request_id: str = "",
        first_response_us: int = 0,
        satisfaction: int = -1,
        skip_wrap_up: bool = False,
    ) -> Answer:
        require(version >= 1, "version")
        content = (job_id, version, first_response_us, satisfaction, skip_wrap_up)

        def deed() -> Answer:
            job = self.held_job(job_id, version)
            agent = self.agent_by_number(job.agent)
            assert agent is not None
            agent.completed_count += 1
            self.end(job, State.COMPLETED, Reason.NONE)
            answer = self.answer(job)
            self.finish()
            return answer

        return self.once(request_id, "complete", content, deed)

    def cancel(self, job_id: str, request_id: str = "") -> Answer:
        def deed() -> Answer:
            job = self.existing_job(job_id)
            if job.state in ENDED:
                raise Failure("WRONG_STATE", job_id)
            self.end(job, State.CANCELLED, Reason.CALLER)
            answer = self.answer(job)
            self.finish()
            return answer

        return self.once(request_id, "cancel", (job_id,), deed)

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
    ) -> Answer:
        require(version >= 1, "version")
        require(not (agent and queue), "target")

        def deed() -> Answer:
            self.existing_job(job_id)
            target = self.existing_agent(agent) if agent else None
            if queue:
                found(queue_of(self.policy, queue), "QUEUE_NOT_FOUND")
            job = self.held_job(job_id, version)
            if target is not None:
                self.check_target(job, target, over_capacity)
            if target is None and not queue:
                job.excluded.add(job.agent)
            self.release(job)
            if reset_age:
                job.queue_time = self.now
            self.move(job, queue or job.queue)
            if target is not None:
                self.give(job, target, picked=False)
            else:
                self.requeue(job)
            self.finish()
            return self.answer(job)

        content = (job_id, version, agent, queue, over_capacity, reset_age)
        return self.once(request_id, "transfer", content, deed)

    def check_target(self, job: Job, target: Agent, over_capacity: bool) -> None:
        """Refuses an agent the job may not go to (C2)."""
        if target.presence is not Presence.ONLINE:
            raise Failure("AGENT_NOT_ONLINE", target.id)
        if target.number == job.agent:
            raise Failure("SAME_AGENT", target.id)
        room = has_room(target, self.policy, job.channel, job.cost) and target.number not in self.reservations
        if not room and not over_capacity:
            raise Failure("AGENT_FULL", target.id)

    def requeue(self, job: Job) -> None:
        """A job that lost its agent waits again, unless its time to live has passed meanwhile."""
        job.state = State.REFUSED_STATE
        job.cost = cost_of(self.policy, job.channel) or job.cost
        if job.expiry is not None and job.expiry <= self.now:
            self.end(job, State.EXPIRED, Reason.TIME_TO_LIVE)
        else:
            self.wait(job)

    # Agents.

    def create_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | None = None,
        tags: Sequence[str] = (),
        capacity: int = 1,
        channel_limits: Mapping[str, int] | None = None,
        weight: int = 100,
        rating: int = 500,
        order: int = 0,
        presence: int = 4,
        request_id: str = "",
    ) -> Agent:
        check_agent(skills, capacity, weight, rating, order)

        def deed() -> Agent:
            self.check_channels(channel_limits)
            if agent_id in self.agents:
                raise Failure("AGENT_ALREADY_EXISTS", agent_id)
            self.agent_count += 1
            agent = Agent(
                number=self.agent_count,
                id=agent_id,
                skills=dict(skills or {}),
                tags=tuple(tags),
                capacity=capacity,
                channel_limits=dict(channel_limits or {}),
                weight=weight,
                rating=rating,
                order=order or self.highest_order + 1,
                presence=Presence(presence),
            )
            self.agents[agent_id] = agent
            self.highest_order = max(self.highest_order, agent.order)
            self.refresh(agent)
            self.finish()
            return agent

        content = (
            agent_id,
            frozen(skills),
            tuple(tags),
            capacity,
            frozen(channel_limits),
            weight,
            rating,
            order,
            presence,
        )
        return self.once(request_id, "create_agent", content, deed)

    def update_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | None = None,
        tags: Sequence[str] | None = None,
        capacity: int | None = None,
        channel_limits: Mapping[str, int] | None = None,
        weight: int | None = None,
        rating: int | None = None,
        order: int | None = None,
        request_id: str = "",
    ) -> Agent:
        check_agent(skills, capacity, weight, rating, order)

        def deed() -> Agent:
            agent = self.existing_agent(agent_id)
            self.check_channels(channel_limits)
            agent.skills = agent.skills if skills is None else dict(skills)
            agent.tags = agent.tags if tags is None else tuple(tags)
            agent.capacity = agent.capacity if capacity is None else capacity
            agent.channel_limits = agent.channel_limits if channel_limits is None else dict(channel_limits)
            agent.weight = agent.weight if weight is None else weight
            agent.rating = agent.rating if rating is None else rating
            agent.order = agent.order if order is None else order
            self.highest_order = max(self.highest_order, agent.order)
            self.refresh(agent)
            self.finish()
            return agent

        given = (frozen(skills), None if tags is None else tuple(tags), capacity, frozen(channel_limits))
        return self.once(request_id, "update_agent", (agent_id, *given, weight, rating, order), deed)

    def delete_agent(self, agent_id: str, request_id: str = "") -> None:
        def deed() -> None:
            agent = self.existing_agent(agent_id)
            if agent.jobs:
                raise Failure("AGENT_HOLDS_JOBS", agent_id)
            del self.agents[agent_id]
            for rotation in self.rotations.values():
                rotation.drop(agent.number)
            self.finish()

        self.once(request_id, "delete_agent", (agent_id,), deed)

    def set_presence(
        self, agent_id: str, presence: int, reason: str = "", lease_us: int = 0, request_id: str = ""
    ) -> bool:
        """True when the same request_id was answered before."""
        require(lease_us >= 0, "lease")
        repeated = True

        def deed() -> None:
            nonlocal repeated
            repeated = False
            agent = self.existing_agent(agent_id)
            agent.presence = Presence(presence)
            agent.presence_reason = reason
            self.refresh(agent)
            self.finish()

        self.once(request_id, "set_presence", (agent_id, presence, reason, lease_us), deed)
        return repeated

    def heartbeat(self, agent_ids: Sequence[str]) -> list[str]:
        """The ids that nobody has, or who is OFFLINE."""
        self.advance_to(self.now)
        there = {agent.id for agent in self.agents.values() if agent.presence != Presence.OFFLINE}
        return [agent_id for agent_id in agent_ids if agent_id not in there]

    # Policy.

    def install_policy(self, tables: PolicyTables, request_id: str = "") -> int:
        """The new version."""
        return self.once(request_id, "install_policy", (tables,), lambda: self.replace_policy(tables))

    def replace_policy(self, tables: PolicyTables) -> int:
        live = [job for job in self.jobs.values() if job.state not in ENDED]
        for job in live:
            if queue_of(tables, job.queue) is None:
                raise Failure("QUEUE_IN_USE", job.queue)
        for job in live:
            if cost_of(tables, job.channel) is None:
                raise Failure("CHANNEL_IN_USE", job.channel)
        self.policy = tables
        self.policy_version += 1
        for job in live:
            if job.state is not State.ASSIGNED:
                job.cost = cost_of(tables, job.channel) or job.cost
        strategies = {queue.id: queue.strategy for queue in tables.queues}
        self.pointers = {queue: pointer for queue, pointer in self.pointers.items() if queue in strategies}
        weighted = [key for key in self.rotations if strategies.get(key.queue) == STRATEGIES["weighted"]]
        self.rotations = {key: self.rotations[key] for key in weighted}
        for agent in self.agents.values():
            limits = agent.channel_limits.items()
            agent.channel_limits = {key: limit for key, limit in limits if cost_of(tables, key) is not None}
            self.refresh(agent)
        self.reset_clocks()
        self.finish()
        self.advance_to(self.now)  # fires the waits that the new policy finds too long already
        self.forget()  # by the new retention, before a later policy could make it longer again
        return self.policy_version

    def reset_clocks(self) -> None:
        """Waits and reservations are timed from when they began, by the present policy."""
        for job in self.waiting:
            max_wait = self.queue(job).max_wait_us
            assert job.wait_since is not None
            self.drop_timers(job, ("max_wait",))
            if max_wait:
                self.set_timer(job.wait_since + max_wait, "max_wait", job)
        self.timers = [timer for timer in self.timers if timer.kind != "reserve"]
        for key in self.heads:
            self.set_reserve_timer(key)

    # Reading.

    def job(self, job_id: str) -> Job:
        return self.existing_job(job_id)

    def agent(self, agent_id: str) -> Agent:
        return self.existing_agent(agent_id)

    def counts(self) -> dict[State, int]:
        """Jobs per state: live ones now, ended ones ever (J2)."""
        counts = dict(self.ended_count)
        for job in self.jobs.values():
            if job.state not in ENDED:
                counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    # Helpers of the commands.

    def default_queue(self) -> str:
        """The queue of a job that names none."""
        if self.policy.default_queue:
            return self.policy.default_queue
        require(len(self.policy.queues) == 1, "job.queue")
        return self.policy.queues[0].id

    def existing_agent(self, agent_id: str) -> Agent:
        return found(self.agents.get(agent_id), "AGENT_NOT_FOUND")

    def check_channels(self, limits: Mapping[str, int] | None) -> None:
        for channel in limits or {}:
            found(cost_of(self.policy, channel), "CHANNEL_NOT_FOUND")

    def existing_job(self, job_id: str) -> Job:
        self.forget()
        return found(self.jobs.get(job_id), "JOB_NOT_FOUND")

    def held_job(self, job_id: str, version: int) -> Job:
        """The job if somebody holds it under this version (J5)."""
        job = self.existing_job(job_id)
        if job.state is not State.ASSIGNED:
            raise Failure("WRONG_STATE", job_id)
        if job.version != version:
            raise Failure("STALE_VERSION", job_id)
        return job

    def once(self, request_id: str, method: str, content: tuple[Any, ...], deed: Callable[[], Result]) -> Result:
        """Does it, or answers as before when the request_id was answered before (J4). Only successes are remembered."""
        self.advance_to(self.now)
        self.forget()
        known = self.requests.get(request_id)
        if known is not None:
            if (known.method, known.content) != (method, content):
                raise Failure("REQUEST_ID_REUSED", request_id)
            first: Result = known.answer
            return first
        answer = deed()
        if request_id:
            remembered = replace(answer, repeated=True) if isinstance(answer, Answer) else answer
            self.requests[request_id] = Remembered(method, content, remembered, self.now)
        return answer

    def forget(self) -> None:
        """Drops ended jobs and request ids that are older than the retention."""
        oldest = self.now - self.policy.retention_us
        self.jobs = {key: job for key, job in self.jobs.items() if job.state not in ENDED or job.end_time > oldest}
        self.requests = {key: request for key, request in self.requests.items() if request.time > oldest}


def require(condition: bool, field_path: str) -> None:
    if not condition:
        raise Failure("INVALID_FIELD", field_path)


def found(value: Result | None, reason: str) -> Result:
    if value is None:
        raise Failure(reason)
    return value


def frozen(mapping: Mapping[str, int] | None) -> tuple[tuple[str, int], ...] | None:
    return None if mapping is None else tuple(mapping.items())


def check_agent(
    skills: Mapping[str, int] | None, capacity: int | None, weight: int | None, rating: int | None, order: int | None
) -> None:
    """The limits of an agent's numbers."""
    require(all(1 <= level <= 10 for level in (skills or {}).values()), "agent.skills")
    require(capacity is None or 1 <= capacity <= 10_000, "agent.capacity")
    require(weight is None or 1 <= weight <= 1000, "agent.weight")
    require(rating is None or 0 <= rating <= 1000, "agent.rating")
    require(order is None or 0 <= order <= 10**9, "agent.order")
