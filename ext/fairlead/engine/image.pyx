"""See image.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fairlead.base.archive cimport Archive, Holes, archive_array, archive_items, archive_numbers, archive_slot, archive_struct, hole, is_reading
from fairlead.base.heap cimport Heap, HeapNode
from fairlead.base.lineup cimport Lineup, NOBODY, Plane, lineup_row, lowest_bit, plane_set
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.engine.model cimport (
    Ability, AbilityBit, Agent, Bar, CellBlock, Class, Demand, Job, Memory, Plan, Queue, RING_SIZE, Rotation, Sink, Term,
)
from fairlead.engine.state cimport engine_free, engine_init

cdef enum:
    LEVELS = 11        # of an ability, as in Engine.ability_bits


cdef Holes engine_holes(const Engine* e) noexcept nogil:
    cdef Holes holes
    holes.count = 0
    hole(&holes, e, &e.agents)
    hole(&holes, e, &e.queues)
    hole(&holes, e, &e.plans)
    hole(&holes, e, &e.classes)
    hole(&holes, e, &e.jobs)
    hole(&holes, e, &e.cell_blocks)
    hole(&holes, e, &e.waiting_classes)
    hole(&holes, e, &e.class_table)
    hole(&holes, e, &e.ability_bits)
    hole(&holes, e, &e.bits)
    hole(&holes, e, &e.memories)
    hole(&holes, e, &e.job_timers.origin)
    hole(&holes, e, &e.class_timers.origin)
    hole(&holes, e, &e.agent_timers.origin)
    hole(&holes, e, &e.sink)
    hole(&holes, e, &e.sink_owner)
    return holes


cdef Holes lineup_holes(const Lineup* lineup) noexcept nogil:
    cdef Holes holes
    holes.count = 0
    hole(&holes, lineup, &lineup.rows)
    hole(&holes, lineup, &lineup.ranks)
    hole(&holes, lineup, &lineup.places)
    hole(&holes, lineup, &lineup.items)
    hole(&holes, lineup, &lineup.planes)
    return holes


cdef Holes agent_holes() noexcept nogil:
    cdef Holes holes
    cdef Agent agent
    holes.count = 0
    hole(&holes, &agent, &agent.abilities)
    hole(&holes, &agent, &agent.explicit_queues)
    hole(&holes, &agent, &agent.given_times)
    return holes


cdef Holes job_holes() noexcept nogil:
    cdef Holes holes
    cdef Job job
    holes.count = 0
    hole(&holes, &job, &job.excluded)
    hole(&holes, &job, &job.bars)
    return holes


cdef Holes class_holes() noexcept nogil:
    cdef Holes holes
    cdef Class c
    holes.count = 0
    hole(&holes, &c, &c.demands)
    hole(&holes, &c, &c.terms)
    hole(&holes, &c, &c.wanted)
    hole(&holes, &c, &c.barred)
    hole(&holes, &c, &c.waiting.origin)
    hole(&holes, &c, &c.rotation)
    return holes


cdef Holes rotation_holes() noexcept nogil:
    cdef Holes holes
    cdef Rotation rotation
    holes.count = 0
    hole(&holes, &rotation, &rotation.nodes)
    hole(&holes, &rotation, &rotation.ready.origin)
    hole(&holes, &rotation, &rotation.pending.origin)
    return holes


cdef Holes one_hole(const void* item, const void* pointer) noexcept nogil:
    cdef Holes holes
    holes.count = 0
    hole(&holes, item, pointer)
    return holes


cdef void archive_heap(Archive* archive, Heap* heap) noexcept nogil:
    """A heap that owns its nodes; the items know their places themselves."""
    archive_numbers(archive, <void**> &heap.origin, sizeof(HeapNode), heap.size, heap.capacity)


cdef void archive_agents(Engine* e, Archive* archive) noexcept nogil:
    cdef Holes holes = agent_holes()
    cdef uint32_t slot, times
    cdef Agent* agent
    archive_items(archive, <void**> &e.agents, sizeof(Agent), e.agent_capacity, e.agent_capacity, &holes)
    for slot in range(0 if archive.failed else e.agent_capacity):
        agent = &e.agents[slot]
        archive_numbers(archive, <void**> &agent.abilities, sizeof(Ability), agent.ability_count, agent.ability_count)
        archive_numbers(archive, <void**> &agent.explicit_queues, sizeof(uint32_t), agent.explicit_count, agent.explicit_count)
        times = RING_SIZE if agent.given_times_count else 0
        archive_numbers(archive, <void**> &agent.given_times, sizeof(int64_t), times, times)


cdef void archive_rules_of_queues(Engine* e, Archive* archive) noexcept nogil:
    cdef Queue a_queue
    cdef Plan a_plan
    cdef Queue* queue
    cdef Plan* plan
    cdef Holes queue_holes = one_hole(&a_queue, &a_queue.any_of), plan_holes = one_hole(&a_plan, &a_plan.dropped)
    cdef uint32_t slot, step, dropped
    archive_items(archive, <void**> &e.queues, sizeof(Queue), e.queue_capacity, e.queue_capacity, &queue_holes)
    for slot in range(0 if archive.failed else e.queue_capacity):
        queue = &e.queues[slot]
        archive_numbers(archive, <void**> &queue.any_of, sizeof(Demand), queue.any_count, queue.any_count)
    archive_items(archive, <void**> &e.plans, sizeof(Plan), e.plan_capacity, e.plan_capacity, &plan_holes)
    for slot in range(0 if archive.failed else e.plan_capacity):
        plan = &e.plans[slot]
        dropped = 0
        for step in range(plan.step_count):
            dropped = max(dropped, plan.steps[step].first_dropped + plan.steps[step].dropped_count)
        archive_numbers(archive, <void**> &plan.dropped, sizeof(uint32_t), dropped, dropped)


cdef void archive_rotation(Class* c, Archive* archive) noexcept nogil:
    """Two heaps in one list of nodes, the second from its end."""
    cdef Holes holes = rotation_holes()
    cdef Rotation* rotation
    cdef HeapNode* pending
    if is_reading(archive):
        c.rotation = <Rotation*> memory_zeroed(sizeof(Rotation))
    rotation = c.rotation
    archive_struct(archive, rotation, sizeof(Rotation), &holes)
    if rotation.ready.size + <uint64_t> rotation.pending.size > rotation.capacity:
        archive.failed = 1
    archive_numbers(archive, <void**> &rotation.nodes, sizeof(HeapNode), rotation.ready.size, rotation.capacity)
    if archive.failed:
        return
    pending = rotation.nodes + rotation.capacity - rotation.pending.size
    if rotation.pending.size:
        archive_struct(archive, pending, rotation.pending.size * sizeof(HeapNode), NULL)
    if rotation.capacity:
        rotation.ready.origin = rotation.nodes
        rotation.pending.origin = rotation.nodes + rotation.capacity - 1


cdef void archive_classes(Engine* e, Archive* archive) noexcept nogil:
    cdef Holes holes = class_holes()
    cdef uint32_t cls, count, has_rotation
    cdef Class* c
    archive_items(archive, <void**> &e.classes, sizeof(Class), e.class_count, e.class_capacity, &holes)
    for cls in range(0 if archive.failed else e.class_count):
        c = &e.classes[cls]
        count = c.demand_count
        # As class_define gives room: who copies them may copy none.
        archive_numbers(archive, <void**> &c.demands, sizeof(Demand), count, count + 1)
        archive_numbers(archive, <void**> &c.terms, sizeof(Term), c.term_count, 2 * count + 1)
        archive_numbers(archive, <void**> &c.wanted, sizeof(uint32_t), c.wanted_count, count + 1)
        archive_numbers(archive, <void**> &c.barred, sizeof(uint32_t), c.barred_count, count + 1)
        archive_heap(archive, &c.waiting)
        has_rotation = c.rotation != NULL
        archive_slot(archive, &has_rotation)
        if has_rotation and not archive.failed:
            archive_rotation(c, archive)
    archive_numbers(archive, <void**> &e.waiting_classes, sizeof(uint32_t), e.waiting_class_count, e.class_capacity)
    archive_numbers(archive, <void**> &e.class_table, sizeof(uint32_t), e.class_table_size, e.class_table_size)


cdef void archive_jobs(Engine* e, Archive* archive) noexcept nogil:
    cdef Holes holes = job_holes()
    cdef uint32_t slot
    cdef Job* job
    archive_array(archive, <void**> &e.jobs, sizeof(Job), e.job_used, e.job_capacity, &holes)
    for slot in range(0 if archive.failed else e.job_used):
        job = &e.jobs[slot]
        if job.excluded_count:
            archive_numbers(archive, <void**> &job.excluded, sizeof(uint32_t), job.excluded_count, job.excluded_count)
        if job.bar_count:
            archive_items(archive, <void**> &job.bars, sizeof(Bar), job.bar_count, job.bar_count, NULL)


cdef void stand(Lineup* lineup) noexcept nogil:
    """Who stands where, and the planes, from places and rows."""
    cdef uint32_t item, word
    cdef uint64_t bits
    lineup.items = <uint32_t*> memory_grow(NULL, lineup.length * sizeof(uint32_t))
    memset(lineup.items, 0xFF, lineup.length * sizeof(uint32_t))
    lineup.planes = <Plane*> memory_zeroed(lineup.bit_count * sizeof(Plane))
    for item in range(lineup.item_capacity):
        if lineup.places[item] == NOBODY:
            continue
        lineup.items[lineup.places[item]] = item
        for word in range(lineup.row_words):
            bits = lineup_row(lineup, item)[word]
            while bits:
                plane_set(lineup, (word << 6) | lowest_bit(bits), lineup.places[item])
                bits &= bits - 1


cdef void archive_lineup(Lineup* lineup, Archive* archive) noexcept nogil:
    cdef uint64_t words = <uint64_t> lineup.item_capacity * lineup.row_words
    cdef uint32_t items = lineup.item_capacity
    archive_numbers(archive, <void**> &lineup.rows, sizeof(uint64_t), words, words)
    archive_numbers(archive, <void**> &lineup.ranks, sizeof(uint64_t), items, items)
    archive_numbers(archive, <void**> &lineup.places, sizeof(uint32_t), items, items)
    if is_reading(archive) and not archive.failed:
        stand(lineup)


cdef void archive_lists(Engine* e, Archive* archive) noexcept nogil:
    cdef uint64_t levels = <uint64_t> e.ability_capacity * LEVELS
    archive_numbers(archive, <void**> &e.cell_blocks, sizeof(CellBlock), e.cell_block_count, e.cell_block_capacity)
    archive_numbers(archive, <void**> &e.ability_bits, sizeof(uint32_t), levels, levels)
    archive_numbers(archive, <void**> &e.bits, sizeof(AbilityBit), e.bit_count, e.bit_count)
    archive_items(archive, <void**> &e.memories, sizeof(Memory), e.memory_size, e.memory_size, NULL)
    archive_heap(archive, &e.job_timers)
    archive_heap(archive, &e.class_timers)
    archive_heap(archive, &e.agent_timers)


cdef void engine_archive(Engine* e, Archive* archive) noexcept nogil:
    cdef Holes holes = engine_holes(e), inner = lineup_holes(&e.lineup)
    cdef Sink sink = e.sink
    cdef void* owner = e.sink_owner
    cdef uint32_t index
    if is_reading(archive):
        engine_free(e)
    # The lineup lies in the engine: its pointers are behind those of the engine's own.
    for index in range(inner.count):
        hole(&holes, e, <const char*> &e.lineup + inner.offset[index])
    archive_struct(archive, e, sizeof(Engine), &holes)
    archive_agents(e, archive)
    archive_rules_of_queues(e, archive)
    archive_classes(e, archive)
    archive_jobs(e, archive)
    archive_lists(e, archive)
    archive_lineup(&e.lineup, archive)
    if archive.failed:
        # What was read of it is not given back: its counts cannot be believed.
        engine_init(e)
    e.sink = sink
    e.sink_owner = owner
