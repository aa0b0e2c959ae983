"""See notices.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from fairlead.base.text cimport Text, text_empty
from fairlead.directory.names cimport NO_SLOT, names_text
from fairlead.engine.model cimport (
    CANCELLED, COMPLETED, FACT_AGENT, FACT_AGENT_REMOVED, FACT_JOB_ENDED, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELAXED,
    FACT_JOB_RELEASED, FACT_JOB_SUBMITTED, FACT_JOB_WAITS, FACT_JOB_WRAPS, FACT_OFFER_ACCEPTED, FACT_OFFER_ENDED,
    FACT_PRESENCE, FACT_SETTINGS, OFFER_DECLINED, OFFER_MISSED, QUEUED, Engine, Job, JobBody, SettingsBody,
)
from fairlead.events.feed cimport Pending, feed_append, feed_hold
from fairlead.events.ring cimport Record
from fairlead.shard.tally cimport tally_wait


cdef Record record_of(const Tenant* t, uint32_t kind, int64_t time) noexcept nogil:
    cdef Record record
    memset(&record, 0, sizeof(Record))
    record.kind = <uint8_t> kind
    record.time = time
    record.tenant = t.slot
    record.agent = NO_SLOT
    record.queue = NO_SLOT
    record.policy_version = <uint32_t> t.engine.policy_version
    return record


cdef void add_job_event(Tenant* t, Record* record, uint32_t job, uint32_t cls) noexcept nogil:
    """The event of a job of this class."""
    cdef uint32_t gateway = t.job_gateways[job]
    t.tally.events[record.kind] += 1
    record.queue = t.engine.classes[cls].queue
    feed_append(
        t.feed, record, names_text(&t.jobs, job),
        names_text(&t.gateways, gateway) if gateway != NO_SLOT else text_empty(), text_empty())


cdef void notice_job(Tenant* t, const Fact* fact, uint32_t kind) noexcept nogil:
    """A job that is given or offered, released or ended; its state is still the old one."""
    cdef const Job* job = &t.engine.jobs[fact.job]
    cdef Record record = record_of(t, kind, fact.time)
    cdef uint32_t cls = job.cls
    record.version = job.version
    record.arm = job.arm
    record.agent = job.agent
    if fact.type == FACT_JOB_GIVEN or fact.type == FACT_JOB_OFFERED:
        record.agent = fact.agent
        record.version = job.version + 1
        cls = fact.cls
        if job.version == 0:
            tally_wait(t.tally, max(<int64_t> 0, fact.time - job.queue_time))
    elif fact.type == FACT_JOB_ENDED:
        record.reason = fact.reason
    add_job_event(t, &record, fact.job, cls)


cdef void notice_submitted(Tenant* t, const Fact* fact) noexcept nogil:
    cdef const JobBody* body = <const JobBody*> fact.body
    cdef Record record
    if body.start_time > fact.time:
        record = record_of(t, EVENT_SCHEDULED, fact.time)
        record.reason = body.first_reason
        record.arm = body.arm
        add_job_event(t, &record, fact.job, body.cls)


cdef void notice_agent(Tenant* t, const Fact* fact, uint32_t kind) noexcept nogil:
    cdef Record record = record_of(t, kind, fact.time)
    cdef Text note = text_empty()
    record.agent = fact.agent
    t.tally.events[kind] += 1
    if kind == EVENT_PRESENCE_CHANGED:
        record.presence = fact.state
        if fact.agent < t.note_capacity:
            note.data = t.presence_notes[fact.agent].data
            note.size = t.presence_notes[fact.agent].size
    feed_append(t.feed, &record, text_empty(), text_empty(), note)


cdef inline bint is_new(const Engine* e, uint32_t agent) noexcept nogil:
    return agent >= e.agent_capacity or e.agents[agent].number == 0


cdef void notice_fact(Tenant* t, const Fact* fact) noexcept nogil:
    """Appends the event of a fact, if it has one. The state is the one before it."""
    cdef Record record
    if t.feed.pending_count and (fact.type == FACT_JOB_SUBMITTED or fact.time > t.feed.pending[0].time):
        notices_flush(t.feed)
    if fact.type == FACT_JOB_GIVEN:
        notice_job(t, fact, EVENT_ASSIGNED)
    elif fact.type == FACT_JOB_ENDED:
        notice_job(
            t, fact,
            EVENT_COMPLETED if fact.state == COMPLETED else EVENT_CANCELLED if fact.state == CANCELLED else EVENT_EXPIRED)
    elif fact.type == FACT_JOB_WAITS:
        feed_hold(t.feed, t, fact.job, t.engine.jobs[fact.job].number, fact.time)
    elif fact.type == FACT_JOB_SUBMITTED:
        notice_submitted(t, fact)
    elif fact.type == FACT_JOB_OFFERED:
        notice_job(t, fact, EVENT_OFFERED)
    elif fact.type == FACT_OFFER_ACCEPTED:
        notice_job(t, fact, EVENT_ACCEPTED)
    elif fact.type == FACT_OFFER_ENDED:
        notice_job(
            t, fact,
            EVENT_DECLINED if fact.reason == OFFER_DECLINED else EVENT_MISSED if fact.reason == OFFER_MISSED else EVENT_REQUEUED)
    elif fact.type == FACT_JOB_WRAPS:
        notice_job(t, fact, EVENT_WRAPPING)
    elif fact.type == FACT_JOB_RELEASED:
        notice_job(t, fact, EVENT_REQUEUED)
    elif fact.type == FACT_JOB_RELAXED:
        notice_job(t, fact, EVENT_RELAXED)
    elif fact.type == FACT_PRESENCE:
        if fact.state != t.engine.agents[fact.agent].presence:
            notice_agent(t, fact, EVENT_PRESENCE_CHANGED)
    elif fact.type == FACT_AGENT:
        notice_agent(t, fact, EVENT_AGENT_CREATED if is_new(&t.engine, fact.agent) else EVENT_AGENT_UPDATED)
    elif fact.type == FACT_AGENT_REMOVED:
        notice_agent(t, fact, EVENT_AGENT_DELETED)
    elif fact.type == FACT_SETTINGS and (<const SettingsBody*> fact.body).policy_version != t.engine.policy_version:
        record = record_of(t, EVENT_POLICY_CHANGED, fact.time)
        record.policy_version = <uint32_t> (<const SettingsBody*> fact.body).policy_version
        t.tally.events[<uint32_t> EVENT_POLICY_CHANGED] += 1
        feed_append(t.feed, &record, text_empty(), text_empty(), text_empty())


cdef void notices_flush(Feed* feed) noexcept nogil:
    """The step is over: whoever of its jobs still waits is QUEUED."""
    cdef const Pending* entry
    cdef const Job* job
    cdef Tenant* t
    cdef Record record
    cdef uint32_t at
    for at in range(feed.pending_count):
        entry = &feed.pending[at]
        t = <Tenant*> entry.tenant
        job = &t.engine.jobs[entry.job]
        if job.number != entry.number or job.state != QUEUED:
            continue
        record = record_of(t, EVENT_QUEUED, entry.time)
        record.reason = job.reason
        record.arm = job.arm
        add_job_event(t, &record, entry.job, job.cls)
    feed.pending_count = 0
