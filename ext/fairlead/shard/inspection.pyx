"""See inspection.pxd."""

from typing import NamedTuple

from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.memory cimport memory_zeroed
from fairlead.base.text cimport Text
from fairlead.directory.names cimport NO_SLOT, names_find, names_has, names_text
from fairlead.engine.audit cimport Audit, audit
from fairlead.engine.model cimport FACT_JOB_SUBMITTED, Fact
from fairlead.engine.witness cimport objection, unfinished
from fairlead.events.ring cimport LEAST_EVENTS
from fairlead.base.packing cimport get_varint
from fairlead.shard.dispatch cimport shard_free, shard_init
from fairlead.shard.durable cimport check_layout, raise_damage
from fairlead.shard.record cimport RECORD_FACT
from fairlead.shard.replay cimport (
    REPLAY_HASH, REPLAY_OK, REPLAY_UNKNOWN, read_fact, read_head, replay_free, replay_init, replay_record,
)
from fairlead.shard.tenant cimport Tenant
from fairlead.shard.views cimport to_str

from fairlead.journal.reader import Damage


class Violation(NamedTuple):
    """The first thing that is wrong: in which record, when, of whom. Texts are empty where there is none.

    Where the state after a step is wrong, the record is the last of the step, and job and agent are those of its last fact.
    """

    sequence: int
    time_us: int
    tenant: str
    job_id: str
    agent_id: str
    what: str


class Inspected(NamedTuple):
    """`audits` are those of the whole state, `steps` what was published together; `violation` None: all invariants hold."""

    records: int
    steps: int
    audits: int
    tenants: int
    torn_bytes: int
    violation: Violation | None


# ---- one record


cdef void find(Inspection* inspection, const char* what) noexcept nogil:
    """The violation is that of the record that was read last."""
    inspection.found = inspection.last
    inspection.found.what = what


