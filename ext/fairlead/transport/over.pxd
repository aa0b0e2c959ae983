"""Streams that are over, without keeping them.

nghttp2 can keep them, as many as may be open, to refuse the frames of a peer that goes on with a stream it has ended. A thousand of them on
each connection push the live ones out of the cache: 0.5 us a call. A stream that nghttp2 does not know, and whose number is not new,
is over; what may still come on it is only what the peer sent before it heard of that end. So the last few streams that we ended are
remembered by number, and those before them are given the benefit of the doubt. Streams that never came to be, refused by nghttp2
because there are too many or we are going away, count as ended by us.
"""

from libc.stdint cimport int32_t

from fairlead.transport.model cimport Connection


# Whether the peer goes on with a stream that it had ended, which is an error of the whole connection (RFC 9113, 5.1). O(1).
# nghttp2 begins to read a header block:
cdef bint over_headers(Connection* connection, int32_t id) noexcept nogil
# .. and makes a stream of it.
cdef void over_opened(Connection* connection) noexcept nogil
# A whole call was read of which nghttp2 will not hear.
cdef void over_direct(Connection* connection, int32_t id) noexcept nogil
# A DATA frame was read, of which nghttp2, which would ignore it, has not heard yet:
cdef bint over_data(const Connection* connection, int32_t id) noexcept nogil
# The peer resets a stream: the frame was read, then nghttp2 heard of it.
cdef void over_reset_read(Connection* connection, int32_t id) noexcept nogil
cdef void over_reset(Connection* connection, int32_t id) noexcept nogil
# nghttp2 forgets a stream; `is_ended`: after the peer's END_STREAM.
cdef void over_closed(Connection* connection, int32_t id, bint is_ended) noexcept nogil
