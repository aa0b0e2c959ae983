"""J1: the table of states in the documentation and the engine's own say the same."""

import re
from pathlib import Path

from fairlead.engine.core import transitions
from fairlead.shard.core import JobState

SEMANTICS = Path(__file__).resolve().parents[2] / "docs/SEMANTICS.md"
NUMBERS = {state.name: int(state) for state in JobState} | {"(new)": 0, "forgotten": 0}
ENDS = (JobState.COMPLETED, JobState.CANCELLED, JobState.EXPIRED)


def documented() -> set[tuple[int, int]]:
    """Pairs of states from the rows of the table; what is not kept never was a job."""
    text = SEMANTICS.read_text().split("## States of a job")[1].split("\n## ")[0]
    pairs = set()
    for row in re.findall(r"^\| (.+?) \| (.+?) \|", text, re.MULTILINE):
        befores, afters = (cell.split(", ") for cell in row)
        if befores[0] in NUMBERS:
            pairs |= {(NUMBERS[a], NUMBERS[b]) for a in befores for b in afters if b != "not kept"}
    return pairs


def test_every_transition_that_is_documented_is_the_engines_and_the_reverse() -> None:
    """J1. A new job is SCHEDULED for the moment between two facts, so what may follow SCHEDULED may follow nothing."""
    engine = {(after, state) for after, states in transitions().items() for state in states}
    table = documented()
    assert {pair for pair in table if pair[0] == 0} == {(0, state) for state in transitions()[JobState.SCHEDULED]} - {
        (0, int(JobState.EXPIRED))
    } | {(0, int(JobState.SCHEDULED))}
    assert {pair for pair in table if pair[0] and pair[1]} == {pair for pair in engine if pair[0]}
    assert {pair for pair in table if not pair[1]} == {(int(end), 0) for end in ENDS}


def test_an_ended_job_stays_ended() -> None:
    """J1, J2."""
    assert all(transitions()[end] == [] for end in ENDS)
    assert len(documented()) > 20
