"""The commands: what may be asked of the engine. Each decides on the state as it is, commits facts, and answers.

A refused command commits nothing. Every accepted one ends with no waiting job that has a candidate. Callers move the clock
with `advance` first.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.engine.model cimport Demand, Engine, MAX_JOB_DEMANDS, MAX_JOB_EXCLUDED

cdef enum:
    MAX_ENDED = 1000000     # ended jobs remembered, whatever the retention
    MAX_EXCLUSIONS = 255    # of one job, those added by transfers included


cdef struct AssignCommand:
    uint32_t queue
    uint32_t channel
    uint32_t customer         # NOBODY: unknown
    uint32_t wanted_agent     # NOBODY: none
    uint64_t content
    int64_t wanted_hold
    int64_t head_start        # of request and tier together
    int64_t start_time        # 0: now
    int64_t time_to_live      # 0: for ever
    uint8_t wanted_mode
    uint8_t affinity          # 0: the queue's mode
    uint8_t urgency
    uint8_t immediate_only
    uint32_t demand_count
    uint32_t preferred_count  # 0: no preferences
    uint32_t excluded_count
    Demand[MAX_JOB_DEMANDS] demands          # sorted by ability, each once
    Demand[2 * MAX_JOB_DEMANDS] preferred    # demands and preferences together, likewise
    uint32_t[MAX_JOB_EXCLUDED] excluded


cdef struct Answer:
    uint32_t refusal      # a Refusal; the rest counts only when it is ACCEPTED
    uint32_t job          # NOBODY: not kept
    uint32_t agent        # NOBODY: nobody
    uint32_t queue
    uint32_t version
    uint32_t outcome
    uint32_t reason
    uint32_t state
    uint64_t policy_version
    int64_t deadline      # end of the open offer or of the after-work; 0: neither


cdef void advance(Engine* e, int64_t now) noexcept nogil
cdef void forget(Engine* e) noexcept nogil
cdef int64_t next_due(const Engine* e) noexcept nogil

cdef void assign(Engine* e, const AssignCommand* command, Answer* answer) noexcept nogil
cdef void first_answer(const Engine* e, uint32_t job, Answer* answer) noexcept nogil
cdef void present_answer(const Engine* e, uint32_t job, Answer* answer) noexcept nogil
cdef uint32_t refusal_of(const Engine* e, uint32_t job, uint64_t version, uint32_t state) noexcept nogil
cdef void cancel(Engine* e, uint32_t job, Answer* answer) noexcept nogil
cdef uint32_t transfer_to_agent(
    Engine* e, uint32_t job, uint64_t version, uint32_t agent, bint over_capacity, bint reset_age
) noexcept nogil
cdef uint32_t transfer_to_queue(
    Engine* e, uint32_t job, uint64_t version, uint32_t queue, bint is_back, bint reset_age
) noexcept nogil
