"""The audit: what must hold, checked from the clients' observations and from what the daemon says of itself.

The clients' part trusts no count of the daemon: capacity and presence are judged by intervals in which an assignment
surely stood, holders by every answer that named one. Each check says how much it looked at; a check that looked at
nothing proves nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairlead.demo.day import CHANNEL_COST, VOICE
from fairlead.demo.ledger import Desk, Fate, Ledger, Visit
from fairlead.v1 import admin_service_pb2, agent_pb2

# Enough to see what is wrong; the rest is counted.
MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: how many things were looked at, and every violation."""

    name: str
    checked: int
    violations: Sequence[str]

    def object(self) -> dict[str, object]:
        """For --json."""
        return {
            "check": self.name,
            "checked": self.checked,
            "violation_count": len(self.violations),
            "violations": list(self.violations[:MAX_SHOWN]),
        }


def audit(
    ledger: Ledger,
    status: admin_service_pb2.TenantStatus,
    agents: Sequence[agent_pb2.Agent],
    verified: Sequence[str],
    verifications: int,
) -> list[Check]:
    """All checks, after the last conversation has ended.

    `status` is the daemon's last word; `verified` is what `verifications` asked for on the way, it included, found.
    """
    given = [visit for visit in ledger.visits.values() if visit.agent_id]
    return [
        Check("daemon: every invariant of every structure", verifications, [*verified, *status.violations]),
        Check("no job with two holders", len(ledger.holders), _holders(ledger)),
        Check("no agent above capacity", len(given), list(_over_capacity(ledger, given))),
        Check("no job to an agent who is not online", len(given), list(_absent(ledger, given))),
        Check("conservation of jobs", len(ledger.visits), list(_conservation(ledger, status))),
        Check("agents' own counts", len(agents), list(_agent_counts(ledger, agents))),
        Check("answers by the policy in force", len(ledger.visits), list(_policies(ledger))),
        Check("no failed call", len(ledger.visits), _failures(ledger)),
    ]


def _holders(ledger: Ledger) -> list[str]:
    # Nothing is transferred in the demo: a job has one assignment in its life.
    second = [f"{job} has an assignment of version {version}" for job, version in ledger.holders if version != 1]
    return [*ledger.contradictions, *second]


def _policies(ledger: Ledger) -> Iterable[str]:
    """Who asked after the new policy was acknowledged was answered by it; versions are 1 and 2."""
    for visit in ledger.visits.values():
        if visit.fate is Fate.FAILED:
            continue
        is_afternoon = visit.asked_wall > ledger.policy_changed_wall
        if visit.policy_version not in ((2,) if is_afternoon else (1, 2)):
            yield f"{visit.conversation.id} was answered by policy {visit.policy_version}"


def _over_capacity(ledger: Ledger, given: Iterable[Visit]) -> Iterable[str]:
    by_agent: dict[str, list[tuple[float, int, Visit]]] = {}
    for visit in given:
        if visit.given_before_wall < visit.held_until_wall:
            steps = by_agent.setdefault(visit.agent_id, [])
            steps += ((visit.given_before_wall, 1, visit), (visit.held_until_wall, -1, visit))
    for agent_id, steps in by_agent.items():
        desk = ledger.desks[agent_id]
        load = calls = 0
        # At equal times what ends comes first: only what surely overlaps counts.
        for _, sign, visit in sorted(steps, key=lambda step: (step[0], step[1])):
            load += sign * CHANNEL_COST[visit.conversation.channel]
            calls += sign * (visit.conversation.channel == VOICE)
            if sign > 0 and (load > desk.plan.capacity or calls > 1):
                job = visit.conversation.id
                yield f"{agent_id} holds {load} of {desk.plan.capacity} units and {calls} calls with {job}"


def _absent(ledger: Ledger, given: Iterable[Visit]) -> Iterable[str]:
    for visit in given:
        desk = ledger.desks[visit.agent_id]
        if _surely_absent(desk, visit.given_after_wall, visit.given_before_wall):
            yield f"{visit.conversation.id} was given to {visit.agent_id}, who was not online"


def _surely_absent(desk: Desk, after: float, before: float) -> bool:
    if desk.absent_since_wall is not None and desk.absent_since_wall < after:
        return True
    return any(since < after and before < until for since, until in desk.absent)


def _conservation(ledger: Ledger, status: admin_service_pb2.TenantStatus) -> Iterable[str]:
    """Every visit has one end, and the daemon counted the same ends."""
    fates = dict.fromkeys(Fate, 0)
    for visit in ledger.visits.values():
        fates[visit.fate] += 1
    for fate in (Fate.SUBMITTED, Fate.WAITING, Fate.HELD):
        if fates[fate]:
            yield f"{fates[fate]} conversations are still {fate.value}"
    live = {
        "scheduled": status.scheduled_jobs,
        "queued": status.queued_jobs,
        "offered": status.offered_jobs,
        "assigned": status.assigned_jobs,
        "wrapping": status.wrapping_jobs,
    }
    yield from (f"the daemon still has {count} {name} jobs" for name, count in live.items() if count)
    if status.completed_jobs != fates[Fate.COMPLETED]:
        yield f"{fates[Fate.COMPLETED]} were completed, the daemon counts {status.completed_jobs}"
    gone = status.cancelled_jobs + status.expired_jobs
    if gone != fates[Fate.LEFT]:
        yield f"{fates[Fate.LEFT]} customers left, the daemon counts {gone}"
    ended = status.completed_jobs + gone + fates[Fate.REFUSED]
    if ended != len(ledger.visits):
        yield f"{len(ledger.visits)} were submitted, {ended} ended"


def _agent_counts(ledger: Ledger, agents: Sequence[agent_pb2.Agent]) -> Iterable[str]:
    at_pickup = sum(visit.left_at_pickup for visit in ledger.visits.values())
    missed = 0
    for agent in agents:
        desk = ledger.desks[agent.id]
        if agent.load or agent.job_count:
            yield f"{agent.id} still holds {agent.job_count} jobs, load {agent.load}"
        if agent.completed_count != desk.completed:
            yield f"{agent.id} completed {desk.completed}, the daemon counts {agent.completed_count}"
        missed += agent.given_count - desk.given
    # Who left in the moment an agent was found was given to that agent, and no client saw it.
    if missed != at_pickup:
        yield f"{missed} jobs were given unseen, {at_pickup} customers left at pickup"
    if len(agents) != len(ledger.desks):
        yield f"{len(ledger.desks)} agents were created, the daemon lists {len(agents)}"


def _failures(ledger: Ledger) -> list[str]:
    more = ledger.failure_count - len(ledger.failures)
    return [*ledger.failures, *(["another call"] * more)]
