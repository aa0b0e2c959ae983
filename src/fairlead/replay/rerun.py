"""A recorded history played to another policy, on virtual time (L4).

What came from outside comes again at its time. What agents did comes relative to being offered or given the job: an
offer is answered after as long, a job is held for as long, whoever has it now. What customers did comes at its time:
one who gave up at 10:07 gives up at 10:07 if nobody has the job by then. What was never seen is assumed: a job that
nobody held takes the median time of its queue's jobs (of all, where there are none), an offer where there was none is
accepted at once, the last answer of a job to an offer, and the last time it was held to an end, repeat themselves.
"""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from fairlead.errors import FairleadError
from fairlead.policy.tables import PolicyTables
from fairlead.replay.recording import Act, Course, Input, Recording
from fairlead.shard.core import EventFilter, EventKind, JobState, Presence, Shard

BATCH = 512
SEGMENT_SIZE = 1 << 24
LAST = 1 << 62  # behind every sequence of the journal
ENDED = (EventKind.COMPLETED, EventKind.CANCELLED, EventKind.EXPIRED)
# What brought a job into its state.
TAKEN_AS = {
    JobState.OFFERED: EventKind.OFFERED,
    JobState.ASSIGNED: EventKind.ASSIGNED,
    JobState.WRAPPING: EventKind.WRAPPING,
}

Progress = Callable[[int], None]


@dataclass(slots=True)
class _Live:
    """A job of the rerun: what is next of its course, and which assignment is open."""

    course: Course
    offers: int = 0
    holdings: int = 0
    wraps: int = 0
    version: int = 0
    is_held: bool = False


def rerun(
    recording: Recording, tables: PolicyTables, tenant: str, journal: Path, progress: Progress | None = None
) -> Mapping[str, int]:
    """Plays the inputs to a shard that keeps a journal in `journal`.

    The shard is a fresh one, or for a recording with a beginning the one that recovers it from there: `journal` is then
    what `History.save_beginning` wrote. The policy, compiled for the time of the first record, is put in force then as
    on any running shard, and to the last; those of the recording are not. Raises as `Shard.install_policy`: live jobs
    may be in a queue or channel that it does not have.

    Returns how many inputs could not be carried out, by why. `progress`, if any, is called with the number of inputs
    done, every few thousand of them. Cost: some 20 us an input, and the disk space of the recorded journal.
    """
    run = _Rerun(recording, tables, tenant)
    run.play(journal, progress)
    return dict(run.skipped)


