"""The walk: what was read, frame by frame, before nghttp2 reads it.

Every frame's head is shown to the guards. What nghttp2 need not or must not know is taken out: what the peer gives back of windows that nghttp2 knows nothing
of (whole.pxd), and direct calls and what is said about them (direct.pxd). The rest is nghttp2's, in runs as long as they come.
"""

from libc.stdint cimport uint8_t

from fairlead.transport.model cimport Connection

# The beginning of a frame is kept for the next time. `data` is written to. Marks the connection dead when nghttp2 gives it up. O(size).
cdef void walk(Connection* connection, uint8_t* data, size_t size) noexcept nogil
