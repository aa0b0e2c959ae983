"""What a run came to: medians, ratios, a table for a terminal, a page and plots for docs/."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers.tools import ROOT
from fairlead.reports import plots

PAGE = "PEERS.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEASURED = ("assignments_per_second", "p50_us", "p99_us", "p999_us", "cpu_seconds_per_million", "client_busy", "rss_mb")
QUIET_LOAD = 1.0
CLASSES = ("memory", "durable")
# (ratios, which in flight, limit, whether the limit itself is enough)
GOALS = (
    ("memory", ("1", "10", "100"), 1.0, False),
    ("memory", ("100",), 1.5, True),
    ("durable", ("100",), 3.0, True),
    ("fsync_to_best_memory_peer", ("100",), 1.0, True),
)

Row = dict[str, Any]
Ratios = dict[str, dict[str, float | None]]


def machine() -> str:
    """The processor and its cores."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def commit() -> str:
    """Of this tree, with a plus when files differ from it."""
    try:
        head, changes = (
            subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changes else "")


def medians(rows: Sequence[Row]) -> list[Row]:
    """One row for each point: medians over `n` rounds; `spread` is the least and the most assignments a second.

    Over capacity is the worst, refused the sum.
    """
    points: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        points.setdefault((row["name"], row["agents"], row["in_flight"], row.get("rate")), []).append(row)
    found = []
    for same in points.values():
        rates = [row["assignments_per_second"] for row in same]
        found.append(
            {
                **same[0],
                **{key: median(row[key] for row in same) for key in MEASURED},
                "over_capacity": max(row["over_capacity"] for row in same),
                "refused": sum(row["refused"] for row in same),
                "n": len(same),
                "spread": [min(rates), max(rates)],
            }
        )
    return found


def to_best_peer(
    results: Sequence[Row], in_flight: Sequence[int], ours: set[str]
) -> dict[str, dict[str, float | None]]:
    """Ratios of assignments a second, by calls in flight; None where one of the two was not measured."""

    def rate(name: str, calls: int) -> float | None:
        return next(
            (row["assignments_per_second"] for row in results if (row["name"], row["in_flight"]) == (name, calls)), None
        )

    def best(kind: str, calls: int) -> float | None:
        rates = [
            row["assignments_per_second"]
            for row in results
            if row["class"] == kind and row["name"] not in ours and row["in_flight"] == calls
        ]
        return max(rates, default=None)

    def ratios(name: str, kind: str) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for calls in in_flight:
            mine, other = rate(name, calls), best(kind, calls)
            found[str(calls)] = round(mine / other, 2) if mine and other else None
        return found

    return {
        "memory": ratios("fairlead none", "memory"),
        "durable": ratios("fairlead fsync", "durable"),
        "fsync_to_best_memory_peer": ratios("fairlead fsync", "memory"),
    }


def goals(ratios: Ratios) -> list[tuple[str, str]]:
    """Each goal in words, and what came of it."""
    found = []
    for name, levels, limit, inclusive in GOALS:
        values = [ratios[name].get(level) for level in levels]
        words = f"{name}: {'at least' if inclusive else 'above'} {limit:g} at {', '.join(levels)} in flight"
        if None in values:
            found.append((words, "not measured"))
            continue
        least = min(value for value in values if value is not None)
        reached = least >= limit if inclusive else least > limit
        found.append((words, f"{'reached' if reached else 'missed'}, {', '.join(f'{value:g}' for value in values)}"))
    return found


def _cells(row: Row) -> list[str]:
    least, most = row["spread"]
    return [
        f"{row['assignments_per_second']:,.0f} ({least:,.0f}-{most:,.0f})",
        f"{row['p50_us']:,.0f}",
        f"{row['p99_us']:,.0f}",
        f"{row['p999_us']:,.0f}",
        f"{row['cpu_seconds_per_million']:,.1f}",
        f"{row['rss_mb']:,.0f}",
        f"{100 * row['client_busy']:.0f} %",
        f"{row['over_capacity']:,}",
    ]


_HEAD = [
    "assignments/s (least-most)",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "CPU s per million",
    "MB",
    "load's core",
    "over capacity",
]


