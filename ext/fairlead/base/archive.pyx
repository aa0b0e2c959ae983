"""See archive.pxd."""

from libc.string cimport memcpy, memset

from fairlead.base.buffer cimport buffer_append, buffer_reserve
from fairlead.base.memory cimport memory_zeroed
from fairlead.base.pages cimport array_zeroed
from fairlead.base.packing cimport VARINT_SIZE, get_varint, get_words, packed_size, put_varint, put_words
from fairlead.base.text cimport text_empty

cdef enum:
    BYTES_OF_A_TAG = 16      # of a struct, that take one byte when all are 0


cdef void archive_value(Archive* archive, uint64_t* value) noexcept nogil:
    cdef const uint8_t* at = NULL
    if not is_reading(archive):
        buffer_reserve(archive.out, VARINT_SIZE)
        archive.out.size = put_varint(archive.out.data + archive.out.size, value[0]) - archive.out.data
        return
    if not archive.failed:
        at = get_varint(archive.at, archive.end, value)
    if at == NULL:
        archive.failed = 1
        value[0] = 0
        return
    archive.at = at


cdef void archive_slot(Archive* archive, uint32_t* value) noexcept nogil:
    cdef uint64_t wide = value[0]
    archive_value(archive, &wide)
    if wide > <uint32_t> 0xFFFFFFFF:
        archive.failed = 1
    value[0] = <uint32_t> wide


cdef void archive_text(Archive* archive, Text* text) noexcept nogil:
    """A text that is read lies in what is read."""
    archive_slot(archive, &text.size)
    if not is_reading(archive):
        if text.size:
            buffer_append(archive.out, text.data, text.size)
        return
    if archive.failed or <size_t> (archive.end - archive.at) < text.size:
        archive.failed = 1
        text[0] = text_empty()
        return
    text.data = <const char*> archive.at
    archive.at += text.size


cdef inline void put(Archive* archive, const void* item, size_t size, const Holes* holes) noexcept nogil:
    cdef uint8_t[LARGEST_ITEM] copy
    cdef uint32_t index
    if holes != NULL:
        memcpy(copy, item, size)
        for index in range(holes.count):
            memset(copy + holes.offset[index], 0, sizeof(void*))
        item = copy
    buffer_reserve(archive.out, packed_size(size))
    archive.out.size = put_words(archive.out.data + archive.out.size, item, size) - archive.out.data


cdef inline bint take(Archive* archive, void* item, size_t size) noexcept nogil:
    cdef const uint8_t* at = get_words(archive.at, archive.end, item, size)
    if at == NULL:
        archive.failed = 1
        return False
    archive.at = at
    return True


cdef void archive_struct(Archive* archive, void* item, size_t size, const Holes* holes) noexcept nogil:
    """One struct in memory that is there; holes are NULL when it was read."""
    archive_into(archive, item, size, 1, holes)


cdef void archive_into(Archive* archive, void* items, size_t size, uint64_t count, const Holes* holes) noexcept nogil:
    cdef uint64_t item_size = size, index
    cdef uint8_t* item = <uint8_t*> items
    if count == 0:
        return
    archive_value(archive, &item_size)
    if item_size != size:
        archive.failed = 1
    for index in range(count):
        if not is_reading(archive):
            put(archive, item, size, holes)
        elif archive.failed or not take(archive, item, size):
            memset(item, 0, size)
        item += size


cdef bint has_room(Archive* archive, size_t size, uint64_t count, uint64_t capacity) noexcept nogil:
    """Whether there is anything to have memory for. No count asks for more of it than what is left can fill."""
    cdef uint64_t left = archive.end - archive.at
    if count > capacity or count * size > BYTES_OF_A_TAG * left:
        archive.failed = 1
    return capacity and not archive.failed


cdef void make_room(Archive* archive, void** items, size_t size, uint64_t count, uint64_t capacity) noexcept nogil:
    items[0] = memory_zeroed(capacity * size) if has_room(archive, size, count, capacity) else NULL


cdef void archive_items(Archive* archive, void** items, size_t size, uint64_t count, uint64_t capacity, const Holes* holes) noexcept nogil:
    if is_reading(archive):
        make_room(archive, items, size, count, capacity)
        if archive.failed:
            return
    archive_into(archive, items[0], size, count, holes)


cdef void archive_array(Archive* archive, void** array, size_t size, uint64_t count, uint64_t capacity, const Holes* holes) noexcept nogil:
    if is_reading(archive):
        array[0] = array_zeroed(capacity * size) if has_room(archive, size, count, capacity) else NULL
        if archive.failed:
            return
    archive_into(archive, array[0], size, count, holes)


cdef void archive_numbers(Archive* archive, void** numbers, size_t size, uint64_t count, uint64_t capacity) noexcept nogil:
    if is_reading(archive):
        make_room(archive, numbers, size, count, capacity)
        if archive.failed:
            return
    if count:
        archive_into(archive, numbers[0], count * size, 1, NULL)
