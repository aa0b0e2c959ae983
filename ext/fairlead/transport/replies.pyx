"""See replies.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strlen

from fairlead.base.buffer cimport buffer_append, buffer_reserve
from fairlead.base.text cimport Text, text_empty, text_of
from fairlead.codec.encode cimport encode_status
from fairlead.transport.direct cimport direct_answer, direct_refuse
from fairlead.transport.exchange cimport push_event
from fairlead.transport.guards cimport guard_charge, guard_sent
from fairlead.transport.metadata cimport BOTH, LEADING, MAX_METADATA_FIELDS, TRAILING, metadata_fields, metadata_has
from fairlead.transport.model cimport (
    ANSWERED, CLOSED, Connection, CONNECT_JSON, CONNECT_PROTO, DECIDED, DISCARDS, ENCODING_UNKNOWN, ENDED, EVENT_ROOM, IN_PYTHON, Loop,
    PREFIX_SIZE, REPLY_GZIP, SHED, STALLED, STREAMING, Stream, TELLS_ROOM,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_DATA, NGHTTP2_DATA_FLAG_EOF, NGHTTP2_DATA_FLAG_NO_END_STREAM, NGHTTP2_ERR_DEFERRED,
    NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_NONE, NGHTTP2_HEADERS, NGHTTP2_NO_ERROR, NGHTTP2_NV_FLAG_NO_COPY_NAME,
    NGHTTP2_NV_FLAG_NO_COPY_VALUE, NGHTTP2_NV_FLAG_NO_INDEX, NGHTTP2_RST_STREAM, nghttp2_data_provider, nghttp2_data_source, nghttp2_frame,
    nghttp2_nv, nghttp2_session, nghttp2_session_callbacks, nghttp2_session_callbacks_set_on_frame_send_callback,
    nghttp2_session_get_stream_user_data, nghttp2_session_resume_data,
    nghttp2_submit_response, nghttp2_submit_rst_stream, nghttp2_submit_trailer,
)
from fairlead.transport.streams cimport account, batch_add, touch
from fairlead.transport.whole cimport ANSWERED_WHOLE, whole_answer, whole_refusal, whole_starve, whole_window
from fairlead.transport.wire cimport append_base64, append_percent, code_text, pause_text, status_message

cdef enum:
    MAX_REPLY_FIELDS = 8 + MAX_METADATA_FIELDS
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14

# What an HTTP client is told beside the status. Plain text: in JSON it would be an error of Connect.
cdef const char* HTTP_REFUSAL = b"POST application/grpc, application/json or application/proto to a method\n"


cdef inline void constant_field(nghttp2_nv* nv, const char* name, const char* value) noexcept nogil:
    """A field of which nghttp2 needs no copy."""
    nv.name = <uint8_t*> name
    nv.namelen = strlen(name)
    nv.value = <uint8_t*> value
    nv.valuelen = strlen(value)
    nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE


cdef inline void changing_field(nghttp2_nv* nv, const char* name, const uint8_t* value, size_t size) noexcept nogil:
    """A field whose value will hardly come again: copied, and kept out of the table of the peer."""
    nv.name = <uint8_t*> name
    nv.namelen = strlen(name)
    nv.value = <uint8_t*> value
    nv.valuelen = size
    nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX


cdef size_t message_begin(Stream* stream) noexcept nogil:
    cdef size_t at = stream.reply.size
    buffer_reserve(&stream.reply, PREFIX_SIZE)
    stream.reply.size += PREFIX_SIZE
    return at


cdef void message_end(Stream* stream, size_t at, uint8_t compressed) noexcept nogil:
    cdef uint8_t* prefix = stream.reply.data + at
    cdef size_t size = stream.reply.size - at - PREFIX_SIZE
    prefix[0] = compressed
    prefix[1] = <uint8_t> (size >> 24)
    prefix[2] = <uint8_t> (size >> 16)
    prefix[3] = <uint8_t> (size >> 8)
    prefix[4] = <uint8_t> size
    stream.told += size


cdef inline void refusal_joins(Loop* loop, Stream* stream, bint is_http) noexcept nogil:
    stream.flags |= DECIDED | DISCARDS
    # An HTTP client may take an answer before the end of its own request for a broken stream: it waits for that.
    if stream.flags & ENDED or not is_http:
        batch_add(loop, stream)


cdef void stream_fail(Loop* loop, Stream* stream, int32_t code, const char* reason, Text message) noexcept nogil:
    if stream.flags & IN_PYTHON:
        loop.scratch.size = 0
        encode_status(&loop.scratch, code, text_of(reason), message, text_empty(), NULL, 0)
        answer_finish(loop, stream, code, loop.scratch.data, loop.scratch.size)
        return
    stream.metadata.size = 0
    stream.reply.size = 0
    message_begin(stream)
    encode_status(&stream.reply, code, text_of(reason), message, text_empty(), NULL, 0)
    stream.status = code
    refusal_joins(loop, stream, stream.flags & (CONNECT_JSON | CONNECT_PROTO))


cdef void stream_fail_with(Loop* loop, Stream* stream, int32_t code, const char* reason, const char* message) noexcept nogil:
    stream_fail(loop, stream, code, reason, text_of(message))


cdef void stream_fail_http(Loop* loop, Stream* stream, int32_t http_status) noexcept nogil:
    stream.metadata.size = 0
    stream.reply.size = 0
    buffer_append(&stream.reply, HTTP_REFUSAL, strlen(HTTP_REFUSAL))
    stream.http_status = http_status
    refusal_joins(loop, stream, True)


cdef void stream_shed(Loop* loop, Stream* stream) noexcept nogil:
    loop.shed[loop.methods[stream.method].rank] += 1
    stream.flags |= SHED
    stream.status = UNAVAILABLE
    if stream.flags & (CONNECT_JSON | CONNECT_PROTO):
        message_begin(stream)
        buffer_append(&stream.reply, loop.front.overload_status.data, loop.front.overload_status.size)
    refusal_joins(loop, stream, loop.methods[stream.method].kind != STREAMING)


cdef size_t add_status(
    Loop* loop, nghttp2_nv* nv, size_t count, int32_t code, const uint8_t* status, size_t size
) noexcept nogil:
    """Adds grpc-status and, of a Status, grpc-message and its details; returns the new count."""
    cdef Text message = status_message(status, size)
    cdef size_t middle
    constant_field(&nv[count], b"grpc-status", code_text(code))
    count += 1
    loop.statuses[code] += 1
    if size == 0:
        return count
    loop.trailers.size = 0
    append_percent(&loop.trailers, <const uint8_t*> message.data, message.size)
    middle = loop.trailers.size
    append_base64(&loop.trailers, status, size)
    changing_field(&nv[count], b"grpc-message", loop.trailers.data, middle)
    changing_field(&nv[count + 1], b"grpc-status-details-bin", loop.trailers.data + middle, loop.trailers.size - middle)
    return count + 2


cdef int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept nogil:
    """The answer is whole; what the peer still sends would be for nothing. A reset any earlier would overtake it."""
    cdef Stream* stream
    if frame.hd.type == NGHTTP2_RST_STREAM:
        if frame.rst_stream.error_code != ANSWERED_WHOLE:
            guard_charge(<Connection*> user, 2)
        return 0
    if frame.hd.type == NGHTTP2_DATA:
        guard_sent(<Connection*> user)
    if not frame.hd.flags & NGHTTP2_FLAG_END_STREAM or (
            frame.hd.type != NGHTTP2_HEADERS and frame.hd.type != NGHTTP2_DATA):
        return 0
    stream = <Stream*> nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
    if stream != NULL and not stream.flags & ENDED:
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR)
    return 0


cdef void set_reply_callbacks(nghttp2_session_callbacks* callbacks) noexcept nogil:
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent)


cdef ssize_t read_reply(
    nghttp2_session* session, int32_t id, uint8_t* to, size_t room, uint32_t* flags, nghttp2_data_source* source,
    void* connection
) noexcept nogil:
    """nghttp2 asks for the next bytes of a reply; at their end the trailers are submitted."""
    cdef Stream* stream = <Stream*> source.ptr
    cdef size_t left = stream.reply.size - stream.sent
    cdef size_t size = min(min(room, left), <size_t> max(whole_window(stream.connection), <int64_t> 0))
    cdef nghttp2_nv nv[MAX_REPLY_FIELDS]
    cdef size_t count
    if size:
        memcpy(to, stream.reply.data + stream.sent, size)
        stream.sent += size
        account(stream)
    if size < left:
        if size:
            return size
        whole_starve(stream)
        return NGHTTP2_ERR_DEFERRED
    if not stream.finishes:
        # More may come: forget what has left.
        stream.reply.size = 0
        stream.sent = 0
        if stream.flags & TELLS_ROOM:
            stream.flags &= ~<uint32_t> TELLS_ROOM
            push_event(stream.connection.loop, stream, EVENT_ROOM, NULL, 0)
        if size:
            return size
        stream.flags |= STALLED
        return NGHTTP2_ERR_DEFERRED
    flags[0] |= NGHTTP2_DATA_FLAG_EOF
    if stream.http_status == 0:
        flags[0] |= NGHTTP2_DATA_FLAG_NO_END_STREAM
        count = add_status(stream.connection.loop, nv, 0, stream.status, stream.body.data, stream.body.size if stream.status else 0)
        count = metadata_fields(&stream.metadata, TRAILING, nv, count)
        nghttp2_submit_trailer(session, id, nv, count)
    return size


cdef void begin_answer(Loop* loop, Stream* stream) noexcept nogil:
    """Response headers, with the reply behind them."""
    cdef nghttp2_nv nv[MAX_REPLY_FIELDS]
    cdef nghttp2_data_provider provider
    cdef size_t count = 2
    if stream.finishes and stream.status == 0 and whole_answer(stream):
        loop.statuses[0] += 1
        guard_sent(stream.connection)
        return
    if stream.direct:
        direct_answer(loop, stream)
        return
    constant_field(&nv[0], b":status", b"200")
    constant_field(&nv[1], b"content-type", b"application/grpc")
    if stream.flags & REPLY_GZIP:
        constant_field(&nv[2], b"grpc-encoding", b"gzip")
        count = 3
    count = metadata_fields(&stream.metadata, LEADING, nv, count)
    provider.source.ptr = stream
    provider.read_callback = read_reply
    stream.flags |= ANSWERED
    account(stream)
    nghttp2_submit_response(stream.connection.session, stream.id, nv, count, &provider)
    touch(stream.connection)


cdef void refuse(Loop* loop, Stream* stream, const uint8_t* status, size_t size) noexcept nogil:
    """Trailers only."""
    cdef nghttp2_nv nv[MAX_REPLY_FIELDS]
    cdef size_t count = 2
    if stream.direct:
        direct_refuse(loop, stream, status, size)
        return
    constant_field(&nv[0], b":status", b"200")
    constant_field(&nv[1], b"content-type", b"application/grpc")
    if stream.flags & ENCODING_UNKNOWN:
        constant_field(&nv[2], b"grpc-accept-encoding", b"identity,gzip")
        count = 3
    count = add_status(loop, nv, count, stream.status, status, size)
    count = metadata_fields(&stream.metadata, BOTH, nv, count)
    stream.flags |= ANSWERED
    nghttp2_submit_response(stream.connection.session, stream.id, nv, count, NULL)
    touch(stream.connection)


cdef void refuse_overload(Loop* loop, Stream* stream) noexcept nogil:
    """Trailers only, all of whose values the peer's table has after the first time."""
    cdef nghttp2_nv nv[MAX_REPLY_FIELDS]
    cdef uint32_t turn = <uint32_t> loop.statuses[stream.status]
    loop.statuses[stream.status] += 1
    if whole_refusal(stream, turn) or stream.direct:
        return
    constant_field(&nv[0], b":status", b"200")
    constant_field(&nv[1], b"content-type", b"application/grpc")
    constant_field(&nv[2], b"grpc-status", code_text(stream.status))
    constant_field(&nv[3], b"grpc-retry-pushback-ms", pause_text(turn))
    constant_field(&nv[4], b"grpc-message", b"")
    nv[4].value = loop.front.overload_message.data
    nv[4].valuelen = loop.front.overload_message.size
    constant_field(&nv[5], b"grpc-status-details-bin", b"")
    nv[5].value = loop.front.overload_details.data
    nv[5].valuelen = loop.front.overload_details.size
    stream.flags |= ANSWERED
    nghttp2_submit_response(stream.connection.session, stream.id, nv, 6, NULL)
    touch(stream.connection)


