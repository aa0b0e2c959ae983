"""See commit.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.string cimport memset, strerror

from fairlead.base.buffer cimport Buffer, buffer_reserve
from fairlead.base.histogram cimport bucket_of
from fairlead.journal.frames cimport FRAME_HEADER_SIZE, seal_frames
from fairlead.journal.journal cimport journal_publish
from fairlead.journal.model cimport FrameHeader, Journal, SLOW_US, SYNC_BUCKETS, load, store
from fairlead.journal.segments cimport make_spare, sync_data, take_spare, write_frames
from fairlead.journal.system cimport (
    CLOCK_MONOTONIC, CLOCK_REALTIME, EDQUOT, ENOSPC, _exit, clock_gettime, close, eventfd_write, ftruncate, now_us, posix_fallocate, pthread_cond_broadcast,
    pthread_cond_signal, pthread_cond_timedwait, pthread_cond_wait, pthread_join, pthread_mutex_lock, pthread_mutex_unlock, start_thread, timespec,
)

cdef enum:
    RETRY_US = 1000000     # between two tries to size the next segment on a full disk

cdef int64_t* SYNC_BOUNDS = [
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 2500000, 10000000,
]


cdef const int64_t* sync_bounds() noexcept nogil:
    return SYNC_BOUNDS


cdef void fail(Journal* journal, const char* what, int failed) noexcept nogil:
    fprintf(
        stderr, b"fairlead: the journal cannot %s segment %llu: %s. The process ends: what was answered is on disk, what was not "
        b"may be asked again. Look at the disk, then start again.\n", what, <unsigned long long> journal.number, strerror(failed))
    _exit(EXIT_FAILED)


cdef void take_open(Journal* journal) noexcept nogil:
    """The open frames become those that are written; the other buffer, empty, takes their place."""
    cdef Buffer taken = journal.open
    cdef size_t gap = (8 - taken.size % 8) % 8
    buffer_reserve(&taken, gap)
    memset(taken.data + taken.size, 0, gap)
    taken.size += gap
    journal.open = journal.writing
    journal.open.size = 0
    journal.writing = taken
    journal.has_frame = 0


cdef uint64_t count_frames(const Buffer* frames) noexcept nogil:
    cdef uint64_t count = 0
    cdef size_t at = 0
    while at < frames.size:
        at += FRAME_HEADER_SIZE + ((<size_t> (<const FrameHeader*> (frames.data + at)).size + 7) & ~<size_t> 7)
        count += 1
    return count


cdef void note_sync(Journal* journal, int64_t begun, int64_t ended) noexcept nogil:
    cdef uint64_t* bucket = &journal.syncs[bucket_of(SYNC_BOUNDS, SYNC_BUCKETS - 1, ended - begun)]
    store(bucket, bucket[0] + 1)
    store(&journal.sync_us, journal.sync_us + <uint64_t> (ended - begun))
    if ended - begun > SLOW_US:
        store(&journal.slow_ended, <uint64_t> ended)
    store(&journal.sync_begun, 0)


cdef void commit(Journal* journal, uint64_t first) noexcept nogil:
    """Writes `writing`, whose first record is `first`."""
    cdef int failed
    cdef int64_t begun
    if journal.offset + journal.writing.size > journal.allocated:
        failed = take_spare(journal, first, journal.writing.size)
        if failed:
            fail(journal, b"begin the one after", failed)
    journal.digest = seal_frames(
        journal.writing.data, journal.writing.size, journal.epoch, load(&journal.durable), journal.digest, now_us(CLOCK_REALTIME))
    begun = now_us(CLOCK_MONOTONIC)
    store(&journal.sync_begun, <uint64_t> begun)
    failed = write_frames(journal)
    if failed:
        fail(journal, b"write", failed)
    note_sync(journal, begun, now_us(CLOCK_MONOTONIC))
    store(&journal.commits, journal.commits + 1)
    store(&journal.frames, journal.frames + count_frames(&journal.writing))
    store(&journal.bytes, journal.bytes + journal.writing.size)


cdef void prepare(Journal* journal) noexcept nogil:
    """Sizes the next segment when this one is half full. On a full disk it is tried again while the rest of this one lasts."""
    cdef int failed
    if journal.spare_fd >= 0 or journal.offset < journal.allocated // 2 or now_us(CLOCK_MONOTONIC) < journal.spare_retry:
        return
    failed = make_spare(journal)
    if failed == ENOSPC or failed == EDQUOT:
        if not load(&journal.no_space):
            fprintf(stderr, b"fairlead: no space for the next segment of the journal: new jobs are refused until there is\n")
        store(&journal.no_space, 1)
        journal.spare_retry = now_us(CLOCK_MONOTONIC) + RETRY_US
        return
    if failed:
        fail(journal, b"size the one after", failed)
    store(&journal.no_space, 0)


cdef void wait_retry(Journal* journal) noexcept nogil:
    """Until there is work or the next try is due."""
    cdef timespec until
    clock_gettime(CLOCK_REALTIME, &until)
    until.tv_sec += 1
    pthread_cond_timedwait(&journal.work, &journal.mutex, &until)


cdef void* run(void* owner) noexcept nogil:
    cdef Journal* journal = <Journal*> owner
    cdef uint64_t last = 0
    cdef uint32_t at
    pthread_mutex_lock(&journal.mutex)
    while True:
        while journal.open.size == 0 and not journal.stopping:
            journal.idle = 1
            if load(&journal.no_space):
                # Who is refused brings nothing to write, so nobody else would look again.
                wait_retry(journal)
                prepare(journal)
            else:
                pthread_cond_wait(&journal.work, &journal.mutex)
        journal.idle = 0
        if journal.open.size == 0:
            break
        take_open(journal)
        last = journal.published
        # Who waited for room has it now.
        pthread_cond_broadcast(&journal.done)
        pthread_mutex_unlock(&journal.mutex)
        commit(journal, (<const FrameHeader*> journal.writing.data).first)
        pthread_mutex_lock(&journal.mutex)
        store(&journal.durable, last)
        pthread_cond_broadcast(&journal.done)
        for at in range(journal.listener_count):
            eventfd_write(journal.listeners[at], 1)
        pthread_mutex_unlock(&journal.mutex)
        prepare(journal)
        pthread_mutex_lock(&journal.mutex)
    pthread_mutex_unlock(&journal.mutex)
    return NULL


cdef int journal_open(
    Journal* journal, uint32_t mode, int directory, int fd, uint64_t segment_size, uint32_t layout, const Tail* tail
) noexcept nogil:
    """Goes on at the tail, or begins the first segment. The journal has published nothing yet."""
    cdef int failed
    journal.mode = mode
    journal.directory_fd = directory
    journal.fd = fd
    journal.segment_size = segment_size
    journal.layout = layout
    journal.number = tail.number
    journal.instance = tail.instance
    journal.epoch = tail.epoch
    journal.digest = tail.digest
    journal.sequence = journal.published = journal.durable = tail.sequence
    if fd < 0:
        failed = take_spare(journal, tail.sequence + 1, 0)
    else:
        journal.offset = journal.zeroed = tail.offset
        journal.allocated = segment_size if segment_size > tail.offset else tail.offset
        failed = posix_fallocate(fd, 0, <long> journal.allocated)
    if failed:
        return failed
    failed = start_thread(&journal.thread, run, journal)
    journal.enabled = not failed
    return failed


cdef void journal_close(Journal* journal) noexcept nogil:
    if not journal.enabled:
        return
    journal_publish(journal)
    pthread_mutex_lock(&journal.mutex)
    journal.stopping = 1
    pthread_cond_signal(&journal.work)
    pthread_mutex_unlock(&journal.mutex)
    pthread_join(journal.thread, NULL)
    journal.enabled = 0
    # The room that was sized goes back, and the next start reads no zeroes. A failure costs nothing but that.
    ftruncate(journal.fd, <long> journal.offset)
    sync_data(journal.fd)
    close(journal.fd)
    if journal.spare_fd >= 0:
        close(journal.spare_fd)
    close(journal.directory_fd)
    journal.fd = journal.spare_fd = journal.directory_fd = -1
