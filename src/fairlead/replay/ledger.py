"""What became of jobs, in numbers: waits, ends, shares, saturation. Times are microseconds. Knows no journal."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from fairlead.reports.statistics import percentile
from fairlead.shard.core import JobState, Reason

SECOND_US = 1_000_000


class Placement(NamedTuple):
    """An agent was given the job, by what, and held it until `end_us` (None: still does)."""

    time_us: int
    agent_id: str
    cause: int
    cost: int
    end_us: int | None = None


@dataclass(slots=True)
class Fate:
    """What became of one job. `queue` is where it was given or ended, `end_us` None while it lives."""

    number: int
    job_id: str
    queue: str
    create_us: int
    start_us: int
    placements: list[Placement] = field(default_factory=list)
    offers: int = 0
    declined: int = 0
    missed: int = 0
    end_us: int | None = None
    state: int = 0
    reason: int = 0
    satisfaction: int = -1
    arm: str = ""

    @property
    def wait_us(self) -> int | None:
        """From when it could be served to its first agent; None when it never had one."""
        return self.placements[0].time_us - self.start_us if self.placements else None

    @property
    def end(self) -> str:
        """One word: served (an agent had it), abandoned (the caller gave up), refused, expired (a limit), waiting."""
        if self.placements:
            return "served"
        if self.end_us is None:
            return "waiting"
        if self.state == 0:
            return "refused"
        return "abandoned" if self.reason == Reason.CALLER and self.state == JobState.CANCELLED else "expired"


ENDS = ("served", "abandoned", "refused", "expired", "waiting")


@dataclass(slots=True)
class Shift:
    """Of one agent: ONLINE time, and the units it could have held in it, as unit-microseconds."""

    online_us: int = 0
    capacity_us: int = 0
    spells: list[tuple[int, int, int]] = field(default_factory=list)  # from, until, capacity


@dataclass(slots=True)
class Ledger:
    """Every job of a history, in the order of submission, and the agents' shifts, from `first_us` to `last_us`.

    Jobs that were live at `first_us` may have come, and been given to an agent, before it.
    """

    fates: list[Fate] = field(default_factory=list)
    shifts: dict[str, Shift] = field(default_factory=dict)
    first_us: int = 0
    last_us: int = 0


class Measures(NamedTuple):
    """Of a set of jobs. Waits are seconds of jobs that were served; shares are parts of 1, nan for none."""

    jobs: int
    served: int
    abandoned: int
    refused: int
    expired: int
    waiting: int
    wait_mean: float
    wait_p50: float
    wait_p90: float
    wait_p95: float
    in_time: float
    own_agent: float
    satisfaction: float


def measures(fates: Iterable[Fate], target_us: int, own_cause: int = 1) -> Measures:
    """The measures of some jobs; `in_time` is the part of all that an agent had within `target_us`."""
    chosen = list(fates)
    ends = Counter(fate.end for fate in chosen)
    waits = sorted(wait for fate in chosen if (wait := fate.wait_us) is not None)
    seconds = [wait / SECOND_US for wait in waits]
    first = [fate.placements[0] for fate in chosen if fate.placements]
    ratings = [fate.satisfaction for fate in chosen if fate.satisfaction >= 0]
    return Measures(
        jobs=len(chosen),
        served=ends["served"],
        abandoned=ends["abandoned"],
        refused=ends["refused"],
        expired=ends["expired"],
        waiting=ends["waiting"],
        wait_mean=_mean(seconds),
        wait_p50=percentile(seconds, 50),
        wait_p90=percentile(seconds, 90),
        wait_p95=percentile(seconds, 95),
        in_time=_part(sum(wait <= target_us for wait in waits), len(chosen)),
        own_agent=_part(sum(placement.cause == own_cause for placement in first), len(first)),
        satisfaction=_mean(ratings),
    )


class AgentMeasures(NamedTuple):
    """Of one agent: jobs given, its part of all, and unit-time held to unit-time it was ONLINE with."""

    jobs: int
    share: float
    saturation: float


def agent_measures(ledger: Ledger) -> dict[str, AgentMeasures]:
    """Of every agent who was there or was given a job, by id."""
    given: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for fate in ledger.fates:
        for placement in fate.placements:
            given[placement.agent_id] += 1
            until = ledger.last_us if placement.end_us is None else placement.end_us
            held[placement.agent_id] += placement.cost * (until - max(placement.time_us, ledger.first_us))
    total = given.total()
    return {
        agent: AgentMeasures(
            given[agent], _part(given[agent], total), _part(held[agent], ledger.shifts.get(agent, Shift()).capacity_us)
        )
        for agent in sorted(ledger.shifts.keys() | given.keys())
    }


def by_queue(fates: Sequence[Fate]) -> Mapping[str, list[Fate]]:
    """Jobs by their queue, sorted by its name."""
    found: dict[str, list[Fate]] = {}
    for fate in fates:
        found.setdefault(fate.queue, []).append(fate)
    return dict(sorted(found.items()))


def moment(time_us: int) -> str:
    """A time for people, to the second."""
    return datetime.fromtimestamp(time_us // SECOND_US, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _part(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
