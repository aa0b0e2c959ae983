"""See history.pxd."""

import os
from enum import IntEnum
from typing import NamedTuple

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free

from fairlead.base.memory cimport memory_zeroed
from fairlead.base.text cimport Text, text_equal
from fairlead.customers.store cimport customers_find
from fairlead.directory.names cimport NO_SLOT, names_find, names_text
from fairlead.engine.model cimport (
    ASSIGNED, BY_TRANSFER, COMPLETED, FACT_AGENT, FACT_AGENT_REMOVED, FACT_JOB_ENDED, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELEASED,
    FACT_JOB_EXCLUDES, FACT_JOB_SUBMITTED, FACT_JOB_WAITS, FACT_JOB_WRAPS, FACT_LEASE_EXTENDED, FACT_OFFER_ACCEPTED, FACT_OFFER_ENDED, FACT_PRESENCE,
    UNKNOWN, WRAPPING, Engine, Job, JobBody,
)
from fairlead.engine.state cimport has_room
from fairlead.engine.timers cimport job_due
from fairlead.events.ring cimport LEAST_EVENTS
from fairlead.base.packing cimport get_varint, unzigzag
from fairlead.journal.frames cimport SEGMENT_HEADER_SIZE
from fairlead.shard.asked cimport (
    ASKED_AFFINITY, ASKED_AGENT, ASKED_AT_ONCE, ASKED_CHANNEL, ASKED_HEAD_START, ASKED_LABELS, ASKED_LANGUAGE, ASKED_QUEUE, ASKED_TIER,
    ASKED_URGENCY, ASKED_VALUE,
)
from fairlead.shard.beginning cimport beginning_of
from fairlead.shard.customers cimport customer_view
from fairlead.shard.convert cimport bytes_text, to_text
from fairlead.shard.dispatch cimport shard_free, shard_init
from fairlead.shard.durable cimport check_layout, policy_of, raise_damage, refuse_record
from fairlead.shard.record cimport (
    RECORD_CUSTOMER, RECORD_FACT, RECORD_FORGOTTEN, RECORD_POLICY, RECORD_REFUSED, RECORD_SCENARIOS, RECORD_TENANT,
)
from fairlead.shard.replay cimport REPLAY_BROKEN, REPLAY_OK, read_fact, read_head, replay_free, replay_init, replay_record
from fairlead.shard.snapshot cimport load_oldest, save_snapshot
from fairlead.shard.tenant cimport arm_name
from fairlead.shard.views cimport agent_settings, to_str

from fairlead.journal.reader import Damage


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

    `arm` is that of its job (of the experiment then in force). `agent_id` of a released or ended job is who held it, `cost` the units that it takes, `flag` of one that ended 1 where after-work was
    skipped and 2 where it was ended early, of an agent whether it is new; `value` of one that was transferred
    whether the agent had no room for it. `detail` by what happened: the arguments of `Shard.assign` of a
    job that was submitted or refused; settings of an agent, None where only its queues changed; a profile; the names of scenarios;
    (version, document) of a policy.
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
    detail: object


cdef enum:
    HIGHEST = 10

_WHAT = {
    FACT_JOB_SUBMITTED: What.SUBMITTED, FACT_JOB_WAITS: What.WAITS, FACT_JOB_OFFERED: What.OFFERED, FACT_OFFER_ACCEPTED: What.ACCEPTED,
    FACT_OFFER_ENDED: What.OFFER_ENDED, FACT_JOB_GIVEN: What.GIVEN, FACT_JOB_RELEASED: What.RELEASED, FACT_JOB_WRAPS: What.WRAPS,
    FACT_JOB_ENDED: What.ENDED, FACT_PRESENCE: What.PRESENCE, FACT_LEASE_EXTENDED: What.LEASE_EXTENDED, FACT_AGENT: What.AGENT,
    FACT_AGENT_REMOVED: What.AGENT_REMOVED, FACT_JOB_EXCLUDES: What.EXCLUDES,
}


# ---- what was asked


cdef class _Bytes:
    """A cursor over the rest of a record. Raises ValueError where it ends too early."""

    cdef const uint8_t* at
    cdef const uint8_t* end

    cdef uint64_t number(self) except? 0xFFFFFFFFFFFFFFFF:
        cdef uint64_t value
        self.at = get_varint(self.at, self.end, &value)
        if self.at == NULL:
            raise ValueError("the record ends too early")
        return value

    cdef uint32_t byte(self) except? 0xFFFFFFFF:
        cdef uint32_t value
        if self.at >= self.end:
            raise ValueError("the record ends too early")
        value = self.at[0]
        self.at += 1
        return value

    cdef str text(self):
        cdef uint64_t size = self.number()
        cdef Text text
        if size > <uint64_t> (self.end - self.at):
            raise ValueError("the record ends too early")
        text.data = <const char*> self.at
        text.size = <uint32_t> size
        self.at += size
        return to_str(text)


