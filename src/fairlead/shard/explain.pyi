"""Why a job is where it is. Built from ext/fairlead/shard/."""

from fairlead.shard.views import JobView

class Explanation:
    """Why a job is where it is (E3). Candidates best first: (agent id, keys). Excluded: (agent id, cause, detail)."""

    job: JobView
    strategy: str
    key_names: list[str]
    candidates: list[tuple[str, list[int]]]
    excluded: list[tuple[str, str, str]]
    blocking_demands: list[str]
    # (agent id, policy version, cause, load before, capacity, waited in us), or None: it never had an agent.
    decision: tuple[str, int, str, int, int, int] | None
