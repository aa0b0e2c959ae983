"""Closed and open loop: which call leaves when, and what its answer means."""

from libc.stdint cimport int64_t

from fairlead.load.model cimport Load

cdef void load_begin(Load* load) noexcept nogil
# Runs until this time on the monotone clock in ns; whether any connection still works.
cdef bint load_run(Load* load, int64_t until) noexcept nogil
# Lets the calls in flight end, at most until this time.
cdef void load_finish(Load* load, int64_t until) noexcept nogil
cdef int64_t clock_ns() noexcept nogil
