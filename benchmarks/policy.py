"""A policy's cost: what rules add to an assign, and how long applying a big one keeps other calls waiting.

`ns_per_assign`: one assign through the bytes path (`Shard.submit`, the call from Python included), by number of rules,
where the request matches the last rule only; labels, a language, a value, a tier and a schedule are looked at. The
best of ROUNDS rounds.

`apply_ms`: `install_policy` of 1,000 queues and 1,000 rules over another one of that size, while 10,000 jobs wait that
nobody can take. `max_request_delay_ms`: the longest call of another thread meanwhile, waiting for the interpreter and a
core included; standard error says how much of it was what. Medians of APPLIES installs.

`events_per_second` and `customers` are those of benchmarks/events.py and benchmarks/customers.py, through the daemon.

Verified first: the rule that the job shows must be the expected one, and the state must pass `check()` afterwards.

A section of the result is a function of SECTIONS; each returns what stands under its keys.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.customers import customers
from benchmarks.events import EVENTS, events_per_second
from fairlead.policy.tables import PlanTable, PolicyTables, QueueTable, RuleTable, ScheduleTable, StepTable, TierTable
from fairlead.shard.core import Method, Presence, Shard
from fairlead.v1 import job_pb2, routing_service_pb2

TENANT = "default"
RULE_COUNTS = (1, 100, 1000)
ASSIGNS = 4_000
ROUNDS = 11
QUEUES = 1_000
WAITING = 10_000
APPLIES = 7
PAUSE = 0.0002


def rules(count: int, edition: int = 0) -> tuple[RuleTable, ...]:
    """Of so many rules the last alone matches the benchmark's job; the others miss it by one condition each."""
    almost = (
        {"labels": (("kind", ("other{n}",)),)},
        {"labels": (("kind", ("order",)), ("campaign", ("c{n}",)))},
        {"labels": (("kind", ("order",)),), "languages": ("fr",)},
        {"labels": (("kind", ("order",)),), "min_value": 1_000_000},
        {"customer_tiers": ("silver",)},
        {"labels": (("kind", ("order",)),), "schedule": "night"},
    )
    made = []
    for n in range(count - 1):
        fields: dict[str, Any] = dict(almost[n % len(almost)])
        if "labels" in fields:
            fields["labels"] = tuple(
                (key, tuple(value.format(n=n) for value in values)) for key, values in fields["labels"]
            )
        made.append(RuleTable(f"rule{n}", **fields, head_start_us=edition))
    last = RuleTable(
        "last", labels=(("kind", ("order",)),), languages=("en",), customer_tiers=("gold",), head_start_us=5
    )
    return (*made, last)


def policy(rule_count: int, queue_count: int = 1, edition: int = 0) -> PolicyTables:
    """Queues of everyone with an `edition` that tells two policies of one size apart."""
    plan = PlanTable("plan", (StepTable(60_000_000, lower_levels=1 + edition % 5),))
    return PolicyTables(
        queues=tuple(
            QueueTable(
                f"q{n}",
                plan="plan" if n % 2 else "",
                max_length=100_000 + edition,
                any_tags=(f"t{n % 50}",),
                everyone=n == 0,
            )
            for n in range(queue_count)
        ),
        default_queue="q0",
        tiers=(TierTable("gold"), TierTable("silver")),
        rules=rules(rule_count, edition),
        schedules=(ScheduleTable("night", False),),
        plans=(plan,),
    )


def assign_request(number: int) -> bytes:
    """What a gateway sends: labels, language, tier and value."""
    spec = job_pb2.JobSpec(
        id=f"j{number}",
        labels={"kind": "order", "campaign": "summer", "shop": "7"},
        language="en-GB",
        customer_tier="gold",
        customer_value=500,
    )
    return routing_service_pb2.AssignRequest(job=spec).SerializeToString()


def ignore(status: int, body: bytes, sequence: int) -> None:
    """An answer that nobody reads."""


def time_assigns(shard: Shard, first: int) -> float:
    """Nanoseconds for one assign; the completes that make room again are not timed."""
    requests = [assign_request(first + number) for number in range(ASSIGNS)]
    start = time.perf_counter_ns()
    for request in requests:
        shard.submit(Method.ASSIGN, request, ignore)
    taken = time.perf_counter_ns() - start
    for number in range(ASSIGNS):
        shard.complete(TENANT, f"j{first + number}", 1)
    return taken / ASSIGNS


