"""The rule book: which of the ordered rules is the first that matches (L2). Integers in, a rule's number out.

One row of bits for each value that some rule names (a channel, a language, a label ..): the rules that accept it, which
includes those that do not look. A question is one row of each dimension; ANDed word by word with the rules that are open now,
the lowest bit that is left is the first match. Labels are counted instead, because a request may carry many: each rule asks
for a number of them, four planes of bits hold these numbers, every label of the request takes its row's bits off, and whoever
is at zero has all. So a thousand rules cost sixteen words where one rule costs one. Which rules are open follows from toggles
(schedules, scenarios) and changes with them, never with a question.

Memory: a bit for each rule and named value; rules, values per rule and toggles are bounded by the policy.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    NO_RULE = 0xFFFFFFFF
    MAX_ASKED = 8          # labels of one rule
    MAX_GIVEN = 64         # labels of one question
    COUNT_PLANES = 4       # bits of a number up to MAX_ASKED


cdef enum Dimension:
    CHANNEL = 0
    LANGUAGE = 1
    TIER = 2
    QUEUE = 3
    LABEL = 4
    DIMENSION_COUNT = 5


# The rows of one dimension. `rest`: the row of every value that no rule names.
cdef struct Rows:
    uint32_t* by_slot      # row; 0: no rule names the value
    uint32_t slot_count
    uint32_t rest


# A rule's bounds of the value, both included.
cdef struct Range:
    int64_t least
    int64_t most
    uint32_t rule


cdef struct Book:
    uint32_t rule_count
    uint32_t words         # of a row
    uint32_t row_count
    uint32_t row_capacity
    uint32_t toggle_count
    uint32_t range_count
    uint32_t bound_count
    uint32_t first_range   # rows of the intervals between the bounds, one after the other
    uint8_t counts_labels
    Rows[DIMENSION_COUNT] dimensions
    uint64_t* bits         # rows, one after the other
    uint64_t* looks        # DIMENSION_COUNT rows: the rules that look at the dimension
    uint64_t* asked        # COUNT_PLANES rows
    uint64_t* needs        # two rows a toggle: the rules that need it on, that need it off
    uint64_t* open         # one row
    uint8_t* toggles       # on or off
    Range* ranges
    int64_t* bounds        # ascending; interval i begins at bound i - 1


# NO_SLOT-like values, above every slot, are values that no rule names.
cdef struct Question:
    uint32_t[LABEL] slots  # by Dimension
    uint32_t label_count
    int64_t value
    uint32_t[MAX_GIVEN] labels


cdef void book_init(Book* book, uint32_t rule_count, uint32_t toggle_count) noexcept nogil
cdef void book_free(Book* book) noexcept nogil
cdef void book_accept(Book* book, uint32_t dimension, uint32_t slot, uint32_t rule) noexcept nogil
cdef void book_widen(Book* book, uint32_t dimension, uint32_t slot, uint32_t source) noexcept nogil
cdef void book_ask(Book* book, uint32_t rule, uint32_t label_count) noexcept nogil
cdef void book_bound(Book* book, uint32_t rule, int64_t least, int64_t most) noexcept nogil
cdef void book_need(Book* book, uint32_t rule, uint32_t toggle, bint on) noexcept nogil
cdef void book_close(Book* book) noexcept nogil
cdef void book_toggle(Book* book, uint32_t toggle, bint on) noexcept nogil
cdef uint32_t book_match(const Book* book, const Question* question) noexcept nogil
cdef size_t book_size(const Book* book) noexcept nogil
