"""See watch.pxd."""

from enum import IntEnum

from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.buffer cimport buffer_append, buffer_free, buffer_init
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.text cimport text_empty, text_equal
from fairlead.codec.encode cimport encode_event, encode_watch_sequence
from fairlead.directory.names cimport NO_SLOT, names_text, text_hash
from fairlead.events.ring cimport Record, ring_copy
from fairlead.journal.journal cimport journal_durable, journal_wait
from fairlead.shard.convert cimport to_text
from fairlead.shard.dispatch cimport shard_lock, shard_unlock
from fairlead.shard.tenant cimport Tenant, arm_name
from fairlead.shard.views cimport to_str

from fairlead.errors import OutOfRange, raise_error

cdef enum:
    MAX_WANTED = 1000        # values in one list of a filter
    MAX_READ = 4096          # events of one batch
    NAMES = 4                # of a record: tenant, agent, queue, arm
    HASH_SEED = 0x5EED


class EventKind(IntEnum):
    """E4, with the numbers of the contract."""

    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ACCEPTED = 4
    DECLINED = 5
    MISSED = 6
    ASSIGNED = 7
    REQUEUED = 8
    RELAXED = 9
    WRAPPING = 10
    COMPLETED = 11
    CANCELLED = 12
    EXPIRED = 13
    AGENT_CREATED = 14
    AGENT_UPDATED = 15
    AGENT_DELETED = 16
    PRESENCE_CHANGED = 17
    POLICY_CHANGED = 18


cdef inline uint64_t hash_of(Text text) noexcept nogil:
    return text_hash(HASH_SEED, text) | 1 if text.size else 0


cdef object fill_wanted(Wanted* wanted, object values, str field, list alive):
    cdef uint32_t at
    if isinstance(values, str):
        raise_error("INVALID_FIELD", f"{field} is the text {values!r}; a list of texts is allowed", field)
    names = sorted(set(values))
    if len(names) > MAX_WANTED:
        raise_error("INVALID_FIELD", f"{field} has {len(names)} values; at most {MAX_WANTED} are allowed", field)
    alive.append(names)
    wanted.count = len(names)
    wanted.hashes = <uint64_t*> memory_zeroed(len(names) * sizeof(uint64_t))
    wanted.texts = <Text*> memory_zeroed(len(names) * sizeof(Text))
    for at in range(wanted.count):
        wanted.texts[at] = to_text(names[at], field)
        wanted.hashes[at] = hash_of(wanted.texts[at])
    return tuple(names)


cdef bint is_wanted(const Wanted* wanted, uint64_t hash, Text text) noexcept nogil:
    """Whether the list is empty or has the text. O(list), by hash."""
    cdef uint32_t at
    if wanted.count == 0:
        return True
    for at in range(wanted.count):
        if wanted.hashes[at] == hash and text_equal(wanted.texts[at], text):
            return True
    return False


cdef class EventFilter:
    """What a watcher wants to see; immutable. Within a list any, between lists all; empty lists let everything pass.

    `key` is equal for filters that let the same events through.
    """

    def __cinit__(self, str tenant="", *, gateways=(), queues=(), agent_ids=(), kinds=()):
        self._alive = []
        self._all_tenants = tenant == "*"
        tenants = fill_wanted(&self._tenants, () if self._all_tenants else (tenant or "default",), "tenant", self._alive)
        numbers = sorted({int(EventKind(kind)) for kind in kinds})
        for kind in numbers:
            self._kinds |= <uint32_t> 1 << <uint32_t> kind
        self.key = (
            tenants,
            fill_wanted(&self._gateways, gateways, "gateways", self._alive),
            fill_wanted(&self._queues, queues, "queues", self._alive),
            fill_wanted(&self._agents, agent_ids, "agent_ids", self._alive),
            tuple(numbers),
        )

    def __dealloc__(self):
        free(self._tenants.hashes)
        free(self._tenants.texts)
        free(self._gateways.hashes)
        free(self._gateways.texts)
        free(self._queues.hashes)
        free(self._queues.texts)
        free(self._agents.hashes)
        free(self._agents.texts)

    cdef bint lets(self, const Seen* event) noexcept nogil:
        return (
            (self._kinds == 0 or (self._kinds >> event.detail.kind) & 1)
            and is_wanted(&self._tenants, event.tenant, event.detail.tenant)
            and is_wanted(&self._gateways, event.gateway, event.detail.gateway)
            and is_wanted(&self._queues, event.queue, event.detail.queue)
            and is_wanted(&self._agents, event.agent, event.detail.agent_id)
        )


cdef class EventBatch:
    """Events `first` to `last` without gaps, none when `last` < `first`; each was encoded once."""

    def __dealloc__(self):
        free(self._events)
        buffer_free(&self._texts)
        buffer_free(&self._encoded)

    def __len__(self):
        return self._count

    def message(self, EventFilter wanted not None):
        """A serialized WatchEventsResponse of the events that the filter lets through; None when there are none."""
        cdef Buffer out
        cdef uint32_t at, run
        cdef const Seen* event
        buffer_init(&out)
        at = 0
        while at < self._count:
            # Neighbours that are both wanted lie side by side: one copy.
            if not wanted.lets(&self._events[at]):
                at += 1
                continue
            run = at + 1
            while run < self._count and wanted.lets(&self._events[run]):
                run += 1
            buffer_append(
                &out, self._encoded.data + self._events[at].begin, self._events[run - 1].end - self._events[at].begin)
            at = run
        if out.size == 0:
            return None
        encode_watch_sequence(&out, self.last)
        message = out.data[:out.size]
        buffer_free(&out)
        return message

    def jobs(self, EventFilter wanted not None):
        """(tenant, job id) of each of them that is about a job and that the filter lets through."""
        cdef uint32_t at
        return [
            (to_str(self._events[at].detail.tenant), to_str(self._events[at].detail.job_id))
            for at in range(self._count)
            if self._events[at].detail.job_id.size and wanted.lets(&self._events[at])
        ]

    def rows(self, EventFilter wanted not None):
        """The events that the filter lets through, as tuples in the order of the contract's fields."""
        cdef uint32_t at
        cdef const EventDetail* event
        found = []
        for at in range(self._count):
            if wanted.lets(&self._events[at]):
                event = &self._events[at].detail
                found.append((
                    event.sequence, event.time_us, EventKind(event.kind), to_str(event.tenant), to_str(event.job_id),
                    to_str(event.agent_id), to_str(event.queue), event.version, event.reason, event.presence,
                    to_str(event.presence_reason), event.policy_version, to_str(event.gateway), to_str(event.arm),
                ))
        return found


