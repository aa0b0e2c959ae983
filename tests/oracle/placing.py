"""What becomes of one job: decided, given or offered, accepted, waiting, relaxed, released, ended."""

from tests.oracle.demands import relaxed, step_at
from tests.oracle.lookup import cost_of
from tests.oracle.model import (
    IN_HANDS,
    Agent,
    ClassKey,
    Closed,
    Job,
    Limit,
    Mode,
    PlanEnd,
    Presence,
    Reason,
    Refusal,
    State,
)
from tests.oracle.timers import WAITING_KINDS, Timer
from tests.oracle.world import WEIGHTED, World

MOST_BARS = 32
MOST_GIVEN_TIMES = 64


class Placing(World):
    """Adds the changes of one job to the state. None of them matches the backlog; that is the end of a step."""

    # Deciding.

    def decide(self, job: Job) -> Refusal | None:
        """Gives the job away or lets it wait, overflowing as told (L2, Q6); why no queue took it in, None = one did."""
        queue, plan, step = job.queue, job.plan, job.step
        refused = self.enter(job)
        if refused is None and job.queue == queue:
            self.relax(job)
            step = job.step
        refused = refused or self.place(job)
        if refused is not None:
            job.queue, job.plan, job.step = queue, plan, step  # where nobody took it in, it never was
        return refused

    def enter(self, job: Job) -> Refusal | None:
        """Into its queue, or past those that are closed and send their jobs on."""
        queue = self.queue(job)
        if self.is_closed(queue) and queue.on_closed == Closed.REFUSE:
            return Refusal(Reason.CLOSED_HOURS, kept=False)
        if self.is_closed(queue) and queue.on_closed == Closed.OVERFLOW:
            self.move(job, queue.overflow_queue)
            return self.enter(job)
        return None

    def place(self, job: Job) -> Refusal | None:
        """As `decide`, in the queue that it has entered."""
        self.relax(job)
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
            return self.decide(job)
        return Refusal(Reason.QUEUE_FULL, kept=queue.on_max_length == Limit.CANCEL)

    def move(self, job: Job, queue: str) -> None:
        """To another queue, where own agents and the plan do not count and the wait begins anew."""
        if job.queue != queue:
            job.wait_since = None
        job.queue = queue
        job.own = None
        job.held = False
        self.drop_plan(job)

    # Plans.

    def relax(self, job: Job) -> None:
        """The demands of the steps that are due (R1)."""
        plan = self.plan(job)
        if plan is None:
            return
        job.step = step_at(plan, self.now - job.queue_time)
        job.demands = relaxed(job.original, plan, job.step)
        if plan.end in (PlanEnd.HOLD, PlanEnd.ANYONE) and 0 < plan.end_after_us <= self.now - job.queue_time:
            self.forget_required(job)

    def forget_required(self, job: Job) -> None:
        """The end of a plan is the end of waiting for one agent (A3)."""
        if job.own is not None and job.own.mode is Mode.REQUIRE:
            job.own = None
            job.held = False

    def drop_plan(self, job: Job) -> None:
        """The job stays on its present demands, without a plan."""
        job.plan = ""
        job.step = 0
        job.original = job.demands
        self.drop_timers(job, ("step", "plan_end"))

    def next_step(self, job: Job) -> None:
        """The demands widen while the job waits; what it waits for may be something else then."""
        self.relax(job)
        self.class_number(job.class_key)
        job.reason = self.waiting_reason(job)

    # Giving and offering.

    def give(self, job: Job, agent: Agent, picked: bool, forced: bool = False) -> None:
        """The agent has the job from now on: as an offer if the queue makes offers, unless a caller named the agent."""
        own = job.own if job.own is not None and job.own.agent == agent.number else None
        assert agent.presence is Presence.ONLINE or (own is not None and own.also_away), f"{agent.id} is not there"
        fits = agent.load + job.cost <= agent.capacity
        assert forced or fits, f"{agent.id} has no room for {job.id}"
        queue = self.queue(job)
        offered = queue.offer_timeout_us > 0 and not forced
        if not offered:
            self.charge(job, agent, picked)
        if job.state is State.QUEUED:
            self.stop_waiting(job)
        agent.jobs.append(job)
        job.agent = agent.number
        job.version += 1
        job.reason = Reason.NONE
        job.held = False
        self.note_time(agent)
        if offered:
            job.state = State.OFFERED
            job.picked = picked
            job.offer_step = job.step
            job.deadline = self.now + queue.offer_timeout_us
            self.set_timer(job.deadline, "offer", job)
        else:
            self.hold_job(job, agent)
        self.refresh(agent)

    def charge(self, job: Job, agent: Agent, picked: bool) -> None:
        """T4, while everything is as it was before the job was given."""
        if self.strategy(job) == WEIGHTED:
            self.rotation(job).charge(agent.number, picked)

    def accept_offer(self, job: Job) -> None:
        """The offer becomes an assignment; nothing but the load has counted so far (T3)."""
        agent = self.agent_by_number(job.agent)
        assert agent is not None
        if self.strategy(job) == WEIGHTED:
            self.rotation(job).charge_late(agent.number, job.picked)
        agent.missed_offers = 0
        self.end_clock(job, "offer")
        self.hold_job(job, agent)
        self.refresh(agent)

    def hold_job(self, job: Job, agent: Agent) -> None:
        """The agent holds the job: everything that is counted of it but the load and the rotation."""
        job.state = State.ASSIGNED
        job.assign_time = self.now
        job.bars.clear()
        self.given_count += 1
        agent.last_given = self.given_count
        agent.last_given_time = self.now
        agent.given_count += 1
        queue = self.queue(job)
        self.pointers[queue.id] = (agent.order, agent.number)
        if job.customer and (job.affinity or queue.affinity_mode) != Mode.OFF:
            self.memory[job.customer, queue.affinity_group or queue.id] = (agent.number, self.now)

    def note_time(self, agent: Agent) -> None:
        """A job given or offered now counts for warm-up (P4) and, while the policy limits any rate, for that (P5)."""
        if agent.warm_since is not None:
            agent.warm_last = self.now
        if any(queue.rate_limit for queue in self.policy.queues):
            agent.given_times = [*agent.given_times, self.now][-MOST_GIVEN_TIMES:]
        self.set_agent_timers(agent)

    # Leaving an agent.

    def release(self, job: Job) -> Agent:
        """Nobody has the job any more; who had it."""
        agent = self.agent_by_number(job.agent)
        assert agent is not None
        agent.jobs.remove(job)
        if job.state is not State.OFFERED:
            agent.last_freed_time = self.now
        job.agent = 0
        job.assign_time = 0
        job.deadline = 0
        self.drop_timers(job, ("offer", "wrap", "lost"))
        self.refresh(agent)
        return agent

    def end_offer(self, job: Job, bar_us: int = 0) -> Agent:
        """The offer came to nothing: the job waits again, barred from the agent for so long. Answers who had it."""
        agent = self.release(job)
        if bar_us:
            others = [bar for bar in job.bars if bar[0] != agent.number]
            job.bars = [*others, (agent.number, self.now + bar_us)][-MOST_BARS:]
        self.wait_again(job)
        return agent

    def requeue(self, job: Job) -> None:
        """A job that its agent no longer holds waits again, in whatever queue it is now, for anybody."""
        job.bars.clear()
        job.own = None
        self.wait_again(job)

    def wait_again(self, job: Job) -> None:
        """Back to the backlog at its key's place, unless its time to live has passed meanwhile."""
        job.state = State.REFUSED_STATE
        job.cost = cost_of(self.policy, job.channel) or job.cost
        self.relax(job)
        self.class_number(job.class_key)
        if job.expiry is not None and job.expiry <= self.now:
            self.end(job, State.EXPIRED, Reason.TIME_TO_LIVE)
            return
        job.held = job.own is not None and job.own.mode is Mode.REQUIRE and self.own_agent(job) is not None
        self.wait(job)

    # Waiting.

    def wait(self, job: Job) -> None:
        """The job joins the backlog at its key's place."""
        job.bars = [(agent, until) for agent, until in job.bars if until > self.now]
        job.reason = self.waiting_reason(job)
        job.state = State.QUEUED
        if job.wait_since is None:
            job.wait_since = self.now
        self.waiting.append(job)
        if job.held and job.own is not None and job.own.mode is Mode.PREFER:
            self.set_timer(job.queue_time + job.own.hold, "hold", job)
        for _, until in job.bars:
            self.set_timer(until, "bar", job)
        self.set_policy_timers(job)

    def set_policy_timers(self, job: Job) -> None:
        """The clocks of a waiting job that the policy sets: its wait in the queue and its plan."""
        self.drop_timers(job, ("max_wait", "step", "plan_end"))
        assert job.wait_since is not None
        max_wait = self.queue(job).max_wait_us
        if max_wait:
            self.set_timer(job.wait_since + max_wait, "max_wait", job)
        plan = self.plan(job)
        if plan is None:
            return
        for step in plan.steps[job.step :]:
            self.set_timer(job.queue_time + step.after_us, "step", job)
        if plan.end_after_us and not (plan.end == PlanEnd.ANYONE and job.step > len(plan.steps)):
            self.set_timer(job.queue_time + plan.end_after_us, "plan_end", job)

    def stop_waiting(self, job: Job) -> None:
        self.waiting.remove(job)
        job.held = False
        self.drop_timers(job, WAITING_KINDS)

    def end_hold(self, job: Job) -> None:
        """An ordinary waiting job from now on."""
        job.held = False
        job.reason = self.waiting_reason(job)
        self.drop_timers(job, ("hold",))

    # Ending.

    def wrap_up(self, job: Job, wrap_up_us: int) -> None:
        """The conversation is over and the after-work begins."""
        job.state = State.WRAPPING
        job.deadline = self.now + wrap_up_us
        self.drop_timers(job, ("time_to_live",))
        self.set_timer(job.deadline, "wrap", job)

    def end(self, job: Job, state: State, reason: Reason) -> None:
        """The job's last state."""
        if job.state is State.QUEUED:
            self.stop_waiting(job)
        if job.state in IN_HANDS:
            assign_time = job.assign_time
            job.last_agent = self.release(job).id
            job.assign_time = assign_time
        self.drop_timers(job, ("start", "time_to_live"))
        job.state = state
        job.reason = reason
        job.end_time = self.now
        self.ended_count[state] = self.ended_count.get(state, 0) + 1

    # Timers.

    def set_timer(self, due: int, kind: str, job: Job) -> None:
        self.timers.append(Timer(due, kind, job, job.number))

    def drop_timers(self, target: Job | Agent, kinds: tuple[str, ...]) -> None:
        self.timers = [timer for timer in self.timers if timer.target is not target or timer.kind not in kinds]

    def end_clock(self, job: Job, kind: str) -> None:
        job.deadline = 0
        self.drop_timers(job, (kind,))

    def set_agent_timers(self, agent: Agent) -> None:
        """When a warm-up or a rate may let the agent take a job again. One that is due and has not fired stays."""
        dues = set()
        for queue in self.policy.queues:
            if queue.warm_up_interval_us and agent.warm_since is not None:
                dues.add(agent.warm_since + queue.warm_up_for_us)
                if agent.warm_last is not None:
                    dues.add(agent.warm_last + queue.warm_up_interval_us)
            if 0 < queue.rate_limit <= len(agent.given_times):
                dues.add(agent.given_times[-queue.rate_limit] + queue.rate_window_us)
        first = self.now if self.limit_ends(agent) else self.now + 1
        self.drop_timers(agent, ("limit",))
        self.timers += [Timer(due, "limit", agent, agent.number) for due in sorted(dues) if due >= first]

    def end_warm_up(self, agent: Agent) -> None:
        """Who is not ONLINE is not new; the next time they are begins anew (P4)."""
        agent.warm_since = None
        agent.warm_last = None
        self.set_agent_timers(agent)

    def class_number(self, key: ClassKey) -> int:
        """Classes are numbered as they first appear."""
        return self.classes.setdefault(key, len(self.classes) + 1)
