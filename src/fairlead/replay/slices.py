"""Jobs by slices of time, and what each slice came to: the samples that ways of assigning are compared by."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fairlead.replay.ledger import SECOND_US, Fate, Ledger, measures
from fairlead.reports.comparison import Measure

HOUR_US = 3_600 * SECOND_US
MEASURES = (
    Measure("wait_mean", "mean wait", "s", "low"),
    Measure("wait_p90", "wait, p90", "s", "low"),
    Measure("in_time", "service level", "", "high", is_share=True),
    Measure("abandoned", "abandonment", "", "low", is_share=True),
    Measure("saturation", "saturation", "", "", is_share=True),
    Measure("fairness", "fairness (Jain)", "", "high"),
    Measure("satisfaction", "satisfaction", "", "high"),
    Measure("own_agent", "own agent", "", "high", is_share=True),
)


def samples(ledger: Ledger, slices: Iterable[Sequence[Fate]], target_us: int) -> Mapping[str, Sequence[float]]:
    """Every measure of each slice, in their order; nan where there was nothing."""
    rows = [measured(ledger, fates, target_us) for fates in slices]
    return {measure.key: [row[measure.key] for row in rows] for measure in MEASURES}


def measured(ledger: Ledger, fates: Sequence[Fate], target_us: int) -> Mapping[str, float]:
    """Some jobs of one slice, at least one, by when they came.

    Fairness is Jain's index of the jobs given to each agent who was there.
    """
    found = measures(fates, target_us)
    begin, end = fates[0].create_us, fates[-1].create_us
    given = Counter(fate.placements[0].agent_id for fate in fates if fate.placements)
    there = given.keys() | {
        agent
        for agent, shift in ledger.shifts.items()
        if any(since <= end and until >= begin and capacity for since, until, capacity in shift.spells)
    }
    squares = math.fsum(count * count for count in given.values())
    return {
        "wait_mean": found.wait_mean,
        "wait_p90": found.wait_p90 if found.served else math.nan,
        "in_time": found.in_time,
        "abandoned": found.abandoned / found.jobs,
        "saturation": _saturation(ledger, fates),
        "fairness": given.total() ** 2 / (len(there) * squares) if squares else math.nan,
        "satisfaction": found.satisfaction,
        "own_agent": found.own_agent,
    }


def _saturation(ledger: Ledger, fates: Sequence[Fate]) -> float:
    """Units held by these jobs to units there were, from the first of them to the last, within that time."""
    begin, end = fates[0].create_us, fates[-1].create_us
    held = sum(
        each.cost * max(0, min(end, ledger.last_us if each.end_us is None else each.end_us) - max(begin, each.time_us))
        for fate in fates
        for each in fate.placements
    )
    room = sum(
        capacity * max(0, min(end, until) - max(begin, since))
        for shift in ledger.shifts.values()
        for since, until, capacity in shift.spells
    )
    return held / room if room else math.nan
