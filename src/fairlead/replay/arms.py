"""What came of an experiment (L5): the arms of a journal, compared slice by slice.

One observation is what an arm came to in a slice of time. With arms by time slices, as many slices in a row as there
are arms make a block: each arm has one of them. With arms by job id every arm has every hour. Jobs of the wash-out, and
slices that the experiment was not in force for from beginning to end, are left out.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairlead.durations import format_duration
from fairlead.errors import error
from fairlead.policy.document import from_stored
from fairlead.protobuf import duration_us
from fairlead.replay.ledger import SECOND_US, Fate, Ledger, measures, moment
from fairlead.replay.recording import Recording
from fairlead.reports.comparison import Arm, Comparison, Measure
from fairlead.v1 import policy_pb2

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


class _Trial(NamedTuple):
    """An experiment and when it was in force."""

    experiment: policy_pb2.Experiment
    from_us: int
    until_us: int


def compare_arms(recording: Recording, target_us: int) -> Comparison:
    """The arms of the last experiment of a recording. Raises INVALID_FIELD where there is none, or it was too short."""
    trial = _last_trial(recording)
    experiment = trial.experiment
    names = [arm.id for arm in experiment.arms]
    slice_us = duration_us(experiment.slice)
    length_us, wash_out_us = slice_us or HOUR_US, duration_us(experiment.wash_out)
    per_block = len(names) if slice_us else 1
    cells: defaultdict[tuple[int, str], list[Fate]] = defaultdict(list)
    washed = 0
    for fate in recording.ledger.fates:
        number = fate.create_us // length_us
        whole = trial.from_us <= number * length_us and (number + 1) * length_us <= trial.until_us
        if not fate.arm or fate.arm not in names or not whole:
            continue
        if fate.create_us % length_us < wash_out_us:
            washed += 1
            continue
        cells[number // per_block, fate.arm].append(fate)
    blocks = sorted({block for block, _ in cells})
    blocks = [block for block in blocks if all(cells.get((block, name)) for name in names)]
    if not blocks:
        since = "it began" if recording.beginning is None else "what is left of it begins"
        seconds_us = (trial.until_us - trial.from_us) // SECOND_US * SECOND_US
        raise error(
            "INVALID_FIELD",
            f"experiment {experiment.id!r} has no {_sample(slice_us)} with jobs of every arm yet; {since} "
            f"{format_duration(seconds_us)} before the last record",
            "journal",
        )
    arms = [
        Arm(name, _samples([_measured(recording.ledger, cells[block, name], target_us) for block in blocks]))
        for name in names
    ]
    notes = _notes(experiment, cells, blocks, washed)
    if recording.beginning is not None:
        notes.append(
            f"The journal begins behind a snapshot of {moment(recording.beginning.time_us)}: slices that began before, "
            f"and the {len(recording.beginning.jobs):,} jobs that were live then, are left out."
        )
    return Comparison(experiment.id, _sample(slice_us), MEASURES, arms, notes)


def _sample(slice_us: int) -> str:
    return "block" if slice_us else "hour"


def _last_trial(recording: Recording) -> _Trial:
    found, until_us = None, recording.ledger.last_us
    for time_us, _, document in reversed(recording.policies):
        experiment = from_stored(document).experiment
        if found is None and experiment.arms:
            found = _Trial(experiment, time_us, until_us)
        elif found is not None and experiment == found.experiment:
            found = found._replace(from_us=time_us)
        elif found is not None:
            break
        until_us = time_us
    if found is None:
        raise error("INVALID_FIELD", "no policy of the journal has an experiment: nothing to compare", "journal")
    return found


def _measured(ledger: Ledger, fates: Sequence[Fate], target_us: int) -> Mapping[str, float]:
    """One arm in one slice. Fairness is Jain's index of the jobs given to each agent who was there."""
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


def _samples(rows: Sequence[Mapping[str, float]]) -> Mapping[str, Sequence[float]]:
    return {measure.key: [row[measure.key] for row in rows] for measure in MEASURES}


def _notes(
    experiment: policy_pb2.Experiment,
    cells: Mapping[tuple[int, str], Sequence[Fate]],
    blocks: Sequence[int],
    washed: int,
) -> list[str]:
    counts = ", ".join(f"{arm.id} {sum(len(cells[block, arm.id]) for block in blocks):,}" for arm in experiment.arms)
    notes = [f"Jobs: {counts}; {washed:,} of the wash-out are left out."]
    if experiment.HasField("slice"):
        notes.append(f"A block is {len(experiment.arms)} slices in a row, one of each arm.")
    else:
        notes.append(
            "Arms by job id share their agents at the same time: what one takes the other lacks, and what one frees "
            "helps both. The differences are those between jobs side by side, not what all jobs would get under one "
            "arm; arms by time slices tell that."
        )
    return notes
