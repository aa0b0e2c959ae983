"""See names.pxd."""

from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from fairlead.base.ahead cimport ahead_fetch, ahead_step
from fairlead.base.archive cimport archive_slot, archive_text, archive_value, is_reading
from fairlead.base.memory cimport memory_grow, prefetch
from fairlead.base.pages cimport LARGE, array_free, array_grow_ahead, array_slack, array_zeroed

cdef enum:
    LEAST_BITS = 4
    AHEAD = 16         # names whose places in the table are fetched before they are needed
    SOON = 16          # a table is had when 1 / SOON more names would fill the present one
    STEP = 16          # places of the old table that move with a name; done long before the new one is full


cdef void names_init(Names* names, uint64_t seed) noexcept nogil:
    memset(names, 0, sizeof(Names))
    names.free_slot = NO_SLOT
    names.seed = seed


cdef inline size_t table_size(uint32_t bits) noexcept nogil:
    """Bytes of a table."""
    return <size_t> sizeof(uint64_t) << bits


cdef void names_free(Names* names) noexcept nogil:
    cdef uint32_t slot
    for slot in range(names.used):
        if names.names[slot].size > INLINE_SIZE:
            free(name_far(&names.names[slot]))
    array_free(names.names, names.capacity * sizeof(Name))
    array_free(names.table, table_size(names.table_bits))
    array_free(names.old, table_size(names.old_bits))
    array_free(names.next_table, table_size(names.table_bits + 1))


cdef inline bint is_named(const Names* names, uint32_t slot, uint64_t hash, Text text) noexcept nogil:
    cdef const Name* name = &names.names[slot]
    return name.hash == hash and name.size == text.size and memcmp(names_text(names, slot).data, text.data, text.size) == 0


cdef uint32_t names_find(const Names* names, Text text) noexcept nogil:
    """The slot of a name, NO_SLOT when it has none. O(1) expected."""
    return names_find_hashed(names, text_hash(names.seed, text), text)


cdef uint32_t names_find_hashed(const Names* names, uint64_t hash, Text text) noexcept nogil:
    """The same, for who has the name's hash by the seed of the table."""
    cdef uint32_t slot
    if names.table_bits == 0 or text.size == 0:
        return NO_SLOT
    slot = look(names, names.table, names.table_bits, hash, text)
    if slot == NO_SLOT and names.old != NULL:
        return look(names, names.old, names.old_bits, hash, text)
    return slot


cdef uint32_t look(const Names* names, const uint64_t* table, uint32_t bits, uint64_t hash, Text text) noexcept nogil:
    cdef uint32_t at = home_of(bits, hash), mask = (<uint64_t> 1 << bits) - 1
    cdef uint64_t entry
    while True:
        entry = table[at]
        if entry == 0:
            return NO_SLOT
        if (entry ^ hash) >> 32 == 0 and is_named(names, <uint32_t> entry - 1, hash, text):
            return <uint32_t> entry - 1
        at = (at + 1) & mask


cdef inline uint64_t entry_of(uint64_t hash, uint32_t slot) noexcept nogil:
    return (hash >> 32 << 32) | (slot + 1)


cdef inline bint is_crowded(const Names* names, uint32_t count) noexcept nogil:
    """Whether the table is too small for so many names."""
    return names.table_bits == 0 or 3 * <uint64_t> count > <uint64_t> 2 << names.table_bits


cdef inline uint32_t place_of(const Names* names, uint64_t entry) noexcept nogil:
    """Where an entry is in the table, or the empty place where it belongs."""
    cdef uint32_t at = home_of(names.table_bits, entry), mask = (<uint64_t> 1 << names.table_bits) - 1
    while names.table[at] and names.table[at] != entry:
        at = (at + 1) & mask
    return at


cdef inline void enter(Names* names, uint64_t entry) noexcept nogil:
    names.table[place_of(names, entry)] = entry


