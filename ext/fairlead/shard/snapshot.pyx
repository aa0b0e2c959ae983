"""See snapshot.pxd."""

import os
from typing import NamedTuple

from libc.string cimport memcmp, memcpy, memset

from fairlead.base.archive cimport Archive, archive_text
from fairlead.base.buffer cimport buffer_append, buffer_free, buffer_init, buffer_reserve
from fairlead.base.text cimport Text
from fairlead.directory.names cimport NO_SLOT, names_find, names_free, names_init, names_text
from fairlead.engine.audit cimport state_hash
from fairlead.journal.frames cimport crc32c
from fairlead.journal.system cimport CLOCK_REALTIME, now_us
from fairlead.shard.dispatch cimport tenant_add
from fairlead.shard.image cimport tenant_archive
from fairlead.shard.record cimport LAYOUT
from fairlead.shard.tenant cimport Tenant, tenant_destroy

from fairlead.errors import raise_error
from fairlead.journal.reader import Base, segment_names
from fairlead.shard.manifest import read_manifest, replace_file, snapshot_name, snapshot_names

cdef enum:
    SECTION_MAGIC = 0x43534C46     # FLSC
    PADDED = 8

cdef const char* MAGIC = b"flsnapsh"   # 8 bytes
REASONS = {"broken": "JOURNAL_DAMAGED", "newer": "JOURNAL_VERSION", "hash": "JOURNAL_HASH"}


class SnapshotDamage(Exception):
    """A snapshot that must not be read. `kind` is broken, newer (another version's) or hash (all bytes are right, the state is not)."""

    kind = ""


class Image(NamedTuple):
    """What the header of a snapshot tells: where in the journal it is, and what state. `time` is microseconds of Unix time."""

    name: str
    base: Base
    state_hash: int
    tenants: int
    size: int
    time: int
    crc: int


cdef object damage(path, kind, what):
    found = SnapshotDamage(f"{os.path.basename(path)}: {what}")
    found.kind = kind
    return found


cdef uint64_t shard_hash(const ShardState* s) noexcept nogil:
    cdef uint32_t slot
    cdef uint64_t hash = 0
    for slot in range(s.names.used):
        hash += state_hash(&s.tenants[slot].engine)
    return hash


cdef void drop_tenants(ShardState* s) noexcept nogil:
    cdef uint32_t slot
    for slot in range(s.names.used):
        tenant_destroy(s.tenants[slot])
    names_free(&s.names)
    names_init(&s.names, s.seed)


# ---- reading


cdef object read_file(str path, Py_ssize_t size=-1):
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as failed:
        raise damage(path, "broken", f"it cannot be read: {failed}") from failed


cdef object read_header(str path, bytes data, SnapshotHeader* header):
    """The header, proven. Raises SnapshotDamage."""
    cdef const char* bytes_of = data
    if len(data) < SNAPSHOT_HEADER:
        raise damage(path, "broken", f"{len(data)} bytes; a header has {SNAPSHOT_HEADER}")
    memcpy(header, bytes_of, sizeof(SnapshotHeader))
    if memcmp(header.magic, MAGIC, 8) != 0 or header.crc != crc32c(0, bytes_of, SNAPSHOT_HEADER - 4):
        raise damage(path, "broken", "the header is damaged")
    if header.least_reader > SNAPSHOT_FORMAT:
        raise damage(
            path, "newer", f"format {header.format} needs a reader of format {header.least_reader}; this version reads "
            f"{OLDEST_FORMAT} to {SNAPSHOT_FORMAT}")
    if header.format < OLDEST_FORMAT:
        raise damage(path, "newer", f"format {header.format}; this version reads {OLDEST_FORMAT} to {SNAPSHOT_FORMAT}")
    if snapshot_name(header.sequence) != os.path.basename(path):
        raise damage(path, "broken", f"it is the snapshot behind record {header.sequence}")
    if header.layout != STATE_LAYOUT or header.facts != LAYOUT:
        raise damage(
            path, "newer", f"layout {header.layout} of the state and {header.facts} of facts; this version reads {STATE_LAYOUT} and "
            f"{LAYOUT}: the version that wrote it reads it")


cdef object image_of(str path, const SnapshotHeader* header):
    base = Base(header.segment, header.offset, header.sequence, header.digest, header.instance, header.epoch)
    return Image(os.path.basename(path), base, header.hash, header.sections, header.size, header.time, header.crc)


cdef uint32_t section_at(
    const uint8_t* data, size_t size, size_t at, uint32_t index, const SnapshotHeader* header, SectionHeader* section
) noexcept nogil:
    """Whether a whole section stands there. Its size is followed only when its header is right."""
    if size - at < SECTION_HEADER:
        return False
    memcpy(section, data + at, sizeof(SectionHeader))
    if section.magic != SECTION_MAGIC or section.crc != crc32c(0, data + at, SECTION_HEADER - 4):
        return False
    if section.index != index or section.sequence != header.sequence or section.size > size - at - SECTION_HEADER:
        return False
    return section.payload_crc == crc32c(0, data + at + SECTION_HEADER, section.size)


