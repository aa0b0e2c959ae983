"""The twin's words: agents, jobs, answers, and the error every refused command raises.

Plain data and the predicates that read one agent and one demand. Written from docs/SEMANTICS.md alone: nothing here
may know how the engine does it, or two wrongs could agree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from fairlead.policy.tables import PolicyTables, QueueTable

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


class Presence(IntEnum):
    """P1."""

    ONLINE = 1
    AWAY = 2
    DRAINING = 3
    OFFLINE = 4


class State(IntEnum):
    """J1; REFUSED_STATE is the state of a job that was never kept."""

    REFUSED_STATE = 0
    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ASSIGNED = 4
    WRAPPING = 5
    COMPLETED = 6
    CANCELLED = 7
    EXPIRED = 8


ENDED = (State.COMPLETED, State.CANCELLED, State.EXPIRED)


class Outcome(IntEnum):
    """E1; NONE where the command was not about placing the job."""

    NONE = 0
    ASSIGNED = 1
    OFFERED = 2
    QUEUED = 3
    REFUSED = 4


class Reason(IntEnum):
    """E1, and the causes of an end."""

    NONE = 0
    NO_AGENT_ONLINE = 1
    NONE_ELIGIBLE = 2
    ALL_BUSY = 3
    BARRED = 4
    QUEUE_FULL = 5
    CLOSED_HOURS = 6
    SCHEDULED = 7
    HELD_FOR_AGENT = 8
    MAX_WAIT = 9
    TIME_TO_LIVE = 10
    CALLER = 11


class Mode(IntEnum):
    """A3."""

    UNSET = 0
    OFF = 1
    PREFER = 2
    REQUIRE = 3


class Limit(IntEnum):
    """Q6: what happens to a job beyond a queue's length or wait."""

    REFUSE = 1
    OVERFLOW = 2
    CANCEL = 3


class Failure(Exception):
    """A command was refused and nothing changed; `reason` is the error's UPPER_SNAKE word."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


class ClassKey(NamedTuple):
    """Jobs of one class can be served by the same agents, exclusions and own agents aside."""

    queue: str
    channel: str
    skills: tuple[tuple[str, int, int], ...]
    tags: tuple[str, ...]


@dataclass(eq=False)
class Agent:
    """Who works. `number` counts creations of the tenant; `last_given` counts jobs given in it, 0 = never."""

    number: int
    id: str
    skills: dict[str, int]
    tags: tuple[str, ...]
    capacity: int
    channel_limits: dict[str, int]
    weight: int
    rating: int
    order: int
    presence: Presence
    presence_reason: str = ""
    jobs: list["Job"] = field(default_factory=list)
    last_given: int = 0
    last_given_time: int = 0
    given_count: int = 0
    completed_count: int = 0

    @property
    def load(self) -> int:
        """Units of the work held now (C3)."""
        return sum(job.cost for job in self.jobs)

    @property
    def order_key(self) -> tuple[int, int, int]:
        """Least recently given, order number, agent number: the end of every order (T2)."""
        return (self.last_given, self.order, self.number)


@dataclass
class Own:
    """The agent a job prefers or requires (A2, A3), fixed when the job is submitted."""

    agent: int
    mode: Mode
    hold: int
    also_away: bool


@dataclass(eq=False)
class Job:
    """The work. `agent` is the holder's number, 0 = nobody; `wait_since` the moment it began to wait in `queue`.

    `last_agent` is the id of who held it when it ended.
    """

    number: int
    id: str
    content: tuple[Any, ...]
    queue: str
    channel: str
    skills: dict[str, tuple[int, int]]
    tags: tuple[str, ...]
    preferred_skills: dict[str, tuple[int, int]]
    preferred_tags: tuple[str, ...]
    customer: str
    affinity: Mode
    urgency: int
    head_start: int
    excluded: set[int]
    create_time: int
    queue_time: int
    start_time: int
    time_to_live: int
    cost: int
    own: Own | None = None
    held: bool = False
    state: State = State.REFUSED_STATE
    reason: Reason = Reason.NONE
    agent: int = 0
    version: int = 0
    wait_since: int | None = None
    last_agent: str = ""
    assign_time: int = 0
    end_time: int = 0
    answer: "Answer | None" = None

    def __post_init__(self) -> None:
        demands = sorted((name, low, high) for name, (low, high) in self.skills.items())
        self.demands = (tuple(demands), tuple(sorted(self.tags)))

    @property
    def key(self) -> tuple[int, int, int]:
        """Place in the backlog, smallest first (Q3)."""
        return (9 - self.urgency, self.queue_time - self.head_start, self.number)

    @property
    def class_key(self) -> ClassKey:
        return ClassKey(self.queue, self.channel, *self.demands)

    @property
    def expiry(self) -> int | None:
        """When its time to live passes, None = never."""
        return self.create_time + self.time_to_live if self.time_to_live else None


@dataclass(frozen=True)
class Answer:
    """What a mutation of a job came to; fields as in the shard's Assignment."""

    job_id: str
    outcome: Outcome
    state: State
    reason: Reason
    agent_id: str
    version: int
    policy_version: int
    queue: str
    repeated: bool = False


Demands = Mapping[str, int | tuple[int, int]] | Iterable[str] | None


def normal_demands(demands: Demands) -> dict[str, tuple[int, int]]:
    """Name to (lowest, highest) level; a bare name asks for at least 1, a bare number for at least that (K1)."""
    if demands is None:
        return {}
    if isinstance(demands, Mapping):
        pairs = demands.items()
        return {name: level if isinstance(level, tuple) else (level, 10) for name, level in pairs}
    return dict.fromkeys(demands, (1, 10))


def has_skills(agent: Agent, skills: Iterable[tuple[str, int, int]]) -> bool:
    """True when the agent has every skill at a level within its bounds."""
    return all(name in agent.skills and low <= agent.skills[name] <= high for name, low, high in skills)


def meets(agent: Agent, skills: dict[str, tuple[int, int]], tags: Iterable[str]) -> bool:
    """True when the agent meets all demanded skills and carries all demanded tags."""
    demanded = ((name, low, high) for name, (low, high) in skills.items())
    return has_skills(agent, demanded) and all(tag in agent.tags for tag in tags)


def is_member(agent: Agent, queue: QueueTable) -> bool:
    """True when the queue names the agent, one of its skills or one of its tags, or takes everyone."""
    if queue.everyone or agent.id in queue.agents:
        return True
    if any(has_skills(agent, [demand]) for demand in queue.any_skills):
        return True
    return any(tag in agent.tags for tag in queue.any_tags)


def queue_of(policy: PolicyTables, name: str) -> QueueTable | None:
    return next((queue for queue in policy.queues if queue.id == name), None)


def cost_of(policy: PolicyTables, channel: str) -> int | None:
    """Units a job of the channel takes, None when there is no such channel."""
    return next((table.cost for table in policy.channels if table.id == channel), None)


def channel_room(agent: Agent, policy: PolicyTables, channel: str) -> int:
    """How many jobs of the channel the agent may hold at once; a large number when nothing limits it (C1)."""
    limits = [table.max_jobs for table in policy.channels if table.id == channel and table.max_jobs > 0]
    if channel in agent.channel_limits:
        limits.append(agent.channel_limits[channel])
    return min(limits, default=10**9)


def has_room(agent: Agent, policy: PolicyTables, channel: str, cost: int) -> bool:
    """C1: load + cost within capacity, and the channel's count below its maximum."""
    count = sum(1 for job in agent.jobs if job.channel == channel)
    return agent.load + cost <= agent.capacity and count < channel_room(agent, policy, channel)
