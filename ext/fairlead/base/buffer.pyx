"""The parts of Buffer that touch the allocator."""

from libc.stdint cimport SIZE_MAX
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, realloc


cdef enum:
    MIN_CAPACITY = 256


cdef void buffer_init(Buffer* buffer) noexcept nogil:
    """Makes an empty buffer that holds no memory yet."""
    buffer.data = NULL
    buffer.size = 0
    buffer.capacity = 0


cdef void buffer_free(Buffer* buffer) noexcept nogil:
    """Gives the memory back; the buffer is as after `buffer_init`. Twice is harmless."""
    free(buffer.data)
    buffer_init(buffer)


cdef void buffer_grow(Buffer* buffer, size_t more) noexcept nogil:
    """Makes room for `more` bytes, at least doubling, so that appending costs amortized O(1) a byte."""
    cdef size_t capacity
    cdef uint8_t* data = NULL
    if more <= SIZE_MAX // 2 - buffer.size and buffer.capacity <= SIZE_MAX // 4:
        capacity = max(buffer.size + more, buffer.capacity * 2, <size_t>MIN_CAPACITY)
        data = <uint8_t*>realloc(buffer.data, capacity)
    if data == NULL:
        fprintf(stderr, "fairlead: out of memory: a buffer of %zu bytes needs %zu more\n", buffer.size, more)
        abort()
    buffer.data = data
    buffer.capacity = capacity
