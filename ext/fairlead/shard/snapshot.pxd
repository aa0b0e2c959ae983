"""The file of a snapshot: all tenants of a shard, as they were behind one record of its journal.

`SSSSSSSSSSSSSSSS.snapshot`, by the sequence of that record: a header of 128 bytes, then a section for each tenant in the order
of their slots. A section is a header of 40 bytes, its payload, and zeroes up to a multiple of 8 bytes. All numbers are
little-endian. The payload is the tenant's name (text) and what `tenant_archive` visits (image.pyx), packed as base/archive.pxd
and base/packing.pxd tell. docs/FORMATS.md shows the bytes of an example.

A file is written under another name, synced, renamed, its directory synced, read back and built into a state whose hash must be
that of the state that was written; only then does the manifest name it. Reading believes nothing before every checksum is
right, and nothing at the end but a state with the hash that the header tells.

FORMAT grows when headers or the way of packing change; formats N and N - 1 are read. LAYOUT grows with every struct that is
archived (tests/tidy/test_layout.py compares them): a snapshot of another layout is refused by name, and never read wrongly.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.shard.dispatch cimport ShardState

cdef enum:
    SNAPSHOT_FORMAT = 1
    OLDEST_FORMAT = 1        # that is still read
    STATE_LAYOUT = 3         # of the structs in it
    SNAPSHOT_HEADER = 128
    SECTION_HEADER = 40
    SECTION_TENANT = 1

# 128 bytes.
cdef struct SnapshotHeader:
    uint8_t[8] magic
    uint16_t format
    uint16_t least_reader
    uint32_t facts           # layout of the bodies of facts, as in a segment
    uint32_t layout          # of the structs in the sections
    uint32_t sections
    uint64_t instance        # of the journal
    uint64_t sequence        # of the last record that is in the state
    uint64_t epoch           # of the frame that ends with it
    uint64_t digest          # of that frame
    uint64_t segment         # in which that frame is
    uint64_t offset          # behind that frame
    uint64_t hash            # of the state: the sum over its tenants
    uint64_t size            # of the file
    int64_t time             # microseconds of Unix time when it was written; for people
    uint32_t sections_crc    # CRC-32C of all headers of sections, one after the other
    uint8_t[24] reserved
    uint32_t crc             # of the 124 bytes above

# 40 bytes.
cdef struct SectionHeader:
    uint32_t magic
    uint32_t kind
    uint32_t index
    uint32_t payload_crc
    uint64_t size            # of the payload, without what fills it up
    uint64_t sequence        # that of the snapshot: sections of two do not mix
    uint32_t reserved
    uint32_t crc             # of the 36 bytes above


# The sum of all tenants' hashes.
cdef uint64_t shard_hash(const ShardState* s) noexcept nogil
# Fills a shard that has no tenants. Returns what the header tells, as an Image. Raises SnapshotDamage; it has none then.
cdef object load_snapshot(ShardState* s, str path)
# Writes the state of a shard behind a place of its journal (a Base), synced; nothing refers to it yet. Its Image. Raises OSError.
# With the slot of a tenant it writes that one alone.
cdef object save_snapshot(const ShardState* s, str directory, object base, uint32_t only=*)
# A shard that has no tenants becomes the state of the oldest good snapshot behind which all segments are there; the Image and
# what was wrong with older ones. None: the segments begin with the first record. Raises FairleadError where neither is so.
cdef tuple load_oldest(ShardState* s, str directory)
# A shard that has no tenants becomes the state of the newest snapshot that is good and of no record behind `upto`; the Image and
# what was wrong with newer ones. None: there is no snapshot. Raises FairleadError where there are only damaged ones.
cdef tuple load_newest(ShardState* s, str directory, uint64_t upto)
