"""See apply.pxd. One function for each type of fact; its docstring names the fields it uses."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.heap cimport HeapNode, heap_move, heap_push, heap_remove
from fairlead.base.lineup cimport (
    NOBODY, lineup_insert, lineup_move_to_back, lineup_put, lineup_remove,
)
from fairlead.base.memory cimport memory_grow
from fairlead.engine.model cimport (
    AFFINITY_OFF, ASSIGNED, BY_OWN_AGENT, BY_TRANSFER, COMPLETED, EXISTS_BIT, FACT_AGENT, FACT_AGENT_REMOVED, FACT_CHANNEL, FACT_CLASS,
    FACT_CLOCK, FACT_JOB_ENDED, FACT_JOB_EXCLUDES, FACT_JOB_FORGOTTEN, FACT_JOB_GIVEN, FACT_JOB_RELEASED,
    FACT_JOB_STARTS, FACT_JOB_SUBMITTED, FACT_JOB_WAITS, FACT_PRESENCE, FACT_QUEUE, FACT_RESERVED, FACT_SETTINGS,
    FACT_UNRESERVED, OFFLINE, ONLINE, ONLINE_BIT, QUEUED, SCHEDULED, WEIGHTED, Ability,
    Agent, AgentBody, Channel, ChannelBody, Class, ClassBody, Demand, JobBody, Queue, QueueBody, SettingsBody,
    job_high,
)
from fairlead.engine.pace cimport pace_begins, pace_taken
from fairlead.engine.rotation cimport rotation_charge, rotation_drop_all, rotation_weigh
from fairlead.engine.state cimport (
    class_define, class_find, class_renew, class_timer_places, derive_attributes, derive_room, is_member,
    job_timer_places, job_waiting_places, memory_bind, needs_order, owns, queue_rotations, reserve_agents, reserve_jobs,
    reserve_queues, restore_order, rotations_follow,
)

FOREVER = <int64_t> 1 << 62

cdef enum:
    NEVER = -1    # the job has not waited in its queue yet


cdef Fact fact_of(uint32_t type) noexcept nogil:
    """A fact of a type with all other fields empty."""
    cdef Fact fact
    memset(&fact, 0, sizeof(Fact))
    fact.type = <uint8_t> type
    fact.job = NOBODY
    fact.agent = NOBODY
    fact.cls = NOBODY
    return fact


cdef void commit(Engine* e, Fact* fact) noexcept nogil:
    fact.time = e.now
    if e.sink != NULL:
        e.sink(e.sink_owner, fact)
    apply(e, fact)


cdef void apply(Engine* e, const Fact* fact) noexcept nogil:
    if fact.time > e.now:
        e.now = fact.time
    if fact.type == FACT_JOB_SUBMITTED:
        apply_submitted(e, fact)
    elif fact.type == FACT_JOB_GIVEN:
        apply_given(e, fact)
    elif fact.type == FACT_JOB_ENDED:
        apply_ended(e, fact)
    elif fact.type == FACT_JOB_WAITS:
        apply_waits(e, fact)
    elif fact.type == FACT_JOB_FORGOTTEN:
        apply_forgotten(e, fact)
    elif fact.type == FACT_PRESENCE:
        apply_presence(e, fact)
    elif fact.type == FACT_JOB_RELEASED:
        apply_released(e, fact)
    elif fact.type == FACT_JOB_STARTS:
        e.jobs[fact.job].queue_time = e.jobs[fact.job].start_time
    elif fact.type == FACT_JOB_EXCLUDES:
        apply_excludes(e, fact)
    elif fact.type == FACT_CLOCK:
        apply_clock(e, fact)
    elif fact.type == FACT_RESERVED:
        apply_reserved(e, fact)
    elif fact.type == FACT_UNRESERVED:
        apply_unreserved(e, fact)
    elif fact.type == FACT_AGENT:
        apply_agent(e, fact)
    elif fact.type == FACT_AGENT_REMOVED:
        apply_agent_removed(e, fact)
    elif fact.type == FACT_CLASS:
        apply_class(e, fact)
    elif fact.type == FACT_QUEUE:
        apply_queue(e, <const QueueBody*> fact.body)
    elif fact.type == FACT_CHANNEL:
        apply_channel(e, <const ChannelBody*> fact.body)
    elif fact.type == FACT_SETTINGS:
        apply_settings(e, <const SettingsBody*> fact.body)


# ---- settings, channels, queues, classes


cdef void apply_settings(Engine* e, const SettingsBody* body) noexcept nogil:
    """Clocks of costly heads (Q8) keep their start and ring by the present `reserve_after`. O(classes)."""
    cdef uint32_t cls
    e.retention = body.retention
    e.reserve_after = body.reserve_after
    e.seed = body.seed
    e.policy_version = body.policy_version
    for cls in range(e.class_count):
        if e.classes[cls].head_number:
            set_reserve_timer(e, cls)


cdef void apply_channel(Engine* e, const ChannelBody* body) noexcept nogil:
    """Waiting jobs cost what the channel now costs, held ones keep what they were given with; a removed channel's limits go."""
    cdef Channel* channel = &e.channels[body.channel]
    cdef uint32_t slot
    cdef Job* job
    channel.used = body.used
    e.used_channels = (e.used_channels & ~(<uint32_t> 1 << body.channel)) | (<uint32_t> body.used << body.channel)
    channel.name = body.name
    channel.cost = body.cost
    channel.max_jobs = body.max_jobs
    for slot in range(e.job_used):
        job = &e.jobs[slot]
        if (job.state == QUEUED or job.state == SCHEDULED) and e.classes[job.cls].channel == body.channel:
            if job.state == QUEUED and not job.held:
                e.costly_waiting += <uint32_t> ((body.cost > 1) - (job.cost > 1))
            job.cost = body.cost
    for slot in range(e.agent_capacity):
        if not body.used:
            e.agents[slot].channel_limit[body.channel] = 0xFFFF
        derive_room(e, slot)


