"""See rotation.pxd for the rule and its source."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memmove

from fairlead.base.heap cimport (
    Heap, HeapNode, Places, heap_check, heap_move, heap_node, heap_push, heap_remove, heap_sink,
)
from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.engine.model cimport Agent

cdef enum:
    CELL_BLOCK = 4

# Virtual time starts here, so that a lag never makes a start negative, and is brought back here when it passes the limit.
cdef uint64_t ORIGIN = <uint64_t> 1 << 60
cdef uint64_t REBASE_ABOVE = <uint64_t> 1 << 62


cdef inline Places cell_places(const Engine* e) noexcept nogil:
    cdef Places places
    places.base = <uint8_t*> &e.cells.place
    places.stride = sizeof(Cell)
    return places


cdef inline uint32_t owner(const Engine* e, uint32_t cell) noexcept nogil:
    return e.cell_owners[cell // CELL_BLOCK]


cdef inline uint32_t stamp(const Agent* agent) noexcept nogil:
    """Tie-break of a ready node. As a serial number, whoever was never given a job stands before everyone, by order number.

    Exact for the first 2^30 jobs given; later a tie may fall to the wrong side of a wrap, a share never.
    """
    return <uint32_t> agent.last_given if agent.last_given else <uint32_t> 0xC0000000 + agent.order


cdef inline Heap* heap_of(Rotation* rotation, const Cell* cell, uint32_t index) noexcept nogil:
    """The heap in which the cell's node lies; it lies in one."""
    if cell.place <= rotation.ready.size and heap_node(&rotation.ready, cell.place - 1).item == index:
        return &rotation.ready
    return &rotation.pending


cdef uint64_t rotation_limit(const Rotation* rotation) noexcept nogil:
    """Who starts before this may be chosen."""
    return rotation.virtual_time + <uint64_t> SCALE // (rotation.weight if rotation.weight else 1)


cdef uint64_t rotation_begin(const Engine* e, uint32_t index) noexcept nogil:
    """Virtual start of a member, present or not."""
    cdef const Cell* cell = &e.cells[index]
    cdef Rotation* rotation = e.classes[cell.cls & ~<uint32_t> ABSENT].rotation
    cdef Heap* heap
    if cell.cls & ABSENT:
        return rotation.virtual_time + <uint64_t> cell.lag
    heap = heap_of(rotation, cell, index)
    if heap == &rotation.ready:
        return heap_node(heap, cell.place - 1).high - turn(e.agents[owner(e, index)].weight)
    return heap_node(heap, cell.place - 1).high


cdef void insert(Engine* e, uint32_t index, uint64_t start) noexcept nogil:
    cdef Cell* cell = &e.cells[index]
    cdef Rotation* rotation = e.classes[cell.cls].rotation
    cdef Agent* agent = &e.agents[owner(e, index)]
    cdef HeapNode node
    node.item = index
    node.tie = stamp(agent)
    if start < rotation_limit(rotation):
        node.high = start + turn(agent.weight)
        heap_push(&rotation.ready, cell_places(e), node)
    else:
        node.high = start
        heap_push(&rotation.pending, cell_places(e), node)


cdef void extract(Engine* e, uint32_t index) noexcept nogil:
    cdef Cell* cell = &e.cells[index]
    heap_remove(heap_of(e.classes[cell.cls & ~<uint32_t> ABSENT].rotation, cell, index), cell_places(e), index)


cdef void rotation_join(Engine* e, uint32_t index) noexcept nogil:
    """An absent member is there again, with the lag they left with. A node that still lies in a heap gets its new key there:
    virtual time only grows, so it seldom moves far. O(log n)."""
    cdef Cell* cell = &e.cells[index]
    cdef uint64_t start = rotation_begin(e, index)
    cdef Agent* agent = &e.agents[owner(e, index)]
    cdef Rotation* rotation
    cdef HeapNode node
    cdef Heap* heap
    cell.cls &= ~<uint32_t> ABSENT
    rotation = e.classes[cell.cls].rotation
    rotation.weight += agent.weight
    if cell.place == 0:
        insert(e, index, start)
        return
    heap = heap_of(rotation, cell, index)
    node.item = index
    node.tie = stamp(agent)
    node.high = start + turn(agent.weight) if heap == &rotation.ready else start
    heap_move(heap, cell_places(e), node)


