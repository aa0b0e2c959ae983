"""See book.pxd. A book is filled rule by rule, closed once, and then only its toggles change."""

from libc.stdlib cimport free, qsort
from libc.string cimport memcpy, memset

from fairlead.base.lineup cimport lowest_bit
from fairlead.base.memory cimport memory_grow, memory_zeroed


cdef inline void put(uint64_t* row, uint32_t rule) noexcept nogil:
    row[rule >> 6] |= <uint64_t> 1 << (rule & 63)


cdef inline uint64_t* row_of(const Book* book, uint32_t row) noexcept nogil:
    return book.bits + <size_t> row * book.words


cdef uint32_t new_row(Book* book) noexcept nogil:
    """An empty row; rows that were asked for before may move."""
    cdef uint32_t row = book.row_count
    if row == book.row_capacity:
        book.row_capacity = 2 * book.row_capacity if book.row_capacity else 16
        book.bits = <uint64_t*> memory_grow(book.bits, <size_t> book.row_capacity * book.words * 8)
    memset(row_of(book, row), 0, book.words * 8)
    book.row_count += 1
    return row


cdef void book_init(Book* book, uint32_t rule_count, uint32_t toggle_count) noexcept nogil:
    """A book of so many rules that look at nothing yet. Row 0 is nobody's, so that 0 can mean no row."""
    cdef uint32_t words = (rule_count + 63) // 64, dimension
    memset(book, 0, sizeof(Book))
    book.rule_count = rule_count
    book.words = words
    book.toggle_count = toggle_count
    book.looks = <uint64_t*> memory_zeroed(DIMENSION_COUNT * words * 8)
    book.asked = <uint64_t*> memory_zeroed(COUNT_PLANES * words * 8)
    book.needs = <uint64_t*> memory_zeroed(2 * <size_t> toggle_count * words * 8)
    book.open = <uint64_t*> memory_zeroed(words * 8)
    book.toggles = <uint8_t*> memory_zeroed(toggle_count)
    new_row(book)
    for dimension in range(DIMENSION_COUNT):
        book.dimensions[dimension].rest = new_row(book)


cdef void book_free(Book* book) noexcept nogil:
    cdef uint32_t dimension
    for dimension in range(DIMENSION_COUNT):
        free(book.dimensions[dimension].by_slot)
    free(book.bits)
    free(book.looks)
    free(book.asked)
    free(book.needs)
    free(book.open)
    free(book.toggles)
    free(book.ranges)
    free(book.bounds)
    memset(book, 0, sizeof(Book))


cdef uint32_t row_for(Book* book, uint32_t dimension, uint32_t slot) noexcept nogil:
    """The row of a value, made when it is new."""
    cdef Rows* rows = &book.dimensions[dimension]
    cdef uint32_t count = rows.slot_count
    if slot >= count:
        while count <= slot:
            count = 2 * count if count else 8
        rows.by_slot = <uint32_t*> memory_grow(rows.by_slot, count * sizeof(uint32_t))
        memset(rows.by_slot + rows.slot_count, 0, (count - rows.slot_count) * sizeof(uint32_t))
        rows.slot_count = count
    if rows.by_slot[slot] == 0:
        rows.by_slot[slot] = new_row(book)
    return rows.by_slot[slot]


cdef void book_accept(Book* book, uint32_t dimension, uint32_t slot, uint32_t rule) noexcept nogil:
    """The rule looks at the dimension, and this is one of the values it accepts."""
    put(row_of(book, row_for(book, dimension, slot)), rule)
    put(book.looks + <size_t> dimension * book.words, rule)


cdef void book_widen(Book* book, uint32_t dimension, uint32_t slot, uint32_t source) noexcept nogil:
    """Whoever accepts the value `source` accepts the value `slot` too."""
    cdef uint32_t row = row_for(book, dimension, slot), wider = row_for(book, dimension, source), word
    for word in range(book.words):
        row_of(book, row)[word] |= row_of(book, wider)[word]


cdef void book_ask(Book* book, uint32_t rule, uint32_t label_count) noexcept nogil:
    """How many labels, at most MAX_ASKED, a request must have that the rule accepts: one of each key it looks at."""
    cdef uint32_t plane
    book.counts_labels = book.counts_labels or label_count != 0
    for plane in range(COUNT_PLANES):
        if (label_count >> plane) & 1:
            put(book.asked + <size_t> plane * book.words, rule)


cdef void book_bound(Book* book, uint32_t rule, int64_t least, int64_t most) noexcept nogil:
    book.ranges = <Range*> memory_grow(book.ranges, (book.range_count + 1) * sizeof(Range))
    book.ranges[book.range_count].least = least
    book.ranges[book.range_count].most = most
    book.ranges[book.range_count].rule = rule
    book.range_count += 1


cdef void book_need(Book* book, uint32_t rule, uint32_t toggle, bint on) noexcept nogil:
    """The rule is open only while the toggle is on, or off."""
    put(book.needs + (2 * <size_t> toggle + (not on)) * book.words, rule)


cdef int compare_bounds(const void* left, const void* right) noexcept nogil:
    cdef int64_t a = (<const int64_t*> left)[0], b = (<const int64_t*> right)[0]
    return -1 if a < b else a > b


