"""Header blocks that are known by their bytes.

What a client of gRPC says of a call it says of every call of that method: the same path, the same fields, after the first time a few bytes
that point into HPACK's table or stand for themselves. A block that leaves the table as it is and was read before means what
it meant then, as long as no other block has changed the table.
"""

from libc.stdint cimport int32_t, uint8_t

from fairlead.transport.model cimport Connection, Known, Stream

# A header block passes, on its way to nghttp2. One that changes the table, or may, ends all knowledge. O(size).
cdef void known_passes(Connection* connection, int32_t id, const uint8_t* block, size_t size) noexcept nogil
# A header block passes that cannot be looked at.
cdef void known_forget(Connection* connection) noexcept nogil
# nghttp2 has read the header block of a stream, which opens a call that may be direct: it is known from now on.
cdef void known_learn(const Stream* stream) noexcept nogil
# NULL: a block like that was not read before, or has lost its meaning.
cdef const Known* known_find(const Connection* connection, const uint8_t* block, size_t size) noexcept nogil
