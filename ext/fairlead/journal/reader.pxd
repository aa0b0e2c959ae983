"""See reader.pyx."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fairlead.journal.model cimport FrameHeader, SegmentHeader


cdef class Reader:
    cdef str directory
    cdef list names
    cdef bytes data            # of the segment that is read
    cdef const uint8_t* bytes_of
    cdef size_t size
    cdef Py_ssize_t place      # of the segment among the names; -1: none yet
    cdef object base           # where the reading begins; None: at the first record
    cdef bint trusting
    cdef size_t offset         # of the frame that was read last, or of what ended the reading
    cdef size_t end            # behind that frame
    cdef size_t torn
    cdef FrameHeader header
    cdef const uint8_t* payload
    cdef uint64_t sequence     # of the last record read
    cdef uint64_t number
    cdef uint64_t instance
    cdef uint64_t epoch
    cdef uint64_t digest
    cdef uint32_t layout

    cdef object damage(self, kind, what, needs=*)
    cdef bint open_next(self) except -1
    cdef int check_first(self, const SegmentHeader* header) except -1
    cdef bint begin_at_base(self, const SegmentHeader* header) except -1
    cdef bint next(self) except -1
    cdef int judge(self) except -1