cdef inline bint stands(const Names* names, uint64_t entry) noexcept nogil:
    """Whether an entry of the old table is that of a name which is there."""
    cdef const Name* name
    if entry == 0:
        return False
    name = &names.names[<uint32_t> entry - 1]
    return name.size != 0 and (name.hash ^ entry) >> 32 == 0


cdef void move_some(Names* names, uint64_t places) noexcept nogil:
    """Moves so many places of the old table, if there is one; the last one ends it."""
    cdef uint64_t size = <uint64_t> 1 << names.old_bits, end
    if names.old == NULL:
        return
    end = min(size, names.moved + places)
    while names.moved < end:
        if stands(names, names.old[names.moved]):
            enter(names, names.old[names.moved])
        names.moved += 1
    if end == size:
        array_free(names.old, table_size(names.old_bits))
        names.old = NULL


cdef void grow_table(Names* names) noexcept nogil:
    move_some(names, <uint64_t> 1 << names.old_bits)
    names.old = names.table
    names.old_bits = names.table_bits
    names.moved = 0
    names.table_bits = names.table_bits + 1 if names.table_bits else LEAST_BITS
    names.table = names.next_table
    names.next_table = NULL
    if names.table == NULL:
        names.table = <uint64_t*> array_zeroed(table_size(names.table_bits))


