"""The shard's Python face: one writer for a set of tenants. Built from ext/fairlead/shard/."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum

from fairlead.policy.tables import PolicyTables

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

class Affinity(IntEnum):
    """A3."""

    UNSET = 0
    OFF = 1
    PREFER = 2
    REQUIRE = 3

class Method(IntEnum):
    """Hot methods of `Shard.submit`."""

    ASSIGN = 1
    BATCH_ASSIGN = 2
    ACCEPT_OFFER = 3
    DECLINE_OFFER = 4
    COMPLETE_JOB = 5
    CANCEL_JOB = 6
    TRANSFER_JOB = 7
    GET_JOB = 8
    SET_PRESENCE = 9
    HEARTBEAT = 10

class Assignment:
    """What a mutation of a job came to. `agent_id` is empty and `version` 0 when nobody holds it."""

    job_id: str
    outcome: Outcome
    state: JobState
    reason: Reason
    agent_id: str
    version: int
    policy_version: int
    repeated: bool
    queue: str

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

class AgentView:
    """An agent at the moment of the call."""

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
    completed_count: int

class Explanation:
    """Why a job is where it is (E3). Candidates best first, each (agent id, keys); excluded as (agent id, cause, detail)."""

    job: JobView
    strategy: str
    key_names: list[str]
    candidates: list[tuple[str, list[int]]]
    excluded: list[tuple[str, str, str]]
    blocking_demands: list[str]
    # (agent id, policy version, cause, load before, capacity, waited in us), or None: it never had an agent.
    decision: tuple[str, int, str, int, int, int] | None

class TenantView:
    """Counts of one tenant; `agents` by presence ONLINE, AWAY, DRAINING, OFFLINE; `jobs` by state, live and ever ended."""

    tenant: str
    policy_version: int
    state_hash: int
    agents: tuple[int, int, int, int]
    load: int
    capacity: int
    jobs: dict[JobState, int]
    # (queue id, waiting jobs, longest wait in us)
    queues: list[tuple[str, int, int]]

class Shard:
    """One writer, its tenants, their state. Thread-safe: every call takes the shard's lock for its own length.

    Every failure of a call raises a class of `fairlead.errors`; nothing has changed then. Durations and times are
    integers in microseconds. A tenant exists from its first mutation; reading an unknown one shows an empty tenant.
    """

    def __init__(self, *, virtual_time: bool = False, keep_facts: bool = False) -> None:
        """With `virtual_time` the clock stands at 0 and moves by `advance_to` alone; `keep_facts` is for `facts`."""
    @property
    def now_us(self) -> int: ...
    def advance_to(self, now_us: int) -> None:
        """Moves virtual time forward and fires all that was due on the way, in order. Back in time is refused."""
    def tick(self) -> int:
        """Fires what is due now. Returns the microseconds until the next timer, -1 when there is none."""
    def submit(self, method: int, request: bytes, reply_to: Callable[[int, bytes, int], None]) -> None:
        """Decodes, decides, journals; `reply_to(grpc_status, body, sequence)` is called once the facts are durable.

        `body` is the response message, or a serialized google.rpc.Status when the status is not 0.
        """
    def assign(
        self,
        tenant: str,
        job_id: str,
        *,
        queue: str = "",
        channel: str = "",
        skills: Mapping[str, int | tuple[int, int]] | Iterable[str] | None = None,
        tags: Sequence[str] = (),
        preferred_skills: Mapping[str, int | tuple[int, int]] | Iterable[str] | None = None,
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
    ) -> Assignment: ...
    def accept(self, tenant: str, job_id: str, version: int, request_id: str = "") -> Assignment: ...
    def decline(self, tenant: str, job_id: str, version: int, request_id: str = "") -> Assignment: ...
    def complete(
        self,
        tenant: str,
        job_id: str,
        version: int,
        request_id: str = "",
        first_response_us: int = 0,
        satisfaction: int = -1,
        skip_wrap_up: bool = False,
    ) -> Assignment: ...
    def cancel(self, tenant: str, job_id: str, request_id: str = "") -> Assignment: ...
    def transfer(
        self,
        tenant: str,
        job_id: str,
        version: int,
        *,
        agent: str = "",
        queue: str = "",
        over_capacity: bool = False,
        reset_age: bool = False,
        request_id: str = "",
    ) -> Assignment: ...
    def create_agent(
        self,
        tenant: str,
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
    ) -> AgentView: ...
    def update_agent(
        self,
        tenant: str,
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
    ) -> AgentView:
        """Changes what is given; None leaves as it is."""
    def delete_agent(self, tenant: str, agent_id: str, request_id: str = "") -> None: ...
    def set_presence(
        self, tenant: str, agent_id: str, presence: int, reason: str = "", lease_us: int = 0, request_id: str = ""
    ) -> bool:
        """True when the same request_id was answered before."""
    def heartbeat(self, tenant: str, agent_ids: Sequence[str]) -> list[str]:
        """Ids that were not extended."""
    def agent(self, tenant: str, agent_id: str) -> AgentView: ...
    def agents(self, tenant: str) -> list[AgentView]:
        """All agents, by order number."""
    def job(self, tenant: str, job_id: str) -> JobView: ...
    def jobs(
        self,
        tenant: str,
        *,
        after: int = 0,
        limit: int = 100,
        states: Sequence[int] = (),
        queue: str = "",
        agent_id: str = "",
    ) -> tuple[list[JobView], int]:
        """Live and remembered jobs by submission, from the number after `after`; and the number to go on after, 0 at the end."""
    def explain(self, tenant: str, job_id: str) -> Explanation: ...
    def install_policy(
        self, tenant: str, tables: PolicyTables, request_id: str = "", validate_only: bool = False
    ) -> int:
        """Replaces the policy in one step; returns its version. Live jobs in a queue or channel that is gone: refused.

        With `validate_only` nothing changes; the version is the one it would have.
        """
    def policy(self, tenant: str) -> tuple[int, bytes, str, int]:
        """Version, document, author, time of the policy in force; version 0 and b"" for the built-in one."""
    def tenants(self) -> list[str]: ...
    def status(self, tenant: str) -> TenantView: ...
    def check(self, tenant: str) -> list[str]:
        """Every invariant of every structure of the tenant; what is violated. O(state)."""
    def state_hash(self, tenant: str) -> int: ...
    def facts(self, tenant: str) -> bytes:
        """Every fact of the tenant since it began, for `fairlead.engine.core.replay`; empty unless made with `keep_facts`."""
    def memory(self, tenant: str) -> dict[str, int]:
        """Bytes by room: agents, jobs, planes, rotations, directory."""
