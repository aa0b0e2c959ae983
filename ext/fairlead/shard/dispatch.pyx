"""See dispatch.pxd."""

from libc.stdlib cimport free
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport text_empty, text_of
from fairlead.codec.decode cimport (
    decode_accept_offer, decode_assign, decode_batch_assign, decode_cancel_job, decode_complete_job,
    decode_decline_offer, decode_get_job, decode_heartbeat, decode_next_agent_id, decode_next_job, decode_set_presence,
    decode_transfer_job,
)
from fairlead.codec.encode cimport (
    encode_assign, encode_batch_assignment, encode_batch_decode_error, encode_batch_error, encode_decode_error,
    encode_end, encode_heartbeat_count, encode_heartbeat_rejected, encode_job, encode_offer, encode_presence,
    encode_status, encode_transfer,
)
from fairlead.codec.messages cimport (
    DECODE_OK, AssignReply, BatchAssignRequest, CompleteJobRequest, DecodeError, HeartbeatRequest, JobReply, JobRequest,
    SetPresenceRequest, TransferJobRequest,
)
from fairlead.directory.names cimport NO_SLOT, names_add, names_free, names_init, names_text
from fairlead.engine.clock cimport advance, forget, next_due
from fairlead.engine.decide cimport Answer
from fairlead.engine.manage cimport define_channel, define_queue, extend_lease
from fairlead.engine.model cimport (
    AFFINITY_OFF, COMPLETED, ChannelBody, Job, LEAST_LOAD, OFFERED, OUTCOME_ASSIGNED, OUTCOME_OFFERED, OUTCOME_QUEUED,
    OUTCOME_REFUSED, QUEUED, QueueBody, SCHEDULED,
)
from fairlead.events.feed cimport feed_free, feed_init
from fairlead.journal.journal cimport journal_free, journal_init
from fairlead.shard.calls cimport (
    ACCEPT_OFFER, AGENT_NOT_FOUND, ASSIGN, BATCH_ASSIGN, CANCEL_JOB, COMPLETE_JOB, DECLINE_OFFER, GET_JOB, HEARTBEAT,
    JOB_NOT_FOUND, LIMIT_EXCEEDED,
    SET_PRESENCE, TRANSFER_JOB, UNKNOWN_METHOD, call_assign, call_cancel, call_complete, call_offer, call_presence,
    call_transfer, find_agent, find_job,
)
from fairlead.shard.estimate cimport estimate_wait
from fairlead.shard.failures cimport encode_failure, fail
from fairlead.shard.foresight cimport foresee_next
from fairlead.shard.notices cimport notices_flush
from fairlead.shard.record cimport record_hash_when_due, record_tenant
from fairlead.shard.rulebook cimport NEVER_TOGGLES, run_schedules
from fairlead.shard.tenant cimport MAX_TENANTS, arm_name, forget_requests, tenant_create, tenant_destroy

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutexattr_t:
        pass
    enum:
        PTHREAD_MUTEX_RECURSIVE
    int pthread_mutexattr_init(pthread_mutexattr_t* attributes)
    int pthread_mutexattr_settype(pthread_mutexattr_t* attributes, int kind)
    int pthread_mutexattr_destroy(pthread_mutexattr_t* attributes)
    int pthread_mutex_init(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)

cdef const char* STATE_CAPSULE = b"fairlead.shard.ShardState"


cdef int64_t clock_us(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <int64_t> now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef void shard_init(ShardState* s, bint is_virtual, uint64_t seed, uint32_t events_kept) noexcept nogil:
    cdef pthread_mutexattr_t attributes
    memset(s, 0, sizeof(ShardState))
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE)
    pthread_mutex_init(&s.lock, &attributes)
    pthread_mutexattr_destroy(&attributes)
    journal_init(&s.journal)
    names_init(&s.names, seed)
    s.seed = seed
    s.is_virtual = is_virtual
    s.epoch = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC)
    # Sequences go on from the time of the start, so that one of an earlier process is never taken for one of this.
    feed_init(&s.feed, events_kept, 0 if is_virtual else <uint64_t> clock_us(CLOCK_REALTIME))


cdef void shard_free(ShardState* s) noexcept nogil:
    cdef uint32_t slot
    for slot in range(s.names.used):
        tenant_destroy(s.tenants[slot])
    free(s.tenants)
    feed_free(&s.feed)
    names_free(&s.names)
    journal_free(&s.journal)
    pthread_mutex_destroy(&s.lock)


