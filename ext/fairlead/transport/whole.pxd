"""Whole answers: those of unary calls, written past nghttp2.

Half of what a call costs nghttp2 is its answer: three frames that are queued, compressed, held against windows and forgotten one by one. An
answer that is complete when it leaves needs none of that. Its header blocks are constants, its message is one DATA frame, and all three
are bytes at once. nghttp2, if it has read the call, learns that the stream is over by a reset that is never sent.

What is written here must fit what nghttp2 believes:

    table    our header blocks are literals that no table keeps, so HPACK's state stays nghttp2's. A peer that has asked for another size
             of its table is owed a word about it at the head of the next block (RFC 7541, 4.2): if that is ours, we say it. That nghttp2
             says the same again later does no harm, as long as no block of its stands between.
    windows  nghttp2 does not hear of our DATA. `Connection.untold` counts it, and what the peer gives back is taken from that first,
             before nghttp2 reads of it. A stream of which more would leave than the true window has waits for that, and while one
             does nobody is served past it.
    order    whole answers leave when nghttp2 has no more frames: never inside a header block of its, and behind its word that it knows the
             settings they go by. By then it has closed their streams, so the peer may open others as soon as it sees them. While
             the socket takes no more, answers with a message wait: for other settings may be in force when they can leave.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fairlead.base.buffer cimport Buffer
from fairlead.transport.model cimport Connection, Front, Stream
from fairlead.transport.nghttp2 cimport nghttp2_frame

cdef enum:
    FIELDS_SIZE = 20
    USUAL_TABLE = 4096          # of HPACK, before anyone asks for another; nghttp2 uses no larger one
    # An error code that nghttp2 only hears from us: the reset of a stream whose answer was whole.
    ANSWERED_WHOLE = 0x57484F4C

# The header blocks that refuse a call for now, one for each pause, of what `overload` says.
cdef void whole_init(Front* front) noexcept nogil
cdef void whole_free(Front* front) noexcept nogil
# Writes the answer of a decided call, status 0, if it can be whole; whether it was.
cdef bint whole_answer(Stream* stream) noexcept nogil
# Writes the refusal of a call that there is no room for, if it can be whole; whether it was. `turn`: any number.
cdef bint whole_refusal(Stream* stream, uint32_t turn) noexcept nogil
# What the peer lets us send on the connection, nghttp2 and us together. May be below 0.
cdef int64_t whole_window(const Connection* connection) noexcept nogil
# The 4 bytes of a WINDOW_UPDATE of the connection, of which what nghttp2 never counted is taken. Whether nothing is left: an
# update by nothing would be an error, so nghttp2 must not see it.
cdef bint whole_widened(Connection* connection, uint8_t* increment) noexcept nogil
# SETTINGS of the peer, which nghttp2 has taken.
cdef void whole_settings(Connection* connection, const nghttp2_frame* frame) noexcept nogil
# A stream that nghttp2 would send of must wait for the window; it goes away.
cdef void whole_starve(Stream* stream) noexcept nogil
cdef void whole_forget(Stream* stream) noexcept nogil
# The first of our header blocks that are about to leave says which size of the table the peer wants, which nghttp2 has not said yet. O(all).
cdef void whole_owed(Connection* connection) noexcept nogil
# Whether a frame that nghttp2 wants to be sent is the reset which is not.
cdef bint whole_is_silent(const uint8_t* frame, size_t size) noexcept nogil

# ---- what is written

# A literal that no table keeps, its name too.
cdef void append_field(Buffer* block, const char* name, const uint8_t* value, size_t size) noexcept nogil
# The header fields of every answer: :status 200 and content-type.
cdef void append_fields(Buffer* block) noexcept nogil
