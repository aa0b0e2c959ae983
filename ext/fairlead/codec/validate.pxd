"""The limits of each request, one function a message: also for structs that were not made from bytes.

Each returns a DecodeStatus, fills `error` with the first field that is wrong, and fills in the defaults that
messages.pxd names. A caller who fills a struct by hand sets a count above the limit for too many entries (the entries
themselves have no room), and of times sets `us` and `present` and leaves the rest 0.
"""

from libc.stdint cimport int32_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport (
    AssignRequest,
    CompleteJobRequest,
    DecodeError,
    JobRequest,
    JobSpec,
    SetPresenceRequest,
    TransferJobRequest,
)

cdef void error_clear(DecodeError* error) noexcept nogil
cdef int32_t validate_tenant(Text tenant, DecodeError* error) noexcept nogil
cdef int32_t validate_wait(const AssignRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_job(JobSpec* job, DecodeError* error) noexcept nogil
cdef int32_t validate_assignment(const JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_cancel(const JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_get(const JobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_complete(const CompleteJobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_transfer(const TransferJobRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_presence(const SetPresenceRequest* request, DecodeError* error) noexcept nogil
cdef int32_t validate_batch_size(int32_t job_count, DecodeError* error) noexcept nogil
cdef int32_t validate_heartbeat_size(int32_t agent_count, DecodeError* error) noexcept nogil
cdef int32_t validate_agent_id(Text agent_id, int32_t index, DecodeError* error) noexcept nogil
