"""See image.pxd."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fairlead.base.archive cimport Archive, archive_items, archive_numbers, archive_slot, archive_text, archive_value, is_reading
from fairlead.base.buffer cimport Buffer, buffer_append, buffer_init
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.text cimport Text
from fairlead.customers.store cimport customers_archive
from fairlead.directory.names cimport names_archive
from fairlead.engine.image cimport engine_archive
from fairlead.shard.record cimport TABLE_COUNT, table_of
from fairlead.shard.tenant cimport KEPT_POLICIES, Note, Remembered, Tenant


cdef void archive_buffer(Archive* archive, Buffer* buffer, size_t start) noexcept nogil:
    """What a buffer has from `start` on."""
    cdef Text text
    text.data = <const char*> buffer.data + start
    text.size = <uint32_t> (buffer.size - start)
    archive_text(archive, &text)
    if is_reading(archive):
        buffer_init(buffer)
        buffer_append(buffer, text.data, text.size)


cdef size_t first_kept(const Buffer* policies) noexcept nogil:
    """Where the last KEPT_POLICIES records of policies begin; each stands after its size."""
    cdef uint64_t size
    cdef size_t at = 0
    cdef uint32_t count = 0
    while at < policies.size:
        memcpy(&size, policies.data + at, sizeof(size))
        at += sizeof(size) + size
        count += 1
    at = 0
    while count > KEPT_POLICIES:
        memcpy(&size, policies.data + at, sizeof(size))
        at += sizeof(size) + size
        count -= 1
    return at


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


cdef void archive_requests(Tenant* t, Archive* archive) noexcept nogil:
    names_archive(&t.requests, archive)
    archive_slot(archive, &t.remembered_head)
    archive_slot(archive, &t.remembered_tail)
    archive_items(archive, <void**> &t.remembered, sizeof(Remembered), t.requests.used, t.requests.used, NULL)
    if is_reading(archive):
        t.remembered_capacity = 0 if archive.failed else t.requests.used


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
    archive_buffer(archive, &t.policies, first_kept(&t.policies))
    archive_buffer(archive, &t.scenarios, 0)
    customers_archive(&t.profiles, archive)
    engine_archive(&t.engine, archive)
