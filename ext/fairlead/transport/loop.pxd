"""The transport's thread: waits, reads, decides what was read as one batch, answers, writes. No interpreter."""

from libc.stdint cimport uint32_t

from fairlead.transport.model cimport Loop

# Whether the system gave what a loop needs.
cdef bint loop_init(Loop* loop) noexcept nogil
cdef void loop_free(Loop* loop) noexcept nogil
# Serves until it was drained.
cdef void loop_run(Loop* loop) noexcept nogil