cdef void close_ranges(Book* book) noexcept nogil:
    """One row for each interval in which every rule either accepts all values or none. O(bounds * rules)."""
    cdef uint32_t index, interval, count = 0, kept = 0, row
    cdef int64_t start
    book.bounds = <int64_t*> memory_grow(NULL, 2 * book.range_count * sizeof(int64_t))
    for index in range(book.range_count):
        book.bounds[count] = book.ranges[index].least
        book.bounds[count + 1] = book.ranges[index].most + 1
        count += 2
    qsort(book.bounds, count, sizeof(int64_t), compare_bounds)
    for index in range(count):
        if kept == 0 or book.bounds[index] != book.bounds[kept - 1]:
            book.bounds[kept] = book.bounds[index]
            kept += 1
    book.bound_count = kept
    book.first_range = book.row_count
    for interval in range(kept + 1):
        row = new_row(book)
        memset(row_of(book, row), 0xFF, book.words * 8)
        for index in range(book.range_count):
            start = book.bounds[interval - 1] if interval else -1
            if not (interval and book.ranges[index].least <= start <= book.ranges[index].most):
                row_of(book, row)[book.ranges[index].rule >> 6] &= ~(<uint64_t> 1 << (book.ranges[index].rule & 63))


cdef void book_close(Book* book) noexcept nogil:
    """All rules are in: those that do not look at a dimension accept each of its values. All toggles are off. O(rows * words)."""
    cdef uint32_t dimension, slot, word
    cdef Rows* rows
    cdef uint64_t blind
    for dimension in range(LABEL):
        rows = &book.dimensions[dimension]
        for word in range(book.words):
            blind = ~book.looks[dimension * book.words + word]
            row_of(book, rows.rest)[word] = blind
            for slot in range(rows.slot_count):
                if rows.by_slot[slot]:
                    row_of(book, rows.by_slot[slot])[word] |= blind
    close_ranges(book)
    reopen(book)


cdef void reopen(Book* book) noexcept nogil:
    """The rules whose toggles are as they need them. O(toggles * words)."""
    cdef uint32_t toggle, word, rule
    memset(book.open, 0, book.words * 8)
    for rule in range(book.rule_count):
        put(book.open, rule)
    for toggle in range(book.toggle_count):
        for word in range(book.words):
            book.open[word] &= ~book.needs[(2 * <size_t> toggle + book.toggles[toggle]) * book.words + word]


cdef void book_toggle(Book* book, uint32_t toggle, bint on) noexcept nogil:
    """A schedule opened or closed, a scenario went on or off. O(toggles * words)."""
    # Row 2 t has the rules that need it on: while it is off they are not open. Row 2 t + 1 the other way round.
    book.toggles[toggle] = on
    reopen(book)


cdef inline const uint64_t* answer(const Book* book, uint32_t dimension, uint32_t slot) noexcept nogil:
    cdef const Rows* rows = &book.dimensions[dimension]
    cdef uint32_t row = rows.by_slot[slot] if slot < rows.slot_count else 0
    return row_of(book, row if row else rows.rest)


cdef const uint64_t* range_row(const Book* book, int64_t value) noexcept nogil:
    """The row of the interval a value lies in. O(log bounds)."""
    cdef uint32_t low = 0, high = book.bound_count, middle
    while low < high:
        middle = (low + high) // 2
        if book.bounds[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return row_of(book, book.first_range + low)


cdef uint64_t without_labels(const Book* book, const uint64_t** labels, uint32_t count, uint32_t word) noexcept nogil:
    """The rules of one word that do not have all their labels: the numbers asked for less what the request has."""
    cdef uint64_t[COUNT_PLANES] left
    cdef uint64_t taken, borrow
    cdef uint32_t index, plane
    for plane in range(COUNT_PLANES):
        left[plane] = book.asked[plane * book.words + word]
    for index in range(count):
        taken = labels[index][word]
        for plane in range(COUNT_PLANES):
            borrow = ~left[plane] & taken
            left[plane] ^= taken
            taken = borrow
    return left[0] | left[1] | left[2] | left[3]


cdef uint32_t book_match(const Book* book, const Question* question) noexcept nogil:
    """The number of the first rule that matches, NO_RULE when none does. O(words * labels)."""
    cdef const uint64_t* rows[LABEL]
    cdef const uint64_t* labels[MAX_GIVEN]
    cdef const uint64_t* values
    cdef const Rows* named = &book.dimensions[<uint32_t> LABEL]
    cdef uint32_t word, index, label_count = 0
    cdef uint64_t live
    if book.rule_count == 0:
        return NO_RULE
    for index in range(LABEL):
        rows[index] = answer(book, index, question.slots[index])
    values = range_row(book, question.value)
    for index in range(question.label_count):
        if question.labels[index] < named.slot_count and named.by_slot[question.labels[index]]:
            labels[label_count] = row_of(book, named.by_slot[question.labels[index]])
            label_count += 1
    for word in range(book.words):
        live = book.open[word] & values[word]
        for index in range(LABEL):
            live &= rows[index][word]
        if live and book.counts_labels:
            live &= ~without_labels(book, labels, label_count, word)
        if live:
            return word * 64 + lowest_bit(live)
    return NO_RULE


cdef size_t book_size(const Book* book) noexcept nogil:
    """Bytes held."""
    cdef size_t size = <size_t> book.row_capacity * book.words * 8, dimension
    size += (DIMENSION_COUNT + COUNT_PLANES + 2 * <size_t> book.toggle_count + 1) * book.words * 8 + book.toggle_count
    size += book.range_count * sizeof(Range) + 2 * book.range_count * sizeof(int64_t)
    for dimension in range(DIMENSION_COUNT):
        size += book.dimensions[dimension].slot_count * sizeof(uint32_t)
    return size
