"""See wire.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fairlead.base.buffer cimport Buffer, buffer_append, buffer_reserve
from fairlead.base.text cimport Text, text_empty
from fairlead.transport.model cimport PAUSES

cdef enum:
    MAX_TIMEOUT_DIGITS = 8
    MAX_TIMEOUT_US = 3600000000000   # 1,000 hours; what is longer is as good as none

cdef const char* ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef const char** PAUSE_TEXTS = [b"600", b"800", b"1000", b"1200"]
cdef const char** CODES = [
    b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"10", b"11", b"12", b"13", b"14", b"15", b"16",
]
cdef const char* HEX = b"0123456789ABCDEF"


cdef int64_t parse_timeout(const uint8_t* value, size_t size) noexcept nogil:
    cdef int64_t number = 0
    cdef size_t at
    cdef int64_t unit
    if size < 2 or size > MAX_TIMEOUT_DIGITS + 1:
        return -1
    for at in range(size - 1):
        if value[at] < c'0' or value[at] > c'9':
            return -1
        number = number * 10 + (value[at] - c'0')
    if value[size - 1] == c'm':
        unit = 1000
    elif value[size - 1] == c'S':
        unit = 1000000
    elif value[size - 1] == c'u':
        unit = 1
    elif value[size - 1] == c'M':
        unit = 60000000
    elif value[size - 1] == c'H':
        unit = 3600000000
    elif value[size - 1] == c'n':
        return (number + 999) // 1000
    else:
        return -1
    return min(number * unit, <int64_t> MAX_TIMEOUT_US)


cdef const char* pause_text(uint32_t turn) noexcept nogil:
    return PAUSE_TEXTS[turn % PAUSES]


cdef const char* code_text(int32_t code) noexcept nogil:
    return CODES[code]


cdef inline bint is_base64_digit(uint8_t byte) noexcept nogil:
    return (c'a' <= byte <= c'z' or c'A' <= byte <= c'Z' or c'0' <= byte <= c'9' or byte == c'+' or byte == c'/')


cdef bint is_base64_item(const uint8_t* value, size_t size) noexcept nogil:
    cdef size_t padding = 0
    cdef size_t at
    while size and padding < 2 and value[size - 1] == c'=':
        size -= 1
        padding += 1
    if size % 4 == 1 or (padding and (size + padding) % 4 != 0):
        return False
    for at in range(size):
        if not is_base64_digit(value[at]):
            return False
    return True


cdef bint is_base64(const uint8_t* value, size_t size) noexcept nogil:
    cdef size_t start = 0
    cdef size_t at
    for at in range(size + 1):
        if at == size or value[at] == c',':
            if not is_base64_item(value + start, at - start):
                return False
            start = at + 1
    return True


cdef void append_base64(Buffer* out, const uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* to
    cdef size_t at = 0
    cdef unsigned int bits
    buffer_reserve(out, (size + 2) // 3 * 4)
    to = out.data + out.size
    while size - at >= 3:
        bits = (<unsigned int> data[at] << 16) | (<unsigned int> data[at + 1] << 8) | data[at + 2]
        to[0] = ALPHABET[bits >> 18]
        to[1] = ALPHABET[(bits >> 12) & 63]
        to[2] = ALPHABET[(bits >> 6) & 63]
        to[3] = ALPHABET[bits & 63]
        to += 4
        at += 3
    if size - at == 1:
        to[0] = ALPHABET[data[at] >> 2]
        to[1] = ALPHABET[(data[at] & 3) << 4]
        to += 2
    elif size - at == 2:
        to[0] = ALPHABET[data[at] >> 2]
        to[1] = ALPHABET[((data[at] & 3) << 4) | (data[at + 1] >> 4)]
        to[2] = ALPHABET[(data[at + 1] & 15) << 2]
        to += 3
    out.size = to - out.data


cdef void append_percent(Buffer* out, const uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* to
    cdef size_t at
    buffer_reserve(out, size * 3)
    to = out.data + out.size
    for at in range(size):
        if 0x20 <= data[at] <= 0x7E and data[at] != c'%':
            to[0] = data[at]
            to += 1
        else:
            to[0] = c'%'
            to[1] = HEX[data[at] >> 4]
            to[2] = HEX[data[at] & 15]
            to += 3
    out.size = to - out.data


cdef Text status_message(const uint8_t* data, size_t size) noexcept nogil:
    cdef Text text = text_empty()
    cdef size_t at = 1, length = 0
    cdef int shift = 0
    # code: tag 0x08 and a varint of one byte, for a gRPC code is below 17.
    if size < 4 or data[0] != 0x08 or data[1] & 0x80 or data[2] != 0x12:
        return text
    at = 3
    while at < size and shift < 28:
        length |= <size_t> (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            break
    if length <= size - at:
        text.data = <const char*> data + at
        text.size = <unsigned int> length
    return text
