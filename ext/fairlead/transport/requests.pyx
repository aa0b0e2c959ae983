"""See requests.pxd.

Nothing is answered inside a callback but streaming calls: a refusal joins the batch, so that the end of the request, which
usually stands in the same read, is seen first and no reset is needed.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from fairlead.base.buffer cimport buffer_append, buffer_init
from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport Text
from fairlead.transport.counts cimport count_started
from fairlead.transport.exchange cimport events_size, push_event
from fairlead.transport.fields cimport read_field, take_content_flags
from fairlead.transport.guards cimport guard_misuse, guard_refuses
from fairlead.transport.known cimport known_learn
from fairlead.transport.model cimport (
    BAD_CONTENT_TYPE, BAD_METADATA, BAD_TIMEOUT, COMPRESSED, CONNECT_JSON, CONNECT_PROTO, Connection, DECIDED, DISCARDS, ENCODING_GZIP,
    ENCODING_UNKNOWN, ENDED, EVENT_CALL, EVENT_END, EVENT_MESSAGE, EVENT_OPEN, GUARD_COLD_FULL, GUARD_FIELDS, GUARD_FIELDS_HARD,
    GUARD_MESSAGE_SIZE, GUARD_STREAMS, HAS_CONTENT_TYPE, HEADERS_DONE, HOT, IN_BATCH, IN_PYTHON, Known, Loop, MAX_EVENT_BYTES, MAX_FIELDS,
    MAX_FIELDS_HARD, MAX_FIELDS_SIZE, MAX_FIELDS_SIZE_HARD, MAX_HELD_CALLS, MAX_HELD_STREAMS, NOT_POST, PREFIX_SIZE, RESET, SHED, STREAMING,
    Stream, TOO_MANY_FIELDS, UNARY, UNCOUNTED,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_DATA, NGHTTP2_ERR_CALLBACK_FAILURE, NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE, NGHTTP2_FLAG_ACK,
    NGHTTP2_FLAG_END_STREAM, NGHTTP2_HCAT_REQUEST, NGHTTP2_HEADERS, NGHTTP2_NO_ERROR, NGHTTP2_RST_STREAM, NGHTTP2_SETTINGS,
    nghttp2_frame, nghttp2_frame_hd, nghttp2_session,
    nghttp2_session_callbacks, nghttp2_session_callbacks_set_on_begin_frame_callback,
    nghttp2_session_callbacks_set_on_begin_headers_callback,
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback, nghttp2_session_callbacks_set_on_frame_recv_callback,
    nghttp2_session_callbacks_set_on_header_callback,
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback, nghttp2_session_callbacks_set_on_stream_close_callback,
    nghttp2_session_get_stream_user_data, nghttp2_session_set_stream_user_data,
)
from fairlead.transport.over cimport over_closed, over_direct, over_headers, over_opened, over_reset
from fairlead.transport.overload cimport overload_handed, overload_refuses
from fairlead.transport.replies cimport stream_fail, stream_fail_http, stream_fail_with, stream_shed
from fairlead.transport.streams cimport batch_add, stream_close, stream_direct, stream_open
from fairlead.transport.whole cimport ANSWERED_WHOLE, whole_forget, whole_settings

# gRPC codes.
cdef enum:
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13


# ---- header fields


cdef int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user) noexcept nogil:
    if head.type == NGHTTP2_HEADERS and over_headers(<Connection*> user, head.stream_id):
        guard_misuse(<Connection*> user)
    return 0


cdef int on_header(
    nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
    size_t size, uint8_t flags, void* user
) noexcept nogil:
    cdef Connection* connection = <Connection*> user
    cdef Stream* stream = connection.current
    if stream == NULL or stream.id != frame.hd.stream_id:
        return 0
    stream.fields += 1
    stream.fields_size += <uint32_t> (name_size + size + 32)
    if stream.fields > MAX_FIELDS_HARD or stream.fields_size > MAX_FIELDS_SIZE_HARD:
        # Letting the block decode would cost a thousand times what stopping here does.
        connection.loop.trips[GUARD_FIELDS_HARD] += 1
        return NGHTTP2_ERR_CALLBACK_FAILURE
    if stream.fields > MAX_FIELDS or stream.fields_size > MAX_FIELDS_SIZE:
        stream.flags |= TOO_MANY_FIELDS
    elif not stream.flags & HEADERS_DONE:
        read_field(connection.loop, stream, name, name_size, value, size)
    return 0


cdef int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept nogil:
    cdef Connection* connection = <Connection*> user
    if frame.hd.type != NGHTTP2_HEADERS:
        return 0
    if frame.headers.cat != NGHTTP2_HCAT_REQUEST:
        # Trailers count towards the same limits.
        connection.current = <Stream*> nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
        return 0
    over_opened(connection)
    if connection.stream_count + connection.held_count >= connection.loop.front.limits.streams:
        # Streams that were reset keep their place until their work ends.
        connection.loop.trips[GUARD_STREAMS] += 1
        connection.current = NULL
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
    connection.current = stream_open(connection.loop, connection, frame.hd.stream_id)
    nghttp2_session_set_stream_user_data(session, frame.hd.stream_id, connection.current)
    return 0


# ---- requests


cdef void refuse_unknown(Loop* loop, Stream* stream) noexcept nogil:
    cdef Text message
    loop.trailers.size = 0
    buffer_append(&loop.trailers, b"this server has no method ", 26)
    if stream.body.size:
        buffer_append(&loop.trailers, stream.body.data, stream.body.size)
    stream.body.size = 0
    message.data = <const char*> loop.trailers.data
    message.size = <uint32_t> loop.trailers.size
    stream_fail(loop, stream, UNIMPLEMENTED, b"UNKNOWN_METHOD", message)


cdef bint refused(Loop* loop, Stream* stream) noexcept nogil:
    """Whether the header block alone decides the call."""
    cdef uint32_t flags
    if stream.flags & (CONNECT_JSON | CONNECT_PROTO):
        take_content_flags(stream)
    flags = stream.flags
    if flags & NOT_POST:
        stream_fail_http(loop, stream, 405)
    elif flags & BAD_CONTENT_TYPE or not flags & HAS_CONTENT_TYPE:
        stream_fail_http(loop, stream, 415)
    elif flags & TOO_MANY_FIELDS:
        loop.trips[GUARD_FIELDS] += 1
        stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"more than 64 header fields or 8 KiB of them")
    elif stream.method < 0:
        if flags & (CONNECT_JSON | CONNECT_PROTO):
            stream_fail_http(loop, stream, 404)
        else:
            refuse_unknown(loop, stream)
    elif flags & BAD_METADATA:
        stream_fail_with(loop, stream, INTERNAL, b"MALFORMED_REQUEST", b"the value of a -bin header is no base64")
    elif flags & BAD_TIMEOUT:
        stream_fail_with(loop, stream, INTERNAL, b"MALFORMED_REQUEST", b"the timeout is none: 1 to 8 digits and one of H M S m u n")
    elif flags & ENCODING_UNKNOWN:
        stream_fail_with(loop, stream, UNIMPLEMENTED, b"UNKNOWN_ENCODING", b"messages may be compressed by gzip or not at all")
    elif flags & (CONNECT_JSON | CONNECT_PROTO) and loop.methods[stream.method].kind == STREAMING:
        stream_fail_http(loop, stream, 415)
    else:
        return False
    return True


cdef bint try_hold(Loop* loop, Stream* stream) noexcept nogil:
    """Gives the stream a place among those of Python, if there is one."""
    cdef bint streaming = loop.methods[stream.method].kind == STREAMING
    if (loop.held_streams if streaming else loop.held_calls) >= (
            <uint32_t> MAX_HELD_STREAMS if streaming else <uint32_t> MAX_HELD_CALLS):
        loop.trips[GUARD_COLD_FULL] += 1
        return False
    stream.flags |= IN_PYTHON
    if streaming:
        loop.held_streams += 1
    else:
        loop.held_calls += 1
    return True


cdef bint hold(Loop* loop, Stream* stream) noexcept nogil:
    """The same; a stream without a place is refused."""
    if try_hold(loop, stream):
        return True
    stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"too many calls of this kind are open")
    return False


cdef bint hand_over(Loop* loop, Stream* stream) noexcept nogil:
    if not try_hold(loop, stream):
        return False
    stream.flags &= ~<uint32_t> (IN_BATCH | DECIDED | DISCARDS)
    stream.status = 0
    stream.reply.size = 0
    overload_handed(loop)
    push_event(loop, stream, EVENT_CALL, stream.body.data, stream.body.size)
    buffer_init(&stream.body)
    return True


cdef void push_open(Loop* loop, Stream* stream) noexcept nogil:
    """The header fields go up, where the method takes them; their memory with them."""
    push_event(loop, stream, EVENT_OPEN, stream.metadata.data, stream.metadata.size)
    buffer_init(&stream.metadata)


cdef inline bint may_be_direct(const Loop* loop, const Stream* stream) noexcept nogil:
    """Whether calls with these header fields are decided without Python, by their message alone."""
    return (
        not stream.direct and not stream.flags & (CONNECT_JSON | CONNECT_PROTO)
        and loop.methods[stream.method].kind == HOT and not loop.methods[stream.method].takes_metadata)


cdef void headers_done(Loop* loop, Stream* stream) noexcept nogil:
    stream.flags |= HEADERS_DONE
    if refused(loop, stream):
        if stream.http_status:
            stream.flags |= UNCOUNTED
            loop.http_refusals += 1
        else:
            count_started(loop, stream)
        return
    count_started(loop, stream)
    if may_be_direct(loop, stream):
        known_learn(stream)
    stream.body.size = 0
    if overload_refuses(loop, stream) or guard_refuses(loop, stream):
        stream_shed(loop, stream)
        return
    if loop.methods[stream.method].kind == STREAMING and hold(loop, stream):
        loop.calls[STREAMING] += 1
        push_open(loop, stream)


cdef uint8_t* message_copy(const uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* copy
    if size == 0:
        return NULL
    copy = <uint8_t*> memory_grow(NULL, size)
    memcpy(copy, data, size)
    return copy


cdef bint too_large(Loop* loop, Stream* stream, size_t size) noexcept nogil:
    if size <= loop.methods[stream.method].limit:
        return False
    loop.trips[GUARD_MESSAGE_SIZE] += 1
    stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"the message is larger than this method takes")
    return True


cdef inline size_t declared(const uint8_t* prefix) noexcept nogil:
    return (<size_t> prefix[1] << 24) | (<size_t> prefix[2] << 16) | (<size_t> prefix[3] << 8) | prefix[4]


cdef bint prefix_is_good(Loop* loop, Stream* stream, const uint8_t* prefix) noexcept nogil:
    if prefix[0] > 1 or (prefix[0] == 1 and not stream.flags & ENCODING_GZIP):
        stream_fail_with(loop, stream, INTERNAL, b"MALFORMED_REQUEST", b"the message is marked compressed, but no grpc-encoding says how")
        return False
    return not too_large(loop, stream, declared(prefix))


cdef void stream_messages(Loop* loop, Stream* stream) noexcept nogil:
    """Hands every whole message of a streaming call to Python; what is not whole stays."""
    cdef size_t at = 0
    cdef size_t size
    while stream.body.size - at >= PREFIX_SIZE:
        if not prefix_is_good(loop, stream, stream.body.data + at):
            return
        size = declared(stream.body.data + at)
        if stream.body.size - at < PREFIX_SIZE + size:
            break
        if events_size(&loop.exchange) > MAX_EVENT_BYTES:
            loop.trips[GUARD_COLD_FULL] += 1
            stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"too many messages wait to be read")
            return
        if stream.body.data[at]:
            stream.flags |= COMPRESSED
        else:
            stream.flags &= ~<uint32_t> COMPRESSED
        stream.received += size
        push_event(loop, stream, EVENT_MESSAGE, message_copy(stream.body.data + at + PREFIX_SIZE, size), size)
        at += PREFIX_SIZE + size
    if at:
        memmove(stream.body.data, stream.body.data + at, stream.body.size - at)
        stream.body.size -= at


cdef void take_data(Loop* loop, Stream* stream, const uint8_t* data, size_t size) noexcept nogil:
    cdef bint begins
    if stream.flags & DISCARDS:
        return
    begins = stream.body.size < PREFIX_SIZE
    buffer_append(&stream.body, data, size)
    if stream.flags & (CONNECT_JSON | CONNECT_PROTO):
        too_large(loop, stream, stream.body.size)
    elif loop.methods[stream.method].kind == STREAMING:
        stream_messages(loop, stream)
    elif begins and stream.body.size >= PREFIX_SIZE:
        prefix_is_good(loop, stream, stream.body.data)


cdef int on_data(
    nghttp2_session* session, uint8_t flags, int32_t id, const uint8_t* data, size_t size, void* user
) noexcept nogil:
    cdef Stream* stream = <Stream*> nghttp2_session_get_stream_user_data(session, id)
    if stream != NULL:
        take_data((<Connection*> user).loop, stream, data, size)
    return 0


cdef void to_python(Loop* loop, Stream* stream) noexcept nogil:
    """The whole request goes up; its memory with it."""
    if not hold(loop, stream):
        return
    overload_handed(loop)
    if loop.methods[stream.method].takes_metadata:
        push_open(loop, stream)
    push_event(loop, stream, EVENT_CALL, stream.body.data, stream.body.size)
    buffer_init(&stream.body)


cdef void request_ended(Loop* loop, Stream* stream) noexcept nogil:
    cdef uint32_t kind
    cdef size_t size
    stream.flags |= ENDED
    if stream.flags & DISCARDS:
        if stream.http_status or stream.flags & (CONNECT_JSON | CONNECT_PROTO | SHED):
            batch_add(loop, stream)
        return
    kind = loop.methods[stream.method].kind
    if kind == STREAMING:
        if stream.body.size:
            stream_fail_with(loop, stream, INTERNAL, b"MALFORMED_REQUEST", b"the last message is not whole")
        else:
            push_event(loop, stream, EVENT_END, NULL, 0)
        return
    if stream.flags & (CONNECT_JSON | CONNECT_PROTO):
        stream.received = stream.body.size
        loop.calls[UNARY] += 1
        to_python(loop, stream)
        return
    if stream.body.size == 0:
        stream_fail_with(loop, stream, UNIMPLEMENTED, b"MALFORMED_REQUEST", b"this method takes one message")
        return
    if stream.body.size < PREFIX_SIZE or declared(stream.body.data) + PREFIX_SIZE > stream.body.size:
        stream_fail_with(loop, stream, INTERNAL, b"MALFORMED_REQUEST", b"the request has no whole message")
        return
    if declared(stream.body.data) + PREFIX_SIZE < stream.body.size:
        stream_fail_with(loop, stream, UNIMPLEMENTED, b"MALFORMED_REQUEST", b"this method takes one message")
        return
    if stream.body.data[0]:
        stream.flags |= COMPRESSED
    stream.received = stream.body.size - PREFIX_SIZE
    loop.calls[kind] += 1
    if kind == HOT and not stream.flags & COMPRESSED:
        batch_add(loop, stream)
    else:
        to_python(loop, stream)


cdef void request_direct(
    Connection* connection, int32_t id, const Known* known, const uint8_t* data, size_t size, uint32_t widened
) noexcept nogil:
    cdef Loop* loop = connection.loop
    cdef Stream* stream = stream_open(loop, connection, id)
    over_direct(connection, id)
    stream_direct(stream)
    loop.direct += 1
    stream.widened = widened
    stream.method = known.method
    stream.flags = known.flags
    if known.timeout >= 0:
        stream.deadline = stream.started + known.timeout
    headers_done(loop, stream)
    take_data(loop, stream, data, size)
    request_ended(loop, stream)


cdef int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept nogil:
    cdef Connection* connection = <Connection*> user
    cdef Stream* stream
    if frame.hd.type == NGHTTP2_SETTINGS:
        if frame.hd.flags & NGHTTP2_FLAG_ACK:
            connection.settings_acked = 1
        else:
            whole_settings(connection, frame)
        return 0
    if frame.hd.type == NGHTTP2_RST_STREAM:
        over_reset(connection, frame.hd.stream_id)
        return 0
    if frame.hd.type != NGHTTP2_DATA and frame.hd.type != NGHTTP2_HEADERS:
        return 0
    if frame.hd.type == NGHTTP2_HEADERS:
        stream = connection.current
        connection.current = NULL
        if stream != NULL and not stream.flags & HEADERS_DONE:
            headers_done(connection.loop, stream)
    elif not frame.hd.flags & NGHTTP2_FLAG_END_STREAM:
        return 0
    else:
        stream = <Stream*> nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
    if stream != NULL and frame.hd.flags & NGHTTP2_FLAG_END_STREAM:
        request_ended(connection.loop, stream)
    return 0


cdef int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int error, void* user) noexcept nogil:
    """A header block that nghttp2 takes for one call too many ends the connection, or before our SETTINGS are known the stream."""
    cdef Connection* connection = <Connection*> user
    cdef Stream* stream
    if frame.hd.type == NGHTTP2_HEADERS and connection.stream_count >= connection.loop.front.limits.streams:
        connection.loop.trips[GUARD_STREAMS] += 1
    # Any other ends its stream: nghttp2 will say so, and nothing of ours may follow.
    stream = <Stream*> nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
    if stream != NULL:
        stream.flags |= RESET
    return 0


cdef int on_stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user) noexcept nogil:
    cdef Connection* connection = <Connection*> user
    cdef Stream* stream = <Stream*> nghttp2_session_get_stream_user_data(session, id)
    over_closed(connection, id, stream != NULL and stream.flags & ENDED)
    if stream != NULL:
        if connection.current == stream:
            connection.current = NULL
        whole_forget(stream)
        stream_close(connection.loop, stream, code == NGHTTP2_NO_ERROR or code == ANSWERED_WHOLE)
    return 0


cdef void set_request_callbacks(nghttp2_session_callbacks* callbacks) noexcept nogil:
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame)
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame)
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close)
