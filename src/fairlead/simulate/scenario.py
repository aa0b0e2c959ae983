"""Reads a scenario: one TOML file, every mistake told at once with its path. docs/SIMULATION.md has the fields.

The file, its policy, its trace and its lists of times are read here and nowhere else; what comes out is a frozen value
that can be sent to another process.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairlead.errors import error
from fairlead.problems import Problems
from fairlead.simulate.fields import Table
from fairlead.simulate.laws import Law, exponential, parse_law
from fairlead.simulate.model import AgentGroup, JobKind, Scenario
from fairlead.simulate.trace import COLUMNS, Trace, read_trace
from fairlead.v1 import job_pb2, routing_service_pb2

_KEYS = (
    *("name", "policy", "start", "horizon", "warm_up", "drain", "interval", "replications", "seed", "service_level"),
    *("accept_after", "scenarios", "allow_overload", "satisfaction", "agents", "jobs", "trace"),
)
_AGENT_KEYS = (
    *("id", "count", "skills", "tags", "capacity", "channel_limits", "weight", "rating", "wrap_up", "speed", "rates"),
    *("shifts", "repeat"),
)
_JOB_KEYS = (
    *("id", "queue", "channel", "skills", "tags", "preferred_skills", "preferred_tags", "customer_tier"),
    *(
        "urgency",
        "head_start",
        "language",
        "labels",
        "customer_value",
        "immediate_only",
        "customers",
        "handle",
        "patience",
        "arrivals",
    ),
)
PER = {"per_second": 1e6, "per_minute": 60e6, "per_hour": 3600e6}
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MAX_AGENTS = 100_000
MAX_REPLICATIONS = 100_000
MAX_INTERVALS = 10_000
LONGEST_US = 3660 * DAY_US


def load(path: Path) -> Scenario:
    """The scenario of a file. Raises InvalidArgument: INVALID_SCENARIO with all problems, INVALID_TRACE with a line."""
    text = read_text(path, "scenario")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise error("INVALID_SCENARIO", f"{path} is no TOML: {wrong}") from wrong
    return parse(document, path.parent, str(path))


def read_text(path: Path, what: str) -> str:
    """The text of a file. Raises InvalidArgument (INVALID_SCENARIO)."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise error("INVALID_SCENARIO", f"cannot read the {what} {path}: {failure}") from failure