cdef void apply_queue(Engine* e, const QueueBody* body) noexcept nogil:
    """Everything about a queue but its explicit members, who are facts of agents. O(agents + classes)."""
    cdef Queue* queue
    cdef uint32_t slot, cls
    cdef bint renewed, was_ordered
    reserve_queues(e, body.queue + 1)
    queue = &e.queues[body.queue]
    renewed = queue.everyone != body.everyone
    was_ordered = needs_order(queue)
    queue.used = body.used
    queue.everyone = body.everyone
    queue.strategy = body.strategy
    queue.threshold = body.threshold
    queue.on_max_length = body.on_max_length
    queue.on_max_wait = body.on_max_wait
    queue.affinity_mode = body.affinity_mode
    queue.tier_count = body.tier_count
    memcpy(queue.tiers, body.tiers, sizeof(body.tiers))
    queue.max_length = body.max_length
    queue.overflow = body.overflow
    queue.affinity_group = body.affinity_group
    queue.max_wait = body.max_wait
    if not queue.used:
        queue.last_served_number = 0
    e.ordered_queues += <uint32_t> (needs_order(queue) - was_ordered)
    if e.ordered_queues == 1 and not was_ordered:
        restore_order(e)
    queue.any_count = body.any_count
    queue.any_of = <Demand*> memory_grow(queue.any_of, body.any_count * sizeof(Demand))
    memcpy(queue.any_of, <const char*> body + sizeof(QueueBody), body.any_count * sizeof(Demand))
    for cls in range(e.class_count):
        if e.classes[cls].queue == body.queue and renewed:
            class_renew(e, cls)
    queue_rotations(e, body.queue, queue.used and queue.strategy == WEIGHTED)
    for slot in range(e.agent_capacity):
        if e.agents[slot].number:
            if queue.bit != NOBODY:
                lineup_put(&e.lineup, slot, queue.bit, is_member(e, slot, body.queue))
            rotations_follow(e, slot)
    for slot in range(e.job_used):
        if e.jobs[slot].state == QUEUED and e.classes[e.jobs[slot].cls].queue == body.queue:
            set_timer(e, slot)


cdef void apply_class(Engine* e, const Fact* fact) noexcept nogil:
    cdef const ClassBody* body = <const ClassBody*> fact.body
    class_define(e, body.queue, body.channel, <const Demand*> (<const char*> fact.body + sizeof(ClassBody)), body.demand_count)


# ---- agents


