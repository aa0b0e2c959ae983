"""Calls counted as gRPC proposal A66 has it: started, and by status duration and bytes of messages, as histograms.

A thread counts for itself; whoever reads adds the threads up. A call costs three short searches and six increments.
"""

from libc.stdint cimport int64_t

from fairlead.transport.model cimport CallCounts, Loop, Stream

# Microseconds and bytes at which buckets end, all but the last.
cdef const int64_t* duration_bounds() noexcept nogil
cdef const int64_t* size_bounds() noexcept nogil
# For each method and one more.
cdef void counts_init(Loop* loop) noexcept nogil
cdef void count_started(Loop* loop, const Stream* stream) noexcept nogil
# The stream is closed, at `loop.now`; `is_whole`: as HTTP/2 means it, and not by a reset or with its connection.
cdef void count_ended(Loop* loop, const Stream* stream, bint is_whole) noexcept nogil
