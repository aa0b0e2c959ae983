"""See audit.pxd.

The hash is a sum of one mixed word per agent, job, remembered customer and rotation, so it does not depend on the order of
slots or on what is only derived (bits, heaps, classes nobody used). Equal facts give equal hashes on every build.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

from fairlead.base.heap cimport Heap, heap_check, heap_node
from fairlead.base.lineup cimport NOBODY, lineup_check, lineup_has
from fairlead.base.memory cimport mix64
from fairlead.engine.choose cimport can_take, own_can_take
from fairlead.engine.model cimport (
    ABILITY_BIT, ASSIGNED, COMPLETED, EXISTS_BIT, FIT_BIT, MAX_CHANNELS, NO_JOB, OFFERED, OFFLINE, ONLINE, ONLINE_BIT, QUEUED, RING_SIZE,
    SATURATION_BIT, SATURATION_BITS, STATE_COUNT, UNKNOWN, WEIGHTED, WRAPPING, Agent, Class, Job, Memory, Queue,
)
from fairlead.engine.plans cimport step_class
from fairlead.engine.rotation cimport is_present, rotation_begin, rotation_cell, rotation_check
from fairlead.engine.state cimport (
    agent_timer_places, class_matches, class_timer_places, has_room, is_member, job_timer_places, job_waiting_places, level_of, owns,
)
from fairlead.engine.timers cimport agent_due, job_due


cdef inline bint holds(uint32_t state) noexcept nogil:
    return state == OFFERED or state == ASSIGNED or state == WRAPPING


cdef void expect(Audit* result, bint condition, const char* violation) noexcept nogil:
    cdef uint32_t index
    if condition:
        return
    for index in range(result.count):
        if result.violations[index] == violation:
            return
    if result.count < MAX_VIOLATIONS:
        result.violations[result.count] = violation
        result.count += 1


cdef void audit(Engine* e, Audit* result) noexcept nogil:
    """Every invariant; each violated one is named once. O(agents * (bits + jobs waiting) + jobs)."""
    result.count = 0
    audit_structures(e, result)
    audit_agents(e, result)
    audit_jobs(e, result)
    audit_backlog(e, result)


cdef void audit_structures(Engine* e, Audit* result) noexcept nogil:
    cdef uint32_t cls, waiting = 0, clocks = 0
    cdef bint weighted
    cdef Class* c
    expect(result, lineup_check(&e.lineup), b"lineup: rows, planes, summaries and places disagree")
    expect(result, heap_check(&e.job_timers, job_timer_places(e)), b"job timers: heap order or places")
    expect(result, heap_check(&e.agent_timers, agent_timer_places(e)), b"agent timers: heap order or places")
    expect(result, heap_check(&e.class_timers, class_timer_places(e)), b"reservation timers: heap order or places")
    for cls in range(e.class_count):
        c = &e.classes[cls]
        expect(result, heap_check(&c.waiting, job_waiting_places(e)), b"backlog: heap order or places")
        expect(result, (c.waiting.size != 0) == (c.waiting_index != NOBODY), b"backlog: list of classes that wait")
        expect(result, c.waiting_index == NOBODY or e.waiting_classes[c.waiting_index] == cls, b"backlog: index of a class")
        waiting += c.waiting.size != 0
        clocks += c.head_number != 0
        weighted = e.queues[c.queue].used != 0 and e.queues[c.queue].strategy == WEIGHTED
        expect(result, c.rotation != NULL or not weighted, b"rotation: there for weighted queues")
        if c.rotation != NULL:
            expect(result, rotation_check(e, cls), b"rotation: heaps or weight")
    expect(result, waiting == e.waiting_class_count, b"backlog: count of classes that wait")
    expect(result, clocks == e.clock_count, b"Q8: count of running clocks")


cdef void audit_agents(Engine* e, Audit* result) noexcept nogil:
    cdef uint32_t slot, cls, cell, count = 0, reserved = 0
    cdef uint64_t[5] presences
    cdef Agent* agent
    memset(presences, 0, sizeof(presences))
    for slot in range(e.agent_capacity):
        agent = &e.agents[slot]
        if agent.number == 0:
            expect(result, agent.load == 0 and agent.cell_count == 0 and agent.fits == 0, b"an agent who does not exist has state")
            continue
        count += 1
        presences[agent.presence] += 1
        reserved += agent.reserved_for != NOBODY
        audit_bits(e, slot, result)
        audit_held(e, slot, result)
        audit_timer(&e.agent_timers, agent.timer_place, agent_due(e, agent), b"an agent's timer", result)
        expect(result, agent.presence != OFFLINE or agent.lease_end == 0, b"P2: lease of one who is OFFLINE")
        expect(result, agent.lost_since == UNKNOWN or agent.presence == OFFLINE, b"P3: a lost agent who is there")
        for cls in range(e.class_count):
            if e.classes[cls].rotation == NULL:
                continue
            cell = rotation_cell(e, cls, slot)
            expect(result, (cell != NOBODY) == class_matches(e, cls, slot), b"T4: members of a rotation")
            if cell != NOBODY:
                expect(result, is_present(e, cell) == ((agent.fits >> e.classes[cls].channel) & 1),
                       b"T4: presence in a rotation")
    expect(result, count == e.agent_count, b"count of agents")
    expect(result, reserved == e.reserved_count, b"Q8: count of reservations")
    for slot in range(1, 5):
        expect(result, presences[slot] == e.presence_counts[slot], b"P1: counts by presence")


cdef void audit_timer(const Heap* heap, uint32_t place, int64_t due, const char* what, Audit* result) noexcept nogil:
    """Derived clocks ring when they should."""
    expect(result, (heap_node(heap, place - 1).high if place else 0) == <uint64_t> due, what)


cdef void audit_bits(Engine* e, uint32_t slot, Audit* result) noexcept nogil:
    cdef Agent* agent = &e.agents[slot]
    cdef uint32_t index, bucket
    cdef bint fits
    expect(result, lineup_has(&e.lineup, slot, EXISTS_BIT), b"bit: exists")
    expect(result, lineup_has(&e.lineup, slot, ONLINE_BIT) == (agent.presence == ONLINE), b"bit: online")
    for index in range(MAX_CHANNELS):
        fits = e.channels[index].used != 0 and agent.presence == ONLINE and agent.reserved_for == NOBODY and \
            has_room(e, slot, index, e.channels[index].cost)
        expect(result, lineup_has(&e.lineup, slot, FIT_BIT + index) == fits and ((agent.fits >> index) & 1) == fits,
               b"C1: bit of a channel that fits")
    bucket = <uint32_t> (<uint64_t> SATURATION_BITS * agent.load // agent.capacity)
    bucket = bucket if bucket < SATURATION_BITS else SATURATION_BITS - 1
    for index in range(SATURATION_BITS):
        expect(result, lineup_has(&e.lineup, slot, SATURATION_BIT + index) == (index == bucket), b"bit: saturation")
    expect(result, e.buckets[bucket].mixed or
           <uint64_t> e.buckets[bucket].load * agent.capacity == <uint64_t> agent.load * e.buckets[bucket].capacity,
           b"a bucket said to hold one saturation holds two")
    for index in range(e.bit_count):
        if e.bits[index].is_queue:
            fits = is_member(e, slot, e.bits[index].subject)
        else:
            fits = level_of(e, slot, e.bits[index].subject) >= e.bits[index].level
        expect(result, lineup_has(&e.lineup, slot, ABILITY_BIT + index) == fits, b"K1: bit of a skill, tag or queue")


cdef void audit_held(Engine* e, uint32_t slot, Audit* result) noexcept nogil:
    """C3: load is what is held now, and nothing else."""
    cdef Agent* agent = &e.agents[slot]
    cdef uint32_t job = agent.held_head, load = 0, count = 0
    cdef uint32_t[MAX_CHANNELS] channels
    memset(channels, 0, sizeof(channels))
    while job != NOBODY and count <= agent.held_count:
        expect(result, e.jobs[job].agent == slot and holds(e.jobs[job].state), b"a held job has another holder or none")
        load += e.jobs[job].cost
        channels[e.classes[e.jobs[job].cls].channel] += 1
        count += 1
        job = e.jobs[job].next
    expect(result, count == agent.held_count, b"C3: count of held jobs")
    expect(result, load == agent.load, b"C3: load is not the cost of the held jobs")
    for job in range(MAX_CHANNELS):
        expect(result, channels[job] == agent.channel_count[job], b"C1: jobs held by channel")


cdef void audit_jobs(Engine* e, Audit* result) noexcept nogil:
    """J2: every job is in one state, and the counts agree."""
    cdef uint32_t slot, ended = 0, held_waiting = 0, costly = 0, held = 0
    cdef uint64_t[STATE_COUNT] states
    cdef bint waits
    cdef Job* job
    memset(states, 0, sizeof(states))
    for slot in range(e.agent_capacity):
        held += e.agents[slot].held_count
    for slot in range(e.job_used):
        job = &e.jobs[slot]
        states[job.state] += 1
        if job.state == NO_JOB:
            continue
        ended += job.state >= COMPLETED
        waits = job.state == QUEUED and job.held == 0
        expect(result, waits == (job.waiting_place != 0), b"J2: a waiting job is in no backlog, or another is")
        expect(result, job.state != QUEUED or job.listed == owns(e, job), b"A2: list of an own agent")
        audit_timer(&e.job_timers, job.timer_place, job_due(e, job), b"a job's timer", result)
        expect(result, (job.deadline != 0) == (job.state == OFFERED or job.state == WRAPPING), b"O1: deadline of an offer or after-work")
        expect(result, job.bar_count == 0 or job.state == QUEUED or job.state == OFFERED, b"O2: bars of a job that is not to be had")
        audit_plan(e, job, result)
        held -= holds(job.state)
        if job.state == QUEUED:
            held_waiting += job.held
            costly += not job.held and job.cost > 1
    for slot in range(1, COMPLETED):
        expect(result, states[slot] == e.state_counts[slot], b"J2: counts by state")
    expect(result, held == 0, b"J2: a job with two holders, or a held job without one")
    expect(result, ended == e.ended_count, b"J4: count of remembered jobs")
    expect(result, held_waiting == e.held_waiting, b"A2: count of jobs held for an agent")
    expect(result, costly == e.costly_waiting, b"Q8: count of costly waiting jobs")


cdef void audit_plan(Engine* e, const Job* job, Audit* result) noexcept nogil:
    """R1: a waiting job is at the step that was due when the clock last moved, and of that step's class."""
    cdef uint32_t cls
    if job.plan == NOBODY:
        expect(result, job.step == 0, b"R1: a step without a plan")
        return
    expect(result, job.plan < e.plan_capacity and (job.state >= COMPLETED or e.plans[job.plan].used),
           b"R1: a live job whose plan is no longer used")
    if job.state == QUEUED and job.step <= e.plans[job.plan].step_count + 1:
        cls = step_class(e, job, job.step)
        expect(result, cls == job.cls or cls == NOBODY, b"R1: a waiting job is of another class than its step's")


