"""See past.pxd."""

import os
from typing import NamedTuple

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.memory cimport memory_zeroed
from fairlead.base.text cimport text_equal
from fairlead.directory.names cimport NO_SLOT, names_find, names_text
from fairlead.engine.apply cimport apply
from fairlead.engine.model cimport (
    FACT_JOB_ENDED, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_SUBMITTED, FACT_JOB_WAITS, OUTCOME_ASSIGNED, OUTCOME_OFFERED, OUTCOME_QUEUED,
    OUTCOME_REFUSED, Engine, Job,
)
from fairlead.engine.witness cimport about_to_be
from fairlead.events.ring cimport LEAST_EVENTS
from fairlead.base.packing cimport get_varint
from fairlead.journal.reader cimport Reader
from fairlead.shard.convert cimport to_text
from fairlead.shard.dispatch cimport shard_free, shard_init
from fairlead.shard.durable cimport check_layout, raise_damage, read_tail
from fairlead.shard.explain cimport cause_name, explain_as
from fairlead.shard.record cimport RECORD_FACT, RECORD_TENANT
from fairlead.shard.replay cimport REPLAY_BROKEN, REPLAY_OK, Replay, read_fact, read_head, replay_free, replay_init
from fairlead.shard.snapshot cimport load_newest, load_snapshot
from fairlead.shard.tenant cimport Tenant
from fairlead.shard.views cimport job_view, to_str

from fairlead.errors import raise_error
from fairlead.journal.reader import Damage
from fairlead.shard.snapshot import SnapshotDamage, oldest
from fairlead.shard.views import Outcome, Reason

MOST_RECORDS = 2_000_000


class Moment(NamedTuple):
    """A decision: its place in the journal, when it was, and what was decided. `agent_id` is empty where nobody was chosen."""

    sequence: int
    time_us: int
    outcome: Outcome
    reason: Reason
    agent_id: str


# ---- the decision


cdef void note_decision(Search* search, const Fact* fact, uint64_t sequence) noexcept nogil:
    """A fact of the job. What ended it is a decision only where there is no other: it was turned away at once."""
    if fact.type == FACT_JOB_GIVEN or fact.type == FACT_JOB_OFFERED:
        search.version += 1
    elif fact.type != FACT_JOB_WAITS and (fact.type != FACT_JOB_ENDED or search.sequence):
        return
    search.fact = fact[0]
    search.sequence = sequence


cdef void note_submitted(Search* search, const Fact* fact, bint has_id) noexcept nogil:
    """Another job, or the one that is looked for, is in a slot from here on."""
    if search.create_time:
        if fact.job == search.job:
            search.is_seen = has_id and fact.time == search.create_time
            search.version = search.sequence = 0
    elif has_id:
        search.job = fact.job
        search.is_seen = True
        search.version = search.sequence = 0
    elif fact.job == search.job:
        search.job = NO_SLOT    # forgotten, and another is in its place


cdef bint look(Search* search, Replay* replay, const uint8_t* at, const uint8_t* end, uint64_t sequence) noexcept nogil:
    """One record. False: it is none."""
    cdef uint32_t tenant
    cdef uint64_t size
    cdef Text id, gateway
    cdef Fact fact
    at = read_head(replay, at, end, &tenant)
    if at == NULL:
        return False
    if replay.kind == RECORD_TENANT:
        at = get_varint(at, end, &size)
        if at == NULL or <uint64_t> (end - at) != size:
            return False
        id.data = <const char*> at
        id.size = <uint32_t> size
        if text_equal(id, search.tenant):
            search.slot = tenant
    if replay.kind < RECORD_FACT or tenant != search.slot:
        return True
    if not read_fact(replay, at, end, &fact, &id, &gateway):
        return False
    if fact.type == FACT_JOB_SUBMITTED:
        note_submitted(search, &fact, text_equal(id, search.id))
    elif fact.job == search.job and fact.job != NO_SLOT:
        note_decision(search, &fact, sequence)
    return True


cdef inline bint is_found(const Search* search) noexcept nogil:
    return search.wanted and search.is_seen and search.version == search.wanted


cdef uint32_t look_through(Search* search, Replay* replay, const uint8_t* data, size_t size, uint64_t first) noexcept nogil:
    """The records of a frame. Returns a ReplayState."""
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef uint64_t length
    while at < end and not is_found(search):
        at = get_varint(at, end, &length)
        if at == NULL or <uint64_t> (end - at) < length or not look(search, replay, at, at + length, first):
            return REPLAY_BROKEN
        at += length
        first += 1
    return REPLAY_OK