def text(result: dict[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{result['machine']}, commit {result['commit']}, {result['rounds']} rounds of {result['seconds']:g} s"]
    for key, first in (("results", "in_flight"), ("open_loop", "rate"), ("growth", "agents")):
        if not result[key]:
            continue
        lines.append(f"\n{key}: name, {first}, " + ", ".join(_HEAD))
        for row in result[key]:
            lines.append(f"{row['name']:18} {row[first]:>8,.0f}  " + "  ".join(f"{cell:>10}" for cell in _cells(row)))
    lines += [
        f"\n{name}: " + ", ".join(f"{k} {v}" for k, v in row.items()) for name, row in result["to_best_peer"].items()
    ]
    lines += [f"{words}: {what}" for words, what in goals(result["to_best_peer"])]
    lines += [f"{row['name']}: {row['why']}" for row in result["absent"]]
    return "\n".join(lines)


# ---- the page


def table(rows: Sequence[Row], first: str, title: str) -> list[str]:
    """Markdown, by this column and then the fastest first."""
    lines = [f"| {title} | peer | " + " | ".join(_HEAD) + " |", "|---" * (len(_HEAD) + 2) + "|"]
    for row in sorted(rows, key=lambda row: (row[first], -row["assignments_per_second"])):
        lines.append(f"| {row[first]:,.0f} | {row['name']} | " + " | ".join(_cells(row)) + " |")
    return lines


def markdown(result: dict[str, Any], figures: Sequence[str]) -> str:
    """Everything measured, as it stands between the marks of the page."""
    before, after = result["load_average"]
    busy = before >= QUIET_LOAD
    lines = [
        f"{result['machine']}; commit `{result['commit']}`; medians of {result['rounds']} rounds of"
        f" {result['seconds']:g} s a point, the least and the most beside them.",
        f"Load average {before:.1f} before and {after:.1f} after"
        + (": **other work ran on the same cores, so these figures are provisional.**" if busy else "."),
        "",
        "| goal | |",
        "|---|---|",
        *(f"| {words} | {what} |" for words, what in goals(result["to_best_peer"])),
        "",
    ]
    for kind in CLASSES:
        if rows := [row for row in result["results"] if row["class"] == kind]:
            lines += [f"**{kind.capitalize()}, closed loop, {rows[0]['agents']:,} agents**", ""]
            lines += [*table(rows, "in_flight", "in flight"), ""]
    if result["open_loop"]:
        lines += ["**Open loop: jobs are due at fixed times, latency from when they were due**", ""]
        lines += [*table(result["open_loop"], "rate", "jobs/s due"), ""]
    if result["growth"]:
        lines += ["**Growth, 10 in flight, one round**", "", *table(result["growth"], "agents", "agents"), ""]
    lines += [f"![{name.removesuffix('.svg').replace('-', ' ')}]({name})" for name in figures]
    if result["absent"]:
        lines += ["", *(f"- {row['name']}: {row['why']}" for row in result["absent"])]
    return "\n".join(lines).rstrip() + "\n"


def drawings(result: dict[str, Any]) -> dict[str, str]:
    """SVG by the name of its file."""
    found = {}
    for key, x, label in (
        ("results", "in_flight", "calls in flight on each of 4 connections"),
        ("growth", "agents", "agents"),
    ):
        for kind in CLASSES:
            rows = [row for row in result[key] if row["class"] == kind]
            curves = []
            for name in dict.fromkeys(row["name"] for row in rows):
                mine = sorted((row for row in rows if row["name"] == name), key=lambda row: row[x])
                curves.append(
                    plots.Series(
                        name,
                        [row[x] for row in mine],
                        [row["assignments_per_second"] for row in mine],
                        [row["spread"][0] for row in mine],
                        [row["spread"][1] for row in mine],
                    )
                )
            if curves:
                what = "concurrency" if key == "results" else "growth"
                found[f"peers-{what}-{kind}.svg"] = plots.lines(
                    curves,
                    title=f"{kind.capitalize()} class",
                    x_label=label,
                    y_label="assignments a second",
                    marks=True,
                    log_x=True,
                    log_y=True,
                )
    return found


def problem(docs: Path) -> str | None:
    """Why nothing can be written there."""
    try:
        plots.require()
    except plots.PlotsMissing as missing:
        return str(missing)
    page = docs / PAGE
    if not page.is_file():
        return f"{page} does not exist"
    content = page.read_text()
    if not 0 <= content.find(BEGIN) < content.find(END):
        return f"{page} does not have the lines {BEGIN} and {END}"
    return None


def write(result: dict[str, Any], docs: Path) -> None:
    """Tables between the marks of the page, plots beside it."""
    figures = drawings(result)
    for name, svg in figures.items():
        (docs / name).write_text(f"{svg.rstrip()}\n")
    page = docs / PAGE
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{markdown(result, list(figures))}\n{END}{after}")
