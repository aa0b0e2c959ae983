"""See decide.pxd."""

from libc.string cimport memcpy, memset

from fairlead.base.heap cimport heap_node, heap_remove
from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_prefetch
from fairlead.engine.affinity cimport memory_find
from fairlead.engine.apply cimport AGE_RESET, OWN_DROPPED, commit, fact_of
from fairlead.engine.choose cimport Choice, choose, waiting_reason
from fairlead.engine.match cimport give, make_wait, serve, settle, try_place
from fairlead.engine.model cimport (
    ACCEPTED, ACTION_CANCEL, ACTION_OVERFLOW, AFFINITY_OFF, AFFINITY_PREFER, AGENT_FULL, AGENT_NOT_ONLINE, ASSIGNED,
    BY_TRANSFER, CALLER, CANCELLED, COMPLETED, EXPIRED, FACT_AGENT_DUE, FACT_BARS_ENDED, FACT_CLASS, FACT_JOB_EXCLUDES,
    FACT_JOB_FORGOTTEN, FACT_JOB_GIVEN, FACT_JOB_STARTS, FACT_JOB_SUBMITTED, HELD_FOR_AGENT, LEASE_EXPIRED, MAX_CLASSES,
    MAX_WAIT, NOT_STARTED, OFFERED, OFFLINE, ONLINE,
    OUTCOME_ASSIGNED, OUTCOME_OFFERED, OUTCOME_QUEUED, OUTCOME_REFUSED, QUEUED, QUEUE_FULL, REASON_NONE, SAME_AGENT,
    SCHEDULED, STALE_VERSION, TIME_TO_LIVE, TOO_MANY_CLASSES, WRAPPING, WRONG_STATE, Class, ClassBody, Fact, Job,
    JobBody, Memory, Queue,
)
from fairlead.engine.presence cimport IS_LOST
from fairlead.engine.returns cimport (
    change_presence, end, end_wrap_up, lose_job, lose_jobs, offer_missed, place_requeued, release,
)
from fairlead.engine.state cimport (
    agent_prefetch, class_find, class_timer_places, has_room,
)

# What is to become of a job that looks for a place.
cdef enum Fate:
    IS_GIVEN = 1
    WAITS = 2
    IS_REFUSED = 3     # not kept
    IS_CANCELLED = 4

cdef struct Placement:
    uint32_t fate
    uint32_t agent
    uint32_t cls
    uint32_t reason
    uint32_t cause
    uint32_t own_flag     # OWN_DROPPED once it has overflowed
    int64_t hold_until


# Bodies of facts with the longest tail they may have.
cdef struct ClassFact:
    ClassBody head
    Demand[2 * MAX_JOB_DEMANDS] demands

cdef struct JobFact:
    JobBody head
    uint32_t[MAX_JOB_EXCLUDED] excluded


# ---- classes


cdef uint32_t class_of(Engine* e, uint32_t queue, uint32_t channel, const Demand* demands, uint32_t count) noexcept nogil:
    """The class of these demands, defined if need be; NOBODY when the tenant has MAX_CLASSES."""
    cdef ClassFact body
    cdef Fact fact
    cdef uint32_t cls = class_find(e, queue, channel, demands, count)
    if cls != NOBODY or e.class_count == MAX_CLASSES:
        return cls
    body.head.queue = queue
    body.head.channel = channel
    body.head.demand_count = count
    memcpy(body.demands, demands, count * sizeof(Demand))
    fact = fact_of(FACT_CLASS)
    fact.body = &body
    fact.body_size = sizeof(ClassBody) + count * sizeof(Demand)
    commit(e, &fact)
    return e.class_count - 1


cdef uint32_t class_in(Engine* e, uint32_t cls, uint32_t queue) noexcept nogil:
    """The same demands in another queue."""
    cdef Class* c = &e.classes[cls]
    return class_of(e, queue, c.channel, c.demands, c.demand_count)


cdef bint carry_over(Engine* e, const Job* job, uint32_t queue, uint32_t* cls, uint32_t* preferred) noexcept nogil:
    """Classes of the job in another queue; False when there is no room for more classes."""
    cls[0] = class_in(e, job.cls, queue)
    preferred[0] = class_in(e, job.preferred, queue) if job.preferred != NOBODY else NOBODY
    return cls[0] != NOBODY and (job.preferred == NOBODY or preferred[0] != NOBODY)


# ---- placing


