"""See failures.pxd."""

from libc.stdint cimport int32_t
from libc.stdio cimport snprintf

from fairlead.base.text cimport text_of
from fairlead.codec.encode cimport encode_status
from fairlead.codec.messages cimport Label
from fairlead.engine.model cimport (
    AGENT_FULL, AGENT_HOLDS_JOBS, AGENT_NOT_ONLINE, ASSIGNED, CANCELLED, COMPLETED, JOB_UNKNOWN, OFFERED, QUEUED, SAME_AGENT,
    SCHEDULED, STALE_VERSION, WRAPPING, WRONG_STATE,
)
from fairlead.shard.calls cimport (
    AGENT_ALREADY_EXISTS, AGENT_NOT_FOUND, CHANNEL_IN_USE, CHANNEL_NOT_FOUND, FIELD_SIZE, HOLDS_JOBS, INVALID_FIELD, IS_FULL,
    IS_SAME_AGENT, IS_STALE_VERSION, IS_WRONG_STATE, JOB_ALREADY_EXISTS, JOB_NOT_FOUND, LIMIT_EXCEEDED, MESSAGE_SIZE, NOT_ONLINE,
    QUEUE_IN_USE, QUEUE_NOT_FOUND, REQUEST_ID_REUSED, SCENARIO_NOT_FOUND, TIER_NOT_FOUND, UNKNOWN_METHOD,
)

# The gRPC codes used here.
cdef enum:
    CODE_INVALID = 3
    CODE_NOT_FOUND = 5
    CODE_EXISTS = 6
    CODE_EXHAUSTED = 8
    CODE_PRECONDITION = 9
    CODE_UNIMPLEMENTED = 12


cdef const char* reason_of(uint32_t kind) noexcept nogil:
    if kind == JOB_NOT_FOUND:
        return b"JOB_NOT_FOUND"
    if kind == AGENT_NOT_FOUND:
        return b"AGENT_NOT_FOUND"
    if kind == QUEUE_NOT_FOUND:
        return b"QUEUE_NOT_FOUND"
    if kind == CHANNEL_NOT_FOUND:
        return b"CHANNEL_NOT_FOUND"
    if kind == TIER_NOT_FOUND:
        return b"TIER_NOT_FOUND"
    if kind == JOB_ALREADY_EXISTS:
        return b"JOB_ALREADY_EXISTS"
    if kind == AGENT_ALREADY_EXISTS:
        return b"AGENT_ALREADY_EXISTS"
    if kind == REQUEST_ID_REUSED:
        return b"REQUEST_ID_REUSED"
    if kind == IS_STALE_VERSION:
        return b"STALE_VERSION"
    if kind == IS_WRONG_STATE:
        return b"WRONG_STATE"
    if kind == HOLDS_JOBS:
        return b"AGENT_HOLDS_JOBS"
    if kind == NOT_ONLINE:
        return b"AGENT_NOT_ONLINE"
    if kind == IS_SAME_AGENT:
        return b"SAME_AGENT"
    if kind == IS_FULL:
        return b"AGENT_FULL"
    if kind == LIMIT_EXCEEDED:
        return b"LIMIT_EXCEEDED"
    if kind == QUEUE_IN_USE:
        return b"QUEUE_IN_USE"
    if kind == CHANNEL_IN_USE:
        return b"CHANNEL_IN_USE"
    if kind == UNKNOWN_METHOD:
        return b"UNKNOWN_METHOD"
    if kind == SCENARIO_NOT_FOUND:
        return b"SCENARIO_NOT_FOUND"
    return b"INVALID_FIELD"


cdef int32_t code_of(uint32_t kind) noexcept nogil:
    if kind <= TIER_NOT_FOUND or kind == SCENARIO_NOT_FOUND:
        return CODE_NOT_FOUND
    if kind <= REQUEST_ID_REUSED:
        return CODE_EXISTS
    if kind == IS_FULL or kind == LIMIT_EXCEEDED:
        return CODE_EXHAUSTED
    if kind == INVALID_FIELD:
        return CODE_INVALID
    if kind == UNKNOWN_METHOD:
        return CODE_UNIMPLEMENTED
    return CODE_PRECONDITION


cdef bint fail(Reply* reply, uint32_t kind, const char* what, Text subject, const char* field) noexcept nogil:
    """Fills the failure; `what` may hold one %.*s for the subject. Returns False, for the caller to return."""
    reply.failure.code = code_of(kind)
    reply.failure.reason = reason_of(kind)
    reply.failure.state = NULL
    snprintf(reply.failure.field, FIELD_SIZE, b"%s", field)
    snprintf(reply.failure.message, MESSAGE_SIZE, what, <int> subject.size, subject.data)
    return False


cdef const char* state_name(uint32_t state) noexcept nogil:
    """As the contract names it."""
    if state == SCHEDULED:
        return b"SCHEDULED"
    if state == QUEUED:
        return b"QUEUED"
    if state == OFFERED:
        return b"OFFERED"
    if state == ASSIGNED:
        return b"ASSIGNED"
    if state == WRAPPING:
        return b"WRAPPING"
    if state == COMPLETED:
        return b"COMPLETED"
    return b"CANCELLED" if state == CANCELLED else b"EXPIRED"


cdef bint fail_state(Reply* reply, Text job_id, uint32_t state) noexcept nogil:
    fail(reply, IS_WRONG_STATE, b"", job_id, b"")
    reply.failure.state = state_name(state)
    snprintf(
        reply.failure.message, MESSAGE_SIZE, b"job '%.*s' is %s, a state that does not allow this", <int> job_id.size, job_id.data,
        reply.failure.state)
    return False


cdef void encode_failure(Buffer* out, const Failure* failure) noexcept nogil:
    """As google.rpc.Status (E2)."""
    cdef Label state
    if failure.state != NULL:
        state.key = text_of(b"state")
        state.value = text_of(failure.state)
    encode_status(out, failure.code, text_of(failure.reason), text_of(failure.message), text_of(failure.field), &state,
                  failure.state != NULL)


cdef bint fail_refused(Reply* reply, uint32_t refusal, Text subject, uint32_t state) noexcept nogil:
    """What the engine refused, in words."""
    if refusal == JOB_UNKNOWN:
        return fail(reply, JOB_NOT_FOUND, b"no job '%.*s'", subject, b"")
    if refusal == WRONG_STATE:
        return fail_state(reply, subject, state)
    if refusal == STALE_VERSION:
        return fail(reply, IS_STALE_VERSION, b"job '%.*s' has been assigned again since that version", subject, b"")
    if refusal == AGENT_HOLDS_JOBS:
        return fail(reply, HOLDS_JOBS, b"agent '%.*s' still holds jobs", subject, b"")
    if refusal == AGENT_NOT_ONLINE:
        return fail(reply, NOT_ONLINE, b"agent '%.*s' is not ONLINE", subject, b"")
    if refusal == SAME_AGENT:
        return fail(reply, IS_SAME_AGENT, b"agent '%.*s' holds the job already", subject, b"")
    if refusal == AGENT_FULL:
        return fail(reply, IS_FULL, b"agent '%.*s' has no room for the job", subject, b"")
    return fail(reply, LIMIT_EXCEEDED, b"job '%.*s' has new demands, and the tenant has 65536 different ones already", subject, b"")
