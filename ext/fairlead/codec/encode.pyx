"""One function a reply: reserve once, put the fields in the order of their numbers.

Example, AssignResponse of job "j1" given to agent "a1" as version 1 under policy 1 in queue "q":
0a 02 6a 31  10 01  22 02 61 31  28 01  30 01  42 01 71
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport strstr

from fairlead.base.text cimport text_of
from fairlead.codec.messages cimport DECODE_MALFORMED, WaitEstimate
from fairlead.codec.tags cimport (
    BYTES_1,
    BYTES_2,
    BYTES_3,
    BYTES_4,
    BYTES_5,
    BYTES_6,
    BYTES_7,
    BYTES_8,
    BYTES_9,
    BYTES_10,
    BYTES_11,
    BYTES_12,
    BYTES_13,
    BYTES_14,
    BYTES_17,
    BYTES_18,
    BYTES_20,
    BYTES_21,
    BYTES_22,
    VARINT_1,
    VARINT_2,
    VARINT_3,
    VARINT_4,
    VARINT_5,
    VARINT_6,
    VARINT_7,
    VARINT_8,
    VARINT_9,
    VARINT_10,
    VARINT_12,
    VARINT_15,
    VARINT_16,
    VARINT_19,
)
from fairlead.codec.writer cimport (
    FIELD_SIZE,
    advance,
    append_text,
    buffer_end,
    close_message,
    open_message,
    put_number,
    put_text,
    put_time,
)


cdef void encode_estimate(Buffer* buffer, uint32_t field, const WaitEstimate* estimate) noexcept nogil:
    """Nothing for a job that does not wait."""
    cdef size_t content
    cdef uint8_t* at
    if estimate.position == 0:
        return
    content = open_message(buffer)
    at = put_number(buffer_end(buffer, 3 * FIELD_SIZE), VARINT_1, estimate.position)
    at = put_time(at, BYTES_2, estimate.p50_us)
    at = put_time(at, BYTES_3, estimate.p90_us)
    advance(buffer, at)
    close_message(buffer, content, field)


cdef void encode_assign(Buffer* buffer, const AssignReply* reply) noexcept nogil:
    cdef size_t text_size = <size_t>reply.job_id.size + reply.agent_id.size + reply.queue.size
    cdef uint8_t* at = buffer_end(buffer, 8 * FIELD_SIZE + text_size)
    at = put_text(at, BYTES_1, reply.job_id)
    at = put_number(at, VARINT_2, reply.outcome)
    at = put_number(at, VARINT_3, reply.reason)
    at = put_text(at, BYTES_4, reply.agent_id)
    at = put_number(at, VARINT_5, reply.version)
    at = put_number(at, VARINT_6, reply.policy_version)
    at = put_number(at, VARINT_7, reply.repeated)
    at = put_text(at, BYTES_8, reply.queue)
    advance(buffer, at)
    encode_estimate(buffer, BYTES_9, &reply.estimate)
    if reply.offer_end_us:
        advance(buffer, put_time(buffer_end(buffer, FIELD_SIZE), BYTES_10, reply.offer_end_us))
    if reply.arm.size:
        append_text(buffer, BYTES_11, reply.arm)


cdef void encode_batch_assignment(Buffer* buffer, const AssignReply* reply) noexcept nogil:
    cdef size_t result = open_message(buffer)
    cdef size_t assignment = open_message(buffer)
    encode_assign(buffer, reply)
    close_message(buffer, assignment, BYTES_1)
    close_message(buffer, result, BYTES_1)


cdef void encode_batch_error(Buffer* buffer, int32_t code, Text reason, Text message) noexcept nogil:
    cdef size_t result = open_message(buffer)
    advance(buffer, put_number(buffer_end(buffer, FIELD_SIZE), VARINT_2, code))
    append_text(buffer, BYTES_3, reason)
    append_text(buffer, BYTES_4, message)
    close_message(buffer, result, BYTES_1)


cdef void encode_offer(Buffer* buffer, const JobReply* reply) noexcept nogil:
    cdef uint8_t* at = buffer_end(buffer, 5 * FIELD_SIZE + <size_t>reply.job_id.size + reply.agent_id.size)
    at = put_text(at, BYTES_1, reply.job_id)
    at = put_number(at, VARINT_2, reply.state)
    at = put_text(at, BYTES_3, reply.agent_id)
    at = put_number(at, VARINT_4, reply.version)
    at = put_number(at, VARINT_5, reply.repeated)
    advance(buffer, at)


cdef void encode_end(Buffer* buffer, const JobReply* reply) noexcept nogil:
    cdef uint8_t* at = buffer_end(buffer, 3 * FIELD_SIZE + <size_t>reply.job_id.size)
    at = put_text(at, BYTES_1, reply.job_id)
    at = put_number(at, VARINT_2, reply.state)
    at = put_number(at, VARINT_3, reply.repeated)
    advance(buffer, at)


cdef void encode_transfer(Buffer* buffer, const JobReply* reply) noexcept nogil:
    cdef uint8_t* at = buffer_end(buffer, 6 * FIELD_SIZE + <size_t>reply.job_id.size + reply.agent_id.size)
    at = put_text(at, BYTES_1, reply.job_id)
    at = put_number(at, VARINT_2, reply.state)
    at = put_text(at, BYTES_3, reply.agent_id)
    at = put_number(at, VARINT_4, reply.version)
    at = put_number(at, VARINT_5, reply.reason)
    at = put_number(at, VARINT_6, reply.repeated)
    advance(buffer, at)


cdef void encode_job(Buffer* buffer, const JobDetail* job) noexcept nogil:
    cdef size_t content = open_message(buffer)
    cdef size_t text_size = (
        <size_t>job.id.size + job.queue.size + job.channel.size + job.agent_id.size + job.customer.size + job.rule.size + job.plan.size
    )
    cdef uint8_t* at = buffer_end(buffer, 20 * FIELD_SIZE + text_size)
    at = put_text(at, BYTES_1, job.id)
    at = put_number(at, VARINT_2, job.state)
    at = put_text(at, BYTES_3, job.queue)
    at = put_text(at, BYTES_4, job.channel)
    at = put_text(at, BYTES_5, job.agent_id)
    at = put_number(at, VARINT_6, job.version)
    at = put_number(at, VARINT_7, job.reason)
    at = put_number(at, VARINT_8, job.urgency)
    at = put_time(at, BYTES_9, job.head_start_us)
    at = put_text(at, BYTES_10, job.customer)
    at = put_time(at, BYTES_11, job.create_time_us)
    at = put_time(at, BYTES_12, job.queue_time_us)
    at = put_time(at, BYTES_13, job.assign_time_us)
    at = put_time(at, BYTES_14, job.end_time_us)
    at = put_number(at, VARINT_15, job.policy_version)
    at = put_number(at, VARINT_16, job.cost)
    at = put_text(at, BYTES_17, job.rule)
    at = put_text(at, BYTES_18, job.plan)
    at = put_number(at, VARINT_19, job.step)
    at = put_time(at, BYTES_20, job.deadline_us)
    advance(buffer, at)
    encode_estimate(buffer, BYTES_21, &job.estimate)
    if job.arm.size:
        append_text(buffer, BYTES_22, job.arm)
    close_message(buffer, content, BYTES_1)


cdef void encode_event(Buffer* buffer, const EventDetail* event) noexcept nogil:
    cdef size_t content = open_message(buffer)
    cdef size_t text_size = (
        <size_t>event.tenant.size + event.job_id.size + event.agent_id.size + event.queue.size + event.gateway.size
        + event.presence_reason.size + event.arm.size
    )
    cdef uint8_t* at = buffer_end(buffer, 14 * FIELD_SIZE + text_size)
    at = put_number(at, VARINT_1, event.sequence)
    at = put_time(at, BYTES_2, event.time_us)
    at = put_number(at, VARINT_3, event.kind)
    at = put_text(at, BYTES_4, event.tenant)
    at = put_text(at, BYTES_5, event.job_id)
    at = put_text(at, BYTES_6, event.agent_id)
    at = put_text(at, BYTES_7, event.queue)
    at = put_number(at, VARINT_8, event.version)
    at = put_number(at, VARINT_9, event.reason)
    at = put_number(at, VARINT_10, event.presence)
    at = put_text(at, BYTES_11, event.presence_reason)
    at = put_number(at, VARINT_12, event.policy_version)
    at = put_text(at, BYTES_13, event.gateway)
    at = put_text(at, BYTES_14, event.arm)
    advance(buffer, at)
    close_message(buffer, content, BYTES_1)


cdef void encode_watch_sequence(Buffer* buffer, int64_t sequence) noexcept nogil:
    advance(buffer, put_number(buffer_end(buffer, FIELD_SIZE), VARINT_2, sequence))


cdef void encode_presence(Buffer* buffer, Text agent_id, int32_t presence, uint8_t repeated) noexcept nogil:
    cdef uint8_t* at = buffer_end(buffer, 3 * FIELD_SIZE + <size_t>agent_id.size)
    at = put_text(at, BYTES_1, agent_id)
    at = put_number(at, VARINT_2, presence)
    at = put_number(at, VARINT_3, repeated)
    advance(buffer, at)


cdef void encode_heartbeat_count(Buffer* buffer, int32_t extended_count) noexcept nogil:
    advance(buffer, put_number(buffer_end(buffer, FIELD_SIZE), VARINT_1, extended_count))


cdef void encode_heartbeat_rejected(Buffer* buffer, Text agent_id) noexcept nogil:
    append_text(buffer, BYTES_2, agent_id)


cdef void append_error_info(Buffer* buffer, Text reason, const Label* metadata, int32_t metadata_count) noexcept nogil:
    """Status.details: Any of ErrorInfo."""
    cdef int32_t i
    cdef size_t entry
    cdef size_t info
    cdef size_t any = open_message(buffer)
    append_text(buffer, BYTES_1, text_of(b"type.googleapis.com/google.rpc.ErrorInfo"))
    info = open_message(buffer)
    append_text(buffer, BYTES_1, reason)
    append_text(buffer, BYTES_2, text_of(b"fairlead"))
    for i in range(metadata_count):
        entry = open_message(buffer)
        append_text(buffer, BYTES_1, metadata[i].key)
        append_text(buffer, BYTES_2, metadata[i].value)
        close_message(buffer, entry, BYTES_3)
    close_message(buffer, info, BYTES_2)
    close_message(buffer, any, BYTES_3)


cdef void append_bad_request(Buffer* buffer, Text field, Text description) noexcept nogil:
    """Status.details: Any of BadRequest with one violation."""
    cdef size_t request
    cdef size_t violation
    cdef size_t any = open_message(buffer)
    append_text(buffer, BYTES_1, text_of(b"type.googleapis.com/google.rpc.BadRequest"))
    request = open_message(buffer)
    violation = open_message(buffer)
    append_text(buffer, BYTES_1, field)
    append_text(buffer, BYTES_2, description)
    close_message(buffer, violation, BYTES_1)
    close_message(buffer, request, BYTES_2)
    close_message(buffer, any, BYTES_3)


cdef void encode_status(
    Buffer* buffer, int32_t code, Text reason, Text message, Text field, const Label* metadata, int32_t metadata_count
) noexcept nogil:
    advance(buffer, put_number(buffer_end(buffer, FIELD_SIZE), VARINT_1, code))
    append_text(buffer, BYTES_2, message)
    append_error_info(buffer, reason, metadata, metadata_count)
    if field.size > 0:
        append_bad_request(buffer, field, message)


cdef Text error_reason(const DecodeError* error) noexcept nogil:
    return text_of(b"MALFORMED_REQUEST" if error.status == DECODE_MALFORMED else b"INVALID_FIELD")


cdef Text error_field(const DecodeError* error, char* space) noexcept nogil:
    cdef const char* path = error.field
    cdef const char* brackets
    cdef int written = 0
    space[0] = 0
    if error.item >= 0:
        # Paths of jobs begin with "job"; in a batch that is an element of `jobs`.
        written = snprintf(space, ERROR_FIELD_SIZE, "jobs[%d]", error.item)
        path += 3
    brackets = strstr(path, b"[]")
    if brackets == NULL:
        snprintf(space + written, ERROR_FIELD_SIZE - written, "%s", path)
    else:
        snprintf(
            space + written,
            ERROR_FIELD_SIZE - written,
            "%.*s[%d]%s",
            <int>(brackets - path),
            path,
            error.index,
            brackets + 2,
        )
    return text_of(space)


cdef Text error_message(const DecodeError* error, char* space) noexcept nogil:
    cdef char[ERROR_FIELD_SIZE] path
    if error.status == DECODE_MALFORMED:
        snprintf(
            space, ERROR_MESSAGE_SIZE, "the request is malformed: %s, at byte %lld", error.what, <long long>error.value
        )
        return text_of(space)
    error_field(error, path)
    if error.has_value:
        snprintf(space, ERROR_MESSAGE_SIZE, "%s %s, not %lld", path, error.what, <long long>error.value)
    else:
        snprintf(space, ERROR_MESSAGE_SIZE, "%s %s", path, error.what)
    return text_of(space)


cdef void encode_batch_decode_error(Buffer* buffer, const DecodeError* error) noexcept nogil:
    cdef char[ERROR_MESSAGE_SIZE] message
    encode_batch_error(buffer, error.status, error_reason(error), error_message(error, message))


cdef void encode_decode_error(Buffer* buffer, const DecodeError* error) noexcept nogil:
    cdef char[ERROR_FIELD_SIZE] field
    cdef char[ERROR_MESSAGE_SIZE] message
    encode_status(
        buffer, error.status, error_reason(error), error_message(error, message), error_field(error, field), NULL, 0
    )
