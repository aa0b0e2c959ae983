"""One description of a state for both directions: who walks through its parts writes them, or reads them back.

An Archive either appends to `out` or takes from `at`. A function that visits every part of a struct in a fixed order is then
its writer and its reader, and the two cannot disagree. What is written:

    value     varint
    words     a struct without pointers: its bytes as words (packing.pxd)
    text      size (varint) and bytes
    items     size of an item (varint), then each item as words; how many there are stands in a struct before them
    numbers   size of all of them (varint), then all as words

Pointers inside a struct are *holes*: they are written as 0, and whoever reads puts in what they point to, part by part. An
item of another size than ours means that the struct is another one: `failed`. So does everything that ends too early.
Nothing here is for bytes that have not been proven by a checksum: sizes are checked against what remains, slots are not.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text

cdef enum:
    LARGEST_ITEM = 8192      # bytes of one struct
    MAX_HOLES = 24

cdef struct Archive:
    Buffer* out              # NULL: it is read
    const uint8_t* at
    const uint8_t* end
    uint8_t failed           # what is read is not what is expected; nothing more is taken

# Offsets of the pointers of a struct.
cdef struct Holes:
    uint32_t count
    size_t[MAX_HOLES] offset


cdef inline bint is_reading(const Archive* archive) noexcept nogil:
    return archive.out == NULL


cdef inline void hole(Holes* holes, const void* item, const void* pointer) noexcept nogil:
    """Where a pointer stands in an item; only the addresses count, not what is there."""
    holes.offset[holes.count] = <size_t> (<const char*> pointer - <const char*> item)
    holes.count += 1


cdef void archive_value(Archive* archive, uint64_t* value) noexcept nogil
cdef void archive_slot(Archive* archive, uint32_t* value) noexcept nogil
cdef void archive_text(Archive* archive, Text* text) noexcept nogil
cdef void archive_struct(Archive* archive, void* item, size_t size, const Holes* holes) noexcept nogil
# `count` items; when they are read, in fresh memory with room for `capacity`, what is not read all zero; NULL for no room.
cdef void archive_items(Archive* archive, void** items, size_t size, uint64_t count, uint64_t capacity, const Holes* holes) noexcept nogil
# As items, in an array of pages.pxd.
cdef void archive_array(Archive* archive, void** array, size_t size, uint64_t count, uint64_t capacity, const Holes* holes) noexcept nogil
# Numbers, or structs of whole words without pointers: as items, but packed as one.
cdef void archive_numbers(Archive* archive, void** numbers, size_t size, uint64_t count, uint64_t capacity) noexcept nogil
# Items in memory that is there.
cdef void archive_into(Archive* archive, void* items, size_t size, uint64_t count, const Holes* holes) noexcept nogil
