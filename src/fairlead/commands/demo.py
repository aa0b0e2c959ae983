"""`fairlead demo`: a whole day of conversations on a daemon of its own, with a report and an audit.

Exit code 1 when the audit finds a violation or a call failed.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from fairlead.commands.client import print_json

MAX_JOBS = 1_000_000
MAX_AGENTS = 1_000
MAX_SPEED = 1_000_000.0


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="play a day and audit it",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--jobs", type=_whole(MAX_JOBS), metavar="N", help="conversations; default 15,000, or all of the trace"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the generated day; default 1")
    parser.add_argument("--agents", type=_whole(MAX_AGENTS), default=24, metavar="N", help="default 24")
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="play this log instead; docs/DEMO.md has its columns"
    )
    parser.add_argument(
        "--speed", type=_speed, metavar="X", help="seconds of the day per second; default as fast as is fair"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run, parser=parser)


def _whole(most: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {most:,}")
        return int(text)

    return parse


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1.0 <= speed <= MAX_SPEED:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MAX_SPEED:,.0f}")
    return speed


def run(namespace: argparse.Namespace) -> int:
    """Plays, prints, and says by the exit code whether all held."""
    # The demo pulls in asyncio and the clients of every service; other commands start faster without them.
    from fairlead.demo.run import Options, run_demo
    from fairlead.demo.text import report_text

    options = Options(namespace.jobs, namespace.seed, namespace.agents, namespace.trace, namespace.speed)
    report = run_demo(options, sys.stderr)
    if namespace.json:
        print_json(report)
    else:
        print(report_text(report))
    return 0 if report["ok"] else 1
