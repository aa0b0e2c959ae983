"""Many callers at once: one writer, so each answer is that of some order, nothing is lost or held twice (J2, C2)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fairlead.shard.core import JobState, Presence

CALLERS = 8
JOBS = 150
AGENTS = 5
CAPACITY = 3


def test_callers_at_once_lose_nothing_and_overfill_nobody(face: Any, tenant: str) -> None:
    for number in range(AGENTS):
        face.create_agent(f"a{number}", capacity=CAPACITY, presence=Presence.ONLINE, tenant=tenant)

    def caller(number: int) -> None:
        for job in (f"j{number}-{count}" for count in range(JOBS)):
            face.assign(job, tenant=tenant)
            # Each job is asked for twice; the second answer is the first.
            assert face.assign(job, tenant=tenant).repeated
            held = face.job(job, tenant=tenant)
            if held.state == JobState.ASSIGNED:
                face.complete(job, held.version, tenant=tenant)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(caller, range(CALLERS)))
    left = [job for job in face.jobs(tenant=tenant, **page(face)) if job.state != JobState.COMPLETED]
    assert all(agent.load <= CAPACITY for agent in face.agents(tenant=tenant))
    # Jobs that waited got their agent by another's completion: complete those too, until none is left.
    while left:
        for job in left:
            if job.state == JobState.ASSIGNED:
                face.complete(job.id, job.version, tenant=tenant)
        left = [job for job in face.jobs(tenant=tenant, **page(face)) if job.state != JobState.COMPLETED]
    agents = face.agents(tenant=tenant)
    assert sum(agent.completed_count for agent in agents) == CALLERS * JOBS
    assert sum(agent.load for agent in agents) == 0


def page(face: Any) -> dict[str, int]:
    """Large pages for the face that has pages."""
    return {"page_size": 1000} if hasattr(face, "routing") else {}
