"""See asked.pxd. Costs one pass over what the request names; the buffer is the tenant's and grows to the longest request."""

from libc.string cimport memcpy

from fairlead.base.buffer cimport Buffer, buffer_reserve
from fairlead.codec.messages cimport MAX_LABELS, MAX_NAME_SIZE
from fairlead.directory.names cimport names_find
from fairlead.engine.model cimport Demand
from fairlead.base.packing cimport VARINT_SIZE, put_varint, zigzag

cdef enum:
    HIGHEST = 10
    TEXT_SIZE = MAX_NAME_SIZE + VARINT_SIZE
    MOST = 12 * VARINT_SIZE + 3 + TEXT_SIZE + 2 * MAX_LABELS * TEXT_SIZE   # of all fields


cdef Unfilled unfilled(const JobSpec* job) noexcept nogil:
    cdef Unfilled before
    before.tier = job.customer_tier
    before.language = job.language
    before.value = job.customer_value
    before.label_count = job.label_count
    before.wants_agent = job.wanted_agent.present
    return before


cdef inline uint8_t* put_text(uint8_t* at, Text text) noexcept nogil:
    at = put_varint(at, text.size)
    if text.size:
        memcpy(at, text.data, text.size)
    return at + text.size


cdef uint8_t* put_demands(uint8_t* at, const Demand* demands, uint32_t count) noexcept nogil:
    cdef uint32_t index
    for index in range(count):
        at = put_varint(at, demands[index].ability)
        at[0] = <uint8_t> (demands[index].least + 16 * (HIGHEST - demands[index].most))
        at += 1
    return at


cdef void pack_demands(Tenant* t, const AssignCommand* command) noexcept nogil:
    cdef Buffer* asked = &t.pending_asked
    cdef uint8_t* at
    asked.size = 0
    buffer_reserve(asked, 2 * VARINT_SIZE + <size_t> (command.demand_count + command.wish_count) * (VARINT_SIZE + 1))
    at = put_varint(asked.data, 2 * command.demand_count + (command.wish_count != 0))
    if command.wish_count:
        at = put_varint(at, command.wish_count)
    at = put_demands(at, command.demands, command.demand_count)
    at = put_demands(at, command.wishes, command.wish_count)
    asked.size = <size_t> (at - asked.data)


cdef uint32_t fields_of(const JobSpec* job, const Unfilled* before, bint at_once) noexcept nogil:
    cdef uint32_t fields = ASKED_AT_ONCE if at_once else 0
    fields |= ASKED_QUEUE if job.queue.size else 0
    fields |= ASKED_TIER if before.tier.size else 0
    fields |= ASKED_CHANNEL if job.channel.size else 0
    fields |= ASKED_LABELS if before.label_count else 0
    fields |= ASKED_LANGUAGE if before.language.size else 0
    fields |= ASKED_URGENCY if job.urgency else 0
    fields |= ASKED_HEAD_START if job.head_start.us else 0
    fields |= ASKED_VALUE if before.value else 0
    fields |= ASKED_AFFINITY if job.affinity else 0
    fields |= ASKED_AGENT if before.wants_agent else 0
    return fields


cdef void pack_fields(Tenant* t, const JobSpec* job, const Unfilled* before, const AssignCommand* command) noexcept nogil:
    cdef Buffer* asked = &t.pending_asked
    cdef uint32_t fields = fields_of(job, before, command.immediate_only)
    cdef int32_t index
    cdef uint8_t* at
    buffer_reserve(asked, MOST)
    at = put_varint(asked.data + asked.size, fields)
    if fields & ASKED_QUEUE:
        at = put_varint(at, names_find(&t.queues, job.queue))
    if fields & ASKED_TIER:
        at = put_varint(at, names_find(&t.tiers, before.tier))
    if fields & ASKED_CHANNEL:
        at = put_varint(at, t.engine.channels[command.channel].name)
    if fields & ASKED_LABELS:
        at = put_varint(at, <uint32_t> before.label_count)
        for index in range(before.label_count):
            at = put_text(put_text(at, job.labels[index].key), job.labels[index].value)
    if fields & ASKED_LANGUAGE:
        at = put_text(at, before.language)
    if fields & ASKED_URGENCY:
        at[0] = <uint8_t> job.urgency
        at += 1
    if fields & ASKED_HEAD_START:
        at = put_varint(at, <uint64_t> job.head_start.us)
    if fields & ASKED_VALUE:
        at = put_varint(at, zigzag(before.value))
    if fields & ASKED_AFFINITY:
        at[0] = <uint8_t> job.affinity
        at += 1
    if fields & ASKED_AGENT:
        at = put_varint(at, command.wanted_agent)
        at[0] = <uint8_t> command.wanted_mode
        at = put_varint(at + 1, <uint64_t> command.wanted_hold)
    asked.size = <size_t> (at - asked.data)
