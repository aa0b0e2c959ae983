"""See names.pxd."""

from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from fairlead.base.archive cimport archive_slot, archive_text, archive_value, is_reading
from fairlead.base.memory cimport memory_grow, memory_zeroed, mix64, prefetch

cdef enum:
    LEAST_TABLE = 16
    AHEAD = 16         # names whose places in the table are fetched before they are needed


cdef void names_init(Names* names, uint64_t seed) noexcept nogil:
    memset(names, 0, sizeof(Names))
    names.free_slot = NO_SLOT
    names.seed = seed


cdef void names_free(Names* names) noexcept nogil:
    cdef uint32_t slot
    for slot in range(names.used):
        if names.names[slot].size > INLINE_SIZE:
            free(name_far(&names.names[slot]))
    free(names.names)
    free(names.table)


cdef uint64_t text_hash(uint64_t seed, Text text) noexcept nogil:
    """Eight bytes at a time through the mixer. O(size)."""
    cdef uint64_t hash = seed ^ (<uint64_t> text.size << 56), word
    cdef uint32_t at = 0
    while text.size - at >= 8:
        memcpy(&word, text.data + at, 8)
        hash = mix64(hash ^ word)
        at += 8
    if at < text.size:
        word = 0
        memcpy(&word, text.data + at, text.size - at)
        hash = mix64(hash ^ word)
    return hash


cdef inline bint is_named(const Names* names, uint32_t slot, uint64_t hash, Text text) noexcept nogil:
    cdef const Name* name = &names.names[slot]
    return name.hash == hash and name.size == text.size and memcmp(names_text(names, slot).data, text.data, text.size) == 0


cdef uint32_t names_find(const Names* names, Text text) noexcept nogil:
    """The slot of a name, NO_SLOT when it has none. O(1) expected."""
    cdef uint64_t hash
    cdef uint32_t at
    if names.table_size == 0 or text.size == 0:
        return NO_SLOT
    hash = text_hash(names.seed, text)
    at = <uint32_t> hash & (names.table_size - 1)
    while names.table[at]:
        if is_named(names, names.table[at] - 1, hash, text):
            return names.table[at] - 1
        at = (at + 1) & (names.table_size - 1)
    return NO_SLOT


cdef void enter(Names* names, uint32_t slot) noexcept nogil:
    cdef uint32_t at = <uint32_t> names.names[slot].hash & (names.table_size - 1)
    while names.table[at]:
        at = (at + 1) & (names.table_size - 1)
    names.table[at] = slot + 1


cdef void make_room(Names* names, uint32_t slot) noexcept nogil:
    """Room for an entry at `slot` and for one more in the table."""
    cdef uint32_t capacity = names.capacity, size = names.table_size, index
    if slot >= capacity:
        while capacity <= slot:
            capacity = capacity + capacity // 2 + 8
        names.names = <Name*> memory_grow(names.names, <size_t> capacity * sizeof(Name))
        memset(names.names + names.capacity, 0, <size_t> (capacity - names.capacity) * sizeof(Name))
        names.capacity = capacity
    if 2 * (names.count + 1) > size:
        size = size * 2 if size else LEAST_TABLE
        free(names.table)
        names.table = <uint32_t*> memory_zeroed(<size_t> size * sizeof(uint32_t))
        names.table_size = size
        for index in range(names.used):
            if names.names[index].size:
                enter(names, index)


cdef void write_name(Names* names, uint32_t slot, Text text) noexcept nogil:
    cdef Name* name = &names.names[slot]
    cdef char* far
    name.hash = text_hash(names.seed, text)
    name.size = <uint8_t> text.size
    if text.size <= INLINE_SIZE:
        memcpy(name.near, text.data, text.size)
    else:
        far = <char*> memory_grow(NULL, text.size)
        memcpy(far, text.data, text.size)
        memcpy(name.near, &far, sizeof(far))


cdef void names_put(Names* names, uint32_t slot, Text text) noexcept nogil:
    """Gives a name that is not in the table (1-255 bytes) the slot `slot`, which has none. The caller owns the slots."""
    make_room(names, slot)
    write_name(names, slot, text)
    if slot >= names.used:
        names.used = slot + 1
    names.count += 1
    enter(names, slot)


