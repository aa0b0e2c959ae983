"""Five strategies on a month of a bank's calls: the worked example of docs/SIMULATION.md, with its plots.

`python -m benchmarks.bank TRACE [--plots FOLDER]`. TRACE is the log of the Technion, which is not part of this project.
"""

import argparse
import tomllib
from pathlib import Path

from fairlead.commands.table import table
from fairlead.reports.comparison import Comparison, fill_page, table_of_differences, table_of_means, verdict
from fairlead.reports.page import Page
from fairlead.reports.plots import Bars, Series, bars, lines
from fairlead.reports.statistics import mean_interval
from fairlead.simulate.compare import Policy, compare, play_all
from fairlead.simulate.measures import over_time, wait_quantiles
from fairlead.simulate.model import Scenario
from fairlead.simulate.report import notes
from fairlead.simulate.run import Run
from fairlead.simulate.scenario import parse

FOLDER = Path(__file__).resolve().parents[1] / "docs/examples/simulation"
POLICIES = ("longest_idle", "random", "specialist", "best_rated", "own_agent")
SHOWN = (("wait", "mean wait (s)", 1), ("satisfaction", "satisfaction (%)", 100), ("own_agent", "own agent (%)", 100))


def plots(scenario: Scenario, runs: list[Run], comparison: Comparison) -> dict[str, str]:
    """SVG text by name."""
    curves = []
    for run in runs:
        points = [(wait, share) for wait, share in wait_quantiles(run) if wait <= 240]
        curves.append(Series(run.policy, [x for x, _ in points], [100 * y for _, y in points]))
    found = {
        "bank-waits": lines(curves, x_label="seconds waited at most", y_label="% of the served", steps=True),
        "bank-day": lines(
            [
                Series("saturation (%)", *_day(runs[0], scenario, "saturation", 100)),
                Series("calls in half an hour", *_day(runs[0], scenario, "arrived", 1)),
            ],
            x_label="hour of the day",
            steps=True,
        ),
    }
    for key, label, scale in SHOWN:
        means = [mean_interval([v for v in arm.samples[key] if v == v]) for arm in comparison.arms]
        group = Bars(label, *([scale * getattr(mean, end) for mean in means] for end in ("mean", "low", "high")))
        found[f"bank-{key.replace('_', '-')}"] = bars([arm.name for arm in comparison.arms], [group], y_label=label)
    return found


def _day(run: Run, scenario: Scenario, name: str, scale: float) -> tuple[list[float], list[float]]:
    slices = over_time(run, scenario)
    return [each.start / 3600 for each in slices], [scale * getattr(each, name) for each in slices]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--plots", type=Path, help="write SVG files into this folder")
    parser.add_argument("--html", type=Path, help="write the report of `fairlead compare --html`")
    options = parser.parse_args()
    document = tomllib.loads((FOLDER / "bank.toml").read_text())
    document["trace"]["file"] = str(options.trace.resolve())
    scenario = parse(document, FOLDER)
    policies = [Policy(name, (FOLDER / f"{name}.toml").read_text()) for name in POLICIES]
    runs = play_all(scenario, policies, replications=None, processes=1)
    comparison = compare(scenario, runs, notes(scenario, runs[-1]))
    headings, rows = table_of_means(comparison)
    print(table(headings, rows))
    headings, rows = table_of_differences(comparison)
    print(table(headings, rows, left=2))
    print("\n".join([*verdict(comparison), *comparison.notes]))
    if options.plots:
        for name, svg in plots(scenario, runs, comparison).items():
            (options.plots / f"{name}.svg").write_text(svg)
    if options.html:
        page = Page(comparison.title)
        fill_page(page, comparison)
        page.write(options.html)


if __name__ == "__main__":
    main()
