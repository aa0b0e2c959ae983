"""See lineup.pxd for the idea and the invariants."""

from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.memory cimport memory_grow, memory_zeroed

cdef enum:
    ROOM_PER_ITEM = 3       # positions behind the newcomers, per item
    COMPACTION_STEPS = 3    # positions looked at per move while a compaction is under way
    COMPACTION_EIGHTHS = 5  # of the room behind the newcomers; one begun here is over when half as much again is used
    LEAST_LENGTH = 64
    SWEEP = 8               # words looked at together; planes are allocated in multiples


cdef void lineup_init(Lineup* lineup) noexcept nogil:
    memset(lineup, 0, sizeof(Lineup))
    lineup.row_words = 1
    lineup_layout(lineup, NOBODY)


cdef void lineup_free(Lineup* lineup) noexcept nogil:
    cdef uint32_t bit
    for bit in range(lineup.bit_count):
        free(lineup.planes[bit].words)
        free(lineup.planes[bit].summary)
    free(lineup.rows)
    free(lineup.ranks)
    free(lineup.places)
    free(lineup.items)
    free(lineup.planes)


cdef void lineup_reserve(Lineup* lineup, uint32_t items, uint32_t bits) noexcept nogil:
    """Makes items below `items` and bits below `bits` usable. New items are not in line and have no bits. O(items): the
    caller, who has arrays of its own for them, asks for many at a time."""
    cdef uint32_t row_words = (bits + 63) >> 6
    cdef uint32_t capacity = lineup.item_capacity
    cdef uint64_t* rows
    cdef uint32_t item
    if items > capacity:
        capacity = items
        lineup.rows = <uint64_t*> memory_grow(lineup.rows, <size_t> capacity * lineup.row_words * 8)
        lineup.ranks = <uint64_t*> memory_grow(lineup.ranks, <size_t> capacity * 8)
        lineup.places = <uint32_t*> memory_grow(lineup.places, <size_t> capacity * 4)
        for item in range(lineup.item_capacity, capacity):
            memset(lineup_row(lineup, item), 0, <size_t> lineup.row_words * 8)
            lineup.ranks[item] = 0
            lineup.places[item] = NOBODY
        lineup.item_capacity = capacity
    if row_words > lineup.row_words:
        rows = <uint64_t*> memory_zeroed(<size_t> capacity * row_words * 8)
        for item in range(capacity):
            memcpy(rows + <size_t> item * row_words, lineup_row(lineup, item), <size_t> lineup.row_words * 8)
        free(lineup.rows)
        lineup.rows = rows
        lineup.row_words = row_words
    if bits > lineup.bit_count:
        lineup.planes = <Plane*> memory_grow(lineup.planes, <size_t> bits * sizeof(Plane))
        memset(lineup.planes + lineup.bit_count, 0, <size_t> (bits - lineup.bit_count) * sizeof(Plane))
        lineup.bit_count = bits


cdef void plane_set(Lineup* lineup, uint32_t bit, uint32_t position) noexcept nogil:
    cdef Plane* plane = &lineup.planes[bit]
    cdef uint32_t word = position >> 6
    cdef uint32_t words = lineup.length >> 6
    if plane.words == NULL:
        plane.words = <uint64_t*> memory_zeroed(<size_t> ((words + SWEEP - 1) & ~<uint32_t> (SWEEP - 1)) * 8)
        plane.summary = <uint64_t*> memory_zeroed(<size_t> ((words + 63) >> 6) * 8)
    plane.words[word] |= <uint64_t> 1 << (position & 63)
    plane.summary[word >> 6] |= <uint64_t> 1 << (word & 63)


cdef void lineup_stand(Lineup* lineup, uint32_t item, uint32_t position) noexcept nogil:
    """Puts an item that stands nowhere at a free position, with all its bits."""
    cdef const uint64_t* row = lineup_row(lineup, item)
    cdef uint32_t word
    cdef uint64_t bits
    for word in range(lineup.row_words):
        bits = row[word]
        while bits:
            plane_set(lineup, (word << 6) | lowest_bit(bits), position)
            bits &= bits - 1
    lineup.places[item] = position
    lineup.items[position] = item


