"""Direct calls: those that nghttp2 never hears of.

Half of what a call costs nghttp2 is its request: a stream that is made, entered in a table, counted, taken out again, and header fields that are decoded and
checked one by one, to find what the call before has said as well. A call whose header block is known (known.pxd), all of which stands in one read,
a block and one DATA frame behind it, says nothing new but its message. It goes to the batch as it is, and its answer past nghttp2.

What nghttp2 does not know must fit what it believes:

    order    what was read before a direct call is nghttp2's before the call begins: the same settings, the same table, the same last stream.
    streams  a stream that nghttp2 has never heard of is idle to it, until it hears of a later one. What the peer says about a direct one, a reset or
             an update of its window, is taken out before nghttp2 reads it (walk.pxd). A GOAWAY names the last direct call, if that is later.
    windows  DATA that nghttp2 has not read is given back to the peer by us; that which it does not send is `untold` (whole.pxd). A direct answer
             that finds the connection's window shut, or its socket full, waits in the same line as nghttp2's.
    limits   a direct call is a stream of the connection as any other: counted, guarded, shed, drained.

All answers of a direct call are written here or as whole ones: also what Python has to say, a refusal, an answer in pieces.
"""

from libc.stdint cimport uint8_t, uint32_t

from fairlead.transport.model cimport Connection, Loop, Stream

# The answer of a call with a message, all of which is there, and its status. What the windows do not take waits.
cdef void direct_answer(Loop* loop, Stream* stream) noexcept nogil
# The answer of a call without one: `status` is serialized, of `size` bytes.
cdef void direct_refuse(Loop* loop, Stream* stream, const uint8_t* status, size_t size) noexcept nogil
# Closes a direct call all of whose answer is written, when neither the batch nor Python has it; anything else stays.
cdef void direct_end(Stream* stream) noexcept nogil
# The peer has added to the window of a direct call.
cdef void direct_widened(Stream* stream, uint32_t increment) noexcept nogil
# DATA of a direct call was read: the peer may send as much again. O(1).
cdef void direct_read(Connection* connection, uint32_t size) noexcept nogil
# Those who have waited longest for the connection's window go on, direct ones and nghttp2's, as many as it has bytes for. Whether it has any
# and somebody waited. O(these).
cdef bint direct_resume(Connection* connection) noexcept nogil
