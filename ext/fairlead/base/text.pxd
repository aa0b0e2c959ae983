"""Text: a slice of UTF-8 bytes that belongs to someone else. No NUL at the end; `data` may be NULL when `size` is 0."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, strlen


cdef struct Text:
    const char* data
    uint32_t size


cdef inline Text text_of(const char* literal) noexcept nogil:
    """The text of a NUL-terminated literal, which must outlive it. O(length)."""
    cdef Text text
    text.data = literal
    text.size = <uint32_t>strlen(literal)
    return text


cdef inline Text text_empty() noexcept nogil:
    """Text of no bytes."""
    cdef Text text
    text.data = b""
    text.size = 0
    return text


cdef inline bint text_equal(Text left, Text right) noexcept nogil:
    """Whether both hold the same bytes."""
    return left.size == right.size and (left.size == 0 or memcmp(left.data, right.data, left.size) == 0)


cdef bint utf8_valid_slow(const uint8_t* data, const uint8_t* end) noexcept nogil


cdef inline bint utf8_valid(const uint8_t* data, size_t size) noexcept nogil:
    """Whether the bytes are UTF-8 as Unicode defines it: shortest forms only, no surrogates, at most U+10FFFF.

    Eight ASCII bytes at a time; the first other byte hands over to a loop over characters. O(size).
    """
    cdef const uint8_t* end = data + size
    cdef uint64_t word
    while end - data >= 8:
        memcpy(&word, data, 8)
        if word & <uint64_t>0x8080808080808080:
            return utf8_valid_slow(data, end)
        data += 8
    while data < end:
        if data[0] & 0x80:
            return utf8_valid_slow(data, end)
        data += 1
    return True
