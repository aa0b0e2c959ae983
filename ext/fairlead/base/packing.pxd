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


cdef inline uint8_t* put_word(uint8_t* tags, size_t index, uint8_t* at, uint32_t word) noexcept nogil:
    if word == 0:
        return at
    if word == <uint32_t> 0xFFFFFFFF:
        tags[index >> 2] |= <uint8_t> (1 << 2 * (index & 3))
        return at
    if word <= 0xFFFF:
        tags[index >> 2] |= <uint8_t> (2 << 2 * (index & 3))
        memcpy(at, &word, 2)
        return at + 2
    tags[index >> 2] |= <uint8_t> (3 << 2 * (index & 3))
    memcpy(at, &word, 4)
    return at + 4


cdef inline uint8_t* put_words(uint8_t* at, const void* data, size_t size) noexcept nogil:
    """A last word that is not whole is filled with zeroes."""
    cdef uint8_t* tags = at
    cdef size_t whole = size // 4, tag_bytes = (size + 15) // 16, index
    cdef uint32_t word
    memset(tags, 0, tag_bytes)
    at += tag_bytes
    for index in range(whole):
        memcpy(&word, <const uint8_t*> data + 4 * index, 4)
        at = put_word(tags, index, at, word)
    if size % 4:
        word = 0
        memcpy(&word, <const uint8_t*> data + 4 * whole, size % 4)
        at = put_word(tags, whole, at, word)
    return at


cdef inline const uint8_t* get_word(uint32_t tag, const uint8_t* at, const uint8_t* end, uint32_t* word) noexcept nogil:
    cdef uint16_t half
    word[0] = 0 if tag != 1 else <uint32_t> 0xFFFFFFFF
    if tag == 2:
        if end - at < 2:
            return NULL
        memcpy(&half, at, 2)
        word[0] = half
        return at + 2
    if tag == 3:
        if end - at < 4:
            return NULL
        memcpy(word, at, 4)
        return at + 4
    return at


cdef inline const uint8_t* get_words(const uint8_t* at, const uint8_t* end, void* data, size_t size) noexcept nogil:
    """Four words that are 0 cost one look: most of most structs is."""
    cdef const uint8_t* tags = at
    cdef uint8_t* to = <uint8_t*> data
    cdef size_t whole = size // 4, tag_bytes = (size + 15) // 16, index = 0
    cdef uint32_t word
    if at == NULL or <size_t> (end - at) < tag_bytes:
        return NULL
    at += tag_bytes
    while index < whole:
        if index % 4 == 0 and tags[index >> 2] == 0 and whole - index >= 4:
            memset(to + 4 * index, 0, 16)
            index += 4
            continue
        at = get_word((tags[index >> 2] >> 2 * (index & 3)) & 3, at, end, &word)
        if at == NULL:
            return NULL
        memcpy(to + 4 * index, &word, 4)
        index += 1
    if size % 4:
        at = get_word((tags[whole >> 2] >> 2 * (whole & 3)) & 3, at, end, &word)
        memcpy(to + 4 * whole, &word, size % 4)
    return at
