"""Requests: nghttp2's callbacks, from header fields to a call in the batch or in Python's hands."""

from libc.stdint cimport int32_t, uint8_t, uint32_t

from fairlead.transport.model cimport Connection, Known, Loop, Stream
from fairlead.transport.nghttp2 cimport nghttp2_session_callbacks

cdef void set_request_callbacks(nghttp2_session_callbacks* callbacks) noexcept nogil
# A whole call that nghttp2 will not hear of: what its header block is known to mean, its DATA, and by how much its window is wider.
cdef void request_direct(
    Connection* connection, int32_t id, const Known* known, const uint8_t* data, size_t size, uint32_t widened) noexcept nogil
# Python shall answer a hot call that the batch holds. Whether it can.
cdef bint hand_over(Loop* loop, Stream* stream) noexcept nogil
