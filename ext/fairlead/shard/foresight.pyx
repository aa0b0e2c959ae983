"""See foresight.pxd."""

from fairlead.base.memory cimport memory_prefetch
from fairlead.base.text cimport Text, text_empty
from fairlead.codec.tags cimport BYTES_1, BYTES_2
from fairlead.directory.names cimport NO_SLOT, Name, Names, home_of, names_prefetch, text_hash
from fairlead.engine.model cimport Job
from fairlead.shard.calls cimport ASSIGN, COMPLETE_JOB
from fairlead.shard.dispatch cimport tenant_look


cdef const uint8_t* peek_text(const uint8_t* at, const uint8_t* end, uint8_t tag, Text* text) noexcept nogil:
    """A field of fewer than 128 bytes, if it is what stands here; returns what is behind it."""
    text[0] = text_empty()
    if end - at < 2 or at[0] != tag or at[1] > 127 or end - at < 2 + at[1]:
        return at
    text.data = <const char*> at + 2
    text.size = at[1]
    return at + 2 + text.size


cdef Text peek_job_id(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The id of the JobSpec that is field 2; empty where it is not seen."""
    cdef Text id = text_empty()
    if end - at >= 4 and at[0] == BYTES_2:
        peek_text(at + (2 if at[1] < 128 else 3), end, BYTES_1, &id)
    return id


cdef Foresight foresee(const ShardState* s, uint32_t method, const uint8_t* data, size_t size) noexcept nogil:
    cdef const uint8_t* end = data + size
    cdef Foresight sight
    cdef Text tenant, id
    sight.tenant = NULL
    sight.hash = 0
    if method != ASSIGN and method != COMPLETE_JOB:
        return sight
    data = peek_text(data, end, BYTES_1, &tenant)
    if method == ASSIGN:
        id = peek_job_id(data, end)
    else:
        peek_text(data, end, BYTES_2, &id)
    if id.size == 0:
        return sight
    sight.tenant = tenant_look(s, tenant)
    if sight.tenant != NULL:
        sight.hash = text_hash(sight.tenant.jobs.seed, id)
        names_prefetch(&sight.tenant.jobs, sight.hash)
    return sight


cdef inline uint32_t likely_slot(const Names* names, uint64_t hash) noexcept nogil:
    """The slot that stands where the search for a hash begins, if its name has such a hash; NO_SLOT. Most likely the right one."""
    cdef uint64_t entry = names.table[home_of(names.table_bits, hash)] if names.table_bits else 0
    return <uint32_t> entry - 1 if entry and (entry ^ hash) >> 32 == 0 else NO_SLOT


cdef void foresee_job(const Foresight* sight) noexcept nogil:
    cdef const Tenant* t = sight.tenant
    cdef uint32_t slot
    if t == NULL:
        return
    slot = likely_slot(&t.jobs, sight.hash)
    if slot != NO_SLOT:
        memory_prefetch(&t.jobs.names[slot], sizeof(Name))
        memory_prefetch(&t.engine.jobs[slot], sizeof(Job))


cdef void foresee_next(const Tenant* t, const uint8_t* data, const uint8_t* end) noexcept nogil:
    cdef Text id = peek_job_id(data, end)
    names_prefetch(&t.jobs, text_hash(t.jobs.seed, id))
