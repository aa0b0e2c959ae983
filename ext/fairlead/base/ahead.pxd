"""Memory fetched from the system before it is needed.

The first touch of a page is the system's work: it finds memory, clears it, and in a virtual machine may have to ask the host
for it. For a huge page that is 0.1 ms at best and 3 to 5 ms where the host has taken the memory back; whoever holds the lock of
a shard would wait for it. So who writes to a large array for the first time asks for the chunks after the present one, and a
thread of the process touches them, in small slices of low priority. It is advice: asked too late or forgotten, the first touch
costs what it costs.

The thread begins with the first question, takes no lock that anything waits for, and reads or writes no memory itself: the
call that fills pages changes none, so a range that has moved or gone meanwhile does no harm.
"""

from libc.stdint cimport uintptr_t

cdef enum:
    CHUNK = 1 << 21    # bytes: a huge page
    AHEAD = 4          # chunks


cdef void ahead_fetch(void* start, size_t size) noexcept nogil


cdef inline void ahead_step(void* array, size_t at, size_t step, size_t end) noexcept nogil:
    """To be called as the `step` bytes at `at` of a large array of `end` bytes are used for the first time."""
    cdef uintptr_t first = <uintptr_t> array + at
    cdef uintptr_t chunk = (first + step) & ~<uintptr_t> (CHUNK - 1)
    if chunk > first and end > CHUNK and at + step < end:
        ahead_fetch(<char*> array + at + step, min(<size_t> AHEAD * CHUNK, end - at - step))