cdef void lineup_leave(Lineup* lineup, uint32_t item) noexcept nogil:
    """Takes an item off its position, with all its bits."""
    cdef const uint64_t* row = lineup_row(lineup, item)
    cdef uint32_t position = lineup.places[item]
    cdef uint32_t word
    cdef uint64_t bits
    for word in range(lineup.row_words):
        bits = row[word]
        while bits:
            plane_clear(lineup, (word << 6) | lowest_bit(bits), position)
            bits &= bits - 1
    lineup.places[item] = NOBODY
    lineup.items[position] = NOBODY


cdef void lineup_shift(Lineup* lineup, uint32_t item, uint32_t target) noexcept nogil:
    """Moves an item in line to a free position. The innermost loop of the router: every plane involved exists already."""
    cdef const uint64_t* row = lineup_row(lineup, item)
    cdef const Plane* planes = lineup.planes
    cdef uint32_t source = lineup.places[item]
    cdef uint32_t source_word = source >> 6, target_word = target >> 6, word, words = lineup.row_words
    cdef uint64_t source_mask = ~(<uint64_t> 1 << (source & 63)), target_mask = <uint64_t> 1 << (target & 63)
    cdef uint64_t summary_mask = <uint64_t> 1 << (target_word & 63), bits, left
    cdef const Plane* plane
    for word in range(words):
        bits = row[word]
        while bits:
            plane = planes + ((word << 6) | lowest_bit(bits))
            bits &= bits - 1
            left = plane.words[source_word] & source_mask
            plane.words[source_word] = left
            if left == 0:
                plane.summary[source_word >> 6] &= ~(<uint64_t> 1 << (source_word & 63))
            plane.words[target_word] |= target_mask
            plane.summary[target_word >> 6] |= summary_mask
    lineup.items[source] = NOBODY
    lineup.items[target] = item
    lineup.places[item] = target


