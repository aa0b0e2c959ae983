"""See apply.pxd. One function for each type of fact; its docstring names the fields it uses."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.ahead cimport ahead_step
from fairlead.base.heap cimport HeapNode, heap_push, heap_remove
from fairlead.base.lineup cimport NOBODY, lineup_insert, lineup_put, lineup_remove
from fairlead.base.memory cimport memory_grow
from fairlead.engine.affinity cimport memory_drop
from fairlead.engine.model cimport (
    ASSIGNED, BY_TRANSFER, COMPLETED, EXISTS_BIT, FACT_AGENT, FACT_AGENT_DUE, FACT_AGENT_REMOVED, FACT_BARS_ENDED, FACT_CHANNEL,
    FACT_CLASS, FACT_CLOCK, FACT_CUSTOMER_FORGOTTEN, FACT_HOURS, FACT_JOB_ENDED, FACT_JOB_EXCLUDES, FACT_JOB_FORGOTTEN,
    FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELAXED, FACT_JOB_RELEASED, FACT_JOB_STARTS, FACT_JOB_SUBMITTED, FACT_JOB_WAITS,
    FACT_JOB_WRAPS, FACT_LEASE_EXTENDED, FACT_OFFER_ACCEPTED, FACT_OFFER_ENDED, FACT_PLAN, FACT_PRESENCE, FACT_QUEUE,
    FACT_RESERVED, FACT_SETTINGS, FACT_UNRESERVED,
    OFFLINE, ONLINE_BIT, QUEUED, SCHEDULED, UNKNOWN, WEIGHTED, Ability, Agent, AgentBody, Channel, ChannelBody, Class,
    ClassBody, Demand, Job, JobBody, Plan, PlanBody, Queue, QueueBody, SettingsBody,
)
from fairlead.engine.offers cimport (
    apply_accepted, apply_bars_ended, apply_offer_ended, apply_offered, apply_wraps, forget_bars, forgive_bars, note_served,
)
from fairlead.engine.places cimport (
    drop_bars, drop_plan, enter_backlog, enter_class, join_agent, leave_agent, leave_backlog, leave_line, note_given, set_state,
)
from fairlead.engine.presence cimport apply_lease_extended, apply_presence
from fairlead.engine.rotation cimport rotation_drop_all, rotation_weigh
from fairlead.engine.state cimport (
    agent_timer_places, class_define, class_renew, class_timer_places, derive_attributes, derive_room, is_member, needs_order,
    queue_rotations, reserve_agents, reserve_jobs, reserve_plans, reserve_queues, restore_order, rotations_follow,
)
from fairlead.engine.timers cimport agent_timer_fired, set_agent_timer, set_timer

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
    elif fact.type == FACT_JOB_OFFERED:
        apply_offered(e, fact)
    elif fact.type == FACT_OFFER_ACCEPTED:
        apply_accepted(e, fact)
    elif fact.type == FACT_OFFER_ENDED:
        apply_offer_ended(e, fact)
    elif fact.type == FACT_JOB_WRAPS:
        apply_wraps(e, fact)
    elif fact.type == FACT_BARS_ENDED:
        apply_bars_ended(e, fact)
    elif fact.type == FACT_LEASE_EXTENDED:
        apply_lease_extended(e, fact)
    elif fact.type == FACT_AGENT_DUE:
        agent_timer_fired(e, fact.agent)
    elif fact.type == FACT_JOB_STARTS:
        e.jobs[fact.job].queue_time = e.jobs[fact.job].start_time
    elif fact.type == FACT_JOB_RELAXED:
        apply_relaxed(e, fact)
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
    elif fact.type == FACT_HOURS:
        e.queues[fact.value].closed = fact.flag
    elif fact.type == FACT_PLAN:
        apply_plan(e, <const PlanBody*> fact.body)
    elif fact.type == FACT_CHANNEL:
        apply_channel(e, <const ChannelBody*> fact.body)
    elif fact.type == FACT_SETTINGS:
        apply_settings(e, <const SettingsBody*> fact.body)
    elif fact.type == FACT_CUSTOMER_FORGOTTEN:
        apply_customer_forgotten(e, fact)


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


cdef void set_limits(Engine* e, Queue* queue, const QueueBody* body) noexcept nogil:
    """Offers, after-work, loss, warm-up and rate limit of a queue. What they say holds for clocks that run. O(queues), and
    O(agents) with a warm-up or a rate limit."""
    cdef uint32_t slot
    cdef bint was_paced = queue.paced
    queue.offer_timeout = body.offer_timeout
    queue.decline_cooldown = body.decline_cooldown
    queue.misses_to_away = body.misses_to_away
    queue.wrap_up = body.wrap_up
    queue.requeue_lost = body.requeue_lost
    queue.lost_grace = body.lost_grace
    queue.warm_interval = body.warm_interval
    queue.warm_for = body.warm_for
    queue.rate_limit = body.rate_limit
    queue.rate_window = body.rate_window
    queue.paced = body.used and (body.warm_interval != 0 or body.rate_limit != 0)
    if not was_paced and not queue.paced:
        return
    e.longest_warm_up = 0
    e.rate_count = 0
    for slot in range(e.queue_capacity):
        if e.queues[slot].paced:
            e.rate_count += e.queues[slot].rate_limit != 0
            if e.queues[slot].warm_interval and e.queues[slot].warm_for > e.longest_warm_up:
                e.longest_warm_up = e.queues[slot].warm_for
    for slot in range(e.agent_capacity):
        if e.agents[slot].number:
            set_agent_timer(e, slot)


cdef void apply_queue(Engine* e, const QueueBody* body) noexcept nogil:
    """Everything about a queue but its explicit members, who are facts of agents. O(agents), and O(classes) or O(jobs) only where
    its membership, rotations or clocks change."""
    cdef Queue* queue
    cdef uint32_t slot, cls
    cdef bint renewed, reclocked, was_ordered
    reserve_queues(e, body.queue + 1)
    queue = &e.queues[body.queue]
    renewed = queue.everyone != body.everyone
    reclocked = queue.live and (queue.max_wait != body.max_wait or queue.requeue_lost != body.requeue_lost
                                or queue.lost_grace != body.lost_grace)
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
    e.changes += 1
    set_limits(e, queue, body)
    queue.closed = body.closed
    queue.on_closed = body.on_closed
    queue.closed_strategy = body.closed_strategy
    queue.plan = body.plan
    if not queue.used:
        queue.last_served_number = 0
    e.ordered_queues += <uint32_t> (needs_order(queue) - was_ordered)
    if e.ordered_queues == 1 and not was_ordered:
        restore_order(e)
    queue.any_count = body.any_count
    queue.any_of = <Demand*> memory_grow(queue.any_of, body.any_count * sizeof(Demand))
    memcpy(queue.any_of, <const char*> body + sizeof(QueueBody), body.any_count * sizeof(Demand))
    for cls in range(e.class_count if renewed else 0):
        if e.classes[cls].queue == body.queue:
            class_renew(e, cls)
    if e.rotation_count or queue.strategy == WEIGHTED:
        queue_rotations(e, body.queue, queue.used and queue.strategy == WEIGHTED)
    for slot in range(e.agent_capacity):
        if e.agents[slot].number:
            if queue.bit != NOBODY:
                lineup_put(&e.lineup, slot, queue.bit, is_member(e, slot, body.queue))
            if e.rotation_count:
                rotations_follow(e, slot)
    for slot in range(e.job_used if reclocked else 0):
        if QUEUED <= e.jobs[slot].state < COMPLETED and e.classes[e.jobs[slot].cls].queue == body.queue:
            set_timer(e, slot)


cdef void apply_plan(Engine* e, const PlanBody* body) noexcept nogil:
    """A plan as it is from now on. Live jobs keep their step until they follow it; one that is no longer used leaves them
    without. O(jobs)."""
    cdef Plan* plan
    cdef uint32_t slot
    reserve_plans(e, body.plan + 1)
    plan = &e.plans[body.plan]
    plan.used = body.used
    plan.end = body.end
    plan.step_count = body.step_count
    plan.overflow = body.overflow
    plan.end_after = body.end_after
    memcpy(plan.steps, body.steps, sizeof(body.steps))
    plan.dropped = <uint32_t*> memory_grow(plan.dropped, body.dropped_count * sizeof(uint32_t))
    memcpy(plan.dropped, <const char*> body + sizeof(PlanBody), body.dropped_count * sizeof(uint32_t))
    for slot in range(e.job_used):
        if e.jobs[slot].number and e.jobs[slot].state < COMPLETED and e.jobs[slot].plan == body.plan:
            if not body.used:
                drop_plan(&e.jobs[slot])
            if e.jobs[slot].state == QUEUED:
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
        agent.lost_since = UNKNOWN
        agent.warm_since = UNKNOWN
        agent.warm_last = UNKNOWN
        agent.handle_time = UNKNOWN
        agent.first_response = UNKNOWN
        agent.satisfaction = UNKNOWN
        e.presence_counts[<uint32_t> OFFLINE] += 1
    agent.order = body.order
    if body.order > e.highest_order:
        e.highest_order = body.order
    rotation_weigh(e, fact.agent, body.weight)
    agent.capacity = body.capacity
    agent.rating = body.rating
    agent.wrap_up = body.wrap_up
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
        forgive_bars(e, slot, fact.agent)
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
    free(agent.given_times)
    if agent.timer_place:
        heap_remove(&e.agent_timers, agent_timer_places(e), fact.agent)
    memset(agent, 0, sizeof(Agent))
    agent.held_head = NOBODY
    agent.own_head = NOBODY
    agent.reserved_for = NOBODY


# ---- jobs


cdef void apply_submitted(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: a free slot; JobBody. The job is SCHEDULED until the next fact of the step, or until its start."""
    cdef const JobBody* body = <const JobBody*> fact.body
    cdef Job* job
    cdef Class* c = &e.classes[body.cls]
    if fact.job == e.job_used:
        reserve_jobs(e, e.job_used + 1)
        ahead_step(e.jobs, e.job_used * sizeof(Job), sizeof(Job), e.job_capacity * sizeof(Job))
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
    job.original = body.original
    job.wishes = body.wishes
    job.plan = body.plan
    job.step = body.step
    job.strategy = body.strategy
    job.rule = body.rule
    job.customer = body.customer
    job.own_agent = body.own_agent
    job.urgency = body.urgency
    job.own_mode = body.own_mode
    job.own_away = body.own_away
    job.affinity = body.affinity
    job.arm = body.arm
    job.channel_name = e.channels[c.channel].name
    job.cost = e.channels[c.channel].cost
    job.agent = NOBODY
    job.first_outcome = body.first_outcome
    job.first_reason = body.first_reason
    job.first_agent = body.first_agent
    job.first_queue = body.first_queue
    job.first_deadline = body.first_deadline
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


