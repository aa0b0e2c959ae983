"""What a replication came to, as numbers by which policies are judged; each is a sample of its run.

A measure without anything to measure is nan and no sample. Times are seconds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.reports.comparison import Measure
from fairlead.reports.statistics import Interval, mean_interval
from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Result, Run

_SUMS = (
    *("arrived", "served", "abandoned", "refused", "dropped", "waited", "within", "completed", "returning", "own"),
    *("wait", "wait_square", "lost_wait", "sojourn", "satisfaction"),
)
US = 1e6


MEASURES = (
    Measure("wait", "mean wait of the served", "s", "low"),
    Measure("waited", "had to wait", "", "low", True),
    Measure("service_level", "served within the service level", "", "high", True),
    Measure("abandonment", "gave up", "", "low", True),
    Measure("turned_away", "turned away or dropped by the policy", "", "low", True),
    Measure("sojourn", "mean time from arrival to the end", "s", "low"),
    Measure("saturation", "saturation of the agents", "", "", True),
    Measure("fairness", "fairness of load (Jain)", "", "high"),
    Measure("satisfaction", "satisfaction", "", "high", True),
    Measure("own_agent", "returning customers with their own agent", "", "high", True),
    Measure("backlog", "mean backlog", "jobs", "low"),
)
BY_KEY: Mapping[str, Measure] = {measure.key: measure for measure in MEASURES}


def measure(result: Result, scenario: Scenario, kind: int | None = None) -> dict[str, float]:
    """Every measure of a replication, for all jobs or for one type; load and fairness are of all jobs."""
    tally = _sum(result.tallies if kind is None else [result.tallies[kind]])
    counted = max(1.0, (scenario.horizon - scenario.warm_up) / US)
    return {
        "wait": _share(tally["wait"] / US, tally["served"]),
        "waited": _share(tally["waited"], tally["served"]),
        "service_level": _share(tally["within"], tally["arrived"]),
        "abandonment": _share(tally["abandoned"], tally["arrived"]),
        "turned_away": _share(tally["refused"] + tally["dropped"], tally["arrived"]),
        "sojourn": _share(tally["sojourn"] / US, tally["completed"]),
        "saturation": _saturation(result, scenario),
        "fairness": fairness(result),
        "satisfaction": _share(tally["satisfaction"], tally["arrived"]),
        "own_agent": _share(tally["own"], tally["returning"]),
        # Little's law: all waiting of the counted jobs by the time they were counted in.
        "backlog": (tally["wait"] + tally["lost_wait"]) / US / counted,
    }


def fairness(result: Result) -> float:
    """Jain's index of how busy the agents were while they were there: 1 when all alike, 1/n when one does it all."""
    shares = [server["loaded"] / server["staffed"] for server in result.servers if server["staffed"] > 0]
    squares = math.fsum(share * share for share in shares)
    return math.fsum(shares) ** 2 / (len(shares) * squares) if squares else math.nan


def samples(run: Run, scenario: Scenario, kind: int | None = None) -> dict[str, list[float]]:
    """By measure: its value in each replication."""
    found: dict[str, list[float]] = {each.key: [] for each in MEASURES}
    for result in run.results:
        for key, value in measure(result, scenario, kind).items():
            found[key].append(value)
    return found


def intervals(run: Run, scenario: Scenario, kind: int | None = None) -> dict[str, Interval | None]:
    """By measure: mean and confidence interval over the replications; None where nothing was measured."""
    found: dict[str, Interval | None] = {}
    for key, values in samples(run, scenario, kind).items():
        known = [value for value in values if not math.isnan(value)]
        found[key] = mean_interval(known) if known else None
    return found


def wait_quantiles(run: Run, kind: int | None = None) -> Sequence[tuple[float, float]]:
    """(seconds, share of the served who waited at most so long), from the histograms of all replications."""
    bins = [0] * len(run.results[0].tallies[0]["waits"])
    for result in run.results:
        for tally in result.tallies if kind is None else [result.tallies[kind]]:
            for index, count in enumerate(tally["waits"]):
                bins[index] += count
    total, seen, points = sum(bins), 0, []
    for index, count in enumerate(bins):
        seen += count
        if count and total:
            points.append((2 ** (index / 8) / US if index else 0.0, seen / total))
    return points


class Slice(NamedTuple):
    """One interval of the time axis, averaged over the replications. `start` and `wait` in seconds."""

    start: float
    backlog: float
    saturation: float
    arrived: float
    wait: float


def over_time(run: Run, scenario: Scenario) -> list[Slice]:
    """The day, or whatever the horizon is, from its start, the warm-up included."""
    found = []
    for index, columns in enumerate(zip(*(result.intervals for result in run.results), strict=True)):
        waiting, load, capacity, arrived, served, _, wait = (math.fsum(column) for column in zip(*columns, strict=True))
        length = min(scenario.interval, scenario.horizon - index * scenario.interval)
        count = len(run.results)
        found.append(
            Slice(
                start=index * scenario.interval / US,
                backlog=waiting / length / count,
                saturation=_share(load, capacity),
                arrived=arrived / count,
                wait=_share(wait / US, served),
            )
        )
    return found


class AgentLoad(NamedTuple):
    """One agent over all replications: shares of the time they were there, and jobs in a replication."""

    id: str
    busy: float
    saturation: float
    staffed_s: float
    given: float


def per_agent(run: Run, scenario: Scenario) -> list[AgentLoad]:
    """The agents in the order of the scenario."""
    ids = [agent_id for group in scenario.agents for agent_id in group.ids]
    capacities = [group.capacity for group in scenario.agents for _ in group.ids]
    count = len(run.results)
    found = []
    for index, (agent_id, capacity) in enumerate(zip(ids, capacities, strict=True)):
        of = _adder([result.servers[index] for result in run.results])
        staffed = of("staffed")
        found.append(
            AgentLoad(
                agent_id,
                _share(of("busy"), staffed),
                _share(of("loaded"), staffed * capacity),
                staffed / US / count,
                of("given") / count,
            )
        )
    return found


def _adder(rows: Sequence[Mapping[str, Any]]) -> Callable[[str], float]:
    return lambda key: math.fsum(row[key] for row in rows)


def _sum(tallies: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {key: math.fsum(tally[key] for tally in tallies) for key in _SUMS}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _saturation(result: Result, scenario: Scenario) -> float:
    capacities = [group.capacity for group in scenario.agents for _ in group.ids]
    loaded = math.fsum(server["loaded"] for server in result.servers)
    there = math.fsum(s["staffed"] * capacity for s, capacity in zip(result.servers, capacities, strict=True))
    return _share(loaded, there)
