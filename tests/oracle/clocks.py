"""Time: what a timer does when it fires, and what becomes of an agent who misses offers or is lost (O3, P2, P3)."""

from tests.oracle.backlog import Backlog
from tests.oracle.hours import state_at
from tests.oracle.model import Agent, Job, Limit, PlanEnd, Presence, Reason, State
from tests.oracle.timers import Timer


class Clocks(Backlog):
    """Adds the timers. Times are microseconds of a clock that stands until `advance_to`."""

    def pass_time(self, now_us: int) -> None:
        """Fires what is due on the way, each timer at its time and as a step of its own."""
        while due := [timer for timer in self.timers if timer.due <= now_us]:
            timer = min(due, key=lambda timer: timer.place)
            self.timers.remove(timer)
            self.now = max(self.now, timer.due)
            self.fire(timer)
        self.now = now_us

    def fire(self, timer: Timer) -> None:
        """One step of the clock. Limit and reserve timers have no deed but the end of the step."""
        match timer.target:
            case Job() as job:
                holder = self.agent_by_number(job.agent)
                self.fire_job(job, timer.kind)
                self.finish(holder, job)
            case Agent() as agent:
                if timer.kind == "lease":
                    self.lease_ends(agent)
                self.finish(agent)
            case str() as schedule:
                self.open_ids ^= {schedule}
                self.finish()
            case _:
                self.finish()

    def fire_job(self, job: Job, kind: str) -> None:
        match kind:
            case "time_to_live" if job.state in (State.SCHEDULED, State.QUEUED, State.OFFERED):
                self.end(job, State.EXPIRED, Reason.TIME_TO_LIVE)
            case "start":
                job.queue_time = job.start_time
                refused = self.decide(job)
                if refused is not None:
                    self.end(job, State.CANCELLED, refused.reason)
            case "offer":
                self.miss(job)
            case "wrap":
                self.end(job, State.COMPLETED, Reason.NONE)
            case "lost":
                self.lose_job(job)
            case "hold":
                self.end_hold(job)
            case "bar":
                job.bars = [(agent, until) for agent, until in job.bars if until > self.now]
            case "step":
                self.next_step(job)
            case "plan_end":
                self.end_plan(job)
            case "max_wait":
                queue = self.queue(job)
                if queue.on_max_wait == Limit.OVERFLOW:
                    self.overflow(job, queue.overflow_queue)
                else:
                    self.end(job, State.CANCELLED, Reason.MAX_WAIT)

    # Waiting too long.

    def overflow(self, job: Job, queue: str) -> None:
        """A waiting job is decided in another queue, and cancelled if that one does not take it in.

        Where it waits there already, as a rule's plan may have it, it waits on.
        """
        if queue == job.queue:
            return
        before = (job.queue, job.plan, job.step)
        self.stop_waiting(job)
        self.move(job, queue)
        job.state = State.REFUSED_STATE
        refused = self.decide(job)
        if refused is not None:
            job.queue, job.plan, job.step = before
            self.end(job, State.CANCELLED, refused.reason)

    def end_plan(self, job: Job) -> None:
        """R2."""
        plan = self.plan(job)
        assert plan is not None
        match plan.end:
            case PlanEnd.HOLD:
                if job.held:
                    self.forget_required(job)
                    job.reason = self.waiting_reason(job)
            case PlanEnd.ANYONE:
                self.next_step(job)
            case PlanEnd.OVERFLOW:
                self.overflow(job, plan.overflow_queue)
            case PlanEnd.CANCEL:
                self.end(job, State.CANCELLED, Reason.PLAN_END)

    # Offers that nobody answered.

    def miss(self, job: Job) -> None:
        """As a decline, and too many in a row send the agent AWAY first (O3)."""
        agent = self.agent_by_number(job.agent)
        queue = self.queue(job)
        assert agent is not None
        agent.missed_offers += 1
        if 0 < queue.misses_to_away <= agent.missed_offers:
            agent.missed_offers = 0
            if agent.presence is Presence.ONLINE:
                agent.presence = Presence.AWAY
                agent.presence_reason = "missed_offers"
                self.end_warm_up(agent)
                self.refresh(agent)
        self.end_offer(job, queue.decline_cooldown_us)

    # Leases and loss.

    def start_lease(self, agent: Agent, lease_us: int) -> None:
        """From now on, in place of any other; 0 = none."""
        self.drop_timers(agent, ("lease",))
        agent.lease = lease_us
        agent.lease_end = self.now + lease_us if lease_us else 0
        if lease_us:
            self.timers.append(Timer(agent.lease_end, "lease", agent, agent.number))

    def lease_ends(self, agent: Agent) -> None:
        agent.presence = Presence.OFFLINE
        agent.presence_reason = "lease_expired"
        self.end_warm_up(agent)
        self.start_lease(agent, 0)
        self.refresh(agent)
        self.lose(agent)

    def lose(self, agent: Agent) -> None:
        """P3: open offers end, held jobs are kept or go back, at once or after the grace, as their queues say."""
        agent.lost_since = self.now
        for job in sorted(agent.jobs, key=lambda job: job.key):
            queue = self.queue(job)
            if job.state is State.OFFERED:
                self.end_offer(job)
            elif queue.requeue_lost and queue.lost_grace_us == 0:
                self.lose_job(job)
        self.set_lost_timers(agent)

    def set_lost_timers(self, agent: Agent) -> None:
        """When the jobs that a lost agent still holds go back."""
        for job in agent.jobs:
            self.drop_timers(job, ("lost",))
            queue = self.queue(job)
            if agent.lost_since is not None and queue.requeue_lost:
                self.set_timer(agent.lost_since + queue.lost_grace_us, "lost", job)

    def lose_job(self, job: Job) -> None:
        """The agent will not be back in time: the job waits at its old place, after-work is over."""
        if job.state is State.WRAPPING:
            self.end(job, State.COMPLETED, Reason.NONE)
            return
        self.release(job)
        self.requeue(job)

    def find_again(self, agent: Agent) -> None:
        """A lost agent is back."""
        agent.lost_since = None
        self.set_lost_timers(agent)

    # Schedules.

    def set_schedule_timers(self) -> None:
        """What the policy's schedules say now, and when that changes."""
        self.timers = [timer for timer in self.timers if timer.kind != "schedule"]
        self.open_ids.clear()
        for number, schedule in enumerate(self.policy.schedules):
            if state_at(schedule.open_at_start, schedule.times_us, self.now):
                self.open_ids.add(schedule.id)
            self.timers += [
                Timer(time, "schedule", schedule.id, number) for time in schedule.times_us if time > self.now
            ]
