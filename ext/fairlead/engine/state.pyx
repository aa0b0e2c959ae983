"""See state.pxd."""

from libc.stdint cimport uint16_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memcpy, memset

from fairlead.base.heap cimport HeapNode, heap_init
from fairlead.base.lineup cimport (
    NOBODY, lineup_free, lineup_init, lineup_move_to_back, lineup_put, lineup_reserve, lineup_size, lowest_bit,
)
from fairlead.base.memory cimport memory_grow, memory_zeroed, mix64
from fairlead.base.pages cimport array_free, array_grow_ahead, array_slack
from fairlead.engine.model cimport (
    ABILITY_BIT, FIT_BIT, ONLINE, RING_SIZE, SATURATION_BIT, SATURATION_BITS, Ability, AbilityBit, Bucket, CellBlock,
    Channel, Memory, Plan, Rotation,
)
from fairlead.engine.rotation cimport (
    rotation_add, rotation_attend, rotation_cell, rotation_drop, rotation_empty, rotation_start, rotation_stop,
)

cdef enum:
    LEVELS = 11        # 1-10, and 0 unused
    LEAST_TABLE = 16


cdef void engine_init(Engine* e) noexcept nogil:
    memset(e, 0, sizeof(Engine))
    e.free_job = NOBODY
    e.ended_head = NOBODY
    e.ended_tail = NOBODY
    e.retention = <int64_t> 3600 * 1000000
    e.reserve_after = <int64_t> 30 * 1000000
    lineup_init(&e.lineup)
    lineup_reserve(&e.lineup, 1, ABILITY_BIT)
    heap_init(&e.job_timers)
    heap_init(&e.class_timers)
    heap_init(&e.agent_timers)
    reserve_agents(e, 1)
    reserve_jobs(e, 1)   # the heaps' places stand in these, also while they are empty
    reserve_classes(e, 1)
    e.free_cell_block = NOBODY


cdef void engine_free(Engine* e) noexcept nogil:
    cdef uint32_t index
    for index in range(e.agent_capacity):
        free(e.agents[index].abilities)
        free(e.agents[index].explicit_queues)
        free(e.agents[index].given_times)
    for index in range(e.queue_capacity):
        free(e.queues[index].any_of)
    for index in range(e.plan_capacity):
        free(e.plans[index].dropped)
    for index in range(e.class_count):
        free(e.classes[index].demands)
        free(e.classes[index].terms)
        free(e.classes[index].wanted)
        free(e.classes[index].barred)
        free(e.classes[index].waiting.origin)
        if e.classes[index].rotation != NULL:
            rotation_stop(e, index)
    for index in range(e.job_used):
        free(e.jobs[index].excluded)
        free(e.jobs[index].bars)
    free(e.agents)
    free(e.queues)
    free(e.plans)
    free(e.classes)
    array_free(e.jobs, e.job_capacity * sizeof(Job))
    free(e.cell_blocks)
    free(e.waiting_classes)
    free(e.class_table)
    free(e.ability_bits)
    free(e.bits)
    free(e.memories)
    free(e.job_timers.origin)
    free(e.class_timers.origin)
    free(e.agent_timers.origin)
    lineup_free(&e.lineup)


cdef void reserve_agents(Engine* e, uint32_t count) noexcept nogil:
    """Makes agent slots below `count` usable; fresh ones hold no agent."""
    cdef uint32_t capacity = e.agent_capacity, slot
    if count <= capacity:
        return
    while capacity < count:
        capacity = capacity + capacity // 8 + 4
    e.agents = <Agent*> memory_grow(e.agents, capacity * sizeof(Agent))
    memset(e.agents + e.agent_capacity, 0, (capacity - e.agent_capacity) * sizeof(Agent))
    for slot in range(e.agent_capacity, capacity):
        e.agents[slot].held_head = NOBODY
        e.agents[slot].own_head = NOBODY
        e.agents[slot].reserved_for = NOBODY
    e.agent_capacity = capacity
    lineup_reserve(&e.lineup, capacity, ABILITY_BIT + e.bit_count)


cdef void reserve_queues(Engine* e, uint32_t count) noexcept nogil:
    cdef uint32_t capacity = e.queue_capacity, slot
    if count <= capacity:
        return
    while capacity < count:
        capacity = capacity * 2 if capacity else 4
    e.queues = <Queue*> memory_grow(e.queues, capacity * sizeof(Queue))
    memset(e.queues + e.queue_capacity, 0, (capacity - e.queue_capacity) * sizeof(Queue))
    for slot in range(e.queue_capacity, capacity):
        e.queues[slot].bit = NOBODY
    e.queue_capacity = capacity


