"""Buffer: bytes that grow at the end. Owned by whoever called `buffer_init`; not thread-safe.

Running out of memory ends the process with a message on stderr: a reply cannot be refused once its facts are durable.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy


cdef struct Buffer:
    uint8_t* data
    size_t size
    size_t capacity


cdef void buffer_init(Buffer* buffer) noexcept nogil
cdef void buffer_free(Buffer* buffer) noexcept nogil
cdef void buffer_grow(Buffer* buffer, size_t more) noexcept nogil


cdef inline void buffer_reserve(Buffer* buffer, size_t more) noexcept nogil:
    """Makes room for `more` bytes after the present end. Amortized O(1) a byte; may move `data`."""
    if buffer.capacity - buffer.size < more:
        buffer_grow(buffer, more)


cdef inline void buffer_append(Buffer* buffer, const void* data, size_t size) noexcept nogil:
    """Appends a copy of `size` bytes. `data` must not lie in the buffer."""
    if size == 0:
        return
    buffer_reserve(buffer, size)
    memcpy(buffer.data + buffer.size, data, size)
    buffer.size += size