cdef void audit_backlog(Engine* e, Audit* result) noexcept nogil:
    """Q1, Q4: no waiting job has a candidate. Counts of queues and channels."""
    cdef uint32_t slot, agent, index
    cdef uint64_t waiting, live
    cdef Job* job
    for slot in range(e.job_used):
        job = &e.jobs[slot]
        if job.state != QUEUED:
            continue
        expect(result, not own_can_take(e, job), b"A2: a waiting job's own agent could take it")
        if job.held:
            continue
        for agent in range(e.agent_capacity):
            expect(result, e.agents[agent].number == 0 or not can_take(e, job, agent),
                   b"Q1: a waiting job and a candidate for it both exist")
    for index in range(e.queue_capacity):
        waiting = 0
        live = 0
        for slot in range(e.job_used):
            job = &e.jobs[slot]
            if job.state != NO_JOB and job.state < COMPLETED and e.classes[job.cls].queue == index:
                live += 1
                waiting += job.state == QUEUED
        expect(result, waiting == e.queues[index].waiting, b"Q6: length of a queue")
        expect(result, live == e.queues[index].live, b"live jobs of a queue")


# ---- the hash


cdef inline uint64_t fold(uint64_t hash, uint64_t value) noexcept nogil:
    return mix64(hash ^ value) + value


