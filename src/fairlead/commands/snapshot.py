"""`fairlead snapshot`: snapshots of a data directory. No daemon is asked; one may be running."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairlead.commands.journal import EXIT_DAMAGED, reading


def register(commands: Any) -> None:
    """Adds the commands to the parser."""
    snapshot = commands.add_parser("snapshot", help="make, verify and restore snapshots", allow_abbrev=False)
    parts = snapshot.add_subparsers(title="commands", metavar="COMMAND", required=True)
    leaves: tuple[tuple[str, str, Callable[[argparse.Namespace], int]], ...] = (
        (
            "create",
            "make one from the journal, also beside a running daemon, and delete what it makes needless",
            create,
        ),
        ("verify", "build the state of each, and compare it with the journal between them", verify),
        ("restore", "make a data directory of a back-up, with an epoch of its own", restore),
    )
    for name, text, run in leaves:
        leaf = parts.add_parser(name, help=text, description=text, allow_abbrev=False)
        leaf.add_argument("path", type=Path, help="the back-up" if name == "restore" else "the data directory")
        if name == "restore":
            leaf.add_argument("target", type=Path, help="the directory to make")
        if name == "create":
            leaf.add_argument("--sealed", action="store_true", help="without the segment that is written")
        leaf.add_argument("--json", action="store_true", help="machine-readable output")
        leaf.set_defaults(run=run, parser=leaf)


def create(namespace: argparse.Namespace) -> int:
    """One line of what was made, or that there was nothing to do."""
    from fairlead.errors import error
    from fairlead.storage.compactor import compact, lower_priority

    lower_priority()
    try:
        made = compact(namespace.path, sealed=namespace.sealed, progress=reading())
    except OSError as wrong:
        raise error("JOURNAL_FAILED", f"the snapshot of {namespace.path} was not completed: {wrong}", "path") from wrong
    if namespace.json:
        print(json.dumps(made._asdict() if made else {"snapshot": ""}))
    elif made is None:
        print("nothing came since the newest snapshot")
    else:
        print(
            f"{made.snapshot}: {made.tenants} tenants, {made.jobs:,} jobs, {made.bytes:,} bytes, state hash "
            f"{made.state_hash:016x}; {made.records:,} records in {made.seconds:.1f} s; {made.deleted} files deleted"
        )
    return 0


def verify(namespace: argparse.Namespace) -> int:
    """One line for each; exit code 1 when one is not good."""
    from fairlead.storage import snapshots

    found = snapshots.verify(namespace.path, reading())
    for each in found:
        if namespace.json:
            print(json.dumps(each._asdict()))
        elif each.problem:
            print(each.problem)
        else:
            print(
                f"{each.snapshot}: whole; {each.tenants} tenants, {each.jobs:,} jobs, {each.bytes:,} bytes, state hash "
                f"{each.state_hash:016x}"
            )
    return EXIT_DAMAGED if any(each.problem for each in found) else 0


def restore(namespace: argparse.Namespace) -> int:
    """What the new directory has."""
    from fairlead.storage import snapshots

    made = snapshots.restore(namespace.path, namespace.target, reading())
    if namespace.json:
        print(json.dumps(made._asdict()))
    else:
        print(
            f"{made.target}: up to record {made.last:,}, {made.tenants} tenants, state hash {made.state_hash:016x}, "
            f"epoch {made.epoch}"
        )
    if sys.stdout.isatty() and not namespace.json:
        print("let `path` of the configuration name it, and stop what writes to the old one")
    return 0
