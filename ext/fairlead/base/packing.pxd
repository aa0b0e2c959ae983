"""Numbers and structs in few bytes.

    varint   seven bits a byte, lowest first, the high bit says that more follow (as protobuf): 300 is AC 02
    signed   zigzag, then varint: 0, -1, 1, -2 are 0, 1, 2, 3
    words    a struct as 32-bit words, mostly 0 or all ones: first two bits a word, four words a byte, lowest first, then
             for each word that needs it its bytes
                 0  the word is 0
                 1  the word is 0xFFFFFFFF
                 2  two bytes, the others are 0
                 3  four bytes
             e.g. the words 0, 7, 0xFFFFFFFF, 0x12345678 are D8 | 07 00 | 78 56 34 12

Readers take the end of what may be read and return NULL for what does not end before it. Little-endian throughout.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    VARINT_SIZE = 10   # the longest


cdef inline size_t packed_size(size_t size) noexcept nogil:
    """The most that a struct of `size` bytes takes as words."""
    return size + (size + 15) // 16 + 4


cdef inline uint8_t* put_varint(uint8_t* at, uint64_t value) noexcept nogil:
    while value > 0x7F:
        at[0] = <uint8_t> (value | 0x80)
        value >>= 7
        at += 1
    at[0] = <uint8_t> value
    return at + 1


cdef inline const uint8_t* get_varint(const uint8_t* at, const uint8_t* end, uint64_t* value) noexcept nogil:
    cdef uint32_t shift = 0
    value[0] = 0
    while at != NULL and at < end and shift < 64:
        value[0] |= <uint64_t> (at[0] & 0x7F) << shift
        if at[0] < 0x80:
            return at + 1
        at += 1
        shift += 7
    return NULL


cdef inline uint64_t zigzag(int64_t value) noexcept nogil:
    return (<uint64_t> value << 1) ^ <uint64_t> (value >> 63)


cdef inline int64_t unzigzag(uint64_t value) noexcept nogil:
    return <int64_t> (value >> 1) ^ -<int64_t> (value & 1)


cdef inline uint8_t* put_words(uint8_t* at, const void* data, size_t size) noexcept nogil:
    """A last word that is not whole is filled with zeroes."""
    cdef uint8_t* tags = at
    cdef size_t count = (size + 3) // 4, index
    cdef uint32_t word, tag
    memset(tags, 0, (count + 3) // 4)
    at += (count + 3) // 4
    for index in range(count):
        word = 0
        memcpy(&word, <const uint8_t*> data + 4 * index, 4 if size - 4 * index >= 4 else size - 4 * index)
        if word == 0:
            continue
        tag = 1 if word == <uint32_t> 0xFFFFFFFF else 2 if word <= 0xFFFF else 3
        tags[index >> 2] |= <uint8_t> (tag << 2 * (index & 3))
        if tag == 2:
            memcpy(at, &word, 2)
            at += 2
        elif tag == 3:
            memcpy(at, &word, 4)
            at += 4
    return at


cdef inline const uint8_t* get_words(const uint8_t* at, const uint8_t* end, void* data, size_t size) noexcept nogil:
    cdef const uint8_t* tags = at
    cdef size_t count = (size + 3) // 4, index, width
    cdef uint32_t word, tag
    if at == NULL or <size_t> (end - at) < (count + 3) // 4:
        return NULL
    at += (count + 3) // 4
    for index in range(count):
        tag = (tags[index >> 2] >> 2 * (index & 3)) & 3
        width = 0 if tag < 2 else 2 if tag == 2 else 4
        if <size_t> (end - at) < width:
            return NULL
        word = 0 if tag != 1 else <uint32_t> 0xFFFFFFFF
        memcpy(&word, at, width)
        at += width
        memcpy(<uint8_t*> data + 4 * index, &word, 4 if size - 4 * index >= 4 else size - 4 * index)
    return at
