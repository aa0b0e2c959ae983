"""Making a snapshot in a process of its own: `fairlead snapshot create`, for an embedded router and for the daemon."""

import json
import subprocess
import sys
from typing import Any

from fairlead.errors import error


def snapshot_command(directory: str, *arguments: str) -> list[str]:
    """The command line; its only line of output is JSON."""
    return [sys.executable, "-m", "fairlead", "snapshot", "create", directory, "--json", *arguments]


def make_snapshot(directory: str | None) -> dict[str, Any]:
    """Runs it to its end; what was made. Raises FairleadError."""
    if directory is None:
        raise error("JOURNAL_ABSENT", "there is no journal, so there is nothing to make a snapshot of", "path")
    done = subprocess.run(snapshot_command(directory), capture_output=True, text=True)
    if done.returncode:
        raise error("JOURNAL_FAILED", f"no snapshot was made: {done.stderr.strip()}", "path")
    made: dict[str, Any] = json.loads(done.stdout)
    return made
