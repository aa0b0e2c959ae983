"""The commands: what may be asked of the engine. Each decides on the state as it is, commits facts, and answers.

A refused command commits nothing. Every accepted one ends with no waiting job that has a candidate. Callers move the clock
with `advance` first.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.engine.model cimport Demand, Engine, Job, MAX_JOB_DEMANDS, MAX_JOB_EXCLUDED

cdef enum:
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
    uint32_t plan             # NOBODY: its queue's
    uint32_t rule             # slot of the name of the rule that matched; NOBODY: none
    uint16_t strategy         # its own; 0: the queue's
    uint8_t wanted_mode
    uint8_t affinity          # 0: the queue's mode
    uint8_t urgency
    uint8_t immediate_only
    uint8_t arm               # 0: none
    uint32_t demand_count
    uint32_t preferred_count  # 0: no preferences
    uint32_t wish_count       # preferences alone
    uint32_t excluded_count
    Demand[MAX_JOB_DEMANDS] demands          # sorted by ability, each once
    Demand[2 * MAX_JOB_DEMANDS] preferred    # demands and preferences together, likewise
    Demand[MAX_JOB_DEMANDS] wishes
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


# What is to become of a job that looks for a place.
cdef enum Fate:
    IS_GIVEN = 1
    WAITS = 2
    IS_REFUSED = 3     # not kept
    IS_CANCELLED = 4

cdef struct Placement:
    uint32_t fate
    uint32_t agent
    uint32_t cls
    uint32_t reason
    uint32_t cause
    uint32_t own_flag     # OWN_DROPPED once it has overflowed
    int64_t hold_until


# Placing, for whoever else has a job that looks for a place.
cdef Placement place(Engine* e, const Job* job, bint immediate_only) noexcept nogil
cdef void carry_out(Engine* e, uint32_t job, const Placement* p) noexcept nogil
cdef bint carry_over(Engine* e, const Job* job, uint32_t queue, uint32_t* cls, uint32_t* preferred) noexcept nogil

# The commands.
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
