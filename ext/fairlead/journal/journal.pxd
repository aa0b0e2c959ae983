"""The seam through which facts become durable.

The shard appends every record before it answers, and gives an answer away only when `journal_durable` has reached its
sequence. Mode `none` is the only one here: a record is counted and is as durable as it will ever be, so answers leave at
once. A record is bytes to this room; it knows neither facts nor tenants.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef enum JournalMode:
    DURABILITY_NONE = 0


cdef struct Journal:
    uint32_t mode
    uint64_t sequence   # of the last record, from 1


cdef inline void journal_init(Journal* journal) noexcept nogil:
    journal.mode = DURABILITY_NONE
    journal.sequence = 0


cdef inline uint64_t journal_append(Journal* journal, const void* record, size_t size) noexcept nogil:
    """Takes a record; returns its sequence."""
    journal.sequence += 1
    return journal.sequence


cdef inline uint64_t journal_durable(const Journal* journal) noexcept nogil:
    """The last sequence that survives what the mode promises to survive."""
    return journal.sequence
