"""Shows a run: as a table for the terminal, as one JSON object, as one HTML page with plots."""

import math
from collections.abc import Sequence
from typing import Any

from fairlead.reports.page import Page
from fairlead.reports.plots import Bars, Series, bars, lines
from fairlead.reports.statistics import CONFIDENCE, Interval
from fairlead.simulate.measures import MEASURES, intervals, over_time, per_agent, wait_quantiles
from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Run

SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
# More bars than this cannot be read; the report then shows the agents sorted as a curve.
MOST_BARS = 60


def to_json(scenario: Scenario, run: Run, warnings: Sequence[str]) -> dict[str, Any]:
    """Everything that was measured, as plain values; times in seconds, a number that is none is null."""
    return {
        "scenario": scenario.name,
        "policy": run.policy,
        "replications": len(run.results),
        "interrupted": run.is_interrupted,
        "confidence": CONFIDENCE,
        "warnings": list(warnings),
        "all": _json_intervals(intervals(run, scenario)),
        "jobs": {
            job.id: {
                **_json_intervals(intervals(run, scenario, kind)),
                "quantiles": {f"{share:g}": quantile(run, share, kind) for share in SHARES},
            }
            for kind, job in enumerate(scenario.jobs)
        },
        "quantiles": {f"{share:g}": quantile(run, share) for share in SHARES},
        "agents": [agent._asdict() for agent in per_agent(run, scenario)],
        "time": [{key: _finite(value) for key, value in each._asdict().items()} for each in over_time(run, scenario)],
        "most_waiting": max(result.most_waiting for result in run.results),
        "unfinished": sum(result.unfinished for result in run.results),
        "events": run.events,
        "events_per_second": events_per_second(run),
    }


