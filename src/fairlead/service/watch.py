"""WatchEvents (E4): one thread reads the ring of events once for all and hands each batch to those it concerns.

A watcher has one message on its way at a time; the ring is its buffer. So a reader that stalls costs no memory, and the
router does not notice it at all: when what it has not seen is about to leave the ring, it is cut off and told where it
was.
Watchers at the same place with equal filters get the same bytes.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from fairlead.errors import FairleadError, OutOfRange, ResourceExhausted, Unavailable, error
from fairlead.problems import Problems
from fairlead.service.requests import NAME_SIZE, parse, refuse
from fairlead.shard.core import EventFilter, EventKind, Shard
from fairlead.v1 import routing_service_pb2 as pb

WATCH = "/fairlead.v1.RoutingService/WatchEvents"
MAX_WATCHERS = 4_096
MAX_WANTED = 1_000
ALL_TENANTS = "*"

# Events of one message; with usual ids well below 100 KiB.
BATCH = 512
# All watchers may sit on one connection, which the native transport closes at 4 MiB that wait to be written: what is on
# the way to all of them together stays below.
UNDERWAY_BYTES = 2 * 1024 * 1024
# What comes within this time shares a message.
PACE_SECONDS = 0.001
# How soon a watcher that has room again, but saw no new event since, is looked at.
LAG_US = 2_000
IDLE_US = 500_000
# A watcher that takes nothing for so long while three quarters of the ring wait for it is too slow.
SLOW_SECONDS = 1.0
SLOW_SHARE = 0.75
# A watcher whose filter lets nothing through is told how far it is after so many events.
PROGRESS = 16_384
EVENT_KINDS = frozenset(map(int, EventKind))


class Watcher:
    """One stream: what it wants, and the sequence up to which it was served."""

    __slots__ = ("is_present", "key", "position", "room", "sent_at", "told", "wanted")

    def __init__(self, key: Any, wanted: EventFilter, position: int) -> None:
        self.key = key
        self.wanted = wanted
        self.position = position
        self.told = position
        self.room = False
        self.sent_at = time.monotonic()
        # Whether it was told that it has reached the present.
        self.is_present = False


class Streams(Protocol):
    """How a transport reaches its watchers. Neither call waits for anybody."""

    def send(self, keys: Sequence[Any], message: bytes) -> None:
        """Sends it to all of them; `EventPump.room` is called for each that has taken it."""

    def end(self, key: Any, failure: FairleadError) -> None:
        """Ends a stream."""


class EventPump:
    """All watchers of a transport. Thread-safe."""

    def __init__(self, shard: Shard, streams: Streams, log: FilteringBoundLogger) -> None:
        self._shard = shard
        self._streams = streams
        self._log = log
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        self._watchers: dict[Any, Watcher] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Serves from here on."""
        self._thread.start()

    def stop(self) -> None:
        """Ends every watch with the sequence to resume after."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        self._shard.wake_events()
        if self._thread.is_alive():
            self._thread.join()
        for watcher in self._all():
            self._end(watcher, Unavailable("STOPPING", "the server is stopping", metadata=_place(watcher)))

    def watch(self, key: Any, request: bytes) -> None:
        """Begins a watch, named by `key`. Raises InvalidArgument, OutOfRange, ResourceExhausted."""
        wanted, after = read_watch(parse(pb.WatchEventsRequest, request))
        if after:
            # Raises when what comes next is gone.
            self._shard.events(after, 0)
        watcher = Watcher(key, wanted, after or self._shard.last_event)
        with self._lock:
            if self._stopping:
                raise error("STOPPING", "the server is stopping")
            if len(self._watchers) >= MAX_WATCHERS:
                raise error("LIMIT_EXCEEDED", f"{MAX_WATCHERS} watches are open; no more are allowed")
            self._watchers[key] = watcher
            self._wanted.notify()
        self._streams.send((key,), pb.WatchEventsResponse(sequence=watcher.position).SerializeToString())
        self._shard.wake_events()

    def __len__(self) -> int:
        """How many watches are open."""
        return len(self._watchers)

    def room(self, key: Any) -> None:
        """The watcher has taken what was sent to it."""
        watcher = self._watchers.get(key)
        if watcher is not None:
            watcher.room = True

    def leave(self, key: Any) -> None:
        """The watcher is gone."""
        with self._lock:
            self._watchers.pop(key, None)

    def _all(self) -> list[Watcher]:
        with self._lock:
            return list(self._watchers.values())

    def _end(self, watcher: Watcher, failure: FairleadError) -> None:
        with self._lock:
            if self._watchers.pop(watcher.key, None) is None:
                return
        self._streams.end(watcher.key, failure)

    def _run(self) -> None:
        try:
            while self._is_wanted():
                last = self._shard.last_event
                begun = time.monotonic()
                watchers = self._all()
                served = self._serve(watchers, last)
                lags = self._cut([each for each in watchers if not each.room and each.position < last], last)
                if not served:
                    self._shard.wait_events(last, LAG_US if lags else IDLE_US)
                time.sleep(max(0.0, begun + PACE_SECONDS - time.monotonic()))
        except Exception:
            self._log.exception("watching failed")
            for watcher in self._all():
                self._end(watcher, error("INTERNAL_ERROR", "the server failed to watch; its log has the trace"))

    def _is_wanted(self) -> bool:
        """Once there is a watcher; False when the pump stops. Until then events wake nobody."""
        with self._wanted:
            self._wanted.wait_for(lambda: self._watchers or self._stopping)
        return not self._stopping

    def _serve(self, watchers: Iterable[Watcher], last: int) -> bool:
        """One batch for everyone who has room and has not seen all; whether there was anyone."""
        places: dict[int, list[Watcher]] = defaultdict(list)
        for watcher in watchers:
            if watcher.room and watcher.position < last:
                places[watcher.position].append(watcher)
        most_bytes = UNDERWAY_BYTES // max(1, len(self._watchers))
        for place, there in places.items():
            try:
                batch = self._shard.events(place, BATCH, most_bytes)
            except OutOfRange:
                for watcher in there:
                    self._end(watcher, _too_slow(watcher))
                continue
            alike: dict[Any, list[Watcher]] = defaultdict(list)
            for watcher in there:
                alike[watcher.wanted.key].append(watcher)
            for group in alike.values():
                self._send(group, batch.message(group[0].wanted), batch.last, batch.last >= last)
        return bool(places)

    def _send(self, group: list[Watcher], message: bytes | None, last: int, reaches_present: bool) -> None:
        now = time.monotonic()
        chosen = []
        for watcher in group:
            watcher.position = last
            arrives = reaches_present and not watcher.is_present
            watcher.is_present |= reaches_present
            if message is not None or arrives or last - watcher.told >= PROGRESS:
                watcher.told = last
                watcher.room = False
                watcher.sent_at = now
                chosen.append(watcher.key)
        if chosen:
            self._streams.send(chosen, message or pb.WatchEventsResponse(sequence=last).SerializeToString())

    def _cut(self, behind: Sequence[Watcher], last: int) -> bool:
        """Ends those of the watches without room that will not catch up; whether there are any that lag."""
        most = int(self._shard.events_kept * SLOW_SHARE)
        oldest = self._shard.oldest_event
        late = time.monotonic() - SLOW_SECONDS
        for watcher in behind:
            lost = watcher.position + 1 < oldest
            if lost or (last - watcher.position > most and watcher.sent_at < late):
                self._end(watcher, _too_slow(watcher))
        return bool(behind)


def read_watch(request: pb.WatchEventsRequest) -> tuple[EventFilter, int]:
    """The filter of a request and the sequence to resume after, 0 for none. Raises InvalidArgument."""
    problems = Problems()
    lists = {"gateways": request.gateways, "queues": request.queues, "agent_ids": request.agent_ids}
    if len(request.tenant.encode()) > NAME_SIZE:
        problems.add("tenant", request.tenant, f"0 to {NAME_SIZE} bytes")
    for field, values in lists.items():
        if len(values) > MAX_WANTED:
            problems.note(field, f"{len(values)} values; allowed: 0 to {MAX_WANTED}")
        for index, value in enumerate(values):
            if not 1 <= len(value.encode()) <= NAME_SIZE:
                problems.add(f"{field}[{index}]", value, f"1 to {NAME_SIZE} bytes")
    for index, kind in enumerate(request.kinds):
        if kind not in EVENT_KINDS:
            problems.add(f"kinds[{index}]", kind, f"{min(EventKind)} to {max(EventKind)}")
    if request.after_sequence < 0:
        problems.add("after_sequence", request.after_sequence, "0 and up")
    refuse(problems)
    return EventFilter(request.tenant, **lists, kinds=request.kinds), request.after_sequence


def _place(watcher: Watcher) -> dict[str, str]:
    return {"sequence": str(watcher.position)}


def _too_slow(watcher: Watcher) -> FairleadError:
    return ResourceExhausted(
        "SLOW_READER",
        f"the events are not read fast enough; resume after sequence {watcher.position}",
        metadata=_place(watcher),
    )
