"""What a client of a peer is: a program of its own, whatever the protocol, so that all are driven alike.

    CLIENT load TARGET CONNECTIONS PLACES HOLD AGENTS CAPACITY SKILLS WARM_UP SECONDS RATE
    CLIENT check TARGET

`load` fills the peer with HOLD jobs, warms up, prints "begin", measures, prints "end", completes all that is held, and
prints one JSON object. `check` reads "assign JOB SKILL" and "complete JOB" and answers each with a number: the agent's,
or REFUSED or FAILED. Those of Redis and PostgreSQL are in C (client/); those of gRPC and of Router are below:

    python -m benchmarks.peers.clients grpc|router ...
"""

import json
import sys
import time
import uuid
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from benchmarks.peers.job import SKILLS
from fairlead import Router
from fairlead.commands import load_plan as plan
from fairlead.errors import FairleadError
from fairlead.load.core import Generator
from fairlead.router import JobRequest
from fairlead.shard.core import Outcome, Presence
from fairlead.v1 import job_pb2, routing_service_pb2, skill_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

TENANT = "peers"
REFUSED, FAILED = -1, -2
DRAIN_SECONDS = 20.0
FILL_STEP_SECONDS = 0.02
FILL_SECONDS = 120.0
CALL_TIMEOUT_SECONDS = 30.0


def say(word: str) -> None:
    print(word, flush=True)


def number_of(agent: str) -> int:
    return int(agent.rpartition("-")[2])


def answer(ask: Callable[[str, str], int], finish: Callable[[str], int]) -> None:
    """Serves `check` from standard input."""
    for line in sys.stdin:
        word, job, *skill = line.split()
        say(str(ask(job, f"skill-{skill[0]}") if word == "assign" else finish(job)))


# ---- gRPC: the compiled generator that `fairlead load` uses


def load_grpc(target: str, numbers: list[int], warm_up: float, seconds: float, rate: float) -> dict[str, Any]:
    connections, places, hold, agents, capacity, skills = numbers
    sockets = plan.connect(target, connections)
    tails = [
        job_pb2.JobSpec(skills=[skill_pb2.SkillDemand(name=f"skill-{n}")]).SerializeToString() for n in range(skills)
    ]
    load = Generator(
        [each.fileno() for each in sockets],
        places // connections,
        plan.header_blocks(target),
        routing_service_pb2.AssignRequest(tenant=TENANT).SerializeToString(),
        f"{uuid.uuid4().hex[:8]}-".encode(),
        tails,
        hold=hold,
        agents=agents,
        capacity=capacity,
    )
    until = time.monotonic() + FILL_SECONDS
    while (filled := load.result())["held"] < hold and not filled["unassigned"] and time.monotonic() < until:
        load.run(FILL_STEP_SECONDS)
    load.pace(rate)
    load.run(warm_up)
    load.reset()
    say("begin")
    started = time.monotonic()
    load.run(seconds)
    took = time.monotonic() - started
    measured = load.result()
    say("end")
    load.finish(DRAIN_SECONDS)
    for each in sockets:
        each.close()
    whole = load.result()
    codes = [method["codes"] for method in whole["methods"].values()]
    return {
        "seconds": took,
        "assigned": measured["methods"]["Assign"]["codes"].get(0, 0) - measured["unassigned"],
        "refused": whole["unassigned"],
        "failed": sum(count for counts in codes for code, count in counts.items() if code),
        "lost": whole["lost"] + whole["held"],
        "over_capacity": whole["over_capacity"],
        "began": measured["began"],
        **{key: whole["methods"]["Assign"].get(key, 0.0) for key in ("p50_us", "p99_us", "p999_us", "max_us")},
    }


def check_grpc(target: str) -> None:
    versions: dict[str, int] = {}
    prefix = uuid.uuid4().hex[:8]
    with grpc.insecure_channel(target) as channel:
        stub = RoutingServiceStub(channel)

        def assign(job: str, skill: str) -> int:
            spec = job_pb2.JobSpec(id=f"{prefix}-{job}", skills=[skill_pb2.SkillDemand(name=skill)])
            request = routing_service_pb2.AssignRequest(tenant=TENANT, job=spec, immediate_only=True)
            response = stub.Assign(request, timeout=CALL_TIMEOUT_SECONDS)
            if response.outcome != job_pb2.OUTCOME_ASSIGNED:
                return REFUSED
            versions[job] = response.version
            return number_of(response.agent_id)

        def complete(job: str) -> int:
            request = routing_service_pb2.CompleteJobRequest(
                tenant=TENANT, job_id=f"{prefix}-{job}", version=versions.get(job, 1)
            )
            try:
                stub.CompleteJob(request, timeout=CALL_TIMEOUT_SECONDS)
            except grpc.RpcError:
                return FAILED
            return 0

        answer(assign, complete)