def rule_cost() -> dict[str, Any]:
    """The sizes take turns in every round, so that a noisy moment hits all of them."""
    shards: dict[int, Shard] = {}
    for count in RULE_COUNTS:
        shard = shards[count] = Shard(virtual_time=True)
        shard.install_policy(TENANT, policy(count))
        shard.create_agent(TENANT, "ann", capacity=10_000, presence=Presence.ONLINE)
        shard.submit(Method.ASSIGN, assign_request(-1), ignore)
        if shard.job(TENANT, "j-1").rule != "last" or shard.check(TENANT):
            sys.exit(f"of {count} rules another than the last matches: {shard.job(TENANT, 'j-1').rule!r}")
    times: dict[int, list[float]] = {count: [] for count in RULE_COUNTS}
    for turn in range(ROUNDS):
        for count, shard in shards.items():
            times[count].append(time_assigns(shard, turn * ASSIGNS))
    return {"ns_per_assign": {str(count): round(min(times[count]), 1) for count in RULE_COUNTS}}


def longest_call(shard: Shard, stop: threading.Event, delays: list[float], late: list[float]) -> None:
    """Short calls, one each PAUSE; how much later than that each was answered, and how late it woke to make it.

    Waking late is waiting for a core and for the interpreter, which the install keeps while it has the lock; the rest
    is waiting for the lock alone.
    """
    request = routing_service_pb2.GetJobRequest(job_id="w0").SerializeToString()
    while not stop.is_set():
        start = time.perf_counter()
        time.sleep(PAUSE)
        late.append(time.perf_counter() - start - PAUSE)
        shard.submit(Method.GET_JOB, request, ignore)
        delays.append(time.perf_counter() - start - PAUSE)


def apply_cost() -> dict[str, Any]:
    """The median time of an install, and the median of each install's longest delay of another call."""
    shard = Shard()
    shard.install_policy(TENANT, policy(1000, QUEUES))
    for number in range(WAITING):
        shard.assign(TENANT, f"w{number}", queue=f"q{number % QUEUES}", skills={f"s{number % 40}": 5})
    applied: list[float] = []
    delayed: list[float] = []
    woken: list[float] = []
    called: list[float] = []
    switch = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    for edition in range(1, APPLIES + 1):
        tables = policy(1000, QUEUES, edition)
        delays: list[float] = []
        late: list[float] = []
        stop = threading.Event()
        watcher = threading.Thread(target=longest_call, args=(shard, stop, delays, late))
        watcher.start()
        time.sleep(0.02)
        start = time.perf_counter()
        shard.install_policy(TENANT, tables)
        applied.append(time.perf_counter() - start)
        stop.set()
        watcher.join()
        delayed.append(max(delays))
        woken.append(max(late))
        called.append(max(whole - woke for whole, woke in zip(delays, late, strict=True)))
    sys.setswitchinterval(switch)
    if shard.status(TENANT).policy_version != APPLIES + 1 or shard.check(TENANT):
        sys.exit(f"the policies were not applied, or the state is broken: {shard.check(TENANT)}")
    print(
        f"longest delays: {statistics.median(woken) * 1e3:.2f} ms until woken (interpreter and core), "
        f"{statistics.median(called) * 1e3:.2f} ms within the call (lock)",
        file=sys.stderr,
    )
    return {
        "apply_ms": round(statistics.median(applied) * 1e3, 2),
        "max_request_delay_ms": round(statistics.median(delayed) * 1e3, 2),
    }


def event_cost() -> dict[str, Any]:
    """Events a second by number of watchers; see benchmarks/events.py."""
    return {"events_per_second": {str(watchers): round(events_per_second(watchers), 1) for watchers in EVENTS}}


def customer_cost() -> dict[str, Any]:
    """An import of a million customers; see benchmarks/customers.py."""
    return {"customers": customers()}


SECTIONS: tuple[Callable[[], dict[str, Any]], ...] = (rule_cost, apply_cost, event_cost, customer_cost)


def main() -> None:
    """One JSON object, or a line for each of its keys."""
    parser = argparse.ArgumentParser(description="The cost of rules and of applying a policy.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for section in SECTIONS:
        result |= section()
    if arguments.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
