"""See direct.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, strlen

from fairlead.base.buffer cimport Buffer, buffer_reserve
from fairlead.base.text cimport Text
from fairlead.transport.frame cimport HEAD_SIZE, LARGEST_FRAME, NUMBER_SIZE, put_head, put_number
from fairlead.transport.guards cimport guard_sent
from fairlead.transport.model cimport (
    ANSWERED, CLOSED, CONNECTION_WINDOW, Connection, IN_BATCH, IN_PYTHON, Loop, REPLY_GZIP, STALLED, STARVED, Stream,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_DATA, NGHTTP2_FLAG_END_HEADERS, NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_NONE, NGHTTP2_HEADERS,
    NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, NGHTTP2_WINDOW_UPDATE, nghttp2_session_get_remote_settings,
    nghttp2_session_resume_data,
)
from fairlead.transport.streams cimport account, stream_close, touch
from fairlead.transport.whole cimport append_field, append_fields, whole_starve, whole_window
from fairlead.transport.wire cimport append_base64, append_percent, code_text, status_message

cdef enum:
    RETURN_AT = CONNECTION_WINDOW // 4   # nghttp2 returns its own part at a half
    LARGEST_WINDOW = 0x7FFFFFFF


cdef void write_frame(Stream* stream, uint8_t kind, uint8_t flags, const uint8_t* data, size_t size) noexcept nogil:
    cdef Buffer* whole = &stream.connection.whole
    cdef uint8_t* to
    buffer_reserve(whole, HEAD_SIZE + size)
    to = put_head(whole.data + whole.size, size, kind, flags, stream.id)
    memcpy(to, data, size)
    whole.size += HEAD_SIZE + size


cdef void write_block(Stream* stream, const Buffer* block, uint8_t flags) noexcept nogil:
    """In one frame: a refusal tells one mistake, in a few hundred bytes, and hot methods have no metadata."""
    write_frame(stream, NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, block.data, block.size)
    touch(stream.connection)


cdef void append_status(Loop* loop, Buffer* block, const Stream* stream, const uint8_t* status, size_t size) noexcept nogil:
    """grpc-status and, of a Status, grpc-message and its details."""
    cdef const char* code = code_text(stream.status)
    cdef Text message
    loop.statuses[stream.status] += 1
    append_field(block, b"grpc-status", <const uint8_t*> code, strlen(code))
    if size == 0:
        return
    message = status_message(status, size)
    loop.trailers.size = 0
    append_percent(&loop.trailers, <const uint8_t*> message.data, message.size)
    append_field(block, b"grpc-message", loop.trailers.data, loop.trailers.size)
    loop.trailers.size = 0
    append_base64(&loop.trailers, status, size)
    append_field(block, b"grpc-status-details-bin", loop.trailers.data, loop.trailers.size)


cdef inline int64_t stream_window(const Stream* stream) noexcept nogil:
    return stream.widened - <int64_t> stream.sent + nghttp2_session_get_remote_settings(
        stream.connection.session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)


cdef void write_data(Stream* stream) noexcept nogil:
    """As much of the message as the windows take."""
    cdef Connection* connection = stream.connection
    cdef int64_t room = min(whole_window(connection), stream_window(stream))
    cdef size_t size
    while stream.sent < stream.reply.size and room > 0:
        size = min(min(stream.reply.size - stream.sent, <size_t> room), <size_t> LARGEST_FRAME)
        write_frame(stream, NGHTTP2_DATA, NGHTTP2_FLAG_NONE, stream.reply.data + stream.sent, size)
        stream.sent += size
        connection.untold += <uint32_t> size
        room -= <int64_t> size
        guard_sent(connection)
    account(stream)


cdef void write_more(Loop* loop, Stream* stream) noexcept nogil:
    write_data(stream)
    if stream.sent < stream.reply.size:
        if whole_window(stream.connection) <= 0:
            whole_starve(stream)
        else:
            stream.flags |= STALLED
        return
    loop.scratch.size = 0
    append_status(loop, &loop.scratch, stream, stream.body.data, stream.body.size if stream.status else 0)
    write_block(stream, &loop.scratch, NGHTTP2_FLAG_END_STREAM)


cdef void direct_answer(Loop* loop, Stream* stream) noexcept nogil:
    if stream.connection.condemned:
        return
    stream.flags |= ANSWERED
    loop.scratch.size = 0
    append_fields(&loop.scratch)
    if stream.flags & REPLY_GZIP:
        append_field(&loop.scratch, b"grpc-encoding", b"gzip", 4)
    write_block(stream, &loop.scratch, NGHTTP2_FLAG_NONE)
    # What the socket does not take now would leave under settings that are not known yet.
    if stream.connection.starved == NULL and stream.connection.out.size == 0:
        write_more(loop, stream)
    else:
        account(stream)
        whole_starve(stream)


cdef void direct_refuse(Loop* loop, Stream* stream, const uint8_t* status, size_t size) noexcept nogil:
    if stream.connection.condemned:
        return
    stream.flags |= ANSWERED
    loop.scratch.size = 0
    append_fields(&loop.scratch)
    append_status(loop, &loop.scratch, stream, status, size)
    write_block(stream, &loop.scratch, NGHTTP2_FLAG_END_STREAM)


cdef void direct_end(Stream* stream) noexcept nogil:
    if stream.direct and (stream.flags & (ANSWERED | CLOSED | IN_BATCH | IN_PYTHON | STALLED | STARVED)) == ANSWERED:
        stream_close(stream.connection.loop, stream, True)


cdef void direct_widened(Stream* stream, uint32_t increment) noexcept nogil:
    stream.widened = min(stream.widened + increment, <int64_t> LARGEST_WINDOW)
    if stream.flags & STALLED:
        # Goes on behind those who wait for the connection's window, at the end of this wake-up.
        stream.flags &= ~<uint32_t> STALLED
        whole_starve(stream)
        touch(stream.connection)


cdef void direct_read(Connection* connection, uint32_t size) noexcept nogil:
    cdef uint8_t* to
    connection.unreturned += size
    if connection.unreturned < RETURN_AT:
        return
    buffer_reserve(&connection.whole, HEAD_SIZE + NUMBER_SIZE)
    to = put_head(connection.whole.data + connection.whole.size, NUMBER_SIZE, NGHTTP2_WINDOW_UPDATE, NGHTTP2_FLAG_NONE, 0)
    put_number(to, connection.unreturned)
    connection.whole.size += HEAD_SIZE + NUMBER_SIZE
    connection.unreturned = 0
    touch(connection)


cdef bint direct_resume(Connection* connection) noexcept nogil:
    cdef int64_t left
    cdef Stream* stream
    if connection.starved == NULL:
        return False
    left = whole_window(connection)
    if left <= 0:
        return False
    while connection.starved != NULL and left > 0:
        stream = connection.starved
        connection.starved = stream.next_parked
        stream.flags &= ~<uint32_t> STARVED
        left -= <int64_t> (stream.reply.size - stream.sent)
        if stream.direct:
            write_more(connection.loop, stream)
            left += <int64_t> (stream.reply.size - stream.sent)
            direct_end(stream)
        else:
            nghttp2_session_resume_data(connection.session, stream.id)
    return True
