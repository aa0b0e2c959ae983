"""A 4-ary min-heap of (high, tie, item) whose items know their place.

`high` is the key; `tie` orders equal keys and is compared as a serial number (RFC 1982), so a counter may wrap. Each item
keeps its own position (index + 1; 0 is "not in a heap") in a uint32 that the caller lends by base address and stride, so
that a job or an agent carries it in its own struct and any element can be moved or removed in O(log n). Who only ever
takes the first lends no places (NULL), and sifting writes to nodes alone.

A heap owns its nodes (`heap_push` grows them), or lies in nodes lent by the caller and may then run downwards from its
origin (`step` -1), so that two heaps share one array from both ends.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fairlead.base.memory cimport memory_grow


cdef struct HeapNode:
    uint64_t high
    uint32_t tie
    uint32_t item


cdef struct Heap:
    HeapNode* origin
    int step
    uint32_t size
    uint32_t capacity


# Where items keep their positions: item i at base + i * stride.
cdef struct Places:
    uint8_t* base
    size_t stride


cdef inline uint32_t* heap_place(Places places, uint32_t item) noexcept nogil:
    return <uint32_t*> (places.base + item * places.stride)


cdef inline HeapNode* heap_node(const Heap* heap, uint32_t index) noexcept nogil:
    return heap.origin + <long> heap.step * <long> index


cdef inline bint heap_before(const HeapNode* a, const HeapNode* b) noexcept nogil:
    if a.high != b.high:
        return a.high < b.high
    return <int32_t> (a.tie - b.tie) < 0


cdef inline void heap_init(Heap* heap) noexcept nogil:
    heap.origin = NULL
    heap.step = 1
    heap.size = 0
    heap.capacity = 0


cdef inline void heap_set(Heap* heap, Places places, uint32_t index, HeapNode node) noexcept nogil:
    heap_node(heap, index)[0] = node
    if places.base != NULL:
        heap_place(places, node.item)[0] = index + 1


cdef inline void heap_rise(Heap* heap, Places places, uint32_t index, HeapNode node) noexcept nogil:
    """Puts `node` at `index` or above."""
    cdef uint32_t parent
    while index > 0:
        parent = (index - 1) >> 2
        if not heap_before(&node, heap_node(heap, parent)):
            break
        heap_set(heap, places, index, heap_node(heap, parent)[0])
        index = parent
    heap_set(heap, places, index, node)


cdef inline void heap_sink(Heap* heap, Places places, uint32_t index, HeapNode node) noexcept nogil:
    """Puts `node` at `index` or below."""
    cdef uint32_t child, best, last
    while True:
        child = 4 * index + 1
        if child >= heap.size:
            break
        best = child
        last = child + 4 if child + 4 < heap.size else heap.size
        child += 1
        while child < last:
            if heap_before(heap_node(heap, child), heap_node(heap, best)):
                best = child
            child += 1
        if not heap_before(heap_node(heap, best), &node):
            break
        heap_set(heap, places, index, heap_node(heap, best)[0])
        index = best
    heap_set(heap, places, index, node)


cdef inline void heap_push(Heap* heap, Places places, HeapNode node) noexcept nogil:
    """Adds an item that is in no heap. O(log n). A lent heap must have room."""
    cdef uint32_t capacity
    if heap.size == heap.capacity:
        capacity = heap.capacity * 2 if heap.capacity else 4
        heap.origin = <HeapNode*> memory_grow(heap.origin, capacity * sizeof(HeapNode))
        heap.capacity = capacity
    heap.size += 1
    heap_rise(heap, places, heap.size - 1, node)


cdef inline void heap_settle(Heap* heap, Places places, uint32_t index, HeapNode node) noexcept nogil:
    """Puts `node` where it belongs, starting from `index`."""
    if index > 0 and heap_before(&node, heap_node(heap, (index - 1) >> 2)):
        heap_rise(heap, places, index, node)
    else:
        heap_sink(heap, places, index, node)


cdef inline void heap_remove_at(Heap* heap, Places places, uint32_t index) noexcept nogil:
    """Takes out the item at an index; its own place is left as it is. O(log n)."""
    cdef HeapNode last = heap_node(heap, heap.size - 1)[0]
    heap.size -= 1
    if index < heap.size:
        heap_settle(heap, places, index, last)


cdef inline void heap_remove(Heap* heap, Places places, uint32_t item) noexcept nogil:
    """Takes out an item that is in this heap. O(log n)."""
    cdef uint32_t index = heap_place(places, item)[0] - 1
    heap_place(places, item)[0] = 0
    heap_remove_at(heap, places, index)


cdef inline void heap_move(Heap* heap, Places places, HeapNode node) noexcept nogil:
    """Gives an item that is in this heap a new key. O(log n)."""
    heap_settle(heap, places, heap_place(places, node.item)[0] - 1, node)


cdef inline bint heap_check(const Heap* heap, Places places) noexcept nogil:
    """The whole invariant: order and positions. O(n)."""
    cdef uint32_t index
    for index in range(heap.size):
        if places.base != NULL and heap_place(places, heap_node(heap, index).item)[0] != index + 1:
            return False
        if index and heap_before(heap_node(heap, index), heap_node(heap, (index - 1) >> 2)):
            return False
    return True
