"""What the clients observed: every visit and every agent, as answers and times told it. No calls are made here.

Wall times are seconds of the machine's clock, which the daemon stamps jobs with; day times are what the report speaks
of. What is only known to lie between two moments is kept as both, so that the audit accuses nobody falsely.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from fairlead.demo.day import CHANNEL_COST, VOICE, Conversation
from fairlead.demo.roster import OFFLINE, ONLINE
from fairlead.demo.team import STRATEGIES, AgentPlan
from fairlead.v1 import agent_pb2

# Enough to see what is wrong; the rest is counted.
MAX_FAILURES_KEPT = 10


class Fate(Enum):
    """Where a visit is, as its client knows it."""

    SUBMITTED = "submitted"
    WAITING = "waiting"
    HELD = "held"
    COMPLETED = "completed"
    LEFT = "left"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(slots=True)
class Visit:
    """One conversation and what became of it. `wait_day_s` is known once it was given or ended."""

    conversation: Conversation
    fate: Fate = Fate.SUBMITTED
    agent_id: str = ""
    version: int = 0
    # When it was submitted, and the policy that answered.
    asked_wall: float = 0.0
    policy_version: int = 0
    waited: bool = False
    wait_day_s: float = 0.0
    # What the answer to the assign told to expect (p50, p90), in day seconds; None: nothing.
    expected_day_s: tuple[float, float] | None = None
    reason: int = 0
    # Given not before the first and not after the second of these wall times; held at least until `held_until_wall`.
    given_after_wall: float = 0.0
    given_before_wall: float = 0.0
    held_until_wall: float = 0.0
    # The customer left in the very moment in which an agent was found.
    left_at_pickup: bool = False


@dataclass(slots=True)
class Desk:
    """An agent as the clients see them, and what they have done.

    Of the weighted queues: `shared` jobs given, by queue, and `due`, their part by weight of each job that they could
    have taken.
    """

    plan: AgentPlan
    presence: "agent_pb2.Presence" = OFFLINE
    load: int = 0
    calls: int = 0
    since_day_s: float = 0.0
    busy_units_s: float = 0.0
    online_s: float = 0.0
    given: int = 0
    completed: int = 0
    shared: dict[str, int] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    # Wall times (from, until) in which they were surely not ONLINE.
    absent: list[tuple[float, float]] = field(default_factory=list)
    absent_since_wall: float | None = 0.0

    def fits(self, conversation: Conversation) -> bool:
        """Whether they are there, may serve it, and have room for it."""
        if self.presence != ONLINE or self.load + CHANNEL_COST[conversation.channel] > self.plan.capacity:
            return False
        return not (conversation.channel == VOICE and self.calls) and self.plan.may_serve(conversation)

    def advance(self, day_s: float) -> None:
        """Counts the time up to now at the present load. What is done after hours counts neither way."""
        span = max(0.0, day_s - self.since_day_s)
        if self.presence == ONLINE:
            self.online_s += span
            self.busy_units_s += span * self.load
        self.since_day_s = max(day_s, self.since_day_s)


class Ledger:
    """All visits and desks of a play."""

    def __init__(self, conversations: Iterable[Conversation], team: Iterable[AgentPlan]) -> None:
        self.visits = {conversation.id: Visit(conversation) for conversation in conversations}
        self.desks = {plan.id: Desk(plan) for plan in team}
        self.waiting: dict[str, Visit] = {}
        self.held_count = 0
        self.ended_count = 0
        self.failure_count = 0
        self.failures: list[str] = []
        # When the daemon had answered that the afternoon's policy is in force; infinite: it never did.
        self.policy_changed_wall = float("inf")
        self.policy_changed_day_s = float("inf")
        # (job, version) -> agent, as every answer that names one told it; a second name is a contradiction.
        self.holders: dict[tuple[str, int], str] = {}
        self.contradictions: list[str] = []

    def came(self, visit: Visit, reason: int) -> None:
        """The visit waits."""
        visit.fate, visit.waited, visit.reason = Fate.WAITING, True, reason
        self.waiting[visit.conversation.id] = visit

    def given(self, visit: Visit, agent_id: str, version: int, day_s: float) -> None:
        """An agent holds the visit since `day_s`. The caller has set the wall times it is known from."""
        self.waiting.pop(visit.conversation.id, None)
        visit.fate, visit.agent_id, visit.version = Fate.HELD, agent_id, version
        self.held_count += 1
        self.named(visit.conversation.id, version, agent_id)
        desk = self.desks.get(agent_id)
        if desk is None:
            self.contradictions.append(f"{visit.conversation.id} was given to {agent_id!r}, who is none of the team")
            return
        self._share(visit, desk)
        desk.advance(day_s)
        desk.load += CHANNEL_COST[visit.conversation.channel]
        desk.calls += visit.conversation.channel == VOICE
        desk.given += 1

    def named(self, job_id: str, version: int, agent_id: str) -> None:
        """An answer named the holder of a version."""
        known = self.holders.setdefault((job_id, version), agent_id)
        if known != agent_id:
            self.contradictions.append(f"{job_id} version {version} is held by {known} and by {agent_id}")

    def released(self, visit: Visit, day_s: float) -> None:
        """The agent no longer holds the visit."""
        self.held_count -= 1
        desk = self.desks.get(visit.agent_id)
        if desk is not None:
            desk.advance(day_s)
            desk.load -= CHANNEL_COST[visit.conversation.channel]
            desk.calls -= visit.conversation.channel == VOICE

    def ended(self, visit: Visit, fate: Fate) -> None:
        """The visit is over."""
        self.waiting.pop(visit.conversation.id, None)
        visit.fate = fate
        self.ended_count += 1
        if fate is Fate.COMPLETED and visit.agent_id in self.desks:
            self.desks[visit.agent_id].completed += 1

    def came_to_desk(self, desk: Desk, day_s: float, sent_wall: float) -> None:
        """The agent is ONLINE; until `sent_wall` they surely were not."""
        desk.advance(day_s)
        desk.presence = ONLINE
        if desk.absent_since_wall is not None:
            desk.absent.append((desk.absent_since_wall, sent_wall))
        desk.absent_since_wall = None

    def left_desk(self, desk: Desk, presence: "agent_pb2.Presence", day_s: float) -> None:
        """The agent is about to be no longer ONLINE; surely they are not once the daemon has answered."""
        desk.advance(day_s)
        desk.presence = presence

    def failed(self, message: str) -> None:
        """A call failed that should not have."""
        self.failure_count += 1
        if len(self.failures) < MAX_FAILURES_KEPT:
            self.failures.append(message)

    def _share(self, visit: Visit, chosen: Desk) -> None:
        """In a weighted queue: everyone who could have taken the job is due their part of it, the chosen has it."""
        queue = visit.conversation.queue
        if STRATEGIES[queue] != "weighted":
            return
        # A job that waited went to the first who could take it: nobody else could, or it would not have waited.
        able = [chosen]
        if not visit.waited:
            able += [desk for desk in self.desks.values() if desk is not chosen and desk.fits(visit.conversation)]
        weights = sum(desk.plan.weight for desk in able)
        for desk in able:
            desk.due[queue] = desk.due.get(queue, 0.0) + desk.plan.weight / weights
        chosen.shared[queue] = chosen.shared.get(queue, 0) + 1
