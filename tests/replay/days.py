"""A generated day: a team, jobs that come at random, agents who take their time, customers who give up."""

import heapq
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.shard.core import JobState, Outcome, Shard

SECOND = 1_000_000
SEGMENT = 8192
START_US = 1_700_000_000 * SECOND
TENANT = "default"

POLICY: Mapping[str, Any] = {
    "queues": [
        {"id": "sales", "strategy": "longest_idle"},
        {"id": "support", "strategy": "least_load", "affinity": {"mode": "AFFINITY_MODE_PREFER"}},
    ],
    "channels": [{"id": "chat"}, {"id": "voice", "cost": 2}],
    "tiers": [{"id": "gold", "head_start": "60s"}],
    "rules": [
        {
            "id": "english",
            "match": {"languages": ["en"], "labels": [{"key": "topic", "values": ["buy"]}]},
            "queue": "sales",
        },
        {"id": "rich", "match": {"min_customer_value": 900}, "urgency": 2},
    ],
    "default_queue": "support",
    "seed": 7,
}


class Ask(NamedTuple):
    """A job to come: when, what is asked, how long its work takes, when its customer gives up."""

    at_us: int
    job_id: str
    request: dict[str, Any]
    work_us: int
    patience_us: int


def asks(seed: int, count: int, gap_seconds: float = 20) -> list[Ask]:
    """Jobs of a day, by time."""
    rng = Random(seed)
    at, found = START_US + 60 * SECOND, []
    for number in range(count):
        at += round(rng.expovariate(1 / gap_seconds) * SECOND)
        request: dict[str, Any] = {"customer": f"customer-{rng.randrange(40)}"}
        if rng.random() < 0.5:
            request |= {"language": "en-GB", "labels": {"topic": rng.choice(["buy", "help"])}}
        if rng.random() < 0.3:
            request |= {"skills": {"en": (rng.randint(1, 5), 10)}, "channel": rng.choice(["chat", "voice"])}
        if rng.random() < 0.2:
            request |= {"customer_tier": "gold", "customer_value": rng.choice([10, 950])}
        if rng.random() < 0.1:
            request |= {"preferred_skills": {"fr": (1, 10)}, "queue": "sales", "urgency": 1}
        if rng.random() < 0.05:
            request |= {"immediate_only": True}
        work, patience = rng.expovariate(1 / 90), 10 + rng.expovariate(1 / 120)
        found.append(Ask(at, f"job-{number:05}", request, round(work * SECOND), round(patience * SECOND)))
    return found


def play(
    directory: Path | None,
    policy: Mapping[str, Any],
    day: list[Ask],
    agents: int = 5,
    arms: dict[str, str] | None = None,
    between: Mapping[int, Callable[[Shard], object]] | None = None,
) -> Shard:
    """Plays a day by itself, without anything of `fairlead.replay`; closes the journal, if there is a directory.

    `arms`, if any, is given the arm that each answer told, by job id; `between` is called before jobs, by their number.
    """
    shard = Shard(virtual_time=True)
    if directory is not None:
        shard.open(str(directory), "os" if between else "none", segment_size=SEGMENT if between else 1 << 26)
    callbacks = {day[number].job_id: call for number, call in (between or {}).items()}
    shard.advance_to(START_US)
    shard.install_policy(TENANT, compile_policy(load(policy), now_us=START_US))
    for number in range(agents):
        skills = {"en": 1 + number} | ({"fr": 3} if number % 2 else {})
        shard.create_agent(TENANT, f"agent-{number}", skills=skills, capacity=2, presence=1)
    work = {ask.job_id: ask.work_us for ask in day}
    # A time, an order among equal ones, what happens, to which job, at which version of its assignment.
    events = [(ask.at_us, number, "come", ask.job_id, 0) for number, ask in enumerate(day)]
    events += [(ask.at_us + ask.patience_us, len(day) + n, "leave", ask.job_id, 0) for n, ask in enumerate(day)]
    heapq.heapify(events)
    by_id, waiting = {ask.job_id: ask for ask in day}, set[str]()
    while events:
        at, _, what, job_id, version = heapq.heappop(events)
        if what == "come" and job_id in callbacks:
            callbacks[job_id](shard)
        shard.advance_to(at)
        if what == "come":
            answer = shard.assign(TENANT, job_id, **by_id[job_id].request)
            if arms is not None:
                arms[job_id] = answer.arm
            if answer.outcome != Outcome.REFUSED:
                waiting.add(job_id)
        elif what == "leave" and job_id in waiting and shard.job(TENANT, job_id).state == JobState.QUEUED:
            shard.cancel(TENANT, job_id)
            waiting.discard(job_id)
        elif what == "done":
            shard.complete(TENANT, job_id, version)
        for each in sorted(waiting):
            view = shard.job(TENANT, each)
            if view.state != JobState.QUEUED:
                waiting.discard(each)
            if view.state == JobState.ASSIGNED:
                done = view.assign_time_us + work[each]
                heapq.heappush(events, (done, 10**9 + view.version, "done", each, view.version))
    if directory is not None:
        shard.close()
    return shard