cdef void reserve_plans(Engine* e, uint32_t count) noexcept nogil:
    cdef uint32_t capacity = e.plan_capacity
    if count <= capacity:
        return
    while capacity < count:
        capacity = capacity * 2 if capacity else 4
    e.plans = <Plan*> memory_grow(e.plans, capacity * sizeof(Plan))
    memset(e.plans + e.plan_capacity, 0, (capacity - e.plan_capacity) * sizeof(Plan))
    e.plan_capacity = capacity


cdef void reserve_jobs(Engine* e, uint32_t count) noexcept nogil:
    cdef uint32_t capacity = e.job_capacity
    cdef uint64_t wanted = count + array_slack(capacity * sizeof(Job)) // sizeof(Job)
    if wanted <= capacity:
        return
    while capacity < wanted:
        capacity = capacity + capacity // 2 + 16
    # Not cleared: a slot is when a job first takes it, so that growth touches no memory that nothing needs yet.
    e.jobs = <Job*> array_grow_ahead(
        e.jobs, e.job_used * sizeof(Job), e.job_capacity * sizeof(Job), capacity * sizeof(Job))
    e.job_capacity = capacity


cdef void reserve_classes(Engine* e, uint32_t count) noexcept nogil:
    cdef uint32_t capacity = e.class_capacity
    if count <= capacity:
        return
    while capacity < count:
        capacity = capacity * 2 if capacity else 4
    e.classes = <Class*> memory_grow(e.classes, capacity * sizeof(Class))
    e.waiting_classes = <uint32_t*> memory_grow(e.waiting_classes, capacity * sizeof(uint32_t))
    e.class_capacity = capacity


cdef uint32_t level_of(const Engine* e, uint32_t slot, uint32_t ability) noexcept nogil:
    """The agent's level in an ability, 0 when they lack it. O(log abilities)."""
    cdef const Agent* agent = &e.agents[slot]
    cdef uint32_t low = 0, high = agent.ability_count, middle
    while low < high:
        middle = (low + high) // 2
        if agent.abilities[middle].ability < ability:
            low = middle + 1
        else:
            high = middle
    return agent.abilities[low].level if low < agent.ability_count and agent.abilities[low].ability == ability else 0


cdef bint agent_meets(const Engine* e, uint32_t slot, const Demand* demands, uint32_t count) noexcept nogil:
    """Whether the agent meets all demands, by its abilities. The masks answer the same faster where there are bits."""
    cdef uint32_t index, level
    for index in range(count):
        level = level_of(e, slot, demands[index].ability)
        if level < demands[index].least or level > demands[index].most:
            return False
    return True


cdef bint is_member(const Engine* e, uint32_t slot, uint32_t queue) noexcept nogil:
    cdef const Queue* q = &e.queues[queue]
    cdef uint32_t index
    if not q.used:
        return False
    if q.everyone:
        return True
    for index in range(e.agents[slot].explicit_count):
        if e.agents[slot].explicit_queues[index] == queue:
            return True
    for index in range(q.any_count):
        if agent_meets(e, slot, q.any_of + index, 1):
            return True
    return False


cdef bint attribute_holds(const Engine* e, uint32_t slot, const AbilityBit* bit) noexcept nogil:
    if bit.is_queue:
        return is_member(e, slot, bit.subject)
    return level_of(e, slot, bit.subject) >= bit.level


cdef void derive_attributes(Engine* e, uint32_t slot) noexcept nogil:
    """The agent's skill, tag and queue bits from its abilities and memberships. O(bits)."""
    cdef uint32_t index
    for index in range(e.bit_count):
        lineup_put(&e.lineup, slot, ABILITY_BIT + index, e.agents[slot].number != 0 and attribute_holds(e, slot, &e.bits[index]))


cdef bint has_room(const Engine* e, uint32_t slot, uint32_t channel, uint32_t cost) noexcept nogil:
    """C1, whatever the agent's presence and reservation."""
    cdef const Agent* agent = &e.agents[slot]
    cdef const Channel* c = &e.channels[channel]
    if agent.load + cost > agent.capacity or agent.channel_count[channel] >= agent.channel_limit[channel]:
        return False
    return c.max_jobs == 0 or agent.channel_count[channel] < c.max_jobs