cdef size_t behind(size_t at, const SectionHeader* section) noexcept nogil:
    return at + SECTION_HEADER + ((section.size + PADDED - 1) & ~<size_t> (PADDED - 1))


cdef int64_t prove_sections(const uint8_t* data, size_t size, const SnapshotHeader* header) noexcept nogil:
    """-1: all are whole, and the file ends with them; else the offset where that stops being so."""
    cdef SectionHeader section
    cdef size_t at = SNAPSHOT_HEADER, pad
    cdef uint32_t index, crc = 0
    for index in range(header.sections):
        if at > size or not section_at(data, size, at, index, header, &section):
            return <int64_t> at
        crc = crc32c(crc, data + at, SECTION_HEADER)
        pad = at + SECTION_HEADER + section.size
        at = behind(at, &section)
        while pad < at and pad < size:
            if data[pad] != 0:
                return <int64_t> pad
            pad += 1
    return -1 if at == size == header.size and crc == header.sections_crc else <int64_t> at


cdef bint load_tenant(ShardState* s, const uint8_t* data, size_t size) noexcept nogil:
    cdef Archive archive
    cdef Text name
    archive.out = NULL
    archive.at = data
    archive.end = data + size
    archive.failed = 0
    archive_text(&archive, &name)
    if archive.failed or name.size == 0 or names_find(&s.names, name) != <uint32_t> 0xFFFFFFFF:
        return False
    tenant_archive(tenant_add(s, name), &archive)
    return not archive.failed and archive.at == archive.end


cdef bint load_sections(ShardState* s, const uint8_t* data, const SnapshotHeader* header) noexcept nogil:
    cdef SectionHeader section
    cdef size_t at = SNAPSHOT_HEADER
    cdef uint32_t index
    for index in range(header.sections):
        memcpy(&section, data + at, sizeof(SectionHeader))
        if section.kind != SECTION_TENANT or not load_tenant(s, data + at + SECTION_HEADER, section.size):
            return False
        at = behind(at, &section)
    return True


cdef object load_snapshot(ShardState* s, str path):
    cdef SnapshotHeader header
    cdef const uint8_t* bytes_of
    cdef size_t size
    cdef int64_t wrong
    cdef uint64_t actual = 0
    cdef uint8_t replaying = s.journal.replaying
    cdef bint loaded
    data = read_file(path)
    read_header(path, data, &header)
    bytes_of = <const uint8_t*> <const char*> data
    size = len(data)
    s.journal.replaying = 1
    with nogil:
        wrong = prove_sections(bytes_of, size, &header)
        loaded = wrong < 0 and load_sections(s, bytes_of, &header)
        if loaded:
            actual = shard_hash(s)
    s.journal.replaying = replaying
    if not loaded or actual != header.hash:
        drop_tenants(s)
    if wrong >= 0:
        raise damage(path, "broken", f"at byte {wrong}: no whole section")
    if not loaded:
        raise damage(path, "broken", "a section has another content than this version writes")
    if actual != header.hash:
        raise damage(path, "hash", f"the state has the hash {actual:016x}, the snapshot says {header.hash:016x}")
    return image_of(path, &header)


def prove(str path not None):
    """The Image of a snapshot whose every checksum is right; no state is built. Raises SnapshotDamage."""
    cdef SnapshotHeader header
    cdef const uint8_t* bytes_of
    cdef int64_t wrong
    data = read_file(path)
    read_header(path, data, &header)
    bytes_of = <const uint8_t*> <const char*> data
    wrong = prove_sections(bytes_of, len(data), &header)
    if wrong >= 0:
        raise damage(path, "broken", f"at byte {wrong}: no whole section")
    return image_of(path, &header)


def describe(str path not None):
    """The Image of a snapshot, of which only the header is read. Raises SnapshotDamage."""
    cdef SnapshotHeader header
    read_header(path, read_file(path, SNAPSHOT_HEADER), &header)
    return image_of(path, &header)


def candidates(str directory not None):
    """(names of the snapshots to try, newest first, what is wrong with the manifest). With a manifest, those it has."""
    try:
        manifest = read_manifest(directory)
    except ValueError as wrong:
        return snapshot_names(directory)[::-1], [str(wrong)]
    if manifest is None:
        return snapshot_names(directory)[::-1], []
    return [snapshot_name(entry.sequence) for entry in manifest.entries[::-1]], []


def oldest(str directory not None):
    """The Image of the oldest snapshot behind which the segments that are there begin; None: they begin with the first record.

    Only its header is read. None, too, where no snapshot can be read: the first segment is then all there is to go by.
    """
    segments = segment_names(directory)
    if segments and int(segments[0][:16]) == 1:
        return None
    for name in candidates(directory)[0][::-1]:
        try:
            return describe(os.path.join(directory, name))
        except SnapshotDamage:
            continue
    return None


