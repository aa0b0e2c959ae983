"""The commit thread: takes what is published, writes it, syncs it, tells those who wait. No interpreter, no shard.

A frame closes when the one before it is on disk, or when it is full; no timer makes a lone caller wait. What was published
during a sync goes out with the next one: the more callers, the more records share it.

A write or sync that fails ends the process with a message and EXIT_FAILED, and is never tried again: nothing that was not
durable has left, and the next start finds what was.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.journal.model cimport Journal

cdef enum:
    EXIT_FAILED = 74       # EX_IOERR of sysexits.h

# Where the next frame goes, and what the reader knows of what is there.
cdef struct Tail:
    uint64_t number        # 0: there is no segment yet
    uint64_t offset
    uint64_t sequence
    uint64_t instance
    uint64_t epoch
    uint64_t digest

# Microseconds at which the buckets of Journal.syncs end, all but the last.
cdef const int64_t* sync_bounds() noexcept nogil

# Returns 0 or an errno. `directory` and `fd` (the last segment, -1: none) belong to the journal from here on.
cdef int journal_open(
    Journal* journal, uint32_t mode, int directory, int fd, uint64_t segment_size, uint32_t layout, const Tail* tail
) noexcept nogil
# Writes and syncs what is published, and stops. Nothing for a journal that is not open.
cdef void journal_close(Journal* journal) noexcept nogil
