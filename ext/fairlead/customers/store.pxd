"""What is known of customers: 48 bytes each, plus their id.

A profile is 40 bytes in an array without gaps at its end; ids are found through an index of 4 bytes an entry, at most
seven eighths full, that grows by half, so between 4.6 and 6.9 bytes each. Ids lie behind each other in an arena and are packed
again when half of it belongs to nobody. Texts that many profiles share (tier and language together, own agent, an attribute with
its value) are kept once and counted. Linear probing, deletion by moving back (Knuth 6.4 R).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.archive cimport Archive
from fairlead.base.text cimport Text
from fairlead.directory.names cimport Names

cdef enum:
    MAX_ATTRIBUTES = 4
    NO_CUSTOMER = 0xFFFFFFFF


cdef struct Profile:
    uint64_t packed          # value << 8 | size of the id; size 0: free
    uint32_t hash            # of the id; in a free profile the next free one
    uint32_t place           # of the id in the arena
    uint32_t group           # tier and language, a slot of `texts`; NO_CUSTOMER: neither
    uint32_t own_agent
    uint32_t[MAX_ATTRIBUTES] attributes

cdef struct Customers:
    Profile* profiles
    uint32_t* index          # profile + 1; 0: empty
    char* arena
    Names texts
    uint32_t* references     # by slot of `texts`
    uint64_t seed
    uint32_t index_size
    uint32_t capacity
    uint32_t used            # profiles ever used
    uint32_t count
    uint32_t free_profile
    uint32_t arena_size
    uint32_t arena_capacity
    uint32_t arena_dead      # bytes that belong to nobody
    uint32_t reference_capacity

cdef struct Attribute:
    Text key
    Text value

# A profile with its texts. Filled in by the store they stay until it next changes.
cdef struct Customer:
    Text id
    Text tier
    Text language
    Text own_agent
    int64_t value
    uint32_t attribute_count
    Attribute[MAX_ATTRIBUTES] attributes


cdef void customers_init(Customers* store, uint64_t seed) noexcept nogil
cdef void customers_free(Customers* store) noexcept nogil
cdef uint32_t customers_find(const Customers* store, Text id) noexcept nogil
cdef bint customers_put(Customers* store, const Customer* customer) noexcept nogil
cdef bint customers_remove(Customers* store, Text id) noexcept nogil
cdef void customers_get(const Customers* store, uint32_t slot, Customer* customer) noexcept nogil
cdef bint customers_check(const Customers* store) noexcept nogil
cdef size_t customers_size(const Customers* store) noexcept nogil
# Writes the store, or fills this one, which is empty.
cdef void customers_archive(Customers* store, Archive* archive) noexcept nogil
