"""Requests: nghttp2's callbacks, from header fields to a call in the batch or in Python's hands."""

from fairlead.transport.model cimport Loop, Stream
from fairlead.transport.nghttp2 cimport nghttp2_session_callbacks

cdef void set_request_callbacks(nghttp2_session_callbacks* callbacks) noexcept nogil
# Python shall answer a hot call that the batch holds. Whether it can.
cdef bint hand_over(Loop* loop, Stream* stream) noexcept nogil
