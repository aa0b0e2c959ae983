"""What is refused when there is too much to do, so that the rest is still answered in time.

The measure is how long a call waits before anybody looks at it. A hot call waits at most from the start of the wake-up before the
one that reads it; a call of Python's workers as long as the one waited that they began last, or as they have begun none. Once that was
above half of `queue_us` for as long as `queue_us`, reads are refused, above all of it new work too, and above ten times that everything but
health: what frees capacity goes on longest. New work is refused as well while one sync of the journal takes longer than `sync_us`.

Loops and workers tell each other by numbers that order nothing: a look that is a call behind judges as well. Workers begin a call with
the interpreter's lock, one at a time.

A refused call is answered UNAVAILABLE with grpc-retry-pushback-ms, from its header block alone: its message is not looked at, and its
trailers are the same each time, written once (whole.pxd).
"""

from fairlead.transport.model cimport Front, Loop, Stream

# `status` is the serialized google.rpc.Status that every refused call gets.
cdef void overload_init(Front* front, const unsigned char* status, size_t size) noexcept nogil
cdef void overload_free(Front* front) noexcept nogil
# At the begin of a wake-up: how long calls wait, and who is refused until the next look.
cdef void overload_look(Loop* loop) noexcept nogil
# A call is given to Python's workers.
cdef void overload_handed(Loop* loop) noexcept nogil
# One of them has begun a call that had waited so long.
cdef void overload_begun(Front* front, long long waited_us) noexcept nogil


cdef inline bint overload_refuses(const Loop* loop, const Stream* stream) noexcept nogil:
    """Whether a call of this method is refused now."""
    cdef unsigned int rank = loop.methods[stream.method].rank
    return rank >= loop.hot.worst or (loop.methods[stream.method].kind and rank >= loop.cold.worst)
