"""Events per second of the compiled simulation, by processor time. `python -m benchmarks.simulate [--json]`

An event is what a client would send (an arrival, the end of a job, a hang-up) or a timer of the router; each is a whole
step of the real engine: decided, as facts, applied. The rate is that of the compiled loop: making the shard, its agents
and the report is excluded and told. Before a time is printed the answers are checked: every invariant of the engine,
and the mean wait against Erlang's formula where there is one.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from fairlead.simulate.measures import measure
from fairlead.simulate.run import Player, replicate
from fairlead.simulate.scenario import parse

EVENTS = 2_000_000
RUNS = 5
QUEUE = '[[queues]]\nid = "q"\nstrategy = "{}"\n'
RULES = "".join(
    f'[[rules]]\nid = "r{n}"\nqueue = "q"\n[rules.match]\n[[rules.match.labels]]\nkey = "topic"\nvalues = ["t{n}"]\n'
    for n in range(100)
)


def erlang_wait(agents: int, load: float) -> float:
    """Mean wait of M/M/n in units of the mean service time."""
    loss = 1.0
    for n in range(1, agents + 1):
        loss = load * loss / (n + load * loss)
    return loss / (1 - load / agents * (1 - loss)) / (agents - load)


def jobs(rate: float, **more: Any) -> dict[str, Any]:
    law = {"law": "exponential", "mean": "100s"}
    return {"id": "j", "handle": law, "arrivals": {"per_second": rate / 100}, **more}


# name: agents, job types, policy, load for Erlang's formula or None
PATHS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], str, tuple[int, float] | None]] = {
    "one queue, 10 agents, longest idle": (
        *([{"id": "a", "count": 10}], [jobs(8.0)], QUEUE.format("longest_idle"), (10, 8.0)),
    ),
    "one queue, 1,000 agents, least load": (
        *([{"id": "a", "count": 1000, "capacity": 3}], [jobs(2400.0)], QUEUE.format("least_load"), None),
    ),
    "patience and slow-down, 50 agents": (
        [{"id": "a", "count": 50, "capacity": 3, "rates": [1, 1.6, 1.95]}],
        [jobs(95.0, patience={"law": "exponential", "mean": "200s"})],
        *(QUEUE.format("least_load"), None),
    ),
    "10 skills, own agents, 100 rules, 200 agents": (
        [{"id": f"a{n}", "count": 20, "skills": [f"s{n}", f"s{(n + 1) % 10}"]} for n in range(10)],
        [
            jobs(17.0, skills=[f"s{n}"], customers=5_000, labels={"topic": f"t{n * 9}"}) | {"id": f"j{n}"}
            for n in range(10)
        ],
        QUEUE.format("least_load") + '[queues.affinity]\nmode = "prefer"\n' + RULES,
        None,
    ),
}


def play(name: str, events: int, runs: int) -> dict[str, Any]:
    agents, kinds, policy, erlang = PATHS[name]
    rate = sum(kind["arrivals"]["per_second"] for kind in kinds)
    horizon = round(events / 2 / rate)
    document = {"horizon": f"{horizon}s", "warm_up": f"{horizon // 20}s", "agents": agents, "jobs": kinds}
    scenario = parse({**document, "service_level": "20s"}, Path("."))
    player = Player(scenario, policy)
    begin = time.process_time()
    simulation = player.simulation(0)
    setup_ms = 1e3 * (time.process_time() - begin)
    simulation.run()
    violations = simulation.check()
    if violations:
        raise SystemExit(f"{name}: the engine's invariants do not hold: {violations[0]}")
    results = [player.play(number) for number in range(runs)]
    if erlang:
        wait = statistics.mean(measure(result, scenario)["wait"] for result in results) / 100
        if abs(wait / erlang_wait(*erlang) - 1) > 0.05:
            raise SystemExit(f"{name}: mean wait {wait:.4f}, Erlang's formula says {erlang_wait(*erlang):.4f}")
    rates = [result.events / result.seconds for result in results]
    return {
        "path": name,
        "events": sum(result.events for result in results),
        "events_per_second": round(statistics.median(rates)),
        "lowest": round(min(rates)),
        "highest": round(max(rates)),
        "setup_ms": round(setup_ms, 1),
    }


def in_processes(processes: int, events: int) -> dict[str, Any]:
    """Events per second of wall time of `fairlead simulate` in several processes, their start included."""
    agents, kinds, policy, _ = PATHS["one queue, 10 agents, longest idle"]
    horizon = round(events / 2 / kinds[0]["arrivals"]["per_second"])
    scenario = parse({"horizon": f"{horizon}s", "agents": agents, "jobs": kinds}, Path("."))
    begin = time.perf_counter()
    run = replicate(scenario, policy, "p", replications=8, processes=processes)
    seconds = time.perf_counter() - begin
    return {"processes": processes, "events": run.events, "events_per_wall_second": round(run.events / seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of one run, about; default {EVENTS:,}")
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    found = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "commit": commit,
        "runs": RUNS,
        "results": [play(name, options.events, RUNS) for name in PATHS],
        "replications": [in_processes(count, options.events) for count in (1, 2)],
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for row in found["results"]:
        print(
            f"{row['path']:<46} {row['events_per_second']:>10,} events/s "
            f"({row['lowest']:,} to {row['highest']:,}, {RUNS} runs, set-up {row['setup_ms']} ms)"
        )
    for row in found["replications"]:
        print(f"{row['processes']} processes, all included: {row['events_per_wall_second']:,} events/s of wall time")


if __name__ == "__main__":
    main()