cdef int64_t shard_now(const ShardState* s) noexcept nogil:
    """Microseconds: Unix time at the start, monotone from there, so that no jump of the wall clock expires anything (P2)."""
    return s.now if s.is_virtual else s.epoch + clock_us(CLOCK_MONOTONIC)


cdef Tenant* tenant_peek(ShardState* s, Text name) noexcept nogil:
    """The tenant as its last step left it, for those who only look; NULL when it does not exist."""
    cdef Tenant* t = tenant_look(s, name)
    if t != NULL:
        forget(&t.engine)
        forget_requests(t)
    return t


cdef Tenant* tenant_find(ShardState* s, Text name) noexcept nogil:
    """The tenant, its clock moved to now; NULL when it does not exist."""
    cdef Tenant* t = tenant_look(s, name)
    if t != NULL:
        tenant_advance(s, t)
    return t


cdef void tenant_advance(ShardState* s, Tenant* t) noexcept nogil:
    cdef int64_t now = shard_now(s)
    record_hash_when_due(t)
    if t.rules != NULL and t.rules.next_toggle <= now:
        run_schedules(t.rules, &t.engine, now)
    advance(&t.engine, now)
    forget_requests(t)


cdef int64_t tenant_next_due(const Tenant* t) noexcept nogil:
    """When something happens by itself next, -1 for never: a timer, or a schedule that opens or closes."""
    cdef int64_t due = next_due(&t.engine)
    if t.rules == NULL or t.rules.next_toggle == NEVER_TOGGLES or 0 <= due <= t.rules.next_toggle:
        return due
    return t.rules.next_toggle


cdef Tenant* tenant_get(ShardState* s, Text name) noexcept nogil:
    """The tenant, created with the built-in policy when it does not exist; NULL when there are MAX_TENANTS."""
    cdef Tenant* t = tenant_find(s, name)
    if t != NULL or s.names.count == MAX_TENANTS:
        return t
    t = tenant_add(s, tenant_name(name))
    tenant_advance(s, t)
    built_in_policy(t)
    return t


cdef Tenant* tenant_add(ShardState* s, Text name) noexcept nogil:
    """A new tenant of a name, without a policy."""
    cdef uint32_t slot = names_add(&s.names, name)
    if slot >= s.tenant_capacity:
        s.tenant_capacity = s.tenant_capacity * 2 if s.tenant_capacity else 4
        s.tenants = <Tenant**> memory_grow(s.tenants, s.tenant_capacity * sizeof(Tenant*))
    s.tenants[slot] = tenant_create(&s.journal, &s.feed, &s.tally, slot, s.seed, s.keeps_facts)
    record_tenant(s.tenants[slot], name)
    return s.tenants[slot]


cdef void built_in_policy(Tenant* t) noexcept nogil:
    """Version 0: one channel `chat`, one queue `default` with everyone in it, least_load."""
    cdef ChannelBody channel
    cdef QueueBody queue
    memset(&channel, 0, sizeof(ChannelBody))
    memset(&queue, 0, sizeof(QueueBody))
    channel.name = names_add(&t.channels, text_of(b"chat"))
    channel.cost = 1
    channel.used = 1
    define_channel(&t.engine, &channel)
    queue.queue = names_add(&t.queues, text_of(b"default"))
    queue.used = 1
    queue.everyone = 1
    queue.strategy = LEAST_LOAD
    queue.threshold = 100
    queue.on_max_length = 1
    queue.on_max_wait = 3
    queue.overflow = NO_SLOT
    queue.plan = NO_SLOT
    queue.affinity_mode = AFFINITY_OFF
    queue.affinity_group = queue.queue
    define_queue(&t.engine, &queue)
    t.default_queue = queue.queue
    t.default_channel = channel.channel


# ---- replies


cdef int32_t send_failure(Buffer* out, const Reply* reply) noexcept nogil:
    encode_failure(out, &reply.failure)
    return reply.failure.code


cdef int32_t send_decode_error(Buffer* out, const DecodeError* error) noexcept nogil:
    encode_decode_error(out, error)
    return error.status


cdef inline Text agent_name(const Tenant* t, uint32_t slot) noexcept nogil:
    return names_text(&t.agents, slot) if slot != NO_SLOT else text_empty()