cdef uint64_t agent_hash(const Engine* e, uint32_t slot) noexcept nogil:
    cdef const Agent* agent = &e.agents[slot]
    cdef uint64_t hash = fold(1, agent.number)
    cdef uint32_t index
    hash = fold(hash, agent.last_given)
    hash = fold(hash, agent.given_count)
    hash = fold(hash, agent.completed_count)
    hash = fold(fold(hash, <uint64_t> agent.last_given_time), <uint64_t> agent.last_freed_time)
    hash = fold(hash, (<uint64_t> agent.order << 32) | agent.capacity)
    hash = fold(hash, (<uint64_t> agent.load << 32) | (<uint64_t> agent.weight << 16) | agent.rating)
    hash = fold(hash, agent.presence | (agent.missed << 8))
    hash = fold(fold(hash, <uint64_t> agent.lease), <uint64_t> agent.lease_end)
    hash = fold(fold(hash, <uint64_t> agent.lost_since), <uint64_t> agent.wrap_up)
    hash = fold(fold(hash, <uint64_t> agent.warm_since), <uint64_t> agent.warm_last)
    hash = fold(fold(fold(hash, <uint64_t> agent.handle_time), <uint64_t> agent.first_response), <uint64_t> agent.satisfaction)
    for index in range(agent.given_times_count if agent.given_times_count < RING_SIZE else RING_SIZE):
        hash = fold(hash, <uint64_t> agent.given_times[index])
    hash = fold(hash, e.jobs[agent.reserved_for].number if agent.reserved_for != NOBODY else 0)
    for index in range(agent.ability_count):
        hash = fold(hash, (<uint64_t> agent.abilities[index].ability << 8) | agent.abilities[index].level)
    for index in range(agent.explicit_count):
        hash = fold(hash, agent.explicit_queues[index])
    for index in range(MAX_CHANNELS):
        hash = fold(hash, agent.channel_limit[index])
    return mix64(hash)


