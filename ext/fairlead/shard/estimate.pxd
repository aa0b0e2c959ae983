"""What a waiting job may expect (E1): its place in the queue, and how long such jobs wait."""

from libc.stdint cimport uint32_t

from fairlead.codec.messages cimport WaitEstimate
from fairlead.engine.model cimport Engine

cdef void estimate_wait(const Engine* e, uint32_t job, WaitEstimate* out) noexcept nogil