cdef inline const char* content_type(const Stream* stream) noexcept nogil:
    """Of an answer that is not gRPC. Ours are text, those of Connect JSON or, where it asks for that, protobuf."""
    if stream.flags & DISCARDS:
        return b"text/plain; charset=utf-8"
    return b"application/proto" if stream.flags & CONNECT_PROTO and stream.http_status == 200 else b"application/json"


cdef void answer_http(Loop* loop, Stream* stream) noexcept nogil:
    cdef nghttp2_nv nv[MAX_REPLY_FIELDS]
    cdef nghttp2_data_provider provider
    cdef char status[12]
    cdef size_t count = 1
    snprintf(status, sizeof(status), b"%d", stream.http_status)
    changing_field(&nv[0], b":status", <const uint8_t*> status, strlen(status))
    if stream.reply.size or stream.http_status == 200:
        constant_field(&nv[1], b"content-type", content_type(stream))
        count = 2
    if stream.http_status == 405:
        constant_field(&nv[count], b"allow", b"POST")
        count += 1
    count = metadata_fields(&stream.metadata, LEADING, nv, count)
    provider.source.ptr = stream
    provider.read_callback = read_reply
    stream.finishes = 1
    stream.flags |= ANSWERED
    account(stream)
    nghttp2_submit_response(
        stream.connection.session, stream.id, nv, count, &provider if stream.reply.size else NULL)
    touch(stream.connection)


