"""What a shard has done since it was made, in numbers for metrics. Kept under its lock, over all tenants.

An increment or two a call; who looks takes the lock.
"""

from libc.stdint cimport int64_t, uint64_t

from fairlead.base.histogram cimport bucket_of

cdef enum:
    TALLY_OUTCOMES = 5       # numbers of the contract, from 1
    TALLY_REASONS = 16
    TALLY_EVENTS = 32
    WAIT_BUCKETS = 15        # the last is for those who waited longer than every bound

cdef struct Tally:
    uint64_t[TALLY_OUTCOMES][TALLY_REASONS] assigns   # answers to assigns, repeats left out
    uint64_t[TALLY_EVENTS] events                     # by kind, as WatchEvents tells them
    uint64_t[WAIT_BUCKETS] waits                      # jobs by the time from their queue to their first agent
    uint64_t wait_us                                  # of all of them together

# Microseconds at which the buckets of Tally.waits end, all but the last.
cdef const int64_t* wait_bounds() noexcept nogil


cdef inline void tally_wait(Tally* tally, int64_t wait_us) noexcept nogil:
    tally.waits[bucket_of(wait_bounds(), WAIT_BUCKETS - 1, wait_us)] += 1
    tally.wait_us += <uint64_t> wait_us
