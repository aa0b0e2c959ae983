"""What a policy document compiles to: plain tuples that the shard turns into engine tables.

Times are microseconds, enums are the numbers of the contract, names are still strings (the directory turns them into
slots). Nothing here is validated: `fairlead.policy.document` did that.
"""

from typing import NamedTuple

STRATEGIES = {
    "sequential": 1,
    "weighted": 2,
    "least_load": 3,
    "longest_idle": 4,
    "best_skill": 5,
    "specialist": 6,
    "best_rating": 7,
    "random": 8,
}


# Sort keys that a strategy may be made of, in place of a preset (T2): all smallest first, except `skill_level`,
# `rating`, `weight`, `satisfaction` and `idle_time`, of which the highest comes first. A list of keys is SORT_KEYS_BASE
# plus its keys as digits to the base 16, first key lowest.
SORT_KEYS = {
    "saturation": 1,
    "load": 2,
    "skill_level": 3,
    "skill_count": 4,
    "rating": 5,
    "weight": 6,
    "handle_time": 7,
    "satisfaction": 8,
    "order": 9,
    "idle_time": 10,
}
SORT_KEYS_BASE = 256

FOREVER_US = (1 << 62) - 1


class ChannelTable(NamedTuple):
    """C1. `max_jobs` 0: no limit but capacity."""

    id: str
    cost: int = 1
    max_jobs: int = 0


class TierTable(NamedTuple):
    """Q3."""

    id: str
    head_start_us: int = 0
    urgency: int = 0
    strategy: int = 0  # 0: the queue's


class AffinityTierTable(NamedTuple):
    """A2."""

    age_us: int
    also_away: bool = False
    hold_us: int = 0


class QueueTable(NamedTuple):
    """One queue. With `everyone` the three member lists are empty."""

    id: str
    everyone: bool = True
    agents: tuple[str, ...] = ()
    any_skills: tuple[tuple[str, int, int], ...] = ()  # (name, lowest level, highest level)
    any_tags: tuple[str, ...] = ()
    strategy: int = STRATEGIES["least_load"]
    saturation_threshold: int = 100
    max_length: int = 0
    on_max_length: int = 1
    max_wait_us: int = 0
    on_max_wait: int = 3
    overflow_queue: str = ""
    affinity_mode: int = 1
    affinity_group: str = ""
    affinity_tiers: tuple[AffinityTierTable, ...] = ()
    offer_timeout_us: int = 0
    decline_cooldown_us: int = 30_000_000
    misses_to_away: int = 0
    wrap_up_us: int = 0
    requeue_lost: bool = False
    lost_grace_us: int = 0
    warm_up_interval_us: int = 0
    warm_up_for_us: int = 300_000_000
    rate_limit: int = 0
    rate_window_us: int = 60_000_000
    plan: str = ""
    hours: str = ""  # schedule; empty: always open
    on_closed: int = 1  # ClosedAction of the contract
    closed_strategy: int = 0


class StepTable(NamedTuple):
    """R1. Relaxations add up: a step has those of all steps before it too."""

    after_us: int
    drop_skills: tuple[str, ...] = ()
    drop_tags: tuple[str, ...] = ()
    lower_levels: int = 0
    drop_max_levels: bool = False
    any_agent: bool = False
    drop_preferences: bool = False
    strategy: int = 0  # 0: as before


class PlanTable(NamedTuple):
    """R1, R2. `end`: 1 hold, 2 anyone, 3 overflow, 4 cancel; `end_after_us` is 0 with hold."""

    id: str
    steps: tuple[StepTable, ...]
    end: int = 1
    end_after_us: int = 0
    overflow_queue: str = ""


class ScheduleTable(NamedTuple):
    """Changes of one schedule: at each of `times_us` (Unix microseconds, ascending) it opens or closes, alternately.

    `open_at_start`: what holds before the first of them. The calendar is compiled for some years ahead.
    """

    id: str
    open_at_start: bool
    times_us: tuple[int, ...] = ()


class RuleTable(NamedTuple):
    """L2. Empty tuples and texts match anything; the setting fields are neutral when empty or 0."""

    id: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    channels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    customer_tiers: tuple[str, ...] = ()
    min_value: int = 0
    max_value: int = 0  # 0: no bound
    schedule: str = ""
    not_schedule: str = ""
    scenario: str = ""
    not_scenario: str = ""
    queues: tuple[str, ...] = ()
    queue: str = ""
    skills: tuple[tuple[str, int, int], ...] = ()
    tags: tuple[str, ...] = ()
    preferred_skills: tuple[tuple[str, int, int], ...] = ()
    preferred_tags: tuple[str, ...] = ()
    head_start_us: int = 0
    urgency: int = 0
    strategy: int = 0
    affinity: int = 0
    plan: str = ""


class ArmQueueTable(NamedTuple):
    """What an arm sets for the jobs of a queue; neutral when 0 or empty."""

    id: str
    strategy: int = 0
    affinity: int = 0
    plan: str = ""


class ArmTable(NamedTuple):
    """L5."""

    id: str
    queues: tuple[ArmQueueTable, ...] = ()


class ExperimentTable(NamedTuple):
    """L5. Without arms there is none; `slice_us` 0: by job id."""

    arms: tuple[ArmTable, ...] = ()
    slice_us: int = 0
    seed: int = 0


class PolicyTables(NamedTuple):
    """A whole policy. `document` is the serialized fairlead.v1.Policy that GetPolicy answers."""

    channels: tuple[ChannelTable, ...] = (ChannelTable("chat"),)
    tiers: tuple[TierTable, ...] = ()
    queues: tuple[QueueTable, ...] = (QueueTable("default"),)
    default_queue: str = "default"
    retention_us: int = 3_600_000_000
    reserve_after_us: int = 30_000_000
    seed: int = 0
    rules: tuple[RuleTable, ...] = ()
    schedules: tuple[ScheduleTable, ...] = ()
    scenarios: tuple[str, ...] = ()
    plans: tuple[PlanTable, ...] = ()
    experiment: ExperimentTable = ExperimentTable()
    compiled_us: int = 0  # when; the calendar of the schedules begins there
    document: bytes = b""
    author: str = ""
