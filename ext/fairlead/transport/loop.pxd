"""The transport's thread: waits, reads, decides what was read as one batch, answers, writes. No interpreter."""

from libc.stdint cimport uint32_t

from fairlead.transport.model cimport Front, Loop

# Makes loop `number` of a zeroed array; `listener` is its own from here on, -1: it takes what the first one accepts. Whether the
# system gave what it needs; `loop_free` is due either way.
cdef bint loop_init(Front* front, uint32_t number, int listener) noexcept nogil
cdef void loop_free(Loop* loop) noexcept nogil
# Serves until it was drained.
cdef void loop_run(Loop* loop) noexcept nogil
