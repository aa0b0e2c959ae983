"""See image.pxd."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fairlead.base.archive cimport (
    Archive, Holes, archive_items, archive_numbers, archive_slot, archive_text, archive_value, hole, is_reading,
)
from fairlead.base.buffer cimport Buffer, buffer_append, buffer_free, buffer_init
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.packing cimport get_varint
from fairlead.base.text cimport Text
from fairlead.customers.store cimport customers_archive
from fairlead.directory.names cimport NO_SLOT, names_archive
from fairlead.engine.image cimport engine_archive
from fairlead.shard.record cimport TABLE_COUNT, table_of
from fairlead.shard.tenant cimport KEPT_POLICIES, Note, Remembered, Tenant


cdef void archive_buffer(Archive* archive, Buffer* buffer) noexcept nogil:
    cdef Text text
    text.data = <const char*> buffer.data
    text.size = <uint32_t> buffer.size
    archive_text(archive, &text)
    if is_reading(archive):
        buffer_init(buffer)
        buffer_append(buffer, text.data, text.size)


cdef inline uint64_t policy_at(const Buffer* policies, size_t at, uint64_t* version) noexcept nogil:
    """Bytes of a record of a policy with the size before it, and its version."""
    cdef uint64_t size
    memcpy(&size, policies.data + at, sizeof(size))
    get_varint(policies.data + at + sizeof(size), policies.data + at + sizeof(size) + size, version)
    return sizeof(size) + size


cdef void archive_policies(Archive* archive, Buffer* policies) noexcept nogil:
    """The last KEPT_POLICIES versions, each as it was last: a version that comes again is one with another calendar."""
    cdef Buffer kept
    cdef size_t at = 0
    cdef uint64_t size, version = 0, next_version = 0, versions = 0, passed = 0
    if is_reading(archive):
        archive_buffer(archive, policies)
        return
    while at < policies.size:
        at += policy_at(policies, at, &next_version)
        versions += next_version != version
        version = next_version
    buffer_init(&kept)
    at = 0
    while at < policies.size:
        size = policy_at(policies, at, &version)
        next_version = 0
        if at + size < policies.size:
            policy_at(policies, at + size, &next_version)
        if next_version != version:
            passed += 1
            if passed + KEPT_POLICIES > versions:
                buffer_append(&kept, policies.data + at, size)
        at += size
    archive_buffer(archive, &kept)
    buffer_free(&kept)


cdef void archive_notes(Tenant* t, Archive* archive) noexcept nogil:
    cdef uint32_t slot
    cdef Text text
    archive_slot(archive, &t.note_capacity)
    if is_reading(archive):
        if archive.failed or t.note_capacity > <uint64_t> (archive.end - archive.at):
            t.note_capacity = 0
            archive.failed = 1
            return
        t.presence_notes = <Note*> memory_zeroed(t.note_capacity * sizeof(Note))
    for slot in range(t.note_capacity):
        text.data = t.presence_notes[slot].data
        text.size = t.presence_notes[slot].size
        archive_text(archive, &text)
        if is_reading(archive) and text.size:
            t.presence_notes[slot].size = text.size
            t.presence_notes[slot].data = <char*> memory_grow(NULL, text.size)
            memcpy(t.presence_notes[slot].data, text.data, text.size)


cdef void archive_told(Archive* archive, Remembered* entry) noexcept nogil:
    """What a cold call was answered; `told_size` of it."""
    cdef Text text
    if entry.told_size == 0:
        return
    text.data = entry.told
    text.size = entry.told_size
    archive_text(archive, &text)
    if is_reading(archive):
        archive.failed |= text.size != entry.told_size
        entry.told_size = text.size
        entry.told = <char*> memory_grow(NULL, text.size)
        memcpy(entry.told, text.data, text.size)


cdef void archive_requests(Tenant* t, Archive* archive) noexcept nogil:
    """Entries of all slots that were ever used; of those in the list, what was told."""
    cdef Holes holes
    cdef Remembered entry
    cdef uint32_t slot
    holes.count = 0
    hole(&holes, &entry, &entry.told)
    names_archive(&t.requests, archive)
    archive_slot(archive, &t.remembered_head)
    archive_slot(archive, &t.remembered_tail)
    archive_items(archive, <void**> &t.remembered, sizeof(Remembered), t.requests.used, t.requests.used, &holes)
    if is_reading(archive):
        t.remembered_capacity = t.requests.used
        if archive.failed:
            t.remembered_capacity = 0
            t.remembered_head = t.remembered_tail = NO_SLOT
    slot = t.remembered_head
    while slot != NO_SLOT:
        archive_told(archive, &t.remembered[slot])
        slot = t.remembered[slot].next


cdef void archive_references(Tenant* t, Archive* archive) noexcept nogil:
    """Who refers to customers and gateways: one number for each slot that was ever used."""
    cdef uint32_t jobs = min(t.jobs.used, t.job_gateway_capacity)
    archive_numbers(archive, <void**> &t.customer_references, sizeof(uint32_t), t.customers.used, t.customers.used)
    names_archive(&t.gateways, archive)
    archive_numbers(archive, <void**> &t.gateway_references, sizeof(uint32_t), t.gateways.used, t.gateways.used)
    archive_slot(archive, &jobs)
    archive_numbers(archive, <void**> &t.job_gateways, sizeof(uint32_t), jobs, jobs)
    if is_reading(archive):
        t.customer_capacity = 0 if archive.failed else t.customers.used
        t.gateway_capacity = 0 if archive.failed else t.gateways.used
        t.job_gateway_capacity = 0 if archive.failed else jobs


cdef void tenant_archive(Tenant* t, Archive* archive) noexcept nogil:
    cdef uint32_t table
    archive_value(archive, &t.unhashed)
    archive_slot(archive, &t.hashed_upto)
    for table in range(TABLE_COUNT):
        names_archive(table_of(t, table), archive)
    names_archive(&t.jobs, archive)
    archive_requests(t, archive)
    archive_references(t, archive)
    archive_notes(t, archive)
    archive_policies(archive, &t.policies)
    archive_buffer(archive, &t.scenarios)
    customers_archive(&t.profiles, archive)
    engine_archive(&t.engine, archive)
