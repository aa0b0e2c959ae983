"""A small team and its customers, as a client of a daemon: waits, offers, after-work, losses, people who give up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import grpc
from google.protobuf.duration_pb2 import Duration

from fairlead.v1 import agent_pb2, agent_service_pb2, job_pb2, routing_service_pb2
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

QUEUES = [
    {
        "id": "talk",
        "members": {"any_tags": ["team"]},
        "strategy": "weighted",
        "wrap_up": "200ms",
        "max_wait": "2s",
        "affinity": {"mode": "AFFINITY_MODE_PREFER"},
    },
    {"id": "ring", "members": {"any_tags": ["team"]}, "offer_timeout": "300ms", "max_length": 20},
]
ONLINE, AWAY, OFFLINE = agent_pb2.PRESENCE_ONLINE, agent_pb2.PRESENCE_AWAY, agent_pb2.PRESENCE_OFFLINE
PAUSE = 0.003  # seconds between calls
LIVE = 12  # jobs that are followed at a time; the oldest are left to the router


class Team:
    """One thread of calls, by a seed; `refused` counts calls that came too late, which is nothing unusual."""

    def __init__(self, channel: grpc.Channel, seed: int) -> None:
        self._routing, self._agents = RoutingServiceStub(channel), AgentServiceStub(channel)
        self._rng = Random(seed)
        self._jobs: list[str] = []
        self._number = 0
        self.calls = self.refused = 0
        for number in range(4):
            agent = agent_pb2.Agent(id=f"team-{number}", capacity=2, presence=ONLINE, tags=["team"], weight=10 + number)
            self._agents.CreateAgent(agent_service_pb2.CreateAgentRequest(agent=agent), timeout=20)

    def step(self) -> None:
        """A call or two."""
        try:
            self._step()
        except grpc.RpcError:
            self.refused += 1
        self.calls += 1

    def _step(self) -> None:
        rng = self._rng
        if rng.random() < 0.3 or not self._jobs:
            self._assign()
        elif rng.random() < 0.03:
            presence = agent_service_pb2.SetPresenceRequest(
                agent_id=f"team-{rng.randrange(4)}", presence=rng.choice([ONLINE, ONLINE, AWAY, OFFLINE])
            )
            if rng.random() < 0.5 and presence.presence == ONLINE:
                presence.lease.CopyFrom(Duration(seconds=1))
            self._agents.SetPresence(presence, timeout=20)
        else:
            job_id = rng.choice(self._jobs)
            # One that was turned away is not known; if it is, it comes back behind the others.
            self._jobs.remove(job_id)
            self._go_on(job_id)

    def _assign(self) -> None:
        self._number += 1
        job = job_pb2.JobSpec(
            id=f"team-job-{self._number}",
            queue=self._rng.choice(["talk", "ring"]),
            customer=f"customer-{self._rng.randrange(20)}",
            urgency=self._rng.randrange(3),
        )
        self._jobs = [*self._jobs[1 - LIVE :], job.id]
        self._routing.Assign(routing_service_pb2.AssignRequest(job=job), timeout=20)

    def _go_on(self, job_id: str) -> None:
        job = self._routing.GetJob(routing_service_pb2.GetJobRequest(job_id=job_id), timeout=20).job
        which = {"job_id": job_id, "version": job.version}
        if job.state == job_pb2.JOB_STATE_OFFERED and self._rng.random() < 0.8:
            if self._rng.random() < 0.8:
                self._routing.AcceptOffer(routing_service_pb2.AcceptOfferRequest(**which), timeout=20)
            else:
                self._routing.DeclineOffer(routing_service_pb2.DeclineOfferRequest(**which), timeout=20)
        elif job.state == job_pb2.JOB_STATE_ASSIGNED and self._rng.random() < 0.1:
            target = {"queue": self._rng.choice(["talk", "ring"])}
            self._routing.TransferJob(routing_service_pb2.TransferJobRequest(**which, **target), timeout=20)
        elif job.state == job_pb2.JOB_STATE_ASSIGNED:
            rating = {"satisfaction": self._rng.randrange(1000)}
            self._routing.CompleteJob(routing_service_pb2.CompleteJobRequest(**which, **rating), timeout=20)
        elif job.state == job_pb2.JOB_STATE_WRAPPING:
            self._routing.FinishWrapUp(routing_service_pb2.FinishWrapUpRequest(**which), timeout=20)
        elif job.state == job_pb2.JOB_STATE_QUEUED and self._rng.random() < 0.2:
            self._routing.CancelJob(routing_service_pb2.CancelJobRequest(job_id=job_id), timeout=20)
        if job.state < job_pb2.JOB_STATE_COMPLETED:
            self._jobs.append(job_id)


@contextmanager
def at_work(address: str, seed: int) -> Iterator[Team]:
    """A team that works while this lasts."""
    stop = threading.Event()
    with grpc.insecure_channel(address) as channel:
        team = Team(channel, seed)

        def work() -> None:
            while not stop.wait(PAUSE):
                team.step()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield team
        finally:
            stop.set()
            thread.join()