cdef void apply_agent(Engine* e, const Fact* fact) noexcept nogil:
    """`agent`, AgentBody: a new agent (OFFLINE), or all settings of one that exists."""
    cdef const AgentBody* body = <const AgentBody*> fact.body
    cdef const char* tail = <const char*> fact.body + sizeof(AgentBody)
    cdef Agent* agent
    cdef uint32_t index
    cdef bint is_new, moved
    reserve_agents(e, fact.agent + 1)
    agent = &e.agents[fact.agent]
    is_new = agent.number == 0
    moved = agent.order != body.order
    if is_new:
        agent.number = body.number
        e.agent_number = body.number
        e.agent_count += 1
        agent.presence = OFFLINE
        e.presence_counts[<uint32_t> OFFLINE] += 1
    agent.order = body.order
    if body.order > e.highest_order:
        e.highest_order = body.order
    rotation_weigh(e, fact.agent, body.weight)
    agent.capacity = body.capacity
    agent.rating = body.rating
    memcpy(agent.channel_limit, body.channel_limit, sizeof(body.channel_limit))
    agent.ability_count = body.ability_count
    agent.abilities = <Ability*> memory_grow(agent.abilities, body.ability_count * sizeof(Ability))
    memcpy(agent.abilities, tail, body.ability_count * sizeof(Ability))
    agent.skill_count = 0
    for index in range(body.ability_count):
        agent.skill_count += agent.abilities[index].is_skill
    agent.explicit_count = body.explicit_count
    agent.explicit_queues = <uint32_t*> memory_grow(agent.explicit_queues, body.explicit_count * sizeof(uint32_t))
    memcpy(agent.explicit_queues, tail + body.ability_count * sizeof(Ability), body.explicit_count * sizeof(uint32_t))
    lineup_put(&e.lineup, fact.agent, EXISTS_BIT, True)
    derive_attributes(e, fact.agent)
    if agent.last_given == 0 and (is_new or moved):
        if not is_new:
            lineup_remove(&e.lineup, fact.agent)
        lineup_insert(&e.lineup, fact.agent, (<uint64_t> agent.order << 32) | <uint32_t> agent.number)
    derive_room(e, fact.agent)
    rotations_follow(e, fact.agent)


cdef void forgive(Job* job, uint32_t agent) noexcept nogil:
    """Takes an agent off the job's exclusions."""
    cdef uint32_t index, kept = 0
    for index in range(job.excluded_count):
        if job.excluded[index] != agent:
            job.excluded[kept] = job.excluded[index]
            kept += 1
    job.excluded_count = <uint8_t> kept


cdef void apply_agent_removed(Engine* e, const Fact* fact) noexcept nogil:
    """`agent`: holds no job. Its slot stays its name's; a successor of that name is excluded from nothing. O(jobs)."""
    cdef Agent* agent = &e.agents[fact.agent]
    cdef uint32_t slot
    for slot in range(e.job_used):
        forgive(&e.jobs[slot], fact.agent)
    rotation_drop_all(e, fact.agent)
    e.presence_counts[agent.presence] -= 1
    e.agent_count -= 1
    agent.number = 0
    derive_room(e, fact.agent)
    derive_attributes(e, fact.agent)
    lineup_put(&e.lineup, fact.agent, EXISTS_BIT, False)
    lineup_put(&e.lineup, fact.agent, ONLINE_BIT, False)
    lineup_remove(&e.lineup, fact.agent)
    free(agent.abilities)
    free(agent.explicit_queues)
    memset(agent, 0, sizeof(Agent))
    agent.held_head = NOBODY
    agent.own_head = NOBODY
    agent.reserved_for = NOBODY


cdef void apply_presence(Engine* e, const Fact* fact) noexcept nogil:
    """`agent`, `state`."""
    cdef Agent* agent = &e.agents[fact.agent]
    e.presence_counts[agent.presence] -= 1
    e.presence_counts[fact.state] += 1
    agent.presence = fact.state
    lineup_put(&e.lineup, fact.agent, ONLINE_BIT, fact.state == ONLINE)
    derive_room(e, fact.agent)


# ---- jobs


cdef int64_t job_due(const Engine* e, const Job* job) noexcept nogil:
    """When the clock next concerns the job, 0 for never."""
    cdef int64_t due = 0, wait
    if job.state == SCHEDULED:
        due = job.start_time
    elif job.state == QUEUED:
        wait = e.queues[e.classes[job.cls].queue].max_wait
        if wait:
            due = job.enter_time + wait
        if job.held and job.hold_until != FOREVER and (due == 0 or job.hold_until < due):
            due = job.hold_until
    else:
        return 0
    if job.expire_time and (due == 0 or job.expire_time < due):
        due = job.expire_time
    return due