class _Rerun:
    def __init__(self, recording: Recording, tables: PolicyTables, tenant: str) -> None:
        self.skipped: Counter[str] = Counter()
        self._tenant = tenant
        self._tables = tables
        self._recording = recording
        self._shard = Shard(virtual_time=True)
        self._events = EventFilter(tenant)
        self._seen = 0
        self._jobs: dict[str, _Live] = {}
        # What is to come: by time, then by where it stood in the recording.
        self._acts: list[tuple[int, int, int, _Live, int, Act]] = []
        self._ties = itertools.count()
        self._usual = _usual_times(recording)
        self._names = {
            "queue": {queue.id for queue in tables.queues},
            "channel": {channel.id for channel in tables.channels},
            "customer_tier": {tier.id for tier in tables.tiers},
        }

    def play(self, journal: Path, progress: Progress | None) -> None:
        """All of it; the journal is whole afterwards."""
        inputs = sorted(self._recording.inputs, key=lambda each: (each.time_us, each.sequence))
        shard, last_us = self._shard, self._recording.ledger.last_us
        shard.open(str(journal), "none", create=self._recording.beginning is None, segment_size=SEGMENT_SIZE)
        try:
            shard.advance_to(self._recording.ledger.first_us)
            self._seen = shard.last_event
            self._take_over()
            shard.install_policy(self._tenant, self._tables)
            self._follow()
            for done, each in enumerate(inputs):
                self._act_until(each.time_us, each.sequence)
                self._carry_out(each)
                self._follow()
                if progress is not None and done % 4096 == 0:
                    progress(done)
            self._act_until(last_us, LAST)
        finally:
            shard.close()

    def _take_over(self) -> None:
        """Jobs that were live at the beginning go on where they were."""
        beginning = self._recording.beginning
        if beginning is None:
            return
        for live, course in zip(beginning.jobs, self._recording.courses, strict=False):
            job = self._jobs[live.job_id] = _Live(course, version=live.version)
            if live.state in TAKEN_AS:
                since_us = live.assign_us if live.state == JobState.ASSIGNED else beginning.time_us
                self._note(since_us, TAKEN_AS[live.state], live.job_id, job.version)

    # The clock

    def _act_until(self, time_us: int, sequence: int) -> None:
        """Fires timers and acts until this moment; the clock then stands at it."""
        shard = self._shard
        while True:
            acts = self._acts
            is_act = bool(acts) and acts[0][:2] < (time_us, sequence)
            target_us = acts[0][0] if is_act else time_us
            due = shard.tick()
            if due > 0 and shard.now_us + due < target_us:
                # What the timer brings about may come before the target.
                shard.advance_to(shard.now_us + due)
                self._follow()
                continue
            if shard.now_us < target_us:
                shard.advance_to(target_us)
                self._follow()
                continue
            if not is_act:
                return
            _, _, _, job, version, act = heapq.heappop(acts)
            if job.version == version:
                self._attempt(self._do, job, act)
                self._follow()

    # What came from outside

    def _carry_out(self, each: Input) -> None:
        self._attempt(getattr(self, f"_{each.what}"), each)

    def _attempt(self, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except FairleadError as refused:
            self.skipped[refused.reason] += 1

    def _submit(self, each: Input) -> None:
        course: Course = each.subject
        request = dict(course.request)
        for name, known in self._names.items():
            if request.get(name, "") not in known and name in request:
                # The policy decides without it.
                self.skipped[f"{name} {request.pop(name)!r} is not in the policy"] += 1
        before = self._jobs.get(course.job_id)
        self._jobs[course.job_id] = _Live(course)
        try:
            self._shard.assign(self._tenant, course.job_id, **request)
        except FairleadError:
            if before is not None:
                self._jobs[course.job_id] = before
            raise

    def _cancel(self, each: Input) -> None:
        job = self._jobs.get(each.subject.job_id)
        # Somebody has it who had not then: the customer had no reason to give up.
        if job is not None and job.course is each.subject and not job.is_held:
            self._shard.cancel(self._tenant, each.subject.job_id)

    def _presence(self, each: Input) -> None:
        presence, lease_us = each.detail
        self._shard.set_presence(self._tenant, each.subject, presence, "", lease_us)

    def _lease(self, each: Input) -> None:
        self._shard.heartbeat(self._tenant, [each.subject])

    def _agent(self, each: Input) -> None:
        is_new, settings = each.detail
        limits = settings["channel_limits"]
        known = {name: limit for name, limit in limits.items() if name in self._names["channel"]}
        settings = settings | {"channel_limits": known}
        if is_new:
            self._shard.create_agent(self._tenant, each.subject, **settings, presence=Presence.OFFLINE)
        else:
            self._shard.update_agent(self._tenant, each.subject, **settings)

    def _remove_agent(self, each: Input) -> None:
        self._shard.delete_agent(self._tenant, each.subject)

    def _customer(self, each: Input) -> None:
        view = each.subject
        self._shard.upsert_customer(
            self._tenant,
            view.id,
            tier=view.tier,
            value=view.value,
            attributes=view.attributes,
            own_agent=view.own_agent,
            language=view.language,
        )

    def _forget_customer(self, each: Input) -> None:
        self._shard.delete_customer(self._tenant, each.subject)

    def _scenarios(self, each: Input) -> None:
        on = set(self._shard.scenarios(self._tenant))
        for scenario in self._tables.scenarios:
            if (scenario in each.subject) != (scenario in on):
                self._shard.set_scenario(self._tenant, scenario, scenario in each.subject)

    # What agents do

    def _follow(self) -> None:
        """Plans what agents do with jobs that events since the last time brought to them."""
        while self._seen < self._shard.last_event:
            batch = self._shard.events(self._seen, BATCH)
            self._seen = batch.last
            for row in batch.rows(self._events):
                if row[4]:
                    self._note(row[1], row[2], row[4], row[7])

    def _note(self, time_us: int, kind: EventKind, job_id: str, version: int) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        if kind == EventKind.OFFERED:
            job.version = version
            self._plan(job, time_us, self._answer(job))
            job.offers += 1
        elif kind in (EventKind.ASSIGNED, EventKind.ACCEPTED):
            job.version = version
            job.is_held = True
            self._plan(job, time_us, self._holding(job))
            job.holdings += 1
        elif kind == EventKind.WRAPPING:
            if job.wraps < len(job.course.wraps):
                self._plan(job, time_us, job.course.wraps[job.wraps])
            job.wraps += 1
        elif kind in ENDED:
            job.version = 0
            del self._jobs[job_id]
        elif kind in (EventKind.REQUEUED, EventKind.DECLINED, EventKind.MISSED):
            job.version = 0
            job.is_held = False

    def _plan(self, job: _Live, time_us: int, act: Act | None) -> None:
        if act is not None and act.what != "miss":
            heapq.heappush(self._acts, (time_us + act.after_us, act.sequence, next(self._ties), job, job.version, act))

    def _answer(self, job: _Live) -> Act | None:
        """What is done with an offer of a job; the last answer repeats itself, None: it was never answered."""
        course, number = job.course, job.offers
        if number < len(course.offers):
            return course.offers[number]
        if self._recording.ledger.fates[course.number].offers > len(course.offers):
            return None  # the recording, or the job, ended before the answer
        return course.offers[-1] if course.offers else Act("accept", 0, LAST)

    def _holding(self, job: _Live) -> Act | None:
        """What its agent does with a job that it now holds; None: it holds it to the end."""
        course = job.course
        if job.holdings >= len(course.holdings):
            return self._unseen(course)
        act = course.holdings[job.holdings]
        if act.what != "lost":
            return act
        # As long as it had been held already, and as long as it was later held to an end.
        later = next((each for each in course.holdings[job.holdings + 1 :] if each.what != "lost"), None)
        return None if later is None else later._replace(after_us=max(act.after_us, later.after_us))

    def _unseen(self, course: Course) -> Act | None:
        """For a job that is held more often than it was."""
        fate = self._recording.ledger.fates[course.number]
        if len(fate.placements) > len(course.holdings):
            return None  # somebody still held it when the recording ended
        if course.holdings and course.holdings[-1].what in ("complete", "cancel"):
            return course.holdings[-1]
        usual = self._usual.get(course.queue) or self._usual.get("")
        return None if usual is None else Act("complete", usual, LAST, {})

    def _do(self, job: _Live, act: Act) -> None:
        tenant, job_id, shard = self._tenant, job.course.job_id, self._shard
        if act.what == "accept":
            shard.accept(tenant, job_id, job.version)
        elif act.what == "decline":
            shard.decline(tenant, job_id, job.version)
        elif act.what == "complete":
            shard.complete(tenant, job_id, job.version, **(act.detail or {}))
        elif act.what == "transfer":
            shard.transfer(tenant, job_id, job.version, **act.detail)
        elif act.what == "finish":
            shard.finish_wrap_up(tenant, job_id, job.version)
        else:
            shard.cancel(tenant, job_id)


def _usual_times(recording: Recording) -> Mapping[str, int]:
    """The median time that jobs of a queue were held to their end, and of all under the empty name."""
    times: dict[str, list[int]] = defaultdict(list)
    for course in recording.courses:
        for act in course.holdings:
            if act.what == "complete":
                times[course.queue].append(act.after_us)
                times[""].append(act.after_us)
    return {queue: median_low(found) for queue, found in times.items()}
