"""A journal read again as what happened to one tenant. Built from ext/fairlead/shard/."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from fairlead.shard.beginning import Beginning

class What(IntEnum):
    """What a record says happened."""

    SUBMITTED = 1
    REFUSED = 2
    WAITS = 3
    OFFERED = 4
    ACCEPTED = 5
    OFFER_ENDED = 6
    GIVEN = 7
    RELEASED = 8
    WRAPS = 9
    ENDED = 10
    PRESENCE = 11
    LEASE_EXTENDED = 12
    AGENT = 13
    AGENT_REMOVED = 14
    CUSTOMER = 15
    CUSTOMER_FORGOTTEN = 16
    SCENARIOS = 17
    POLICY = 18
    EXCLUDES = 19

class Happening(NamedTuple):
    """One record, with the names of its time; texts are empty and numbers 0 where there are none.

    `arm` is that of the job (of the experiment then in force). `agent_id` of a released or ended job is who held it,
    `cost` the units that it takes, `flag` of one that ended 1 where after-work was skipped and 2 where it was ended
    early, of an agent whether it is new; `value` of one that was transferred whether the agent had no room for it.
    `detail` by what happened: the arguments of `Shard.assign` of a job that was submitted or refused; settings of an
    agent, None where only its queues changed; a profile; the names of scenarios; (version, document) of a policy.
    """

    sequence: int
    time_us: int
    what: What
    job_id: str
    agent_id: str
    queue: str
    state: int
    reason: int
    flag: int
    value: int
    cost: int
    arm: str
    detail: Any

class History:
    """What happened to a tenant, from the first record of a journal on or behind its oldest snapshot.

    Iterate over it once. Raises FairleadError (JOURNAL_..) for a journal that recovery would refuse, and for one whose
    first records are neither there nor in a snapshot. Memory: the state of all tenants, and one segment.
    """

    def __init__(self, directory: str, tenant: str) -> None: ...
    def __iter__(self) -> Iterator[Happening]:
        """Happenings in the order of the journal."""
    @property
    def is_known(self) -> bool:
        """Whether the tenant was there in what has been read."""
    @property
    def beginning(self) -> Beginning | None:
        """What the tenant was where the history begins; None: it begins with the tenant's first record."""
    def save_beginning(self, directory: str) -> None:
        """Writes a data directory that a shard opens to go on with this tenant alone from the beginning.

        For one that has a beginning, before it is iterated over. Raises OSError.
        """
    @property
    def torn_bytes(self) -> int:
        """Bytes of a torn tail, which is no part of the history, once all is read."""
    @property
    def records(self) -> int:
        """How many were read."""