cdef void foresee_table(Names* names) noexcept nogil:
    """The next table, when this one is large and will soon be full."""
    cdef size_t size = table_size(names.table_bits + 1)
    if size >= 2 * <size_t> LARGE and names.next_table == NULL and is_crowded(names, names.count + names.count // SOON):
        names.next_table = <uint64_t*> array_zeroed(size)
        ahead_fetch(names.next_table, size)


cdef void make_room(Names* names, uint32_t slot) noexcept nogil:
    """Room for an entry at `slot` and for one more in the table. Entries from `used` on are not cleared."""
    cdef uint32_t capacity = names.capacity
    cdef uint64_t wanted = slot + 1 + array_slack(capacity * sizeof(Name)) // sizeof(Name)
    if wanted > capacity:
        while capacity < wanted:
            capacity = capacity + capacity // 2 + 8
        names.names = <Name*> array_grow_ahead(
            names.names, slot * sizeof(Name), names.capacity * sizeof(Name), capacity * sizeof(Name))
        names.capacity = capacity
    ahead_step(names.names, slot * sizeof(Name), sizeof(Name), names.capacity * sizeof(Name))
    foresee_table(names)
    if is_crowded(names, names.count + 1):
        grow_table(names)
    move_some(names, STEP)


cdef void write_name(Names* names, uint32_t slot, uint64_t hash, Text text) noexcept nogil:
    cdef Name* name = &names.names[slot]
    cdef char* far
    name.hash = hash
    name.size = <uint8_t> text.size
    if text.size <= INLINE_SIZE:
        memcpy(name.near, text.data, text.size)
    else:
        far = <char*> memory_grow(NULL, text.size)
        memcpy(far, text.data, text.size)
        memcpy(name.near, &far, sizeof(far))


cdef void names_put(Names* names, uint32_t slot, Text text) noexcept nogil:
    """Gives a name that is not in the table (1-255 bytes) the slot `slot`, which has none. The caller owns the slots."""
    names_put_hashed(names, slot, text_hash(names.seed, text), text)


cdef void names_put_hashed(Names* names, uint32_t slot, uint64_t hash, Text text) noexcept nogil:
    """The same, for who has the name's hash by the seed of the table."""
    make_room(names, slot)
    while names.used <= slot:
        names.names[names.used].size = 0
        names.used += 1
    write_name(names, slot, hash, text)
    names.count += 1
    enter(names, entry_of(hash, slot))


cdef uint32_t names_add(Names* names, Text text) noexcept nogil:
    """The slot of a name, a fresh one if it has none. The table owns the slots; do not mix with names_put."""
    cdef uint64_t hash = text_hash(names.seed, text)
    cdef uint32_t slot = names_find_hashed(names, hash, text)
    if slot != NO_SLOT:
        return slot
    slot = names.used
    if names.free_slot != NO_SLOT:
        slot = names.free_slot
        names.free_slot = <uint32_t> names.names[slot].hash
    names_put_hashed(names, slot, hash, text)
    if names.watch != NULL:
        names.watch(names.watch_owner, names.watch_kind, slot, text, True)
    return slot


cdef void take_out(Names* names, uint32_t at) noexcept nogil:
    """Empties a place of the table, which may be empty: its name has not moved yet."""
    cdef uint32_t mask = (<uint64_t> 1 << names.table_bits) - 1
    cdef uint32_t next_at = at, home
    if names.table[at] == 0:
        return
    while True:
        next_at = (next_at + 1) & mask
        if names.table[next_at] == 0:
            break
        home = home_of(names.table_bits, names.table[next_at])
        if ((next_at - home) & mask) >= ((next_at - at) & mask):
            names.table[at] = names.table[next_at]
            at = next_at
    names.table[at] = 0


cdef void names_remove(Names* names, uint32_t slot) noexcept nogil:
    """Takes a name out; its slot may be used again."""
    cdef Name* name = &names.names[slot]
    if names.watch != NULL:
        names.watch(names.watch_owner, names.watch_kind, slot, names_text(names, slot), False)
    take_out(names, place_of(names, entry_of(name.hash, slot)))
    if name.size > INLINE_SIZE:
        free(name_far(name))
    name.size = 0
    name.hash = names.free_slot
    names.free_slot = slot
    names.count -= 1


cdef bint names_check(const Names* names) noexcept nogil:
    """Every name is found at its slot, and nothing else is in the tables. O(n)."""
    cdef uint32_t slot, count = 0, entries = 0
    cdef uint64_t at
    for slot in range(names.used):
        if names.names[slot].size:
            count += 1
            if names_find(names, names_text(names, slot)) != slot:
                return False
    for at in range((<uint64_t> 1 << names.table_bits) if names.table_bits else 0):
        entries += names.table[at] != 0
    for at in range(names.moved, (<uint64_t> 1 << names.old_bits) if names.old != NULL else 0):
        entries += stands(names, names.old[at]) and names.table[place_of(names, names.old[at])] == 0
    return count == names.count and entries == count


cdef size_t names_size(const Names* names) noexcept nogil:
    """Bytes held."""
    cdef size_t size = names.capacity * sizeof(Name) + (table_size(names.table_bits) if names.table_bits else 0)
    cdef uint32_t slot
    if names.old != NULL:
        size += table_size(names.old_bits)
    if names.next_table != NULL:
        size += table_size(names.table_bits + 1)
    for slot in range(names.used):
        if names.names[slot].size > INLINE_SIZE:
            size += names.names[slot].size
    return size


cdef void fill_table(Names* names) noexcept nogil:
    """A table for the names that are there, in one go: places are fetched ahead, since each is a miss of the cache."""
    cdef uint32_t slot, ahead
    names.table_bits = LEAST_BITS
    while is_crowded(names, names.count + 1):
        names.table_bits += 1
    names.table = <uint64_t*> array_zeroed(table_size(names.table_bits))
    for slot in range(names.used):
        ahead = slot + AHEAD
        if ahead < names.used:
            prefetch(&names.table[home_of(names.table_bits, names.names[ahead].hash)])
        if names.names[slot].size:
            enter(names, entry_of(names.names[slot].hash, slot))


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
        names.names = <Name*> array_zeroed(names.capacity * sizeof(Name))
    for slot in range(names.used):
        if not is_reading(archive):
            text = names_text(names, slot)
        archive_text(archive, &text)
        if text.size == 0:
            archive_value(archive, &names.names[slot].hash)
        elif text.size > 255:
            archive.failed = 1
        elif is_reading(archive):
            write_name(names, slot, text_hash(names.seed, text), text)
            names.count += 1
    if is_reading(archive):
        fill_table(names)
