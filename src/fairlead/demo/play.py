"""Plays a day: every event at its time, as calls of real clients.

One loop pops events by day time and starts what they ask for without waiting for it: an arrival is an Assign, the end
of a handle time a CompleteJob, the end of a patience a CancelJob, the roster SetPresence. WatchEvents tells when a job
waits no longer, and GetJob then where it went; the times are the daemon's own: hearing late changes no measured wait.
"""

import asyncio
import heapq
import itertools
import time
import zlib
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from fairlead.commands.client import seconds
from fairlead.demo.calls import Clients
from fairlead.demo.clock import DayClock
from fairlead.demo.day import Day
from fairlead.demo.ledger import Fate, Ledger, Visit
from fairlead.demo.roster import DRAINING, ONLINE, PresenceChange
from fairlead.demo.team import build_spec
from fairlead.errors import FairleadError, error
from fairlead.v1 import agent_service_pb2, job_pb2, routing_service_pb2

# The day stands while so many calls are unanswered, or one for so long, and runs on when few are: what the machine
# takes its time for must not pass as time of the day.
MAX_IN_FLIGHT = 32
LATE_CALL_S = 0.02
# The same for the play itself, when the machine did not let it run in time.
LATE_PLAY_S = 0.01
# How long the loop sleeps when it has nothing to wait for but calls.
IDLE_S = 0.025
# The events after which a job waits no longer.
NO_LONGER_WAIT = (
    routing_service_pb2.EVENT_KIND_ASSIGNED,
    routing_service_pb2.EVENT_KIND_CANCELLED,
    routing_service_pb2.EVENT_KIND_EXPIRED,
)
# A play in which nothing moves for so long, while conversations are open, has lost something.
STALL_S = 60.0
# So many failed calls are no accident; the rest of the day would only repeat them.
MAX_FAILURES = 100
# Who would go home while somebody waits looks again after so many seconds of the day.
OVERTIME_STEP_S = 300.0
# Events started in a row before replies get their turn.
BURST = 32

Work = Callable[[], Coroutine[Any, Any, None]]


