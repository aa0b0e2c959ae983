"""A history taken apart: what came from outside (inputs), what agents did with each job (courses), what became of it.

An input is what somebody asked at a time; a course is how a job's agents behaved, relative to being offered or given
it: how long until an offer was answered and how, how long it was held and how that ended. With both another policy can
be played; nothing here decides anything.

A history that begins behind a snapshot has jobs and agents from its first moment on. What their agents did with these
jobs before is not known, but for who has them since when.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fairlead.replay.ledger import Fate, Ledger, Placement, Shift
from fairlead.shard.beginning import Beginning, Live
from fairlead.shard.core import JobState, Presence, Reason
from fairlead.shard.history import Happening, History, What

DECLINED = 1  # OfferEnd of the engine
BY_TRANSFER = 4  # Cause
AGE_RESET, PLAN_DROPPED = 1, 4  # flags of a job that waits
EARLY = 2
PRESENCE_SET = 0


class Act(NamedTuple):
    """What somebody did with a job that was offered to or held by them, `after_us` later.

    `what` is accept, decline, complete, cancel, transfer or finish; or miss, nothing; or lost: the agent was, and the
    job went on without them.
    """

    what: str
    after_us: int
    sequence: int
    detail: Any = None


@dataclass(slots=True)
class Course:
    """How one job went: its request, what was done with each offer, each time it was held, and in each after-work."""

    number: int
    job_id: str
    request: dict[str, Any]
    queue: str = ""
    offers: list[Act] = field(default_factory=list)
    holdings: list[Act] = field(default_factory=list)
    wraps: list[Act] = field(default_factory=list)


class Input(NamedTuple):
    """What was asked of the router at a time. Inputs of one time keep the order of `sequence`.

    `what` is submit or cancel (`subject` is a Course), presence, lease, agent, remove_agent, customer, forget_customer
    or scenarios.
    """

    time_us: int
    sequence: int
    what: str
    subject: Any
    detail: Any = None


@dataclass(slots=True)
class Recording:
    """All of a tenant's history.

    `beginning` None: it was told from the tenant's first record. Else the jobs that were live come first among courses
    and fates, in its order, and the policy then in force first among `policies`, at the time of the beginning.
    `changes` are those policies that replaced another one while jobs came.
    """

    beginning: Beginning | None = None
    inputs: list[Input] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    policies: list[tuple[int, int, bytes]] = field(default_factory=list)  # (time, version, document)
    changes: list[tuple[int, int]] = field(default_factory=list)  # (time, version)


@dataclass(slots=True)
class _Open:
    """A live job while the history is read."""

    course: Course
    fate: Fate
    since_us: int = 0  # of the offer, the holding or the after-work that is open
    holder: str = ""
    released: Happening | None = None
    excludes: bool = False


@dataclass(slots=True)
class _Desk:
    """An agent while the history is read."""

    shift: Shift
    since_us: int = 0
    capacity: int = 0
    online: bool = False


def record(history: History, progress: Callable[[int], None] | None = None) -> Recording:
    """Takes a history apart. `progress`, if any, is called with the sequence, every few thousand of them."""
    reader = _Recorder()
    if history.beginning is not None:
        reader.begin(history.beginning)
    for happening in history:
        reader.note(happening)
        if progress is not None and happening.sequence % 4096 == 0:
            progress(happening.sequence)
    return reader.finished()


class _Recorder:
    def __init__(self) -> None:
        self._found = Recording()
        self._is_first = True
        self._version = 0  # of the policy in force
        self._open: dict[str, _Open] = {}
        self._desks: dict[str, _Desk] = {}
        self._notes: dict[What, Callable[[Happening], None]] = {
            What.SUBMITTED: self._submitted,
            What.REFUSED: self._refused,
            What.WAITS: self._waits,
            What.OFFERED: self._offered,
            What.ACCEPTED: self._accepted,
            What.OFFER_ENDED: self._offer_ended,
            What.GIVEN: self._given,
            What.RELEASED: self._released,
            What.EXCLUDES: self._excludes,
            What.WRAPS: self._wraps,
            What.ENDED: self._ended,
            What.PRESENCE: self._presence,
            What.AGENT: self._agent,
            What.POLICY: self._policy,
        }

    def begin(self, beginning: Beginning) -> None:
        """Takes over what there was before the first happening."""
        found, ledger = self._found, self._found.ledger
        found.beginning = beginning
        ledger.first_us = ledger.last_us = beginning.time_us
        self._is_first = False
        if beginning.policy is not None:
            self._version = beginning.policy[0]
            found.policies.append((beginning.time_us, *beginning.policy))
        for agent_id, presence, capacity in beginning.agents:
            desk = _Desk(Shift(), beginning.time_us, capacity, presence == Presence.ONLINE)
            self._desks[agent_id] = desk
            ledger.shifts[agent_id] = desk.shift
        for live in beginning.jobs:
            self._open[live.job_id] = self._live(live, beginning.time_us)

    def _live(self, live: Live, now_us: int) -> _Open:
        """An offer or after-work that is open is followed from the beginning on, a holding from when it began."""
        found = self._found
        course = Course(len(found.courses), live.job_id, {}, live.queue)
        fate = Fate(course.number, live.job_id, live.queue, live.create_us, live.start_us, arm=live.arm)
        found.courses.append(course)
        found.ledger.fates.append(fate)
        job = _Open(course, fate, since_us=now_us)
        if live.state == JobState.OFFERED:
            fate.offers = 1
        elif live.agent_id:
            fate.placements.append(Placement(live.assign_us, live.agent_id, live.cause, live.cost))
        if live.state == JobState.ASSIGNED:
            job.since_us, job.holder = live.assign_us, live.agent_id
        return job

    def note(self, happening: Happening) -> None:
        """The next happening."""
        ledger = self._found.ledger
        if self._is_first:
            ledger.first_us = happening.time_us
            self._is_first = False
        ledger.last_us = max(ledger.last_us, happening.time_us)
        note = self._notes.get(happening.what, self._plain)
        note(happening)

    def finished(self) -> Recording:
        """All that was noted; agents who are still ONLINE are so until the end."""
        for desk in self._desks.values():
            self._count(desk, self._found.ledger.last_us)
        return self._found

    # Jobs

    def _submit(self, happening: Happening) -> _Open:
        found = self._found
        course = Course(len(found.courses), happening.job_id, happening.detail, happening.queue)
        start_us = max(happening.time_us, happening.detail.get("start_time_us", 0))
        fate = Fate(course.number, happening.job_id, happening.queue, happening.time_us, start_us, arm=happening.arm)
        found.courses.append(course)
        found.ledger.fates.append(fate)
        found.inputs.append(Input(happening.time_us, happening.sequence, "submit", course))
        return _Open(course, fate)

    def _submitted(self, happening: Happening) -> None:
        self._open[happening.job_id] = self._submit(happening)

    def _refused(self, happening: Happening) -> None:
        fate = self._submit(happening).fate
        fate.end_us, fate.reason = happening.time_us, happening.reason

    def _waits(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        job.fate.queue = happening.queue
        if job.released is None:
            return
        if happening.flag & PLAN_DROPPED:
            reset = bool(happening.flag & AGE_RESET)
            target = {"reset_age": reset} if job.excludes else {"queue": happening.queue, "reset_age": reset}
            self._held(job, "transfer", job.released, target)
        else:
            self._held(job, "lost", job.released)
        job.released, job.excludes = None, False

    def _offered(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        job.since_us = happening.time_us
        job.fate.queue = happening.queue
        job.fate.offers += 1

    def _accepted(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        job.course.offers.append(Act("accept", happening.time_us - job.since_us, happening.sequence))
        self._place(job, happening)

    def _offer_ended(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        declined = happening.reason == DECLINED
        job.fate.declined += declined
        job.fate.missed += not declined
        what = "decline" if declined else "miss"
        job.course.offers.append(Act(what, happening.time_us - job.since_us, happening.sequence))

    def _given(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        if job.released is not None:
            target = {
                "agent": happening.agent_id,
                "over_capacity": bool(happening.value),
                "reset_age": bool(happening.flag & AGE_RESET),
            }
            self._held(job, "transfer", job.released, target)
            job.released = None
        self._place(job, happening)

    def _place(self, job: _Open, happening: Happening) -> None:
        job.since_us, job.holder = happening.time_us, happening.agent_id
        job.fate.queue = happening.queue
        job.fate.placements.append(Placement(happening.time_us, happening.agent_id, happening.reason, happening.cost))

    def _released(self, happening: Happening) -> None:
        self._open[happening.job_id].released = happening

    def _excludes(self, happening: Happening) -> None:
        self._open[happening.job_id].excludes = True

    def _held(self, job: _Open, what: str, happening: Happening, detail: Any = None) -> None:
        """The agent holds it no longer."""
        job.course.holdings.append(Act(what, happening.time_us - job.since_us, happening.sequence, detail))
        self._leave(job, happening.time_us)

    def _leave(self, job: _Open, time_us: int) -> None:
        job.fate.placements[-1] = job.fate.placements[-1]._replace(end_us=time_us)
        job.holder = ""

    def _wraps(self, happening: Happening) -> None:
        job = self._open[happening.job_id]
        self._complete(job, happening, skip=False)
        job.since_us = happening.time_us

    def _complete(self, job: _Open, happening: Happening, *, skip: bool) -> None:
        samples = happening.value
        job.fate.satisfaction = (samples & 0xFFFF) - 1
        first_response_us = max(0, ((samples >> 16) - 1) * 1000)
        detail = {"first_response_us": first_response_us, "satisfaction": job.fate.satisfaction, "skip_wrap_up": skip}
        after = happening.time_us - job.since_us
        job.course.holdings.append(Act("complete", after, happening.sequence, detail))
        job.holder = ""

    def _ended(self, happening: Happening) -> None:
        job = self._open.pop(happening.job_id)
        fate = job.fate
        fate.end_us, fate.state, fate.reason = happening.time_us, happening.state, happening.reason
        fate.queue = happening.queue
        cancelled = happening.state == JobState.CANCELLED and happening.reason == Reason.CALLER
        wrapping = bool(fate.placements) and not job.holder and fate.placements[-1].end_us is None
        if job.holder and cancelled:
            self._held(job, "cancel", happening)
        elif job.holder:
            self._complete(job, happening, skip=happening.flag == 1)
            self._leave(job, happening.time_us)
        elif wrapping:
            if cancelled or happening.flag == EARLY:
                what = "cancel" if cancelled else "finish"
                job.course.wraps.append(Act(what, happening.time_us - job.since_us, happening.sequence))
            self._leave(job, happening.time_us)
        elif cancelled:
            self._found.inputs.append(Input(happening.time_us, happening.sequence, "cancel", job.course))

    # Agents and the rest

    def _presence(self, happening: Happening) -> None:
        desk = self._desks[happening.agent_id]
        self._count(desk, happening.time_us)
        desk.online = happening.state == Presence.ONLINE
        if happening.reason == PRESENCE_SET:
            detail = (happening.state, happening.value)
            self._found.inputs.append(
                Input(happening.time_us, happening.sequence, "presence", happening.agent_id, detail)
            )

    def _count(self, desk: _Desk, now_us: int) -> None:
        if desk.online:
            desk.shift.online_us += now_us - desk.since_us
            desk.shift.capacity_us += desk.capacity * (now_us - desk.since_us)
            desk.shift.spells.append((desk.since_us, now_us, desk.capacity))
        desk.since_us = now_us

    def _agent(self, happening: Happening) -> None:
        if happening.detail is None:
            return
        desk = self._desks.get(happening.agent_id)
        if desk is None:
            desk = self._desks[happening.agent_id] = _Desk(Shift())
            self._found.ledger.shifts[happening.agent_id] = desk.shift
        self._count(desk, happening.time_us)
        desk.capacity = happening.detail["capacity"]
        if happening.flag:
            desk.online = False
        detail = (bool(happening.flag), happening.detail)
        self._found.inputs.append(Input(happening.time_us, happening.sequence, "agent", happening.agent_id, detail))

    def _policy(self, happening: Happening) -> None:
        found, version = self._found, happening.detail[0]
        found.policies.append((happening.time_us, *happening.detail))
        # A version that comes again has another calendar; the first one replaced nothing, if no job was there before.
        if version != self._version and (self._version or found.courses):
            found.changes.append((happening.time_us, version))
        self._version = version

    def _plain(self, happening: Happening) -> None:
        what = {
            What.LEASE_EXTENDED: "lease",
            What.AGENT_REMOVED: "remove_agent",
            What.CUSTOMER: "customer",
            What.CUSTOMER_FORGOTTEN: "forget_customer",
            What.SCENARIOS: "scenarios",
        }[happening.what]
        subject = happening.agent_id or happening.detail
        self._found.inputs.append(Input(happening.time_us, happening.sequence, what, subject))
