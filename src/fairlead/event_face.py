"""The events of the embedded face: what of `Router` is about watching (E4)."""

from collections.abc import Iterable, Iterator
from time import monotonic

from fairlead.arguments import microseconds
from fairlead.shard.core import EventFilter, Shard
from fairlead.views import Event

DEFAULT_TENANT = "default"
# Between looks at whether somebody wants the program to end.
LONGEST_SLEEP_US = 100_000


class EventFace:
    """Methods of `Router` over the ring of events."""

    _shard: Shard

    def watch(
        self,
        *,
        after: int = 0,
        gateways: Iterable[str] = (),
        queues: Iterable[str] = (),
        agents: Iterable[str] = (),
        kinds: Iterable[int] = (),
        timeout: float | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> Iterator[Event]:
        """Events as they happen (E4), from the call on or after a sequence; `*` is every tenant.

        Filters that are empty let all pass; within one any value, between them all must fit. Ends when nothing came for
        `timeout` seconds, 0: with what there is; None: never. Raises OutOfRange when what comes next is no longer kept,
        at the call or, for a reader that is too slow, while iterating. Does not fire timers.
        """
        wanted = EventFilter(
            tenant, gateways=tuple(gateways), queues=tuple(queues), agent_ids=tuple(agents), kinds=tuple(kinds)
        )
        position = after or self._shard.last_event
        self._shard.events(position, 0)
        return self._events(wanted, position, None if timeout is None else microseconds(timeout, "timeout"))

    def _events(self, wanted: EventFilter, position: int, timeout_us: int | None) -> Iterator[Event]:
        idle_since = monotonic()
        while True:
            batch = self._shard.events(position)
            position = batch.last
            rows = batch.rows(wanted)
            yield from map(Event.of, rows)
            if rows:
                idle_since = monotonic()
            elif not len(batch):
                left = LONGEST_SLEEP_US
                if timeout_us is not None:
                    left = min(left, timeout_us - round((monotonic() - idle_since) * 1_000_000))
                    if left <= 0:
                        return
                self._shard.wait_events(position, left)
