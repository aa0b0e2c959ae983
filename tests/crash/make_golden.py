"""Writes tests/crash/golden anew: a journal and a snapshot of the present format and layout, and what they come to.

`python -m tests.crash.make_golden`, after a change of format or layout. What an earlier version wrote stays in a folder
of its own when the present one reads it, and goes when it is refused by name.
"""

import json
import shutil
import tempfile
from pathlib import Path

from fairlead.shard.offline import State
from fairlead.storage.compactor import compact
from tests.crash.histories import look, opened, steps

GOLDEN = Path(__file__).with_name("golden")
STEPS = 120
LEFT_OUT = ("lock", "spare", "compactor", "readers")


def write(target: Path, snapshots: tuple[int, ...]) -> None:
    """A directory of the history of `histories.py`, with snapshots after so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        shard = opened(Path(folder))
        done = 0
        for step in (*snapshots, STEPS):
            steps(shard, step - done, done)
            done = step
            if step < STEPS:
                compact(Path(folder))
        hashes = {tenant: f"{value:016x}" for tenant, value in look(shard).hashes.items()}
        shard.close()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    state = State()
    state.read(str(target))
    assert state.base is not None
    records = state.base.sequence
    (target / "expected.json").write_text(json.dumps({"hashes": hashes, "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    write(GOLDEN / "format-1", ())
    write(GOLDEN / "snapshot-1", (50, 90))