cdef void refuse_connect(Loop* loop, Stream* stream) noexcept nogil:
    """A refusal of ours in Connect's words. Our sentences need no escapes in JSON."""
    cdef Text message = status_message(stream.reply.data + PREFIX_SIZE, stream.reply.size - PREFIX_SIZE)
    cdef const char* name = b"internal"
    stream.http_status = 500
    if stream.status == RESOURCE_EXHAUSTED:
        name = b"resource_exhausted"
        stream.http_status = 429
    elif stream.status == UNIMPLEMENTED:
        name = b"unimplemented"
        stream.http_status = 501
    elif stream.status == UNAVAILABLE:
        name = b"unavailable"
        stream.http_status = 503
    loop.scratch.size = 0
    buffer_append(&loop.scratch, b'{"code":"', 9)
    buffer_append(&loop.scratch, name, strlen(name))
    buffer_append(&loop.scratch, b'","message":"', 13)
    buffer_append(&loop.scratch, message.data, message.size)
    buffer_append(&loop.scratch, b'"}', 2)
    loop.statuses[stream.status] += 1
    stream.flags &= ~<uint32_t> DISCARDS
    stream.reply.size = 0
    buffer_append(&stream.reply, loop.scratch.data, loop.scratch.size)
    answer_http(loop, stream)


