"""Protobuf wire format, reading: the bytes between two pointers, refused where the official runtime refuses them.

A field is a tag (varint of number << 3 | wire type) and a value: varint (0), 8 bytes (1), length and bytes (2), group
up to its end tag (3, 4), 4 bytes (5). As in the official runtime tags and lengths have at most 5 bytes and 32 and 31
bits, other varints at most 10 bytes, of which bits beyond 64 are dropped. Example: 0a 02 6a 31 is field 1, bytes, "j1".
Field number 0 is refused everywhere; the official runtime up to 7.36 overlooked it inside unknown groups.

Every function returns False when the bytes are malformed; `what` then says why and `at` is where. Knows no message.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.text cimport Text, utf8_valid


cdef enum:
    # Levels of messages and groups below the request; the official runtime goes to 100.
    MAX_DEPTH = 16


cdef struct Reader:
    const uint8_t* at
    # End of the innermost message that is being read. at <= end.
    const uint8_t* end
    # Static text, NULL while nothing was malformed.
    const char* what


cdef bint read_long_varint(Reader* reader, uint64_t* value) noexcept nogil
# A varint of at most 5 bytes and a value of at most `limit`.
cdef bint read_short_varint(Reader* reader, uint64_t limit, uint32_t* value) noexcept nogil
# Skips the value of a field that nobody knows. `depth`: levels already entered.
cdef bint skip_field(Reader* reader, uint32_t tag, int32_t depth) noexcept nogil


cdef inline bint refuse(Reader* reader, const char* what) noexcept nogil:
    """Marks the bytes as malformed; always False."""
    reader.what = what
    return False


cdef inline bint read_varint(Reader* reader, uint64_t* value) noexcept nogil:
    if reader.at < reader.end and reader.at[0] < 0x80:
        value[0] = reader.at[0]
        reader.at += 1
        return True
    return read_long_varint(reader, value)


cdef inline bint read_tag(Reader* reader, uint32_t* tag) noexcept nogil:
    if reader.at < reader.end and reader.at[0] < 0x80:
        tag[0] = reader.at[0]
        reader.at += 1
        return True
    return read_short_varint(reader, 0xFFFFFFFF, tag)


cdef inline bint read_size(Reader* reader, uint32_t* size) noexcept nogil:
    """A length that lies within the rest of the innermost message."""
    if reader.at < reader.end and reader.at[0] < 0x80:
        size[0] = reader.at[0]
        reader.at += 1
    elif not read_short_varint(reader, 0x7FFFFFFF, size):
        return False
    if <size_t>(reader.end - reader.at) < size[0]:
        return refuse(reader, b"a length goes beyond the end")
    return True


cdef inline bint read_text(Reader* reader, Text* text) noexcept nogil:
    """A string; `text` points into the bytes."""
    cdef uint32_t size
    if not read_size(reader, &size):
        return False
    if not utf8_valid(reader.at, size):
        return refuse(reader, b"a string is not UTF-8")
    text.data = <const char*>reader.at
    text.size = size
    reader.at += size
    return True


cdef inline bint read_int64(Reader* reader, int64_t* value) noexcept nogil:
    cdef uint64_t bits
    if not read_varint(reader, &bits):
        return False
    value[0] = <int64_t>bits
    return True


cdef inline bint read_int32(Reader* reader, int32_t* value) noexcept nogil:
    """An int32 or enum: the low 32 bits, whatever the rest is."""
    cdef uint64_t bits
    if not read_varint(reader, &bits):
        return False
    value[0] = <int32_t><uint32_t>bits
    return True


cdef inline bint read_bool(Reader* reader, uint8_t* value) noexcept nogil:
    cdef uint64_t bits
    if not read_varint(reader, &bits):
        return False
    value[0] = bits != 0
    return True


cdef inline bint enter(Reader* reader, const uint8_t** outer_end) noexcept nogil:
    """Narrows the reader to the message that begins here; `outer_end` is what to put back after it."""
    cdef uint32_t size
    if not read_size(reader, &size):
        return False
    outer_end[0] = reader.end
    reader.end = reader.at + size
    return True
