"""Assigns that wait: kept until their job is placed, offered or ended, or their time is over.

Nobody's thread waits here: a call is answered by a function that is called once. One thread follows the events of jobs
while there are any such calls, and sleeps otherwise.
"""

import heapq
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from structlog.typing import FilteringBoundLogger

from fairlead.errors import FairleadError, OutOfRange, error
from fairlead.shard.core import EventFilter, EventKind, Shard

MAX_WAITING = 1_024
BATCH = 4_096
PACE_SECONDS = 0.001
IDLE_SECONDS = 0.5
# Deadlines of calls that are answered stay until they pass, or until there are so many.
PRUNE_ABOVE = 1_024
# After these a job no longer waits.
ENDS = (
    EventKind.OFFERED,
    EventKind.ACCEPTED,
    EventKind.ASSIGNED,
    EventKind.COMPLETED,
    EventKind.CANCELLED,
    EventKind.EXPIRED,
)

# Told code and body, once.
Done = Callable[[int, bytes], None]


class Waiting(NamedTuple):
    """One call."""

    job: tuple[str, str]
    deadline: float
    repeated: bool
    done: Done


class Waiters:
    """All assigns that wait. Thread-safe."""

    def __init__(self, shard: Shard, log: FilteringBoundLogger, limit: int = MAX_WAITING) -> None:
        self._shard = shard
        self._log = log
        self._limit = limit
        self._wanted = EventFilter("*", kinds=ENDS)
        self._changed = threading.Condition()
        self._calls: dict[Any, Waiting] = {}
        self._by_job: dict[tuple[str, str], set[Any]] = defaultdict(set)
        self._deadlines: list[tuple[float, int, Any]] = []
        self._begun = 0
        self._open = 0
        self._stopping = False
        self._position = 0
        self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)

    def start(self) -> None:
        """Answers from here on."""
        self._thread.start()

    def stop(self) -> None:
        """Answers everyone with what is now."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._shard.wake_events()
        if self._thread.is_alive():
            self._thread.join()
        for key in list(self._calls):
            self._answer(key, True)

    def begin(self, key: Any, request: bytes, done: Done) -> None:
        """Carries out an assign with `wait`; `done` is told its answer, now or later. A refusal is an answer too."""
        with self._changed:
            if self._open >= self._limit or self._stopping:
                full = error("LIMIT_EXCEEDED", f"{self._limit} assigns wait already; assign without `wait`")
                failure = error("STOPPING", "the server is stopping") if self._stopping else full
            else:
                self._open += 1
                failure = None
        if failure is not None:
            done(failure.code, failure.status_bytes())
            return
        try:
            code, body, waiting = self._shard.submit_waiting(request)
        except BaseException:
            self._close()
            raise
        if waiting is None:
            self._close()
            done(code, body)
            return
        tenant, job_id, wait_us, repeated = waiting
        call = Waiting((tenant, job_id), time.monotonic() + wait_us / 1e6, repeated, done)
        with self._changed:
            if not self._calls:
                self._position = self._shard.last_event
            self._calls[key] = call
            self._by_job[call.job].add(key)
            self._begun += 1
            heapq.heappush(self._deadlines, (call.deadline, self._begun, key))
            self._changed.notify()
        # What happened to the job before the call was known is seen here, what happens later in its events.
        self._answer(key, False)
        if self._deadlines and self._deadlines[0][2] == key:
            self._shard.wake_events()

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._calls)

    def leave(self, key: Any) -> bool:
        """The caller is gone; whether the call still waited."""
        with self._changed:
            return self._take(key) is not None

    def _close(self) -> None:
        with self._changed:
            self._open -= 1

    def _take(self, key: Any) -> Waiting | None:
        call = self._calls.pop(key, None)
        if call is not None:
            self._open -= 1
            keys = self._by_job[call.job]
            keys.discard(key)
            if not keys:
                del self._by_job[call.job]
        return call

    def _answer(self, key: Any, is_over: bool) -> None:
        call = self._calls.get(key)
        if call is None:
            return
        try:
            answer = self._shard.waiting_answer(*call.job, is_over, call.repeated)
        except FairleadError as gone:
            answer = gone.code, gone.status_bytes()
        if answer is None:
            return
        with self._changed:
            if self._take(key) is None:
                return
        call.done(*answer)

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                if len(self._deadlines) > 2 * len(self._calls) + PRUNE_ABOVE:
                    self._deadlines = [entry for entry in self._deadlines if entry[2] in self._calls]
                    heapq.heapify(self._deadlines)
                if not self._calls:
                    self._changed.wait(IDLE_SECONDS)
                    continue
                first = self._deadlines[0][0] if self._deadlines else time.monotonic() + IDLE_SECONDS
            wait = min(max(0.0, first - time.monotonic()), IDLE_SECONDS)
            self._shard.wait_events(self._position, round(wait * 1e6))
            try:
                self._follow()
            except Exception:
                self._log.exception("following waiting assigns failed")
            time.sleep(PACE_SECONDS)

    def _follow(self) -> None:
        """Looks at the jobs that something happened to, and at the calls whose time is over."""
        try:
            batch = self._shard.events(self._position, BATCH)
            self._position = batch.last
            touched = {job for job in batch.jobs(self._wanted) if job in self._by_job}
        except OutOfRange:
            # Overtaken: anything may have happened.
            self._position = self._shard.last_event
            touched = set(self._by_job)
        for job in touched:
            for key in tuple(self._by_job.get(job, ())):
                self._answer(key, False)
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            with self._changed:
                _, _, key = heapq.heappop(self._deadlines)
            self._answer(key, True)