cdef inline Text next_text(const char** at, uint32_t size) noexcept nogil:
    cdef Text text
    text.data = at[0]
    text.size = size
    at[0] += size
    return text


cdef uint32_t append_name(Buffer* names, Text name) noexcept nogil:
    buffer_append(names, name.data, name.size)
    return name.size


cdef uint32_t copy_batch(
    ShardState* state, uint64_t after, uint32_t limit, Record* records, Buffer* texts, Buffer* names, uint8_t* sizes
) noexcept nogil:
    """Under the lock: records, their texts, and the names of their tenant, agent, queue and arm. O(limit)."""
    cdef uint32_t count = ring_copy(&state.feed.ring, after, limit, records, texts), at
    cdef const Tenant* t
    cdef Text none = text_empty()
    for at in range(count):
        t = state.tenants[records[at].tenant]
        sizes[NAMES * at] = <uint8_t> append_name(names, names_text(&state.names, records[at].tenant))
        sizes[NAMES * at + 1] = <uint8_t> append_name(
            names, names_text(&t.agents, records[at].agent) if records[at].agent != NO_SLOT else none)
        sizes[NAMES * at + 2] = <uint8_t> append_name(
            names, names_text(&t.queues, records[at].queue) if records[at].queue != NO_SLOT else none)
        sizes[NAMES * at + 3] = <uint8_t> append_name(names, arm_name(t, records[at].arm))
    return count


cdef void fill_event(Seen* event, const Record* record, const char** texts, const char** names, const uint8_t* sizes) noexcept nogil:
    cdef EventDetail* detail = &event.detail
    detail.time_us = record.time
    detail.kind = record.kind
    detail.reason = record.reason
    detail.presence = record.presence
    detail.version = record.version
    detail.policy_version = record.policy_version
    detail.job_id = next_text(texts, record.job_size)
    detail.gateway = next_text(texts, record.gateway_size)
    detail.presence_reason = next_text(texts, record.note_size)
    detail.tenant = next_text(names, sizes[0])
    detail.agent_id = next_text(names, sizes[1])
    detail.queue = next_text(names, sizes[2])
    detail.arm = next_text(names, sizes[3])
    event.tenant = hash_of(detail.tenant)
    event.gateway = hash_of(detail.gateway)
    event.queue = hash_of(detail.queue)
    event.agent = hash_of(detail.agent_id)


cdef EventBatch read_events(ShardState* state, int64_t after, uint32_t limit, uint64_t most_bytes):
    """Up to `limit` events after a sequence, and one at least; no more once they are `most_bytes` long. Raises OutOfRange when the next one is gone, or `after` is none of this process.

    The lock is held to copy them, and never while waiting for the interpreter.
    """
    cdef EventBatch batch = EventBatch.__new__(EventBatch)
    cdef Record* records
    cdef uint8_t* sizes
    cdef Buffer names
    cdef const char* text
    cdef const char* name
    cdef uint64_t oldest, last, sequence
    cdef bint is_kept
    cdef uint32_t at, count = 0
    limit = min(limit, <uint32_t> MAX_READ)
    records = <Record*> memory_grow(NULL, limit * sizeof(Record))
    sizes = <uint8_t*> memory_grow(NULL, NAMES * limit)
    buffer_init(&names)
    with nogil:
        shard_lock(state)
        oldest = state.feed.ring.oldest
        last = state.feed.ring.last
        is_kept = after >= 0 and oldest <= <uint64_t> after + 1 <= last + 1
        if is_kept:
            count = copy_batch(state, <uint64_t> after, limit, records, &batch._texts, &names, sizes)
        sequence = state.journal.sequence
        shard_unlock(state)
        # Nobody is told of what a crash could take back.
        if journal_durable(&state.journal) < sequence:
            journal_wait(&state.journal, sequence)
        batch._events = <Seen*> memory_zeroed(count * sizeof(Seen))
        # What the names came to goes behind the other texts, so that one buffer owns all.
        buffer_append(&batch._texts, names.data, names.size)
        name = <const char*> batch._texts.data + (batch._texts.size - names.size)
        text = <const char*> batch._texts.data
        for at in range(count):
            batch._events[at].detail.sequence = after + 1 + at
            fill_event(&batch._events[at], &records[at], &text, &name, sizes + NAMES * at)
            batch._events[at].begin = batch._encoded.size
            encode_event(&batch._encoded, &batch._events[at].detail)
            batch._events[at].end = batch._encoded.size
            if batch._encoded.size >= most_bytes:
                count = at + 1
                break
    free(records)
    free(sizes)
    buffer_free(&names)
    if not is_kept:
        raise OutOfRange(
            "EVENTS_GONE", f"the events after {after} are not kept; the oldest one is {oldest}, the newest {last}",
            metadata={"oldest_sequence": str(oldest), "last_sequence": str(last)})
    batch._count = count
    batch.first = after + 1
    batch.last = after + count
    return batch