cdef void inspect_fact(ShardState* s, Replay* replay, Inspection* inspection, Tenant* t, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Fact fact
    cdef Text id, gateway
    cdef const char* what
    if not read_fact(replay, at, end, &fact, &id, &gateway):
        find(inspection, b"a fact that cannot be read")
        return
    inspection.last.job = fact.job
    inspection.last.agent = fact.agent
    if fact.job != NO_SLOT and fact.job < t.engine.job_used and fact.agent == NO_SLOT:
        inspection.last.agent = t.engine.jobs[fact.job].agent
    what = objection(&t.engine, &fact)
    if what == NULL and fact.type == FACT_JOB_SUBMITTED and (id.size == 0 or names_find(&t.jobs, id) != NO_SLOT):
        what = b"J4: a job without an id, or two with one"
    if what != NULL:
        find(inspection, what)


cdef void inspect_state(ShardState* s, Inspection* inspection, uint32_t slot) noexcept nogil:
    cdef Audit result
    cdef Tenant* t = s.tenants[slot]
    cdef const char* what = unfinished(&t.engine)
    inspection.audits += 1
    if what == NULL:
        audit(&t.engine, &result)
        what = result.violations[0] if result.count else NULL
    if what != NULL:
        find(inspection, what)
        inspection.found.tenant = slot


cdef void end_step(ShardState* s, Inspection* inspection) noexcept nogil:
    """What was published together is whole: the state must be sound."""
    cdef uint32_t slot
    if inspection.tenant == NO_SLOT:
        return
    inspection.steps += 1
    if inspection.steps % inspection.every == 0 and inspection.last.sequence > inspection.quiet_until:
        for slot in range(s.names.used if inspection.more else 0):
            if slot != inspection.tenant and inspection.found.what == NULL:
                inspect_state(s, inspection, slot)
        if inspection.found.what == NULL:
            inspect_state(s, inspection, inspection.tenant)
        if inspection.found.what == NULL:
            inspection.sound_until = inspection.last.sequence
            inspection.more = 0
    inspection.tenant = NO_SLOT


cdef inline bint begins_step(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The first record of a publication has its time as it is."""
    cdef uint64_t value
    at = get_varint(get_varint(at + 1, end, &value), end, &value)
    return at != NULL and value & 1


cdef void inspect_record(ShardState* s, Replay* replay, Inspection* inspection, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef const uint8_t* rest
    cdef uint32_t tenant, state
    cdef int64_t before = replay.time
    if begins_step(at, end):
        end_step(s, inspection)
        if inspection.found.what != NULL:
            return
    rest = read_head(replay, at, end, &tenant)
    inspection.last.sequence += 1
    inspection.last.time = replay.time
    inspection.last.tenant = tenant
    inspection.last.job = inspection.last.agent = NO_SLOT
    if rest == NULL:
        find(inspection, b"a record that cannot be read")
        return
    if replay.kind >= RECORD_FACT and tenant < s.names.used:
        inspect_fact(s, replay, inspection, s.tenants[tenant], rest, end)
        if inspection.found.what != NULL:
            return
    replay.time = before
    state = replay_record(s, replay, at, end)
    if state != REPLAY_OK:
        find(inspection, b"the state has not the hash that the journal says it had" if state == REPLAY_HASH else
             b"a record of a kind that this version does not know" if state == REPLAY_UNKNOWN else b"a record that cannot be applied")
        return
    if inspection.every > 1 or (inspection.tenant != NO_SLOT and inspection.tenant != tenant):
        inspection.more = 1
    inspection.tenant = tenant


cdef void inspect_frame(ShardState* s, Replay* replay, Inspection* inspection, const uint8_t* at, size_t size) noexcept nogil:
    cdef const uint8_t* end = at + size
    cdef uint64_t length
    while at < end and inspection.found.what == NULL:
        at = get_varint(at, end, &length)
        if at == NULL or <uint64_t> (end - at) < length or length == 0:
            find(inspection, b"a record that ends too early")
            return
        inspect_record(s, replay, inspection, at, at + length)
        at += length
    if inspection.found.what == NULL:
        end_step(s, inspection)


# ---- the whole


cdef object violation_of(ShardState* s, const Finding* found):
    cdef Tenant* t
    tenant = job_id = agent_id = ""
    if found.tenant < s.names.used:
        t = s.tenants[found.tenant]
        tenant = to_str(names_text(&s.names, found.tenant))
        if names_has(&t.jobs, found.job):
            job_id = to_str(names_text(&t.jobs, found.job))
        if names_has(&t.agents, found.agent):
            agent_id = to_str(names_text(&t.agents, found.agent))
    return Violation(found.sequence, found.time, tenant, job_id, agent_id, found.what.decode())


cdef object run_through(ShardState* s, str directory, Inspection* inspection, object progress):
    cdef Reader reader = Reader(directory)
    cdef Replay replay
    cdef uint32_t slot
    replay_init(&replay)
    s.journal.replaying = 1
    try:
        while inspection.found.what == NULL and reader.next():
            check_layout(reader)
            with nogil:
                inspect_frame(s, &replay, inspection, reader.payload, reader.header.size)
            if progress is not None:
                progress(inspection.last.sequence)
        if inspection.found.what == NULL:
            for slot in range(s.names.used):
                if inspection.found.what == NULL:
                    inspect_state(s, inspection, slot)
    except Damage as damage:
        raise_damage(damage)
    finally:
        replay_free(&replay)
    found = violation_of(s, &inspection.found) if inspection.found.what != NULL else None
    return Inspected(inspection.last.sequence, inspection.steps, inspection.audits, s.names.used, reader.torn, found)


cdef object inspect_once(str directory, Inspection* inspection, object progress):
    cdef ShardState* s = <ShardState*> memory_zeroed(sizeof(ShardState))
    shard_init(s, True, 0, LEAST_EVENTS)
    inspection.tenant = NO_SLOT
    try:
        return run_through(s, directory, inspection, progress)
    finally:
        shard_free(s)
        free(s)


def inspect(str directory not None, uint64_t every=1, progress=None):
    """Holds each record of a journal against the invariants, and the state after every `every`-th step and at the end.

    A state that is found wrong after several steps is looked for again step by step, so the violation is always the first.
    `progress`, if any, is called with the last sequence read, once a frame. Raises FairleadError (JOURNAL_..) where frames are not whole.
    Cost: as recovery, and for each audited step O(agents * jobs waiting + jobs). Memory: the state of all tenants.
    """
    cdef Inspection inspection
    memset(&inspection, 0, sizeof(Inspection))
    inspection.every = max(every, <uint64_t> 1)
    found = inspect_once(directory, &inspection, progress)
    if found.violation is None or every == 1:
        return found
    sound = inspection.sound_until
    memset(&inspection, 0, sizeof(Inspection))
    inspection.every = 1
    inspection.quiet_until = sound
    return inspect_once(directory, &inspection, progress)