cdef uint64_t job_hash(const Engine* e, uint32_t slot) noexcept nogil:
    cdef const Job* job = &e.jobs[slot]
    cdef uint64_t hash = fold(2, job.number)
    cdef uint32_t index
    hash = fold(hash, job.content)
    hash = fold(hash, e.classes[job.cls].digest)
    hash = fold(hash, e.classes[job.preferred].digest if job.preferred != NOBODY else 0)
    hash = fold(hash, e.agents[job.agent].number if job.agent != NOBODY and holds(job.state) else 0)
    hash = fold(hash, job.own_number if job.own_mode > 1 else 0)
    hash = fold(hash, <uint64_t> job.create_time)
    hash = fold(hash, <uint64_t> job.queue_time)
    hash = fold(hash, <uint64_t> job.enter_time)
    hash = fold(hash, <uint64_t> job.assign_time)
    hash = fold(hash, <uint64_t> job.end_time)
    hash = fold(hash, <uint64_t> job.start_time)
    hash = fold(hash, <uint64_t> job.expire_time)
    hash = fold(hash, <uint64_t> job.hold_until)
    hash = fold(hash, <uint64_t> job.head_start)
    hash = fold(hash, (<uint64_t> job.version << 32) | (<uint64_t> job.cost << 16) | (job.state << 8) | job.reason)
    hash = fold(hash, (job.urgency << 24) | (job.own_mode << 16) | (job.own_away << 8) | (job.held << 2) | job.affinity)
    hash = fold(hash, job.policy_version)
    if job.arm:
        hash = fold(hash, job.arm)
    if job.plan != NOBODY:
        hash = fold(fold(hash, (<uint64_t> job.plan << 8) | job.step), e.classes[job.original].digest)
        hash = fold(hash, e.classes[job.wishes].digest if job.wishes != NOBODY else 0)
    hash = fold(hash, (<uint64_t> job.rule << 16) | job.strategy)
    hash = fold(hash, <uint64_t> job.deadline)
    for index in range(job.bar_count):
        hash = fold(fold(hash, e.agents[job.bars[index].agent].number), <uint64_t> job.bars[index].until)
    for index in range(job.excluded_count):
        hash = fold(hash, e.agents[job.excluded[index]].number)
    return mix64(hash)


