"""See fields.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from fairlead.base.buffer cimport buffer_append
from fairlead.transport.metadata cimport LEADING, metadata_append
from fairlead.transport.model cimport (
    ACCEPTS_GZIP, BAD_CONTENT_TYPE, BAD_METADATA, BAD_TIMEOUT, COMPRESSED, CONNECT_JSON, CONNECT_PROTO, CONTENT_ACCEPTS_GZIP, CONTENT_GZIP,
    CONTENT_UNKNOWN, ENCODING_GZIP, ENCODING_UNKNOWN, HAS_CONTENT_TYPE, NOT_POST,
)
from fairlead.transport.wire cimport is_base64, parse_timeout


cdef int32_t find_method(const Loop* loop, const uint8_t* path, size_t size) noexcept nogil:
    """Index of the method, -1 when there is none. The hot ones come first."""
    cdef uint64_t tail
    cdef uint32_t at
    if size < 8:
        return -1
    memcpy(&tail, path + size - 8, 8)
    for at in range(loop.method_count):
        if loop.methods[at].tail == tail and loop.methods[at].size == size:
            if memcmp(loop.methods[at].path, path, size) == 0:
                return <int32_t> at
    return -1


cdef inline bint same(const uint8_t* value, size_t size, const char* text, size_t text_size) noexcept nogil:
    return size == text_size and memcmp(value, text, size) == 0


cdef bint contains(const uint8_t* value, size_t size, const char* word, size_t word_size) noexcept nogil:
    cdef size_t at = 0
    while at + word_size <= size:
        if memcmp(value + at, word, word_size) == 0:
            return True
        at += 1
    return False


cdef uint32_t content_type_flags(const uint8_t* value, size_t size) noexcept nogil:
    cdef const uint8_t* semicolon
    if size == 16 and memcmp(value, b"application/grpc", 16) == 0:
        return HAS_CONTENT_TYPE
    semicolon = <const uint8_t*> memchr(value, c';', size)
    if semicolon != NULL:
        size = semicolon - value
        while size and value[size - 1] == c' ':
            size -= 1
    if same(value, size, b"application/grpc", 16) or same(value, size, b"application/grpc+proto", 22):
        return HAS_CONTENT_TYPE
    if same(value, size, b"application/json", 16):
        return HAS_CONTENT_TYPE | CONNECT_JSON
    if same(value, size, b"application/proto", 17):
        return HAS_CONTENT_TYPE | CONNECT_PROTO
    return HAS_CONTENT_TYPE | BAD_CONTENT_TYPE


cdef uint32_t encoding_flags(const uint8_t* value, size_t size) noexcept nogil:
    if same(value, size, b"identity", 8):
        return 0
    return ENCODING_GZIP if same(value, size, b"gzip", 4) else ENCODING_UNKNOWN


cdef uint32_t content_encoding_flags(const uint8_t* value, size_t size) noexcept nogil:
    if same(value, size, b"identity", 8):
        return 0
    return CONTENT_GZIP if same(value, size, b"gzip", 4) else CONTENT_UNKNOWN


cdef void take_content_flags(Stream* stream) noexcept nogil:
    """What Connect says with HTTP's own fields; in a call of gRPC they mean nothing."""
    if stream.flags & CONTENT_GZIP:
        stream.flags |= ENCODING_GZIP | COMPRESSED
    if stream.flags & CONTENT_UNKNOWN:
        stream.flags |= ENCODING_UNKNOWN
    if stream.flags & CONTENT_ACCEPTS_GZIP:
        stream.flags |= ACCEPTS_GZIP


cdef void read_timeout(Stream* stream, const uint8_t* value, size_t size) noexcept nogil:
    cdef int64_t timeout = parse_timeout(value, size)
    if timeout < 0:
        stream.flags |= BAD_TIMEOUT
    else:
        stream.deadline = stream.started + timeout


cdef void read_connect_timeout(Stream* stream, const uint8_t* value, size_t size) noexcept nogil:
    """connect-timeout-ms: up to 10 digits."""
    cdef int64_t number = 0
    cdef size_t at
    if size == 0 or size > 10:
        stream.flags |= BAD_TIMEOUT
        return
    for at in range(size):
        if value[at] < c'0' or value[at] > c'9':
            stream.flags |= BAD_TIMEOUT
            return
        number = number * 10 + (value[at] - c'0')
    stream.deadline = stream.started + number * 1000


cdef void read_field(
    Loop* loop, Stream* stream, const uint8_t* name, size_t name_size, const uint8_t* value, size_t size
) noexcept nogil:
    if name_size == 5:
        if memcmp(name, b":path", 5) == 0:
            stream.method = find_method(loop, value, size)
            if stream.method < 0:
                # Kept for the sentence of the refusal.
                stream.body.size = 0
                buffer_append(&stream.body, value, min(size, <size_t> 256))
    elif name_size == 7:
        if memcmp(name, b":method", 7) == 0 and not same(value, size, b"POST", 4):
            stream.flags |= NOT_POST
    elif name_size == 12:
        if memcmp(name, b"content-type", 12) == 0:
            stream.flags |= content_type_flags(value, size)
        elif memcmp(name, b"grpc-timeout", 12) == 0:
            read_timeout(stream, value, size)
    elif name_size == 14:
        if memcmp(name, b"content-length", 14) == 0:
            # Not what the next call of this kind will have, and nghttp2 counts.
            stream.connection.candidate_id = 0
    elif name_size == 13:
        if memcmp(name, b"grpc-encoding", 13) == 0:
            stream.flags |= encoding_flags(value, size)
    elif name_size == 16:
        if memcmp(name, b"content-encoding", 16) == 0:
            stream.flags |= content_encoding_flags(value, size)
    elif name_size == 15:
        if memcmp(name, b"accept-encoding", 15) == 0 and contains(value, size, b"gzip", 4):
            stream.flags |= CONTENT_ACCEPTS_GZIP
    elif name_size == 20:
        if memcmp(name, b"grpc-accept-encoding", 20) == 0 and contains(value, size, b"gzip", 4):
            stream.flags |= ACCEPTS_GZIP
    elif name_size == 18:
        if memcmp(name, b"connect-timeout-ms", 18) == 0:
            read_connect_timeout(stream, value, size)
    if name_size > 4 and name[name_size - 1] == c'n' and memcmp(name + name_size - 4, b"-bin", 4) == 0 and (
            not is_base64(value, size)):
        stream.flags |= BAD_METADATA
    if stream.method >= 0 and loop.methods[stream.method].takes_metadata and name[0] != c':':
        metadata_append(&stream.metadata, LEADING, name, name_size, value, size)
