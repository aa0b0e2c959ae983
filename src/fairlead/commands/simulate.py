"""`fairlead simulate`: plays a scenario under a policy with the real router on a virtual clock.

Prints what it came to with confidence intervals; --html writes a report with plots. Ctrl-C keeps and shows the
replications that are finished, and exits with 130.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairlead.commands.client import print_json
from fairlead.commands.table import table

MAX_REPLICATIONS = 100_000
MAX_PROCESSES = 256
EXIT_INTERRUPTED = 130
# Between two lines of progress on a terminal.
PROGRESS_S = 0.5


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "simulate",
        help="play a scenario under a policy",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", type=Path, metavar="SCENARIO", help="TOML file; docs/SIMULATION.md has its fields")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="in place of the policy that the scenario names")
    add_run_options(parser)
    parser.set_defaults(run=run, parser=parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Flags that `simulate` and `compare` share."""
    parser.add_argument(
        "--replications", type=whole(MAX_REPLICATIONS), metavar="N", help="default: what the scenario says"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="default: what the scenario says")
    parser.add_argument(
        "--processes", type=whole(MAX_PROCESSES), metavar="N", help="default: as many as there are processors"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots; needs fairlead[reports]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def whole(most: int) -> Callable[[str], int]:
    """A parser of whole numbers from 1 on."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {most:,}")
        return int(text)

    return parse


def run(namespace: argparse.Namespace) -> int:
    """Plays, shows, and says by the exit code whether it was interrupted."""
    from fairlead.simulate import report
    from fairlead.simulate.load import check_load
    from fairlead.simulate.run import processors, replicate
    from fairlead.simulate.scenario import load

    check_plots(namespace.html)
    scenario = seeded(load(namespace.scenario), namespace.seed)
    policy, name = scenario.policy, scenario.policy_name
    if namespace.policy:
        policy, name = read_policy(namespace.policy)
    warning = check_load(scenario, policy, name)
    warn(warning)
    told = Progress(name)
    outcome = replicate(
        scenario,
        policy,
        name,
        replications=namespace.replications,
        processes=namespace.processes or processors(),
        progress=told,
    )
    told.end()
    warnings = [warning] if warning else []
    if namespace.html:
        report.page(scenario, outcome, warnings).write(namespace.html)
    if namespace.json:
        print_json(report.to_json(scenario, outcome, warnings))
    else:
        headings, rows = report.summary(scenario, outcome)
        print(f"{scenario.name}, policy {name}: {len(outcome.results)} replications")
        print(table(headings, rows))
        for note in report.notes(scenario, outcome):
            print(note)
        rate = report.events_per_second(outcome)
        print(f"{outcome.events:,} events, {rate:,.0f} for each second of processor time")
    return EXIT_INTERRUPTED if outcome.is_interrupted else 0


def read_policy(path: Path) -> tuple[str, str]:
    """Text and name of a policy file."""
    from fairlead.simulate.scenario import read_text

    return read_text(path, "policy"), path.stem


def seeded(scenario: Any, seed: int | None) -> Any:
    """The scenario with another seed, if one is given."""
    from dataclasses import replace

    return scenario if seed is None else replace(scenario, seed=seed % 2**63)


def check_plots(html: Path | None) -> None:
    """Fails before the work rather than after it when a report cannot be drawn."""
    from fairlead.reports.plots import require

    if html:
        require()


def warn(text: str) -> None:
    """A warning on standard error; nothing for an empty one."""
    if text:
        print(f"fairlead: warning: {text}", file=sys.stderr)


class Progress:
    """One line on a terminal that says how far it is; nothing elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = 0.0
        self._shown = False

    def __call__(self, done: int, of: int) -> None:
        """So many of so many replications are finished."""
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._last > PROGRESS_S or done == of):
            print(f"\r{self._name}: {done} of {of} replications ", end="", file=sys.stderr, flush=True)
            self._last, self._shown = now, True

    def end(self) -> None:
        """Ends the line."""
        if self._shown:
            print(file=sys.stderr)
