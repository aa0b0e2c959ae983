"""See metadata.pxd."""

from libc.stdint cimport uint8_t

from fairlead.base.buffer cimport Buffer, buffer_append
from fairlead.transport.nghttp2 cimport NGHTTP2_NV_FLAG_NO_INDEX, nghttp2_nv

cdef enum:
    HEAD_SIZE = 5


cdef void metadata_append(
    Buffer* to, uint8_t part, const uint8_t* name, size_t name_size, const uint8_t* value, size_t size
) noexcept nogil:
    cdef uint8_t head[HEAD_SIZE]
    head[0] = part
    head[1] = <uint8_t> name_size
    head[2] = <uint8_t> (name_size >> 8)
    head[3] = <uint8_t> size
    head[4] = <uint8_t> (size >> 8)
    buffer_append(to, head, HEAD_SIZE)
    buffer_append(to, name, name_size)
    buffer_append(to, value, size)


cdef bint metadata_has(const Buffer* packed, uint8_t part) noexcept nogil:
    cdef nghttp2_nv nv[MAX_METADATA_FIELDS]
    return packed.size != 0 and metadata_fields(packed, part, nv, 0) != 0


cdef size_t metadata_fields(const Buffer* packed, uint8_t part, nghttp2_nv* nv, size_t count) noexcept nogil:
    cdef size_t most = count + MAX_METADATA_FIELDS
    cdef size_t at = 0
    cdef size_t name_size, size
    cdef uint8_t* head
    while packed.size - at >= HEAD_SIZE and count < most:
        head = packed.data + at
        name_size = head[1] | (<size_t> head[2] << 8)
        size = head[3] | (<size_t> head[4] << 8)
        at += HEAD_SIZE + name_size + size
        if at > packed.size:
            break
        if part != BOTH and head[0] != part:
            continue
        nv[count].name = head + HEAD_SIZE
        nv[count].namelen = name_size
        nv[count].value = head + HEAD_SIZE + name_size
        nv[count].valuelen = size
        nv[count].flags = NGHTTP2_NV_FLAG_NO_INDEX
        count += 1
    return count
