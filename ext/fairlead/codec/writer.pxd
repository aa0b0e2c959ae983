"""Protobuf wire format, writing: fields to a pointer that has room for them, messages of unknown size to a Buffer.

`put_*` writes at `at` and returns the end of what it wrote. A field at its default is left out. Room: `FIELD_SIZE` a
field, plus the bytes of its text.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from fairlead.base.buffer cimport Buffer, buffer_reserve
from fairlead.base.text cimport Text
from fairlead.codec.tags cimport VARINT_1, VARINT_2


cdef enum:
    # Tag of at most 2 bytes, varint of at most 10; or tag, length of at most 5; or a whole time.
    FIELD_SIZE = 20
    # Tag of at most 2 bytes and a length of at most 5.
    PREFIX_SIZE = 7


cdef inline uint8_t* put_varint(uint8_t* at, uint64_t value) noexcept nogil:
    while value >= 0x80:
        at[0] = <uint8_t>(value | 0x80)
        at += 1
        value >>= 7
    at[0] = <uint8_t>value
    return at + 1


cdef inline uint8_t* put_number(uint8_t* at, uint32_t tag, int64_t value) noexcept nogil:
    """An int32, int64, enum or bool."""
    if value == 0:
        return at
    return put_varint(put_varint(at, tag), <uint64_t>value)


cdef inline uint8_t* put_text(uint8_t* at, uint32_t tag, Text text) noexcept nogil:
    if text.size == 0:
        return at
    at = put_varint(put_varint(at, tag), text.size)
    memcpy(at, text.data, text.size)
    return at + text.size


cdef inline uint8_t* put_time(uint8_t* at, uint32_t tag, int64_t us) noexcept nogil:
    """A Timestamp, or a Duration that is not negative; 0 is left out."""
    cdef int64_t seconds = us // 1000000
    cdef int64_t rest_us = us - seconds * 1000000
    cdef uint8_t* size_at
    if us == 0:
        return at
    if rest_us < 0:
        # nanos count forward, also before 1970.
        rest_us += 1000000
        seconds -= 1
    size_at = put_varint(at, tag)
    at = put_number(size_at + 1, VARINT_1, seconds)
    at = put_number(at, VARINT_2, rest_us * 1000)
    size_at[0] = <uint8_t>(at - size_at - 1)
    return at


cdef inline uint8_t* buffer_end(Buffer* buffer, size_t room) noexcept nogil:
    """Where the next byte goes, with room for that many."""
    buffer_reserve(buffer, room)
    return buffer.data + buffer.size


cdef inline void advance(Buffer* buffer, const uint8_t* end) noexcept nogil:
    """Takes over what was put up to `end`."""
    buffer.size = <size_t>(end - buffer.data)


cdef inline void append_text(Buffer* buffer, uint32_t tag, Text text) noexcept nogil:
    advance(buffer, put_text(buffer_end(buffer, FIELD_SIZE + <size_t>text.size), tag, text))


cdef inline size_t open_message(Buffer* buffer) noexcept nogil:
    """Begins a message field; what is appended until `close_message` is its content."""
    buffer_reserve(buffer, PREFIX_SIZE)
    buffer.size += PREFIX_SIZE
    return buffer.size


cdef inline void close_message(Buffer* buffer, size_t mark, uint32_t tag) noexcept nogil:
    """Ends the message field begun at `mark`: writes its prefix and closes the gap. O(content)."""
    cdef size_t size = buffer.size - mark
    cdef uint8_t* start = buffer.data + mark - PREFIX_SIZE
    cdef uint8_t* content = put_varint(put_varint(start, tag), size)
    memmove(content, buffer.data + mark, size)
    advance(buffer, content + size)
