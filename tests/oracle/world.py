"""The twin's state and the questions that can be asked of it, answered by going through lists. They change nothing."""

from dataclasses import dataclass, field

from fairlead.policy.tables import STRATEGIES, AffinityTierTable, PlanTable, PolicyTables, QueueTable
from tests.oracle.choose import Order, best
from tests.oracle.demands import Demands, is_member, step_strategy
from tests.oracle.lookup import cost_of, has_room, plan_of, queue_of
from tests.oracle.model import (
    DAY,
    Agent,
    Answer,
    ClassKey,
    Closed,
    Customer,
    Job,
    Mode,
    Outcome,
    Own,
    Presence,
    Reason,
    State,
)
from tests.oracle.rotation import Rotation
from tests.oracle.timers import Timer

DEFAULT_TIERS = (AffinityTierTable(age_us=DAY),)
WEIGHTED = STRATEGIES["weighted"]


@dataclass
class Head:
    """The first ordinary waiting job of a class, and since when it is that (Q8)."""

    job: Job
    since: int


@dataclass
class Reservation:
    """The head of a class for whom an agent is set aside (Q8)."""

    job: Job
    key: ClassKey


@dataclass
class World:
    """State of one tenant. `jobs`: live and remembered, by id; `agents` by id; `reservations` by agent number.

    `open_ids` are the schedules that are open now, `active` the scenarios switched on.
    """

    now: int = 0
    policy: PolicyTables = field(default_factory=PolicyTables)
    policy_version: int = 0
    agents: dict[str, Agent] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    open_ids: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    waiting: list[Job] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    heads: dict[ClassKey, Head] = field(default_factory=dict)
    classes: dict[ClassKey, int] = field(default_factory=dict)
    reservations: dict[int, Reservation] = field(default_factory=dict)
    rotations: dict[ClassKey, Rotation] = field(default_factory=dict)
    pointers: dict[str, tuple[int, int]] = field(default_factory=dict)
    memory: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    ended_count: dict[State, int] = field(default_factory=dict)
    agent_count: int = 0
    job_count: int = 0
    given_count: int = 0
    highest_order: int = 0

    def queue(self, job: Job) -> QueueTable:
        queue = queue_of(self.policy, job.queue)
        assert queue is not None, f"queue {job.queue} of a live job is gone"
        return queue

    def plan(self, job: Job) -> PlanTable | None:
        return plan_of(self.policy, job.plan)

    def agent_by_number(self, number: int) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.number == number), None)

    def members(self, queue: QueueTable) -> list[Agent]:
        return [agent for agent in self.agents.values() if is_member(agent, queue)]

    def matches(self, job: Job, agent: Agent) -> bool:
        """A member of the job's queue who meets its demands."""
        return is_member(agent, self.queue(job)) and job.demands.met_by(agent)

    # Hours.

    def is_closed(self, queue: QueueTable) -> bool:
        """Outside its hours; hours that no schedule of the policy describes are always."""
        known = any(schedule.id == queue.hours for schedule in self.policy.schedules)
        return known and queue.hours not in self.open_ids

    def rests(self, job: Job) -> bool:
        """The job's queue is closed and lets its jobs wait until it opens."""
        queue = self.queue(job)
        return self.is_closed(queue) and queue.on_closed == Closed.QUEUE

    def strategy(self, job: Job) -> int:
        """Of the latest step that set one, else the job's own, else the queue's, which may have one for after hours."""
        queue = self.queue(job)
        after_hours = self.is_closed(queue) and queue.on_closed == Closed.STRATEGY and queue.closed_strategy
        return step_strategy(self.plan(job), job.step) or job.strategy or after_hours or queue.strategy

    # Who may take a job.

    def is_warming_up(self, agent: Agent, queue: QueueTable) -> bool:
        """P4: came lately, had a job within the interval, and holds less than those here for longer do on average."""
        if not queue.warm_up_interval_us or agent.warm_since is None or agent.warm_last is None:
            return False
        if agent.presence is not Presence.ONLINE:
            return False
        ends = min(agent.warm_since + queue.warm_up_for_us, agent.warm_last + queue.warm_up_interval_us)
        if self.now >= ends:
            return False
        settled = [other for other in self.members(queue) if self.is_settled(other, queue)]
        return not settled or agent.load * len(settled) < sum(other.load for other in settled)

    def is_settled(self, agent: Agent, queue: QueueTable) -> bool:
        """ONLINE for longer than a warm-up takes."""
        if agent.presence is not Presence.ONLINE:
            return False
        return agent.warm_since is None or self.now >= agent.warm_since + queue.warm_up_for_us

    def is_limited(self, agent: Agent, queue: QueueTable) -> bool:
        """P5. One that ends now ends when the agent's own timer has fired."""
        start = self.now - queue.rate_window_us - (1 if self.limit_ends(agent) else 0)
        lately = [time for time in agent.given_times if time > start]
        return 0 < queue.rate_limit <= len(lately)

    def limit_ends(self, agent: Agent) -> bool:
        """Something that kept the agent from new jobs ends now, and its timer has not fired."""
        return any(timer.target is agent and timer.kind == "limit" and timer.due <= self.now for timer in self.timers)

    def may_take(self, job: Job, agent: Agent) -> bool:
        """Room for the job, neither warming up nor limited, and not reserved for one with a smaller key (Q8)."""
        queue = self.queue(job)
        reservation = self.reservations.get(agent.number)
        blocked = reservation is not None and reservation.job is not job and reservation.job.key < job.key
        room = has_room(agent, self.policy, job.channel, job.cost)
        return room and not (blocked or self.is_limited(agent, queue) or self.is_warming_up(agent, queue))

    def is_excluded(self, job: Job, agent: Agent) -> bool:
        """By the job's list, or because the agent let its offer go lately (O2)."""
        return agent.number in job.excluded or job.is_barred(agent)

    def roomy_agents(self) -> list[Agent]:
        """Those ONLINE with at least one unit free: nobody else is a candidate for anything."""
        return [
            agent for agent in self.agents.values() if agent.presence is Presence.ONLINE and agent.load < agent.capacity
        ]

    def candidates(self, job: Job, only: Agent | None = None) -> list[Agent]:
        """T1; of one agent, when only that one is asked."""
        return [
            agent
            for agent in self.roomy_agents()
            if only in (None, agent)
            and not self.is_excluded(job, agent)
            and self.matches(job, agent)
            and self.may_take(job, agent)
        ]

    def own_agent(self, job: Job) -> Agent | None:
        return self.agent_by_number(job.own.agent) if job.own is not None else None

    def own_is_there(self, job: Job, agent: Agent) -> bool:
        """A2: PREFER counts an own agent who matches and is ONLINE, or AWAY where the tier says so."""
        assert job.own is not None
        away = job.own.also_away and agent.presence is Presence.AWAY
        return (agent.presence is Presence.ONLINE or away) and self.matches(job, agent)

    def should_be_held(self, job: Job) -> bool:
        """Whether a job that is decided now waits for its own agent alone, should that agent not take it."""
        agent = self.own_agent(job)
        if job.own is None or agent is None:
            return False
        if job.own.mode is Mode.REQUIRE:
            return True
        if self.is_excluded(job, agent) or not self.own_is_there(job, agent) or self.may_take(job, agent):
            return False
        return self.now < job.queue_time + job.own.hold

    def choice(self, job: Job, only: Agent | None = None) -> tuple[Agent | None, bool]:
        """Who gets the job now, of all or `only` of this one, and whether the strategy picked them (not affinity)."""
        if self.rests(job):
            return None, False
        own = self.own_agent(job)
        if job.own is not None and own is not None and not self.is_excluded(job, own):
            there = self.own_is_there(job, own)
            if job.own.mode is Mode.REQUIRE:
                there = there and own.presence is Presence.ONLINE
            if there and only in (None, own) and self.may_take(job, own):
                return own, False
        if job.held:
            return None, False
        candidates = self.candidates(job, only)
        if not candidates:
            return None, False
        return best(candidates, job, self.order(job)), True

    def order(self, job: Job) -> Order:
        queue, strategy = self.queue(job), self.strategy(job)
        rotation = self.rotation(job) if strategy == WEIGHTED else None
        return Order(queue, self.plan(job), strategy, self.policy.seed, self.pointers.get(queue.id), rotation)

    def waiting_reason(self, job: Job) -> Reason:
        """E1 for a job that gets nobody now."""
        if self.rests(job):
            return Reason.CLOSED_HOURS
        if job.held:
            return Reason.HELD_FOR_AGENT
        members = self.members(self.queue(job))
        if not job.demands.is_empty and not any(job.demands.met_by(agent) for agent in members):
            return Reason.NONE_ELIGIBLE
        online = [agent for agent in members if agent.presence is Presence.ONLINE]
        if not online:
            return Reason.NO_AGENT_ONLINE
        able = [agent for agent in online if job.demands.met_by(agent)]
        if not able:
            return Reason.NONE_ELIGIBLE
        if any(self.is_excluded(job, agent) and self.may_take(job, agent) for agent in able):
            return Reason.BARRED
        return Reason.ALL_BUSY

    def waiting_in(self, queue: str) -> int:
        return sum(1 for job in self.waiting if job.queue == queue)

    def own_for(self, job: Job, wanted: Agent | None, mode: Mode, hold: int) -> Own | None:
        """The agent a new job prefers or requires: the wanted one, else who served the customer lately (A1, A2)."""
        if wanted is not None:
            return Own(wanted.number, mode or Mode.PREFER, hold, also_away=False)
        queue = self.queue(job)
        effective = Mode(job.affinity or queue.affinity_mode)
        known = self.memory.get((job.customer, queue.affinity_group or queue.id))
        if not job.customer or effective is Mode.OFF or known is None or self.agent_by_number(known[0]) is None:
            return None
        for tier in queue.affinity_tiers or DEFAULT_TIERS:
            if self.now - known[1] <= tier.age_us:
                return Own(known[0], effective, tier.hold_us, tier.also_away)
        return None

    def answer(self, job: Job, outcome: Outcome = Outcome.NONE) -> Answer:
        """What the job has come to; no agent and version 0 when nobody has it."""
        holder = self.agent_by_number(job.agent)
        return Answer(
            job_id=job.id,
            outcome=outcome,
            state=job.state,
            reason=job.reason,
            agent_id=holder.id if holder else "",
            version=job.version if holder else 0,
            policy_version=self.policy_version,
            queue=job.queue,
            deadline_us=job.deadline,
            arm=job.arm,
        )

    # Rotations.

    def rotation(self, job: Job) -> Rotation:
        """The rotation of the job's class, begun when it is first asked for."""
        key = job.class_key
        if key not in self.rotations:
            self.rotations[key] = Rotation()
            for agent in self.agents.values():
                self.seat(key, agent)
        return self.rotations[key]

    def seat(self, key: ClassKey, agent: Agent) -> None:
        """Tells one rotation of one agent's state."""
        queue = queue_of(self.policy, key.queue)
        assert queue is not None
        demanded = Demands({name: (low, high) for name, low, high in key.skills}, key.tags)
        if not is_member(agent, queue) or not demanded.met_by(agent):
            self.rotations[key].drop(agent.number)
            return
        cost = cost_of(self.policy, key.channel)
        present = (
            agent.presence is Presence.ONLINE
            and cost is not None
            and has_room(agent, self.policy, key.channel, cost)
            and agent.number not in self.reservations
        )
        self.rotations[key].put(agent.number, agent.weight, present)

    def refresh(self, agent: Agent) -> None:
        """Tells every rotation of a change of the agent."""
        for key in self.rotations:
            self.seat(key, agent)
