"""The twin's state and what happens inside a step: deciding, giving, waiting, matching, reserving, timers.

A step is one command or one timer. It ends with `finish`, after which no waiting job has a candidate. Every question is
answered by going through a list.
"""

from dataclasses import dataclass, field

from fairlead.policy.tables import STRATEGIES, AffinityTierTable, PolicyTables, QueueTable
from tests.oracle.choose import best
from tests.oracle.model import (
    DAY,
    Agent,
    Answer,
    ClassKey,
    Job,
    Limit,
    Mode,
    Outcome,
    Own,
    Presence,
    Reason,
    State,
    channel_room,
    cost_of,
    has_room,
    has_skills,
    is_member,
    meets,
    queue_of,
)
from tests.oracle.rotation import Rotation

DEFAULT_TIERS = (AffinityTierTable(age_us=DAY),)


# Timers of one job that are due together fire in this order.
KINDS = ("time_to_live", "start", "hold", "max_wait", "reserve")


@dataclass
class Timer:
    """`target`: a job, or the class whose head may reserve; `number` is the job's or the class's."""

    due: int
    kind: str
    target: Job | ClassKey
    number: int

    @property
    def place(self) -> tuple[int, bool, int, int]:
        """Jobs before classes, by number."""
        return (self.due, self.kind == "reserve", self.number, KINDS.index(self.kind))


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
    """State of one tenant. `jobs`: live and remembered, by id; `agents` by id; `reservations` by agent number."""

    now: int = 0
    policy: PolicyTables = field(default_factory=PolicyTables)
    policy_version: int = 0
    agents: dict[str, Agent] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
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

    # Questions. They change nothing.

    def queue(self, job: Job) -> QueueTable:
        queue = queue_of(self.policy, job.queue)
        assert queue is not None, f"queue {job.queue} of a live job is gone"
        return queue

    def agent_by_number(self, number: int) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.number == number), None)

    def matches(self, job: Job, agent: Agent) -> bool:
        """A member of the job's queue who meets its demands."""
        return is_member(agent, self.queue(job)) and meets(agent, job.skills, job.tags)

    def may_take(self, job: Job, agent: Agent) -> bool:
        """Room for the job, and not reserved for one with a smaller key (Q8)."""
        reservation = self.reservations.get(agent.number)
        blocked = reservation is not None and reservation.job is not job and reservation.job.key < job.key
        return not blocked and has_room(agent, self.policy, job.channel, job.cost)

    def candidates(self, job: Job) -> list[Agent]:
        """T1."""
        return [
            agent
            for agent in self.roomy_agents()
            if agent.number not in job.excluded and self.may_take(job, agent) and self.matches(job, agent)
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
        if agent.number in job.excluded or not self.own_is_there(job, agent) or self.may_take(job, agent):
            return False
        return self.now < job.queue_time + job.own.hold

    def choice(self, job: Job) -> tuple[Agent | None, bool]:
        """Who gets the job now, and whether the strategy picked them (rather than affinity)."""
        own = self.own_agent(job)
        if job.own is not None and own is not None and own.number not in job.excluded:
            there = self.own_is_there(job, own)
            if job.own.mode is Mode.REQUIRE:
                there = there and own.presence is Presence.ONLINE
            if there and self.may_take(job, own):
                return own, False
        if job.held:
            return None, False
        candidates = self.candidates(job)
        if not candidates:
            return None, False
        queue = self.queue(job)
        rotation = self.rotation(job) if queue.strategy == STRATEGIES["weighted"] else None
        return best(candidates, job, queue, self.policy, self.pointers.get(queue.id), rotation), True

    def waiting_reason(self, job: Job) -> Reason:
        """E1 for a job that gets nobody now."""
        if job.held:
            return Reason.HELD_FOR_AGENT
        members = [agent for agent in self.agents.values() if is_member(agent, self.queue(job))]
        demands = bool(job.skills or job.tags)
        if demands and not any(meets(agent, job.skills, job.tags) for agent in members):
            return Reason.NONE_ELIGIBLE
        online = [agent for agent in members if agent.presence is Presence.ONLINE]
        if not online:
            return Reason.NO_AGENT_ONLINE
        able = [agent for agent in online if meets(agent, job.skills, job.tags)]
        if not able:
            return Reason.NONE_ELIGIBLE
        if any(agent.number in job.excluded and self.may_take(job, agent) for agent in able):
            return Reason.BARRED
        return Reason.ALL_BUSY

    def waiting_in(self, queue: str) -> int:
        return sum(1 for job in self.waiting if job.queue == queue)

    def answer(self, job: Job, outcome: Outcome = Outcome.NONE) -> Answer:
        """What the job has come to; no agent and version 0 when nobody holds it."""
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
        )

    # Deciding one job.

    def decide(self, job: Job) -> Limit | None:
        """Gives the job away or lets it wait, overflowing as told (Q6). Answers what refused it, None = nothing did."""
        self.class_number(job.class_key)
        job.held = self.should_be_held(job)
        agent, picked = self.choice(job)
        if agent is not None:
            self.give(job, agent, picked)
            return None
        queue = self.queue(job)
        if queue.max_length == 0 or self.waiting_in(queue.id) < queue.max_length:
            self.wait(job)
            return None
        if queue.on_max_length == Limit.OVERFLOW:
            self.move(job, queue.overflow_queue)
            refused = self.decide(job)
            if refused is not None:
                job.queue = queue.id  # where nobody took it in, it never was
            return refused
        return Limit(queue.on_max_length)

    def move(self, job: Job, queue: str) -> None:
        """To another queue, where own agents do not count and the wait begins anew."""
        if job.queue != queue:
            job.wait_since = None
        job.queue = queue
        job.own = None
        job.held = False

    def give(self, job: Job, agent: Agent, picked: bool) -> None:
        """The agent holds the job from now on (T3). The rotation is charged while everything is as it was before."""
        if self.queue(job).strategy == STRATEGIES["weighted"]:
            self.rotation(job).charge(agent.number, picked)
        if job.state is State.QUEUED:
            self.stop_waiting(job)
        agent.jobs.append(job)
        self.given_count += 1
        agent.last_given = self.given_count
        agent.last_given_time = self.now
        agent.given_count += 1
        job.state = State.ASSIGNED
        job.reason = Reason.NONE
        job.held = False
        job.agent = agent.number
        job.version += 1
        job.assign_time = self.now
        queue = self.queue(job)
        self.pointers[queue.id] = (agent.order, agent.number)
        if job.customer and (job.affinity or queue.affinity_mode) != Mode.OFF:
            self.memory[job.customer, queue.affinity_group or queue.id] = (agent.number, self.now)
        self.refresh(agent)

    def release(self, job: Job) -> Agent:
        """Nobody holds the job any more; who did."""
        agent = self.agent_by_number(job.agent)
        assert agent is not None
        agent.jobs.remove(job)
        job.agent = 0
        job.assign_time = 0
        self.refresh(agent)
        return agent

    def wait(self, job: Job) -> None:
        """The job joins the backlog at its key's place."""
        job.reason = self.waiting_reason(job)
        job.state = State.QUEUED
        if job.wait_since is None:
            job.wait_since = self.now
        self.waiting.append(job)
        max_wait = self.queue(job).max_wait_us
        if max_wait:
            self.set_timer(job.wait_since + max_wait, "max_wait", job)
        if job.held and job.own is not None and job.own.mode is Mode.PREFER:
            self.set_timer(job.queue_time + job.own.hold, "hold", job)

    def stop_waiting(self, job: Job) -> None:
        self.waiting.remove(job)
        job.held = False
        self.drop_timers(job, ("max_wait", "hold"))

    def end(self, job: Job, state: State, reason: Reason) -> None:
        """The job's last state."""
        if job.state is State.QUEUED:
            self.stop_waiting(job)
        if job.state is State.ASSIGNED:
            assign_time = job.assign_time
            job.last_agent = self.release(job).id
            job.assign_time = assign_time
        self.drop_timers(job, ("start", "time_to_live"))
        job.state = state
        job.reason = reason
        job.end_time = self.now
        self.ended_count[state] = self.ended_count.get(state, 0) + 1

    # The end of a step.

    def finish(self) -> None:
        """Ends senseless holds, matches the backlog in key order, then looks at clocks and reservations (Q1, Q8)."""
        self.unhold()
        self.match()
        while self.drop_reservation():
            self.match()
        for key in list(self.classes):
            self.note_head(key)
        for key in sorted(self.heads, key=lambda key: self.heads[key].job.key):
            if self.now >= self.heads[key].since + self.policy.reserve_after_us:
                self.reserve(self.heads[key].job)

    def match(self) -> None:
        """Every waiting job in key order takes its best candidate, if it has one."""
        roomy = self.roomy_agents()
        for job in sorted(self.waiting, key=lambda job: job.key):
            # A long backlog in front of busy agents is the common case; own agents may be AWAY.
            agent, picked = self.choice(job) if roomy or job.own is not None else (None, False)
            if agent is not None:
                self.give(job, agent, picked)
                roomy = self.roomy_agents()

    def roomy_agents(self) -> list[Agent]:
        """Those ONLINE with at least one unit free: nobody else is a candidate for anything."""
        return [
            agent for agent in self.agents.values() if agent.presence is Presence.ONLINE and agent.load < agent.capacity
        ]

    def unhold(self) -> None:
        """A3: a required agent is waited for until deleted; a preferred one while there and matching."""
        for job in self.waiting:
            if not job.held:
                continue
            agent = self.own_agent(job)
            assert job.own is not None
            if agent is None or (job.own.mode is Mode.PREFER and not self.own_is_there(job, agent)):
                self.end_hold(job)

    def end_hold(self, job: Job) -> None:
        """An ordinary waiting job from now on."""
        job.held = False
        job.reason = self.waiting_reason(job)
        self.drop_timers(job, ("hold",))

    def costly_head(self, key: ClassKey) -> Job | None:
        """The first ordinary job of a class, if it costs several units."""
        jobs = [job for job in self.waiting if not job.held and job.class_key == key]
        first = min(jobs, key=lambda job: job.key, default=None)
        return first if first is not None and first.cost > 1 else None

    def note_head(self, key: ClassKey) -> None:
        """Another head than at the end of the step before starts the clock again."""
        first = self.costly_head(key)
        known = self.heads.get(key)
        if first is (known.job if known else None):
            return
        self.heads.pop(key, None)
        self.timers = [timer for timer in self.timers if timer.target != key]
        if first is not None:
            self.heads[key] = Head(first, self.now)
            self.set_reserve_timer(key)

    def drop_reservation(self) -> bool:
        """Ends the first reservation, by class, without a reason: its job is no head or its agent cannot hold it."""
        in_order = sorted(self.reservations.items(), key=lambda entry: self.class_number(entry[1].key))
        for number, reservation in in_order:
            agent = self.agent_by_number(number)
            job = reservation.job
            is_head = self.costly_head(reservation.key) is job
            if agent and is_head and self.could_hold(agent, job):
                continue
            del self.reservations[number]
            if agent:
                self.refresh(agent)
            return True
        return False

    def could_hold(self, agent: Agent, job: Job) -> bool:
        """Whether the agent could take the job once enough of its work has ended."""
        return (
            agent.presence is Presence.ONLINE
            and self.matches(job, agent)
            and agent.number not in job.excluded
            and agent.capacity >= job.cost
            and channel_room(agent, self.policy, job.channel) > 0
        )

    def reserve(self, job: Job) -> None:
        """Q8: sets aside the agent closest to room, if the job costs several units and has nobody set aside yet."""
        if job.cost <= 1 or any(known.job is job for known in self.reservations.values()):
            return
        suited = [
            agent
            for agent in self.agents.values()
            if agent.number not in self.reservations and self.could_hold(agent, job)
        ]
        if suited:
            closest = min(suited, key=lambda agent: (max(0, agent.load + job.cost - agent.capacity), agent.order_key))
            self.reservations[closest.number] = Reservation(job, job.class_key)
            self.refresh(closest)

    # Rotations.

    def rotation(self, job: Job) -> Rotation:
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
        member = (
            is_member(agent, queue) and has_skills(agent, key.skills) and all(tag in agent.tags for tag in key.tags)
        )
        if not member:
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

    # Timers.

    def set_timer(self, due: int, kind: str, job: Job) -> None:
        self.timers.append(Timer(due, kind, job, job.number))

    def set_reserve_timer(self, key: ClassKey) -> None:
        if self.heads[key].job.cost > 1:
            due = self.heads[key].since + self.policy.reserve_after_us
            self.timers.append(Timer(due, "reserve", key, self.class_number(key)))

    def class_number(self, key: ClassKey) -> int:
        """Classes are numbered as they first appear."""
        return self.classes.setdefault(key, len(self.classes) + 1)

    def drop_timers(self, job: Job, kinds: tuple[str, ...]) -> None:
        self.timers = [timer for timer in self.timers if timer.target is not job or timer.kind not in kinds]

    def fire(self, timer: Timer) -> None:
        """One step of the clock. A reserve timer has no deed of its own: the end of every step reserves (Q8)."""
        job = timer.target
        if isinstance(job, Job):
            if timer.kind == "start":
                job.queue_time = job.start_time
                if self.decide(job) is not None:
                    self.end(job, State.CANCELLED, Reason.QUEUE_FULL)
            elif timer.kind == "time_to_live" and job.state in (State.SCHEDULED, State.QUEUED):
                self.end(job, State.EXPIRED, Reason.TIME_TO_LIVE)
            elif timer.kind == "hold":
                self.end_hold(job)
            elif timer.kind == "max_wait":
                self.give_up(job)
        self.finish()

    def give_up(self, job: Job) -> None:
        """The job waited as long as its queue lets it (Q6)."""
        queue = self.queue(job)
        if queue.on_max_wait == Limit.OVERFLOW:
            self.stop_waiting(job)
            self.move(job, queue.overflow_queue)
            job.state = State.REFUSED_STATE
            if self.decide(job) is not None:
                job.queue = queue.id
                self.end(job, State.CANCELLED, Reason.QUEUE_FULL)
        else:
            self.end(job, State.CANCELLED, Reason.MAX_WAIT)

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