cdef void lineup_layout(Lineup* lineup, uint32_t newcomer) noexcept nogil:
    """Lays everyone out afresh, without holes and with room to grow; `newcomer` (or NOBODY) is put in by rank. O(n * bits)."""
    cdef uint32_t count = 0, moved = 0, item, position, bit, front
    cdef uint32_t* line = <uint32_t*> memory_grow(NULL, <size_t> (lineup.item_count + 1) * 4)
    for position in range(lineup.front_tail):
        item = lineup.items[position]
        if item != NOBODY:
            if newcomer != NOBODY and lineup.ranks[newcomer] < lineup.ranks[item]:
                line[count] = newcomer
                count += 1
                newcomer = NOBODY
            line[count] = item
            count += 1
    if newcomer != NOBODY:
        line[count] = newcomer
        count += 1
    front = count
    for position in range(lineup.front_length, lineup.tail):
        item = lineup.items[position]
        if item != NOBODY:
            line[count] = item
            count += 1
    for bit in range(lineup.bit_count):
        free(lineup.planes[bit].words)
        free(lineup.planes[bit].summary)
        lineup.planes[bit].words = NULL
        lineup.planes[bit].summary = NULL
    lineup.front_length = (front + front // 8 + LEAST_LENGTH + 63) & ~<uint32_t> 63
    moved = ROOM_PER_ITEM * count
    lineup.length = lineup.front_length + (((moved if moved > LEAST_LENGTH else LEAST_LENGTH) + 63) & ~<uint32_t> 63)
    lineup.items = <uint32_t*> memory_grow(lineup.items, <size_t> lineup.length * 4)
    memset(lineup.items, 0xFF, <size_t> lineup.length * 4)
    for position in range(front):
        lineup_stand(lineup, line[position], position)
    for position in range(front, count):
        lineup_stand(lineup, line[position], lineup.front_length + position - front)
    lineup.front_tail = front
    lineup.front_count = front
    lineup.tail = lineup.front_length + count - front
    lineup.item_count = count
    lineup.scan = 0
    lineup.fill = 0
    free(line)


cdef void lineup_insert(Lineup* lineup, uint32_t item, uint64_t rank) noexcept nogil:
    """Puts an item in line as a newcomer. Ranks must be distinct. O(set bits) when its rank is the last, else O(n)."""
    cdef uint32_t before = lineup.front_tail
    lineup.ranks[item] = rank
    while before > 0 and lineup.items[before - 1] == NOBODY:
        before -= 1
    if lineup.front_tail < lineup.front_length and (before == 0 or lineup.ranks[lineup.items[before - 1]] < rank):
        if (lineup.length - lineup.front_length) >= (ROOM_PER_ITEM - 1) * (lineup.item_count + 1):
            lineup_stand(lineup, item, lineup.front_tail)
            lineup.front_tail += 1
            lineup.front_count += 1
            lineup.item_count += 1
            return
    lineup_layout(lineup, item)


cdef void lineup_remove(Lineup* lineup, uint32_t item) noexcept nogil:
    """Takes an item out of the line; its bits stay its own. O(set bits)."""
    lineup.front_count -= lineup.places[item] < lineup.front_length
    lineup_leave(lineup, item)
    lineup.item_count -= 1


cdef void lineup_compact(Lineup* lineup) noexcept nogil:
    """A few steps of closing up the holes behind the newcomers; order is kept."""
    cdef uint32_t step, item
    for step in range(COMPACTION_STEPS):
        if lineup.scan == lineup.tail:
            lineup.tail = lineup.fill
            lineup.scan = 0
            return
        item = lineup.items[lineup.scan]
        if item != NOBODY:
            if lineup.fill < lineup.scan:
                lineup_shift(lineup, item, lineup.fill)
            lineup.fill += 1
        lineup.scan += 1


cdef void lineup_move_to_back(Lineup* lineup, uint32_t item) noexcept nogil:
    """Makes an item the last. O(set bits), amortised over the compaction it pays for. The last of many newcomers gives
    their positions back: O(n) once for n newcomers."""
    cdef uint32_t room
    if lineup.tail == lineup.length:
        lineup_layout(lineup, NOBODY)
    lineup.front_count -= lineup.places[item] < lineup.front_length
    lineup_shift(lineup, item, lineup.tail)
    lineup.tail += 1
    if lineup.front_count == 0 and lineup.front_length > LEAST_LENGTH + lineup.item_count // 2:
        lineup_layout(lineup, NOBODY)
    room = lineup.length - lineup.front_length
    if lineup.scan == 0 and lineup.tail - lineup.front_length > room // 8 * COMPACTION_EIGHTHS:
        lineup.scan = lineup.front_length
        lineup.fill = lineup.front_length
    if lineup.scan != 0:
        lineup_compact(lineup)


cdef inline uint64_t further(const Search* search, uint32_t word, uint64_t bits) noexcept nogil:
    """Of positions of a word that match in the first three planes, those that match in all."""
    cdef uint32_t k
    for k in range(3, search.wanted_count):
        bits &= search.wanted[k][word]
    for k in range(search.barred_count):
        bits &= ~search.barred[k][word]
    return bits


cdef inline bint sweep(
    const uint64_t* first, const uint64_t* second, const uint64_t* third
) noexcept nogil:
    """Whether the three planes meet in one of SWEEP words. A few instructions a word: no branches, one line of each plane."""
    cdef uint64_t found = 0
    cdef uint32_t word
    for word in range(SWEEP):
        found |= first[word] & second[word] & third[word]
    return found != 0


cdef inline bint is_worth_a_sweep(uint64_t words) noexcept nogil:
    """Whether there are more than two of them."""
    words &= words - 1
    return (words & (words - 1)) != 0


cdef inline bint next_block(Search* search) noexcept nogil:
    """Goes on to the next 64 words; False when there are none. The summaries say which may have a match."""
    cdef uint32_t k
    search.block += 1
    if search.block >= search.summary_length:
        search.block = search.summary_length
        return False
    search.swept = 0
    search.block_bits = search.wanted_summary[0][search.block]
    for k in range(1, search.wanted_count):
        search.block_bits &= search.wanted_summary[k][search.block]
    return True


cdef bint search_refill(Search* search) noexcept nogil:
    """Finds the next word with a match. Most words end with the first three planes, and where most words of eight are
    candidates, one look at all eight ends most eights: branches that nearly always go the same way."""
    cdef const uint64_t* first = search.wanted[0]
    cdef const uint64_t* second = search.wanted[search.wanted_count > 1]
    cdef const uint64_t* third = search.wanted[2 if search.wanted_count > 2 else 0]
    cdef uint64_t block_bits = search.block_bits, words, bits
    cdef uint32_t base = search.block << 6, swept = search.swept, word, eight
    while True:
        while block_bits:
            word = lowest_bit(block_bits)
            if word >= swept:
                swept = (word | (SWEEP - 1)) + 1
                eight = swept - SWEEP
                words = block_bits & (<uint64_t> 0xFF << eight)
                eight |= base
                if is_worth_a_sweep(words) and not sweep(first + eight, second + eight, third + eight):
                    block_bits ^= words
                    continue
            block_bits &= block_bits - 1
            word |= base
            bits = first[word] & second[word] & third[word]
            if bits == 0:
                continue
            bits = further(search, word, bits)
            if bits:
                search.word = word
                search.word_bits = bits
                search.block_bits = block_bits
                search.swept = swept
                return True
        if not next_block(search):
            search.block_bits = 0
            return False
        block_bits = search.block_bits
        base = search.block << 6
        swept = 0


cdef bint lineup_check(const Lineup* lineup) noexcept nogil:
    """The whole invariant: places, rows against planes, planes against summaries, newcomers by rank. O(positions * bits)."""
    cdef uint32_t item, position, bit, word, found = 0, newcomers = 0
    cdef uint64_t last_rank = 0
    cdef bint seen_newcomer = False
    for item in range(lineup.item_capacity):
        position = lineup.places[item]
        if position != NOBODY and (position >= lineup.length or lineup.items[position] != item):
            return False
    for position in range(lineup.length):
        item = lineup.items[position]
        if item == NOBODY:
            continue
        found += 1
        if item >= lineup.item_capacity or lineup.places[item] != position:
            return False
        if lineup.front_tail <= position < lineup.front_length or position >= lineup.tail:
            return False
        if position < lineup.front_length:
            if seen_newcomer and lineup.ranks[item] <= last_rank:
                return False
            last_rank = lineup.ranks[item]
            seen_newcomer = True
        newcomers += position < lineup.front_length
    if found != lineup.item_count or newcomers != lineup.front_count:
        return False
    for bit in range(lineup.bit_count):
        if lineup.planes[bit].words == NULL:
            for item in range(lineup.item_capacity):
                if lineup.places[item] != NOBODY and lineup_has(lineup, item, bit):
                    return False
            continue
        for position in range(lineup.length):
            item = lineup.items[position]
            if ((lineup.planes[bit].words[position >> 6] >> (position & 63)) & 1) != (item != NOBODY and lineup_has(lineup, item, bit)):
                return False
        for word in range(lineup.length >> 6):
            if ((lineup.planes[bit].summary[word >> 6] >> (word & 63)) & 1) != (lineup.planes[bit].words[word] != 0):
                return False
    return True


cdef size_t lineup_size(const Lineup* lineup) noexcept nogil:
    """Bytes held."""
    cdef size_t words = lineup.length >> 6
    cdef size_t size = <size_t> lineup.item_capacity * (8 * lineup.row_words + 12) + <size_t> lineup.length * 4
    cdef uint32_t bit
    for bit in range(lineup.bit_count):
        size += sizeof(Plane)
        if lineup.planes[bit].words != NULL:
            size += 8 * (words + ((words + 63) >> 6))
    return size
