"""See whole.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove, strlen

from fairlead.base.buffer cimport Buffer, buffer_append, buffer_free, buffer_reserve
from fairlead.transport.frame cimport HEAD_SIZE, LARGEST_FRAME, length_at, number_at, put_head, put_length, put_number
from fairlead.transport.model cimport (
    ANSWERED, Connection, ENDED, Front, PAUSES, REPLY_GZIP, RESET, STALLED, STARVED, Stream,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_DATA, NGHTTP2_FLAG_END_HEADERS, NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_NONE, NGHTTP2_HEADERS, NGHTTP2_RST_STREAM,
    NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, nghttp2_frame,
    nghttp2_session_get_remote_settings, nghttp2_session_get_remote_window_size, nghttp2_submit_rst_stream,
)
from fairlead.transport.streams cimport touch
from fairlead.transport.wire cimport pause_text

cdef enum:
    RESET_SIZE = 13
    LARGEST_UPDATES = 8         # bytes of two sizes of a table

# :status 200 by its place in the static table; content-type by its place, the value as it is.
cdef const uint8_t* FIELDS = b"\x88\x0f\x10\x10application/grpc"
# A name and a value as they are.
cdef enum:
    TRAILERS_SIZE = 15
cdef const uint8_t* TRAILERS = b"\x00\x0bgrpc-status\x010"


cdef inline uint8_t* put(uint8_t* to, const void* data, size_t size) noexcept nogil:
    memcpy(to, data, size)
    return to + size


cdef inline bint can_be_whole(const Stream* stream) noexcept nogil:
    """Whether nobody has begun to answer, the peer has nothing more to say, and both it and the socket take what comes."""
    cdef const Connection* connection = stream.connection
    return (
        (stream.flags & (ENDED | ANSWERED | RESET)) == ENDED and not connection.condemned
        and (connection.out.size == 0 or stream.direct))


cdef inline bint has_window(const Connection* connection, size_t size) noexcept nogil:
    """Whether the peer takes so many bytes now, on a stream of which nothing was sent yet, and nobody waited for them before."""
    return (
        connection.starved == NULL and connection.out.size == 0 and <int64_t> size <= whole_window(connection)
        and size <= nghttp2_session_get_remote_settings(connection.session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE))


cdef inline void close_silently(Stream* stream) noexcept nogil:
    stream.flags |= ANSWERED
    if not stream.direct:
        nghttp2_submit_rst_stream(stream.connection.session, NGHTTP2_FLAG_NONE, stream.id, ANSWERED_WHOLE)
    touch(stream.connection)


cdef bint whole_answer(Stream* stream) noexcept nogil:
    cdef Connection* connection = stream.connection
    cdef size_t size = stream.reply.size
    cdef uint8_t* to
    if not can_be_whole(stream) or stream.flags & REPLY_GZIP or stream.metadata.size or size == 0 or size > LARGEST_FRAME or (
            not has_window(connection, size)):
        return False
    buffer_reserve(&connection.whole, 3 * HEAD_SIZE + FIELDS_SIZE + size + TRAILERS_SIZE)
    to = connection.whole.data + connection.whole.size
    to = put_head(to, FIELDS_SIZE, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream.id)
    to = put(to, FIELDS, FIELDS_SIZE)
    to = put_head(to, size, NGHTTP2_DATA, NGHTTP2_FLAG_NONE, stream.id)
    to = put(to, stream.reply.data, size)
    to = put_head(to, TRAILERS_SIZE, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream.id)
    to = put(to, TRAILERS, TRAILERS_SIZE)
    connection.whole.size = to - connection.whole.data
    connection.untold += <uint32_t> size
    close_silently(stream)
    return True


# ---- header blocks


cdef void append_length(Buffer* block, size_t size) noexcept nogil:
    """A string's length in HPACK: 7 bits, then 7 of the rest at a time; without Huffman's code."""
    cdef uint8_t byte = <uint8_t> min(size, <size_t> 127)
    buffer_append(block, &byte, 1)
    if size < 127:
        return
    size -= 127
    while size >= 128:
        byte = <uint8_t> (size & 127) | 128
        buffer_append(block, &byte, 1)
        size >>= 7
    byte = <uint8_t> size
    buffer_append(block, &byte, 1)


cdef void append_field(Buffer* block, const char* name, const uint8_t* value, size_t size) noexcept nogil:
    buffer_append(block, b"\x00", 1)
    append_length(block, strlen(name))
    buffer_append(block, name, strlen(name))
    append_length(block, size)
    buffer_append(block, value, size)


cdef void append_fields(Buffer* block) noexcept nogil:
    buffer_append(block, FIELDS, FIELDS_SIZE)


# ---- refusals


cdef bint whole_refusal(Stream* stream, uint32_t turn) noexcept nogil:
    cdef Connection* connection = stream.connection
    cdef const Buffer* block = &connection.loop.front.refusals[turn % PAUSES]
    cdef uint8_t* to
    if not can_be_whole(stream):
        return False
    buffer_reserve(&connection.whole, HEAD_SIZE + block.size)
    to = connection.whole.data + connection.whole.size
    to = put_head(to, block.size, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream.id)
    to = put(to, block.data, block.size)
    connection.whole.size = to - connection.whole.data
    close_silently(stream)
    return True


cdef void whole_init(Front* front) noexcept nogil:
    cdef Buffer* block
    cdef const char* pause
    cdef uint32_t at
    for at in range(PAUSES):
        block = &front.refusals[at]
        pause = pause_text(at)
        append_fields(block)
        append_field(block, b"grpc-status", b"14", 2)
        append_field(block, b"grpc-retry-pushback-ms", <const uint8_t*> pause, strlen(pause))
        append_field(block, b"grpc-message", front.overload_message.data, front.overload_message.size)
        append_field(block, b"grpc-status-details-bin", front.overload_details.data, front.overload_details.size)


cdef void whole_free(Front* front) noexcept nogil:
    cdef uint32_t at
    for at in range(PAUSES):
        buffer_free(&front.refusals[at])


# ---- what nghttp2 believes


cdef int64_t whole_window(const Connection* connection) noexcept nogil:
    return <int64_t> nghttp2_session_get_remote_window_size(connection.session) - connection.untold


cdef bint whole_widened(Connection* connection, uint8_t* increment) noexcept nogil:
    cdef uint32_t given = number_at(increment)
    cdef uint32_t taken = min(given, connection.untold)
    if taken == 0:
        # Nothing is owed, or nothing was given: then nghttp2 says what is wrong with that.
        return False
    connection.untold -= taken
    given -= taken
    put_number(increment, given)
    return given == 0


cdef void hurry(Connection* connection) noexcept nogil:
    """The windows of all streams have changed: those of direct calls that were shut are looked at again."""
    cdef Stream* stream = connection.streams
    while stream != NULL:
        if stream.direct and stream.flags & STALLED:
            stream.flags &= ~<uint32_t> STALLED
            whole_starve(stream)
        stream = stream.next


cdef void whole_settings(Connection* connection, const nghttp2_frame* frame) noexcept nogil:
    cdef uint32_t table
    cdef size_t at
    for at in range(frame.settings.niv):
        if frame.settings.iv[at].settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE:
            hurry(connection)
        elif frame.settings.iv[at].settings_id == NGHTTP2_SETTINGS_HEADER_TABLE_SIZE:
            table = min(frame.settings.iv[at].value, <uint32_t> USUAL_TABLE)
            if table == connection.table and not connection.table_owed:
                continue
            connection.smallest_table = min(table, connection.smallest_table if connection.table_owed else table)
            connection.table = table
            connection.table_owed = 1


cdef size_t put_size(uint8_t* to, uint32_t size) noexcept nogil:
    """The size of a table at the head of a block, 5 bits and 7 of the rest at a time."""
    cdef size_t at = 1
    to[0] = 0x20 | <uint8_t> min(size, <uint32_t> 31)
    if size < 31:
        return at
    size -= 31
    while size >= 128:
        to[at] = <uint8_t> (size & 127) | 128
        size >>= 7
        at += 1
    to[at] = <uint8_t> size
    return at + 1


cdef void whole_owed(Connection* connection) noexcept nogil:
    cdef Buffer* whole = &connection.whole
    cdef uint8_t updates[LARGEST_UPDATES]
    cdef size_t count = 0
    cdef size_t at = 0
    cdef size_t size
    if connection.smallest_table < connection.table:
        count = put_size(updates, connection.smallest_table)
    count += put_size(updates + count, connection.table)
    while at < whole.size:
        size = length_at(whole.data + at)
        if whole.data[at + 3] == NGHTTP2_HEADERS:
            buffer_reserve(whole, count)
            memmove(whole.data + at + HEAD_SIZE + count, whole.data + at + HEAD_SIZE, whole.size - at - HEAD_SIZE)
            memcpy(whole.data + at + HEAD_SIZE, updates, count)
            put_length(whole.data + at, size + count)
            whole.size += count
            connection.table_owed = 0
            return
        at += HEAD_SIZE + size


cdef void whole_starve(Stream* stream) noexcept nogil:
    cdef Connection* connection = stream.connection
    stream.flags |= STARVED
    stream.next_parked = NULL
    if connection.starved == NULL:
        connection.starved = stream
    else:
        connection.last_starved.next_parked = stream
    connection.last_starved = stream


cdef void whole_forget(Stream* stream) noexcept nogil:
    cdef Connection* connection = stream.connection
    cdef Stream* before = NULL
    cdef Stream* each = connection.starved
    if not stream.flags & STARVED:
        return
    while each != stream:
        before = each
        each = each.next_parked
    if before == NULL:
        connection.starved = stream.next_parked
    else:
        before.next_parked = stream.next_parked
    if connection.last_starved == stream:
        connection.last_starved = before


cdef bint whole_is_silent(const uint8_t* frame, size_t size) noexcept nogil:
    return size == RESET_SIZE and frame[3] == NGHTTP2_RST_STREAM and (
        (<uint32_t> frame[9] << 24) | (<uint32_t> frame[10] << 16) | (<uint32_t> frame[11] << 8) | frame[12]) == ANSWERED_WHOLE
