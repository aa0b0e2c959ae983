"""What a tenant was where a history of it begins behind a snapshot. Built from ext/fairlead/shard/."""

from typing import NamedTuple

from fairlead.shard.views import JobState, Presence

class Live(NamedTuple):
    """A job that was live. `start_us` is from when it could be served; `assign_us` when its agent was given it, else 0.

    `agent_id` is empty, `version`, `cause` and `cost` are 0 for one that nobody holds or is offered.
    """

    job_id: str
    state: JobState
    queue: str
    create_us: int
    start_us: int
    agent_id: str
    version: int
    assign_us: int
    cause: int
    cost: int
    arm: str

class Beginning(NamedTuple):
    """Where and with what a history begins: behind record `sequence` of the snapshot, at the tenant's time then.

    `policy` is (version, document), None for the built-in one; `agents` are (id, presence, capacity); `jobs` in the
    order of submission. `problems` tell of older snapshots that could not be used.
    """

    snapshot: str
    sequence: int
    time_us: int
    policy: tuple[int, bytes] | None
    agents: list[tuple[str, Presence, int]]
    jobs: list[Live]
    problems: tuple[str, ...]