cdef void assign_reply(const Tenant* t, Text id, const Reply* reply, AssignReply* out) noexcept nogil:
    cdef const Answer* answer = &reply.answer
    out.job_id = id
    out.agent_id = agent_name(t, answer.agent)
    out.queue = names_text(&t.queues, answer.queue)
    out.outcome = <int32_t> answer.outcome
    out.reason = <int32_t> answer.reason
    out.version = answer.version
    out.policy_version = <int64_t> answer.policy_version
    out.offer_end_us = answer.deadline if answer.outcome == OUTCOME_OFFERED else 0
    out.repeated = reply.repeated
    out.arm = arm_name(t, reply.arm)
    if answer.outcome == OUTCOME_QUEUED:
        estimate_wait(&t.engine, answer.job, &out.estimate)
    else:
        out.estimate.position = 0


cdef void job_reply(const Tenant* t, Text id, const Reply* reply, JobReply* out) noexcept nogil:
    cdef const Answer* answer = &reply.answer
    out.job_id = id
    out.agent_id = agent_name(t, answer.agent)
    out.state = <int32_t> answer.state
    out.reason = <int32_t> answer.reason
    out.version = answer.version
    out.repeated = reply.repeated


cdef void job_detail(const Tenant* t, uint32_t slot, JobDetail* out) noexcept nogil:
    """A job as GetJob shows it."""
    cdef const Job* job = &t.engine.jobs[slot]
    cdef uint32_t queue = t.engine.classes[job.cls].queue
    memset(out, 0, sizeof(JobDetail))
    out.id = names_text(&t.jobs, slot)
    out.queue = names_text(&t.queues, queue)
    out.channel = names_text(&t.channels, job.channel_name)
    out.agent_id = agent_name(t, job.agent)
    out.rule = names_text(&t.rule_names, job.rule) if job.rule != NO_SLOT else text_empty()
    out.plan = names_text(&t.plan_names, job.plan) if job.plan != NO_SLOT else text_empty()
    out.arm = arm_name(t, job.arm)
    out.step = job.step
    out.customer = names_text(&t.customers, job.customer) if job.customer != NO_SLOT else text_empty()
    out.state = job.state
    out.reason = job.reason
    out.urgency = job.urgency
    out.cost = job.cost
    out.version = job.version
    out.policy_version = <int64_t> job.policy_version
    out.head_start_us = job.head_start
    out.create_time_us = job.create_time
    out.queue_time_us = 0 if job.state == SCHEDULED else job.queue_time
    out.assign_time_us = job.assign_time
    out.end_time_us = job.end_time
    out.deadline_us = job.deadline
    estimate_wait(&t.engine, slot, &out.estimate)


# ---- methods