cdef void rotation_leave(Engine* e, uint32_t index) noexcept nogil:
    """A present member is no longer there; their lag is kept, within one job. Their node stays where it lies until it
    reaches the top or they are back: being full for a while costs no heap operation. O(1)."""
    cdef Cell* cell = &e.cells[index]
    cdef Rotation* rotation = e.classes[cell.cls].rotation
    cdef Agent* agent = &e.agents[owner(e, index)]
    cdef int64_t step = <int64_t> turn(agent.weight)
    cdef int64_t lag = <int64_t> (rotation_begin(e, index) - rotation.virtual_time)
    rotation.weight -= agent.weight
    cell.lag = -step if lag < -step else step if lag > step else lag
    cell.cls |= ABSENT


cdef void rotation_start(Engine* e, uint32_t cls) noexcept nogil:
    """An empty rotation for a class; members are added by the caller."""
    cdef Rotation* rotation = <Rotation*> memory_zeroed(sizeof(Rotation))
    rotation.virtual_time = ORIGIN
    rotation.ready.step = 1
    rotation.pending.step = -1
    e.classes[cls].rotation = rotation
    e.rotation_count += 1


cdef void rotation_stop(Engine* e, uint32_t cls) noexcept nogil:
    """Forgets a rotation whose members have been dropped."""
    free(e.classes[cls].rotation.nodes)
    free(e.classes[cls].rotation)
    e.classes[cls].rotation = NULL
    e.rotation_count -= 1


cdef void make_room(Rotation* rotation) noexcept nogil:
    cdef uint32_t capacity, old = rotation.capacity
    if rotation.member_count <= old:
        return
    capacity = old + old // 8 + 2
    rotation.nodes = <HeapNode*> memory_grow(rotation.nodes, capacity * sizeof(HeapNode))
    memmove(rotation.nodes + capacity - rotation.pending.size, rotation.nodes + old - rotation.pending.size,
            rotation.pending.size * sizeof(HeapNode))
    rotation.capacity = capacity
    rotation.ready.origin = rotation.nodes
    rotation.ready.capacity = capacity
    rotation.pending.origin = rotation.nodes + capacity - 1
    rotation.pending.capacity = capacity


