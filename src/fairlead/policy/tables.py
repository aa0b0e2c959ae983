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


class PolicyTables(NamedTuple):
    """A whole policy. `document` is the serialized fairlead.v1.Policy that GetPolicy answers."""

    channels: tuple[ChannelTable, ...] = (ChannelTable("chat"),)
    tiers: tuple[TierTable, ...] = ()
    queues: tuple[QueueTable, ...] = (QueueTable("default"),)
    default_queue: str = "default"
    retention_us: int = 3_600_000_000
    reserve_after_us: int = 30_000_000
    seed: int = 0
    document: bytes = b""
    author: str = ""
