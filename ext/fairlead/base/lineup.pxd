"""Items in a fixed order, each with a row of bits, and the question "who is first that has all of these bits?".

The order is least-recently-moved first: `lineup_move_to_back` is the only thing that changes it, apart from newcomers,
who stand in front of everyone ever moved, among themselves by rank. Each bit is kept twice: in the row of its item (one
look answers "does this item match?") and in a *plane*, a bitmap over positions (64 positions a look answer "who is the
first that matches?"). A plane has a summary with one bit per word, so that 4,096 empty positions cost one look.

Positions are handed out at the tail and closed up by a compaction that goes a few positions with every move: no move
costs more than O(set bits + summary words) and none stops for all items, but the one of the last newcomer, which gives their
positions back. A search costs the words up to the first match that no summary can skip. Memory: about 3 positions an item,
hence three eighths of a byte per item and plane in use, and 1 position more while it is a newcomer.

It knows nothing of routing.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #define fairlead_lowest_bit(value) ((uint32_t) __builtin_ctzll(value))
    """
    uint32_t lowest_bit "fairlead_lowest_bit"(uint64_t value) nogil

cdef enum:
    NOBODY = 0xFFFFFFFF
    MAX_QUERY = 72  # bits that one question may ask for


cdef struct Plane:
    uint64_t* words    # NULL while no item ever had the bit
    uint64_t* summary  # bit w is set when words[w] is not zero


cdef struct Lineup:
    uint32_t item_count     # items that stand in the line
    uint32_t item_capacity  # items are 0 .. item_capacity - 1
    uint32_t bit_count      # planes
    uint32_t row_words      # words of a row
    uint64_t* rows          # item_capacity * row_words
    uint64_t* ranks         # order of newcomers
    uint32_t* places        # item -> position, NOBODY when it is not in line
    uint32_t* items         # position -> item, NOBODY for a hole
    Plane* planes
    uint32_t length         # positions, a multiple of 64
    uint32_t front_length   # positions of the newcomers' part; front_tail is its next free one
    uint32_t front_tail
    uint32_t front_count    # newcomers
    uint32_t tail           # next free position of the part behind
    uint32_t scan           # compaction: next position to look at; 0: none under way
    uint32_t fill           # compaction: next position to fill


# One question: items with all of `wanted` and none of `barred`.
cdef struct Query:
    uint32_t wanted_count
    uint32_t barred_count
    uint32_t wanted[MAX_QUERY]
    uint32_t barred[MAX_QUERY]


# The answers of a question, one after the other in line order. Not valid once the lineup changes.
cdef struct Search:
    const uint32_t* items
    uint32_t summary_length
    uint32_t wanted_count
    uint32_t barred_count
    uint32_t block           # summary word under examination
    uint32_t swept           # its words below this one have been looked at together, if that was worth it
    uint64_t block_bits      # its words still to look at
    uint32_t word            # word under examination
    uint64_t word_bits       # its positions still to give
    const uint64_t* wanted[MAX_QUERY]
    const uint64_t* wanted_summary[MAX_QUERY]
    const uint64_t* barred[MAX_QUERY]


cdef void lineup_init(Lineup* lineup) noexcept nogil
cdef void lineup_free(Lineup* lineup) noexcept nogil
cdef void lineup_reserve(Lineup* lineup, uint32_t items, uint32_t bits) noexcept nogil
cdef void lineup_insert(Lineup* lineup, uint32_t item, uint64_t rank) noexcept nogil
cdef void lineup_remove(Lineup* lineup, uint32_t item) noexcept nogil
cdef void lineup_move_to_back(Lineup* lineup, uint32_t item) noexcept nogil
cdef bint lineup_check(const Lineup* lineup) noexcept nogil
cdef size_t lineup_size(const Lineup* lineup) noexcept nogil
cdef void plane_set(Lineup* lineup, uint32_t bit, uint32_t position) noexcept nogil
cdef bint search_refill(Search* search) noexcept nogil


cdef inline uint64_t* lineup_row(const Lineup* lineup, uint32_t item) noexcept nogil:
    return lineup.rows + <size_t> item * lineup.row_words


cdef inline bint lineup_has(const Lineup* lineup, uint32_t item, uint32_t bit) noexcept nogil:
    return (lineup_row(lineup, item)[bit >> 6] >> (bit & 63)) & 1


cdef inline void plane_clear(Lineup* lineup, uint32_t bit, uint32_t position) noexcept nogil:
    cdef Plane* plane = &lineup.planes[bit]
    cdef uint32_t word = position >> 6
    plane.words[word] &= ~(<uint64_t> 1 << (position & 63))
    if plane.words[word] == 0:
        plane.summary[word >> 6] &= ~(<uint64_t> 1 << (word & 63))


cdef inline void lineup_put(Lineup* lineup, uint32_t item, uint32_t bit, bint value) noexcept nogil:
    """Sets or clears one bit of an item, in line or not."""
    cdef uint64_t* word = lineup_row(lineup, item) + (bit >> 6)
    cdef uint64_t mask = <uint64_t> 1 << (bit & 63)
    if ((word[0] & mask) != 0) == value:
        return
    word[0] ^= mask
    if lineup.places[item] != NOBODY:
        if value:
            plane_set(lineup, bit, lineup.places[item])
        else:
            plane_clear(lineup, bit, lineup.places[item])


cdef inline void search_start(Search* search, const Lineup* lineup, const Query* query) noexcept nogil:
    """Begins at the head of the line. O(bits of the query)."""
    cdef uint32_t k
    cdef const Plane* plane
    search.items = lineup.items
    search.summary_length = ((lineup.length >> 6) + 63) >> 6
    search.wanted_count = query.wanted_count
    search.barred_count = 0
    search.block = 0xFFFFFFFF
    search.swept = 0
    search.block_bits = 0
    search.word_bits = 0
    for k in range(query.wanted_count):
        plane = &lineup.planes[query.wanted[k]]
        if plane.words == NULL:
            search.summary_length = 0
            return
        search.wanted[k] = plane.words
        search.wanted_summary[k] = plane.summary
    for k in range(query.barred_count):
        plane = &lineup.planes[query.barred[k]]
        if plane.words != NULL:
            search.barred[search.barred_count] = plane.words
            search.barred_count += 1


cdef inline uint32_t search_next(Search* search) noexcept nogil:
    """The next item that matches, NOBODY at the end."""
    cdef uint32_t position
    if search.word_bits == 0 and not search_refill(search):
        return NOBODY
    position = (search.word << 6) | lowest_bit(search.word_bits)
    search.word_bits &= search.word_bits - 1
    return search.items[position]
