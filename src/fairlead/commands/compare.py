"""`fairlead compare`: several policies on the same traffic, with differences, their confidence and a verdict.

With --journal instead: the arms of an experiment, on the traffic that there was.
The traffic is a scenario or a recorded trace, played with common random numbers by the real router on a virtual clock.
The first policy is what the others are compared with. Ctrl-C shows what all policies have finished.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.commands import values
from fairlead.commands.client import print_json
from fairlead.commands.simulate import (
    EXIT_INTERRUPTED,
    Progress,
    add_run_options,
    check_plots,
    read_policy,
    seeded,
    warn,
    whole,
)
from fairlead.commands.table import table

if TYPE_CHECKING:
    from fairlead.reports.comparison import Comparison
    from fairlead.simulate.model import Scenario

MAX_AGENTS = 100_000


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "compare",
        help="compare policies on the same traffic",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "policies", type=Path, nargs="*", metavar="POLICY", help="policy files; the first is compared to"
    )
    sources = parser.add_mutually_exclusive_group(required=True)
    sources.add_argument("--scenario", type=Path, metavar="FILE", help="TOML file as of `fairlead simulate`")
    sources.add_argument("--trace", type=Path, metavar="FILE", help="recorded jobs; every agent may take each of them")
    sources.add_argument(
        "--journal", type=Path, metavar="DIR", help="what came of the arms of an experiment (L5); without policy files"
    )
    parser.add_argument("--tenant", default="default", help="of a journal; default: default")
    parser.add_argument(
        "--target",
        type=values.span,
        default=20.0,
        help="of a journal: a job served within so long is in time; default: 20s",
    )
    parser.add_argument(
        "--agents", type=whole(MAX_AGENTS), metavar="N", help="of a trace; default: 85 %% busy in the busiest hour"
    )
    add_run_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Plays every policy, shows the comparison, and says by the exit code whether it was interrupted."""
    if namespace.agents and not namespace.trace:
        namespace.parser.error("--agents is for --trace; a scenario and a journal have their own")
    if namespace.journal is not None:
        return _arms(namespace)
    if len(namespace.policies) < 2:
        namespace.parser.error("two policies or more are needed to compare")
    check_plots(namespace.html)
    comparison, interrupted = _played(namespace)
    show(comparison, namespace)
    return EXIT_INTERRUPTED if interrupted else 0


def _arms(namespace: argparse.Namespace) -> int:
    """The arms of the last experiment that a journal knows."""
    from fairlead.commands.replay import read_history
    from fairlead.replay.arms import compare_arms

    if namespace.policies:
        namespace.parser.error("--journal compares arms of the recorded policy; it takes no policy files")
    check_plots(namespace.html)
    recording, _ = read_history(namespace.journal, namespace.tenant)
    show(compare_arms(recording, round(namespace.target * 1_000_000)), namespace)
    return 0


def show(comparison: "Comparison", namespace: argparse.Namespace) -> None:
    """A comparison, from whatever source, as the flags ask."""
    from fairlead.reports.comparison import fill_page, table_of_differences, table_of_means, to_json, verdict
    from fairlead.reports.page import Page

    if namespace.html:
        count = len(comparison.arms[0].samples[comparison.measures[0].key])
        page = Page(
            f"Comparison: {comparison.title}", f"{len(comparison.arms)} arms, {count} {comparison.sample}s each"
        )
        fill_page(page, comparison)
        page.write(namespace.html)
    if namespace.json:
        print_json(to_json(comparison))
        return
    headings, rows = table_of_means(comparison)
    print(table(headings, rows))
    headings, rows = table_of_differences(comparison)
    if rows:
        print()
        print(table(headings, rows, left=2))
    print()
    for text in [*verdict(comparison), *comparison.notes]:
        print(text)


def _played(namespace: argparse.Namespace) -> "tuple[Comparison, bool]":
    from fairlead.simulate.compare import Policy, compare, play_all
    from fairlead.simulate.load import check_load
    from fairlead.simulate.report import notes
    from fairlead.simulate.run import processors

    scenario = _scenario(namespace)
    policies: list[Policy] = []
    for path in namespace.policies:
        text, name = read_policy(path)
        policies.append(Policy(name if name not in [known.name for known in policies] else str(path), text))
    warnings = [check_load(scenario, policy.text, policy.name) for policy in policies]
    for warning in warnings:
        warn(warning)
    lines: dict[str, Progress] = {}

    def progress(name: str, done: int, of: int) -> None:
        lines.setdefault(name, Progress(name))(done, of)
        if done == of:
            lines[name].end()

    runs = play_all(
        scenario,
        policies,
        replications=namespace.replications,
        processes=namespace.processes or processors(),
        progress=progress,
    )
    told = [*filter(None, warnings), *notes(scenario, runs[-1])]
    if len(runs) < len(policies):
        told.append(f"Interrupted: not played are {', '.join(policy.name for policy in policies[len(runs) :])}.")
    return compare(scenario, runs, told), runs[-1].is_interrupted


def _scenario(namespace: argparse.Namespace) -> "Scenario":
    from fairlead.simulate.compare import scenario_of_trace
    from fairlead.simulate.scenario import load

    scenario = scenario_of_trace(namespace.trace, namespace.agents) if namespace.trace else load(namespace.scenario)
    found: Scenario = seeded(scenario, namespace.seed)
    return found
