"""Parse, then validate."""

from fairlead.codec.messages cimport DECODE_INVALID, DECODE_OK
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
from fairlead.codec.validate cimport (
    error_clear,
    validate_agent_id,
    validate_assignment,
    validate_batch_size,
    validate_cancel,
    validate_complete,
    validate_get,
    validate_heartbeat_size,
    validate_job,
    validate_presence,
    validate_tenant,
    validate_transfer,
    validate_wait,
)


cdef int32_t decode_assign(
    const uint8_t* data, size_t size, AssignRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_assign(data, size, request, error)
    if status == DECODE_OK:
        status = validate_tenant(request.tenant, error)
    if status == DECODE_OK and not request.has_job:
        error_clear(error)
        error.status = DECODE_INVALID
        error.field = b"job"
        error.what = b"is missing"
        return DECODE_INVALID
    if status == DECODE_OK:
        status = validate_job(&request.job, error)
    if status == DECODE_OK:
        status = validate_wait(request, error)
    return status


cdef int32_t decode_batch_assign(
    const uint8_t* data, size_t size, BatchAssignRequest* request, JobSpec* scratch, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_batch_assign(data, size, request, scratch, error)
    if status == DECODE_OK:
        status = validate_tenant(request.tenant, error)
    if status == DECODE_OK:
        status = validate_batch_size(request.job_count, error)
    return status


cdef int32_t decode_next_job(BatchAssignRequest* request, JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t item = request.item
    cdef int32_t status = parse_next_job(request, job, error)
    if status == DECODE_OK:
        status = validate_job(job, error)
    if status != DECODE_OK:
        error.item = item
    return status


cdef int32_t decode_accept_offer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_offer_answer(data, size, request, error)
    return validate_assignment(request, error) if status == DECODE_OK else status


cdef int32_t decode_decline_offer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_offer_answer(data, size, request, error)
    return validate_assignment(request, error) if status == DECODE_OK else status


cdef int32_t decode_complete_job(
    const uint8_t* data, size_t size, CompleteJobRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_complete_job(data, size, request, error)
    return validate_complete(request, error) if status == DECODE_OK else status


cdef int32_t decode_cancel_job(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_cancel_job(data, size, request, error)
    return validate_cancel(request, error) if status == DECODE_OK else status


cdef int32_t decode_transfer_job(
    const uint8_t* data, size_t size, TransferJobRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_transfer_job(data, size, request, error)
    return validate_transfer(request, error) if status == DECODE_OK else status


cdef int32_t decode_get_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil:
    cdef int32_t status = parse_get_job(data, size, request, error)
    return validate_get(request, error) if status == DECODE_OK else status


cdef int32_t decode_set_presence(
    const uint8_t* data, size_t size, SetPresenceRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t status = parse_set_presence(data, size, request, error)
    return validate_presence(request, error) if status == DECODE_OK else status


cdef int32_t decode_heartbeat(
    const uint8_t* data, size_t size, HeartbeatRequest* request, DecodeError* error
) noexcept nogil:
    cdef int32_t i
    cdef const uint8_t* first
    cdef int32_t status = parse_heartbeat(data, size, request, error)
    if status == DECODE_OK:
        status = validate_tenant(request.tenant, error)
    if status == DECODE_OK:
        status = validate_heartbeat_size(request.agent_count, error)
    if status != DECODE_OK:
        return status
    first = request.next
    for i in range(request.agent_count):
        status = validate_agent_id(parse_next_agent_id(request), i, error)
        if status != DECODE_OK:
            return status
    request.next = first
    return DECODE_OK


cdef Text decode_next_agent_id(HeartbeatRequest* request) noexcept nogil:
    return parse_next_agent_id(request)
