"""See counts.pxd."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from fairlead.base.histogram cimport bucket_of
from fairlead.base.memory cimport memory_zeroed
from fairlead.transport.model cimport ANSWERED, DURATION_BUCKETS, Ended, HEADERS_DONE, SIZE_BUCKETS, UNCOUNTED

cdef enum:
    CANCELLED = 1

# Microseconds and bytes, of A66.
cdef int64_t* DURATIONS = [
    0, 10, 50, 100, 300, 600, 800, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10000, 13000, 16000, 20000, 25000, 30000, 40000,
    50000, 65000, 80000, 100000, 130000, 160000, 200000, 250000, 300000, 400000, 500000, 650000, 800000, 1000000, 2000000,
    5000000, 10000000, 20000000, 50000000, 100000000,
]
cdef int64_t* SIZES = [
    0, 1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824, 4294967296,
]


cdef const int64_t* duration_bounds() noexcept nogil:
    return DURATIONS


cdef const int64_t* size_bounds() noexcept nogil:
    return SIZES


cdef void counts_init(Loop* loop) noexcept nogil:
    loop.counts = <CallCounts*> memory_zeroed((loop.method_count + 1) * sizeof(CallCounts))


cdef inline CallCounts* counts_of(Loop* loop, const Stream* stream) noexcept nogil:
    return &loop.counts[<uint32_t> stream.method if stream.method >= 0 else loop.method_count]


cdef void count_started(Loop* loop, const Stream* stream) noexcept nogil:
    counts_of(loop, stream).started += 1


cdef void count_ended(Loop* loop, const Stream* stream, bint is_whole) noexcept nogil:
    cdef int32_t status = stream.status if is_whole and stream.flags & ANSWERED else CANCELLED
    cdef Ended* ended = &counts_of(loop, stream).ended[status]
    cdef int64_t duration = loop.now - stream.started
    if stream.flags & UNCOUNTED or not stream.flags & HEADERS_DONE:
        return
    ended.duration_us += duration
    ended.durations[bucket_of(DURATIONS, DURATION_BUCKETS - 1, duration)] += 1
    ended.received += stream.received
    ended.received_sizes[bucket_of(SIZES, SIZE_BUCKETS - 1, <int64_t> stream.received)] += 1
    ended.sent += stream.told
    ended.sent_sizes[bucket_of(SIZES, SIZE_BUCKETS - 1, <int64_t> stream.told)] += 1
