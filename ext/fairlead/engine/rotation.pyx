"""See rotation.pxd for the rule and its source.

A cell's state is one word: the virtual start of a present member, the lag (above LAG_ZERO) of an absent one, and two marks.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memmove

from fairlead.base.heap cimport (
    Heap, HeapNode, Places, heap_check, heap_node, heap_push, heap_remove_at, heap_sink,
)
from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.engine.model cimport Agent

cdef enum:
    BLOCK_CELLS = 4

cdef uint64_t ABSENT = <uint64_t> 1 << 63
cdef uint64_t SEATED = <uint64_t> 1 << 62    # a node lies in one of the heaps; every present member has one
cdef uint64_t VACANT = <uint64_t> 1 << 61    # nobody's
cdef uint64_t VALUE = VACANT - 1
cdef uint64_t LAG_ZERO = <uint64_t> 1 << 56  # more than any step

# Virtual time starts here, so that a lag never makes a start negative, and is brought back here when it passes the limit.
cdef uint64_t ORIGIN = <uint64_t> 1 << 57
cdef uint64_t REBASE_ABOVE = <uint64_t> 1 << 60

cdef Places NO_PLACES
NO_PLACES.base = NULL
NO_PLACES.stride = 0


cdef inline uint64_t* state_of(const Engine* e, uint32_t cell) noexcept nogil:
    return <uint64_t*> &e.cell_blocks[cell // BLOCK_CELLS].states[cell % BLOCK_CELLS]


cdef inline uint32_t class_of_cell(const Engine* e, uint32_t cell) noexcept nogil:
    return e.cell_blocks[cell // BLOCK_CELLS].classes[cell % BLOCK_CELLS]


cdef inline uint32_t owner(const Engine* e, uint32_t cell) noexcept nogil:
    return e.cell_blocks[cell // BLOCK_CELLS].agent


cdef inline uint32_t first_block(const Agent* agent) noexcept nogil:
    return agent.cells if agent.cell_count else NOBODY


cdef bint is_present(const Engine* e, uint32_t cell) noexcept nogil:
    return (state_of(e, cell)[0] & ABSENT) == 0


cdef inline uint32_t stamp(const Agent* agent) noexcept nogil:
    """Tie-break of a ready node. As a serial number, whoever was never given a job stands before everyone, by order number.

    Exact for the first 2^30 jobs given; later a tie may fall to the wrong side of a wrap, a share never.
    """
    return <uint32_t> agent.last_given if agent.last_given else <uint32_t> 0xC0000000 + agent.order


cdef uint64_t rotation_limit(const Rotation* rotation) noexcept nogil:
    """Who starts before this may be chosen."""
    return rotation.virtual_time + <uint64_t> SCALE // (rotation.weight if rotation.weight else 1)


cdef uint64_t rotation_begin(const Engine* e, uint32_t cell) noexcept nogil:
    """Virtual start of a member, present or not."""
    cdef uint64_t state = state_of(e, cell)[0]
    if state & ABSENT:
        return e.classes[class_of_cell(e, cell)].rotation.virtual_time + (state & VALUE) - LAG_ZERO
    return state & VALUE


# ---- presence


cdef void seat(Engine* e, Rotation* rotation, uint32_t cell, uint64_t start) noexcept nogil:
    """Puts a present member who has no node into the heap where they belong. O(log n)."""
    cdef Agent* agent = &e.agents[owner(e, cell)]
    cdef HeapNode node
    state_of(e, cell)[0] |= SEATED
    node.item = cell
    node.tie = stamp(agent)
    if start < rotation_limit(rotation):
        node.high = start + turn(agent.weight)
        heap_push(&rotation.ready, NO_PLACES, node)
    else:
        node.high = start
        heap_push(&rotation.pending, NO_PLACES, node)


cdef inline void unseat_top(Engine* e, Heap* heap) noexcept nogil:
    """Takes an absent member's node away; it was in nobody's way until it was the first."""
    state_of(e, heap_node(heap, 0).item)[0] &= ~SEATED
    heap_remove_at(heap, NO_PLACES, 0)


cdef bint unseat_in(Engine* e, Heap* heap, uint32_t cell) noexcept nogil:
    cdef uint32_t index
    for index in range(heap.size):
        if heap_node(heap, index).item == cell:
            heap_remove_at(heap, NO_PLACES, index)
            state_of(e, cell)[0] &= ~SEATED
            return True
    return False


cdef void unseat(Engine* e, Rotation* rotation, uint32_t cell) noexcept nogil:
    """Takes a member's node out of its heap, wherever it lies. O(members): for changes of settings, not for jobs."""
    if state_of(e, cell)[0] & SEATED and not unseat_in(e, &rotation.ready, cell):
        unseat_in(e, &rotation.pending, cell)


