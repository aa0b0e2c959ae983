"""The structures as Python sees them: for tests, which hold them against naive twins, and for nothing else.

What the engine guarantees to a structure (items in range, in line or not) is checked here at the boundary: a misuse
raises ValueError and changes nothing.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from fairlead.base.ahead cimport ahead_fetch, ahead_step
from fairlead.base.heap cimport (
    Heap, HeapNode, Places, heap_check, heap_init, heap_move, heap_node, heap_place, heap_push, heap_remove,
)
from fairlead.base.lineup cimport (
    MAX_QUERY, NOBODY, Lineup, Query, Search, lineup_check, lineup_free, lineup_has, lineup_init, lineup_insert,
    lineup_move_to_back, lineup_put, lineup_remove, lineup_reserve, lineup_size, search_next, search_start,
)
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.pages cimport array_free, array_grow, array_zeroed

cdef enum:
    MAX_ITEMS = 1000000


cdef class LineupFace:
    """A lineup of base/lineup.pxd; items and bits must be reserved first."""

    cdef Lineup lineup

    def __cinit__(self):
        lineup_init(&self.lineup)

    def __dealloc__(self):
        lineup_free(&self.lineup)

    def _in_range(self, uint32_t item):
        if item >= self.lineup.item_capacity:
            raise ValueError(f"item {item} is not reserved; {self.lineup.item_capacity} are")

    def _in_line(self, uint32_t item, bint expected):
        self._in_range(item)
        if (self.lineup.places[item] != NOBODY) != expected:
            raise ValueError(f"item {item} is {'not ' if expected else ''}in line")

    def _bit(self, uint32_t bit):
        if bit >= self.lineup.bit_count:
            raise ValueError(f"bit {bit} is not reserved; {self.lineup.bit_count} are")

    def reserve(self, uint32_t items, uint32_t bits):
        """Makes items and bits below these numbers usable."""
        if items > MAX_ITEMS or bits > MAX_ITEMS:
            raise ValueError(f"{items} items and {bits} bits; at most {MAX_ITEMS} are allowed")
        lineup_reserve(&self.lineup, items, bits)

    def insert(self, uint32_t item, uint64_t rank):
        """A newcomer, in front of all who ever moved. Ranks are distinct."""
        self._in_line(item, False)
        lineup_insert(&self.lineup, item, rank)

    def remove(self, uint32_t item):
        """Out of the line, bits kept."""
        self._in_line(item, True)
        lineup_remove(&self.lineup, item)

    def move_to_back(self, uint32_t item):
        """The last from now on."""
        self._in_line(item, True)
        lineup_move_to_back(&self.lineup, item)

    def put(self, uint32_t item, uint32_t bit, bint value):
        """Sets or clears a bit."""
        self._in_range(item)
        self._bit(bit)
        lineup_put(&self.lineup, item, bit, value)

    def has(self, uint32_t item, uint32_t bit):
        """Whether the item has the bit."""
        self._in_range(item)
        self._bit(bit)
        return lineup_has(&self.lineup, item, bit)

    def find(self, list wanted not None, barred=()):
        """All items in line order that have every wanted bit and no barred one."""
        cdef Query query
        cdef Search search
        cdef uint32_t index, item
        if not 0 < len(wanted) <= MAX_QUERY or len(barred) > MAX_QUERY:
            raise ValueError(f"a question asks for 1 to {MAX_QUERY} bits")
        query.wanted_count = len(wanted)
        query.barred_count = len(barred)
        for index in range(query.wanted_count):
            self._bit(wanted[index])
            query.wanted[index] = wanted[index]
        for index in range(query.barred_count):
            self._bit(barred[index])
            query.barred[index] = barred[index]
        found = []
        search_start(&search, &self.lineup, &query)
        while True:
            item = search_next(&search)
            if item == NOBODY:
                return found
            found.append(item)

    def __len__(self):
        return self.lineup.item_count

    def check(self):
        """The whole invariant."""
        return lineup_check(&self.lineup)

    def size(self):
        """Bytes held."""
        return lineup_size(&self.lineup)


cdef class HeapFace:
    """Two heaps of base/heap.pxd over items below `items`. Each owns its nodes, or with `shared` both lie in one array
    of `items` nodes, one from either end, as in a rotation."""

    cdef Heap heaps[2]
    cdef uint32_t* places
    cdef uint8_t* home      # item -> 0: in no heap, else the heap's number + 1
    cdef HeapNode* shared
    cdef uint32_t items

    def __cinit__(self, uint32_t items, bint shared=False):
        cdef uint32_t which
        if items > MAX_ITEMS:
            raise ValueError(f"{items} items; at most {MAX_ITEMS} are allowed")
        self.items = items
        self.places = <uint32_t*> memory_zeroed(items * sizeof(uint32_t))
        self.home = <uint8_t*> memory_zeroed(items)
        for which in range(2):
            heap_init(&self.heaps[which])
        if shared:
            self.shared = <HeapNode*> memory_grow(NULL, items * sizeof(HeapNode))
            for which in range(2):
                self.heaps[which].capacity = items
            self.heaps[0].origin = self.shared
            self.heaps[1].origin = self.shared + items - 1
            self.heaps[1].step = -1

    def __dealloc__(self):
        if self.shared == NULL:
            free(self.heaps[0].origin)
            free(self.heaps[1].origin)
        free(self.shared)
        free(self.places)
        free(self.home)

    cdef Places _places(self):
        cdef Places places
        places.base = <uint8_t*> self.places
        places.stride = sizeof(uint32_t)
        return places

    def _heap_of(self, uint32_t item):
        if item >= self.items:
            raise ValueError(f"item {item} is not below {self.items}")
        return self.home[item]

    def push(self, uint32_t which, uint32_t item, uint64_t high, uint32_t tie):
        """Adds an item that is in neither heap to heap 0 or 1."""
        cdef HeapNode node
        if which > 1 or self._heap_of(item) != 0:
            raise ValueError(f"item {item} is in a heap, or there is no heap {which}")
        node.high = high
        node.tie = tie
        node.item = item
        heap_push(&self.heaps[which], self._places(), node)
        self.home[item] = which + 1

    def remove(self, uint32_t item):
        """Takes an item out of the heap it is in."""
        cdef uint32_t home = self._heap_of(item)
        if home == 0:
            raise ValueError(f"item {item} is in no heap")
        heap_remove(&self.heaps[home - 1], self._places(), item)
        self.home[item] = 0

    def move(self, uint32_t item, uint64_t high, uint32_t tie):
        """Gives an item that is in a heap a new key."""
        cdef uint32_t home = self._heap_of(item)
        cdef HeapNode node
        if home == 0:
            raise ValueError(f"item {item} is in no heap")
        node.high = high
        node.tie = tie
        node.item = item
        heap_move(&self.heaps[home - 1], self._places(), node)

    def top(self, uint32_t which):
        """(high, tie, item) of the smallest, None for an empty heap."""
        cdef const HeapNode* node
        if which > 1:
            raise ValueError(f"there is no heap {which}")
        if self.heaps[which].size == 0:
            return None
        node = heap_node(&self.heaps[which], 0)
        return node.high, node.tie, node.item

    def place(self, uint32_t item):
        """The position an item carries, 0 for in no heap."""
        self._heap_of(item)
        return heap_place(self._places(), item)[0]

    def sizes(self):
        """Items in heap 0 and 1."""
        return self.heaps[0].size, self.heaps[1].size

    def check(self):
        """The whole invariant of both."""
        return heap_check(&self.heaps[0], self._places()) and heap_check(&self.heaps[1], self._places())


cdef class PagesFace:
    """A large array of base/pages.pxd, whose pages are fetched ahead."""

    cdef char* array
    cdef size_t size

    def __cinit__(self, size_t size):
        self.array = <char*> array_zeroed(size)
        self.size = size

    def __dealloc__(self):
        array_free(self.array, self.size)

    @property
    def address(self):
        """Where it is now; it may move when it grows."""
        return <uintptr_t> self.array

    def write(self, size_t at, bytes data):
        """Uses some bytes for the first time."""
        if len(data) > self.size or at > self.size - len(data):
            raise ValueError(f"{len(data)} bytes at {at} do not fit into {self.size}")
        memcpy(self.array + at, <const char*> data, len(data))
        ahead_step(self.array, at, len(data), self.size)

    def read(self, size_t at, size_t size):
        """Some bytes."""
        if size > self.size or at > self.size - size:
            raise ValueError(f"{size} bytes at {at} are not in {self.size}")
        return self.array[at : at + size]

    def grow(self, size_t wanted):
        """Room for more bytes."""
        if wanted < self.size:
            raise ValueError(f"{wanted} bytes are fewer than {self.size}")
        self.array = <char*> array_grow(self.array, self.size, wanted)
        self.size = wanted

    @staticmethod
    def fetch(uintptr_t start, size_t size):
        """Asks for any range at all."""
        ahead_fetch(<void*> start, size)
