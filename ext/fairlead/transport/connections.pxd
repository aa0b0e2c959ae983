"""A connection: accepted, read, flushed, closed. It is freed at the end of a wake-up, when nothing can name it."""

from libc.stdint cimport uint32_t

from fairlead.transport.model cimport Connection, Loop

cdef Connection* connection_open(Loop* loop, int fd, uint32_t address) noexcept nogil
# Sends nothing more and frees it; its calls are cancelled.
cdef void connection_free(Loop* loop, Connection* connection) noexcept nogil
# Reads what is there, once, and lets nghttp2 call back.
cdef void connection_read(Loop* loop, Connection* connection) noexcept nogil
# Writes what nghttp2 has, as far as the socket takes it.
cdef void connection_flush(Loop* loop, Connection* connection) noexcept nogil
