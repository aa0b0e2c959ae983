"""`fairlead compare`: several policies on the same traffic, with differences, their confidence and a verdict.

The traffic is a scenario or a recorded trace, played with common random numbers by the real router on a virtual clock,
or the journal of a daemon, played again to each policy. The first policy is what the others are compared with. Ctrl-C
shows what all policies have finished. With --journal and no policies: the arms of an experiment that was live.
"""

import argparse
import tempfile
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
TARGET_SECONDS = 20.0
# Flags of what is played with random numbers, and of what was recorded.
OF_PLAYS = ("replications", "seed", "processes")
OF_JOURNALS = ("tenant", "target")


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
        "--journal",
        type=Path,
        metavar="DIR",
        help="data directory of a daemon; without policies: the arms of its experiment (L5)",
    )
    parser.add_argument("--tenant", help="of a journal; default: default")
    parser.add_argument(
        "--target",
        type=values.span,
        help="of a journal: a job served within so long is in time; default: 20s",
    )
    parser.add_argument(
        "--agents", type=whole(MAX_AGENTS), metavar="N", help="of a trace; default: 85 %% busy in the busiest hour"
    )
    add_run_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Plays every policy, shows the comparison, and says by the exit code whether it was interrupted."""
    _check_flags(namespace)
    if namespace.journal is not None and not namespace.policies:
        return _arms(namespace)
    if len(namespace.policies) < 2:
        namespace.parser.error("two policies or more are needed to compare")
    check_plots(namespace.html)
    if namespace.journal is not None:
        show(_replayed(namespace), namespace)
        return 0
    comparison, interrupted = _played(namespace)
    show(comparison, namespace)
    return EXIT_INTERRUPTED if interrupted else 0


def _check_flags(namespace: argparse.Namespace) -> None:
    """Ends the command where a flag would mean nothing; fills in what a journal's flags leave out."""
    if namespace.agents and not namespace.trace:
        namespace.parser.error("--agents is for --trace; a scenario and a journal have their own")
    meaningless = OF_PLAYS if namespace.journal is not None else OF_JOURNALS
    for flag in meaningless:
        if getattr(namespace, flag) is not None:
            what = "a journal, which is what it is" if namespace.journal is not None else "anything but --journal"
            namespace.parser.error(f"--{flag} means nothing to {what}")
    namespace.tenant = "default" if namespace.tenant is None else namespace.tenant
    namespace.target = TARGET_SECONDS if namespace.target is None else namespace.target


def _arms(namespace: argparse.Namespace) -> int:
    """The arms of the last experiment that a journal knows."""
    from fairlead.commands.replay import read_history
    from fairlead.replay.arms import compare_arms

    check_plots(namespace.html)
    recording, _ = read_history(namespace.journal, namespace.tenant)
    show(compare_arms(recording, round(namespace.target * 1_000_000)), namespace)
    return 0


def _replayed(namespace: argparse.Namespace) -> "Comparison":
    """The policies on the traffic that a journal has."""
    from fairlead.commands.policy import read_policy as parsed
    from fairlead.commands.replay import counting, read_history
    from fairlead.policy.compile import compile_policy
    from fairlead.replay.policies import Played, compare_policies, play

    texts = {name: parsed(str(path)) for name, path in _named(namespace.policies).items()}
    played: dict[str, Played] = {}
    with tempfile.TemporaryDirectory() as scratch:
        beginning = Path(scratch) / "beginning"
        recording, _ = read_history(namespace.journal, namespace.tenant, beginning)
        for name, policy in texts.items():
            tables = compile_policy(policy, now_us=recording.ledger.first_us)
            told = counting(f"{name}: input"), counting(f"{name}: record")
            played[name] = play(recording, tables, namespace.tenant, beginning, *told)
    return compare_policies(str(namespace.journal), recording, played, round(namespace.target * 1_000_000))


def _named(paths: list[Path]) -> dict[str, Path]:
    """Files by their names without the ending, those of one name by their paths, one named again with its place."""
    named: dict[str, Path] = {}
    for place, path in enumerate(paths, 1):
        names = (path.stem, str(path), f"{path} ({place})")
        named[next(name for name in names if name not in named)] = path
    return named


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
    policies = [Policy(name, read_policy(path)[0]) for name, path in _named(namespace.policies).items()]
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
