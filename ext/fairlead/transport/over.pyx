"""See over.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t

from fairlead.transport.model cimport OUR_ENDS, STREAM_BEGUN, STREAM_OPEN, STREAM_OVER, Connection
from fairlead.transport.nghttp2 cimport nghttp2_session_find_stream


cdef bint is_misused(const Connection* connection, int32_t id) noexcept nogil:
    cdef uint32_t at
    if id == connection.newest and connection.newest_state != STREAM_OVER:
        return False
    if id <= connection.doubted or nghttp2_session_find_stream(connection.session, id) != NULL:
        return False
    for at in range(OUR_ENDS):
        if connection.our_ends[at] == id:
            return False
    return True


cdef void ended_by_us(Connection* connection, int32_t id) noexcept nogil:
    cdef uint32_t at = connection.our_end
    connection.doubted = max(connection.doubted, connection.our_ends[at])
    connection.our_ends[at] = id
    connection.our_end = <uint8_t> ((at + 1) % OUR_ENDS)


cdef inline void begun(Connection* connection, int32_t id, uint8_t state) noexcept nogil:
    if connection.newest_state == STREAM_BEGUN:
        ended_by_us(connection, connection.newest)
    connection.newest = id
    connection.newest_state = state


cdef bint over_headers(Connection* connection, int32_t id) noexcept nogil:
    if id <= connection.newest:
        return is_misused(connection, id)
    begun(connection, id, STREAM_BEGUN)
    connection.heard = id
    return False


cdef void over_opened(Connection* connection) noexcept nogil:
    connection.newest_state = STREAM_OPEN


cdef void over_direct(Connection* connection, int32_t id) noexcept nogil:
    begun(connection, id, STREAM_OVER)
    connection.direct = id


cdef bint over_data(const Connection* connection, int32_t id) noexcept nogil:
    # Of a stream that nghttp2 does not know yet the header block may have been read just before.
    return id == connection.reset_read or (id <= connection.newest and is_misused(connection, id))


cdef void over_reset_read(Connection* connection, int32_t id) noexcept nogil:
    connection.reset_read = id


cdef void over_reset(Connection* connection, int32_t id) noexcept nogil:
    connection.reset = id


cdef void over_closed(Connection* connection, int32_t id, bint is_ended) noexcept nogil:
    if id == connection.newest:
        connection.newest_state = STREAM_OVER
    if not is_ended and id != connection.reset:
        ended_by_us(connection, id)
