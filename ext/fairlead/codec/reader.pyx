"""The rarer paths of reading: long varints, unknown fields, groups."""


cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


cdef bint read_long_varint(Reader* reader, uint64_t* value) noexcept nogil:
    cdef const uint8_t* at = reader.at
    cdef uint64_t bits = 0
    cdef int32_t shift = 0
    while shift < 70:
        if at >= reader.end:
            return refuse(reader, b"a number is cut short")
        bits |= <uint64_t>(at[0] & 0x7F) << shift
        if at[0] < 0x80:
            reader.at = at + 1
            value[0] = bits
            return True
        at += 1
        shift += 7
    return refuse(reader, b"a number has more than 10 bytes")


cdef bint read_short_varint(Reader* reader, uint64_t limit, uint32_t* value) noexcept nogil:
    cdef const uint8_t* at = reader.at
    cdef uint64_t bits = 0
    cdef int32_t shift = 0
    while shift < 35:
        if at >= reader.end:
            return refuse(reader, b"a tag or length is cut short")
        bits |= <uint64_t>(at[0] & 0x7F) << shift
        if at[0] < 0x80:
            if bits > limit:
                break
            reader.at = at + 1
            value[0] = <uint32_t>bits
            return True
        at += 1
        shift += 7
    return refuse(reader, b"a tag or length is out of range")


cdef inline bint skip_fixed(Reader* reader, size_t size) noexcept nogil:
    if <size_t>(reader.end - reader.at) < size:
        return refuse(reader, b"a fixed-width value is cut short")
    reader.at += size
    return True


cdef bint skip_plain(Reader* reader, uint32_t wire_type) noexcept nogil:
    """Skips a value that is not a group."""
    cdef uint64_t bits
    cdef uint32_t size
    if wire_type == VARINT:
        return read_varint(reader, &bits)
    elif wire_type == BYTES:
        if not read_size(reader, &size):
            return False
        reader.at += size
        return True
    elif wire_type == FIXED32:
        return skip_fixed(reader, 4)
    elif wire_type == FIXED64:
        return skip_fixed(reader, 8)
    return refuse(reader, b"a wire type is 6 or 7")


cdef bint skip_group(Reader* reader, uint32_t number, int32_t depth) noexcept nogil:
    """Skips to behind the end of the group that was just entered. Open groups are on a list, not on the C stack."""
    cdef uint32_t[MAX_DEPTH] numbers
    cdef int32_t count = 0
    cdef uint32_t tag = number << 3 | GROUP
    while True:
        if tag < 8:
            return refuse(reader, b"a field in a group has number 0")
        if tag & 7 == GROUP:
            if depth + count >= MAX_DEPTH:
                return refuse(reader, b"groups are nested too deep")
            numbers[count] = tag >> 3
            count += 1
        elif tag & 7 == END_GROUP:
            count -= 1
            if numbers[count] != tag >> 3:
                return refuse(reader, b"a group ends under another number")
            if count == 0:
                return True
        elif not skip_plain(reader, tag & 7):
            return False
        if reader.at >= reader.end:
            return refuse(reader, b"a group has no end")
        if not read_tag(reader, &tag):
            return False


cdef bint skip_field(Reader* reader, uint32_t tag, int32_t depth) noexcept nogil:
    if tag < 8:
        return refuse(reader, b"a field has number 0")
    if tag & 7 == GROUP:
        return skip_group(reader, tag >> 3, depth)
    if tag & 7 == END_GROUP:
        return refuse(reader, b"a group ends that did not begin")
    return skip_plain(reader, tag & 7)
