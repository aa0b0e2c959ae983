"""Why a job is where it is. Built from ext/fairlead/shard/."""

from enum import IntEnum

from fairlead.shard.past import Moment
from fairlead.shard.views import JobView

class When(IntEnum):
    """The moment that an explanation is about."""

    NOW = 1
    AT_DECISION = 2

class Explanation:
    """Why a job is, or was put, where it is (E3). Candidates best first: (agent id, keys).

    Excluded: (agent id, cause, detail). Step, strategy, candidates, excluded and demands are those of the moment.
    """

    job: JobView
    step: int
    strategy: str
    key_names: list[str]
    candidates: list[tuple[str, list[int]]]
    excluded: list[tuple[str, str, str]]
    blocking_demands: list[str]
    # (agent id, policy version, cause, load before, capacity, waited in us or -1), or None: it never had an agent.
    decision: tuple[str, int, str, int, int, int] | None
    # The decision that is explained; None: the present is.
    moment: Moment | None
    # Why the present is explained though a decision was asked for; empty: it is not so.
    unavailable: str