cdef inline void join(Engine* e, Rotation* rotation, uint32_t cell, uint32_t weight) noexcept nogil:
    """An absent member is there again, with the lag they left with. O(1) while their node still lies in a heap."""
    cdef uint64_t* state = state_of(e, cell)
    cdef uint64_t start = rotation.virtual_time + (state[0] & VALUE) - LAG_ZERO
    rotation.weight += weight
    state[0] = start | (state[0] & SEATED)
    if not state[0] & SEATED:
        seat(e, rotation, cell, start)


cdef inline void leave(Engine* e, Rotation* rotation, uint32_t cell, uint32_t weight, int64_t step) noexcept nogil:
    """A present member is no longer there; their lag is kept, within one job. O(1)."""
    cdef uint64_t* state = state_of(e, cell)
    cdef int64_t lag = <int64_t> ((state[0] & VALUE) - rotation.virtual_time)
    rotation.weight -= weight
    lag = -step if lag < -step else step if lag > step else lag
    state[0] = ABSENT | (state[0] & SEATED) | (LAG_ZERO + <uint64_t> lag)


cdef void rotation_attend(Engine* e, uint32_t slot, uint16_t channels) noexcept nogil:
    """The agent is no longer as present as they were in rotations of these channels. O(rotations of the agent), plus O(log n)
    for each whose heaps have met their absence."""
    cdef Agent* agent = &e.agents[slot]
    cdef int64_t step = <int64_t> turn(agent.weight)
    cdef uint32_t block = first_block(agent), cell, channel
    while block != NOBODY:
        for cell in range(block * BLOCK_CELLS, (block + 1) * BLOCK_CELLS):
            if state_of(e, cell)[0] == VACANT:
                continue
            channel = e.classes[class_of_cell(e, cell)].channel
            if not (channels >> channel) & 1:
                continue
            if (agent.fits >> channel) & 1:
                join(e, e.classes[class_of_cell(e, cell)].rotation, cell, agent.weight)
            else:
                leave(e, e.classes[class_of_cell(e, cell)].rotation, cell, agent.weight, step)
        block = e.cell_blocks[block].next


# ---- membership


cdef void rotation_start(Engine* e, uint32_t cls) noexcept nogil:
    """An empty rotation for a class; members are added by the caller."""
    cdef Rotation* rotation = <Rotation*> memory_zeroed(sizeof(Rotation))
    rotation.virtual_time = ORIGIN
    rotation.ready.step = 1
    rotation.pending.step = -1
    e.classes[cls].rotation = rotation
    e.rotation_count += 1


cdef void rotation_empty(Engine* e, uint32_t cls) noexcept nogil:
    """Takes all nodes away, of a rotation whose members are about to be dropped. O(n)."""
    cdef Rotation* rotation = e.classes[cls].rotation
    cdef uint32_t place
    for place in range(rotation.ready.size):
        state_of(e, heap_node(&rotation.ready, place).item)[0] &= ~SEATED
    for place in range(rotation.pending.size):
        state_of(e, heap_node(&rotation.pending, place).item)[0] &= ~SEATED
    rotation.ready.size = 0
    rotation.pending.size = 0


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


cdef void add_block(Engine* e, uint32_t slot) noexcept nogil:
    """Gives the agent four more cells."""
    cdef uint32_t block = e.free_cell_block, capacity = e.cell_block_capacity, index
    if block != NOBODY:
        e.free_cell_block = e.cell_blocks[block].next
    else:
        if e.cell_block_count == capacity:
            capacity = capacity + capacity // 8 + 4
            e.cell_blocks = <CellBlock*> memory_grow(e.cell_blocks, capacity * sizeof(CellBlock))
            e.cell_block_capacity = capacity
        block = e.cell_block_count
        e.cell_block_count += 1
    e.cell_blocks[block].agent = slot
    e.cell_blocks[block].next = first_block(&e.agents[slot])
    for index in range(BLOCK_CELLS):
        e.cell_blocks[block].states[index] = VACANT
        e.cell_blocks[block].classes[index] = 0
    e.agents[slot].cells = block