cdef object find_decision(Search* search, str directory, uint64_t most, object progress):
    """Reads until the decision is found, to the end, or to one record too many."""
    first = oldest(directory)
    if first is not None and search.create_time == 0:
        look_into(search, os.path.join(directory, first.name))
    cdef Reader reader = Reader(directory, first.base if first is not None else None, trusting=True)
    cdef Replay replay
    cdef uint64_t start = 0
    cdef uint32_t state
    replay_init(&replay)
    try:
        while not is_found(search) and reader.next():
            check_layout(reader)
            start = start or reader.header.first
            if reader.header.first - start >= most:
                raise_error(
                    "LIMIT_EXCEEDED", f"the decision is not among the first {most} records of the journal, and no more than "
                    "max_records are read; `fairlead journal explain` reads as many as there are", "max_records")
            with nogil:
                state = look_through(search, &replay, reader.payload, reader.header.size, reader.header.first)
            if state != REPLAY_OK:
                raise_error(
                    "JOURNAL_DAMAGED", f"{reader.names[reader.place]}: at byte {reader.offset}: a record that cannot be read", "path")
            if progress is not None:
                progress(reader.sequence, "search")
    except Damage as damage:
        raise_damage(damage)
    finally:
        replay_free(&replay)


# ---- the state before it


cdef ShardState* scratch() noexcept:
    cdef ShardState* s = <ShardState*> memory_zeroed(sizeof(ShardState))
    shard_init(s, True, 0, LEAST_EVENTS)
    return s


cdef void throw_away(ShardState* s) noexcept:
    shard_free(s)
    free(s)


cdef object look_into(Search* search, str snapshot):
    """Tenant and job may be older than the first record that is left: then the snapshot before it has their slots."""
    cdef ShardState* s = scratch()
    try:
        load_snapshot(s, snapshot)
        search.slot = names_find(&s.names, search.tenant)
        if search.slot != NO_SLOT:
            search.job = names_find(&s.tenants[search.slot].jobs, search.id)
    except SnapshotDamage as wrong:
        raise_error("JOURNAL_DAMAGED", f"{wrong}", "path")
    finally:
        throw_away(s)


cdef object rebuild(ShardState* s, str directory, uint64_t upto, uint64_t most, object progress):
    """An empty scratch shard becomes what the one of the directory was just behind a record."""
    cdef uint64_t first
    image, _ = load_newest(s, directory, upto)
    first = image.base.sequence if image is not None else 0
    if upto - first >= most:
        raise_error("LIMIT_EXCEEDED", f"{upto - first} records lie before the decision; at most {most} are read", "max_records")
    read_tail(s, directory, image, upto, progress)


cdef object moment_of(const Tenant* t, const Search* search):
    cdef const Fact* fact = &search.fact
    cdef bint is_given = fact.type == FACT_JOB_GIVEN or fact.type == FACT_JOB_OFFERED
    cdef uint32_t outcome = OUTCOME_ASSIGNED
    if fact.type == FACT_JOB_OFFERED:
        outcome = OUTCOME_OFFERED
    elif not is_given:
        outcome = OUTCOME_QUEUED if fact.type == FACT_JOB_WAITS else OUTCOME_REFUSED
    return Moment(
        search.sequence, fact.time, Outcome(outcome), Reason(0 if is_given else fact.reason),
        to_str(names_text(&t.agents, fact.agent)) if is_given else "")


cdef Explanation explain_there(Tenant* t, const Search* search):
    """The state is the one just before the decision; afterwards it is the one behind it."""
    cdef const Fact* fact = &search.fact
    cdef Engine* e = &t.engine
    cdef Job job
    cdef Explanation told
    cdef bint waits = fact.type == FACT_JOB_WAITS and fact.value == 0
    e.now = max(e.now, fact.time)
    job = about_to_be(e, fact)
    told = explain_as(t, fact.job, &job, waits)
    told.moment = moment_of(t, search)
    if told.moment.agent_id:
        told.decision = (
            told.moment.agent_id, e.policy_version, cause_name(fact.reason), e.agents[fact.agent].load,
            e.agents[fact.agent].capacity, fact.time - job.queue_time)
    e.sink(t, fact)
    apply(e, fact)
    told.job = job_view(t, fact.job)
    return told


cdef Explanation explain_past(Search* search, str directory, uint64_t most, object progress):
    cdef ShardState* s
    find_decision(search, directory, most, progress)
    if search.sequence == 0 or (search.wanted and search.is_seen and search.version != search.wanted):
        return None
    s = scratch()
    try:
        rebuild(s, directory, search.sequence - 1, most, progress)
        return explain_there(s.tenants[search.slot], search)
    finally:
        throw_away(s)


def explain_decision(str directory not None, str tenant not None, str job_id not None, uint64_t most=MOST_RECORDS, progress=None):
    """The last decision of a job in the journal of a directory, explained. None: there is no such job, or nothing was decided of it.

    `job` of the answer is the job just behind the decision. Reads at most `most` records; more raise ResourceExhausted. Memory:
    the state of all tenants at that moment. `progress` is called with (last sequence read, "search" or "replay").
    """
    cdef Search search
    memset(&search, 0, sizeof(Search))
    search.tenant = to_text(tenant, "tenant")
    search.id = to_text(job_id, "job_id")
    search.slot = search.job = NO_SLOT
    return explain_past(&search, directory, most, progress)
