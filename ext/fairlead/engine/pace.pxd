"""How fast a class's line moves: what a waiting job may expect is made of this."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport Class, Engine

cdef enum:
    LOOKED_AT = 256    # jobs that `jobs_before` counts at most

cdef void pace_begins(Class* c, int64_t now) noexcept nogil
cdef void pace_taken(Class* c, int64_t now) noexcept nogil
cdef uint32_t jobs_before(const Engine* e, uint32_t cls, uint32_t job) noexcept nogil
cdef uint32_t jobs_before_in_queue(const Engine* e, uint32_t job) noexcept nogil