cdef int32_t submit(ShardState* s, uint32_t method, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    """Carries out one call. Appends the response, or a google.rpc.Status, to `out`; returns the gRPC status.

    An assign that may wait is not carried out: HANDED_OVER.
    """
    cdef int32_t status = carry_out(s, method, data, size, out)
    notices_flush(&s.feed)
    return status


cdef int32_t carry_out(ShardState* s, uint32_t method, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    cdef Reply reply
    if method == ASSIGN:
        return submit_assign(s, data, size, out)
    if method == COMPLETE_JOB:
        return submit_complete(s, data, size, out)
    if method == BATCH_ASSIGN:
        return submit_batch(s, data, size, out)
    if method == HEARTBEAT:
        return submit_heartbeat(s, data, size, out)
    if method == SET_PRESENCE:
        return submit_presence(s, data, size, out)
    if method == TRANSFER_JOB:
        return submit_transfer(s, data, size, out)
    if method in (ACCEPT_OFFER, DECLINE_OFFER, CANCEL_JOB, GET_JOB):
        return submit_job(s, method, data, size, out)
    fail(&reply, UNKNOWN_METHOD, b"there is no such method%.*s", text_empty(), b"")
    return send_failure(out, &reply)


cdef int32_t too_many_tenants(Buffer* out, Text tenant) noexcept nogil:
    cdef Reply reply
    fail(&reply, LIMIT_EXCEEDED, b"no room for tenant '%.*s': there are 1000000", tenant, b"tenant")
    return send_failure(out, &reply)


cdef int32_t submit_assign(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    cdef DecodeError error
    cdef Reply reply
    cdef AssignReply message
    cdef Tenant* t
    if decode_assign(data, size, &s.request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    if s.request.wait.us:
        return HANDED_OVER
    t = tenant_get(s, s.request.tenant)
    if t == NULL:
        return too_many_tenants(out, s.request.tenant)
    if not call_assign(t, &s.request.job, s.request.immediate_only, &reply):
        return send_failure(out, &reply)
    assign_reply(t, s.request.job.id, &reply, &message)
    encode_assign(out, &message)
    return 0


cdef bint waits(const Tenant* t, uint32_t job) noexcept nogil:
    return t.engine.jobs[job].state == QUEUED or t.engine.jobs[job].state == SCHEDULED


cdef void encode_present(const Tenant* t, uint32_t slot, bint repeated, Buffer* out) noexcept nogil:
    """The answer to an assign as the job is now: a job that was served counts as assigned, one that ended else as refused."""
    cdef const Job* job = &t.engine.jobs[slot]
    cdef AssignReply message
    cdef bint is_placed = OFFERED <= job.state <= COMPLETED
    memset(&message, 0, sizeof(AssignReply))
    message.job_id = names_text(&t.jobs, slot)
    message.agent_id = agent_name(t, job.agent) if is_placed else text_empty()
    message.queue = names_text(&t.queues, t.engine.classes[job.cls].queue)
    message.outcome = OUTCOME_OFFERED if job.state == OFFERED else OUTCOME_ASSIGNED if is_placed else OUTCOME_QUEUED
    if job.state > COMPLETED:
        message.outcome = OUTCOME_REFUSED
    message.reason = job.reason
    message.version = job.version if is_placed else 0
    message.policy_version = <int64_t> job.policy_version
    message.repeated = repeated
    message.arm = arm_name(t, job.arm)
    message.offer_end_us = job.deadline if job.state == OFFERED else 0
    if message.outcome == OUTCOME_QUEUED:
        estimate_wait(&t.engine, slot, &message.estimate)
    encode_assign(out, &message)


cdef int32_t submit_waiting(
    ShardState* s, const uint8_t* data, size_t size, Buffer* out, Tenant** tenant, uint32_t* slot, bint* repeated
) noexcept nogil:
    """An assign that may wait, carried out. When its job waits `slot` tells which one, and the reply is not the last word;
    NO_SLOT: it is."""
    cdef DecodeError error
    cdef Reply reply
    cdef AssignReply message
    cdef uint32_t job
    slot[0] = NO_SLOT
    if decode_assign(data, size, &s.request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    tenant[0] = tenant_get(s, s.request.tenant)
    if tenant[0] == NULL:
        return too_many_tenants(out, s.request.tenant)
    if not call_assign(tenant[0], &s.request.job, s.request.immediate_only, &reply):
        return send_failure(out, &reply)
    notices_flush(&s.feed)
    repeated[0] = reply.repeated
    job = reply.answer.job
    if job == NO_SLOT or reply.answer.outcome == OUTCOME_ASSIGNED:
        assign_reply(tenant[0], s.request.job.id, &reply, &message)
        encode_assign(out, &message)
        return 0
    if waits(tenant[0], job):
        slot[0] = job
    encode_present(tenant[0], job, reply.repeated, out)
    return 0


cdef int32_t submit_batch(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    """Every job on its own: an error of one is that one's alone."""
    cdef DecodeError error
    cdef BatchAssignRequest request
    cdef Reply reply
    cdef AssignReply message
    cdef Tenant* t
    cdef int32_t index
    if decode_batch_assign(data, size, &request, &s.request.job, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_get(s, request.tenant)
    if t == NULL:
        return too_many_tenants(out, request.tenant)
    for index in range(request.job_count):
        if decode_next_job(&request, &s.request.job, &error) != DECODE_OK:
            encode_batch_decode_error(out, &error)
            continue
        foresee_next(t, request.next, request.end)
        if call_assign(t, &s.request.job, request.immediate_only, &reply):
            assign_reply(t, s.request.job.id, &reply, &message)
            encode_batch_assignment(out, &message)
        else:
            encode_batch_error(out, reply.failure.code, text_of(reply.failure.reason), text_of(reply.failure.message))
    return 0


cdef int32_t unknown_job(Buffer* out, Text id) noexcept nogil:
    """In a tenant that does not exist there is no job either."""
    cdef Reply reply
    fail(&reply, JOB_NOT_FOUND, b"no job '%.*s'", id, b"job_id")
    return send_failure(out, &reply)


cdef int32_t submit_job(ShardState* s, uint32_t method, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    """The methods that name a job and little else."""
    cdef DecodeError error
    cdef JobRequest request
    cdef Tenant* t
    cdef int32_t status
    if method == ACCEPT_OFFER:
        status = decode_accept_offer(data, size, &request, &error)
    elif method == DECLINE_OFFER:
        status = decode_decline_offer(data, size, &request, &error)
    elif method == CANCEL_JOB:
        status = decode_cancel_job(data, size, &request, &error)
    else:
        status = decode_get_job(data, size, &request, &error)
    if status != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_peek(s, request.tenant) if method == GET_JOB else tenant_find(s, request.tenant)
    return answer_job(t, method, &request, out)


cdef int32_t answer_job(Tenant* t, uint32_t method, const JobRequest* request, Buffer* out) noexcept nogil:
    cdef Reply reply
    cdef JobReply message
    cdef JobDetail detail
    cdef uint32_t slot
    if t == NULL:
        return unknown_job(out, request.job_id)
    if method == GET_JOB:
        slot = find_job(t, request.job_id, &reply)
        if slot == NO_SLOT:
            return send_failure(out, &reply)
        job_detail(t, slot, &detail)
        encode_job(out, &detail)
        return 0
    if not (call_cancel(t, request, &reply) if method == CANCEL_JOB else call_offer(t, request, method, &reply)):
        return send_failure(out, &reply)
    job_reply(t, request.job_id, &reply, &message)
    if method == CANCEL_JOB:
        encode_end(out, &message)
    else:
        encode_offer(out, &message)
    return 0


cdef int32_t submit_complete(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    cdef DecodeError error
    cdef CompleteJobRequest request
    cdef Reply reply
    cdef JobReply message
    cdef Tenant* t
    if decode_complete_job(data, size, &request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_find(s, request.tenant)
    if t == NULL:
        return unknown_job(out, request.job_id)
    if not call_complete(t, &request, &reply):
        return send_failure(out, &reply)
    job_reply(t, request.job_id, &reply, &message)
    encode_end(out, &message)
    return 0


cdef int32_t submit_transfer(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    cdef DecodeError error
    cdef TransferJobRequest request
    cdef Reply reply
    cdef JobReply message
    cdef Tenant* t
    if decode_transfer_job(data, size, &request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_find(s, request.tenant)
    if t == NULL:
        return unknown_job(out, request.job_id)
    if not call_transfer(t, &request, &reply):
        return send_failure(out, &reply)
    job_reply(t, request.job_id, &reply, &message)
    encode_transfer(out, &message)
    return 0


cdef int32_t submit_presence(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    cdef DecodeError error
    cdef SetPresenceRequest request
    cdef Reply reply
    cdef Tenant* t
    if decode_set_presence(data, size, &request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_find(s, request.tenant)
    if t == NULL:
        fail(&reply, AGENT_NOT_FOUND, b"no agent '%.*s'", request.agent_id, b"agent_id")
        return send_failure(out, &reply)
    if not call_presence(t, &request, &reply):
        return send_failure(out, &reply)
    encode_presence(out, request.agent_id, request.presence, reply.repeated)
    return 0


cdef int32_t submit_heartbeat(ShardState* s, const uint8_t* data, size_t size, Buffer* out) noexcept nogil:
    """Agents who are unknown or OFFLINE are rejected by name, the rest counts (P2)."""
    cdef DecodeError error
    cdef HeartbeatRequest request
    cdef Reply reply
    cdef Tenant* t
    cdef Text id
    cdef uint32_t slot
    cdef int32_t index, extended = 0
    if decode_heartbeat(data, size, &request, &error) != DECODE_OK:
        return send_decode_error(out, &error)
    t = tenant_find(s, request.tenant)
    for index in range(request.agent_count):
        id = decode_next_agent_id(&request)
        slot = find_agent(t, id, b"", &reply) if t != NULL else NO_SLOT
        if slot != NO_SLOT and extend_lease(&t.engine, slot):
            extended += 1
        else:
            encode_heartbeat_rejected(out, id)
    encode_heartbeat_count(out, extended)
    return 0
