"""What came of an experiment (L5): the arms of a journal, compared slice by slice.

One observation is what an arm came to in a slice of time. With arms by time slices, as many slices in a row as there
are arms make a block: each arm has one of them. With arms by job id every arm has every hour. Jobs of the wash-out, and
slices that the experiment was not in force for from beginning to end, are left out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairlead.durations import format_duration
from fairlead.errors import error
from fairlead.policy.document import from_stored
from fairlead.protobuf import duration_us
from fairlead.replay.ledger import SECOND_US, Fate, moment
from fairlead.replay.recording import Recording
from fairlead.replay.slices import HOUR_US, MEASURES, samples
from fairlead.reports.comparison import Arm, Comparison
from fairlead.v1 import policy_pb2


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
    arms = [Arm(name, samples(recording.ledger, [cells[block, name] for block in blocks], target_us)) for name in names]
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
