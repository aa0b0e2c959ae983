"""Answers: response headers, messages, trailers, handed to nghttp2 where they cannot be whole (whole.pxd). Nothing here writes to a socket."""

from libc.stdint cimport int32_t, uint8_t

from fairlead.base.text cimport Text
from fairlead.transport.model cimport Loop, Stream
from fairlead.transport.nghttp2 cimport nghttp2_session_callbacks

cdef void set_reply_callbacks(nghttp2_session_callbacks* callbacks) noexcept nogil

# Room for the prefix of the next message; returns where it is.
cdef size_t message_begin(Stream* stream) noexcept nogil
cdef void message_end(Stream* stream, size_t at, uint8_t compressed) noexcept nogil
# Decides the call: a Status of this code, reason and sentence. It joins the batch and is answered with it.
cdef void stream_fail(Loop* loop, Stream* stream, int32_t code, const char* reason, Text message) noexcept nogil
cdef void stream_fail_with(Loop* loop, Stream* stream, int32_t code, const char* reason, const char* message) noexcept nogil
# Decides the call: an answer that is not gRPC, without a body.
cdef void stream_fail_http(Loop* loop, Stream* stream, int32_t http_status) noexcept nogil
# Decides the call: there is too much to do. It is answered when its request has ended, so that no reset is needed.
cdef void stream_shed(Loop* loop, Stream* stream) noexcept nogil
# Answers a decided call: whole, or through nghttp2.
cdef void answer(Loop* loop, Stream* stream) noexcept nogil
# A streaming call: what its reply has now may leave.
cdef void answer_more(Loop* loop, Stream* stream) noexcept nogil
# A streaming call ends: after its messages, this status. `status` is serialized, empty for 0.
cdef void answer_finish(Loop* loop, Stream* stream, int32_t code, const uint8_t* status, size_t size) noexcept nogil
