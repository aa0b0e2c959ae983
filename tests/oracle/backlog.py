"""The end of a step: senseless holds go, the backlog is matched, clocks and reservations are looked at (Q1, Q8)."""

from tests.oracle.lookup import channel_room
from tests.oracle.model import Agent, ClassKey, Job, Mode, Presence
from tests.oracle.placing import Placing
from tests.oracle.timers import Timer
from tests.oracle.world import Head, Reservation


class Backlog(Placing):
    """Adds the matching of the backlog."""

    def finish(self, gained: Agent | None = None, released: Job | None = None) -> None:
        """Ends senseless holds, matches the backlog in key order, then looks at clocks and reservations.

        An agent who gained room in this step serves before anybody else does, each time the smallest key they may serve
        (Q2), except that a job they released may go to anybody. That shows only where warm-ups (P4) let somebody in at
        the same time.
        """
        self.unhold()
        while gained is not None and self.match_once(gained, released):
            pass
        self.match()
        while self.drop_reservation():
            self.match()
        for key in {job.class_key for job in self.waiting} | set(self.heads):
            self.note_head(key)
        for key in sorted(self.heads, key=lambda key: self.heads[key].job.key):
            if self.now >= self.heads[key].since + self.policy.reserve_after_us:
                self.reserve(self.heads[key].job)
        self.match()

    def match(self) -> None:
        """Every waiting job in key order takes its best candidate, if any; again while that lets others in (P4)."""
        while self.match_once():
            pass

    def match_once(self, only: Agent | None = None, released: Job | None = None) -> bool:
        """Whether anybody took anything; or `only` this agent, one job, unless somebody else took the released one."""
        given = False
        roomy = self.roomy_agents()
        for job in sorted(self.waiting, key=lambda job: job.key):
            # A long backlog in front of busy agents is the common case; own agents may be AWAY.
            asked = None if job is released else only
            agent, picked = self.choice(job, asked) if roomy or job.own is not None else (None, False)
            if agent is not None:
                self.give(job, agent, picked)
                if only is not None:
                    return True
                given = True
                roomy = self.roomy_agents()
        return given

    def unhold(self) -> None:
        """A3: a required agent is waited for until deleted; a preferred one while there and matching."""
        for job in self.waiting:
            if not job.held:
                continue
            agent = self.own_agent(job)
            assert job.own is not None
            if agent is None or (job.own.mode is Mode.PREFER and not self.own_is_there(job, agent)):
                self.end_hold(job)

    # Clocks and reservations.

    def costly_head(self, key: ClassKey) -> Job | None:
        """The first ordinary job of a class, if it costs several units and its queue is not resting."""
        jobs = [job for job in self.waiting if not job.held and job.class_key == key and not self.rests(job)]
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

    def set_reserve_timer(self, key: ClassKey) -> None:
        if self.heads[key].job.cost > 1:
            due = self.heads[key].since + self.policy.reserve_after_us
            self.timers.append(Timer(due, "reserve", key, self.class_number(key)))

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
            and not self.is_excluded(job, agent)
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
