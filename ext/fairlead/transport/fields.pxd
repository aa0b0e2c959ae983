"""Header fields: what one says of a call, as flags, method and deadline of its stream. nghttp2 has checked that they are fields."""

from libc.stdint cimport uint8_t

from fairlead.transport.model cimport Loop, Stream

# O(size).
cdef void read_field(
    Loop* loop, Stream* stream, const uint8_t* name, size_t name_size, const uint8_t* value, size_t size) noexcept nogil
# What Connect says with HTTP's own fields, once all are read and it is Connect; in a call of gRPC they mean nothing.
cdef void take_content_flags(Stream* stream) noexcept nogil