cdef Placement place(Engine* e, const Job* job, bint immediate_only) noexcept nogil:
    """Where a new, starting or overflowing job goes: to an agent, to its queue, along the overflows, or nowhere (Q6)."""
    cdef Placement p
    cdef Job probe = job[0]
    cdef Choice choice
    cdef Queue* queue
    p.own_flag = 0
    while True:
        queue = &e.queues[e.classes[probe.cls].queue]
        choice = choose(e, &probe, p.own_flag == 0)
        p.agent = choice.agent
        p.cause = choice.cause
        p.cls = probe.cls
        p.hold_until = choice.hold_until
        p.reason = REASON_NONE
        if choice.agent != NOBODY:
            agent_prefetch(e, choice.agent)
            p.fate = IS_GIVEN
            return p
        p.reason = HELD_FOR_AGENT if choice.hold_until else waiting_reason(e, &probe)
        if immediate_only:
            p.fate = IS_REFUSED
            return p
        if queue.max_length == 0 or queue.waiting < queue.max_length:
            p.fate = WAITS
            return p
        p.reason = QUEUE_FULL
        if queue.on_max_length != ACTION_OVERFLOW or not carry_over(e, &probe, queue.overflow, &probe.cls, &probe.preferred):
            p.fate = IS_CANCELLED if queue.on_max_length == ACTION_CANCEL else IS_REFUSED
            p.cls = job.cls
            return p
        p.own_flag = OWN_DROPPED
        probe.own_mode = AFFINITY_OFF


cdef void carry_out(Engine* e, uint32_t job, const Placement* p) noexcept nogil:
    """A job that is already kept goes where it was decided; what would have refused a new one cancels it."""
    if p.fate == IS_GIVEN:
        give(e, job, p.agent, p.cls, p.cause)
    elif p.fate == WAITS:
        make_wait(e, job, p.cls, p.reason, p.hold_until, p.own_flag)
    else:
        end(e, job, CANCELLED, p.reason, 0)


# ---- the clock


cdef int64_t next_due(const Engine* e) noexcept nogil:
    """When `advance` next has something to do, -1 for never. Forgetting ended jobs waits for the next command."""
    cdef uint64_t due = <uint64_t> -1
    if e.job_timers.size:
        due = heap_node(&e.job_timers, 0).high
    if e.agent_timers.size and heap_node(&e.agent_timers, 0).high < due:
        due = heap_node(&e.agent_timers, 0).high
    if e.class_timers.size and heap_node(&e.class_timers, 0).high < due:
        due = heap_node(&e.class_timers, 0).high
    return <int64_t> due


cdef void advance(Engine* e, int64_t now) noexcept nogil:
    """Fires what is due until `now`, each at its own time and as a step of its own, and forgets what is old enough (J4).

    Equal times: jobs by number, then agents by number, then reservation clocks.
    """
    cdef int64_t due
    while True:
        due = next_due(e)
        if due < 0 or due > now:
            break
        if due > e.now:
            e.now = due
        if e.job_timers.size and heap_node(&e.job_timers, 0).high == <uint64_t> due:
            fire(e, heap_node(&e.job_timers, 0).item)
        elif e.agent_timers.size and heap_node(&e.agent_timers, 0).high == <uint64_t> due:
            fire_agent(e, heap_node(&e.agent_timers, 0).item)
        else:
            heap_remove(&e.class_timers, class_timer_places(e), heap_node(&e.class_timers, 0).item)
        settle(e)
    if now > e.now:
        e.now = now
    forget(e)


cdef void forget(Engine* e) noexcept nogil:
    """Drops ended jobs that are old enough, and the oldest beyond MAX_ENDED (J4). O(dropped)."""
    cdef Fact fact
    while e.ended_head != NOBODY and (e.jobs[e.ended_head].end_time + e.retention <= e.now or e.ended_count > MAX_ENDED):
        fact = fact_of(FACT_JOB_FORGOTTEN)
        fact.job = e.ended_head
        commit(e, &fact)


cdef void fire(Engine* e, uint32_t slot) noexcept nogil:
    """One cause of one job, the first that is due of: the end of its life, its start, the end of its offer, of its after-work,
    of its lost agent's grace, of its hold, of a bar, of its wait."""
    cdef Job* job = &e.jobs[slot]
    cdef Placement p
    cdef Fact fact
    if job.expire_time and job.expire_time <= e.now and job.state <= OFFERED:
        fire_expiry(e, slot)
    elif job.state == SCHEDULED:
        fact = fact_of(FACT_JOB_STARTS)
        fact.job = slot
        commit(e, &fact)
        p = place(e, job, False)
        carry_out(e, slot, &p)
    elif job.state == OFFERED:
        offer_missed(e, slot)
    elif job.state == WRAPPING and job.deadline <= e.now:
        end_wrap_up(e, slot)
    elif job.state >= ASSIGNED:
        lose_job(e, slot)
    else:
        fire_waiting(e, slot)