cdef void move_bucket(Engine* e, uint32_t slot, uint32_t bucket) noexcept nogil:
    """Keeps the saturation bit, and whether all agents of a bucket have one saturation."""
    cdef Agent* agent = &e.agents[slot]
    cdef Bucket* b
    if agent.bucket != bucket:
        if agent.bucket:
            lineup_put(&e.lineup, slot, SATURATION_BIT + agent.bucket - 1, False)
            e.buckets[agent.bucket - 1].count -= 1
            if e.buckets[agent.bucket - 1].count == 0:
                e.filled_buckets[(agent.bucket - 1) >> 6] &= ~(<uint64_t> 1 << ((agent.bucket - 1) & 63))
        if bucket:
            lineup_put(&e.lineup, slot, SATURATION_BIT + bucket - 1, True)
            e.buckets[bucket - 1].count += 1
            if e.buckets[bucket - 1].count == 1:
                e.filled_buckets[(bucket - 1) >> 6] |= <uint64_t> 1 << ((bucket - 1) & 63)
                e.buckets[bucket - 1].mixed = 0
                e.buckets[bucket - 1].load = agent.load
                e.buckets[bucket - 1].capacity = agent.capacity
        agent.bucket = bucket
    if bucket:
        b = &e.buckets[bucket - 1]
        if <uint64_t> b.load * agent.capacity != <uint64_t> agent.load * b.capacity:
            b.mixed = 1


cdef void derive_room(Engine* e, uint32_t slot) noexcept nogil:
    """Everything that follows from presence, load, limits and reservation: bits, and presence in rotations.

    O(channels), plus O(rotations of the agent) when they became full or free.
    """
    cdef Agent* agent = &e.agents[slot]
    cdef uint16_t fits = 0, changed
    cdef uint32_t channel, bucket = 0, used
    e.changes += 1
    if agent.number:
        bucket = SATURATION_BITS * agent.load // agent.capacity
        bucket = (bucket if bucket < SATURATION_BITS - 1 else SATURATION_BITS - 1) + 1
        if agent.presence == ONLINE and agent.reserved_for == NOBODY:
            used = e.used_channels
            while used:
                channel = lowest_bit(used)
                used &= used - 1
                if has_room(e, slot, channel, e.channels[channel].cost):
                    fits |= <uint16_t> (1 << channel)
    move_bucket(e, slot, bucket)
    changed = fits ^ agent.fits
    if not changed:
        return
    agent.fits = fits
    used = changed
    while used:
        channel = lowest_bit(used)
        used &= used - 1
        lineup_put(&e.lineup, slot, FIT_BIT + channel, (fits >> channel) & 1)
    if agent.cell_count:
        rotation_attend(e, slot, changed)


cdef struct Given:
    uint64_t last_given
    uint32_t agent


cdef int compare_given(const void* left, const void* right) noexcept nogil:
    return -1 if (<const Given*> left).last_given < (<const Given*> right).last_given else 1


cdef void restore_order(Engine* e) noexcept nogil:
    """Brings the line into its order, least recently given first, when a queue needs it again. O(n log n + n * bits)."""
    cdef Given* line = <Given*> memory_grow(NULL, e.agent_count * sizeof(Given))
    cdef uint32_t slot, index, count = 0
    for slot in range(e.agent_capacity):
        if e.agents[slot].number and e.agents[slot].last_given:
            line[count].last_given = e.agents[slot].last_given
            line[count].agent = slot
            count += 1
    qsort(line, count, sizeof(Given), compare_given)
    for index in range(count):
        lineup_move_to_back(&e.lineup, line[index].agent)
    free(line)


