"""See tally.pxd."""

from libc.stdint cimport int64_t

cdef int64_t* WAIT_BOUNDS = [
    0, 100000, 1000000, 2000000, 5000000, 10000000, 20000000, 30000000, 60000000, 120000000, 300000000, 600000000,
    1800000000, 3600000000,
]


cdef const int64_t* wait_bounds() noexcept nogil:
    return WAIT_BOUNDS