cdef void fire_expiry(Engine* e, uint32_t slot) noexcept nogil:
    cdef uint32_t agent = e.jobs[slot].agent if e.jobs[slot].state == OFFERED else NOBODY
    end(e, slot, EXPIRED, TIME_TO_LIVE, 0)
    if agent != NOBODY:
        serve(e, agent)


cdef void fire_waiting(Engine* e, uint32_t slot) noexcept nogil:
    cdef Job* job = &e.jobs[slot]
    cdef Queue* queue = &e.queues[e.classes[job.cls].queue]
    cdef Job probe
    cdef Placement p
    cdef Fact fact
    if job.held and job.hold_until <= e.now:
        try_place(e, slot)
    elif bar_is_over(e, job):
        fact = fact_of(FACT_BARS_ENDED)
        fact.job = slot
        commit(e, &fact)
        try_place(e, slot)
    elif queue.on_max_wait == ACTION_OVERFLOW:
        probe = job[0]
        probe.own_mode = AFFINITY_OFF
        if carry_over(e, job, queue.overflow, &probe.cls, &probe.preferred):
            p = place(e, &probe, False)
            p.own_flag = OWN_DROPPED
            carry_out(e, slot, &p)
        else:
            end(e, slot, CANCELLED, MAX_WAIT, 0)
    else:
        end(e, slot, CANCELLED, MAX_WAIT, 0)


cdef bint bar_is_over(const Engine* e, const Job* job) noexcept nogil:
    cdef uint32_t index
    for index in range(job.bar_count):
        if job.bars[index].until <= e.now:
            return True
    return False


cdef void fire_agent(Engine* e, uint32_t slot) noexcept nogil:
    """The end of a lease (P2), or of something that kept the agent from new jobs (P4, P5)."""
    cdef Fact fact
    if e.agents[slot].lease_end and e.agents[slot].lease_end <= e.now:
        change_presence(e, slot, OFFLINE, 0, LEASE_EXPIRED, IS_LOST)
        lose_jobs(e, slot)
        return
    fact = fact_of(FACT_AGENT_DUE)
    fact.agent = slot
    commit(e, &fact)
    serve(e, slot)


# ---- jobs


cdef inline void refuse(Answer* answer, uint32_t refusal) noexcept nogil:
    answer.refusal = refusal


cdef void present_answer(const Engine* e, uint32_t slot, Answer* answer) noexcept nogil:
    """The job as it is now; an agent and a version only while somebody holds it."""
    cdef const Job* job = &e.jobs[slot]
    cdef bint is_held = OFFERED <= job.state <= WRAPPING
    answer.refusal = ACCEPTED
    answer.job = slot
    answer.agent = job.agent if is_held else NOBODY
    answer.queue = e.classes[job.cls].queue
    answer.version = job.version if is_held else 0
    answer.reason = job.reason
    answer.state = job.state
    answer.outcome = OUTCOME_QUEUED
    if is_held:
        answer.outcome = OUTCOME_OFFERED if job.state == OFFERED else OUTCOME_ASSIGNED
    answer.deadline = job.deadline
    answer.policy_version = job.policy_version


cdef void first_answer(const Engine* e, uint32_t slot, Answer* answer) noexcept nogil:
    """What was answered when the job was submitted (J4)."""
    cdef const Job* job = &e.jobs[slot]
    answer.refusal = ACCEPTED
    answer.job = slot
    answer.agent = job.first_agent
    answer.queue = job.first_queue
    answer.version = job.first_outcome <= OUTCOME_OFFERED
    answer.deadline = job.first_deadline
    answer.reason = job.first_reason
    answer.outcome = job.first_outcome
    answer.state = ASSIGNED if job.first_outcome == OUTCOME_ASSIGNED else QUEUED
    if job.first_outcome == OUTCOME_OFFERED:
        answer.state = OFFERED
    elif job.first_outcome == OUTCOME_REFUSED:
        answer.state = CANCELLED
    elif job.first_reason == NOT_STARTED:
        answer.state = SCHEDULED
    answer.policy_version = job.first_policy_version


