"""See feed.pxd."""

from libc.stdlib cimport free
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fairlead.base.memory cimport memory_grow
from fairlead.events.ring cimport ring_append, ring_free, ring_init

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_condattr_t:
        pass
    int pthread_condattr_init(pthread_condattr_t* attributes)
    int pthread_condattr_setclock(pthread_condattr_t* attributes, int clock)
    int pthread_condattr_destroy(pthread_condattr_t* attributes)
    int pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* attributes)
    int pthread_cond_destroy(pthread_cond_t* condition)
    int pthread_cond_broadcast(pthread_cond_t* condition)
    int pthread_cond_timedwait(pthread_cond_t* condition, void* mutex, const timespec* until)

cdef enum:
    REPEATS_LOOKED_AT = 8    # a step that makes more jobs wait makes none of them wait twice


cdef void feed_init(Feed* feed, uint32_t capacity, uint64_t first) noexcept nogil:
    """See `ring_init`."""
    cdef pthread_condattr_t attributes
    memset(feed, 0, sizeof(Feed))
    ring_init(&feed.ring, capacity, first)
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(&feed.changed, &attributes)
    pthread_condattr_destroy(&attributes)


cdef void feed_free(Feed* feed) noexcept nogil:
    pthread_cond_destroy(&feed.changed)
    ring_free(&feed.ring)
    free(feed.pending)


cdef inline void tell_sleepers(Feed* feed) noexcept nogil:
    if feed.sleepers:
        feed.sleepers = 0
        pthread_cond_broadcast(&feed.changed)


cdef void feed_append(Feed* feed, const Record* record, Text job, Text gateway, Text note) noexcept nogil:
    """Adds an event and wakes who waits for one."""
    ring_append(&feed.ring, record, job, gateway, note)
    tell_sleepers(feed)


cdef void feed_hold(Feed* feed, void* tenant, uint32_t job, uint64_t number, int64_t time) noexcept nogil:
    """Notes a job that waits now; whether it still does when the step ends is for the owner to see."""
    cdef uint32_t at = feed.pending_count
    cdef Pending* entry
    while at and feed.pending_count - at < REPEATS_LOOKED_AT:
        at -= 1
        if feed.pending[at].job == job and feed.pending[at].tenant == tenant:
            return
    if feed.pending_count == feed.pending_capacity:
        feed.pending_capacity = feed.pending_capacity * 2 if feed.pending_capacity else 16
        feed.pending = <Pending*> memory_grow(feed.pending, feed.pending_capacity * sizeof(Pending))
    entry = &feed.pending[feed.pending_count]
    entry.tenant = tenant
    entry.job = job
    entry.number = number
    entry.time = time
    feed.pending_count += 1


cdef void feed_wake(Feed* feed) noexcept nogil:
    """Lets everyone who waits look around."""
    feed.wakes += 1
    tell_sleepers(feed)


cdef void feed_wait(Feed* feed, void* mutex, uint64_t after, int64_t timeout_us) noexcept nogil:
    """Returns when there is an event after the sequence `after`, when woken, or after this time. Holds `mutex` once."""
    cdef timespec until
    cdef uint64_t wakes = feed.wakes
    clock_gettime(CLOCK_MONOTONIC, &until)
    until.tv_sec += timeout_us // 1000000
    until.tv_nsec += timeout_us % 1000000 * 1000
    if until.tv_nsec >= 1000000000:
        until.tv_sec += 1
        until.tv_nsec -= 1000000000
    while feed.ring.last <= after and feed.wakes == wakes:
        feed.sleepers += 1
        if pthread_cond_timedwait(&feed.changed, mutex, &until) != 0:
            return
