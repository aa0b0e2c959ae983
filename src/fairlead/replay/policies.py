"""Several policies on the same recorded traffic, compared slice by slice.

Every policy is played to the recording (`rerun`), so all of them meet the same jobs, agents and customers at the same
times: what is left between them in a slice is theirs. A slice is a day where there are eight or more, else an hour.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fairlead.errors import error
from fairlead.policy.tables import PolicyTables
from fairlead.replay.ledger import Fate, Ledger, moment
from fairlead.replay.recording import Recording, record
from fairlead.replay.rerun import Progress, rerun
from fairlead.replay.slices import HOUR_US, MEASURES, samples
from fairlead.reports.comparison import Arm, Comparison
from fairlead.shard.history import History

DAY_US = 24 * HOUR_US
LEAST_DAYS = 8


class Played(NamedTuple):
    """What became of the recorded jobs under a policy, and how many inputs could not be carried out, by why."""

    ledger: Ledger
    skipped: Mapping[str, int]


def play(
    recording: Recording,
    tables: PolicyTables,
    tenant: str,
    beginning: Path | None = None,
    played: Progress | None = None,
    read: Progress | None = None,
) -> Played:
    """A recording under another policy; `beginning` is what `History.save_beginning` wrote, where it has one.

    `played` and `read` are called with the numbers of inputs and of records. Raises as `rerun`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        journal = Path(scratch) / "played"
        if recording.beginning is not None and beginning is not None:
            shutil.copytree(beginning, journal)
        skipped = rerun(recording, tables, tenant, journal, played)
        return Played(record(History(str(journal), tenant), read).ledger, skipped)


def compare_policies(title: str, recording: Recording, played: Mapping[str, Played], target_us: int) -> Comparison:
    """The policies by name, the first being what the others are compared with. Raises INVALID_FIELD without a job."""
    length_us, sample = _slice(recording.ledger)
    cut = {name: _by_slice(each.ledger.fates, length_us) for name, each in played.items()}
    numbers = sorted(
        number
        for number in set.intersection(*(set(slices) for slices in cut.values()))
        if recording.beginning is None or number * length_us >= recording.beginning.time_us
    )
    if not numbers:
        raise error(
            "INVALID_FIELD", f"no job came in a whole {sample} of the recorded time: nothing to compare", "journal"
        )
    arms = [
        Arm(name, samples(each.ledger, [cut[name][number] for number in numbers], target_us))
        for name, each in played.items()
    ]
    return Comparison(title, sample, MEASURES, arms, _notes(recording, played, sample))


def _slice(ledger: Ledger) -> tuple[int, str]:
    days = len({fate.create_us // DAY_US for fate in ledger.fates})
    return (DAY_US, "day") if days >= LEAST_DAYS else (HOUR_US, "hour")


def _by_slice(fates: Sequence[Fate], length_us: int) -> dict[int, list[Fate]]:
    found: defaultdict[int, list[Fate]] = defaultdict(list)
    for fate in fates:
        found[fate.create_us // length_us].append(fate)
    return found


def _notes(recording: Recording, played: Mapping[str, Played], sample: str) -> list[str]:
    notes = [f"{len(recording.ledger.fates):,} recorded jobs, each played to every policy; a sample is one {sample}."]
    if sample == "hour":
        notes.append("A queue of one hour goes on into the next, so the intervals are somewhat too narrow.")
    if recording.beginning is not None:
        notes.append(
            f"The journal begins behind a snapshot of {moment(recording.beginning.time_us)}: the {sample} that had "
            f"begun before is left out, with the {len(recording.beginning.jobs):,} jobs that were live then."
        )
    for name, each in played.items():
        for why, count in sorted(each.skipped.items()):
            notes.append(f"{name}: {count:,} inputs left out or changed: {why}.")
    return notes
