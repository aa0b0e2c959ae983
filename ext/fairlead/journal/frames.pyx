"""See frames.pxd."""

from libc.string cimport memchr, memcmp, memcpy

from fairlead.journal.model cimport FORMAT, LEAST_READER

cdef extern from "fairlead/journal/crc32c.h" nogil:
    uint32_t fairlead_crc32c(uint32_t crc, const uint8_t* data, size_t size)
    uint32_t fairlead_crc32c_tables(uint32_t crc, const uint8_t* data, size_t size)

cdef enum:
    COVERED = 60    # bytes of a header before its own CRC

cdef const char* SEGMENT_MAGIC = b"fairlead"   # 8 bytes


cdef uint32_t crc32c(uint32_t crc, const void* data, size_t size) noexcept nogil:
    """CRC-32C of what `crc` (0 at first) is of and of these bytes; the processor's own where it has one."""
    return fairlead_crc32c(crc, <const uint8_t*> data, size)


cdef uint32_t crc32c_tables(uint32_t crc, const void* data, size_t size) noexcept nogil:
    """The same without the processor's help."""
    return fairlead_crc32c_tables(crc, <const uint8_t*> data, size)


cdef uint64_t seal_frames(
    uint8_t* frames, size_t size, uint64_t epoch, uint64_t durable_upto, uint64_t digest, int64_t time
) noexcept nogil:
    cdef size_t at = 0
    cdef FrameHeader* header
    while at < size:
        header = <FrameHeader*> (frames + at)
        header.epoch = epoch
        header.durable_upto = durable_upto
        header.previous = digest
        header.time = time
        header.payload_crc = crc32c(0, frames + at + FRAME_HEADER_SIZE, header.size)
        header.crc = crc32c(0, header, COVERED)
        digest = frame_digest(header)
        at += frame_size(header)
    return digest


cdef void seal_segment(SegmentHeader* header) noexcept nogil:
    memcpy(header.magic, SEGMENT_MAGIC, 8)
    header.format = FORMAT
    header.least_reader = LEAST_READER
    header.reserved = 0
    header.crc = crc32c(0, header, COVERED)


cdef uint32_t segment_state(const uint8_t* data, size_t size) noexcept nogil:
    """Of a segment's header. The version is believed only when the header is whole."""
    cdef SegmentHeader header
    if size < SEGMENT_HEADER_SIZE:
        return SEGMENT_BROKEN
    memcpy(&header, data, sizeof(SegmentHeader))
    if memcmp(header.magic, SEGMENT_MAGIC, 8) != 0 or header.crc != crc32c(0, data, COVERED):
        return SEGMENT_BROKEN
    return SEGMENT_NEWER if header.least_reader > FORMAT else SEGMENT_OK


cdef bint is_whole(const uint8_t* data, size_t at, size_t size) noexcept nogil:
    """Whether a frame with right checksums stands at `at`. The length is followed only when the header is right."""
    cdef FrameHeader header
    if size - at < FRAME_HEADER_SIZE:
        return False
    memcpy(&header, data + at, sizeof(FrameHeader))
    if header.magic != FRAME_MAGIC or header.crc != crc32c(0, data + at, COVERED):
        return False
    if header.size > size - at - FRAME_HEADER_SIZE:
        return False
    return header.payload_crc == crc32c(0, data + at + FRAME_HEADER_SIZE, header.size)


cdef bint is_zero(const uint8_t* data, size_t size) noexcept nogil:
    return size == 0 or (data[0] == 0 and memcmp(data, data + 1, size - 1) == 0)


cdef uint32_t frame_state(
    const uint8_t* data, size_t at, size_t size, uint64_t first, uint64_t epoch, uint64_t digest
) noexcept nogil:
    """What stands at `at` of a segment, where a frame from sequence `first` on is expected after one with this digest."""
    cdef FrameHeader header
    if at >= size:
        return FRAME_NONE
    if not is_whole(data, at, size):
        return FRAME_NONE if is_zero(data + at, size - at) else FRAME_BROKEN
    memcpy(&header, data + at, sizeof(FrameHeader))
    if header.first != first or header.epoch != epoch or header.previous != digest or header.count == 0:
        return FRAME_FOREIGN
    return FRAME_OK


cdef size_t later_frame(const uint8_t* data, size_t at, size_t size, uint64_t durable) noexcept nogil:
    """The offset of a whole frame behind `at` that was written when sequence `durable` was on disk already; 0: none.

    Then what is broken at `at` had been synced and is damage, not a write that was cut short. O(size).
    """
    cdef FrameHeader header
    cdef const uint8_t* found
    cdef uint8_t first_byte = FRAME_MAGIC & 0xFF
    at += 1
    while at < size:
        found = <const uint8_t*> memchr(data + at, first_byte, size - at)
        if found == NULL:
            return 0
        at = found - data
        if at % 8 == 0 and is_whole(data, at, size):
            memcpy(&header, data + at, sizeof(FrameHeader))
            if header.durable_upto >= durable:
                return at
        at += 1
    return 0
