"""`fairlead journal` and `fairlead backup`: journals on disk. No daemon is asked; one may be running."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.commands import values
from fairlead.commands.table import local_time

if TYPE_CHECKING:
    from fairlead.journal.reader import Frame

EXIT_DAMAGED = 1
SHOW_EVERY_SECONDS = 0.2


def register(commands: Any) -> None:
    """Adds the commands to the parser."""
    journal = commands.add_parser("journal", help="look into a journal on disk", allow_abbrev=False)
    parts = journal.add_subparsers(title="commands", metavar="COMMAND", required=True)
    leaves: tuple[tuple[str, str, Callable[[argparse.Namespace], int]], ...] = (
        ("verify", "check every byte; with --replay also build the state and compare every hash", verify),
        ("dump", "print frames and records", dump),
        ("stats", "count records and bytes by kind", stats),
        ("audit", "hold every record, and the state after each step, against the invariants", audit),
        ("explain", "why a job was put where it was, read from the journal alone", explain),
        ("salvage", "copy what is whole before the first damage to a fresh directory", salvage),
    )
    for name, text, run in leaves:
        leaf = _leaf(parts, name, text, run)
        if name == "verify":
            leaf.add_argument("--replay", action="store_true", help="build the state too")
        if name == "audit":
            leaf.add_argument(
                "--every",
                type=values.natural,
                default=1,
                metavar="N",
                help="audit the state after every N steps; default: 1",
            )
        if name == "dump":
            leaf.add_argument("--first", type=int, default=1, help="sequence to begin with")
        if name == "explain":
            leaf.add_argument("job_id", metavar="JOB", help="its id; of several, the one submitted last")
            leaf.add_argument("--tenant", default="default", help="default: default")
            leaf.add_argument("--max-records", type=int, default=sys.maxsize, metavar="N", help="default: all")
        if name == "salvage":
            leaf.add_argument("target", type=Path, help="the directory to make")
    _leaf(commands, "backup", "copy snapshots and journal while they are written", backup).add_argument(
        "target", type=Path
    )


def _leaf(parts: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text, allow_abbrev=False)
    leaf.add_argument("path", type=Path, help="the data directory")
    leaf.add_argument("--json", action="store_true", help="machine-readable output")
    leaf.set_defaults(run=run, parser=leaf)
    return leaf


def progress() -> "Callable[[Frame], None]":
    """A line on stderr that counts, when somebody is looking."""
    state = {"time": time.monotonic(), "bytes": 0}

    def show(frame: "Frame") -> None:
        state["bytes"] += frame.size
        if sys.stderr.isatty() and time.monotonic() - state["time"] > SHOW_EVERY_SECONDS:
            state["time"] = time.monotonic()
            last = frame.first + frame.records - 1
            print(f"\r{frame.segment}  record {last:,}  {state['bytes'] / 1e6:,.1f} MB", end="\r", file=sys.stderr)

    return show


def verify(namespace: argparse.Namespace) -> int:
    """Exit code 1 when a start would be refused."""
    from fairlead.storage import journal

    if namespace.replay:
        found = journal.replayed(namespace.path)
    else:
        found = journal.verify(namespace.path, progress())
    if namespace.json:
        print(json.dumps(found._asdict()))
    else:
        snapshots = f"{found.snapshots} snapshots, " if found.snapshots else ""
        print(
            f"{snapshots}{found.segments} segments, {found.frames} frames, {found.records} records, {found.bytes} bytes"
        )
        if found.torn_bytes:
            print(f"torn tail of {found.torn_bytes} bytes: a write that nobody was told of; the next start cuts it")
        if found.state_hash:
            print(f"state hash {found.state_hash:016x}")
        for warning in found.warnings:
            print(f"warning: {warning}")
        print(found.problem or "whole")
    return EXIT_DAMAGED if found.problem else 0


def audit(namespace: argparse.Namespace) -> int:
    """Exit code 1 when something is wrong; the first thing is told."""
    from fairlead.commands.replay import counting
    from fairlead.shard.inspection import inspect
    from fairlead.storage.journal import check_directory

    found = inspect(str(check_directory(namespace.path)), namespace.every, counting("audit: record"))
    wrong = found.violation
    if namespace.json:
        print(json.dumps(found._asdict() | {"violation": wrong._asdict() if wrong else None}))
        return EXIT_DAMAGED if wrong else 0
    counts = f"{found.records:,} records, {found.steps:,} steps, {found.audits:,} audits, {found.tenants:,} tenants"
    if found.torn_bytes:
        print(f"torn tail of {found.torn_bytes} bytes: no part of what was audited")
    if wrong is None:
        print(f"all invariants hold: {counts}")
        return 0
    whose = "".join(
        f", {what} {name}"
        for what, name in (("tenant", wrong.tenant), ("job", wrong.job_id), ("agent", wrong.agent_id))
        if name
    )
    print(f"record {wrong.sequence} at {local_time(wrong.time_us / 1e6)}{whose}: {wrong.what}\n{counts} until there")
    return EXIT_DAMAGED


def dump(namespace: argparse.Namespace) -> int:
    """One line for each record, after one for its frame."""
    from fairlead.journal.reader import Damage
    from fairlead.storage.journal import reader_of
    from fairlead.storage.records import records

    try:
        for frame in reader_of(namespace.path):
            if frame.first + frame.records <= namespace.first:
                continue
            if not namespace.json:
                print(f"{frame.segment} {frame.offset}: {frame.records} records, durable up to {frame.durable_upto}")
            for record in records(frame.payload, frame.first):
                if record.sequence < namespace.first:
                    continue
                if namespace.json:
                    print(json.dumps(record._asdict()))
                else:
                    print(
                        f"  {record.sequence:>9} {record.time} tenant {record.tenant} {record.kind:8} {record.content}"
                    )
    except Damage as damage:
        print(damage, file=sys.stderr)
        return EXIT_DAMAGED
    return 0


def stats(namespace: argparse.Namespace) -> int:
    """A table by kind."""
    from fairlead.storage.journal import statistics

    found = statistics(namespace.path, progress())
    if namespace.json:
        print(json.dumps({kind: {"records": count, "bytes": size} for kind, (count, size) in found.items()}))
    else:
        for kind, (count, size) in found.items():
            print(f"{kind:10} {count:>12,} records {size:>14,} bytes {size / count:8.1f} each")
    return 0


def explain(namespace: argparse.Namespace) -> int:
    """The last decision of a job, as `fairlead explain` tells it. The journal may be written meanwhile."""
    from fairlead.commands.client import plain, print_json
    from fairlead.commands.explanation import explanation_text
    from fairlead.errors import error
    from fairlead.service.jobs import explanation_message
    from fairlead.shard.core import explain_decision
    from fairlead.storage.journal import check_directory

    path, tenant, job_id = str(check_directory(namespace.path)), namespace.tenant, namespace.job_id
    told = explain_decision(path, tenant, job_id, namespace.max_records, reading())
    if told is None:
        raise error(
            "JOB_NOT_FOUND", f"nothing was decided of a job {job_id!r} of tenant {tenant!r} in {path}", "job_id"
        )
    answer = explanation_message(told)
    if namespace.json:
        print_json(plain(answer))
    else:
        print(explanation_text(answer))
    return 0


def reading() -> "Callable[[int, str], None]":
    """A line on stderr that counts records, when somebody is looking."""
    shown = time.monotonic()

    def show(sequence: int, what: str) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - shown > SHOW_EVERY_SECONDS:
            shown = time.monotonic()
            print(f"\r{what}: record {sequence:,}", end="\r", file=sys.stderr)

    return show


def salvage(namespace: argparse.Namespace) -> int:
    """Tells the last sequence that was saved."""
    from fairlead.storage import journal

    return _copied(namespace, journal.salvage(namespace.path, namespace.target, progress()))


def backup(namespace: argparse.Namespace) -> int:
    """Tells the last sequence that was copied."""
    from fairlead.storage import journal

    return _copied(namespace, journal.backup(namespace.path, namespace.target, progress()))


def _copied(namespace: argparse.Namespace, last: int) -> int:
    target = str(namespace.target)
    print(json.dumps({"target": target, "last": last}) if namespace.json else f"{target}: up to record {last}")
    return 0
