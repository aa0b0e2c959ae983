"""The last events of a shard: a ring of fixed records, and a ring of bytes for the texts that would not outlive them.

One writer, which only appends and never waits; readers copy under the writer's lock, a bounded number at a time. Records
are numbered without gaps. When either ring is full the oldest records go. A record names agents, queues and tenants by
their slots, which are never given to another name; a job's id, its gateway and the reason of a presence go away before
their event does and are copied.

A record is 48 bytes, the ring of texts has TEXT_SHARE bytes for each, so 262,144 events are 29 MB, touched only as they fill.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text

cdef enum:
    TEXT_SHARE = 64          # bytes of texts per record
    LEAST_EVENTS = 16        # the longest texts of one event fit its ring then
    MAX_EVENTS = 16777216


cdef struct Record:
    int64_t time
    uint64_t texts           # where its texts begin, counted since the ring began: job, gateway, note
    uint32_t tenant
    uint32_t agent
    uint32_t queue
    uint32_t version
    uint32_t policy_version
    uint16_t note_size
    uint8_t job_size
    uint8_t gateway_size
    uint8_t kind
    uint8_t reason
    uint8_t presence
    uint8_t arm              # of the job; 0: none


cdef struct Ring:
    Record* records
    char* texts
    uint64_t first           # sequence before the first record ever
    uint64_t last            # sequence of the newest record
    uint64_t oldest          # sequence of the oldest record kept; last + 1: none
    uint64_t text_end        # bytes of texts ever written, gaps at the end of the ring included
    uint32_t capacity
    uint32_t text_capacity


cdef void ring_init(Ring* ring, uint32_t capacity, uint64_t first) noexcept nogil
cdef void ring_free(Ring* ring) noexcept nogil
cdef void ring_append(Ring* ring, const Record* record, Text job, Text gateway, Text note) noexcept nogil
cdef uint32_t ring_copy(
    const Ring* ring, uint64_t after, uint32_t limit, Record* records, Buffer* texts
) noexcept nogil
cdef bint ring_check(const Ring* ring) noexcept nogil
