"""See overload.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport buffer_append, buffer_free
from fairlead.base.text cimport Text
from fairlead.journal.journal cimport journal_stall
from fairlead.transport.model cimport LAST, Late, NEW_WORK, RANKS, READS
from fairlead.transport.system cimport clock_us, count_get, count_set, time_get, time_set
from fairlead.transport.whole cimport whole_free, whole_init
from fairlead.transport.wire cimport append_base64, append_percent, status_message

cdef enum:
    READY_US = 1000          # who waited for work so long had none waiting
    TIMES_LAST = 10          # of the limit, before what frees capacity is refused too


cdef void overload_init(Front* front, const uint8_t* status, size_t size) noexcept nogil:
    cdef Text message = status_message(status, size)
    buffer_append(&front.overload_status, status, size)
    append_percent(&front.overload_message, <const uint8_t*> message.data, message.size)
    append_base64(&front.overload_details, status, size)
    whole_init(front)


cdef void overload_free(Front* front) noexcept nogil:
    buffer_free(&front.overload_status)
    buffer_free(&front.overload_message)
    buffer_free(&front.overload_details)
    whole_free(front)


cdef void judge(Late* late, int64_t waited, int64_t limit, int64_t now) noexcept nogil:
    late.waited = waited
    late.worst = RANKS
    if waited < limit // 2:
        late.since = 0
        return
    if late.since == 0:
        late.since = now
    # A burst that is worked off, or one long pause, refuses nobody.
    if now - late.since >= limit:
        late.worst = LAST if waited >= TIMES_LAST * limit else NEW_WORK if waited >= limit else READS


cdef int64_t cold_wait(const Loop* loop) noexcept nogil:
    cdef const Front* front = loop.front
    cdef uint64_t handed = 0
    cdef uint32_t at
    for at in range(front.loop_count):
        handed += count_get(&front.loops[at].handed)
    if handed <= count_get(&front.begun):
        return 0
    return max(time_get(&front.begun_waited), loop.now - time_get(&front.begun_at))


cdef void overload_look(Loop* loop) noexcept nogil:
    cdef int64_t limit = loop.front.limits.queue_us
    cdef int64_t waited = loop.now - loop.woken if loop.now - loop.finished < READY_US else 0
    loop.woken = loop.now
    judge(&loop.hot, waited, limit, loop.now)
    judge(&loop.cold, cold_wait(loop), limit, loop.now)
    if loop.hot.worst > NEW_WORK and journal_stall(&loop.shard.journal, loop.now) > loop.front.limits.sync_us:
        loop.hot.worst = NEW_WORK


cdef void overload_handed(Loop* loop) noexcept nogil:
    if cold_wait(loop) == 0:
        time_set(&loop.front.begun_at, loop.now)
        time_set(&loop.front.begun_waited, 0)
    count_set(&loop.handed, loop.handed + 1)


cdef void overload_begun(Front* front, long long waited_us) noexcept nogil:
    time_set(&front.begun_waited, waited_us)
    time_set(&front.begun_at, clock_us())
    count_set(&front.begun, front.begun + 1)
