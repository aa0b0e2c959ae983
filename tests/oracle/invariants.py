"""What must hold after every step, asked of the twin's whole state."""

from collections import Counter

from tests.oracle.model import IN_HANDS, Job, Mode, Presence, State
from tests.oracle.rotation import step_of
from tests.oracle.timers import WAITING_KINDS
from tests.oracle.twin import Twin


def invariants(twin: Twin) -> list[str]:
    """The invariants that do not hold, as sentences. O(jobs x agents)."""
    return [
        *held_jobs(twin),
        *offers(twin),
        *waiting_jobs(twin),
        *clocks(twin),
        *reservations(twin),
        *rotations(twin),
    ]


def held_jobs(twin: Twin) -> list[str]:
    """No job with two holders, none with a holder and waiting, and the states add up (J2)."""
    wrong = []
    holders = Counter(id(job) for agent in twin.agents.values() for job in agent.jobs)
    for job in twin.jobs.values():
        holder = twin.agent_by_number(job.agent)
        expected = 1 if job.state in IN_HANDS else 0
        if holders[id(job)] != expected or (holder is not None) != bool(expected):
            wrong.append(f"{job.id} is {job.state.name} and has {holders[id(job)]} holders")
        if (job.state is State.QUEUED) != (job in twin.waiting):
            wrong.append(f"{job.id} is {job.state.name} and its place in the backlog disagrees")
    if sum(twin.counts().values()) != twin.job_count:
        wrong.append(f"{twin.job_count} jobs were kept, the states count {sum(twin.counts().values())}")
    return wrong


def offers(twin: Twin) -> list[str]:
    """O1, O4: an offer and an after-work have an end ahead; nobody OFFLINE has an offer; no step moves under one."""
    wrong = []
    for job in twin.jobs.values():
        ends = job.state in (State.OFFERED, State.WRAPPING)
        if ends and job.deadline <= twin.now:
            wrong.append(f"{job.id} is {job.state.name} past its deadline")
        if not ends and job.deadline:
            wrong.append(f"{job.id} is {job.state.name} and has a deadline")
        if job.state is not State.OFFERED:
            continue
        agent = twin.agent_by_number(job.agent)
        if agent is None or agent.presence is Presence.OFFLINE:
            wrong.append(f"{job.id} is offered to somebody who is OFFLINE")
        if job.plan and job.step != job.offer_step:
            wrong.append(f"{job.id} went from step {job.offer_step} to {job.step} under an open offer")
    return wrong


def clocks(twin: Twin) -> list[str]:
    """No timer of somebody who has nothing to wait for; every lease, offer, after-work and bar has its timer."""
    wrong = []
    kinds = Counter((id(timer.target), timer.kind) for timer in twin.timers)
    for job in twin.jobs.values():
        waits = {kind for kind in WAITING_KINDS if kinds[id(job), kind]}
        if waits and job.state is not State.QUEUED:
            wrong.append(f"{job.id} is {job.state.name} and has the timers {waits}")
        for state, kind in ((State.OFFERED, "offer"), (State.WRAPPING, "wrap"), (State.SCHEDULED, "start")):
            if kinds[id(job), kind] != (job.state is state):
                wrong.append(f"{job.id} is {job.state.name} and has {kinds[id(job), kind]} timers {kind}")
        if job.state is State.QUEUED and kinds[id(job), "bar"] != len(job.bars):
            wrong.append(f"{job.id} has {len(job.bars)} bars and {kinds[id(job), 'bar']} timers")
    for agent in twin.agents.values():
        if kinds[id(agent), "lease"] != (agent.lease > 0) or (agent.lease and agent.lease_end <= twin.now):
            wrong.append(f"{agent.id} has a lease until {agent.lease_end} and {kinds[id(agent), 'lease']} timers")
        if agent.presence is not Presence.OFFLINE and agent.lost_since is not None:
            wrong.append(f"{agent.id} is {agent.presence.name} and lost")
    return wrong


def waiting_jobs(twin: Twin) -> list[str]:
    """No waiting job has a candidate, so no new job can have taken an agent from one with a smaller key (Q4)."""
    wrong = []
    for job in twin.waiting:
        agent, _ = twin.choice(job)
        if agent is not None:
            wrong.append(f"{job.id} waits and {agent.id} could take it")
        if job.held and not hold_makes_sense(twin, job):
            wrong.append(f"{job.id} is held for an agent it should not be held for")
    return wrong


def hold_makes_sense(twin: Twin, job: Job) -> bool:
    agent = twin.own_agent(job)
    if job.own is None or agent is None:
        return False
    return job.own.mode is Mode.REQUIRE or twin.own_is_there(job, agent)


def reservations(twin: Twin) -> list[str]:
    """A reserved agent is ONLINE and matches the waiting head it is reserved for; one agent per job (Q8)."""
    wrong = []
    jobs = [reservation.job for reservation in twin.reservations.values()]
    for number, job in zip(twin.reservations, jobs, strict=True):
        agent = twin.agent_by_number(number)
        if agent is None or agent.presence is not Presence.ONLINE or not twin.matches(job, agent):
            wrong.append(f"agent {number} is reserved for {job.id} and cannot serve it")
        if job not in twin.waiting or jobs.count(job) != 1:
            wrong.append(f"{job.id} has a reservation and no right to it")
    return wrong


def rotations(twin: Twin) -> list[str]:
    """Credit and debt stay within one job of the clock for those who are away (T4)."""
    return [
        f"seat {number} of {key} is {seat.lag} behind"
        for key, rotation in twin.rotations.items()
        for number, seat in rotation.seats.items()
        if not seat.present and abs(seat.lag) > step_of(seat.weight)
    ]
