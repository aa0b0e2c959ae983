"""Where a job is: in a backlog, with an agent, or at its end. Called by facts alone (apply.pyx, offers.pyx, presence.pyx)."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fairlead.engine.model cimport Engine, Fact, Job

cdef bint may_follow(uint32_t state, uint32_t after) noexcept nogil
cdef uint16_t following_states(uint32_t state) noexcept nogil
cdef void set_state(Engine* e, Job* job, uint8_t state) noexcept nogil
cdef void enter_class(Engine* e, uint32_t job, uint32_t cls) noexcept nogil
cdef void enter_backlog(Engine* e, uint32_t job) noexcept nogil
cdef void leave_backlog(Engine* e, uint32_t job) noexcept nogil
cdef void leave_line(Engine* e, uint32_t job, int64_t time) noexcept nogil
cdef void join_agent(Engine* e, const Fact* fact, uint8_t state) noexcept nogil
cdef void leave_agent(Engine* e, uint32_t job) noexcept nogil
cdef void note_given(Engine* e, uint32_t job, uint32_t agent, uint32_t cls, uint32_t cause, bint in_absence) noexcept nogil
cdef void note_pace(Engine* e, uint32_t agent, int64_t time) noexcept nogil
cdef void drop_bars(Job* job) noexcept nogil
cdef bint binds(const Engine* e, const Job* job, uint32_t cls) noexcept nogil
