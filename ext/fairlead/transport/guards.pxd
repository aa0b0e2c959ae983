"""What one peer may cost: a bucket of glitches, limits on what waits, time limits, places.

nghttp2 stops rapid resets and CONTINUATION floods. The rest is here: every frame header passes here before the library sees
it (it has no callback for frames it does not know), and whoever wears out the bucket is told ENHANCE_YOUR_CALM.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t

from fairlead.transport.model cimport Connection, Loop, Stream
from fairlead.transport.system cimport sockaddr_storage

cdef void guard_begin(Connection* connection) noexcept nogil
# A DATA frame has left; the peer may say that it has room again, and ask how long it took.
cdef void guard_sent(Connection* connection) noexcept nogil
# The head of a frame was read.
cdef void guard_frame(Connection* connection, uint32_t size, uint8_t kind, uint8_t flags, int32_t id) noexcept nogil
# Takes from the bucket; an empty one ends the connection.
cdef void guard_charge(Connection* connection, double glitches) noexcept nogil
# The peer went on with a stream that it had ended: says GOAWAY.
cdef void guard_misuse(Connection* connection) noexcept nogil
# Whether it may be read at all now, for what it has not taken yet.
cdef void guard_outbound(Connection* connection) noexcept nogil
# Whether a new call is too much beside the answers that its connection does not take. What frees capacity never is; its answers are small.
cdef bint guard_refuses(Loop* loop, const Stream* stream) noexcept nogil
# Once a second: time limits, keepalive, age.
cdef void guard_sweep(Loop* loop) noexcept nogil
# The loop that has a place for a connection from there, the one with the fewest; takes it. NULL: there is none.
cdef Loop* guard_admit(Loop* loop, const sockaddr_storage* peer, uint32_t* address) noexcept nogil
cdef void guard_leave(Loop* loop, uint32_t address) noexcept nogil
# Whether the rate allows to accept one more now.
cdef bint guard_may_accept(Loop* loop) noexcept nogil
# Says GOAWAY: first a notice, when called again the number of the last stream. The connection ends when its calls have.
cdef void guard_drain(Loop* loop, Connection* connection) noexcept nogil
