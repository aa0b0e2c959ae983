"""Files of segments: made, sized and named. Every function returns 0 or an errno.

A segment comes into being as `spare`: sized, its header and the first zeroes synced. Taking its name is the last step, with
a sync of the directory before the first frame; a crash leaves a spare, which the next start removes, or a whole segment.
"""

from libc.stdint cimport uint64_t

from fairlead.journal.model cimport Journal

cdef int make_spare(Journal* journal) noexcept nogil
cdef int take_spare(Journal* journal, uint64_t first, uint64_t least) noexcept nogil
cdef int write_frames(Journal* journal) noexcept nogil
cdef int write_all(int fd, const void* data, size_t size, uint64_t offset) noexcept nogil
cdef int sync_data(int fd) noexcept nogil
