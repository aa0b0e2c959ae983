"""See ring.pxd."""

from libc.string cimport memcpy, memset

from fairlead.base.ahead cimport ahead_step
from fairlead.base.buffer cimport buffer_append
from fairlead.base.pages cimport array_free, array_zeroed


cdef void ring_init(Ring* ring, uint32_t capacity, uint64_t first) noexcept nogil:
    """A ring of `capacity` records (LEAST_EVENTS to MAX_EVENTS) whose first one gets the sequence `first` + 1."""
    memset(ring, 0, sizeof(Ring))
    ring.capacity = capacity
    ring.text_capacity = capacity * TEXT_SHARE
    ring.records = <Record*> array_zeroed(<size_t> capacity * sizeof(Record))
    ring.texts = <char*> array_zeroed(ring.text_capacity)
    ring.first = first
    ring.last = first
    ring.oldest = first + 1


cdef void ring_free(Ring* ring) noexcept nogil:
    array_free(ring.records, <size_t> ring.capacity * sizeof(Record))
    array_free(ring.texts, ring.text_capacity)


cdef inline Record* record_at(const Ring* ring, uint64_t sequence) noexcept nogil:
    return &ring.records[(sequence - ring.first - 1) % ring.capacity]


cdef inline uint32_t text_size(const Record* record) noexcept nogil:
    return <uint32_t> record.job_size + record.gateway_size + record.note_size


cdef inline void fetch_ahead(const Ring* ring, const Record* to, const char* at, uint32_t size) noexcept nogil:
    """While the rings fill for the first time."""
    if ring.last - ring.first <= ring.capacity:
        ahead_step(
            ring.records, <const char*> to - <const char*> ring.records, sizeof(Record), <size_t> ring.capacity * sizeof(Record))
    if ring.text_end <= ring.text_capacity:
        ahead_step(ring.texts, at - ring.texts, size, ring.text_capacity)


cdef void ring_append(Ring* ring, const Record* record, Text job, Text gateway, Text note) noexcept nogil:
    """Adds an event; of `record` everything but the texts is used. Texts of at most 255 bytes each. Amortized O(texts)."""
    cdef uint32_t size = job.size + gateway.size + note.size
    cdef uint32_t place = <uint32_t> (ring.text_end % ring.text_capacity)
    cdef Record* to
    cdef char* at
    if place + size > ring.text_capacity:
        # Texts of one event lie in one piece: the rest of the ring stays empty.
        ring.text_end += ring.text_capacity - place
        place = 0
    while ring.oldest <= ring.last and (
            ring.last + 1 - ring.oldest == ring.capacity
            or ring.text_end + size - record_at(ring, ring.oldest).texts > ring.text_capacity):
        ring.oldest += 1
    ring.last += 1
    to = record_at(ring, ring.last)
    to[0] = record[0]
    to.texts = ring.text_end
    to.job_size = <uint8_t> job.size
    to.gateway_size = <uint8_t> gateway.size
    to.note_size = <uint16_t> note.size
    at = ring.texts + place
    memcpy(at, job.data, job.size)
    if gateway.size:
        memcpy(at + job.size, gateway.data, gateway.size)
    if note.size:
        memcpy(at + job.size + gateway.size, note.data, note.size)
    ring.text_end += size
    fetch_ahead(ring, to, at, size)


cdef uint32_t ring_copy(
    const Ring* ring, uint64_t after, uint32_t limit, Record* records, Buffer* texts
) noexcept nogil:
    """Copies up to `limit` events after the sequence `after`, which must be from oldest - 1 to last; returns how many.

    `records[i].texts` is then where its texts begin in `texts`. O(limit).
    """
    cdef uint64_t count = ring.last - after
    cdef uint64_t at
    cdef const Record* record
    if count > limit:
        count = limit
    for at in range(count):
        record = record_at(ring, after + 1 + at)
        records[at] = record[0]
        records[at].texts = texts.size
        buffer_append(texts, ring.texts + record.texts % ring.text_capacity, text_size(record))
    return <uint32_t> count


cdef bint ring_check(const Ring* ring) noexcept nogil:
    """No more records than fit, their texts one behind the other and none overwritten. O(capacity)."""
    cdef uint64_t sequence, end = 0
    cdef const Record* record
    if ring.oldest > ring.last + 1 or ring.last + 1 - ring.oldest > ring.capacity or ring.oldest <= ring.first:
        return False
    for sequence in range(ring.oldest, ring.last + 1):
        record = record_at(ring, sequence)
        if record.texts < end or ring.text_end - record.texts > ring.text_capacity:
            return False
        if record.texts % ring.text_capacity + text_size(record) > ring.text_capacity:
            return False
        end = record.texts + text_size(record)
    return end <= ring.text_end
