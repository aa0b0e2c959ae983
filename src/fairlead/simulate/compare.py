"""Several policies on one scenario with common random numbers: replication k is the same day under each of them.

So what differs between two policies in a replication differs because of them, and a difference shows with far fewer
replications than independent runs would need.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import NamedTuple

from fairlead.reports.comparison import Arm, Comparison
from fairlead.simulate.measures import MEASURES, samples
from fairlead.simulate.model import AgentGroup, JobKind, Scenario
from fairlead.simulate.run import Run, replicate
from fairlead.simulate.scenario import DAY_US, UNSET, with_trace
from fairlead.simulate.trace import types_of
from fairlead.v1 import job_pb2, routing_service_pb2

# Of a team made up for a trace that comes without one.
MADE_UP_SATURATION = 0.85


class Policy(NamedTuple):
    """A policy to compare: its name and its text, empty for the built-in one."""

    name: str
    text: str


def play_all(
    scenario: Scenario,
    policies: Sequence[Policy],
    *,
    replications: int | None,
    processes: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Run]:
    """Every policy, cut to the replications that all of them finished. An interrupted policy is the last one played."""
    runs: list[Run] = []
    for policy in policies:
        told = (lambda done, of, name=policy.name: progress(name, done, of)) if progress else None
        runs.append(
            replicate(scenario, policy.text, policy.name, replications=replications, processes=processes, progress=told)
        )
        if runs[-1].is_interrupted:
            break
    common = set.intersection(*({result.replication for result in run.results} for run in runs))
    return [replace(run, results=[result for result in run.results if result.replication in common]) for run in runs]


def compare(scenario: Scenario, runs: Sequence[Run], notes: Sequence[str] = ()) -> Comparison:
    """The runs of `play_all` as samples of one comparison."""
    is_daily = scenario.trace is not None and scenario.trace.is_daily
    arms = [Arm(run.policy, samples(run, scenario)) for run in runs]
    return Comparison(scenario.name, "day" if is_daily else "replication", MEASURES, arms, notes)


def scenario_of_trace(path: Path, agents: int | None) -> Scenario:
    """A scenario for a trace that comes without one: every agent may take every job, and is always there.

    Without a number there are as many as have 85 % of their time taken in the average day's busiest hour. Raises
    TraceError.
    """
    jobs = tuple(_any_job(name) for name in types_of(path))
    scenario = with_trace(_made_up(path.stem, jobs, agents or 1), path)
    if agents is None:
        scenario = replace(scenario, agents=_team(_needed(scenario)))
    return scenario


def _needed(scenario: Scenario) -> int:
    trace = scenario.trace
    assert trace is not None
    hour = 3_600_000_000
    busy = [0.0] * 24
    for recording in trace.recordings:
        for time, kind, work in zip(recording.times, recording.types, recording.works, strict=True):
            busy[min(23, time // hour)] += work if work >= 0 else scenario.jobs[kind].work.mean
    return max(1, ceil(max(busy) / len(trace.recordings) / hour / MADE_UP_SATURATION))


def _any_job(name: str) -> JobKind:
    request = routing_service_pb2.AssignRequest(job=job_pb2.JobSpec(id=name))
    arguments = {"queue": "", "channel": ""}
    return JobKind(name, request.SerializeToString(), arguments, False, UNSET, None, 0, (), False)


def _team(count: int) -> tuple[AgentGroup, ...]:
    ids = tuple(f"agent-{number}" for number in range(1, count + 1))
    return (AgentGroup(ids, {}, (), 1, {}, 100, 500, None, 1.0, (), (), 0),)


def _made_up(name: str, jobs: tuple[JobKind, ...], agents: int) -> Scenario:
    return Scenario(
        name=name,
        policy="",
        policy_name="built-in",
        start=0,
        horizon=DAY_US,
        warm_up=0,
        drain=DAY_US,
        interval=DAY_US // 96,
        replications=1,
        seed=1,
        service_level=20_000_000,
        accept_after=0,
        tolerance=300_000_000,
        own_bonus=0.0,
        switched_on=(),
        allow_overload=False,
        agents=_team(agents),
        jobs=jobs,
        trace=None,
    )