class Play:
    """One play of one day. `ledger` fills while `run` runs; `on_tick(day_s)` is called a few times a second."""

    def __init__(self, clients: Clients, clock: DayClock, ledger: Ledger, on_tick: Callable[[float], None]) -> None:
        self.ledger = ledger
        self._clients = clients
        self._clock = clock
        self._on_tick = on_tick
        self._events: list[tuple[float, int, Work]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        # Jobs that wait no longer, of those that were told of.
        self._told: set[str] = set()
        self._watching = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved_wall = time.time()
        self._bug: BaseException | None = None
        # When the loop means to look again.
        self._due_wall = self._moved_wall

    def schedule(self, day_s: float, work: Work) -> None:
        """Has something else happen at a time of the day; to be called before `run`."""
        self._at(day_s, work)

    async def run(self, day: Day, roster: Sequence[PresenceChange]) -> None:
        """Returns when every conversation has ended. Raises Unavailable when the daemon is gone or nothing moves."""
        for agent_id in self.ledger.desks:
            self._plan([change for change in roster if change.agent.id == agent_id])
        for number, conversation in enumerate(day.conversations):
            visit = self.ledger.visits[conversation.id]
            self._at(conversation.arrival_s, partial(self._arrive, visit, number))
        helpers = [asyncio.create_task(self._watch()), asyncio.create_task(self._tick())]
        for helper in helpers:
            helper.add_done_callback(self._note_bug)
        try:
            await self._loop()
        finally:
            for task in (*helpers, *self._tasks):
                task.cancel()
            await asyncio.gather(*helpers, *self._tasks, return_exceptions=True)

    def _at(self, day_s: float, work: Work) -> None:
        heapq.heappush(self._events, (day_s, next(self._order), work))
        if self._events[0][0] == day_s:
            self._wake.set()

    async def _loop(self) -> None:
        total, started = len(self.ledger.visits), 0
        self._clock.stand(time.time())
        while not self._watching and self._bug is None:
            await self._sleep(IDLE_S)
        self._due_wall = time.time()
        self._clock.go(self._due_wall)
        while self.ledger.ended_count < total:
            now = time.time()
            if now - self._due_wall > LATE_PLAY_S:
                self._clock.stand(self._due_wall)
                self._clock.go(now)
            self._due_wall = now
            if now - self._moved_wall > STALL_S:
                raise error("UNREACHABLE", f"nothing moved for {STALL_S:.0f} s with {self._open()} conversations open")
            if self._bug is not None:
                raise self._bug
            if self.ledger.failure_count > MAX_FAILURES:
                raise error(
                    "INTERNAL_ERROR", f"more than {MAX_FAILURES} calls failed, the first: {self.ledger.failures[0]}"
                )
            if not self._events:
                await self._sleep(IDLE_S)
            elif self._events[0][0] <= self._clock.day(now):
                _, _, work = heapq.heappop(self._events)
                self._start(work())
                started += 1
                if self._is_late():
                    await self._stand()
                elif started % BURST == 0:
                    await asyncio.sleep(0)
            elif not self._tasks and not self._open():
                self._clock.jump(now, self._events[0][0])
            elif self._is_late():
                await self._stand()
            else:
                await self._sleep(min(LATE_CALL_S, self._clock.wall(self._events[0][0]) - now))

    def _open(self) -> int:
        return len(self.ledger.waiting) + self.ledger.held_count

    def _is_late(self) -> bool:
        return self._clients.in_flight >= MAX_IN_FLIGHT or self._clients.oldest_s > LATE_CALL_S

    async def _sleep(self, wall_s: float) -> None:
        """Until then, or until an event comes before all others, or a call has ended."""
        self._wake.clear()
        self._due_wall = time.time() + wall_s
        try:
            async with asyncio.timeout(wall_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _stand(self) -> None:
        self._clock.stand(time.time())
        while self._clients.in_flight > MAX_IN_FLIGHT // 2 or self._clients.oldest_s > LATE_CALL_S:
            await asyncio.sleep(0.001)
        self._due_wall = time.time()
        self._clock.go(self._due_wall)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _note_bug(self, task: asyncio.Task[None]) -> None:
        """What no call answered but the play itself did wrong ends it, in the loop."""
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bug = bug
            self._wake.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._note_bug(task)
        self._tasks.discard(task)
        self._moved_wall = time.time()
        if not self._tasks:
            self._wake.set()

    async def _tick(self) -> None:
        while True:
            self._on_tick(self._clock.day(time.time()))
            await asyncio.sleep(0.2)

    # What the events do.

    def _plan(self, changes: Sequence[PresenceChange]) -> None:
        """Has the first of an agent's changes happen at its time, and the others after it, one by one."""
        if changes:
            self._at(changes[0].at_s, partial(self._change_presence, changes))

    async def _change_presence(self, changes: Sequence[PresenceChange]) -> None:
        change, desk = changes[0], self.ledger.desks[changes[0].agent.id]
        day_s = self._clock.day(time.time())
        # Nobody goes home while somebody waits whom they could serve.
        if change.presence == DRAINING and any(
            desk.plan.may_serve(visit.conversation) for visit in self.ledger.waiting.values()
        ):
            self._at(day_s + OVERTIME_STEP_S, partial(self._change_presence, changes))
            return
        request = agent_service_pb2.SetPresenceRequest(agent_id=change.agent.id, presence=change.presence)
        sent = time.time()
        # For the shares they are gone as soon as the daemon may know it, and there once it has said so.
        if change.presence != ONLINE:
            self.ledger.left_desk(desk, change.presence, day_s)
        try:
            await self._clients.call("SetPresence", request)
        except FairleadError as failure:
            self.ledger.failed(failure.message)
        else:
            if change.presence == ONLINE:
                self.ledger.came_to_desk(desk, day_s, sent)
            elif desk.absent_since_wall is None:
                desk.absent_since_wall = time.time()
        self._plan(changes[1:])

    async def _arrive(self, visit: Visit, number: int) -> None:
        spec = build_spec(visit.conversation)
        sent = visit.asked_wall = time.time()
        try:
            answer = await self._clients.call("Assign", routing_service_pb2.AssignRequest(job=spec), number)
        except FairleadError as failure:
            self._fail(visit, failure)
            return
        visit.policy_version = answer.policy_version
        match answer.outcome:
            case job_pb2.OUTCOME_ASSIGNED:
                visit.given_after_wall, visit.given_before_wall = sent, time.time()
                self._serve(visit, answer.agent_id, answer.version, sent)
            case job_pb2.OUTCOME_QUEUED:
                self.ledger.came(visit, answer.reason)
                visit.expected_day_s = self._expectation(answer.estimate)
                # It may have been given already, by a call that was answered before this one.
                self._look()
                leaves_s = self._clock.day(sent) + visit.conversation.patience_s
                if leaves_s != float("inf"):
                    self._at(leaves_s, partial(self._leave, visit))
            case _:
                self.ledger.ended(visit, Fate.REFUSED)

    def _expectation(self, estimate: job_pb2.WaitEstimate) -> tuple[float, float] | None:
        if not estimate.HasField("p50"):
            return None
        speed = self._clock.speed
        return (seconds(estimate.p50) * speed, seconds(estimate.p90) * speed)

    def _serve(self, visit: Visit, agent_id: str, version: int, given_wall: float) -> None:
        given_day_s = self._clock.day(given_wall)
        self.ledger.given(visit, agent_id, version, given_day_s)
        self._at(given_day_s + visit.conversation.handle_s, partial(self._complete, visit))

    async def _complete(self, visit: Visit) -> None:
        request = routing_service_pb2.CompleteJobRequest(job_id=visit.conversation.id, version=visit.version)
        visit.held_until_wall = time.time()
        try:
            await self._clients.call("CompleteJob", request, zlib.crc32(visit.agent_id.encode()))
        except FairleadError as failure:
            self._fail(visit, failure)
            return
        finally:
            self.ledger.released(visit, self._clock.day(time.time()))
        self.ledger.ended(visit, Fate.COMPLETED)

    async def _leave(self, visit: Visit) -> None:
        """The customer goes if they still wait as far as their client knows; the last word is the daemon's."""
        job_id = visit.conversation.id
        if self.ledger.waiting.pop(job_id, None) is None:
            return
        try:
            await self._clients.call("CancelJob", routing_service_pb2.CancelJobRequest(job_id=job_id))
            job = (await self._clients.call("GetJob", routing_service_pb2.GetJobRequest(job_id=job_id))).job
        except FairleadError as failure:
            self._fail(visit, failure)
            return
        visit.left_at_pickup = job.version > 0
        visit.wait_day_s = self._between(job.queue_time, job.end_time)
        self.ledger.ended(visit, Fate.LEFT)

    def _between(self, begin: Any, end: Any) -> float:
        """Seconds of the day between two of the daemon's timestamps."""
        return max(0.0, self._clock.day(seconds(end)) - self._clock.day(seconds(begin)))

    def _fail(self, visit: Visit, failure: FairleadError) -> None:
        self.ledger.failed(f"{visit.conversation.id}: {failure.message}")
        self.ledger.ended(visit, Fate.FAILED)
        self._wake.set()

    # What became of those who wait.

    async def _watch(self) -> None:
        async for message in self._clients.watch(NO_LONGER_WAIT):
            self._watching = True
            self._told.update(event.job_id for event in message.events)
            self._look()

    def _look(self) -> None:
        """Asks about those who were told of. An event may come before the answer that says that its job waits."""
        for job_id in self._told & self.ledger.waiting.keys():
            self._told.discard(job_id)
            self._start(self._ask(job_id))

    async def _ask(self, job_id: str) -> None:
        request = routing_service_pb2.GetJobRequest(job_id=job_id)
        try:
            job = (await self._clients.call("GetJob", request, zlib.crc32(job_id.encode()))).job
        except FairleadError as failure:
            self.ledger.failed(failure.message)
            return
        visit = self.ledger.waiting.get(job_id)
        if visit is None:
            return
        if job.state == job_pb2.JOB_STATE_ASSIGNED:
            given = seconds(job.assign_time)
            visit.given_after_wall = visit.given_before_wall = given
            visit.wait_day_s = self._between(job.queue_time, job.assign_time)
            self._serve(visit, job.agent_id, job.version, given)
        elif job.state != job_pb2.JOB_STATE_QUEUED:
            self.ledger.ended(visit, Fate.LEFT)
