"""Recovery: how long a start takes that reads the whole journal, and records a second.

Workload: an embedded router with `--agents` agents who each have 2 of 20 skills; `--live` jobs are assigned and stay,
then pairs of one assign and one complete until the tail has `--tail` records more. The journal is written in mode
none, closed, and opened again. Verified: the hash of the opened router equals that of the closed one, and `check()` is
empty up to CHECKED jobs. There are no snapshots: all records are read, not only the tail.
"""

import argparse
import json
import platform
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from fairlead import Router

SKILLS = 20
CHECKED = 20_000


def fill(router: Router, agents: int, live: int, tail: int) -> None:
    """The history."""
    rng = random.Random(1)
    capacity = 2 * live // agents + 2
    for number in range(agents):
        skills = {f"skill-{skill}": 5 for skill in rng.sample(range(SKILLS), 2)}
        router.create_agent(f"agent-{number}", skills=skills, capacity=min(capacity, 10_000), presence=1)
    for number in range(live):
        router.assign(f"live-{number:031d}", skills=[f"skill-{number % SKILLS}"])
    begin = router.journal()["sequence"]
    number = 0
    while router.journal()["sequence"] - begin < tail:
        for _ in range(100):
            job = f"tail-{number:031d}"
            router.complete(job, router.assign(job, skills=[f"skill-{number % SKILLS}"]).version)
            number += 1


def measure(path: Path, agents: int, live: int, tail: int) -> dict[str, Any]:
    """Writes, closes, opens."""
    with Router(path, "none", virtual_time=True) as router:
        router.update_policy({"queues": [{"id": "default"}], "channels": [{"id": "chat"}], "default_queue": "default"})
        fill(router, agents, live, tail)
        before = router.state_hash()
    start = time.perf_counter()
    with Router(path, "none", virtual_time=True) as router:
        seconds = time.perf_counter() - start
        assert router.recovered is not None
        equal = router.state_hash() == before
        if live <= CHECKED and router.check():
            raise SystemExit(f"the recovered router is not sound: {router.check()}")
        records = router.recovered.records
    return {
        "replay_records_per_second": round(records / seconds),
        "live_jobs": live,
        "agents": agents,
        "tail_records": tail,
        "records": records,
        "recovery_seconds": round(seconds, 3),
        "hash_equal": equal,
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
