"""The invariants of the whole engine, and the hash of its state. Both read everything and change nothing."""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.engine.model cimport Engine

cdef enum:
    MAX_VIOLATIONS = 32


cdef struct Audit:
    uint32_t count
    const char* violations[MAX_VIOLATIONS]


cdef void audit(Engine* e, Audit* result) noexcept nogil
cdef uint64_t state_hash(const Engine* e) noexcept nogil
# The counters and the things in a range of slots: a check that never takes long, however large the state.
cdef uint64_t state_hash_part(const Engine* e, uint32_t start, uint32_t count) noexcept nogil
