"""See frames.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove

from fairlead.base.buffer cimport buffer_append, buffer_reserve
from fairlead.load.model cimport (
    Block, CODE_OTHER, Call, Connection, Load, MAX_ANSWER, NGHTTP2_HD_INFLATE_EMIT, NGHTTP2_HD_INFLATE_FINAL,
    TABLE, nghttp2_hd_inflate_end_headers, nghttp2_hd_inflate_hd2, nghttp2_nv,
)

cdef enum:
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    ACK = 1
    END_STREAM = 1
    END_HEADERS = 4
    PADDED = 8
    WITH_PRIORITY = 32
    HEAD = 9
    PREFIX = 5
    WINDOW_STEP = 1 << 22
    FIRST_WINDOW = 65535
    LARGE_WINDOW = 1 << 30
    MAX_DATA = 16000             # of a frame; every server takes 16,384

cdef const char* PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


cdef inline uint8_t* put_head(uint8_t* at, size_t size, uint8_t kind, uint8_t flags, uint32_t stream) noexcept nogil:
    at[0] = <uint8_t> (size >> 16)
    at[1] = <uint8_t> (size >> 8)
    at[2] = <uint8_t> size
    at[3] = kind
    at[4] = flags
    return put_number(at + 5, stream)


cdef inline uint8_t* put_number(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 24)
    at[1] = <uint8_t> (value >> 16)
    at[2] = <uint8_t> (value >> 8)
    at[3] = <uint8_t> value
    return at + 4


cdef inline uint32_t number_at(const uint8_t* at) noexcept nogil:
    return (<uint32_t> at[0] << 24) | (<uint32_t> at[1] << 16) | (<uint32_t> at[2] << 8) | at[3]


cdef void write_frame(
    Connection* connection, uint8_t kind, uint8_t flags, uint32_t stream, const uint8_t* body, size_t size
) noexcept nogil:
    cdef uint8_t[HEAD] head
    put_head(head, size, kind, flags, stream)
    buffer_append(&connection.output, head, HEAD)
    buffer_append(&connection.output, body, size)


cdef void write_window(Connection* connection, uint32_t more) noexcept nogil:
    cdef uint8_t[4] body
    put_number(body, more)
    write_frame(connection, WINDOW_UPDATE, 0, 0, body, 4)


cdef void write_preface(Connection* connection) noexcept nogil:
    cdef uint8_t[6] setting
    buffer_append(&connection.output, PREFACE, 24)
    # Initial window of a stream: the server is not to wait for us.
    setting[0] = 0
    setting[1] = 4
    put_number(setting + 2, LARGE_WINDOW)
    write_frame(connection, SETTINGS, 0, 0, setting, 6)
    write_window(connection, LARGE_WINDOW)
    connection.window = FIRST_WINDOW
    connection.next_stream = 1


cdef void write_request(Load* load, Connection* connection, uint32_t place) noexcept nogil:
    cdef Call* call = &load.calls[place]
    cdef const Block* block = &load.block[call.kind]
    cdef size_t size = load.message.size
    cdef uint32_t stream = connection.next_stream
    cdef size_t part, done = 0
    cdef uint8_t* at
    if connection.stage < load.kind_count:
        block = &load.first[call.kind]
    connection.streams[(stream >> 1) & (TABLE - 1)] = place
    connection.next_stream += 2
    connection.window -= size + PREFIX
    buffer_reserve(&connection.output, (2 + size // MAX_DATA) * HEAD + block.size + PREFIX + size)
    at = put_head(connection.output.data + connection.output.size, block.size, HEADERS, END_HEADERS, stream)
    memcpy(at, block.data, block.size)
    at += block.size
    part = min(size, <size_t> MAX_DATA)
    at = put_head(at, part + PREFIX, DATA, END_STREAM if part == size else 0, stream)
    at[0] = 0
    at = put_number(at + 1, <uint32_t> size)
    memcpy(at, load.message.data, part)
    at += part
    while done + part < size:
        done += part
        part = min(size - done, <size_t> MAX_DATA)
        at = put_head(at, part, DATA, END_STREAM if done + part == size else 0, stream)
        memcpy(at, load.message.data + done, part)
        at += part
    connection.output.size = at - connection.output.data
    call.status = CODE_OTHER
    call.answer_size = 0


cdef bint read_block(Connection* connection, Call* call, const uint8_t* data, size_t size) noexcept nogil:
    """A header block of the server, which is whole. False when HPACK refuses it."""
    cdef nghttp2_nv nv
    cdef int flags = 0
    cdef ssize_t used
    cdef uint32_t code
    cdef size_t at
    while True:
        used = nghttp2_hd_inflate_hd2(connection.inflater, &nv, &flags, data, size, 1)
        if used < 0:
            return False
        data += used
        size -= used
        if flags & NGHTTP2_HD_INFLATE_EMIT and nv.namelen == 11 and memcmp(nv.name, b"grpc-status", 11) == 0:
            code = 0
            for at in range(nv.valuelen):
                code = code * 10 + (nv.value[at] - c'0')
            if call != NULL and nv.valuelen <= 2 and code < CODE_OTHER:
                call.status = <uint8_t> code
        if flags & NGHTTP2_HD_INFLATE_FINAL:
            nghttp2_hd_inflate_end_headers(connection.inflater)
            return True
        if not flags & NGHTTP2_HD_INFLATE_EMIT and size == 0:
            return True


cdef void read_data(Connection* connection, Call* call, const uint8_t* data, size_t size) noexcept nogil:
    cdef size_t kept = min(size, <size_t> MAX_ANSWER - call.answer_size)
    memcpy(call.answer + call.answer_size, data, kept)
    call.answer_size += <unsigned short> kept


cdef bint read_frame(
    Load* load, Connection* connection, const uint8_t* head, size_t size,
    void (*finished)(Load*, uint32_t) noexcept nogil
) noexcept nogil:
    cdef const uint8_t* body = head + HEAD
    cdef uint8_t kind = head[3]
    cdef uint8_t flags = head[4]
    cdef uint32_t stream = number_at(head + 5) & 0x7FFFFFFF
    cdef uint32_t place = connection.streams[(stream >> 1) & (TABLE - 1)] if stream else 0
    cdef Call* call = &load.calls[place]
    cdef size_t padding = 0
    if kind == DATA:
        connection.consumed += size
    if (kind == DATA or kind == HEADERS) and flags & PADDED:
        padding = body[0] + 1
        if padding > size:
            return False
        size -= padding
        body += 1
    if kind == DATA:
        read_data(connection, call, body, size)
    elif kind == HEADERS:
        if flags & WITH_PRIORITY and size >= 5:
            body += 5
            size -= 5
        if not flags & END_HEADERS or not read_block(connection, call, body, size):
            return False
    elif kind == SETTINGS and not flags & ACK:
        write_frame(connection, SETTINGS, ACK, 0, NULL, 0)
    elif kind == PING and not flags & ACK:
        write_frame(connection, PING, ACK, 0, body, 8)
    elif kind == WINDOW_UPDATE and stream == 0:
        connection.window += number_at(body) & 0x7FFFFFFF
    elif kind == GOAWAY:
        return False
    if kind == RST_STREAM and call.busy or (flags & END_STREAM and (kind == DATA or kind == HEADERS)):
        finished(load, place)
    return True


cdef bint read_frames(Load* load, Connection* connection, void (*finished)(Load*, uint32_t) noexcept nogil) noexcept nogil:
    cdef size_t at = 0
    cdef size_t size
    while connection.filled - at >= HEAD:
        size = (<size_t> connection.input[at] << 16) | (<size_t> connection.input[at + 1] << 8) | connection.input[at + 2]
        if connection.filled - at < HEAD + size:
            break
        if not read_frame(load, connection, connection.input + at, size, finished):
            return False
        at += HEAD + size
    memmove(connection.input, connection.input + at, connection.filled - at)
    connection.filled -= at
    if connection.consumed > WINDOW_STEP:
        write_window(connection, <uint32_t> connection.consumed)
        connection.consumed = 0
    return True