# ---- Router: the caller is in the process, so one call at a time and no connection


def router_of(roster: str) -> Router:
    """TARGET is the roster's file."""
    router = Router()
    for line in Path(roster).read_text().splitlines():
        id, capacity, skills = line.split("\t")
        router.create_agent(
            id, skills=dict.fromkeys(skills.split(","), 1), capacity=int(capacity), presence=Presence.ONLINE
        )
    return router


def load_router(target: str, numbers: list[int], warm_up: float, seconds: float, rate: float) -> dict[str, Any]:
    _, _, hold, agents, capacity, skills = numbers
    router = router_of(target)
    names = [(f"skill-{number}",) for number in range(skills)]
    jobs_of_agent = [0] * agents
    held: deque[tuple[str, int, int]] = deque()
    times = array("d")
    clock = time.perf_counter
    job = refused = over = assigned = 0

    def one(due: float) -> None:
        nonlocal job, refused, over, assigned
        job += 1
        id = f"job-{job}"
        given = router.assign(id, skills=names[job % skills], immediate_only=True)
        times.append(clock() - due)
        if given.outcome == Outcome.ASSIGNED:
            number = number_of(given.agent_id)
            held.append((id, given.version, number))
            jobs_of_agent[number] += 1
            over += jobs_of_agent[number] > capacity
            assigned += 1
        else:
            refused += 1
        if held and (len(held) > hold or given.outcome != Outcome.ASSIGNED):
            end()

    def end() -> None:
        id, version, number = held.popleft()
        jobs_of_agent[number] -= 1
        router.complete(id, version)

    def run(length: float) -> tuple[float, int]:
        nonlocal assigned
        assigned, began, start = 0, 0, clock()
        while (now := clock()) < start + length:
            if rate:
                due = start + began / rate
                if due > now:
                    continue
                now = due
            began += 1
            one(now)
        return clock() - start, began

    while len(held) < hold and not refused:
        one(clock())
    run(warm_up)
    del times[:]
    refused = over = 0
    say("begin")
    took, began = run(seconds)
    say("end")
    while held:
        end()
    ordered = sorted(times)

    def percentile(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e6, 1)

    return {
        "seconds": took,
        "assigned": assigned,
        "refused": refused,
        "failed": 0,
        "lost": 0,
        "over_capacity": over,
        "began": began if rate else 0,
        "p50_us": percentile(0.5),
        "p99_us": percentile(0.99),
        "p999_us": percentile(0.999),
        "max_us": round(ordered[-1] * 1e6, 1),
    }


def check_router(target: str) -> None:
    router = router_of(target)
    versions: dict[str, int] = {}

    def assign(job: str, skill: str) -> int:
        request: JobRequest = {"job_id": job, "skills": (skill,)}
        given = router.assign(**request, immediate_only=True)
        if given.outcome != Outcome.ASSIGNED:
            return REFUSED
        versions[job] = given.version
        return number_of(given.agent_id)

    def complete(job: str) -> int:
        try:
            router.complete(job, versions.get(job, 1))
        except FairleadError:
            return FAILED
        return 0

    answer(assign, complete)


def main() -> None:
    """The command line above."""
    kind, action, target, *rest = sys.argv[1:]
    if action == "check":
        (check_grpc if kind == "grpc" else check_router)(target)
        return
    numbers, (warm_up, seconds, rate) = [int(value) for value in rest[:6]], [float(value) for value in rest[6:]]
    load = load_grpc if kind == "grpc" else load_router
    assert numbers[5] == SKILLS, f"the roster has {SKILLS} skills"
    say(json.dumps(load(target, numbers, warm_up, seconds, rate)))


if __name__ == "__main__":
    main()
