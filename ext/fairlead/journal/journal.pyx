"""See journal.pxd."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from fairlead.base.buffer cimport buffer_append, buffer_free, buffer_init, buffer_reserve
from fairlead.journal.frames cimport FRAME_HEADER_SIZE, FRAME_MAGIC
from fairlead.journal.model cimport (
    DURABILITY_NONE, FRAME_FULL, FRAME_RECORDS, MAX_LISTENERS, OPEN_FULL, FrameHeader, Journal,
)
from fairlead.base.packing cimport put_varint
from fairlead.journal.system cimport (
    pthread_cond_broadcast, pthread_cond_destroy, pthread_cond_init, pthread_cond_signal, pthread_cond_wait,
    pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock,
)


cdef void journal_init(Journal* journal) noexcept nogil:
    """A journal that counts and keeps nothing."""
    memset(journal, 0, sizeof(Journal))
    journal.mode = DURABILITY_NONE
    journal.fd = journal.spare_fd = journal.directory_fd = -1
    buffer_init(&journal.step)
    buffer_init(&journal.open)
    buffer_init(&journal.writing)
    pthread_mutex_init(&journal.mutex, NULL)
    pthread_cond_init(&journal.work, NULL)
    pthread_cond_init(&journal.done, NULL)


cdef void journal_free(Journal* journal) noexcept nogil:
    """Gives memory back; the commit thread has stopped."""
    buffer_free(&journal.step)
    buffer_free(&journal.open)
    buffer_free(&journal.writing)
    pthread_cond_destroy(&journal.work)
    pthread_cond_destroy(&journal.done)
    pthread_mutex_destroy(&journal.mutex)


cdef void journal_recorded(Journal* journal, uint8_t* begin, uint8_t* end) noexcept nogil:
    """Ends the record that begins where `journal_record` said: its size goes before it."""
    cdef size_t size = end - begin
    cdef uint8_t size_bytes[10]
    cdef size_t width = put_varint(size_bytes, size) - size_bytes
    if width > 1:
        memmove(begin + width - 1, begin, size)
    put_varint(begin - 1, size)
    journal.step.size += width + size
    store(&journal.sequence, journal.sequence + 1)


cdef void begin_frame(Journal* journal) noexcept nogil:
    """After frames that take no more; those end at a multiple of 8."""
    cdef FrameHeader* header
    cdef size_t gap = (8 - journal.open.size % 8) % 8
    buffer_reserve(&journal.open, gap + FRAME_HEADER_SIZE)
    memset(journal.open.data + journal.open.size, 0, gap + FRAME_HEADER_SIZE)
    journal.frame_at = journal.open.size + gap
    journal.open.size = journal.frame_at + FRAME_HEADER_SIZE
    journal.has_frame = 1
    header = <FrameHeader*> (journal.open.data + journal.frame_at)
    header.magic = FRAME_MAGIC
    header.first = journal.published + 1


cdef void journal_publish(Journal* journal) noexcept nogil:
    """Hands the step over. Waits only while OPEN_FULL bytes wait for the disk already: memory is bounded."""
    cdef FrameHeader* header
    if journal.step.size == 0:
        return
    pthread_mutex_lock(&journal.mutex)
    while journal.open.size >= OPEN_FULL:
        pthread_cond_wait(&journal.done, &journal.mutex)
    if not journal.has_frame:
        begin_frame(journal)
    buffer_append(&journal.open, journal.step.data, journal.step.size)
    header = <FrameHeader*> (journal.open.data + journal.frame_at)
    header.size += <uint32_t> journal.step.size
    header.count += <uint32_t> (journal.sequence - journal.published)
    if header.size >= FRAME_FULL or header.count >= FRAME_RECORDS:
        journal.has_frame = 0
    journal.published = journal.sequence
    if journal.idle:
        pthread_cond_signal(&journal.work)
    pthread_mutex_unlock(&journal.mutex)
    journal.step.size = 0
    journal.step_time = 0


cdef void journal_wait(Journal* journal, uint64_t sequence) noexcept nogil:
    if journal_durable(journal) >= sequence:
        return
    pthread_mutex_lock(&journal.mutex)
    while journal.durable < sequence:
        pthread_cond_wait(&journal.done, &journal.mutex)
    pthread_mutex_unlock(&journal.mutex)


cdef bint journal_listen(Journal* journal, int event) noexcept nogil:
    cdef bint has_place
    pthread_mutex_lock(&journal.mutex)
    has_place = journal.listener_count < MAX_LISTENERS
    if has_place:
        journal.listeners[journal.listener_count] = event
        journal.listener_count += 1
    pthread_mutex_unlock(&journal.mutex)
    return has_place


cdef void journal_ignore(Journal* journal, int event) noexcept nogil:
    cdef uint32_t at
    pthread_mutex_lock(&journal.mutex)
    for at in range(journal.listener_count):
        if journal.listeners[at] == event:
            journal.listener_count -= 1
            journal.listeners[at] = journal.listeners[journal.listener_count]
            break
    pthread_mutex_unlock(&journal.mutex)