cdef tuple load_oldest(ShardState* s, str directory):
    segments = segment_names(directory)
    first = int(segments[0][:16]) if segments else 1
    if first == 1:
        return None, []
    names, problems = candidates(directory)
    kind = ""
    for name in names[::-1]:
        path = os.path.join(directory, name)
        try:
            if describe(path).base.segment < first:
                problems.append(f"{name}: it ends in a segment before {segments[0]}, the first one that is there")
                continue
            return load_snapshot(s, path), problems
        except SnapshotDamage as wrong:
            problems.append(str(wrong))
            kind = kind or wrong.kind
    raise_error(
        REASONS.get(kind, "JOURNAL_GAP"), f"{directory} begins with {segments[0]}, and no snapshot tells what was before it"
        f"{''.join(f'; {problem}' for problem in problems)}", "path")


cdef tuple load_newest(ShardState* s, str directory, uint64_t upto):
    names, problems = candidates(directory)
    kind = "broken"
    for name in names:
        if int(name[:16]) > upto:
            continue
        try:
            return load_snapshot(s, os.path.join(directory, name)), problems
        except SnapshotDamage as wrong:
            problems.append(str(wrong))
            kind = wrong.kind
    segments = segment_names(directory)
    if names and problems and (not segments or int(segments[0][:16]) != 1):
        raise_error(
            REASONS[kind], f"no snapshot of {directory} can be read, and the records before them are gone: {'; '.join(problems)}; "
            "nothing was changed: docs/OPERATIONS says what to do", "path")
    return None, problems


# ---- writing


cdef void put_tenant(const ShardState* s, uint32_t slot, uint32_t index, uint64_t sequence, Buffer* out) noexcept nogil:
    """One section at the end of a buffer."""
    cdef SectionHeader section
    cdef Archive archive
    cdef size_t at = out.size
    cdef Text name = names_text(&s.names, slot)
    buffer_reserve(out, SECTION_HEADER)
    out.size += SECTION_HEADER
    archive.out = out
    archive.failed = 0
    archive_text(&archive, &name)
    tenant_archive(s.tenants[slot], &archive)
    memset(&section, 0, sizeof(SectionHeader))
    section.magic = SECTION_MAGIC
    section.kind = SECTION_TENANT
    section.index = index
    section.size = out.size - at - SECTION_HEADER
    section.sequence = sequence
    section.payload_crc = crc32c(0, out.data + at + SECTION_HEADER, section.size)
    section.crc = crc32c(0, &section, SECTION_HEADER - 4)
    memcpy(out.data + at, &section, SECTION_HEADER)
    while out.size % PADDED:
        buffer_append(out, b"", 1)


cdef object write_sections(const ShardState* s, uint32_t first, SnapshotHeader* header, object file):
    """Section by section; the header, which counts them, comes last to its place at the front."""
    cdef Buffer out
    cdef uint32_t slot
    file.write(bytes(SNAPSHOT_HEADER))
    buffer_init(&out)
    try:
        for slot in range(first, first + header.sections):
            out.size = 0
            with nogil:
                put_tenant(s, slot, slot - first, header.sequence, &out)
            header.sections_crc = crc32c(header.sections_crc, out.data, SECTION_HEADER)
            file.write(<const uint8_t[:out.size]> out.data)
    finally:
        buffer_free(&out)
    header.size = file.tell()
    header.crc = crc32c(0, header, SNAPSHOT_HEADER - 4)
    file.seek(0)
    file.write((<const char*> header)[:SNAPSHOT_HEADER])


cdef object save_snapshot(const ShardState* s, str directory, object base, uint32_t only=NO_SLOT):
    cdef SnapshotHeader header
    cdef SnapshotHeader* at = &header
    cdef uint32_t first = 0 if only == NO_SLOT else only
    memset(&header, 0, sizeof(SnapshotHeader))
    memcpy(header.magic, MAGIC, 8)
    header.format = SNAPSHOT_FORMAT
    header.least_reader = SNAPSHOT_FORMAT
    header.facts = LAYOUT
    header.layout = STATE_LAYOUT
    header.instance = base.instance
    header.sequence = base.sequence
    header.epoch = base.epoch
    header.digest = base.digest
    header.segment = base.segment
    header.offset = base.offset
    header.sections = s.names.used if only == NO_SLOT else 1
    header.hash = shard_hash(s) if only == NO_SLOT else state_hash(&s.tenants[only].engine)
    header.time = now_us(CLOCK_REALTIME)
    name = snapshot_name(base.sequence)
    replace_file(directory, name, lambda file: write_sections(s, first, at, file))
    return image_of(name, &header)