cdef _Bytes bytes_from(const uint8_t* at, const uint8_t* end):
    cdef _Bytes cursor = _Bytes.__new__(_Bytes)
    cursor.at = at
    cursor.end = end
    return cursor


cdef object read_demands(const Tenant* t, _Bytes cursor, uint64_t count, dict asked, str skills, str tags):
    cdef uint64_t index
    cdef uint32_t levels
    for index in range(count):
        name = to_str(names_text(&t.abilities, <uint32_t> cursor.number()))
        levels = cursor.byte()
        if name[0] == "s":
            asked.setdefault(skills, {})[name[1:]] = (levels & 15, HIGHEST - (levels >> 4))
        else:
            asked.setdefault(tags, []).append(name[1:])


cdef dict read_asked(const Tenant* t, _Bytes cursor):
    """The arguments of `Shard.assign` that a request gave."""
    cdef dict asked = {}
    cdef uint64_t demands = cursor.number(), wishes = cursor.number() if demands & 1 else 0, fields, count
    read_demands(t, cursor, demands >> 1, asked, "skills", "tags")
    read_demands(t, cursor, wishes, asked, "preferred_skills", "preferred_tags")
    fields = cursor.number()
    if fields & ASKED_QUEUE:
        asked["queue"] = to_str(names_text(&t.queues, <uint32_t> cursor.number()))
    if fields & ASKED_TIER:
        asked["customer_tier"] = to_str(names_text(&t.tiers, <uint32_t> cursor.number()))
    if fields & ASKED_CHANNEL:
        asked["channel"] = to_str(names_text(&t.channels, <uint32_t> cursor.number()))
    if fields & ASKED_LABELS:
        count = cursor.number()
        asked["labels"] = {cursor.text(): cursor.text() for _ in range(count)}
    if fields & ASKED_LANGUAGE:
        asked["language"] = cursor.text()
    if fields & ASKED_URGENCY:
        asked["urgency"] = cursor.byte()
    if fields & ASKED_AT_ONCE:
        asked["immediate_only"] = True
    if fields & ASKED_HEAD_START:
        asked["head_start_us"] = cursor.number()
    if fields & ASKED_VALUE:
        asked["customer_value"] = unzigzag(cursor.number())
    if fields & ASKED_AFFINITY:
        asked["affinity"] = cursor.byte()
    if fields & ASKED_AGENT:
        asked["wanted_agent"] = to_str(names_text(&t.agents, <uint32_t> cursor.number()))
        asked["wanted_mode"] = cursor.byte()
        asked["wanted_hold_us"] = cursor.number()
    return asked


cdef dict submitted(const Tenant* t, const Fact* fact, Text gateway, const uint8_t* at, const uint8_t* end):
    """What a job asked for, once its fact is applied."""
    cdef const JobBody* body = <const JobBody*> fact.body
    cdef const uint32_t* excluded = <const uint32_t*> (<const char*> fact.body + sizeof(JobBody))
    cdef uint32_t index
    cdef dict asked = read_asked(t, bytes_from(at, end))
    if body.customer != NO_SLOT:
        asked["customer"] = to_str(names_text(&t.customers, body.customer))
    if body.expire_time:
        asked["time_to_live_us"] = body.expire_time - fact.time
    if body.start_time:
        asked["start_time_us"] = body.start_time
    if body.excluded_count:
        asked["excluded_agents"] = [to_str(names_text(&t.agents, excluded[index])) for index in range(body.excluded_count)]
    if gateway.size:
        asked["gateway"] = to_str(gateway)
    return asked


cdef object refused(const Tenant* t, uint64_t sequence, int64_t time, _Bytes cursor):
    """The happening of a job that was turned away."""
    job_id, gateway, customer = cursor.text(), cursor.text(), cursor.text()
    queue = to_str(names_text(&t.queues, <uint32_t> cursor.number()))
    reason, arm, time_to_live = cursor.byte(), to_str(arm_name(t, <uint8_t> cursor.byte())), cursor.number()
    excluded = [to_str(names_text(&t.agents, <uint32_t> cursor.number())) for _ in range(cursor.number())]
    given = {"gateway": gateway, "customer": customer, "time_to_live_us": time_to_live, "excluded_agents": excluded}
    asked = read_asked(t, cursor) | {name: value for name, value in given.items() if value}
    return Happening(sequence, time, What.REFUSED, job_id, "", queue, 0, reason, 0, 0, 0, arm, asked)


