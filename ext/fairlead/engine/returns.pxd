"""Work that comes back to the backlog: offers that came to nothing, jobs of agents who are lost (O1-O3, P3)."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport Engine

cdef void end(Engine* e, uint32_t job, uint32_t state, uint32_t reason, int64_t samples) noexcept nogil
cdef void release(Engine* e, uint32_t job) noexcept nogil
cdef void end_wrap_up(Engine* e, uint32_t job) noexcept nogil
cdef void place_requeued(Engine* e, uint32_t job, uint32_t source) noexcept nogil
cdef void withdraw_offer(Engine* e, uint32_t job, uint32_t how) noexcept nogil
cdef void offer_missed(Engine* e, uint32_t job) noexcept nogil
cdef void change_presence(Engine* e, uint32_t agent, uint32_t presence, int64_t lease, uint32_t cause, uint32_t flag) noexcept nogil
cdef void lose_job(Engine* e, uint32_t job) noexcept nogil
cdef void lose_jobs(Engine* e, uint32_t agent) noexcept nogil
