"""Header fields of a call that Python serves, on their way up, and those of its answer on their way down.

Packed, one after the other: part (1 byte: LEADING or TRAILING), sizes of name and value (2 bytes each, little-endian),
name, value. Python checks names and values before it packs (`fairlead.service.metadata`); nothing is checked here but
that they end where they must. e.g. 00 02 00 01 00 "ab" "c" is the leading field ab: c
"""

from libc.stdint cimport uint8_t

from fairlead.base.buffer cimport Buffer
from fairlead.transport.nghttp2 cimport nghttp2_nv

cdef enum:
    LEADING = 0
    TRAILING = 1
    BOTH = 2                       # of an answer that is nothing but trailers
    MAX_METADATA_FIELDS = 32       # of one part of an answer

cdef void metadata_append(
    Buffer* to, uint8_t part, const uint8_t* name, size_t name_size, const uint8_t* value, size_t size
) noexcept nogil
# Whether there is a field of this part.
cdef bint metadata_has(const Buffer* packed, uint8_t part) noexcept nogil
# Adds the fields of a part to nv, which has room; they point into the buffer until nghttp2 has copied them. Returns the
# new count.
cdef size_t metadata_fields(const Buffer* packed, uint8_t part, nghttp2_nv* nv, size_t count) noexcept nogil
