"""A ring of events with those who wait for its next one, and the jobs that may be waiting when the step ends.

Everything here happens under the lock of the ring's owner, which `feed_wait` gives away while it sleeps. The writer pays
for a sleeper with one broadcast, and only for the first event after it went to sleep.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.events.ring cimport Record, Ring

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_cond_t:
        pass


# A job that began to wait in this step.
cdef struct Pending:
    void* tenant
    uint64_t number
    int64_t time
    uint32_t job

cdef struct Feed:
    Ring ring
    Pending* pending
    uint32_t pending_count
    uint32_t pending_capacity
    uint32_t sleepers
    uint64_t wakes           # counts `feed_wake`
    pthread_cond_t changed


cdef void feed_init(Feed* feed, uint32_t capacity, uint64_t first) noexcept nogil
cdef void feed_free(Feed* feed) noexcept nogil
cdef void feed_append(Feed* feed, const Record* record, Text job, Text gateway, Text note) noexcept nogil
cdef void feed_hold(Feed* feed, void* tenant, uint32_t job, uint64_t number, int64_t time) noexcept nogil
cdef void feed_wake(Feed* feed) noexcept nogil
cdef void feed_wait(Feed* feed, void* mutex, uint64_t after, int64_t timeout_us) noexcept nogil
