"""Headers of segments and frames: sealed, and checked when read. Knows bytes, no files.

A frame's digest is its two checksums, the payload's in the high half. Each frame has the digest of the one before, so that a
frame that is whole but does not belong there is found.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.journal.model cimport FrameHeader, SegmentHeader

cdef enum:
    SEGMENT_HEADER_SIZE = 64
    FRAME_HEADER_SIZE = 64
    FRAME_MAGIC = 0x4D524C46   # "FLRM"

cdef enum FrameState:
    FRAME_OK = 0
    FRAME_NONE = 1       # nothing but zeroes from here on, or the end
    FRAME_BROKEN = 2     # no whole frame
    FRAME_FOREIGN = 3    # whole, but not the one that should follow

cdef enum SegmentState:
    SEGMENT_OK = 0
    SEGMENT_BROKEN = 1
    SEGMENT_NEWER = 2    # of a format that this reader does not understand


cdef uint32_t crc32c(uint32_t crc, const void* data, size_t size) noexcept nogil
cdef uint32_t crc32c_tables(uint32_t crc, const void* data, size_t size) noexcept nogil
# Seals the headers of all frames in a buffer of `size` bytes; returns the digest of the last.
cdef uint64_t seal_frames(
    uint8_t* frames, size_t size, uint64_t epoch, uint64_t durable_upto, uint64_t digest, int64_t time) noexcept nogil
cdef void seal_segment(SegmentHeader* header) noexcept nogil
cdef uint32_t segment_state(const uint8_t* data, size_t size) noexcept nogil
cdef uint32_t frame_state(
    const uint8_t* data, size_t at, size_t size, uint64_t first, uint64_t epoch, uint64_t digest) noexcept nogil
cdef size_t later_frame(const uint8_t* data, size_t at, size_t size, uint64_t durable) noexcept nogil


cdef inline size_t frame_size(const FrameHeader* header) noexcept nogil:
    """Of header, payload and what fills it up."""
    return FRAME_HEADER_SIZE + ((<size_t> header.size + 7) & ~<size_t> 7)


cdef inline uint64_t frame_digest(const FrameHeader* header) noexcept nogil:
    return (<uint64_t> header.payload_crc << 32) | header.crc
