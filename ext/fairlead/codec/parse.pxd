"""Bytes to structs, exactly as the official runtime parses; no limits, no defaults, no meaning.

proto3 rules: the last value of a field wins, repeated fields append, a message that appears twice is merged, the last
member of a oneof wins, the last entry of a map key wins, unknown fields are skipped, and so is a known field of another
wire type. As in the official runtime a map entry that has unknown fields of its own is itself an unknown field.
Two differences, both in unknown groups: nesting is limited to 16 levels instead of 100, and field number 0 is refused
there too (reader.pxd).

Counts go on beyond the arrays: a count above the array's length means that the rest was read and dropped.
Each function returns DECODE_OK, or DECODE_MALFORMED and fills `error`.
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

cdef int32_t parse_assign(
    const uint8_t* data, size_t size, AssignRequest* request, DecodeError* error
) noexcept nogil
# Parses every job once, into `scratch`.
cdef int32_t parse_batch_assign(
    const uint8_t* data, size_t size, BatchAssignRequest* request, JobSpec* scratch, DecodeError* error
) noexcept nogil
cdef int32_t parse_next_job(BatchAssignRequest* request, JobSpec* job, DecodeError* error) noexcept nogil
# AcceptOffer and DeclineOffer: job_id 2, version 3, request_id 4.
cdef int32_t parse_offer_answer(
    const uint8_t* data, size_t size, JobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t parse_complete_job(
    const uint8_t* data, size_t size, CompleteJobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t parse_cancel_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t parse_transfer_job(
    const uint8_t* data, size_t size, TransferJobRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t parse_get_job(const uint8_t* data, size_t size, JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t parse_set_presence(
    const uint8_t* data, size_t size, SetPresenceRequest* request, DecodeError* error
) noexcept nogil
cdef int32_t parse_heartbeat(
    const uint8_t* data, size_t size, HeartbeatRequest* request, DecodeError* error
) noexcept nogil
cdef Text parse_next_agent_id(HeartbeatRequest* request) noexcept nogil