cdef uint64_t rotation_hash(const Engine* e, uint32_t cls) noexcept nogil:
    """Everyone's lag; a rotation that never served anybody is as good as none."""
    cdef uint64_t hash = 0
    cdef uint32_t slot, cell
    if e.classes[cls].rotation.served == 0:
        return 0
    for slot in range(e.agent_capacity):
        cell = rotation_cell(e, cls, slot)
        if cell != NOBODY:
            hash += mix64(fold(e.agents[slot].number, rotation_begin(e, cell) - e.classes[cls].rotation.virtual_time))
    return mix64(fold(hash, e.classes[cls].digest))


cdef inline uint64_t memory_hash(const Memory* memory) noexcept nogil:
    return mix64(fold(fold(fold(memory.customer, memory.group), memory.agent_number), <uint64_t> memory.time))


cdef uint64_t queue_hash(const Engine* e, uint32_t slot) noexcept nogil:
    """The rotation of `sequential`, and the hours; the rest of a queue is policy, and that is in the version."""
    cdef const Queue* queue = &e.queues[slot]
    if queue.last_served_number == 0 and queue.closed == 0:
        return 0
    return mix64(fold(fold(fold(fold(3, slot), queue.last_served), queue.last_served_number), queue.closed))


cdef uint64_t state_hash_part(const Engine* e, uint32_t start, uint32_t count) noexcept nogil:
    """Of the counters, and of agents, jobs and remembered customers in the slots from `start` on. O(count)."""
    cdef uint64_t hash = fold(fold(fold(e.policy_version, e.given), e.job_number), e.agent_number), sum = 0
    cdef uint32_t slot
    for slot in range(start, start + count):
        if slot < e.agent_capacity and e.agents[slot].number:
            sum += agent_hash(e, slot)
        if slot < e.job_used and e.jobs[slot].state != NO_JOB:
            sum += job_hash(e, slot)
        if slot < e.memory_size and e.memories[slot].customer != NOBODY:
            sum += memory_hash(&e.memories[slot])
    return mix64(fold(hash, sum))


cdef uint64_t state_hash(const Engine* e) noexcept nogil:
    """O(agents * weighted classes + jobs + remembered customers)."""
    cdef uint64_t hash = fold(fold(fold(e.policy_version, e.given), e.job_number), e.agent_number)
    cdef uint32_t index
    for index in range(e.agent_capacity):
        if e.agents[index].number:
            hash += agent_hash(e, index)
    for index in range(e.job_used):
        if e.jobs[index].state != NO_JOB:
            hash += job_hash(e, index)
    for index in range(e.class_count):
        if e.classes[index].rotation != NULL:
            hash += rotation_hash(e, index)
        if e.classes[index].pace_count:
            hash += mix64(fold(fold(e.classes[index].digest, e.classes[index].pace_count), <uint64_t> e.classes[index].pace_gap))
        if e.classes[index].head_number:
            hash += mix64(fold(fold(e.classes[index].digest, e.classes[index].head_number), <uint64_t> e.classes[index].head_since))
    for index in range(e.queue_capacity):
        hash += queue_hash(e, index)
    for index in range(e.memory_size):
        if e.memories[index].customer != NOBODY:
            hash += memory_hash(&e.memories[index])
    return mix64(hash)
