"""What came of a play, as one object: the numbers that --json prints and the tables are made from.

docs/DEMO.md documents every key. Times of the day are in seconds of the day, latencies in milliseconds of the clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.demo.audit import Check
from fairlead.demo.day import QUEUES, VIP
from fairlead.demo.ledger import Desk, Fate, Ledger, Visit
from fairlead.demo.statistics import jain_index, percentile, spread, summary
from fairlead.demo.team import STRATEGIES

# An agent's share says something once this many jobs were due to them.
LEAST_DUE = 20.0
_RATIO_DIGITS = 4

Report = dict[str, Any]


def make_report(
    ledger: Ledger, checks: Sequence[Check], latencies_s: Mapping[str, Sequence[float]], play: Mapping[str, object]
) -> Report:
    """The object of a play; `play` is what the runner knows of it: source, speed, times."""
    visits = list(ledger.visits.values())
    return {
        "ok": not any(check.violations for check in checks),
        "play": dict(play),
        "jobs": _fates(visits),
        "queues": [_queue(name, [visit for visit in visits if visit.conversation.queue == name]) for name in QUEUES],
        "tiers": [
            _tier(name or "none", [visit for visit in visits if visit.conversation.tier == name]) for name in ("", VIP)
        ],
        "own_agent": _own_agent(visits),
        "agents": [_agent(desk, len(visits)) for desk in ledger.desks.values()],
        "fairness": [_fairness(name, list(ledger.desks.values())) for name in QUEUES],
        "rpc_ms": {name: _latency(values) for name, values in sorted(latencies_s.items())},
        "violations": sum(len(check.violations) for check in checks),
        "audit": [check.object() for check in checks],
    }


def _fates(visits: Sequence[Visit]) -> Report:
    count = dict.fromkeys(Fate, 0)
    for visit in visits:
        count[visit.fate] += 1
    ends = (Fate.COMPLETED, Fate.LEFT, Fate.REFUSED, Fate.FAILED)
    return {"submitted": len(visits), **{fate.value: count[fate] for fate in ends}}


def _waits(visits: Sequence[Visit]) -> list[float]:
    """Waits of those whom an agent took; 0 for those placed at once."""
    return [visit.wait_day_s for visit in visits if visit.fate is Fate.COMPLETED]


def _queue(name: str, visits: Sequence[Visit]) -> Report:
    return {
        "queue": name,
        "strategy": STRATEGIES[name],
        "jobs": len(visits),
        "placed_at_once": sum(not visit.waited and visit.fate is Fate.COMPLETED for visit in visits),
        "waited": sum(visit.waited for visit in visits),
        "wait_s": summary(_waits(visits), 1),
        "left": sum(visit.fate is Fate.LEFT for visit in visits),
        "left_after_s": summary([visit.wait_day_s for visit in visits if visit.fate is Fate.LEFT], 1),
    }


def _tier(name: str, visits: Sequence[Visit]) -> Report:
    return {
        "tier": name,
        "jobs": len(visits),
        "waited": sum(visit.waited for visit in visits),
        "wait_s": summary(_waits(visits), 1),
        # Of those who had to wait: here a head start shows.
        "wait_if_waited_s": summary([visit.wait_day_s for visit in visits if visit.waited and visit.agent_id], 1),
        "left": sum(visit.fate is Fate.LEFT for visit in visits),
    }


def _own_agent(visits: Sequence[Visit]) -> Report:
    """Of the visits of customers who were in the same queue before: how many met the agent they had last."""
    last: dict[tuple[str, str], str] = {}
    count: dict[str, dict[str, int]] = {name: {"returning": 0, "same_agent": 0} for name in QUEUES}
    for visit in visits:
        customer = visit.conversation.customer
        if not customer or not visit.agent_id:
            continue
        key = (visit.conversation.queue, customer)
        if key in last:
            count[visit.conversation.queue]["returning"] += 1
            count[visit.conversation.queue]["same_agent"] += last[key] == visit.agent_id
        last[key] = visit.agent_id
    return count


def _agent(desk: Desk, jobs: int) -> Report:
    plan = desk.plan
    held_s = desk.online_s * plan.capacity
    return {
        "agent": plan.id,
        "team": plan.home,
        "capacity": plan.capacity,
        "weight": plan.weight,
        "jobs": desk.given,
        "online_h": round(desk.online_s / 3_600, 2),
        "occupancy": round(desk.busy_units_s / held_s, _RATIO_DIGITS) if held_s else None,
        "share": round(desk.given / jobs, _RATIO_DIGITS + 1),
        "due_share": round(desk.due / jobs, _RATIO_DIGITS + 1),
        "given_to_due": round(desk.given / desk.due, _RATIO_DIGITS) if desk.due else None,
    }


def _fairness(queue: str, desks: Sequence[Desk]) -> Report:
    """How near the agents of a queue came to their shares: jobs given over jobs due, over all with enough due."""
    shared = [desk for desk in desks if desk.due_by_queue.get(queue, 0.0) >= LEAST_DUE]
    ratios = [desk.given_by_queue.get(queue, 0) / desk.due_by_queue[queue] for desk in shared]
    largest, index = spread(ratios), jain_index(ratios)
    basis = {"weighted": "weight", "least_load": "capacity"}.get(STRATEGIES[queue], "one each")
    return {
        "queue": queue,
        "strategy": STRATEGIES[queue],
        "basis": basis,
        "agents": len(shared),
        "max_over_min": round(largest, _RATIO_DIGITS) if largest is not None else None,
        "jain_index": round(index, _RATIO_DIGITS + 2) if index is not None else None,
    }


def _latency(values_s: Sequence[float]) -> Report:
    ascending = sorted(value * 1e3 for value in values_s)
    out: Report = {"calls": len(ascending)}
    out.update({f"p{percent:g}": round(percentile(ascending, percent), 3) for percent in (50, 95, 99, 99.9)})
    out["max"] = round(ascending[-1], 3) if ascending else 0.0
    return out