def parse(document: Mapping[str, Any], folder: Path, file: str = "") -> Scenario:
    """The scenario of a document; names of files in it are relative to `folder`, `file` is where it stands."""
    problems = Problems()
    table = Table(document, "", problems, _KEYS)
    taken: set[str] = set()
    agents = tuple(_agents(item, f"agents[{i}]", problems, taken) for i, item in enumerate(table.list("agents")))
    jobs = tuple(_job(item, f"jobs[{index}]", problems, folder) for index, item in enumerate(table.list("jobs")))
    _check_lists(agents, jobs, problems)
    satisfaction = Table(table.raw("satisfaction", {}), "satisfaction", problems, ("tolerance", "own_agent_bonus"))
    has_trace = table.has("trace")
    horizon = table.duration("horizon", DAY_US if has_trace else None, least=1)
    if horizon > LONGEST_US:
        problems.add("horizon", table.raw("horizon"), "at most ten years")
    warm_up = table.duration("warm_up", 0)
    if warm_up >= horizon > 0:
        problems.add("warm_up", table.raw("warm_up"), "less than the horizon")
    interval = table.duration("interval", max(1, horizon // 96), least=1)
    if horizon // interval > MAX_INTERVALS:
        problems.add("interval", table.raw("interval"), f"at least a {MAX_INTERVALS:,}th of the horizon")
    policy = table.text("policy")
    scenario = Scenario(
        name=table.text("name", Path(file).stem or "scenario"),
        policy=read_text(folder / policy, "policy") if policy else "",
        policy_name=Path(policy).stem if policy else "built-in",
        start=_start(table.raw("start"), problems),
        horizon=horizon,
        warm_up=warm_up,
        drain=table.duration("drain", DAY_US),
        interval=interval,
        replications=table.whole("replications", 20, 1, MAX_REPLICATIONS),
        seed=table.whole("seed", 1, 0, 2**63 - 1),
        service_level=table.duration("service_level", 20_000_000),
        accept_after=table.duration("accept_after", 0),
        tolerance=satisfaction.duration("tolerance", 300_000_000, least=1),
        own_bonus=satisfaction.number("own_agent_bonus", 0.0, 0.0, 1.0),
        switched_on=table.texts("scenarios"),
        allow_overload=table.flag("allow_overload", False),
        agents=agents,
        jobs=jobs,
        trace=None,
    )
    told = Table(table.raw("trace", {}), "trace", problems, ("file", "columns", "daily")) if has_trace else None
    if not has_trace and jobs and not any(rate for job in jobs for _, rate in job.steps):
        problems.note("jobs", "no job ever arrives; give one `arrivals`, or the scenario a [trace]")
    problems.raise_if_any("INVALID_SCENARIO", "the scenario", file)
    return with_trace(scenario, folder / told.text("file"), told) if told else scenario


def with_trace(scenario: Scenario, path: Path, told: Table | None = None) -> Scenario:
    """The scenario with the recorded jobs of a file, one replication for each day unless told otherwise.

    Jobs without a patience of their own get the one that the record shows.
    """
    daily = told.flag("daily", True) if told else True
    columns = told.mapping("columns") if told else {}
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise error("INVALID_SCENARIO", f"trace.columns: {unknown[0]} is none of {', '.join(COLUMNS)}", "trace.columns")
    trace = read_trace(path, [job.id for job in scenario.jobs], daily=daily, columns=columns)
    jobs = tuple(
        _with_record(job, trace, mean)
        for job, mean in zip(scenario.jobs, trace.mean_works(len(scenario.jobs)), strict=True)
    )
    replications = len(trace.recordings) if daily else scenario.replications
    return replace(scenario, trace=trace, jobs=jobs, replications=replications)


def _with_record(job: JobKind, trace: Trace, mean_work: float) -> JobKind:
    known = not math.isnan(mean_work)
    work = exponential(mean_work) if job.work.kind == UNSET.kind and known else job.work
    patience = job.patience
    if patience is None and not math.isnan(trace.mean_patience_us):
        patience = exponential(trace.mean_patience_us)
    return replace(job, work=exponential(60e6) if work.kind == UNSET.kind else work, patience=patience)


# A job whose work only the trace knows.
UNSET = Law("unset", 0.0)


def _start(value: object, problems: Problems) -> int:
    if value is None:
        return 0
    if not isinstance(value, datetime):
        problems.add("start", value, "a date and time such as 2026-03-02T08:00:00Z")
        return 0
    instant = value if value.tzinfo else value.replace(tzinfo=UTC)
    microseconds = round((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
    if microseconds < 0:
        problems.add("start", value, "a time after 1970")
    return max(0, microseconds)


def _check_lists(agents: tuple[AgentGroup, ...], jobs: tuple[JobKind, ...], problems: Problems) -> None:
    if not agents:
        problems.note("agents", "is missing; at least one [[agents]] is needed")
    if not jobs:
        problems.note("jobs", "is missing; at least one [[jobs]] is needed")
    if sum(len(group.ids) for group in agents) > MAX_AGENTS:
        problems.note("agents", f"more than {MAX_AGENTS:,} agents")
    seen: set[str] = set()
    for index, job in enumerate(jobs):
        if job.id in seen:
            problems.add(f"jobs[{index}].id", job.id, "an id that no other job has")
        seen.add(job.id)


def _agents(value: object, path: str, problems: Problems, taken: set[str]) -> AgentGroup:
    table = Table(value, path, problems, _AGENT_KEYS)
    name = table.text("id", required=True)
    count = table.whole("count", 1, 1, MAX_AGENTS)
    ids = tuple(f"{name}-{number}" for number in range(1, count + 1)) if table.has("count") else (name,)
    twice = next((each for each in ids if each in taken), None)
    if twice is not None:
        problems.add(table.path("id"), twice, "an id that no other agent has")
    taken.update(ids)
    rates = table.list("rates")
    if not all(isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < 1e6 for rate in rates):
        problems.add(table.path("rates"), rates, "a list of numbers above 0: what is done with 1, 2, .. jobs at once")
        rates = []
    limits = table.raw("channel_limits", {})
    if not isinstance(limits, Mapping) or not all(isinstance(limit, int) and limit >= 0 for limit in limits.values()):
        problems.add(table.path("channel_limits"), limits, "a table of channel = how many jobs")
        limits = {}
    repeat = table.duration("repeat", 0)
    return AgentGroup(
        ids=ids,
        skills={skill: level or 10 for skill, level in table.levels("skills").items()},
        tags=table.texts("tags"),
        capacity=table.whole("capacity", 1, 1, 10_000),
        channel_limits=dict(limits),
        weight=table.whole("weight", 100, 1, 1_000),
        rating=table.whole("rating", 500, 0, 1_000),
        wrap_up=table.duration("wrap_up") if table.has("wrap_up") else None,
        speed=table.number("speed", 1.0, 1e-6, 1e6),
        rates=tuple(map(float, rates)),
        shifts=tuple(_shifts(table, problems, repeat)),
        repeat=repeat,
    )


def _shifts(table: Table, problems: Problems, repeat: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    last = 0
    for index, item in enumerate(table.list("shifts")):
        path = f"{table.path('shifts')}[{index}]"
        shift = Table(item, path, problems, ("from", "to"))
        begin, end = shift.duration("from"), shift.duration("to")
        if not last <= begin < end:
            problems.note(path, "must end after it begins, and begin after the one in front of it has ended")
        last = end
        found.append((begin, end))
    if repeat and last > repeat:
        problems.note(table.path("repeat"), "is shorter than the last shift")
    if not found and table.has("shifts"):
        problems.note(table.path("shifts"), "is empty; leave it out for agents who are always there")
    return found


def _job(value: object, path: str, problems: Problems, folder: Path) -> JobKind:
    table = Table(value, path, problems, _JOB_KEYS)
    name = table.text("id", required=True)
    spec = job_pb2.JobSpec(
        id=name or "job",
        queue=table.text("queue"),
        channel=table.text("channel"),
        tags=table.texts("tags"),
        preferred_tags=table.texts("preferred_tags"),
        customer_tier=table.text("customer_tier"),
        urgency=table.whole("urgency", 0, 0, 9),
        language=table.text("language"),
        labels=table.mapping("labels"),
        customer_value=table.whole("customer_value", 0, 0, 10**12),
    )
    head_start = table.duration("head_start", 0)
    spec.head_start.FromMicroseconds(head_start)
    for key, demands in (("skills", spec.skills), ("preferred_skills", spec.preferred_skills)):
        for skill, level in table.levels(key).items():
            demands.add(name=skill, min_level=level)
    steps, repeats = _arrivals(table, problems)
    request = routing_service_pb2.AssignRequest(job=spec, immediate_only=table.flag("immediate_only", False))
    return JobKind(
        id=name,
        request=request.SerializeToString(deterministic=True),
        arguments={
            "queue": spec.queue,
            "channel": spec.channel,
            "skills": {demand.name: demand.min_level or 1 for demand in spec.skills},
            "tags": tuple(spec.tags),
            "customer_tier": spec.customer_tier,
            "language": spec.language,
            "labels": dict(spec.labels),
            "customer_value": spec.customer_value,
        },
        never_waits=request.immediate_only,
        work=_law(table, "handle", problems, folder) if table.has("handle") else UNSET,
        patience=_law(table, "patience", problems, folder) if table.has("patience") else None,
        customers=table.whole("customers", 0, 0, 100_000_000),
        steps=steps,
        repeats=repeats,
    )


def _law(table: Table, key: str, problems: Problems, folder: Path) -> Law:
    return parse_law(table.raw(key), table.path(key), problems, folder)


def _arrivals(table: Table, problems: Problems) -> tuple[tuple[tuple[float, float], ...], bool]:
    if not table.has("arrivals"):
        return (), False
    if not table.has("handle"):
        problems.note(table.path("handle"), "is missing; only the jobs of a trace may leave it out")
    path = table.path("arrivals")
    told = Table(table.raw("arrivals"), path, problems, (*PER, "steps", "repeat"))
    if not told.has("steps"):
        return ((math.inf, _rate(told, problems)),), False
    steps: list[tuple[float, float]] = []
    last = 0.0
    for index, item in enumerate(told.list("steps")):
        step = Table(item, f"{path}.steps[{index}]", problems, (*PER, "until"))
        until = float(step.duration("until", least=1))
        if until <= last:
            problems.note(step.path("until"), "must be later than the one in front of it")
        last = until
        steps.append((until, _rate(step, problems)))
    repeats = told.flag("repeat", False)
    if repeats and not any(rate for _, rate in steps):
        problems.note(f"{path}.steps", "repeats for ever without an arrival; give one step a rate above 0")
    return tuple(steps), repeats


def _rate(table: Table, problems: Problems) -> float:
    given = [unit for unit in PER if table.has(unit)]
    if len(given) != 1:
        problems.note(table.path("")[:-1], f"needs one of {', '.join(PER)}")
        return 0.0
    return table.number(given[0], 0.0, 0.0, 1e9) / PER[given[0]]
