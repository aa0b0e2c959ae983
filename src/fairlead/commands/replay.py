"""`fairlead replay`: what another policy would have made of recorded traffic. No daemon is asked; one may run."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.commands import values
from fairlead.commands.table import table
from fairlead.errors import error

if TYPE_CHECKING:
    from fairlead.replay.recording import Recording
    from fairlead.shard.history import History

SHOW_EVERY_SECONDS = 0.2
DEFAULT_TARGET_SECONDS = 20.0


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    text = "play a journal to another policy and tell what would have changed"
    parser: argparse.ArgumentParser = commands.add_parser("replay", help=text, description=text, allow_abbrev=False)
    parser.add_argument("path", type=Path, help="the data directory")
    parser.add_argument("--policy", metavar="FILE", required=True, help="TOML or JSON; - reads stdin")
    parser.add_argument("--tenant", default="default", help="default: default")
    parser.add_argument(
        "--target",
        type=values.span,
        default=DEFAULT_TARGET_SECONDS,
        help=f"a job served within so long is in time; default: {DEFAULT_TARGET_SECONDS:g}s",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with plots")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Reads, plays, compares. Raises INVALID_POLICY, JOURNAL_.. and TENANT_NOT_FOUND."""
    from fairlead.commands.policy import read_policy
    from fairlead.policy.compile import compile_policy
    from fairlead.replay import report
    from fairlead.replay.difference import compare
    from fairlead.replay.policies import play
    from fairlead.reports import plots

    policy = read_policy(namespace.policy)
    if namespace.html is not None:
        plots.require()
    path, tenant = str(namespace.path), namespace.tenant
    with tempfile.TemporaryDirectory() as scratch:
        beginning = Path(scratch) / "beginning"
        recording, history = read_history(namespace.path, tenant, beginning)
        tables = compile_policy(policy, now_us=recording.ledger.first_us)
        told = counting("play: input"), counting("compare: record")
        after, skipped = play(recording, tables, tenant, beginning, *told)
    comparison = compare(recording.ledger, after, round(namespace.target * 1_000_000))
    found = report.Told(path, tenant, namespace.policy, history.records, comparison, recording, after, skipped)
    if namespace.html is not None:
        report.page(found).write(namespace.html)
    if namespace.json:
        print(json.dumps(report.as_json(found)))
    else:
        print(_text(found, history.torn_bytes))
    return 0


def read_history(path: Path, tenant: str, beginning: Path | None = None) -> "tuple[Recording, History]":
    """All that a journal tells of a tenant; the directory is only read, also beside its daemon.

    With `beginning`, where the first records are gone, that is made a directory for a shard to go on from. Raises
    JOURNAL_.. and TENANT_NOT_FOUND.
    """
    from fairlead.replay.recording import record
    from fairlead.shard.history import History
    from fairlead.storage.compactor import undisturbed
    from fairlead.storage.journal import check_directory

    with undisturbed(check_directory(path)):
        history = History(str(path), tenant)
        if beginning is not None and history.beginning is not None:
            history.save_beginning(str(beginning))
        recording = record(history, counting("read: record"))
    if not history.is_known:
        raise error("TENANT_NOT_FOUND", f"no tenant {tenant!r} in {path}", "tenant")
    return recording, history


def _text(told: Any, torn_bytes: int) -> str:
    from fairlead.replay import report

    found = told.comparison
    parts = [
        report.summary(told),
        *report.whence(told),
        "",
        table(report.HEADERS, report.rows(told)),
        "",
        table(report.QUEUE_HEADERS, report.queue_rows(found)),
        "",
        table(report.AGENT_HEADERS, report.agent_rows(found)),
        "",
        *report.lines(told),
    ]
    if torn_bytes:
        parts.append(
            f"the last {torn_bytes} bytes of the journal are torn, or were being written: nobody was told of them"
        )
    return "\n".join(parts).rstrip("\n")


def counting(what: str) -> Callable[[int], None]:
    """A line on stderr that counts, when somebody is looking."""
    shown = time.monotonic()

    def show(number: int) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - shown > SHOW_EVERY_SECONDS:
            shown = time.monotonic()
            print(f"\r{what} {number:,}", end="\r", file=sys.stderr)

    return show
