"""Names to slots and back: strings stop here.

A table of names of one kind (jobs, agents, queues ..). A name has a slot as long as it is in the table; a slot's text never
moves while it does. Up to 39 bytes are kept in the entry itself, so that adding a usual id allocates nothing; longer ones
get memory of their own. Open addressing with linear probing over a power of two, at most two thirds full, deletion by moving
back (Knuth 6.4 R), so no search is longer than the cluster it falls in. A place holds the upper half of the hash beside the
slot, and the first bits of that half are the place where a search begins: other names are told apart without a look at
them. The hash is seeded per process: nobody outside can choose ids that collide.

A table that is full gets a larger one beside it and moves there in the order it has, a few places with every name that comes: no
name waits for a million others. Until then a search looks in both. Nothing is taken out of the old one; an entry whose slot
has no such name any more counts for nothing. The larger one is had a little before it is needed, since names fall on all of it at
once: its pages are there by then (base/ahead.pxd).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fairlead.base.archive cimport Archive
from fairlead.base.memory cimport mix64, prefetch
from fairlead.base.text cimport Text

cdef enum:
    NO_SLOT = 0xFFFFFFFF
    INLINE_SIZE = 39


cdef struct Name:
    uint64_t hash
    uint8_t size              # 0: free
    char[INLINE_SIZE] near    # or, for a longer name, a pointer to its bytes


# Told of every name that `names_add` gives a slot and `names_remove` takes one from.
ctypedef void (*NameWatch)(void* owner, uint32_t kind, uint32_t slot, Text name, bint added) noexcept nogil


cdef struct Names:
    Name* names               # by slot
    uint64_t* table           # upper half of the hash, then slot + 1; 0: empty
    uint32_t table_bits       # the table has 2 ** table_bits places; 0: none
    uint64_t* old             # while names move: the table before; NULL: none do
    uint32_t old_bits
    uint32_t moved            # its places below this one have moved
    uint64_t* next_table      # the table after this one, all empty, or NULL: not needed soon
    uint32_t capacity
    uint32_t used             # slots ever used
    uint32_t count
    uint32_t free_slot        # list of slots that names_add may reuse; kept in the hash of free entries
    uint64_t seed
    NameWatch watch           # NULL: nobody
    void* watch_owner
    uint32_t watch_kind       # which table this is, to the watcher


cdef void names_init(Names* names, uint64_t seed) noexcept nogil
cdef void names_free(Names* names) noexcept nogil
cdef uint32_t names_find(const Names* names, Text text) noexcept nogil
cdef uint32_t names_find_hashed(const Names* names, uint64_t hash, Text text) noexcept nogil
cdef uint32_t names_add(Names* names, Text text) noexcept nogil
cdef void names_put(Names* names, uint32_t slot, Text text) noexcept nogil
cdef void names_put_hashed(Names* names, uint32_t slot, uint64_t hash, Text text) noexcept nogil
cdef void names_remove(Names* names, uint32_t slot) noexcept nogil
cdef bint names_check(const Names* names) noexcept nogil
cdef size_t names_size(const Names* names) noexcept nogil
# Writes the table, or fills this one, which is empty. Slots, and the order in which free ones are used again, are kept.
cdef void names_archive(Names* names, Archive* archive) noexcept nogil


cdef inline uint64_t last_bytes(const char* data, uint32_t count) noexcept nogil:
    """Up to seven bytes as a number, the first one lowest."""
    cdef uint64_t word = 0
    cdef uint32_t half
    if count >= 4:
        memcpy(&half, data, 4)
        word = half
        # Overlaps what was read: the same bytes in the same places.
        memcpy(&half, data + count - 4, 4)
        return word | (<uint64_t> half << (8 * (count - 4)))
    if count:
        # First, middle and last of one to three bytes: some are the same.
        word = <uint64_t> <uint8_t> data[0]
        word |= <uint64_t> <uint8_t> data[count >> 1] << (8 * (count >> 1))
        word |= <uint64_t> <uint8_t> data[count - 1] << (8 * (count - 1))
    return word


cdef inline uint64_t text_hash(uint64_t seed, Text text) noexcept nogil:
    """Eight bytes at a time through the mixer. O(size)."""
    cdef uint64_t hash = seed ^ (<uint64_t> text.size << 56), word
    cdef uint32_t at = 0
    while text.size - at >= 8:
        memcpy(&word, text.data + at, 8)
        hash = mix64(hash ^ word)
        at += 8
    if at < text.size:
        hash = mix64(hash ^ last_bytes(text.data + at, text.size - at))
    return hash


cdef inline uint32_t home_of(uint32_t table_bits, uint64_t hash) noexcept nogil:
    """Where the search for a hash begins in a table that has places."""
    return <uint32_t> (hash >> (64 - table_bits))


cdef inline void names_prefetch(const Names* names, uint64_t hash) noexcept nogil:
    """Begins to load what a search for a hash looks at first."""
    if names.table_bits:
        prefetch(&names.table[home_of(names.table_bits, hash)])


cdef inline char* name_far(const Name* name) noexcept nogil:
    """Where the bytes of a longer name are. They are pointed to from no aligned place."""
    cdef char* far
    memcpy(&far, name.near, sizeof(far))
    return far


cdef inline Text names_text(const Names* names, uint32_t slot) noexcept nogil:
    """The name of a slot that has one; it stays until the name is removed or the table grows."""
    cdef const Name* name = &names.names[slot]
    cdef Text text
    text.size = name.size
    if name.size <= INLINE_SIZE:
        text.data = <const char*> name.near
    else:
        text.data = name_far(name)
    return text


cdef inline bint names_has(const Names* names, uint32_t slot) noexcept nogil:
    return slot < names.used and names.names[slot].size != 0