cdef void find_owner(const Engine* e, const AssignCommand* command, Job* draft) noexcept nogil:
    """The wanted agent, or whoever the memory knows within the queue's tiers (A1, A2)."""
    cdef const Queue* queue = &e.queues[command.queue]
    cdef uint32_t mode = command.affinity if command.affinity else queue.affinity_mode, tier
    cdef const Memory* memory
    draft.own_agent = NOBODY
    draft.own_mode = AFFINITY_OFF
    if command.wanted_agent != NOBODY:
        draft.own_agent = command.wanted_agent
        draft.own_number = e.agents[command.wanted_agent].number
        draft.own_mode = command.wanted_mode
        draft.own_hold = command.wanted_hold
        return
    if command.customer == NOBODY or mode == AFFINITY_OFF:
        return
    memory = memory_find(e, command.customer, queue.affinity_group)
    if memory == NULL or e.agents[memory.agent].number != memory.agent_number:
        return
    for tier in range(queue.tier_count):
        if e.now - memory.time <= queue.tiers[tier].age:
            draft.own_agent = memory.agent
            draft.own_number = memory.agent_number
            draft.own_mode = <uint8_t> mode
            draft.own_hold = queue.tiers[tier].hold
            draft.own_away = queue.tiers[tier].also_away and mode == AFFINITY_PREFER
            return


cdef inline uint32_t next_job(const Engine* e) noexcept nogil:
    """The slot of the next job that is kept."""
    return e.free_job if e.free_job != NOBODY else e.job_used


cdef inline void prefetch_job(const Engine* e) noexcept nogil:
    cdef uint32_t slot = next_job(e)
    if slot < e.job_capacity:
        memory_prefetch(&e.jobs[slot], sizeof(Job))


cdef uint32_t submit(Engine* e, const AssignCommand* command, const Job* draft, uint32_t outcome, const Placement* p) noexcept nogil:
    """Keeps the job; returns its slot."""
    cdef JobFact body
    cdef JobBody* head = &body.head
    cdef Fact fact = fact_of(FACT_JOB_SUBMITTED)
    memset(head, 0, sizeof(JobBody))
    head.content = command.content
    head.start_time = command.start_time
    head.expire_time = e.now + command.time_to_live if command.time_to_live else 0
    head.head_start = command.head_start
    head.own_hold = draft.own_hold
    head.own_number = draft.own_number
    head.cls = draft.cls
    head.preferred = draft.preferred
    head.customer = command.customer
    head.own_agent = draft.own_agent
    head.urgency = command.urgency
    head.own_mode = draft.own_mode
    head.own_away = draft.own_away
    head.affinity = command.affinity
    head.first_outcome = <uint8_t> outcome
    head.first_reason = <uint8_t> p.reason
    head.first_agent = p.agent
    head.first_queue = e.classes[p.cls].queue
    if outcome == OUTCOME_OFFERED:
        head.first_deadline = e.now + e.queues[head.first_queue].offer_timeout
    head.excluded_count = <uint8_t> command.excluded_count
    memcpy(body.excluded, command.excluded, command.excluded_count * 4)
    fact.job = next_job(e)
    fact.body = &body
    fact.body_size = sizeof(JobBody) + command.excluded_count * 4
    commit(e, &fact)
    return fact.job


cdef uint32_t outcome_of(const Engine* e, const Placement* p) noexcept nogil:
    if p.fate == IS_GIVEN:
        return OUTCOME_OFFERED if e.queues[e.classes[p.cls].queue].offer_timeout else OUTCOME_ASSIGNED
    return OUTCOME_QUEUED if p.fate == WAITS else OUTCOME_REFUSED


