"""Recovery: how long a start takes that reads a snapshot and the records behind it, and records a second without one.

Workload: an embedded router with `--agents` agents who each have 2 of 20 skills; `--live` jobs are assigned and stay,
a snapshot is made, then pairs of one assign and one complete until the tail has `--tail` records more. The journal is
written in mode none, closed, and opened two times: with the snapshot (`recovery_seconds`), and without it, from the
first record (`replay_records_per_second`). Verified: the hash of both is that of the closed router, and `check()` is
empty up to CHECKED jobs. `.._cpu_seconds` is the processor's time of the same, for a machine that has other work.
Excluded: reading from a cold disk; all files are in memory.
"""

import argparse
import json
import platform
import random
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from fairlead import Router
from fairlead.shard.durable import Recovered

SKILLS = 20
CHECKED = 20_000


def fill(router: Router, agents: int, live: int, tail: int) -> dict[str, Any]:
    """The history; what the snapshot in it is."""
    rng = random.Random(1)
    capacity = 2 * live // agents + 2
    for number in range(agents):
        skills = {f"skill-{skill}": 5 for skill in rng.sample(range(SKILLS), 2)}
        router.create_agent(f"agent-{number}", skills=skills, capacity=min(capacity, 10_000), presence=1)
    for number in range(live):
        router.assign(f"live-{number:031d}", skills=[f"skill-{number % SKILLS}"])
    made = router.snapshot()
    begin = router.journal()["sequence"]
    number = 0
    while router.journal()["sequence"] - begin < tail:
        for _ in range(100):
            job = f"tail-{number:031d}"
            router.complete(job, router.assign(job, skills=[f"skill-{number % SKILLS}"]).version)
            number += 1
    return made


class Opened(NamedTuple):
    """How long it took until a router was open, what it found, and whether it is the one that was closed."""

    seconds: float
    cpu_seconds: float
    found: Recovered
    equal: bool


def opened(path: Path, hash_before: int, live: int) -> Opened:
    """Opens it and looks."""
    start, cpu_start = time.perf_counter(), time.process_time()
    with Router(path, "none", virtual_time=True) as router:
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        assert router.recovered is not None
        if live <= CHECKED and router.check():
            raise SystemExit(f"the recovered router is not sound: {router.check()}")
        return Opened(seconds, cpu_seconds, router.recovered, router.state_hash() == hash_before)


def measure(path: Path, agents: int, live: int, tail: int) -> dict[str, Any]:
    """Writes, closes, opens."""
    with Router(path, "none", virtual_time=True) as router:
        router.update_policy({"queues": [{"id": "default"}], "channels": [{"id": "chat"}], "default_queue": "default"})
        made = fill(router, agents, live, tail)
        before = router.state_hash()
    start = opened(path, before, live)
    if start.found.snapshot != made["snapshot"]:
        raise SystemExit(f"the start did not use {made['snapshot']}: {start.found}")
    for name in ("manifest", made["snapshot"]):
        (path / name).unlink()
    replay = opened(path, before, live)
    return {
        "replay_records_per_second": round(replay.found.records / replay.seconds),
        "live_jobs": live,
        "agents": agents,
        "tail_records": start.found.tail_records,
        "recovery_seconds": round(start.seconds, 3),
        "hash_equal": start.equal and replay.equal,
        "recovery_cpu_seconds": round(start.cpu_seconds, 3),
        "replay_records": replay.found.records,
        "replay_seconds": round(replay.seconds, 3),
        "replay_cpu_seconds": round(replay.cpu_seconds, 3),
        "snapshot_bytes": made["bytes"],
        "snapshot_seconds": made["seconds"],
    }


def main() -> None:
    """Prints the result, as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--live", type=int, default=1_000_000)
    parser.add_argument("--tail", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where the journal goes")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        result = {"machine": platform.platform()}
        result |= measure(Path(folder) / "data", arguments.agents, arguments.live, arguments.tail)
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
