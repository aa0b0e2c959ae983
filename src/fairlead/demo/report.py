"""What came of a play, as one object: the numbers that --json prints and the tables are made from.

docs/DEMO.md documents every key. Times of the day are in seconds of the day, latencies in milliseconds of the clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.demo.audit import Check
from fairlead.demo.day import QUEUES, VIP, VIP_HEAD_STARTS_S
from fairlead.demo.ledger import Desk, Fate, Ledger, Visit
from fairlead.demo.statistics import jain_index, spread, summary
from fairlead.demo.team import AFTERNOON_STRATEGIES, STRATEGIES
from fairlead.reports.statistics import percentile

# An agent's share says something once this many jobs were due to them.
LEAST_DUE = 20.0
_RATIO_DIGITS = 5

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
        "policies": _policies(ledger),
        "own_agent": _own_agent(visits),
        "estimates": _estimates(visits),
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


def _policies(ledger: Ledger) -> list[Report]:
    """The policies of the day, and what those met whom each answered."""
    out = []
    for is_afternoon in (False, True):
        version = 1 + is_afternoon
        visits = [visit for visit in ledger.visits.values() if visit.policy_version == version]
        vips = [visit.wait_day_s for visit in visits if visit.waited and visit.agent_id and visit.conversation.tier]
        others = [
            visit.wait_day_s for visit in visits if visit.waited and visit.agent_id and not visit.conversation.tier
        ]
        out.append(
            {
                "version": version,
                "from_s": round(ledger.policy_changed_day_s, 1) if is_afternoon and visits else None,
                "strategies": STRATEGIES | (AFTERNOON_STRATEGIES if is_afternoon else {}),
                "vip_head_start_s": VIP_HEAD_STARTS_S[is_afternoon],
                "jobs": len(visits),
                "vip_wait_if_waited_s": summary(vips, 1),
                "other_wait_if_waited_s": summary(others, 1),
            }
        )
    return out


def _estimates(visits: Sequence[Visit]) -> Report:
    """How what a waiting job was told to expect compares with what it met; customers who left are not counted."""
    told = [visit for visit in visits if visit.expected_day_s is not None and visit.waited and visit.agent_id]
    errors = sorted(abs(visit.wait_day_s - visit.expected_day_s[0]) for visit in told if visit.expected_day_s)
    return {
        "told": len(told),
        "not_told": sum(visit.waited and bool(visit.agent_id) for visit in visits) - len(told),
        "within_p50": sum(visit.wait_day_s <= visit.expected_day_s[0] for visit in told if visit.expected_day_s),
        "within_p90": sum(visit.wait_day_s <= visit.expected_day_s[1] for visit in told if visit.expected_day_s),
        "error_s": summary(errors, 1),
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


def _occupancy(desk: Desk) -> float | None:
    """Units held over units there, while online; None for who never was."""
    there = desk.online_s * desk.plan.capacity
    return desk.busy_units_s / there if there else None


def _agent(desk: Desk, jobs: int) -> Report:
    plan, occupancy = desk.plan, _occupancy(desk)
    shared, due = sum(desk.shared.values()), sum(desk.due.values())
    return {
        "agent": plan.id,
        "team": plan.home,
        "capacity": plan.capacity,
        "weight": plan.weight,
        "online_h": round(desk.online_s / 3_600, 2),
        "jobs": desk.given,
        "share": round(desk.given / jobs, _RATIO_DIGITS),
        "occupancy": _rounded(occupancy),
        "weighted_jobs": shared,
        "weighted_due": round(due, 1),
        "given_to_due": _rounded(shared / due) if due else None,
    }


def _fairness(queue: str, desks: Sequence[Desk]) -> Report:
    """How evenly a queue's team was busy, and for a weighted queue how near everyone came to their share by weight."""
    team = [occupancy for desk in desks if desk.plan.home == queue and (occupancy := _occupancy(desk)) is not None]
    shared = [desk for desk in desks if desk.due.get(queue, 0.0) >= LEAST_DUE]
    ratios = [desk.shared.get(queue, 0) / desk.due[queue] for desk in shared]
    return {
        "queue": queue,
        "strategy": STRATEGIES[queue],
        "given_to_due": {"agents": len(ratios), **_evenness(ratios)},
        "occupancy": {"agents": len(team), **_evenness(team)},
    }


def _evenness(values: Sequence[float]) -> Report:
    return {"max_over_min": _rounded(spread(values)), "jain_index": _rounded(jain_index(values))}


def _rounded(value: float | None) -> float | None:
    return round(value, _RATIO_DIGITS) if value is not None else None


def _latency(values_s: Sequence[float]) -> Report:
    ascending = sorted(value * 1e3 for value in values_s)
    out: Report = {"calls": len(ascending)}
    out.update({f"p{percent:g}": round(percentile(ascending, percent), 3) for percent in (50, 95, 99, 99.9)})
    out["max"] = round(ascending[-1], 3) if ascending else 0.0
    return out