cdef void assign(Engine* e, const AssignCommand* command, Answer* answer) noexcept nogil:
    """Submits a job (T, A, Q4, Q6, E1). O(demands + search); no allocation but for new demands and growing tables."""
    cdef Job draft
    cdef Placement p
    prefetch_job(e)
    memset(&draft, 0, sizeof(Job))
    draft.cls = class_of(e, command.queue, command.channel, command.demands, command.demand_count)
    draft.preferred = NOBODY
    if command.preferred_count:
        draft.preferred = class_of(e, command.queue, command.channel, command.preferred, command.preferred_count)
    if draft.cls == NOBODY or (command.preferred_count and draft.preferred == NOBODY):
        refuse(answer, TOO_MANY_CLASSES)
        return
    draft.number = e.job_number + 1
    draft.queue_time = e.now
    draft.head_start = command.head_start
    draft.urgency = command.urgency
    draft.cost = e.channels[command.channel].cost
    draft.excluded = <uint32_t*> command.excluded
    draft.excluded_count = <uint8_t> command.excluded_count
    find_owner(e, command, &draft)
    if command.start_time > e.now:
        p.agent = NOBODY
        p.cls = draft.cls
        p.reason = NOT_STARTED
        first_answer(e, submit(e, command, &draft, OUTCOME_QUEUED, &p), answer)
        return
    p = place(e, &draft, command.immediate_only)
    if p.fate == IS_REFUSED:
        answer.refusal = ACCEPTED
        answer.job = NOBODY
        answer.agent = NOBODY
        answer.queue = e.classes[p.cls].queue
        answer.version = 0
        answer.outcome = OUTCOME_REFUSED
        answer.reason = p.reason
        answer.state = CANCELLED
        answer.policy_version = e.policy_version
        answer.deadline = 0
        return
    answer.job = submit(e, command, &draft, outcome_of(e, &p), &p)
    carry_out(e, answer.job, &p)
    settle(e)
    first_answer(e, answer.job, answer)


cdef uint32_t refusal_of(const Engine* e, uint32_t slot, uint64_t version, uint32_t state) noexcept nogil:
    """J5: the state first, then the version."""
    if e.jobs[slot].state != state:
        return WRONG_STATE
    return ACCEPTED if e.jobs[slot].version == version else STALE_VERSION


cdef void cancel(Engine* e, uint32_t slot, Answer* answer) noexcept nogil:
    """Nobody wants the work any more, whoever holds it."""
    cdef uint32_t agent = e.jobs[slot].agent
    cdef uint32_t state = e.jobs[slot].state
    if state >= COMPLETED:
        refuse(answer, WRONG_STATE)
        return
    end(e, slot, CANCELLED, CALLER, 0)
    present_answer(e, slot, answer)
    if OFFERED <= state:
        serve(e, agent)
    settle(e)


cdef uint32_t transfer_to_agent(
    Engine* e, uint32_t slot, uint64_t version, uint32_t target, bint over_capacity, bint reset_age
) noexcept nogil:
    """C2: never above capacity, unless told so; skills are the operator's business. Returns a Refusal."""
    cdef Job* job = &e.jobs[slot]
    cdef uint32_t source = job.agent, channel = e.classes[job.cls].channel
    cdef uint32_t refusal = refusal_of(e, slot, version, ASSIGNED)
    cdef Fact fact
    if refusal != ACCEPTED:
        return refusal
    if e.agents[target].presence != ONLINE:
        return AGENT_NOT_ONLINE
    if source == target:
        return SAME_AGENT
    if not over_capacity and (e.agents[target].reserved_for != NOBODY or not has_room(e, target, channel, job.cost)):
        return AGENT_FULL
    release(e, slot)
    fact = fact_of(FACT_JOB_GIVEN)
    fact.job = slot
    fact.agent = target
    fact.cls = job.cls
    fact.reason = BY_TRANSFER
    fact.flag = AGE_RESET if reset_age else 0
    commit(e, &fact)
    serve(e, source)
    settle(e)
    return ACCEPTED


cdef uint32_t transfer_to_queue(
    Engine* e, uint32_t slot, uint64_t version, uint32_t queue, bint is_back, bint reset_age
) noexcept nogil:
    """To a backlog; `is_back`: the present agent is out of the question from now on. Returns a Refusal."""
    cdef Job* job = &e.jobs[slot]
    cdef uint32_t source = job.agent, refusal = refusal_of(e, slot, version, ASSIGNED), cls, preferred
    cdef Fact fact
    cdef Job probe
    if refusal != ACCEPTED:
        return refusal
    if not carry_over(e, job, queue, &cls, &preferred):
        return TOO_MANY_CLASSES
    release(e, slot)
    if is_back and job.excluded_count < MAX_EXCLUSIONS:
        fact = fact_of(FACT_JOB_EXCLUDES)
        fact.job = slot
        fact.agent = source
        commit(e, &fact)
    probe = job[0]
    probe.cls = cls
    probe.cost = e.channels[e.classes[cls].channel].cost
    if reset_age:
        probe.queue_time = e.now
    make_wait(e, slot, cls, waiting_reason(e, &probe), 0, OWN_DROPPED | (AGE_RESET if reset_age else 0))
    if job.expire_time and job.expire_time <= e.now:
        end(e, slot, EXPIRED, TIME_TO_LIVE, 0)
    else:
        place_requeued(e, slot, source)
    serve(e, source)
    settle(e)
    return ACCEPTED
