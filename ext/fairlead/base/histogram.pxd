"""Where a value belongs in a histogram whose buckets end at given bounds, each bound its own bucket's.

Counts are for one writer; who reads them meanwhile sees each of them as it was a moment ago.
"""

from libc.stdint cimport int64_t, uint32_t


cdef inline uint32_t bucket_of(const int64_t* bounds, uint32_t count, int64_t value) noexcept nogil:
    """Index of the first bound that is not below the value; `count`, the last bucket, when all are. Most values are small: from below."""
    cdef uint32_t at = 0
    while at < count and bounds[at] < value:
        at += 1
    return at