cdef uint32_t names_add(Names* names, Text text) noexcept nogil:
    """The slot of a name, a fresh one if it has none. The table owns the slots; do not mix with names_put."""
    cdef uint32_t slot = names_find(names, text)
    if slot != NO_SLOT:
        return slot
    slot = names.used
    if names.free_slot != NO_SLOT:
        slot = names.free_slot
        names.free_slot = <uint32_t> names.names[slot].hash
    names_put(names, slot, text)
    if names.watch != NULL:
        names.watch(names.watch_owner, names.watch_kind, slot, text, True)
    return slot


cdef void names_remove(Names* names, uint32_t slot) noexcept nogil:
    """Takes a name out; its slot may be used again."""
    cdef Name* name = &names.names[slot]
    cdef uint32_t mask = names.table_size - 1
    cdef uint32_t at = <uint32_t> name.hash & mask, next_at, home
    if names.watch != NULL:
        names.watch(names.watch_owner, names.watch_kind, slot, names_text(names, slot), False)
    while names.table[at] != slot + 1:
        at = (at + 1) & mask
    next_at = at
    while True:
        next_at = (next_at + 1) & mask
        if names.table[next_at] == 0:
            break
        home = <uint32_t> names.names[names.table[next_at] - 1].hash & mask
        if ((next_at - home) & mask) >= ((next_at - at) & mask):
            names.table[at] = names.table[next_at]
            at = next_at
    names.table[at] = 0
    if name.size > INLINE_SIZE:
        free(name_far(name))
    name.size = 0
    name.hash = names.free_slot
    names.free_slot = slot
    names.count -= 1


cdef bint names_check(const Names* names) noexcept nogil:
    """Every name is found at its slot, and nothing else is in the table. O(n)."""
    cdef uint32_t slot, count = 0, entries = 0, at
    for slot in range(names.used):
        if names.names[slot].size:
            count += 1
            if names_find(names, names_text(names, slot)) != slot:
                return False
    for at in range(names.table_size):
        entries += names.table[at] != 0
    return count == names.count and entries == count


cdef size_t names_size(const Names* names) noexcept nogil:
    """Bytes held."""
    cdef size_t size = names.capacity * sizeof(Name) + names.table_size * sizeof(uint32_t)
    cdef uint32_t slot
    for slot in range(names.used):
        if names.names[slot].size > INLINE_SIZE:
            size += names.names[slot].size
    return size


cdef void fill_table(Names* names) noexcept nogil:
    """A table for the names that are there, in one go: places are fetched ahead, since each is a miss of the cache."""
    cdef uint32_t size = LEAST_TABLE, slot, ahead
    while 2 * (names.count + 1) > size:
        size *= 2
    names.table = <uint32_t*> memory_zeroed(<size_t> size * sizeof(uint32_t))
    names.table_size = size
    for slot in range(names.used):
        ahead = slot + AHEAD
        if ahead < names.used:
            prefetch(&names.table[<uint32_t> names.names[ahead].hash & (size - 1)])
        if names.names[slot].size:
            enter(names, slot)


cdef void names_archive(Names* names, Archive* archive) noexcept nogil:
    """`used`, `free_slot`; of each slot its name, or an empty one and the next free slot. The hashes are of this process."""
    cdef uint32_t slot
    cdef Text text
    archive_slot(archive, &names.used)
    archive_slot(archive, &names.free_slot)
    if is_reading(archive):
        # Each takes two bytes at least.
        if archive.failed or 2 * <uint64_t> names.used > <uint64_t> (archive.end - archive.at):
            names.used = 0
            archive.failed = 1
            return
        names.capacity = names.used + names.used // 8
        names.names = <Name*> memory_zeroed(<size_t> names.capacity * sizeof(Name))
    for slot in range(names.used):
        if not is_reading(archive):
            text = names_text(names, slot)
        archive_text(archive, &text)
        if text.size == 0:
            archive_value(archive, &names.names[slot].hash)
        elif text.size > 255:
            archive.failed = 1
        elif is_reading(archive):
            write_name(names, slot, text)
            names.count += 1
    if is_reading(archive):
        fill_table(names)
