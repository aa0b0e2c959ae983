"""The engine alone: nanoseconds for one assign and one complete through its C interface, and bytes an agent.

Workload: every agent has 8 of 64 skills, capacity 5 and one of four weights; classes demand one or two skills that
some agent has, each class equally often; 70 % of all capacity is in use; a pair completes a random held job and submits
a new one. Included: resolving demands to their class, the clock, forgetting ended jobs. Excluded: names, bytes, the
journal.

Verified first, for each strategy and number of classes: the same workload with 1,000 agents, decided by looking at
every agent for every job, must come to the same state hash. Each timed engine must pass `check()` (up to 10,000 agents)
and come to the hash of a second one that did the same.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from typing import Any

from fairlead.engine.core import Workload
from fairlead.policy.tables import STRATEGIES

SKILLS = 64
SKILLS_EACH = 8
CAPACITY = 5
LOAD = 0.7
WEIGHTS = (50, 100, 150, 200)
ROUNDS = 7
PROOF_AGENTS = 1_000
PROOF_PAIRS = 2_000
CHECKED_AGENTS = 10_000


def workload(agents: int, classes: int, strategy: str, by_definition: bool = False) -> Workload:
    """The same agents, classes and draws for the same arguments."""
    rng = random.Random(f"{agents}/{classes}")
    skills = [rng.sample(range(SKILLS), SKILLS_EACH) for _ in range(agents)]
    demands: set[tuple[int, ...]] = set()
    singles = min(SKILLS, classes // 2)
    while len(demands) < classes:
        size = 1 if sum(len(demand) == 1 for demand in demands) < singles else 2
        demands.add(tuple(sorted(rng.sample(rng.choice(skills), size))))
    weights = [rng.choice(WEIGHTS) for _ in range(agents)]
    lists = [list(demand) for demand in sorted(demands)]
    return Workload(skills, lists, weights, CAPACITY, STRATEGIES[strategy], LOAD, 1, by_definition)


def prove(classes: int, strategy: str) -> None:
    """Raises SystemExit when the fast choices are not those of the definition."""
    fast = workload(PROOF_AGENTS, classes, strategy)
    slow = workload(PROOF_AGENTS, classes, strategy, by_definition=True)
    fast.run(PROOF_PAIRS)
    slow.run(PROOF_PAIRS)
    if fast.state_hash() != slow.state_hash() or fast.check():
        sys.exit(f"{strategy} with {classes} classes chooses otherwise than its definition: {fast.check()}")


def measure(agents: int, classes: int, strategy: str, pairs: int) -> dict[str, Any]:
    """One line of the result; the time is the median of ROUNDS runs of `pairs`."""
    engine = workload(agents, classes, strategy)
    engine.run(pairs)
    times = [engine.run(pairs) / pairs for _ in range(ROUNDS)]
    again = workload(agents, classes, strategy)
    again.run(pairs * (ROUNDS + 1))
    if engine.state_hash() != again.state_hash() or (agents <= CHECKED_AGENTS and engine.check()):
        sys.exit(f"{strategy} with {agents} agents and {classes} classes came to another state the second time")
    ns = statistics.median(times)
    return {
        "agents": agents,
        "skills": SKILLS,
        "classes": classes,
        "strategy": strategy,
        "pairs_per_second": round(1e9 / ns),
        "ns_per_pair": round(ns, 1),
        "bytes_per_agent": round(engine.bytes_per_agent(), 1),
        "ns_min": round(min(times), 1),
        "ns_max": round(max(times), 1),
        "refused": engine.refusals,
    }


def commit() -> str:
    """The commit that is measured, empty outside a checkout."""
    run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return run.stdout.strip()


def main() -> None:
    """Prints a table, or one JSON object with `results`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description="Speed of the engine alone.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pairs", type=int, default=50_000, help="pairs of one timed run (default 50,000)")
    parser.add_argument("--agents", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[64, 200, 1_000])
    options = parser.parse_args()
    results = []
    for strategy in ("least_load", "weighted", "longest_idle"):
        for classes in options.classes:
            print(f"verifying {strategy}, {classes} classes", file=sys.stderr)
            prove(classes, strategy)
            for agents in options.agents:
                result = measure(agents, classes, strategy, options.pairs)
                results.append(result)
                if not options.json:
                    print(
                        f"{strategy:<13}{agents:>8} agents {classes:>5} classes"
                        f" {result['ns_per_pair']:>9.1f} ns a pair"
                        f" ({result['ns_min']:.0f}-{result['ns_max']:.0f})"
                        f" {result['bytes_per_agent']:>7.1f} bytes an agent",
                        flush=True,
                    )
    if options.json:
        machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        print(json.dumps({"results": results, "rounds": ROUNDS, "pairs": options.pairs, "commit": commit(), **machine}))


if __name__ == "__main__":
    main()
