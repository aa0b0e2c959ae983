"""The backlog meets room: whenever something raised what can be served, in the same step (Q1-Q5, Q8)."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.engine.model cimport Demand, Engine, Job


# A waiting job in a list to be sorted by its key.
cdef struct Waiting:
    uint64_t high
    uint64_t number
    uint32_t job


cdef int compare_waiting(const void* left, const void* right) noexcept nogil
cdef void note(const Engine* e, Waiting* entry, uint32_t job) noexcept nogil
cdef uint32_t class_of(Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil
cdef void follow_plan(Engine* e, uint32_t job, bint is_new) noexcept nogil
cdef void follow_plans(Engine* e) noexcept nogil
cdef void give(Engine* e, uint32_t job, uint32_t agent, uint32_t cls, uint32_t cause) noexcept nogil
cdef void make_wait(Engine* e, uint32_t job, uint32_t cls, uint32_t reason, int64_t hold_until, uint32_t flag) noexcept nogil
cdef uint32_t backlog_cause(const Engine* e, uint32_t job, uint32_t agent) noexcept nogil
cdef uint32_t first_for(const Engine* e, uint32_t agent) noexcept nogil
cdef void serve(Engine* e, uint32_t agent) noexcept nogil
cdef void try_place(Engine* e, uint32_t job) noexcept nogil
cdef void release_holds(Engine* e, uint32_t agent, const uint32_t* others, uint32_t other_count) noexcept nogil
cdef int64_t hold_after(const Engine* e, const Job* job) noexcept nogil
cdef void drop_owner(Engine* e, uint32_t agent) noexcept nogil
cdef uint32_t* held_for(const Engine* e, uint32_t agent, uint32_t* count) noexcept nogil
cdef void tell_reasons(Engine* e, const uint32_t* jobs, uint32_t count) noexcept nogil
cdef void place_all(Engine* e) noexcept nogil
cdef void settle(Engine* e) noexcept nogil