# ---- reading


cdef inline str agent_name(const Tenant* t, uint32_t slot):
    return to_str(names_text(&t.agents, slot)) if slot != NO_SLOT else ""


cdef inline str queue_name(const Tenant* t, uint32_t cls):
    return to_str(names_text(&t.queues, t.engine.classes[cls].queue))


cdef object settings_of(const Tenant* t, uint32_t agent):
    """None for an agent who is not there."""
    return agent_settings(t, agent) if agent < t.engine.agent_capacity and t.engine.agents[agent].number else None


cdef uint32_t cut_short(const Engine* e, const Fact* fact) noexcept nogil:
    """1: a job is completed that would have had after-work; 2: after-work ends before its time."""
    cdef const Job* job = &e.jobs[fact.job]
    cdef int64_t wrap_up
    if job.state == WRAPPING:
        # The clock ends it at its deadline, or when the grace of a lost agent is over.
        return 2 if fact.time < job_due(e, job) else 0
    if job.state != ASSIGNED or fact.state != COMPLETED:
        return 0
    wrap_up = e.agents[job.agent].wrap_up
    return (e.queues[e.classes[job.cls].queue].wrap_up if wrap_up == UNKNOWN else wrap_up) != 0


cdef class History:
    """What happened to a tenant, from the first record of a journal on or behind its oldest snapshot; iterate over it once.

    Raises FairleadError (JOURNAL_..) for a journal that recovery would refuse, and for one whose first records are neither there
    nor in a snapshot. Memory: the state of all tenants, and one segment.
    """

    def __cinit__(self, str directory, str tenant):
        replay_init(&self._replay)
        self._state = <ShardState*> memory_zeroed(sizeof(ShardState))
        shard_init(self._state, True, 0, LEAST_EVENTS)
        self._state.journal.replaying = 1
        self._name = tenant.encode()
        self._image, problems = load_oldest(self._state, directory)
        self._reader = Reader(directory, self._image.base if self._image else None)
        self._slot = names_find(&self._state.names, bytes_text(self._name))
        if self._slot != NO_SLOT:
            self._beginning = beginning_of(self._state.tenants[self._slot], self._image, problems)

    def __dealloc__(self):
        shard_free(self._state)
        free(self._state)
        replay_free(&self._replay)

    @property
    def is_known(self):
        """Whether the tenant was there in what has been read."""
        return self._slot != NO_SLOT

    @property
    def beginning(self):
        """What the tenant was where the history begins; None: it begins with the tenant's first record."""
        return self._beginning

    def save_beginning(self, str directory not None):
        """Writes a data directory that a shard opens to go on with this tenant alone from the beginning; for one that has a beginning,
        before it is iterated over. Raises OSError."""
        if self._beginning is None or self._reader.place >= 0:
            raise ValueError("the state is no longer the one of the beginning, or never was")
        os.makedirs(directory)
        # Of the segment in which the snapshot ends a start asks for the header alone.
        save_snapshot(self._state, directory, self._image.base._replace(offset=SEGMENT_HEADER_SIZE), self._slot)
        name = self._reader.names[0]
        with open(os.path.join(self._reader.directory, name), "rb") as source, open(os.path.join(directory, name), "wb") as target:
            target.write(source.read(SEGMENT_HEADER_SIZE))

    @property
    def torn_bytes(self):
        """Bytes of a torn tail, which is no part of the history, once all is read."""
        return self._reader.torn

    @property
    def records(self):
        """How many were read."""
        return self._reader.sequence - (self._image.base.sequence if self._image else 0)

    cdef object _happening(self, Tenant* t, const Fact* fact):
        """Of a fact that is about to be applied; None for one that says nothing to people."""
        cdef const Job* job
        cdef const Engine* e = &t.engine
        cdef uint32_t agent = fact.agent, cls = fact.cls
        cdef int64_t value = fact.value
        cdef uint32_t flag = fact.flag, state = fact.state
        what = _WHAT.get(fact.type)
        if what is None:
            return None
        job_id = queue = arm = ""
        cost = 0
        if fact.job != NO_SLOT and fact.type != FACT_JOB_SUBMITTED:
            job = &e.jobs[fact.job]
            job_id = to_str(names_text(&t.jobs, fact.job))
            agent = job.agent if agent == NO_SLOT else agent
            cls = job.cls if cls == NO_SLOT else cls
            queue = queue_name(t, cls)
            arm = to_str(arm_name(t, job.arm))
            cost = job.cost
            if fact.type == FACT_JOB_ENDED:
                flag = cut_short(e, fact)
            elif fact.type == FACT_JOB_GIVEN and fact.reason == BY_TRANSFER:
                value = e.agents[agent].reserved_for != NO_SLOT or not has_room(e, agent, e.classes[cls].channel, job.cost)
        return Happening(
            self._done, fact.time, what, job_id, agent_name(t, agent), queue, state, fact.reason, flag, value, cost, arm, None)

    cdef object _record(self, const uint8_t* at, const uint8_t* end):
        """Applies a record; what it says happened, None where that is nothing, or happened to another tenant."""
        cdef const uint8_t* rest
        cdef uint32_t tenant, state
        cdef int64_t time = self._replay.time
        cdef Tenant* t = NULL
        cdef Fact fact
        cdef Text id, gateway
        happening = before = None
        rest = read_head(&self._replay, at, end, &tenant)
        if rest != NULL and self._slot != NO_SLOT and tenant == self._slot:
            t = self._state.tenants[tenant]
            if self._replay.kind >= RECORD_FACT:
                if not read_fact(&self._replay, rest, end, &fact, &id, &gateway):
                    refuse_record(self._reader, &self._replay, REPLAY_BROKEN)
                happening = self._happening(t, &fact)
                if fact.type == FACT_AGENT:
                    before = settings_of(t, fact.agent)
        # The head is read again, and its time follows from the time before.
        self._replay.time = time
        state = replay_record(self._state, &self._replay, at, end)
        if state != REPLAY_OK:
            refuse_record(self._reader, &self._replay, state)
        if self._replay.kind == RECORD_TENANT and text_equal(names_text(&self._state.names, tenant), bytes_text(self._name)):
            self._slot = tenant
        if t == NULL:
            return None
        if self._replay.kind < RECORD_FACT:
            return self._other(t, rest, end)
        if fact.type == FACT_JOB_SUBMITTED:
            # What was asked begins behind the gateway, the last text of the fact.
            return happening._replace(
                job_id=to_str(id), queue=queue_name(t, (<const JobBody*> fact.body).cls), arm=to_str(arm_name(t, (<const JobBody*> fact.body).arm)),
                detail=submitted(t, &fact, gateway, <const uint8_t*> gateway.data + gateway.size, end))
        if fact.type == FACT_AGENT:
            after = settings_of(t, fact.agent)
            return happening._replace(detail=None if before == after else after, flag=before is None)
        return happening

    cdef object _other(self, Tenant* t, const uint8_t* at, const uint8_t* end):
        """Of a record that is no fact, once it is applied."""
        cdef _Bytes cursor = bytes_from(at, end)
        cdef uint32_t kind = self._replay.kind
        if kind == RECORD_REFUSED:
            return refused(t, self._done, self._replay.time, cursor)
        if kind == RECORD_CUSTOMER:
            # Kept: a Text points into it.
            customer_id = cursor.text()
            what, detail = What.CUSTOMER, customer_view(t, customers_find(&t.profiles, to_text(customer_id, "")))
        elif kind == RECORD_FORGOTTEN:
            what, detail = What.CUSTOMER_FORGOTTEN, cursor.text()
        elif kind == RECORD_SCENARIOS:
            what, detail = What.SCENARIOS, [cursor.text() for _ in range(cursor.number())]
        elif kind == RECORD_POLICY:
            (version, document, _, _), _ = policy_of(at, end)
            what, detail = What.POLICY, (version, document)
        else:
            return None
        return Happening(self._done, self._replay.time, what, "", "", "", 0, 0, 0, 0, 0, "", detail)

    cdef object _frame(self):
        """The happenings of the frame that was read last."""
        cdef const uint8_t* at = self._reader.payload
        cdef const uint8_t* end = at + self._reader.header.size
        cdef uint64_t length
        found = []
        self._done = self._reader.header.first
        self._replay.done = 0
        while at < end:
            at = get_varint(at, end, &length)
            if at == NULL or <uint64_t> (end - at) < length:
                refuse_record(self._reader, &self._replay, REPLAY_BROKEN)
            happening = self._record(at, at + length)
            if happening is not None:
                found.append(happening)
            at += length
            self._done += 1
            self._replay.done += 1
        return found

    def __iter__(self):
        """Happenings in the order of the journal."""
        try:
            while self._reader.next():
                check_layout(self._reader)
                yield from self._frame()
        except Damage as damage:
            raise_damage(damage)
        except ValueError as wrong:
            refuse_record(self._reader, &self._replay, REPLAY_BROKEN)
