"""The life of a stream: from the pool, into a connection, a batch or Python's hands, and back."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fairlead.transport.model cimport Connection, Loop, Stream

cdef Stream* stream_open(Loop* loop, Connection* connection, int32_t id) noexcept nogil
# nghttp2 is done with it. It returns to the pool when no batch and no Python handler has it.
cdef void stream_close(Loop* loop, Stream* stream, bint is_whole) noexcept nogil
# Its connection ends.
cdef void stream_orphan(Loop* loop, Stream* stream) noexcept nogil
# Python is done with it.
cdef void stream_returned(Loop* loop, Stream* stream) noexcept nogil
cdef void stream_release(Loop* loop, Stream* stream) noexcept nogil
# The stream of a call that Python holds; NULL for any other number.
cdef Stream* stream_of(Loop* loop, uint64_t call) noexcept nogil
# Makes a new one direct, to be found by its number; and finds one that is open, NULL when there is none. O(1) as long as numbers are in sequence.
cdef void stream_direct(Stream* stream) noexcept nogil
cdef Stream* stream_find(const Connection* connection, int32_t id) noexcept nogil
cdef void batch_add(Loop* loop, Stream* stream) noexcept nogil


cdef inline void account(Stream* stream) noexcept nogil:
    """What the reply holds, to the connection's account; `stream_close` gives it back."""
    cdef uint32_t size = <uint32_t> (stream.reply.size - stream.sent)
    stream.connection.held_bytes += <size_t> size - stream.charged
    stream.charged = size


cdef inline void touch(Connection* connection) noexcept nogil:
    """There is, or may be, something to write: it is flushed in this wake-up."""
    if not connection.touched:
        connection.touched = 1
        connection.next_touched = connection.loop.touched
        connection.loop.touched = connection
