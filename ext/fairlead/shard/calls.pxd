"""The hot calls on structs: names resolved, ids deduplicated, the engine asked, the answer as integers.

Bytes come here through `dispatch.pyx`, Python values through `core.pyx`; both meet the same rules. A call either fills
`reply.answer` or returns a failure and has changed nothing. Structs must have passed the codec's validation.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport (
    CompleteJobRequest, JobRequest, JobSpec, SetPresenceRequest, TransferJobRequest,
)
from fairlead.engine.decide cimport Answer, AssignCommand
from fairlead.engine.model cimport Demand
from fairlead.shard.tenant cimport Tenant

cdef enum:
    MESSAGE_SIZE = 320
    FIELD_SIZE = 64

cdef struct Failure:
    int32_t code               # gRPC status
    const char* reason
    const char* state          # that the job is in, where that is what forbids the call; NULL
    char[FIELD_SIZE] field
    char[MESSAGE_SIZE] message

cdef struct Reply:
    Answer answer
    uint8_t arm                # of an assign: the arm of its job; 0: none
    uint8_t repeated
    Failure failure

# Numbers of the contract's methods, as in the face.
cdef enum Method:
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
    CREATE_AGENT = 11
    UPDATE_AGENT = 12
    DELETE_AGENT = 13
    UPDATE_POLICY = 14
    FINISH_WRAP_UP = 15
    SET_SCENARIO = 16
    UPSERT_CUSTOMER = 30
    DELETE_CUSTOMER = 31

# All return True when the call was carried out.
cdef bint prepare_assign(Tenant* t, const JobSpec* job, bint immediate_only, AssignCommand* command, Reply* reply) noexcept nogil
cdef bint call_assign(Tenant* t, JobSpec* job, bint immediate_only, Reply* reply) noexcept nogil
cdef bint call_offer(Tenant* t, const JobRequest* request, uint32_t method, Reply* reply) noexcept nogil
cdef bint call_complete(Tenant* t, const CompleteJobRequest* request, Reply* reply) noexcept nogil
cdef bint call_cancel(Tenant* t, const JobRequest* request, Reply* reply) noexcept nogil
cdef bint call_transfer(Tenant* t, const TransferJobRequest* request, Reply* reply) noexcept nogil
cdef bint call_presence(Tenant* t, const SetPresenceRequest* request, Reply* reply) noexcept nogil
cdef uint32_t find_job(Tenant* t, Text id, Reply* reply) noexcept nogil
cdef uint32_t find_agent(Tenant* t, Text id, const char* field, Reply* reply) noexcept nogil
cdef void add_demand(Demand* demands, uint32_t* count, uint32_t ability, uint8_t least, uint8_t most) noexcept nogil
cdef uint64_t digest_start(uint32_t method) noexcept nogil
cdef uint64_t digest_text(uint64_t digest, Text text) noexcept nogil
cdef uint64_t digest_number(uint64_t digest, int64_t value) noexcept nogil
cdef int32_t repeat(Tenant* t, Text request_id, uint64_t content, Reply* reply) noexcept nogil

# Kinds of failure, by their place in the table of failures.pyx.
cdef enum FailureKind:
    JOB_NOT_FOUND = 0
    AGENT_NOT_FOUND = 1
    QUEUE_NOT_FOUND = 2
    CHANNEL_NOT_FOUND = 3
    TIER_NOT_FOUND = 4
    JOB_ALREADY_EXISTS = 5
    AGENT_ALREADY_EXISTS = 6
    REQUEST_ID_REUSED = 7
    IS_STALE_VERSION = 8
    IS_WRONG_STATE = 9
    HOLDS_JOBS = 10
    NOT_ONLINE = 11
    IS_SAME_AGENT = 12
    IS_FULL = 13
    LIMIT_EXCEEDED = 14
    INVALID_FIELD = 15
    QUEUE_IN_USE = 16
    CHANNEL_IN_USE = 17
    UNKNOWN_METHOD = 18
    SCENARIO_NOT_FOUND = 19
