"""Bytes of a hot request to its struct: parsed as the official runtime parses, then validated.

Each function returns a DecodeStatus, and fills `error` when it is not DECODE_OK; the struct is unspecified then. No
allocation, no interpreter. `data` may be NULL when `size` is 0. Cost: O(size), about 5 ns a field.
"""

from libc.stdint cimport int32_t, uint8_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport (
    AssignRequest,
    BatchAssignRequest,
    CompleteJobRequest,
    DecodeError,
    HeartbeatRequest,
    JobRequest,
    JobSpec,
    SetPresenceRequest,
    TransferJobRequest,
)

cdef int32_t decode_assign(
    const uint8_t* data, size_t size, AssignRequest* request, DecodeError* error
) noexcept nogil
# Every job is parsed once into `scratch` here: malformed bytes refuse the whole batch before anything of it is done.
cdef int32_t decode_batch_assign(
    const uint8_t* data, size_t size, BatchAssignRequest* request, JobSpec* scratch, DecodeError* error
) noexcept nogil
# Call exactly `job_count` times. DECODE_INVALID concerns this job alone; the next call goes on with the next job.
cdef int32_t decode_next_job(BatchAssignRequest* request, JobSpec* job, DecodeError* error) noexcept nogil
cdef int32_t decode_accept_offer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t decode_decline_offer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t decode_complete_job(
    const uint8_t* data, size_t size, CompleteJobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t decode_cancel_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t decode_transfer_job(
    const uint8_t* data, size_t size, TransferJobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t decode_get_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t decode_set_presence(
    const uint8_t* data, size_t size, SetPresenceRequest* request, DecodeError* error
) noexcept nogil
# Every id is checked here.
cdef int32_t decode_heartbeat(
    const uint8_t* data, size_t size, HeartbeatRequest* request, DecodeError* error
) noexcept nogil
# Call exactly `agent_count` times.
cdef Text decode_next_agent_id(HeartbeatRequest* request) noexcept nogil
