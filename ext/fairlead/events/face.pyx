"""The ring of events as Python sees it: for tests, which hold it against a list, and for nothing else.

A misuse that the shard never commits raises ValueError and changes nothing.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.buffer cimport Buffer, buffer_free, buffer_init
from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport Text
from fairlead.events.ring cimport (
    LEAST_EVENTS, MAX_EVENTS, Record, Ring, ring_append, ring_check, ring_copy, ring_free, ring_init,
)

cdef enum:
    LONGEST = 255
    MOST = 65536


cdef Text text_from(bytes value) except *:
    cdef Text text
    if len(value) > LONGEST:
        raise ValueError(f"a text of {len(value)} bytes; at most {LONGEST} are allowed")
    text.data = value
    text.size = <uint32_t> len(value)
    return text


cdef class RingFace:
    """A ring of events/ring.pxd."""

    cdef Ring ring

    def __cinit__(self, uint32_t capacity, uint64_t first=0):
        if not LEAST_EVENTS <= capacity <= MAX_EVENTS:
            raise ValueError(f"{capacity} events; {LEAST_EVENTS} to {MAX_EVENTS} are allowed")
        ring_init(&self.ring, capacity, first)

    def __dealloc__(self):
        ring_free(&self.ring)

    @property
    def oldest(self):
        """Sequence of the oldest event kept; `last` + 1 when there is none."""
        return self.ring.oldest

    @property
    def last(self):
        """Sequence of the newest event."""
        return self.ring.last

    def append(self, bytes job not None, bytes gateway not None=b"", bytes note not None=b"", uint32_t version=0):
        """Adds an event; returns its sequence."""
        cdef Record record
        memset(&record, 0, sizeof(Record))
        record.version = version
        ring_append(&self.ring, &record, text_from(job), text_from(gateway), text_from(note))
        return self.ring.last

    def read(self, uint64_t after, uint32_t limit):
        """Up to `limit` events after a sequence, as (job, gateway, note, version)."""
        cdef Record* records
        cdef Buffer texts
        cdef uint32_t count, at
        cdef const char* text
        if not self.ring.oldest - 1 <= after <= self.ring.last or limit > MOST:
            raise ValueError(f"after {after}, {limit} events; the ring has {self.ring.oldest} to {self.ring.last}")
        records = <Record*> memory_grow(NULL, limit * sizeof(Record))
        buffer_init(&texts)
        count = ring_copy(&self.ring, after, limit, records, &texts)
        found = []
        for at in range(count):
            text = <const char*> texts.data + records[at].texts
            job = text[:records[at].job_size]
            gateway = text[records[at].job_size:records[at].job_size + records[at].gateway_size]
            text += records[at].job_size + records[at].gateway_size
            found.append((job, gateway, text[:records[at].note_size], records[at].version))
        free(records)
        buffer_free(&texts)
        return found

    def check(self):
        """Whether no event has lost anything that the ring still claims to have."""
        return ring_check(&self.ring)
