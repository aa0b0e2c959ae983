"""Who gets a job: the strategies, the own agent, and the reason when nobody does. Reads the state, changes none of it."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.engine.model cimport Engine, Job

cdef enum:
    GROUP_KEYS = 3   # step, threshold, preferences
    KEY_COUNT = 9    # those, three of the strategy, last given, order, number

cdef struct Choice:
    uint32_t agent       # NOBODY: nobody can take it
    uint32_t cause
    int64_t hold_until   # nobody, because it waits for its own agent until then

cdef Choice choose(Engine* e, const Job* job, bint may_hold) noexcept nogil
cdef bint own_can_take(const Engine* e, const Job* job) noexcept nogil
cdef bint hold_stands(const Engine* e, const Job* job) noexcept nogil
cdef bint can_take(const Engine* e, const Job* job, uint32_t agent) noexcept nogil
cdef bint may_use(const Engine* e, const Job* job, uint32_t agent) noexcept nogil
cdef uint32_t waiting_reason(Engine* e, const Job* job) noexcept nogil
cdef void sort_keys(const Engine* e, const Job* job, uint32_t agent, int64_t* keys) noexcept nogil
cdef uint64_t start_limit(const Engine* e, const Job* job) noexcept nogil
