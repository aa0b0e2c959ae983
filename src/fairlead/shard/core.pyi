"""The shard's Python face: one writer for a set of tenants. Built from ext/fairlead/shard/."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from fairlead.policy.tables import PolicyTables
from fairlead.shard.customers import CustomerView as CustomerView
from fairlead.shard.durable import Recovered as Recovered
from fairlead.shard.explain import Explanation as Explanation
from fairlead.shard.explain import When as When
from fairlead.shard.past import MOST_RECORDS as MOST_RECORDS
from fairlead.shard.past import Moment as Moment
from fairlead.shard.past import explain_decision as explain_decision
from fairlead.shard.views import Affinity as Affinity
from fairlead.shard.views import AgentView as AgentView
from fairlead.shard.views import Assignment as Assignment
from fairlead.shard.views import JobState as JobState
from fairlead.shard.views import JobView as JobView
from fairlead.shard.views import Outcome as Outcome
from fairlead.shard.views import Presence as Presence
from fairlead.shard.views import Reason as Reason
from fairlead.shard.views import TenantView as TenantView
from fairlead.shard.watch import EventBatch as EventBatch
from fairlead.shard.watch import EventFilter as EventFilter
from fairlead.shard.watch import EventKind as EventKind

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

class Shard:
    """One writer, its tenants, their state. Thread-safe: every call takes the shard's lock for its own length.

    Every failure of a call raises a class of `fairlead.errors`; nothing has changed then. Durations and times are
    integers in microseconds. A tenant exists from its first mutation; reading an unknown one shows an empty tenant.
    """

    def __init__(self, *, virtual_time: bool = False, keep_facts: bool = False, events_kept: int = 262144) -> None:
        """With `virtual_time` the clock stands at 0 and moves by `advance_to` alone; `keep_facts` is for `facts`.

        `events_kept` (16 to 16,777,216) takes 112 bytes for each as they come.
        """
    def open(
        self, path: str, durability: str = "fsync", *, create: bool = True, segment_size: int = 67108864
    ) -> Recovered:
        """Reads the journal of a directory into this shard, which has seen no call yet, and keeps one from now on.

        A directory that is not there is made with `create` and an error without. Raises FairleadError (JOURNAL_..).
        """
    def close(self) -> None:
        """Writes and syncs what is pending; the shard then lives on in memory alone. Twice is harmless."""
    @property
    def directory(self) -> str | None:
        """Where the journal is; None: in memory."""
    def journal(self) -> dict[str, Any]:
        """Counts since the start: commits, frames, bytes, rotations, segment, sequence, durable, no_space, and how long
        the write and sync of commits took (`syncs`, counts by `sync_bounds_us`; `sync_us`, the sum). `stall_us`: how
        long the one under way has taken by now; `is_slow`: it, or the last within a minute, took over a second. Empty
        in memory. Takes no lock.
        """
    def totals(self) -> dict[str, Any]:
        """Of all tenants together: since the start `assigns` by (outcome, reason), `events` by kind, `waits`; as they
        are now `jobs` by state, `agents` by presence, `load` and `capacity` of those who are ONLINE, `tenants`.
        O(agents), a tenant at a time under the lock.
        """
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
        gateway: str = "",
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
    def finish_wrap_up(self, tenant: str, job_id: str, version: int, request_id: str = "") -> Assignment: ...
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
        wrap_up_us: int = -1,
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
        wrap_up_us: int | None = None,
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
        """Live and remembered jobs by submission, after number `after`; and the number to go on after, 0 at the end."""
    def explain(self, tenant: str, job_id: str, when: int = 0, max_records: int = 2_000_000) -> Explanation:
        """Why a job is where it is (E3), now or at its last decision; `when` 0: at its decision unless it waits.

        The decision is read from the journal without the shard's lock, at most `max_records` of it. Where it cannot be
        told the answer is the present, with `unavailable`; a journal that is too long or damaged raises when
        AT_DECISION was asked for.
        """
    def upsert_customer(
        self,
        tenant: str,
        customer_id: str,
        *,
        tier: str = "",
        value: int = 0,
        attributes: Mapping[str, str] | None = None,
        own_agent: str = "",
        language: str = "",
        request_id: str = "",
    ) -> bool:
        """Adds or replaces a profile; whether it is new."""
    def import_customers(self, tenant: str | None, request: bytes) -> tuple[str, int, int]:
        """The customers of an ImportCustomersRequest: tenant, how many are new, how many were replaced.

        `tenant` None: the one that the message names. Raises at the first one that is wrong; those before it stay.
        """
    def customer(self, tenant: str, customer_id: str) -> CustomerView: ...
    def delete_customer(self, tenant: str, customer_id: str, request_id: str = "") -> None:
        """Forgets a profile, and who served the customer (A1)."""
    def install_policy(
        self, tenant: str, tables: PolicyTables, request_id: str = "", validate_only: bool = False
    ) -> int:
        """Replaces the policy in one step; returns its version. Live jobs in a queue or channel that is gone: refused.

        With `validate_only` nothing changes; the version is the one it would have.
        """
    def earlier_policies(self, tenant: str) -> list[tuple[int, bytes, str, int]]:
        """The policies that the journal had when it was opened, as `policy` shows them, oldest first; at most 100."""
    def renew_calendar(self, tenant: str, tables: PolicyTables) -> None: ...
    def calendar_us(self, tenant: str) -> int: ...
    def policy(self, tenant: str) -> tuple[int, bytes, str, int]:
        """Version, document, author, time of the policy in force; version 0 and b"" for the built-in one."""
    @property
    def last_event(self) -> int: ...
    @property
    def oldest_event(self) -> int: ...
    @property
    def events_kept(self) -> int: ...
    def events(self, after: int, limit: int = 512, most_bytes: int = 4194304) -> EventBatch:
        """Up to `limit` events (at most 4,096) after a sequence (E4). OutOfRange when the next one is not kept."""
    def wait_events(self, after: int, timeout_us: int) -> None:
        """Returns when there are events after a sequence, when `wake_events` is called, or after this time."""
    def wake_events(self) -> None: ...
    def submit_waiting(self, request: bytes) -> tuple[int, bytes, tuple[str, str, int, bool] | None]:
        """An AssignRequest with `wait`, carried out: status, body, and what it waits for or None.

        While it waits its answer is that of `waiting_answer`; it waits for (tenant, job id, microseconds, repeated).
        """
    def waiting_answer(
        self, tenant: str, job_id: str, is_over: bool, repeated: bool = False
    ) -> tuple[int, bytes] | None:
        """Status and body for an assign that waits; None while its job waits, unless its time `is_over`."""
    def present(self, tenant: str, job_id: str, repeated: bool = False) -> Assignment:
        """The answer to an assign as the job is now."""
    def set_scenario(self, tenant: str, scenario: str, active: bool, request_id: str = "") -> list[str]:
        """Turns a scenario of the policy on or off; rules follow for jobs from now on. Those that are on then (L2)."""
    def scenarios(self, tenant: str) -> list[str]:
        """The scenarios that are on, in the policy's order."""
    def open_schedules(self, tenant: str) -> list[str]:
        """The schedules that are open, in the policy's order."""
    def tenants(self) -> list[str]: ...
    def status(self, tenant: str) -> TenantView: ...
    def check(self, tenant: str) -> list[str]:
        """Every invariant of every structure of the tenant; what is violated. O(state)."""
    def state_hash(self, tenant: str) -> int: ...
    def facts(self, tenant: str) -> bytes:
        """Every fact of the tenant since it began, for `fairlead.engine.core.replay`; needs `keep_facts`."""
    def memory(self, tenant: str) -> dict[str, int]:
        """Bytes by room: agents, jobs, planes, rotations, directory, customers."""