cdef void answer(Loop* loop, Stream* stream) noexcept nogil:
    if stream.http_status:
        answer_http(loop, stream)
    elif stream.status and stream.flags & (CONNECT_JSON | CONNECT_PROTO):
        refuse_connect(loop, stream)
    elif stream.status == 0:
        stream.finishes = 1
        begin_answer(loop, stream)
    elif stream.flags & SHED:
        refuse_overload(loop, stream)
    else:
        refuse(loop, stream, stream.reply.data + PREFIX_SIZE, stream.reply.size - PREFIX_SIZE)


cdef void answer_more(Loop* loop, Stream* stream) noexcept nogil:
    if not stream.flags & ANSWERED:
        begin_answer(loop, stream)
        return
    account(stream)
    if stream.flags & STALLED:
        stream.flags &= ~<uint32_t> STALLED
        nghttp2_session_resume_data(stream.connection.session, stream.id)
        touch(stream.connection)


cdef void answer_finish(Loop* loop, Stream* stream, int32_t code, const uint8_t* status, size_t size) noexcept nogil:
    if stream.flags & DECIDED:
        return
    stream.status = code
    stream.finishes = 1
    stream.flags |= DECIDED | DISCARDS
    stream.body.size = 0
    if code:
        buffer_append(&stream.body, status, size)
    if stream.flags & CLOSED:
        return
    if code and not stream.flags & ANSWERED and stream.reply.size == 0 and not metadata_has(&stream.metadata, LEADING):
        refuse(loop, stream, stream.body.data, stream.body.size)
    else:
        answer_more(loop, stream)