cdef uint32_t take_block(Engine* e, uint32_t cells) noexcept nogil:
    """A free block of `cells` cells, a multiple of CELL_BLOCK."""
    cdef uint32_t size = cells // CELL_BLOCK, block, capacity
    if size < e.free_cell_sizes and e.free_cells[size] != NOBODY:
        block = e.free_cells[size]
        e.free_cells[size] = e.cells[block].place
        return block
    if e.cell_count + cells > e.cell_capacity:
        capacity = (e.cell_capacity + e.cell_capacity // 8 + cells + CELL_BLOCK) & ~<uint32_t> (CELL_BLOCK - 1)
        e.cells = <Cell*> memory_grow(e.cells, capacity * sizeof(Cell))
        e.cell_owners = <uint32_t*> memory_grow(e.cell_owners, capacity // CELL_BLOCK * sizeof(uint32_t))
        e.cell_capacity = capacity
    block = e.cell_count
    e.cell_count += cells
    return block


cdef void give_block(Engine* e, uint32_t block, uint32_t cells) noexcept nogil:
    cdef uint32_t size = cells // CELL_BLOCK, index
    if size >= e.free_cell_sizes:
        e.free_cells = <uint32_t*> memory_grow(e.free_cells, (size + 1) * sizeof(uint32_t))
        for index in range(e.free_cell_sizes, size + 1):
            e.free_cells[index] = NOBODY
        e.free_cell_sizes = size + 1
    e.cells[block].place = e.free_cells[size]
    e.free_cells[size] = block


cdef void relocate(Engine* e, uint32_t source, uint32_t target) noexcept nogil:
    """Moves a cell; the node that points to it follows."""
    cdef Cell* cell = &e.cells[source]
    cdef Rotation* rotation = e.classes[cell.cls & ~<uint32_t> ABSENT].rotation
    e.cells[target] = cell[0]
    if cell.place:
        heap_node(heap_of(rotation, cell, source), cell.place - 1).item = target


cdef void rotation_add(Engine* e, uint32_t cls, uint32_t slot) noexcept nogil:
    """A newcomer, at the present point: no debt, no credit. O(classes of the agent)."""
    cdef Agent* agent = &e.agents[slot]
    cdef uint32_t block, index
    if agent.cell_count == agent.cell_capacity:
        block = take_block(e, agent.cell_capacity + CELL_BLOCK)
        for index in range(agent.cell_count):
            relocate(e, agent.cells + index, block + index)
        if agent.cell_capacity:
            give_block(e, agent.cells, agent.cell_capacity)
        agent.cells = block
        agent.cell_capacity += CELL_BLOCK
        for index in range(agent.cell_capacity // CELL_BLOCK):
            e.cell_owners[block // CELL_BLOCK + index] = slot
    index = agent.cells + agent.cell_count
    agent.cell_count += 1
    e.cells[index].lag = 0
    e.cells[index].place = 0
    e.cells[index].cls = cls | ABSENT
    e.classes[cls].rotation.member_count += 1
    make_room(e.classes[cls].rotation)
    if (agent.fits >> e.classes[cls].channel) & 1:
        rotation_join(e, index)


cdef void rotation_drop(Engine* e, uint32_t index) noexcept nogil:
    """A member is one no longer. O(log n)."""
    cdef Agent* agent = &e.agents[owner(e, index)]
    cdef uint32_t last = agent.cells + agent.cell_count - 1
    if not e.cells[index].cls & ABSENT:
        rotation_leave(e, index)
    if e.cells[index].place:
        extract(e, index)
    e.classes[e.cells[index].cls & ~<uint32_t> ABSENT].rotation.member_count -= 1
    if index != last:
        relocate(e, last, index)
    agent.cell_count -= 1
    if agent.cell_count == 0 and agent.cell_capacity:
        give_block(e, agent.cells, agent.cell_capacity)
        agent.cell_capacity = 0


cdef uint32_t rotation_cell(const Engine* e, uint32_t cls, uint32_t slot) noexcept nogil:
    """The agent's cell in the class's rotation, NOBODY when they are no member. O(classes of the agent)."""
    cdef const Agent* agent = &e.agents[slot]
    cdef uint32_t index
    for index in range(agent.cells, agent.cells + agent.cell_count):
        if e.cells[index].cls & ~<uint32_t> ABSENT == cls:
            return index
    return NOBODY


cdef uint32_t first_of_equals(const Engine* e, const Rotation* rotation, uint32_t place, const HeapNode* top) noexcept nogil:
    """Among nodes equal to the top in every key, the cell of the agent created first. They hang together at the top."""
    cdef const HeapNode* node = heap_node(&rotation.ready, place)
    cdef uint32_t best = node.item, other, child
    for child in range(4 * place + 1, 4 * place + 5):
        if child >= rotation.ready.size:
            break
        if heap_node(&rotation.ready, child).high == top.high and heap_node(&rotation.ready, child).tie == top.tie:
            other = first_of_equals(e, rotation, child, top)
            if e.cells[best].cls & ABSENT or (
                    not e.cells[other].cls & ABSENT and e.agents[owner(e, other)].number < e.agents[owner(e, best)].number):
                best = other
    return best


cdef uint32_t rotation_pick(Engine* e, uint32_t cls) noexcept nogil:
    """The agent whose turn it is, NOBODY when none is present. Changes no share: it only sorts. O(log n) amortised."""
    cdef Rotation* rotation = e.classes[cls].rotation
    cdef Places places = cell_places(e)
    cdef uint64_t limit = rotation_limit(rotation)
    cdef HeapNode node
    if rotation.weight == 0:
        return NOBODY
    while rotation.pending.size and heap_node(&rotation.pending, 0).high < limit:
        make_ready(e, rotation, places)
    while rotation.ready.size:
        node = heap_node(&rotation.ready, 0)[0]
        if e.cells[node.item].cls & ABSENT:
            heap_remove(&rotation.ready, places, node.item)
        elif node.high - turn(e.agents[owner(e, node.item)].weight) >= limit:
            heap_remove(&rotation.ready, places, node.item)
            node.high -= turn(e.agents[owner(e, node.item)].weight)
            heap_push(&rotation.pending, places, node)
        elif not refresh(e, rotation, places, node):
            return owner(e, turn_of(e, rotation))
    while e.cells[heap_node(&rotation.pending, 0).item].cls & ABSENT:
        heap_remove(&rotation.pending, places, heap_node(&rotation.pending, 0).item)
    limit = heap_node(&rotation.pending, 0).high
    while rotation.pending.size and heap_node(&rotation.pending, 0).high == limit:
        make_ready(e, rotation, places)
    while refresh(e, rotation, places, heap_node(&rotation.ready, 0)[0]):
        pass
    return owner(e, turn_of(e, rotation))


cdef inline uint32_t turn_of(const Engine* e, const Rotation* rotation) noexcept nogil:
    """The top; when it was never given a job, others may equal it in order number too."""
    cdef const HeapNode* top = heap_node(&rotation.ready, 0)
    if e.agents[owner(e, top.item)].last_given:
        return top.item
    return first_of_equals(e, rotation, 0, top)


cdef inline void make_ready(Engine* e, Rotation* rotation, Places places) noexcept nogil:
    """Moves the first of the pending over; one who is absent just goes."""
    cdef HeapNode node = heap_node(&rotation.pending, 0)[0]
    cdef Agent* agent = &e.agents[owner(e, node.item)]
    heap_remove(&rotation.pending, places, node.item)
    if not e.cells[node.item].cls & ABSENT:
        node.high += turn(agent.weight)
        node.tie = stamp(agent)
        heap_push(&rotation.ready, places, node)


cdef inline bint refresh(Engine* e, Rotation* rotation, Places places, HeapNode node) noexcept nogil:
    """Brings the tie-break of the top up to date; True when it had grown and the node sank."""
    cdef uint32_t now = stamp(&e.agents[owner(e, node.item)])
    if node.tie == now:
        return False
    node.tie = now
    heap_sink(&rotation.ready, places, 0, node)
    return True


cdef void rotation_weigh(Engine* e, uint32_t slot, uint16_t weight) noexcept nogil:
    """The agent's weight becomes another: starts stay, within one job of the new weight, and finishes follow."""
    cdef Agent* agent = &e.agents[slot]
    cdef uint16_t old = agent.weight
    cdef int64_t step = <int64_t> turn(weight)
    cdef uint32_t index
    cdef bint is_present
    for index in range(agent.cells, agent.cells + agent.cell_count):
        is_present = not e.cells[index].cls & ABSENT
        if is_present:
            agent.weight = old
            e.cells[index].lag = <int64_t> (rotation_begin(e, index) - e.classes[e.cells[index].cls].rotation.virtual_time)
            e.classes[e.cells[index].cls].rotation.weight -= old
            e.cells[index].cls |= ABSENT
            agent.weight = weight
        elif e.cells[index].lag < -step:
            e.cells[index].lag = -step
        if e.cells[index].lag > step:
            e.cells[index].lag = step
        if is_present:
            rotation_join(e, index)
    agent.weight = weight


cdef void rotation_charge(Engine* e, uint32_t index, bint is_picked) noexcept nogil:
    """A present member was given a job of the class. One whose turn it was, though virtual time had not reached them, brings
    it on; a job that came another way (own agent, transfer) does not. O(log n)."""
    cdef Cell* cell = &e.cells[index]
    cdef Rotation* rotation = e.classes[cell.cls].rotation
    cdef uint64_t step = turn(e.agents[owner(e, index)].weight)
    cdef uint64_t start = rotation_begin(e, index)
    cdef uint64_t limit = rotation_limit(rotation)
    extract(e, index)
    rotation.virtual_time = start if is_picked and start > limit else limit
    rotation.served += 1
    insert(e, index, start + step if start < rotation.virtual_time else rotation.virtual_time + step)
    if rotation.virtual_time > REBASE_ABOVE:
        rebase(rotation)


cdef void rebase(Rotation* rotation) noexcept nogil:
    """Brings virtual time back to its origin; differences, which are all that counts, stay. O(n), once in 2^62 / SCALE rounds."""
    cdef uint64_t shift = rotation.virtual_time - ORIGIN
    cdef uint32_t place
    rotation.virtual_time -= shift
    for place in range(rotation.ready.size):
        heap_node(&rotation.ready, place).high -= shift
    for place in range(rotation.pending.size):
        heap_node(&rotation.pending, place).high -= shift


cdef bint heap_weighs(const Engine* e, uint32_t cls, const Heap* heap, uint64_t* weight) noexcept nogil:
    """Whether every node is a member's; adds up the weight of the present."""
    cdef uint32_t place, cell
    for place in range(heap.size):
        cell = heap_node(heap, place).item
        if e.cells[cell].cls & ~<uint32_t> ABSENT != cls:
            return False
        if not e.cells[cell].cls & ABSENT:
            weight[0] += e.agents[owner(e, cell)].weight
    return True


cdef bint rotation_check(const Engine* e, uint32_t cls) noexcept nogil:
    """Both heaps, the weight of the present, and that every node has its cell. O(n)."""
    cdef const Rotation* rotation = e.classes[cls].rotation
    cdef Places places = cell_places(e)
    cdef uint64_t weight = 0
    return (
        heap_check(&rotation.ready, places) and heap_check(&rotation.pending, places)
        and rotation.ready.size + rotation.pending.size <= rotation.member_count
        and heap_weighs(e, cls, &rotation.ready, &weight) and heap_weighs(e, cls, &rotation.pending, &weight)
        and weight == rotation.weight
    )
