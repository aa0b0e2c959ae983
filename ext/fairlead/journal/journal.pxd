"""The seam through which facts become durable.

    journal_record / journal_recorded   a record is written into the step; its sequence counts from 1
    journal_publish                     the step is whole: the commit thread may take it
    journal_durable                     the last sequence that survives what the mode promises to survive
    journal_wait                        returns when a sequence is durable

Only the owner of the shard records and publishes; who waits holds no lock. A record is bytes to this room: it knows neither
facts nor tenants. A journal that was never opened (`enabled` is 0) counts records, and they are durable at once.

Cost: a record is one copy into a buffer that is kept, a publication one more copy and one lock; nothing is allocated once
the buffers have their size.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from fairlead.base.buffer cimport buffer_reserve
from fairlead.journal.model cimport DURABILITY_NONE, SLOW_US, Journal, load, store

cdef enum:
    SLOW_MEMORY_US = 60000000    # for so long

cdef void journal_init(Journal* journal) noexcept nogil
cdef void journal_free(Journal* journal) noexcept nogil
cdef void journal_publish(Journal* journal) noexcept nogil
cdef void journal_wait(Journal* journal, uint64_t sequence) noexcept nogil
cdef void journal_recorded(Journal* journal, uint8_t* begin, uint8_t* end) noexcept nogil
# The eventfd is written to after every commit, until `journal_ignore`. Whether there was a place for it.
cdef bint journal_listen(Journal* journal, int event) noexcept nogil
cdef void journal_ignore(Journal* journal, int event) noexcept nogil


cdef inline uint8_t* journal_record(Journal* journal, size_t most) noexcept nogil:
    """Room for a record of at most `most` bytes; `journal_recorded` ends it."""
    buffer_reserve(&journal.step, most + 6)
    return journal.step.data + journal.step.size + 1


cdef inline void journal_count(Journal* journal) noexcept nogil:
    """A record that nobody keeps."""
    store(&journal.sequence, journal.sequence + 1)


cdef inline uint64_t journal_durable(const Journal* journal) noexcept nogil:
    """The last sequence that survives what the mode promises to survive. From any thread."""
    return load(&journal.sequence) if journal.mode == DURABILITY_NONE else load(&journal.durable)


cdef inline int64_t journal_stall(const Journal* journal, int64_t now) noexcept nogil:
    """Microseconds that the write and sync under way has taken by `now`, of the monotone clock; 0 when there is none."""
    cdef uint64_t begun = load(&journal.sync_begun)
    return now - <int64_t> begun if begun else 0


cdef inline bint journal_is_slow(const Journal* journal, int64_t now) noexcept nogil:
    """Whether the sync under way, or one that ended within the last minute, took longer than SLOW_US."""
    cdef int64_t ended = <int64_t> load(&journal.slow_ended)
    return journal_stall(journal, now) > SLOW_US or (ended != 0 and now - ended < SLOW_MEMORY_US)


cdef inline bint journal_is_full(const Journal* journal) noexcept nogil:
    """Whether the disk has no room for the next segment: what can be refused should be."""
    return load(&journal.no_space) != 0
