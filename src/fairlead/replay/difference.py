"""What another policy would have changed: two ledgers of the same jobs side by side."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fairlead.replay.ledger import (
    AgentMeasures,
    Fate,
    Ledger,
    Measures,
    agent_measures,
    by_queue,
    measures,
)

NO_AGENT = AgentMeasures(0, 0.0, 0.0)


class Changes(NamedTuple):
    """Counts of jobs. `elsewhere` had another first agent; sooner and later are waits of those served both times."""

    jobs: int
    same: int
    elsewhere: int
    served_now: int
    served_no_longer: int
    sooner: int
    later: int


class Comparison(NamedTuple):
    """Before is as recorded, after as replayed."""

    changes: Changes
    before: Measures
    after: Measures
    queues: Mapping[str, tuple[Measures, Measures]]
    agents: Mapping[str, tuple[AgentMeasures, AgentMeasures]]


def compare(before: Ledger, after: Ledger, target_us: int) -> Comparison:
    """Job by job and in sums. A job that the other policy could not even be asked for has no counterpart."""
    first, second = by_queue(before.fates), by_queue(after.fates)
    agents_before, agents_after = agent_measures(before), agent_measures(after)
    return Comparison(
        _changes(before.fates, after.fates),
        measures(before.fates, target_us),
        measures(after.fates, target_us),
        {
            queue: (measures(first.get(queue, ()), target_us), measures(second.get(queue, ()), target_us))
            for queue in sorted(first.keys() | second.keys())
        },
        {
            agent: (agents_before.get(agent, NO_AGENT), agents_after.get(agent, NO_AGENT))
            for agent in sorted(agents_before.keys() | agents_after.keys())
        },
    )


def pairs(before: Sequence[Fate], after: Sequence[Fate]) -> Iterator[tuple[Fate, Fate | None]]:
    """Each job with itself: by id, and of jobs with one id, by order."""
    found: defaultdict[str, list[Fate]] = defaultdict(list)
    for fate in reversed(after):
        found[fate.job_id].append(fate)
    for fate in before:
        others = found[fate.job_id]
        yield fate, others.pop() if others else None


def _changes(before: Sequence[Fate], after: Sequence[Fate]) -> Changes:
    counts: Counter[str] = Counter()
    for old, new in pairs(before, after):
        counts.update(_differences(old, new))
    return Changes(len(before), *(counts[name] for name in Changes._fields[1:]))


def _differences(old: Fate, new: Fate | None) -> Iterator[str]:
    if new is not None and is_same(old, new):
        yield "same"
    was, now = old.wait_us, None if new is None else new.wait_us
    if was is not None and now is not None:
        assert new is not None
        if old.placements[0].agent_id != new.placements[0].agent_id:
            yield "elsewhere"
        if now != was:
            yield "sooner" if now < was else "later"
    elif was is not None:
        yield "served_no_longer"
    elif now is not None:
        yield "served_now"


def is_same(old: Fate, new: Fate) -> bool:
    """Whether the same agents had the job at the same times, and it ended alike."""
    return (
        old.placements == new.placements
        and (old.end_us, old.state, old.reason) == (new.end_us, new.state, new.reason)
        and (old.queue, old.offers, old.declined, old.missed) == (new.queue, new.offers, new.declined, new.missed)
    )
