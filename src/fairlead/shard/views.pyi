"""What the shard shows: enums with the numbers of the contract, and snapshots. Built from ext/fairlead/shard/."""

from enum import IntEnum

class Presence(IntEnum):
    """P1. Numbers are those of the contract, here and in all enums of this module."""

    ONLINE = 1
    AWAY = 2
    DRAINING = 3
    OFFLINE = 4

class JobState(IntEnum):
    """J1."""

    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ASSIGNED = 4
    WRAPPING = 5
    COMPLETED = 6
    CANCELLED = 7
    EXPIRED = 8

class Outcome(IntEnum):
    """E1."""

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

class Affinity(IntEnum):
    """A3."""

    UNSET = 0
    OFF = 1
    PREFER = 2
    REQUIRE = 3

class Assignment:
    """What a mutation of a job came to. `agent_id` is empty and `version` 0 when nobody holds it.

    `deadline_us` is when the open offer or the after-work ends, 0 for neither.

    An assign that queued the job tells its position (from 1; 0: it does not wait in a line) and the wait that half and
    nine of ten such jobs do not exceed; 0 while too little is known.
    """

    job_id: str
    outcome: Outcome
    state: JobState
    reason: Reason
    agent_id: str
    version: int
    policy_version: int
    deadline_us: int
    repeated: bool
    queue: str
    arm: str
    position: int
    wait_p50_us: int
    wait_p90_us: int

class JobView:
    """A job at the moment of the call; times in microseconds of the shard's clock, 0 where there is none."""

    id: str
    state: JobState
    queue: str
    channel: str
    agent_id: str
    version: int
    reason: Reason
    urgency: int
    head_start_us: int
    customer: str
    create_time_us: int
    queue_time_us: int
    assign_time_us: int
    end_time_us: int
    policy_version: int
    cost: int
    rule: str
    arm: str
    plan: str
    step: int
    deadline_us: int
    position: int
    wait_p50_us: int
    wait_p90_us: int

class AgentView:
    """An agent at the moment of the call. -1: `wrap_up_us` is the queue's, a mean has no sample yet; no lease: 0."""

    id: str
    skills: dict[str, int]
    tags: list[str]
    capacity: int
    channel_limits: dict[str, int]
    weight: int
    rating: int
    order: int
    presence: Presence
    presence_reason: str
    load: int
    job_count: int
    given_count: int
    last_given_time_us: int
    last_freed_time_us: int
    completed_count: int
    wrap_up_us: int
    lease_end_us: int
    missed_offers: int
    handle_time_ms: int
    first_response_ms: int
    satisfaction: int

class TenantView:
    """Counts of one tenant; `agents` by presence ONLINE, AWAY, DRAINING, OFFLINE; `jobs` by state, live or ended."""

    tenant: str
    policy_version: int
    state_hash: int
    agents: tuple[int, int, int, int]
    load: int
    capacity: int
    jobs: dict[JobState, int]
    # (queue id, waiting jobs, longest wait in us)
    queues: list[tuple[str, int, int]]
