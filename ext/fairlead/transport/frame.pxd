"""The bytes of a frame (RFC 9113, 4.1)."""

from libc.stdint cimport int32_t, uint8_t, uint32_t

cdef enum:
    HEAD_SIZE = 9
    NUMBER_SIZE = 4             # of what a RST_STREAM and a WINDOW_UPDATE say
    LARGEST_FRAME = 16384       # which every peer takes


cdef inline uint32_t length_at(const uint8_t* at) noexcept nogil:
    return (<uint32_t> at[0] << 16) | (<uint32_t> at[1] << 8) | at[2]


cdef inline uint32_t number_at(const uint8_t* at) noexcept nogil:
    """The number of a stream or an increment: 31 bits."""
    return (<uint32_t> (at[0] & 0x7F) << 24) | (<uint32_t> at[1] << 16) | (<uint32_t> at[2] << 8) | at[3]


cdef inline void put_length(uint8_t* to, size_t size) noexcept nogil:
    to[0] = <uint8_t> (size >> 16)
    to[1] = <uint8_t> (size >> 8)
    to[2] = <uint8_t> size


cdef inline void put_number(uint8_t* to, uint32_t number) noexcept nogil:
    to[0] = <uint8_t> (number >> 24)
    to[1] = <uint8_t> (number >> 16)
    to[2] = <uint8_t> (number >> 8)
    to[3] = <uint8_t> number


cdef inline uint8_t* put_head(uint8_t* to, size_t size, uint8_t kind, uint8_t flags, int32_t id) noexcept nogil:
    """Returns where the payload begins."""
    put_length(to, size)
    to[3] = kind
    to[4] = flags
    put_number(to + 5, <uint32_t> id)
    return to + HEAD_SIZE
