"""Time passes: timers fire, each at its own time and as a step of its own, and what is old enough is forgotten."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.engine.model cimport Engine

cdef enum:
    MAX_ENDED = 1000000     # ended jobs remembered, whatever the retention

cdef void advance(Engine* e, int64_t now) noexcept nogil
cdef void approach(Engine* e, int64_t now) noexcept nogil
cdef void forget(Engine* e) noexcept nogil
cdef int64_t next_due(const Engine* e) noexcept nogil