cdef void set_timer(Engine* e, uint32_t slot) noexcept nogil:
    cdef Job* job = &e.jobs[slot]
    cdef int64_t due = job_due(e, job)
    cdef HeapNode node
    if due == 0:
        if job.timer_place:
            heap_remove(&e.job_timers, job_timer_places(e), slot)
        return
    node.high = <uint64_t> due
    node.tie = <uint32_t> job.number
    node.item = slot
    if job.timer_place:
        heap_move(&e.job_timers, job_timer_places(e), node)
    else:
        heap_push(&e.job_timers, job_timer_places(e), node)


cdef inline void set_state(Engine* e, Job* job, uint8_t state) noexcept nogil:
    e.state_counts[job.state] -= 1
    e.state_counts[state] += 1
    job.state = state


cdef void apply_submitted(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: a free slot; JobBody. The job is SCHEDULED until the next fact of the step, or until its start."""
    cdef const JobBody* body = <const JobBody*> fact.body
    cdef Job* job
    cdef Class* c = &e.classes[body.cls]
    if fact.job == e.job_used:
        reserve_jobs(e, e.job_used + 1)
        e.job_used += 1
    else:
        e.free_job = e.jobs[fact.job].next
    job = &e.jobs[fact.job]
    memset(job, 0, sizeof(Job))
    e.job_number += 1
    job.number = e.job_number
    job.content = body.content
    job.policy_version = e.policy_version
    job.create_time = fact.time
    job.queue_time = fact.time
    job.enter_time = NEVER
    job.start_time = body.start_time
    job.expire_time = body.expire_time
    job.head_start = body.head_start
    job.own_hold = body.own_hold
    job.own_number = body.own_number
    job.cls = body.cls
    job.preferred = body.preferred
    job.customer = body.customer
    job.own_agent = body.own_agent
    job.urgency = body.urgency
    job.own_mode = body.own_mode
    job.own_away = body.own_away
    job.affinity = body.affinity
    job.channel_name = e.channels[c.channel].name
    job.cost = e.channels[c.channel].cost
    job.agent = NOBODY
    job.first_outcome = body.first_outcome
    job.first_reason = body.first_reason
    job.first_agent = body.first_agent
    job.first_queue = body.first_queue
    job.first_policy_version = e.policy_version
    job.state = SCHEDULED
    e.state_counts[<uint32_t> SCHEDULED] += 1
    e.queues[c.queue].live += 1
    e.channels[c.channel].live += 1
    if body.excluded_count:
        job.excluded = <uint32_t*> memory_grow(NULL, body.excluded_count * sizeof(uint32_t))
        memcpy(job.excluded, <const char*> fact.body + sizeof(JobBody), body.excluded_count * sizeof(uint32_t))
        job.excluded_count = body.excluded_count
    if job.start_time > fact.time:
        job.reason = body.first_reason
        set_timer(e, fact.job)


cdef void leave_backlog(Engine* e, uint32_t slot) noexcept nogil:
    """A waiting job waits no longer."""
    cdef Job* job = &e.jobs[slot]
    cdef Class* c = &e.classes[job.cls]
    cdef uint32_t last
    e.queues[c.queue].waiting -= 1
    if job.held:
        e.held_waiting -= 1
    else:
        e.costly_waiting -= job.cost > 1
        heap_remove(&c.waiting, job_waiting_places(e), slot)
        if c.waiting.size == 0:
            e.waiting_class_count -= 1
            last = e.waiting_classes[e.waiting_class_count]
            e.waiting_classes[c.waiting_index] = last
            e.classes[last].waiting_index = c.waiting_index
            c.waiting_index = NOBODY
    if job.listed:
        if job.own_previous == NOBODY:
            e.agents[job.own_agent].own_head = job.own_next
        else:
            e.jobs[job.own_previous].own_next = job.own_next
        if job.own_next != NOBODY:
            e.jobs[job.own_next].own_previous = job.own_previous
    job.held = 0
    job.listed = 0


cdef void enter_class(Engine* e, uint32_t slot, uint32_t cls) noexcept nogil:
    """The job's class, and with it its queue, becomes `cls`."""
    cdef Job* job = &e.jobs[slot]
    cdef const Class* preferred
    if job.cls == cls:
        return
    if e.classes[job.cls].queue != e.classes[cls].queue:
        e.queues[e.classes[job.cls].queue].live -= 1
        e.queues[e.classes[cls].queue].live += 1
        job.enter_time = NEVER
    job.cls = cls
    if job.preferred != NOBODY:
        preferred = &e.classes[job.preferred]
        job.preferred = class_find(e, e.classes[cls].queue, preferred.channel, preferred.demands, preferred.demand_count)


cdef void apply_waits(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `cls`, `reason`, `value` (hold_until), `flag`: it waits in this class from now on."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Class* c = &e.classes[fact.cls]
    cdef HeapNode node
    if job.state == QUEUED:
        leave_backlog(e, fact.job)
    enter_class(e, fact.job, fact.cls)
    set_state(e, job, QUEUED)
    job.reason = fact.reason
    job.hold_until = fact.value
    job.held = fact.value != 0
    job.policy_version = e.policy_version
    job.cost = e.channels[c.channel].cost
    if job.enter_time < 0:
        job.enter_time = fact.time
    if fact.flag & AGE_RESET:
        job.queue_time = fact.time
    if fact.flag & OWN_DROPPED:
        job.own_mode = 0
    e.queues[c.queue].waiting += 1
    if job.held:
        e.held_waiting += 1
    else:
        e.costly_waiting += job.cost > 1
        node.high = job_high(job)
        node.tie = <uint32_t> job.number
        node.item = fact.job
        if c.waiting.size == 0:
            pace_begins(c, fact.time)
        heap_push(&c.waiting, job_waiting_places(e), node)
        if c.waiting_index == NOBODY:
            c.waiting_index = e.waiting_class_count
            e.waiting_classes[e.waiting_class_count] = fact.cls
            e.waiting_class_count += 1
    if owns(e, job):
        job.listed = 1
        job.own_previous = NOBODY
        job.own_next = e.agents[job.own_agent].own_head
        if job.own_next != NOBODY:
            e.jobs[job.own_next].own_previous = fact.job
        e.agents[job.own_agent].own_head = fact.job
    set_timer(e, fact.job)


cdef bint binds(const Engine* e, const Job* job, uint32_t cls) noexcept nogil:
    """A1: whether the agent given a job of this class is remembered for its customer."""
    cdef uint8_t mode = job.affinity if job.affinity else e.queues[e.classes[cls].queue].affinity_mode
    return job.customer != NOBODY and mode != AFFINITY_OFF


cdef void apply_given(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`, `cls`, `reason` (a Cause), `flag`: the agent holds it from now on."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Agent* agent = &e.agents[fact.agent]
    cdef Class* c = &e.classes[fact.cls]
    cdef Queue* queue = &e.queues[c.queue]
    if job.state == QUEUED:
        if not job.held:
            pace_taken(&e.classes[job.cls], fact.time)
        leave_backlog(e, fact.job)
    enter_class(e, fact.job, fact.cls)
    if c.rotation != NULL:
        rotation_charge(e, fact.cls, fact.agent, fact.reason != BY_OWN_AGENT and fact.reason != BY_TRANSFER)
    queue.last_served = agent.order
    queue.last_served_number = agent.number
    job.load_before = agent.load
    job.capacity_before = agent.capacity
    e.given += 1
    agent.last_given = e.given
    agent.given_count += 1
    agent.last_given_time = fact.time
    if e.ordered_queues:
        lineup_move_to_back(&e.lineup, fact.agent)
    agent.load += job.cost
    agent.channel_count[c.channel] += 1
    agent.held_count += 1
    job.previous = NOBODY
    job.next = agent.held_head
    if job.next != NOBODY:
        e.jobs[job.next].previous = fact.job
    agent.held_head = fact.job
    derive_room(e, fact.agent)
    set_state(e, job, ASSIGNED)
    job.agent = fact.agent
    job.version += 1
    job.assign_time = fact.time
    if fact.flag & AGE_RESET:
        job.queue_time = fact.time
    job.cause = fact.reason
    job.reason = 0
    job.policy_version = e.policy_version
    if fact.reason == BY_TRANSFER:
        job.own_mode = 0
    if binds(e, job, fact.cls):
        memory_bind(e, job.customer, queue.affinity_group, fact.agent, fact.time)
    set_timer(e, fact.job)


cdef void leave_agent(Engine* e, uint32_t slot) noexcept nogil:
    """The agent no longer holds the job."""
    cdef Job* job = &e.jobs[slot]
    cdef Agent* agent = &e.agents[job.agent]
    agent.load -= job.cost
    agent.channel_count[e.classes[job.cls].channel] -= 1
    agent.held_count -= 1
    if job.previous == NOBODY:
        agent.held_head = job.next
    else:
        e.jobs[job.previous].next = job.next
    if job.next != NOBODY:
        e.jobs[job.next].previous = job.previous
    derive_room(e, job.agent)
    job.agent = NOBODY


cdef void apply_released(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: nobody holds it; the next fact of the step says where it goes."""
    leave_agent(e, fact.job)
    set_state(e, &e.jobs[fact.job], SCHEDULED)
    e.jobs[fact.job].assign_time = 0


cdef void apply_ended(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `state`, `reason`: remembered from now on, live no longer."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Class* c = &e.classes[job.cls]
    cdef uint32_t holder = job.agent
    if job.state == QUEUED:
        leave_backlog(e, fact.job)
    elif job.state == ASSIGNED:
        leave_agent(e, fact.job)
        if fact.state == COMPLETED:
            e.agents[holder].completed_count += 1
    set_state(e, job, fact.state)
    job.agent = holder
    job.reason = fact.reason
    job.end_time = fact.time
    e.queues[c.queue].live -= 1
    e.channels[c.channel].live -= 1
    set_timer(e, fact.job)
    job.next = NOBODY
    if e.ended_tail == NOBODY:
        e.ended_head = fact.job
    else:
        e.jobs[e.ended_tail].next = fact.job
    e.ended_tail = fact.job
    e.ended_count += 1


cdef void apply_forgotten(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: the one that ended first. Its slot is free."""
    cdef Job* job = &e.jobs[fact.job]
    e.ended_head = job.next
    if e.ended_head == NOBODY:
        e.ended_tail = NOBODY
    e.ended_count -= 1
    free(job.excluded)
    memset(job, 0, sizeof(Job))
    job.next = e.free_job
    e.free_job = fact.job


cdef void apply_excludes(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`: no longer a candidate for the job."""
    cdef Job* job = &e.jobs[fact.job]
    job.excluded = <uint32_t*> memory_grow(job.excluded, (job.excluded_count + 1) * sizeof(uint32_t))
    job.excluded[job.excluded_count] = fact.agent
    job.excluded_count += 1


# ---- reservations (Q8)


cdef void set_reserve_timer(Engine* e, uint32_t cls) noexcept nogil:
    """Rings when the class's head, if it has one with a clock, has been it for `reserve_after`."""
    cdef Class* c = &e.classes[cls]
    cdef HeapNode node
    if c.reserve_place:
        heap_remove(&e.class_timers, class_timer_places(e), cls)
    if c.head_number:
        node.high = <uint64_t> (c.head_since + e.reserve_after)
        node.tie = cls
        node.item = cls
        heap_push(&e.class_timers, class_timer_places(e), node)


cdef void apply_clock(Engine* e, const Fact* fact) noexcept nogil:
    """`cls`, `job` (NOBODY: none): the clock of the class's first job starts now, or stops."""
    cdef Class* c = &e.classes[fact.cls]
    e.clock_count += <uint32_t> ((fact.job != NOBODY) - (c.head_number != 0))
    c.head_number = e.jobs[fact.job].number if fact.job != NOBODY else 0
    c.head_since = fact.time
    set_reserve_timer(e, fact.cls)


cdef void apply_reserved(Engine* e, const Fact* fact) noexcept nogil:
    """`cls`, `job`, `agent`: the agent is kept for the job."""
    e.agents[fact.agent].reserved_for = fact.job
    e.classes[fact.cls].reserver = fact.agent
    e.reserved_count += 1
    derive_room(e, fact.agent)


cdef void apply_unreserved(Engine* e, const Fact* fact) noexcept nogil:
    """`cls`, `agent`."""
    e.agents[fact.agent].reserved_for = NOBODY
    e.classes[fact.cls].reserver = NOBODY
    e.reserved_count -= 1
    derive_room(e, fact.agent)
