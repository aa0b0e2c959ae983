"""The codec as Python sees it: for tests, which compare it with the official runtime, and for nothing else.

Structs become dicts with the field names of the contract; times become microseconds, or None when absent.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fairlead.base.buffer cimport Buffer, buffer_free, buffer_init
from fairlead.base.text cimport Text, text_empty, text_of, utf8_valid as is_utf8
from fairlead.codec cimport encode as wire
from fairlead.codec.decode cimport (
    decode_accept_offer,
    decode_assign,
    decode_batch_assign,
    decode_cancel_job,
    decode_complete_job,
    decode_decline_offer,
    decode_get_job,
    decode_heartbeat,
    decode_next_agent_id,
    decode_next_job,
    decode_set_presence,
    decode_transfer_job,
)
from fairlead.codec.messages cimport (
    DECODE_OK,
    MAX_DEMANDS,
    MAX_EXCLUDED,
    MAX_LABELS,
    TARGET_AGENT,
    TARGET_QUEUE,
    AssignReply,
    AssignRequest,
    BatchAssignRequest,
    CompleteJobRequest,
    DecodeError,
    HeartbeatRequest,
    JobDetail,
    JobReply,
    JobRequest,
    JobSpec,
    Label,
    SetPresenceRequest,
    SkillDemand,
    TimeField,
    TransferJobRequest,
    WaitEstimate,
)
from fairlead.codec.parse cimport (
    parse_assign,
    parse_batch_assign,
    parse_cancel_job,
    parse_complete_job,
    parse_get_job,
    parse_heartbeat,
    parse_next_agent_id,
    parse_next_job,
    parse_offer_answer,
    parse_set_presence,
    parse_transfer_job,
)

# The numbers of fairlead.shard.core.Method.
cdef enum:
    ASSIGN = 1
    BATCH_ASSIGN = 2
    ACCEPT_OFFER = 3
    DECLINE_OFFER = 4
    COMPLETE_JOB = 5
    CANCEL_JOB = 6
    TRANSFER_JOB = 7
    GET_JOB = 8
    SET_PRESENCE = 9
    HEARTBEAT = 10


cdef str text(Text value):
    return value.data[:value.size].decode("utf-8") if value.size else ""


cdef object time(const TimeField* value):
    """Microseconds, None when absent, "invalid" when out of the range of its type."""
    if not value.present:
        return None
    return "invalid" if value.invalid else value.us


cdef list texts(const Text* values, int32_t count, int32_t limit):
    return [text(values[i]) for i in range(min(count, limit))]


cdef list skills(const SkillDemand* values, int32_t count):
    return [(text(values[i].name), values[i].min_level, values[i].max_level) for i in range(min(count, MAX_DEMANDS))]


cdef dict job_dict(const JobSpec* job):
    cdef dict wanted = None
    if job.wanted_agent.present:
        wanted = {
            "agent_id": text(job.wanted_agent.agent_id),
            "mode": job.wanted_agent.mode,
            "hold": time(&job.wanted_agent.hold),
        }
    return {
        "id": text(job.id),
        "queue": text(job.queue),
        "channel": text(job.channel),
        "skills": skills(job.skills, job.skill_count),
        "skill_count": job.skill_count,
        "tags": texts(job.tags, job.tag_count, MAX_DEMANDS),
        "tag_count": job.tag_count,
        "preferred_skills": skills(job.preferred_skills, job.preferred_skill_count),
        "preferred_skill_count": job.preferred_skill_count,
        "preferred_tags": texts(job.preferred_tags, job.preferred_tag_count, MAX_DEMANDS),
        "preferred_tag_count": job.preferred_tag_count,
        "customer": text(job.customer),
        "customer_tier": text(job.customer_tier),
        "urgency": job.urgency,
        "head_start": time(&job.head_start),
        "excluded_agents": texts(job.excluded, job.excluded_count, MAX_EXCLUDED),
        "excluded_count": job.excluded_count,
        "wanted_agent": wanted,
        "time_to_live": time(&job.time_to_live),
        "start_time": time(&job.start_time),
        "labels": {text(job.labels[i].key): text(job.labels[i].value) for i in range(min(job.label_count, MAX_LABELS))},
        "label_count": job.label_count,
        "language": text(job.language),
        "gateway": text(job.gateway),
        "customer_value": job.customer_value,
        "affinity": job.affinity,
    }


cdef dict error_dict(const DecodeError* error):
    cdef char[wire.ERROR_FIELD_SIZE] field
    cdef char[wire.ERROR_MESSAGE_SIZE] message
    cdef Buffer buffer
    buffer_init(&buffer)
    wire.encode_decode_error(&buffer, error)
    return {
        "status": error.status,
        "reason": text(wire.error_reason(error)),
        "field": text(wire.error_field(error, field)),
        "message": text(wire.error_message(error, message)),
        "body": taken(&buffer),
    }


cdef bytes taken(Buffer* buffer):
    """The content of a buffer, which is freed."""
    cdef bytes content = buffer.data[:buffer.size] if buffer.size else b""
    buffer_free(buffer)
    return content


cdef dict assign(const uint8_t* data, size_t size, bint validate):
    cdef AssignRequest request
    cdef DecodeError error
    cdef int32_t status
    if validate:
        status = decode_assign(data, size, &request, &error)
    else:
        status = parse_assign(data, size, &request, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    return {
        "status": 0,
        "tenant": text(request.tenant),
        "job": job_dict(&request.job) if request.has_job else None,
        "immediate_only": request.immediate_only,
        "wait_us": time(&request.wait),
    }


cdef dict batch_assign(const uint8_t* data, size_t size, bint validate):
    cdef BatchAssignRequest request
    cdef JobSpec job
    cdef DecodeError error
    cdef int32_t status
    cdef list jobs = []
    if validate:
        status = decode_batch_assign(data, size, &request, &job, &error)
    else:
        status = parse_batch_assign(data, size, &request, &job, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    for _ in range(request.job_count):
        if validate:
            status = decode_next_job(&request, &job, &error)
        else:
            status = parse_next_job(&request, &job, &error)
        jobs.append(job_dict(&job) if status == DECODE_OK else error_dict(&error))
    return {"status": 0, "tenant": text(request.tenant), "jobs": jobs, "immediate_only": request.immediate_only}


cdef dict about_job(int32_t method, const uint8_t* data, size_t size, bint validate):
    """AcceptOffer, DeclineOffer, CancelJob, GetJob."""
    cdef JobRequest request
    cdef DecodeError error
    cdef int32_t status
    if method == ACCEPT_OFFER and validate:
        status = decode_accept_offer(data, size, &request, &error)
    elif method == DECLINE_OFFER and validate:
        status = decode_decline_offer(data, size, &request, &error)
    elif method == CANCEL_JOB:
        status = (decode_cancel_job if validate else parse_cancel_job)(data, size, &request, &error)
    elif method == GET_JOB:
        status = (decode_get_job if validate else parse_get_job)(data, size, &request, &error)
    else:
        status = parse_offer_answer(data, size, &request, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    return {
        "status": 0,
        "tenant": text(request.tenant),
        "job_id": text(request.job_id),
        "version": request.version,
        "request_id": text(request.request_id),
    }


cdef dict complete_job(const uint8_t* data, size_t size, bint validate):
    cdef CompleteJobRequest request
    cdef DecodeError error
    cdef int32_t status = (decode_complete_job if validate else parse_complete_job)(data, size, &request, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    return {
        "status": 0,
        "tenant": text(request.tenant),
        "job_id": text(request.job_id),
        "version": request.version,
        "request_id": text(request.request_id),
        "first_response": time(&request.first_response),
        "satisfaction": request.satisfaction if request.has_satisfaction else None,
        "skip_wrap_up": request.skip_wrap_up,
    }


cdef dict transfer_job(const uint8_t* data, size_t size, bint validate):
    cdef TransferJobRequest request
    cdef DecodeError error
    cdef int32_t status = (decode_transfer_job if validate else parse_transfer_job)(data, size, &request, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    return {
        "status": 0,
        "tenant": text(request.tenant),
        "job_id": text(request.job_id),
        "version": request.version,
        "request_id": text(request.request_id),
        "agent_id": text(request.target) if request.target_kind == TARGET_AGENT else None,
        "queue": text(request.target) if request.target_kind == TARGET_QUEUE else None,
        "over_capacity": request.over_capacity,
        "reset_age": request.reset_age,
    }


cdef dict set_presence(const uint8_t* data, size_t size, bint validate):
    cdef SetPresenceRequest request
    cdef DecodeError error
    cdef int32_t status = (decode_set_presence if validate else parse_set_presence)(data, size, &request, &error)
    if status != DECODE_OK:
        return error_dict(&error)
    return {
        "status": 0,
        "tenant": text(request.tenant),
        "agent_id": text(request.agent_id),
        "presence": request.presence,
        "reason": text(request.reason),
        "lease": time(&request.lease),
        "request_id": text(request.request_id),
    }


cdef dict heartbeat(const uint8_t* data, size_t size, bint validate):
    cdef HeartbeatRequest request
    cdef DecodeError error
    cdef int32_t status = (decode_heartbeat if validate else parse_heartbeat)(data, size, &request, &error)
    cdef list agent_ids = []
    if status != DECODE_OK:
        return error_dict(&error)
    for _ in range(request.agent_count):
        agent_ids.append(text(decode_next_agent_id(&request) if validate else parse_next_agent_id(&request)))
    return {"status": 0, "tenant": text(request.tenant), "agent_ids": agent_ids}


cdef dict decoded(int32_t method, const uint8_t* data, size_t size, bint validate):
    if method == ASSIGN:
        return assign(data, size, validate)
    elif method == BATCH_ASSIGN:
        return batch_assign(data, size, validate)
    elif method == COMPLETE_JOB:
        return complete_job(data, size, validate)
    elif method == TRANSFER_JOB:
        return transfer_job(data, size, validate)
    elif method == SET_PRESENCE:
        return set_presence(data, size, validate)
    elif method == HEARTBEAT:
        return heartbeat(data, size, validate)
    elif ASSIGN < method < SET_PRESENCE:
        return about_job(method, data, size, validate)
    raise ValueError(f"method {method} is not one of 1-10")


def decode(method: int, data: bytes, *, validate: bool = True) -> dict:
    """A hot request as a dict with `status` 0; or `status`, `reason`, `field`, `message` and `body` of the refusal.

    Without `validate` only malformed bytes are refused, and no default is filled in. Arrays hold at most what the
    struct holds; `*_count` says how many there were.
    """
    cdef int32_t number = method
    cdef size_t size = len(data)
    # Exactly as long as the bytes, so that a sanitizer sees a read beyond them; a bytes object ends with a NUL.
    cdef uint8_t* start = <uint8_t*>malloc(size or 1)
    if start == NULL:
        raise MemoryError
    memcpy(start, <const char*>data, size)
    try:
        return decoded(number, start, size, validate)
    finally:
        free(start)


cdef int hold(list kept, object value, Text* held) except -1:
    """Makes `held` the UTF-8 of a str, which `kept` keeps alive."""
    cdef bytes encoded = value.encode("utf-8")
    kept.append(encoded)
    held.data = encoded
    held.size = <uint32_t>len(encoded)
    return 0


cdef int fill_estimate(tuple numbers, WaitEstimate* estimate) except -1:
    """(position, p50, p90), times in microseconds; position 0: no estimate."""
    estimate.position, estimate.p50_us, estimate.p90_us = numbers
    return 0


cdef int fill_assign(list kept, dict fields, AssignReply* reply) except -1:
    hold(kept, fields["job_id"], &reply.job_id)
    hold(kept, fields["agent_id"], &reply.agent_id)
    hold(kept, fields["queue"], &reply.queue)
    hold(kept, fields["arm"], &reply.arm)
    reply.outcome = fields["outcome"]
    reply.reason = fields["reason"]
    reply.version = fields["version"]
    reply.policy_version = fields["policy_version"]
    reply.offer_end_us = fields["offer_end_time"]
    reply.repeated = fields["repeated"]
    return fill_estimate(fields["estimate"], &reply.estimate)


def encode_assign(fields: dict) -> bytes:
    """AssignResponse; all fields of the contract must be given."""
    cdef list kept = []
    cdef AssignReply reply
    cdef Buffer buffer
    fill_assign(kept, fields, &reply)
    buffer_init(&buffer)
    wire.encode_assign(&buffer, &reply)
    return taken(&buffer)


def encode_batch_assign(results: list) -> bytes:
    """BatchAssignResponse; each result a dict of AssignResponse, or a tuple (code, reason, message)."""
    cdef list kept = []
    cdef AssignReply reply
    cdef Text reason
    cdef Text message
    cdef Buffer buffer
    cdef int32_t code
    buffer_init(&buffer)
    for result in results:
        if isinstance(result, dict):
            fill_assign(kept, result, &reply)
            wire.encode_batch_assignment(&buffer, &reply)
        else:
            code = result[0]
            hold(kept, result[1], &reason)
            hold(kept, result[2], &message)
            wire.encode_batch_error(&buffer, code, reason, message)
    return taken(&buffer)


def encode_job_reply(method: int, fields: dict) -> bytes:
    """Accept-, Decline-, Complete-, Cancel- or Transfer..Response; the fields of the largest must be given."""
    cdef list kept = []
    cdef int32_t number = method
    cdef JobReply reply
    cdef Buffer buffer
    hold(kept, fields["job_id"], &reply.job_id)
    hold(kept, fields["agent_id"], &reply.agent_id)
    reply.state = fields["state"]
    reply.reason = fields["reason"]
    reply.version = fields["version"]
    reply.repeated = fields["repeated"]
    buffer_init(&buffer)
    if number == ACCEPT_OFFER or number == DECLINE_OFFER:
        wire.encode_offer(&buffer, &reply)
    elif number == COMPLETE_JOB or number == CANCEL_JOB:
        wire.encode_end(&buffer, &reply)
    elif number == TRANSFER_JOB:
        wire.encode_transfer(&buffer, &reply)
    else:
        raise ValueError(f"method {method} does not answer about a job")
    return taken(&buffer)


def encode_get_job(fields: dict) -> bytes:
    """GetJobResponse; all fields of Job must be given, times in microseconds."""
    cdef list kept = []
    cdef JobDetail job
    cdef Buffer buffer
    hold(kept, fields["id"], &job.id)
    hold(kept, fields["queue"], &job.queue)
    hold(kept, fields["channel"], &job.channel)
    hold(kept, fields["agent_id"], &job.agent_id)
    hold(kept, fields["customer"], &job.customer)
    hold(kept, fields["rule"], &job.rule)
    hold(kept, fields["plan"], &job.plan)
    hold(kept, fields["arm"], &job.arm)
    job.step = fields["step"]
    job.state = fields["state"]
    job.reason = fields["reason"]
    job.urgency = fields["urgency"]
    job.cost = fields["cost"]
    job.version = fields["version"]
    job.policy_version = fields["policy_version"]
    job.head_start_us = fields["head_start"]
    job.create_time_us = fields["create_time"]
    job.queue_time_us = fields["queue_time"]
    job.assign_time_us = fields["assign_time"]
    job.end_time_us = fields["end_time"]
    job.deadline_us = fields["deadline"]
    fill_estimate(fields["estimate"], &job.estimate)
    buffer_init(&buffer)
    wire.encode_job(&buffer, &job)
    return taken(&buffer)


def encode_set_presence(agent_id: str, presence: int, repeated: bool) -> bytes:
    """SetPresenceResponse."""
    cdef list kept = []
    cdef int32_t number = presence
    cdef Text name
    cdef Buffer buffer
    hold(kept, agent_id, &name)
    buffer_init(&buffer)
    wire.encode_presence(&buffer, name, number, <bint>repeated)
    return taken(&buffer)


def encode_heartbeat(extended_count: int, rejected: list) -> bytes:
    """HeartbeatResponse."""
    cdef list kept = []
    cdef int32_t count = extended_count
    cdef Text name
    cdef Buffer buffer
    buffer_init(&buffer)
    wire.encode_heartbeat_count(&buffer, count)
    for agent_id in rejected:
        hold(kept, agent_id, &name)
        wire.encode_heartbeat_rejected(&buffer, name)
    return taken(&buffer)


def encode_status(code: int, reason: str, message: str, field: str, metadata: dict) -> bytes:
    """google.rpc.Status; at most 8 entries of metadata."""
    cdef list kept = []
    cdef int32_t number = code
    cdef int32_t count = 0
    cdef Text reason_text
    cdef Text message_text
    cdef Text field_text
    cdef Label[8] entries
    cdef Buffer buffer
    hold(kept, reason, &reason_text)
    hold(kept, message, &message_text)
    hold(kept, field, &field_text)
    for key, value in metadata.items():
        if count == 8:
            raise ValueError("metadata has more than 8 entries")
        hold(kept, key, &entries[count].key)
        hold(kept, value, &entries[count].value)
        count += 1
    buffer_init(&buffer)
    wire.encode_status(&buffer, number, reason_text, message_text, field_text, entries, count)
    return taken(&buffer)


def utf8_valid(data: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    return is_utf8(<const uint8_t*><const char*>data, len(data))


def assign_ns(data: bytes, rounds: int) -> float:
    """Mean nanoseconds to decode these bytes of an AssignRequest and to encode an AssignResponse for it."""
    cdef const uint8_t* start = <const uint8_t*><const char*>data
    cdef size_t size = len(data)
    cdef int64_t count = rounds
    cdef int64_t i
    cdef int32_t refused = 0
    cdef AssignRequest request
    cdef AssignReply reply
    cdef DecodeError error
    cdef Buffer buffer
    cdef timespec begin
    cdef timespec end
    buffer_init(&buffer)
    with nogil:
        clock_gettime(CLOCK_MONOTONIC, &begin)
        for i in range(count):
            refused |= decode_assign(start, size, &request, &error)
            reply.job_id = request.job.id
            reply.agent_id = text_of(b"agent-000017")
            reply.queue = request.job.queue
            reply.outcome = 1
            reply.reason = 0
            reply.version = 1
            reply.policy_version = 7
            reply.offer_end_us = 0
            reply.arm = text_empty()
            reply.repeated = 0
            buffer.size = 0
            wire.encode_assign(&buffer, &reply)
        clock_gettime(CLOCK_MONOTONIC, &end)
        buffer_free(&buffer)
    if refused:
        raise ValueError("the request does not decode")
    return ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / count
