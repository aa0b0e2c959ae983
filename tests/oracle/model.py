"""The twin's words: agents, jobs, customers, answers, and the error every refused command raises.

Plain data. Written from docs/SEMANTICS.md alone: nothing here may know how the engine does it, or two wrongs could
agree.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from tests.oracle.demands import Demands

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
IN_HANDS = (State.OFFERED, State.ASSIGNED, State.WRAPPING)


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
    PLAN_END = 12


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


class Closed(IntEnum):
    """L2: what happens to a new job of a queue outside its hours."""

    REFUSE = 1
    QUEUE = 2
    OVERFLOW = 3
    STRATEGY = 4


class PlanEnd(IntEnum):
    """R2."""

    HOLD = 1
    ANYONE = 2
    OVERFLOW = 3
    CANCEL = 4


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


@dataclass
class Mean:
    """An exponentially weighted mean, each sample weighing 1/16, in sixteenths; None until the first sample."""

    sixteenths: int | None = None

    def add(self, sample: int) -> None:
        if self.sixteenths is None:
            self.sixteenths = 16 * sample
        else:
            self.sixteenths += sample - self.shown

    @property
    def shown(self) -> int:
        """To the nearest whole number; -1 when nothing is known."""
        return -1 if self.sixteenths is None else (self.sixteenths + 8) // 16


@dataclass(eq=False)
class Agent:
    """Who works. `number` counts creations of the tenant; `last_given` counts jobs given in it, 0 = never.

    `lease` and `lease_end` are 0 without one (P2). `lost_since`: since when the agent is lost (P3). `warm_since`: when
    they came ONLINE, `warm_last`: their last job since then (P4). `given_times`: of the last 64 jobs given or offered
    (P5).
    """

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
    wrap_up: int
    presence_reason: str = ""
    jobs: list["Job"] = field(default_factory=list)
    last_given: int = 0
    last_given_time: int = 0
    last_freed_time: int = 0
    given_count: int = 0
    completed_count: int = 0
    missed_offers: int = 0
    lease: int = 0
    lease_end: int = 0
    lost_since: int | None = None
    warm_since: int | None = None
    warm_last: int | None = None
    given_times: list[int] = field(default_factory=list)
    handle_time: Mean = field(default_factory=Mean)
    first_response: Mean = field(default_factory=Mean)
    satisfaction: Mean = field(default_factory=Mean)

    @property
    def load(self) -> int:
        """Units of the work held now (C3)."""
        return sum(job.cost for job in self.jobs)

    @property
    def order_key(self) -> tuple[int, int, int]:
        """Least recently given, order number, agent number: the end of every order (T2)."""
        return (self.last_given, self.order, self.number)


@dataclass(frozen=True)
class Customer:
    """What the tenant knows of a customer; empty fields say nothing."""

    id: str
    tier: str = ""
    value: int = 0
    attributes: tuple[tuple[str, str], ...] = ()
    own_agent: str = ""
    language: str = ""


@dataclass
class Own:
    """The agent a job prefers or requires (A2, A3), fixed when the job is submitted."""

    agent: int
    mode: Mode
    hold: int
    also_away: bool


@dataclass(eq=False)
class Job:
    """The work. `agent` is who has it, by number, 0 = nobody; `wait_since` the moment it began to wait in `queue`.

    `original` is what was demanded at first, `demands` what is demanded now (R1). `strategy` is the job's own, of its
    rule, tier or arm, 0 = the queue's. `deadline`: of an open offer or of the after-work, else 0. `picked` and
    `offer_step` tell of the last offer. `bars` are agents with the time until which they are not asked again.
    `last_agent` is the id of who had it when it ended.
    """

    number: int
    id: str
    content: tuple[Any, ...]
    queue: str
    channel: str
    original: Demands
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
    rule: str = ""
    plan: str = ""
    arm: str = ""
    strategy: int = 0
    step: int = 0
    own: Own | None = None
    held: bool = False
    state: State = State.REFUSED_STATE
    reason: Reason = Reason.NONE
    agent: int = 0
    version: int = 0
    deadline: int = 0
    picked: bool = False
    offer_step: int = 0
    bars: list[tuple[int, int]] = field(default_factory=list)
    wait_since: int | None = None
    last_agent: str = ""
    assign_time: int = 0
    end_time: int = 0
    answer: "Answer | None" = None

    def __post_init__(self) -> None:
        self.demands = self.original

    @property
    def key(self) -> tuple[int, int, int]:
        """Place in the backlog, smallest first (Q3)."""
        return (9 - self.urgency, self.queue_time - self.head_start, self.number)

    @property
    def class_key(self) -> ClassKey:
        return ClassKey(self.queue, self.channel, *self.demands.canonical)

    @property
    def expiry(self) -> int | None:
        """When its time to live passes, None = never."""
        return self.create_time + self.time_to_live if self.time_to_live else None

    def is_barred(self, agent: Agent) -> bool:
        return any(number == agent.number for number, _ in self.bars)


class Refusal(NamedTuple):
    """Why a queue did not take a job in, and whether a new one is kept all the same, as CANCELLED (Q6)."""

    reason: Reason
    kept: bool


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
    deadline_us: int = 0
    arm: str = ""
    repeated: bool = False