cdef uint64_t class_digest(uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil:
    cdef uint64_t digest = mix64((<uint64_t> queue << 32) | channel)
    cdef uint32_t index
    for index in range(count):
        digest = mix64(digest ^ ((<uint64_t> demands[index].ability << 16) | (demands[index].least << 8) | demands[index].most))
    return digest


cdef uint32_t class_find(const Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil:
    """The class of these demands, sorted by ability; NOBODY when there is none yet. O(demands)."""
    cdef uint64_t digest = class_digest(queue, channel, demands, count)
    cdef uint32_t at, cls
    cdef const Class* c
    if e.class_table_size == 0:
        return NOBODY
    at = <uint32_t> digest & (e.class_table_size - 1)
    while e.class_table[at]:
        cls = e.class_table[at] - 1
        c = &e.classes[cls]
        if c.digest == digest and c.queue == queue and c.channel == channel and c.demand_count == count and \
                memcmp(c.demands, demands, count * sizeof(Demand)) == 0:
            return cls
        at = (at + 1) & (e.class_table_size - 1)
    return NOBODY


cdef uint32_t new_bit(Engine* e, bint is_queue, uint32_t subject, uint32_t level) noexcept nogil:
    """A fresh bit, set for everyone for whom it holds. O(agents)."""
    cdef uint32_t index = e.bit_count, slot
    e.bits = <AbilityBit*> memory_grow(e.bits, (index + 1) * sizeof(AbilityBit))
    memset(&e.bits[index], 0, sizeof(AbilityBit))
    e.bits[index].is_queue = is_queue
    e.bits[index].subject = subject
    e.bits[index].level = level
    e.bit_count += 1
    lineup_reserve(&e.lineup, e.agent_capacity, ABILITY_BIT + e.bit_count)
    for slot in range(e.agent_capacity):
        if e.agents[slot].number and attribute_holds(e, slot, &e.bits[index]):
            lineup_put(&e.lineup, slot, ABILITY_BIT + index, True)
    return ABILITY_BIT + index


cdef uint32_t ability_bit(Engine* e, uint32_t ability, uint32_t level) noexcept nogil:
    """The bit of "this ability at this level or better" (thermometer code)."""
    cdef uint32_t capacity = e.ability_capacity
    if ability >= capacity:
        while capacity <= ability:
            capacity = capacity * 2 if capacity else 8
        e.ability_bits = <uint32_t*> memory_grow(e.ability_bits, <size_t> capacity * LEVELS * 4)
        memset(e.ability_bits + e.ability_capacity * LEVELS, 0xFF, <size_t> (capacity - e.ability_capacity) * LEVELS * 4)
        e.ability_capacity = capacity
    if e.ability_bits[ability * LEVELS + level] == NOBODY:
        e.ability_bits[ability * LEVELS + level] = new_bit(e, False, ability, level)
    return e.ability_bits[ability * LEVELS + level]


cdef void add_term(Class* c, uint32_t bit, bint wanted) noexcept nogil:
    cdef uint32_t index
    cdef uint64_t mask = <uint64_t> 1 << (bit & 63)
    for index in range(c.term_count):
        if c.terms[index].word == bit >> 6:
            break
    else:
        c.terms[c.term_count].word = bit >> 6
        c.terms[c.term_count].wanted = 0
        c.terms[c.term_count].barred = 0
        index = c.term_count
        c.term_count += 1
    if wanted:
        c.terms[index].wanted |= mask
    else:
        c.terms[index].barred |= mask


cdef void class_renew(Engine* e, uint32_t cls) noexcept nogil:
    """Makes the masks of a class: when it is new, and when its queue's membership becomes or stops being everyone."""
    cdef Class* c = &e.classes[cls]
    cdef Queue* q = &e.queues[c.queue]
    cdef uint32_t index
    if not q.everyone and q.bit == NOBODY:
        q.bit = new_bit(e, True, c.queue, 0)
    c.term_count = 0
    c.wanted_count = 0
    c.barred_count = 0
    if not q.everyone:
        c.wanted[0] = q.bit
        c.wanted_count = 1
        add_term(c, q.bit, True)
    for index in range(c.demand_count):
        c.wanted[c.wanted_count] = ability_bit(e, c.demands[index].ability, c.demands[index].least)
        add_term(c, c.wanted[c.wanted_count], True)
        c.wanted_count += 1
        if c.demands[index].most < 10:
            c.barred[c.barred_count] = ability_bit(e, c.demands[index].ability, c.demands[index].most + 1)
            add_term(c, c.barred[c.barred_count], False)
            c.barred_count += 1


cdef void grow_class_table(Engine* e) noexcept nogil:
    cdef uint32_t size = e.class_table_size * 2 if e.class_table_size else LEAST_TABLE, cls, at
    free(e.class_table)
    e.class_table = <uint32_t*> memory_zeroed(size * sizeof(uint32_t))
    e.class_table_size = size
    for cls in range(e.class_count):
        at = <uint32_t> e.classes[cls].digest & (size - 1)
        while e.class_table[at]:
            at = (at + 1) & (size - 1)
        e.class_table[at] = cls + 1


cdef void class_define(Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil:
    """A new class. O(agents) when a demand or a queue needs a bit that nothing needed before, or for a weighted queue."""
    cdef uint32_t cls = e.class_count, at
    cdef Class* c
    reserve_classes(e, cls + 1)
    c = &e.classes[cls]
    memset(c, 0, sizeof(Class))
    c.digest = class_digest(queue, channel, demands, count)
    c.queue = queue
    c.channel = channel
    c.demand_count = count
    c.demands = <Demand*> memory_grow(NULL, count * sizeof(Demand))
    memcpy(c.demands, demands, count * sizeof(Demand))
    c.terms = <Term*> memory_zeroed((2 * count + 1) * sizeof(Term))
    c.wanted = <uint32_t*> memory_grow(NULL, (count + 1) * sizeof(uint32_t))
    c.barred = <uint32_t*> memory_grow(NULL, count * sizeof(uint32_t))
    c.waiting_index = NOBODY
    c.reserver = NOBODY
    heap_init(&c.waiting)
    class_renew(e, cls)
    e.class_count += 1
    if 2 * e.class_count > e.class_table_size:
        grow_class_table(e)
    else:
        at = <uint32_t> c.digest & (e.class_table_size - 1)
        while e.class_table[at]:
            at = (at + 1) & (e.class_table_size - 1)
        e.class_table[at] = cls + 1
    if e.queues[queue].strategy == WEIGHTED:
        start_rotation(e, cls)


cdef void start_rotation(Engine* e, uint32_t cls) noexcept nogil:
    cdef uint32_t slot
    rotation_start(e, cls)
    for slot in range(e.agent_capacity):
        if e.agents[slot].number and class_matches(e, cls, slot):
            rotation_add(e, cls, slot)


cdef void queue_rotations(Engine* e, uint32_t queue, bint weighted) noexcept nogil:
    """Starts or forgets the rotations of a queue whose strategy became or stopped being weighted. O(classes * agents)."""
    cdef uint32_t cls, slot, cell
    for cls in range(e.class_count):
        if e.classes[cls].queue != queue or weighted == (e.classes[cls].rotation != NULL):
            continue
        if weighted:
            start_rotation(e, cls)
            continue
        rotation_empty(e, cls)
        for slot in range(e.agent_capacity):
            cell = rotation_cell(e, cls, slot)
            if cell != NOBODY:
                rotation_drop(e, cell)
        rotation_stop(e, cls)


cdef void rotations_follow(Engine* e, uint32_t slot) noexcept nogil:
    """Membership in rotations after the agent's bits or a queue's members changed. O(weighted classes)."""
    cdef uint32_t cls, cell
    cdef bint matches
    for cls in range(e.class_count):
        if e.classes[cls].rotation == NULL:
            continue
        cell = rotation_cell(e, cls, slot)
        matches = e.agents[slot].number != 0 and class_matches(e, cls, slot)
        if matches and cell == NOBODY:
            rotation_add(e, cls, slot)
        elif not matches and cell != NOBODY:
            rotation_drop(e, cell)


cdef void class_query(const Engine* e, uint32_t cls, Query* query, uint32_t extra) noexcept nogil:
    """The question "who meets this class and has the bit `extra`?"; the caller may add bits. The rarest bits stand first."""
    cdef const Class* c = &e.classes[cls]
    memcpy(query.wanted, c.wanted, c.wanted_count * sizeof(uint32_t))
    query.wanted[c.wanted_count] = extra
    query.wanted_count = c.wanted_count + 1
    memcpy(query.barred, c.barred, c.barred_count * sizeof(uint32_t))
    query.barred_count = c.barred_count


cdef void narrow_query(const Engine* e, uint32_t cls, Query* query) noexcept nogil:
    """Asks for everything that a second class asks for, too."""
    cdef const Class* c = &e.classes[cls]
    memcpy(query.wanted + query.wanted_count, c.wanted, c.wanted_count * sizeof(uint32_t))
    query.wanted_count += c.wanted_count
    memcpy(query.barred + query.barred_count, c.barred, c.barred_count * sizeof(uint32_t))
    query.barred_count += c.barred_count


cdef size_t engine_size(const Engine* e, size_t* agents, size_t* planes, size_t* rotations, size_t* jobs) noexcept nogil:
    """Bytes held: agents with their abilities, the lineup, rotations with their cells, jobs; returns the sum of all."""
    cdef uint32_t index
    agents[0] = e.agent_capacity * sizeof(Agent)
    for index in range(e.agent_capacity):
        agents[0] += e.agents[index].ability_count * sizeof(Ability) + e.agents[index].explicit_count * 4
        if e.agents[index].given_times != NULL:
            agents[0] += RING_SIZE * sizeof(int64_t)
    planes[0] = lineup_size(&e.lineup)
    rotations[0] = e.cell_block_capacity * sizeof(CellBlock)
    for index in range(e.class_count):
        if e.classes[index].rotation != NULL:
            rotations[0] += sizeof(Rotation) + e.classes[index].rotation.capacity * sizeof(HeapNode)
    jobs[0] = e.job_capacity * sizeof(Job)
    return agents[0] + planes[0] + rotations[0] + jobs[0] + e.memory_size * sizeof(Memory)
