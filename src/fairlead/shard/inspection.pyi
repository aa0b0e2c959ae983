"""A journal held against the invariants of docs/SEMANTICS.md. Built from ext/fairlead/shard/."""

from collections.abc import Callable
from typing import NamedTuple

class Violation(NamedTuple):
    """The first thing that is wrong: in which record, when, of whom. Texts are empty where there is none.

    Where the state after a step is wrong, the record is the last of the step, and job and agent are those of its last
    fact.
    """

    sequence: int
    time_us: int
    tenant: str
    job_id: str
    agent_id: str
    what: str

class Inspected(NamedTuple):
    """What was read; `audits` are of the whole state, `steps` were published together; `violation` None: all holds."""

    records: int
    steps: int
    audits: int
    tenants: int
    torn_bytes: int
    violation: Violation | None

def inspect(directory: str, every: int = 1, progress: Callable[[int], None] | None = None) -> Inspected:
    """Holds each record of a journal against the invariants, and the state after every `every`-th step and at the end.

    A state that is found wrong after several steps is looked for again step by step, so the violation is always the
    first. `progress`, if any, is called with the last sequence read, once a frame. Raises FairleadError (JOURNAL_..)
    where frames are not whole. Cost: as recovery, and for each audited step O(agents * jobs waiting + jobs). Memory:
    the state of all tenants.
    """