cdef void apply_waits(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `cls`, `reason`, `value` (hold_until), `flag`: it waits in this class from now on."""
    cdef Job* job = &e.jobs[fact.job]
    if job.state == QUEUED:
        leave_backlog(e, fact.job)
    enter_class(e, fact.job, fact.cls)
    set_state(e, job, QUEUED)
    job.reason = fact.reason
    job.hold_until = fact.value
    job.held = fact.value != 0
    job.policy_version = e.policy_version
    job.cost = e.channels[e.classes[fact.cls].channel].cost
    if job.enter_time < 0:
        job.enter_time = fact.time
    if fact.flag & AGE_RESET:
        job.queue_time = fact.time
    if fact.flag & OWN_DROPPED:
        job.own_mode = 0
    if fact.flag & PLAN_DROPPED:
        drop_plan(job)
    forget_bars(e, fact.job, fact.time)
    enter_backlog(e, fact.job)
    set_timer(e, fact.job)


cdef void apply_relaxed(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `cls`, `value` (class of demands and preferences), `state` (step), `reason`, `flag`: its plan has reached a step (R1)."""
    cdef Job* job = &e.jobs[fact.job]
    cdef bint was_held = job.held
    if job.state == QUEUED:
        leave_backlog(e, fact.job)
    job.cls = fact.cls
    job.preferred = <uint32_t> fact.value
    job.step = fact.state
    if fact.flag & OWN_DROPPED:
        job.own_mode = 0
        job.hold_until = 0
        was_held = False
    if job.state == QUEUED:
        job.reason = fact.reason
        job.policy_version = e.policy_version
        job.held = was_held
        enter_backlog(e, fact.job)
        set_timer(e, fact.job)


cdef void apply_given(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`, `cls`, `reason` (a Cause), `flag`: the agent holds it from now on."""
    cdef Job* job = &e.jobs[fact.job]
    if job.state == QUEUED:
        leave_line(e, fact.job, fact.time)
    enter_class(e, fact.job, fact.cls)
    if fact.reason == BY_TRANSFER:
        drop_plan(job)
    note_given(e, fact.job, fact.agent, fact.cls, fact.reason, False)
    join_agent(e, fact, ASSIGNED)
    if fact.flag & AGE_RESET:
        job.queue_time = fact.time
    if fact.reason == BY_TRANSFER:
        job.own_mode = 0
    if job.bar_count:
        drop_bars(job)
    set_timer(e, fact.job)


cdef void apply_released(Engine* e, const Fact* fact) noexcept nogil:
    """`job`: nobody holds it; the next fact of the step says where it goes."""
    leave_agent(e, fact.job)
    e.jobs[fact.job].assign_time = 0


cdef void apply_ended(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `state`, `reason`, `value` as in note_served: remembered from now on, live no longer."""
    cdef Job* job = &e.jobs[fact.job]
    cdef Class* c = &e.classes[job.cls]
    cdef uint32_t holder = job.agent
    if job.state == QUEUED:
        leave_backlog(e, fact.job)
    elif holder != NOBODY:
        if job.state == ASSIGNED and fact.state == COMPLETED:
            note_served(e, fact)
        leave_agent(e, fact.job)
    if job.bar_count:
        drop_bars(job)
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
    free(job.bars)
    memset(job, 0, sizeof(Job))
    job.next = e.free_job
    e.free_job = fact.job


cdef void apply_excludes(Engine* e, const Fact* fact) noexcept nogil:
    """`job`, `agent`: no longer a candidate for the job."""
    cdef Job* job = &e.jobs[fact.job]
    job.excluded = <uint32_t*> memory_grow(job.excluded, (job.excluded_count + 1) * sizeof(uint32_t))
    job.excluded[job.excluded_count] = fact.agent
    job.excluded_count += 1


cdef void apply_customer_forgotten(Engine* e, const Fact* fact) noexcept nogil:
    """`value`: the customer; `cls`: one above the last affinity group. Nobody served them. O(groups)."""
    cdef uint32_t group
    for group in range(fact.cls):
        memory_drop(e, <uint32_t> fact.value, group)


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
