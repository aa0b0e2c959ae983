"""See segments.pxd."""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memset

from fairlead.journal.frames cimport SEGMENT_HEADER_SIZE, seal_segment
from fairlead.journal.model cimport DURABILITY_FSYNC, Journal, SEGMENT_NAME, SegmentHeader, ZERO_AHEAD, store
from fairlead.journal.system cimport (
    EINTR, O_CLOEXEC, O_CREAT, O_RDWR, O_TRUNC, close, errno, fdatasync, fsync, ftruncate, openat, posix_fallocate, pwrite,
    renameat,
)

cdef enum:
    ZEROES = 65536
    FILE_MODE = 0o640

cdef const char* SPARE = b"spare"
cdef uint8_t[ZEROES] zeroes


cdef int write_all(int fd, const void* data, size_t size, uint64_t offset) noexcept nogil:
    cdef ssize_t written
    while size:
        written = pwrite(fd, data, size, offset)
        if written < 0:
            if errno == EINTR:
                continue
            return errno
        data = <const uint8_t*> data + written
        size -= written
        offset += written
    return 0


cdef int write_zeroes(int fd, uint64_t start, uint64_t end) noexcept nogil:
    cdef int failed
    cdef uint64_t size
    while start < end:
        size = end - start if end - start < ZEROES else <uint64_t> ZEROES
        failed = write_all(fd, zeroes, size, start)
        if failed:
            return failed
        start += size
    return 0


cdef int sync_data(int fd) noexcept nogil:
    """Once: after a failed sync the kernel may have dropped what it could not write, so a second one proves nothing."""
    while fdatasync(fd) != 0:
        if errno != EINTR:
            return errno
    return 0


cdef int make_spare(Journal* journal) noexcept nogil:
    """Sizes the next segment. ENOSPC and EDQUOT leave nothing behind but an empty file."""
    cdef int fd, failed
    fd = openat(journal.directory_fd, SPARE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE)
    if fd < 0:
        return errno
    failed = posix_fallocate(fd, 0, <long> journal.segment_size)
    if failed:
        ftruncate(fd, 0)
        close(fd)
        return failed
    journal.spare_fd = fd
    return 0


cdef int take_spare(Journal* journal, uint64_t first, uint64_t least) noexcept nogil:
    """The spare becomes the segment that is written, from sequence `first` on, with room for `least` bytes of frames."""
    cdef SegmentHeader header
    cdef char name[SEGMENT_NAME + 1]
    cdef uint64_t used = journal.offset
    cdef int failed, old = journal.fd
    if journal.spare_fd < 0:
        failed = make_spare(journal)
        if failed:
            return failed
    journal.fd = journal.spare_fd
    journal.spare_fd = -1
    journal.allocated = journal.segment_size
    if SEGMENT_HEADER_SIZE + least > journal.allocated:
        journal.allocated = SEGMENT_HEADER_SIZE + least
        failed = posix_fallocate(journal.fd, 0, <long> journal.allocated)
        if failed:
            return failed
    memset(&header, 0, sizeof(SegmentHeader))
    header.layout = journal.layout
    header.instance = journal.instance
    header.number = journal.number + 1
    header.first = first
    header.epoch = journal.epoch
    header.previous = journal.digest
    seal_segment(&header)
    failed = write_all(journal.fd, &header, sizeof(SegmentHeader), 0)
    if failed:
        return failed
    store(&journal.number, journal.number + 1)
    journal.offset = journal.zeroed = SEGMENT_HEADER_SIZE
    if journal.mode == DURABILITY_FSYNC:
        failed = sync_data(journal.fd)
        if failed:
            return failed
    snprintf(name, sizeof(name), b"%016llu.journal", <unsigned long long> journal.number)
    if renameat(journal.directory_fd, SPARE, journal.directory_fd, name) != 0:
        return errno
    if journal.mode == DURABILITY_FSYNC and fsync(journal.directory_fd) != 0:
        return errno
    if old >= 0:
        # What was sized and not used goes back; a failure costs nothing but room.
        ftruncate(old, <long> used)
        close(old)
        store(&journal.rotations, journal.rotations + 1)
    return 0


cdef int write_frames(Journal* journal) noexcept nogil:
    """Writes `writing` at the end of the segment, which has room for it; syncs in the mode that does."""
    cdef uint64_t end = journal.offset + journal.writing.size, ahead
    cdef int failed
    failed = write_all(journal.fd, journal.writing.data, journal.writing.size, journal.offset)
    if failed:
        return failed
    if end > journal.zeroed and journal.mode == DURABILITY_FSYNC:
        # Blocks written for the first time make a sync slow, since their allocation becomes a transaction of the file
        # system; one sync of many pays for all. Of 256 KiB that one takes 1.3 ms, of a megabyte 3.9, where others take 0.15.
        ahead = end + ZERO_AHEAD if end + ZERO_AHEAD < journal.allocated else journal.allocated
        if ahead > end:
            failed = write_zeroes(journal.fd, end, ahead)
            if failed:
                return failed
        journal.zeroed = ahead if ahead > end else end
    journal.offset = end
    return sync_data(journal.fd) if journal.mode == DURABILITY_FSYNC else 0
