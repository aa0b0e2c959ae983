"""Events as Python sees them: a batch read from the ring and encoded once, and filters that choose from it."""

from collections.abc import Iterable
from enum import IntEnum

class EventKind(IntEnum):
    """E4, with the numbers of the contract."""

    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ACCEPTED = 4
    DECLINED = 5
    MISSED = 6
    ASSIGNED = 7
    REQUEUED = 8
    RELAXED = 9
    WRAPPING = 10
    COMPLETED = 11
    CANCELLED = 12
    EXPIRED = 13
    AGENT_CREATED = 14
    AGENT_UPDATED = 15
    AGENT_DELETED = 16
    PRESENCE_CHANGED = 17
    POLICY_CHANGED = 18

class EventFilter:
    """What a watcher wants to see; immutable. Within a list any, between lists all; empty lists let everything pass.

    `key` is equal for filters that let the same events through.
    """

    key: tuple[tuple[str, ...] | tuple[int, ...], ...]
    def __init__(
        self,
        tenant: str = "",
        *,
        gateways: Iterable[str] = (),
        queues: Iterable[str] = (),
        agent_ids: Iterable[str] = (),
        kinds: Iterable[int] = (),
    ) -> None: ...

class EventBatch:
    """Events `first` to `last` without gaps, none when `last` < `first`; each was encoded once."""

    first: int
    last: int
    def __len__(self) -> int: ...
    def message(self, wanted: EventFilter) -> bytes | None:
        """A serialized WatchEventsResponse of the events that the filter lets through; None when there are none."""
    def jobs(self, wanted: EventFilter) -> list[tuple[str, str]]:
        """(tenant, job id) of each of them that is about a job and that the filter lets through."""
    def rows(
        self, wanted: EventFilter
    ) -> list[tuple[int, int, EventKind, str, str, str, str, int, int, int, str, int, str, str]]:
        """The events that the filter lets through, as tuples in the order of the contract's fields."""