def summary(scenario: Scenario, run: Run) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: each measure over all jobs and for each type, with half the width of its interval."""
    kinds: list[int | None] = [None]
    if len(scenario.jobs) > 1:
        kinds += range(len(scenario.jobs))
    columns = [intervals(run, scenario, kind) for kind in kinds]
    rows = []
    for measure in MEASURES:
        cells = [_shown(column[measure.key], measure.key) for column in columns]
        if any(cell != "-" for cell in cells):
            rows.append([measure.label, *cells])
    for share in SHARES:
        cells = [seconds(quantile(run, share, kind)) for kind in kinds]
        rows.append([f"{100 * share:g} % wait at most", *cells])
    return ["", *("all" if kind is None else scenario.jobs[kind].id for kind in kinds)], rows


def quantile(run: Run, share: float, kind: int | None = None) -> float | None:
    """The wait in seconds that this share of the served does not exceed, at most 5 % off; None without any."""
    points = wait_quantiles(run, kind)
    return next((wait for wait, reached in points if reached >= share), points[-1][0] if points else None)


def seconds(value: float | None) -> str:
    """A length of time with the digits that matter."""
    return "-" if value is None else f"{value:.3g} s"


def events_per_second(run: Run) -> float:
    """Of the compiled loop, by its own processor time, over all replications."""
    spent = math.fsum(result.seconds for result in run.results)
    return run.events / spent if spent else 0.0


def notes(scenario: Scenario, run: Run) -> list[str]:
    """What a reader must know to read the numbers rightly."""
    found = [
        f"Satisfaction is a model, not a measurement: the agent's rating (plus {scenario.own_bonus:g} for the "
        f"customer's own agent, at most 1), times exp(-wait / {scenario.tolerance / 1e6:g} s); "
        "who was not served counts 0.",
        f"The service level counts who was served within {scenario.service_level / 1e6:g} s, of all who came.",
    ]
    if scenario.trace:
        kind = "a day of the record" if scenario.trace.is_daily else "the whole record"
        found.append(
            f"Each replication plays {kind}. Work of jobs that nobody served then, and patience beyond the wait that "
            "was borne, are drawn."
        )
        if not scenario.trace.is_daily:
            found.append("All replications play the same arrivals: the intervals show the drawn part alone.")
    if run.is_interrupted:
        found.append(f"Interrupted: {len(run.results)} replications were finished and are shown.")
    unfinished = sum(result.unfinished for result in run.results)
    if unfinished:
        found.append(f"{unfinished:,} jobs were not over at the end of their run and count as not served.")
    return found


def page(scenario: Scenario, run: Run, warnings: Sequence[str]) -> Page:
    """The report. Raises PlotsMissing without matplotlib."""
    count = len(run.results)
    shown = Page(f"{scenario.name}, policy {run.policy}", f"{count} replications, {run.events:,} events of the router")
    for warning in warnings:
        shown.text(warning, "verdict")
    shown.heading("Summary")
    headings, rows = summary(scenario, run)
    shown.table(headings, rows)
    for note in notes(scenario, run):
        shown.text(note, "note")
    _fill_waits(shown, scenario, run)
    _fill_time(shown, scenario, run)
    _fill_agents(shown, scenario, run)
    return shown


def _fill_waits(shown: Page, scenario: Scenario, run: Run) -> None:
    shown.heading("Waits")
    curves = []
    for kind, job in enumerate(scenario.jobs):
        points = wait_quantiles(run, kind)
        if points:
            waits, reached = zip(*points, strict=True)
            curves.append(Series(job.id, waits, [100 * share for share in reached]))
    if not curves:
        shown.text("Nobody was served.")
        return
    most = quantile(run, 0.999) or 0.0
    cut = [_within(curve, most or 1.0) for curve in curves]
    shown.figure(
        lines(cut, x_label="seconds waited at most", y_label="% of the served", steps=True),
        "How many were served within a time; a curve further up and left is better.",
    )
    found = [intervals(run, scenario, kind)["wait"] for kind in range(len(scenario.jobs))]
    known = [(job.id, interval) for job, interval in zip(scenario.jobs, found, strict=True) if interval]
    group = Bars("mean wait", *([getattr(i, end) for _, i in known] for end in ("mean", "low", "high")))
    shown.figure(bars([name for name, _ in known], [group], y_label="mean wait (s)"))


def _within(curve: Series, most: float) -> Series:
    """The part of a curve up to `most`, with a last point there."""
    kept = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if x <= most]
    kept.append((most, kept[-1][1] if kept else 0.0))
    x, y = zip(*kept, strict=True)
    return Series(curve.name, x, y)


def _fill_time(shown: Page, scenario: Scenario, run: Run) -> None:
    shown.heading("Over time")
    slices = over_time(run, scenario)
    unit, size = ("hours", 3600.0) if scenario.horizon > 2 * 3_600e6 else ("minutes", 60.0)
    times = [each.start / size for each in slices]
    label = f"{unit} since the start"
    saturation = [100 * each.saturation for each in slices]
    shown.figure(
        lines([Series("saturation", times, saturation)], x_label=label, y_label="saturation (%)", steps=True),
        "Capacity in use, of that of the agents who are online; above 100 % some finish after their shift.",
    )
    backlog = Series("backlog", times, [each.backlog for each in slices])
    shown.figure(lines([backlog], x_label=label, y_label="jobs that wait", steps=True))
    arrived = Series("arrivals", times, [each.arrived for each in slices])
    per = scenario.interval / 1e6
    shown.figure(lines([arrived], x_label=label, y_label=f"arrivals in {per:g} s", steps=True))


def _fill_agents(shown: Page, scenario: Scenario, run: Run) -> None:
    shown.heading("Agents")
    agents = [agent for agent in per_agent(run, scenario) if agent.staffed_s]
    fair = intervals(run, scenario)["fairness"]
    if fair:
        shown.text(f"Fairness of load (Jain's index): {fair.mean:.3f}. 1 is the same load for everybody who was there.")
    if len(agents) <= MOST_BARS:
        groups = [Bars("busy", [100 * agent.busy for agent in agents])]
        if any(group.capacity > 1 for group in scenario.agents):
            groups.append(Bars("saturation", [100 * agent.saturation for agent in agents]))
        shown.figure(bars([agent.id for agent in agents], groups, y_label="% of their time"))
        shown.figure(bars([a.id for a in agents], [Bars("jobs", [a.given for a in agents])], y_label="jobs"))
        return
    ordered = sorted((100 * agent.busy for agent in agents), reverse=True)
    shown.figure(
        lines([Series("busy", range(1, len(ordered) + 1), ordered)], x_label="agents, busiest first", y_label="% busy")
    )


def _shown(interval: Interval | None, key: str) -> str:
    if interval is None:
        return "-"
    measure = next(each for each in MEASURES if each.key == key)
    half = "" if math.isnan(interval.half_width) else f" ± {measure.shown(interval.half_width)}"
    return measure.shown(interval.mean) + half


def _json_intervals(found: dict[str, Interval | None]) -> dict[str, Any]:
    return {
        key: interval and {"mean": interval.mean, "low": _finite(interval.low), "high": _finite(interval.high)}
        for key, interval in found.items()
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
