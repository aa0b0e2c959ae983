"""The peer in Python: grpc.aio, dicts and heaps in memory, one event loop, so no lock.

    python -m benchmarks.peers.python_service HOST:PORT ROSTER

It serves Assign and CompleteJob of fairlead's contract, for jobs that demand one skill; everything else it refuses.
"""

import asyncio
import signal
import sys
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any

import grpc

from fairlead.v1 import job_pb2, routing_service_pb2, routing_service_pb2_grpc

# Entries that no longer count are dropped when they are met, or all at once when they are this many times the others.
MOST_STALE = 8
# (load, when last served, id): the first is who gets the next job.
Key = tuple[int, int, str]


@dataclass(slots=True)
class Agent:
    """An agent; `key` is its only entry that counts."""

    id: str
    capacity: int
    skills: list[str]
    key: Key


class Roster:
    """The whole state."""

    def __init__(self, path: Path) -> None:
        self.agents: dict[str, Agent] = {}
        self.members: dict[str, list[str]] = {}
        self.heaps: dict[str, list[Key]] = {}
        self.jobs: dict[str, tuple[Agent, int]] = {}
        self.served = 0
        self.version = 0
        for line in path.read_text().splitlines():
            id, capacity, skills = line.split("\t")
            self.served += 1
            self.agents[id] = Agent(id, int(capacity), skills.split(","), (0, self.served, id))
            for skill in self.agents[id].skills:
                self.members.setdefault(skill, []).append(id)
        for skill in self.members:
            self._renew(skill)

    def assign(self, job: str, skill: str) -> tuple[Agent, int] | None:
        """The least loaded agent with the skill gets the job; None: nobody has room."""
        heap = self.heaps.get(skill, [])
        while heap and self.agents[heap[0][2]].key is not heap[0]:
            heappop(heap)
        if not heap:
            return None
        agent = self.agents[heap[0][2]]
        self.served += 1
        self.version += 1
        self._move(agent, agent.key[0] + 1, self.served)
        held = self.jobs[job] = (agent, self.version)
        return held

    def complete(self, job: str) -> None:
        """Ends a held job."""
        agent, _ = self.jobs.pop(job)
        self._move(agent, agent.key[0] - 1, agent.key[1])

    def _move(self, agent: Agent, load: int, served: int) -> None:
        agent.key = (load, served, agent.id)
        # Who is full has no entry that counts; the next completion makes one.
        if load == agent.capacity:
            return
        for skill in agent.skills:
            heappush(self.heaps[skill], agent.key)
            if len(self.heaps[skill]) > MOST_STALE * len(self.members[skill]) + 64:
                self._renew(skill)

    def _renew(self, skill: str) -> None:
        members = (self.agents[id] for id in self.members[skill])
        self.heaps[skill] = [agent.key for agent in members if agent.key[0] < agent.capacity]
        heapify(self.heaps[skill])


class Service(routing_service_pb2_grpc.RoutingServiceServicer):
    """The two methods."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster

    async def Assign(
        self, request: routing_service_pb2.AssignRequest, context: Any
    ) -> routing_service_pb2.AssignResponse:
        """Gives a job to the least loaded agent with its skill."""
        job = request.job
        if not job.id or len(job.skills) != 1 or not request.immediate_only:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a job with an id and one skill; no backlog is kept")
        if job.id in self.roster.jobs:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "the job is held already")
        held = self.roster.assign(job.id, job.skills[0].name)
        if held is None:
            return routing_service_pb2.AssignResponse(
                job_id=job.id, outcome=job_pb2.OUTCOME_REFUSED, reason=job_pb2.REASON_ALL_BUSY
            )
        agent, version = held
        return routing_service_pb2.AssignResponse(
            job_id=job.id, outcome=job_pb2.OUTCOME_ASSIGNED, agent_id=agent.id, version=version, queue="default"
        )

    async def CompleteJob(
        self, request: routing_service_pb2.CompleteJobRequest, context: Any
    ) -> routing_service_pb2.CompleteJobResponse:
        """Ends a held job."""
        held = self.roster.jobs.get(request.job_id)
        if held is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody holds the job")
        elif held[1] != request.version:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the version is not that of the assignment")
        self.roster.complete(request.job_id)
        return routing_service_pb2.CompleteJobResponse(job_id=request.job_id, state=job_pb2.JOB_STATE_COMPLETED)


async def serve(address: str, roster: Path) -> None:
    """Until SIGTERM."""
    server = grpc.aio.server()
    service = Service(Roster(roster))
    routing_service_pb2_grpc.add_RoutingServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
