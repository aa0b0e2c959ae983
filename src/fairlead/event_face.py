"""The events of the embedded face: what of `Router` is about watching (E4)."""

from collections.abc import Iterable, Iterator

from fairlead.arguments import microseconds
from fairlead.shard.core import EventFilter, Shard
from fairlead.views import Event
from fairlead.watching import events

DEFAULT_TENANT = "default"


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
        return events(self._shard, wanted, position, None if timeout is None else microseconds(timeout, "timeout"))
