"""One loop a request: read a tag, store the value, until the bytes end."""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fairlead.base.text cimport text_empty
from fairlead.codec.messages cimport DECODE_MALFORMED, DECODE_OK, TARGET_AGENT, TARGET_QUEUE
from fairlead.codec.parse_job cimport clear_job, close_duration, close_job, read_job, read_time
from fairlead.codec.reader cimport Reader, read_bool, read_int32, read_int64, read_tag, read_text, skip_field
from fairlead.codec.tags cimport (
    BYTES_1,
    BYTES_2,
    BYTES_3,
    BYTES_4,
    BYTES_5,
    BYTES_6,
    VARINT_3,
    VARINT_6,
    VARINT_7,
    VARINT_8,
)


cdef inline Reader reader_of(const uint8_t* data, size_t size) noexcept nogil:
    cdef Reader reader
    reader.at = data
    reader.end = data + size
    reader.what = NULL
    return reader


cdef int32_t outcome(const Reader* reader, const uint8_t* data, DecodeError* error) noexcept nogil:
    """DECODE_OK, or DECODE_MALFORMED with the reason and the offset the reader stopped at."""
    if reader.what == NULL:
        return DECODE_OK
    error.status = DECODE_MALFORMED
    error.field = b""
    error.index = -1
    error.item = -1
    error.what = reader.what
    error.value = reader.at - data
    error.has_value = 1
    return DECODE_MALFORMED


cdef int32_t parse_assign(
    const uint8_t* data, size_t size, AssignRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    request.tenant = text_empty()
    request.immediate_only = 0
    request.has_job = 0
    memset(&request.wait, 0, sizeof(request.wait))
    clear_job(&request.job)
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            request.has_job = 1
            ok = read_job(&reader, &request.job, 1)
        elif tag == VARINT_3:
            ok = read_bool(&reader, &request.immediate_only)
        elif tag == BYTES_4:
            ok = read_time(&reader, &request.wait, 1)
        else:
            ok = skip_field(&reader, tag, 0)
    close_job(&request.job)
    close_duration(&request.wait)
    return outcome(&reader, data, error)


cdef int32_t parse_batch_assign(
    const uint8_t* data, size_t size, BatchAssignRequest* request, JobSpec* scratch, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    request.tenant = text_empty()
    request.immediate_only = 0
    request.job_count = 0
    request.item = 0
    request.next = data
    request.end = reader.end
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            request.job_count += 1
            clear_job(scratch)
            ok = read_job(&reader, scratch, 1)
        elif tag == VARINT_3:
            ok = read_bool(&reader, &request.immediate_only)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef int32_t parse_next_job(BatchAssignRequest* request, JobSpec* job, DecodeError* error) noexcept nogil:
    cdef Reader reader = reader_of(request.next, <size_t>(request.end - request.next))
    cdef uint32_t tag
    cdef bint ok = True
    cdef bint found = False
    clear_job(job)
    while ok and not found and reader.at < reader.end and read_tag(&reader, &tag):
        found = tag == BYTES_2
        ok = read_job(&reader, job, 1) if found else skip_field(&reader, tag, 0)
    close_job(job)
    request.next = reader.at
    request.item += 1
    return outcome(&reader, request.next, error)


cdef int32_t parse_offer_answer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(JobRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.job_id)
        elif tag == VARINT_3:
            ok = read_int64(&reader, &request.version)
        elif tag == BYTES_4:
            ok = read_text(&reader, &request.request_id)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef int32_t parse_complete_job(
    const uint8_t* data, size_t size, CompleteJobRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(CompleteJobRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.job_id)
        elif tag == VARINT_3:
            ok = read_int64(&reader, &request.version)
        elif tag == BYTES_4:
            ok = read_text(&reader, &request.request_id)
        elif tag == BYTES_5:
            ok = read_time(&reader, &request.first_response, 1)
        elif tag == VARINT_6:
            request.has_satisfaction = 1
            ok = read_int32(&reader, &request.satisfaction)
        elif tag == VARINT_7:
            ok = read_bool(&reader, &request.skip_wrap_up)
        else:
            ok = skip_field(&reader, tag, 0)
    close_duration(&request.first_response)
    return outcome(&reader, data, error)


cdef int32_t parse_cancel_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(JobRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.job_id)
        elif tag == BYTES_3:
            ok = read_text(&reader, &request.request_id)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef inline bint read_target(Reader* reader, TransferJobRequest* request, int32_t kind) noexcept nogil:
    request.target_kind = kind
    return read_text(reader, &request.target)


cdef int32_t parse_transfer_job(
    const uint8_t* data, size_t size, TransferJobRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(TransferJobRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.job_id)
        elif tag == VARINT_3:
            ok = read_int64(&reader, &request.version)
        elif tag == BYTES_4:
            ok = read_text(&reader, &request.request_id)
        elif tag == BYTES_5:
            ok = read_target(&reader, request, TARGET_AGENT)
        elif tag == BYTES_6:
            ok = read_target(&reader, request, TARGET_QUEUE)
        elif tag == VARINT_7:
            ok = read_bool(&reader, &request.over_capacity)
        elif tag == VARINT_8:
            ok = read_bool(&reader, &request.reset_age)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef int32_t parse_get_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(JobRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.job_id)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef int32_t parse_set_presence(
    const uint8_t* data, size_t size, SetPresenceRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    memset(request, 0, sizeof(SetPresenceRequest))
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            ok = read_text(&reader, &request.agent_id)
        elif tag == VARINT_3:
            ok = read_int32(&reader, &request.presence)
        elif tag == BYTES_4:
            ok = read_text(&reader, &request.reason)
        elif tag == BYTES_5:
            ok = read_time(&reader, &request.lease, 1)
        elif tag == BYTES_6:
            ok = read_text(&reader, &request.request_id)
        else:
            ok = skip_field(&reader, tag, 0)
    close_duration(&request.lease)
    return outcome(&reader, data, error)


cdef int32_t parse_heartbeat(
    const uint8_t* data, size_t size, HeartbeatRequest* request, DecodeError* error
) noexcept nogil:
    cdef Reader reader = reader_of(data, size)
    cdef uint32_t tag
    cdef bint ok = True
    cdef Text agent_id
    request.tenant = text_empty()
    request.agent_count = 0
    request.next = data
    request.end = reader.end
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        if tag == BYTES_1:
            ok = read_text(&reader, &request.tenant)
        elif tag == BYTES_2:
            request.agent_count += 1
            ok = read_text(&reader, &agent_id)
        else:
            ok = skip_field(&reader, tag, 0)
    return outcome(&reader, data, error)


cdef Text parse_next_agent_id(HeartbeatRequest* request) noexcept nogil:
    """The next id of a request that was parsed; empty after the last."""
    cdef Reader reader = reader_of(request.next, <size_t>(request.end - request.next))
    cdef uint32_t tag
    cdef bint ok = True
    cdef bint found = False
    cdef Text agent_id = text_empty()
    while ok and not found and reader.at < reader.end and read_tag(&reader, &tag):
        found = tag == BYTES_2
        ok = read_text(&reader, &agent_id) if found else skip_field(&reader, tag, 0)
    request.next = reader.at
    return agent_id