cdef uint32_t vacant_cell(const Engine* e, uint32_t slot) noexcept nogil:
    cdef uint32_t block = first_block(&e.agents[slot]), cell
    while block != NOBODY:
        for cell in range(block * BLOCK_CELLS, (block + 1) * BLOCK_CELLS):
            if state_of(e, cell)[0] == VACANT:
                return cell
        block = e.cell_blocks[block].next
    return NOBODY


cdef void rotation_add(Engine* e, uint32_t cls, uint32_t slot) noexcept nogil:
    """A newcomer, at the present point: no debt, no credit. O(rotations of the agent + log n)."""
    cdef Agent* agent = &e.agents[slot]
    cdef Rotation* rotation = e.classes[cls].rotation
    cdef uint32_t cell = vacant_cell(e, slot)
    if cell == NOBODY:
        add_block(e, slot)
        cell = agent.cells * BLOCK_CELLS
    agent.cell_count += 1
    e.cell_blocks[cell // BLOCK_CELLS].classes[cell % BLOCK_CELLS] = <uint16_t> cls
    state_of(e, cell)[0] = ABSENT | LAG_ZERO
    rotation.member_count += 1
    make_room(rotation)
    if (agent.fits >> e.classes[cls].channel) & 1:
        join(e, rotation, cell, agent.weight)


cdef void rotation_drop(Engine* e, uint32_t cell) noexcept nogil:
    """A member is one no longer. O(members)."""
    cdef Agent* agent = &e.agents[owner(e, cell)]
    cdef Rotation* rotation = e.classes[class_of_cell(e, cell)].rotation
    cdef uint32_t block, next_block
    if is_present(e, cell):
        rotation.weight -= agent.weight
    unseat(e, rotation, cell)
    state_of(e, cell)[0] = VACANT
    rotation.member_count -= 1
    agent.cell_count -= 1
    if agent.cell_count:
        return
    block = agent.cells
    while block != NOBODY:
        next_block = e.cell_blocks[block].next
        e.cell_blocks[block].next = e.free_cell_block
        e.free_cell_block = block
        block = next_block


cdef void rotation_drop_all(Engine* e, uint32_t slot) noexcept nogil:
    """The agent is a member of no rotation any longer. O(members of their rotations)."""
    cdef uint32_t block = first_block(&e.agents[slot]), next_block, cell
    while block != NOBODY:
        next_block = e.cell_blocks[block].next
        for cell in range(block * BLOCK_CELLS, (block + 1) * BLOCK_CELLS):
            if state_of(e, cell)[0] != VACANT:
                rotation_drop(e, cell)
        block = next_block


cdef uint32_t rotation_cell(const Engine* e, uint32_t cls, uint32_t slot) noexcept nogil:
    """The agent's cell in the class's rotation, NOBODY when they are no member. O(rotations of the agent)."""
    cdef uint32_t block = first_block(&e.agents[slot]), cell
    while block != NOBODY:
        for cell in range(block * BLOCK_CELLS, (block + 1) * BLOCK_CELLS):
            if class_of_cell(e, cell) == cls and state_of(e, cell)[0] != VACANT:
                return cell
        block = e.cell_blocks[block].next
    return NOBODY


cdef void rotation_weigh(Engine* e, uint32_t slot, uint16_t weight) noexcept nogil:
    """The agent's weight becomes another: starts stay, within one job of the new weight, and finishes follow. Nodes may move
    forward, as those of an agent never given a job do with their order number. O(members of their rotations)."""
    cdef Agent* agent = &e.agents[slot]
    cdef uint32_t block = first_block(agent), cell
    if weight != agent.weight or agent.last_given == 0:
        while block != NOBODY:
            for cell in range(block * BLOCK_CELLS, (block + 1) * BLOCK_CELLS):
                if state_of(e, cell)[0] != VACANT:
                    weigh_cell(e, cell, agent.weight, weight)
            block = e.cell_blocks[block].next
    agent.weight = weight


cdef void weigh_cell(Engine* e, uint32_t cell, uint16_t old, uint16_t weight) noexcept nogil:
    cdef Rotation* rotation = e.classes[class_of_cell(e, cell)].rotation
    cdef int64_t step = <int64_t> turn(weight)
    cdef int64_t lag = <int64_t> (rotation_begin(e, cell) - rotation.virtual_time)
    cdef bint was_present = is_present(e, cell)
    unseat(e, rotation, cell)
    lag = step if lag > step else -step if lag < -step else lag
    if was_present:
        rotation.weight -= old
    state_of(e, cell)[0] = ABSENT | (LAG_ZERO + <uint64_t> lag)
    if was_present:
        e.agents[owner(e, cell)].weight = weight
        join(e, rotation, cell, weight)
        e.agents[owner(e, cell)].weight = old


# ---- turns


cdef inline bint is_current(const Engine* e, const HeapNode* node, uint64_t bound) noexcept nogil:
    """Whether a ready node says what is so, and its member starts within the bound."""
    cdef uint64_t start = state_of(e, node.item)[0] & VALUE
    cdef const Agent* agent = &e.agents[owner(e, node.item)]
    return is_present(e, node.item) and start <= bound and node.high == start + turn(agent.weight) and node.tie == stamp(agent)


cdef uint32_t first_of_equals(
    const Engine* e, const Rotation* rotation, uint32_t place, const HeapNode* top, uint64_t bound
) noexcept nogil:
    """Among nodes equal to the top in every key, the cell of the agent created first. They hang together at the top."""
    cdef const HeapNode* node = heap_node(&rotation.ready, place)
    cdef uint32_t best = node.item if is_current(e, node, bound) else NOBODY, other, child
    for child in range(4 * place + 1, 4 * place + 5):
        if child >= rotation.ready.size:
            break
        node = heap_node(&rotation.ready, child)
        if node.high == top.high and node.tie == top.tie:
            other = first_of_equals(e, rotation, child, top, bound)
            if other != NOBODY and (best == NOBODY or e.agents[owner(e, other)].number < e.agents[owner(e, best)].number):
                best = other
    return best


cdef inline uint32_t turn_of(const Engine* e, const Rotation* rotation, uint64_t bound) noexcept nogil:
    """Whose node is the top; when they were never given a job, others may equal them in order number too."""
    cdef const HeapNode* top = heap_node(&rotation.ready, 0)
    if e.agents[owner(e, top.item)].last_given:
        return owner(e, top.item)
    return owner(e, first_of_equals(e, rotation, 0, top, bound))


cdef void look_at_pending(Engine* e, Rotation* rotation, uint64_t bound) noexcept nogil:
    """The first of the pending: to the ready ones if they start within the bound, down when their start has grown."""
    cdef HeapNode node = heap_node(&rotation.pending, 0)[0]
    cdef uint64_t state = state_of(e, node.item)[0]
    cdef Agent* agent = &e.agents[owner(e, node.item)]
    if state & ABSENT:
        unseat_top(e, &rotation.pending)
        return
    node.high = state & VALUE
    if node.high > bound:
        heap_sink(&rotation.pending, NO_PLACES, 0, node)
        return
    heap_remove_at(&rotation.pending, NO_PLACES, 0)
    node.high += turn(agent.weight)
    node.tie = stamp(agent)
    heap_push(&rotation.ready, NO_PLACES, node)


cdef bint ready_is_settled(Engine* e, Rotation* rotation, uint64_t bound) noexcept nogil:
    """Whether the first of the ready says what is so; if not, it is put where it belongs."""
    cdef HeapNode* top = heap_node(&rotation.ready, 0)
    cdef HeapNode node = top[0]
    cdef uint64_t state = state_of(e, node.item)[0]
    cdef Agent* agent = &e.agents[owner(e, node.item)]
    if state & ABSENT:
        unseat_top(e, &rotation.ready)
        return False
    if state & VALUE > bound:
        heap_remove_at(&rotation.ready, NO_PLACES, 0)
        node.high = state & VALUE
        heap_push(&rotation.pending, NO_PLACES, node)
        return False
    node.high = (state & VALUE) + turn(agent.weight)
    node.tie = stamp(agent)
    if node.high == top.high and node.tie == top.tie:
        return True
    heap_sink(&rotation.ready, NO_PLACES, 0, node)
    return False


cdef bint find_turn(Engine* e, Rotation* rotation, uint64_t bound) noexcept nogil:
    """Brings the earliest finish among starts up to the bound to the top of the ready; False when there is none."""
    while rotation.pending.size and heap_node(&rotation.pending, 0).high <= bound:
        look_at_pending(e, rotation, bound)
    while rotation.ready.size:
        if ready_is_settled(e, rotation, bound):
            return True
    return False


cdef uint32_t rotation_pick(Engine* e, uint32_t cls) noexcept nogil:
    """The agent whose turn it is, NOBODY when none is present. Changes no share: it only sorts. O(log n) amortised."""
    cdef Rotation* rotation = e.classes[cls].rotation
    cdef uint64_t bound = rotation_limit(rotation) - 1
    if rotation.weight == 0:
        return NOBODY
    while not find_turn(e, rotation, bound):
        # Nobody has started: whoever starts first. The top's own start may have grown, so it is looked at again.
        bound = heap_node(&rotation.pending, 0).high
    return turn_of(e, rotation, bound)


cdef void rotation_charge(Engine* e, uint32_t cls, uint32_t slot, bint is_picked, bint in_absence) noexcept nogil:
    """A member was given a job of the class; one who is not present pays nothing, or with `in_absence` is present for the moment.
    One whose turn it was, though virtual time had not reached them, brings it on; a job that came another way (own agent,
    transfer) does not. O(rotations of the agent)."""
    cdef uint32_t cell = rotation_cell(e, cls, slot)
    cdef Rotation* rotation = e.classes[cls].rotation
    cdef uint32_t weight = e.agents[slot].weight
    if cell == NOBODY:
        return
    if is_present(e, cell):
        charge(e, rotation, cell, turn(weight), is_picked)
    elif in_absence:
        join(e, rotation, cell, weight)
        charge(e, rotation, cell, turn(weight), is_picked)
        leave(e, rotation, cell, weight, <int64_t> turn(weight))


cdef void charge(Engine* e, Rotation* rotation, uint32_t cell, uint64_t step, bint is_picked) noexcept nogil:
    cdef uint64_t start = state_of(e, cell)[0] & VALUE, limit = rotation_limit(rotation)
    rotation.virtual_time = start if is_picked and start > limit else limit
    rotation.served += 1
    state_of(e, cell)[0] = (start if start < rotation.virtual_time else rotation.virtual_time) + step | SEATED
    if rotation.virtual_time > REBASE_ABOVE:
        rebase(e, rotation)


cdef void shift_back(Engine* e, Heap* heap, uint64_t shift) noexcept nogil:
    """Nodes that lie behind by more than the shift are the first of all afterwards, and alike."""
    cdef HeapNode* node
    cdef uint32_t place
    for place in range(heap.size):
        node = heap_node(heap, place)
        if node.high > shift:
            node.high -= shift
        else:
            node.high = 0
            node.tie = 0
        if is_present(e, node.item):
            state_of(e, node.item)[0] -= shift


cdef void rebase(Engine* e, Rotation* rotation) noexcept nogil:
    """Brings virtual time back to its origin; differences, which are all that counts, stay. O(n), once in 2^60 / SCALE rounds."""
    cdef uint64_t shift = rotation.virtual_time - ORIGIN
    rotation.virtual_time -= shift
    shift_back(e, &rotation.ready, shift)
    shift_back(e, &rotation.pending, shift)


# ---- the invariant


cdef bint heap_weighs(const Engine* e, uint32_t cls, const Heap* heap, bint by_finish, uint64_t* weight) noexcept nogil:
    """Whether every node is a member's and none is later than they are; adds up the weight of the present."""
    cdef const HeapNode* node
    cdef uint32_t place, member
    cdef uint64_t key
    for place in range(heap.size):
        node = heap_node(heap, place)
        if class_of_cell(e, node.item) != cls or not state_of(e, node.item)[0] & SEATED:
            return False
        if is_present(e, node.item):
            member = e.agents[owner(e, node.item)].weight
            weight[0] += member
            key = rotation_begin(e, node.item) + (turn(member) if by_finish else 0)
            if node.high > key:
                return False
    return True


cdef bint rotation_check(const Engine* e, uint32_t cls) noexcept nogil:
    """Both heaps, the weight of the present, and that every node has its cell. O(n)."""
    cdef const Rotation* rotation = e.classes[cls].rotation
    cdef uint64_t weight = 0
    return (
        heap_check(&rotation.ready, NO_PLACES) and heap_check(&rotation.pending, NO_PLACES)
        and rotation.ready.size + rotation.pending.size <= rotation.member_count
        and heap_weighs(e, cls, &rotation.ready, True, &weight) and heap_weighs(e, cls, &rotation.pending, False, &weight)
        and weight == rotation.weight
    )
