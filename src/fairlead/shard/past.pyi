"""The explanation of a decision that was, from a journal. Built from ext/fairlead/shard/."""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.shard.explain import Explanation
from fairlead.shard.views import Outcome, Reason

MOST_RECORDS: int

class Moment(NamedTuple):
    """A decision: its place in the journal, when it was, what was decided. `agent_id` is empty where nobody was."""

    sequence: int
    time_us: int
    outcome: Outcome
    reason: Reason
    agent_id: str

def explain_decision(
    directory: str,
    tenant: str,
    job_id: str,
    most: int = 2_000_000,
    progress: Callable[[int, str], None] | None = None,
) -> Explanation | None:
    """The last decision of a job in the journal of a directory, explained; None: there is no such job or decision.

    `job` of the answer is the job just behind the decision. Reads at most `most` records; more raise
    ResourceExhausted. Memory: the state of all tenants. `progress` gets (last sequence read, "search" or "replay").
    """
