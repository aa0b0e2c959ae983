"""See decide.pxd."""

from libc.string cimport memcpy, memset

from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_prefetch
from fairlead.engine.affinity cimport memory_find
from fairlead.engine.apply cimport AGE_RESET, OWN_DROPPED, PLAN_DROPPED, commit, fact_of
from fairlead.engine.choose cimport Choice, choose, waiting_reason
from fairlead.engine.match cimport class_of, give, make_wait, serve, settle
from fairlead.engine.model cimport (
    ACCEPTED, ACTION_CANCEL, ACTION_OVERFLOW, AFFINITY_OFF, AFFINITY_PREFER, AGENT_FULL, AGENT_NOT_ONLINE, ASSIGNED,
    BY_TRANSFER, CALLER, CANCELLED, CLOSED_HOURS, CLOSED_OVERFLOW, COMPLETED, EXPIRED, FACT_JOB_EXCLUDES, FACT_JOB_GIVEN,
    FACT_JOB_SUBMITTED, HELD_FOR_AGENT, NOT_STARTED, OFFERED, ONLINE, OUTCOME_ASSIGNED, OUTCOME_OFFERED, OUTCOME_QUEUED,
    OUTCOME_REFUSED, QUEUED, QUEUE_FULL, REASON_NONE, SAME_AGENT, SCHEDULED, STALE_VERSION, TIME_TO_LIVE, TOO_MANY_CLASSES,
    WRAPPING, WRONG_STATE, Class, Fact, Job, JobBody, Memory, Queue,
)
from fairlead.engine.plans cimport due_step, is_shut, step_demands, step_preferred, turns_away
from fairlead.engine.returns cimport end, place_requeued, release
from fairlead.engine.state cimport agent_prefetch, has_room

# The body of a fact with the longest tail it may have.
cdef struct JobFact:
    JobBody head
    uint32_t[MAX_JOB_EXCLUDED] excluded


# ---- classes


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


cdef bint flow_over(Engine* e, const Job* job, Job* moved) noexcept nogil:
    """The job, which may be `moved` itself, as it would be decided in its queue's overflow; own agents and plans count in the
    first queue only."""
    cdef uint32_t overflow = e.queues[e.classes[job.cls].queue].overflow
    if moved != job:
        moved[0] = job[0]
    if overflow == NOBODY or not carry_over(e, moved, overflow, &moved.cls, &moved.preferred):
        return False
    moved.own_mode = AFFINITY_OFF
    moved.plan = NOBODY
    moved.step = 0
    return True


cdef Placement turned_away(const Job* job) noexcept nogil:
    cdef Placement p
    memset(&p, 0, sizeof(Placement))
    p.fate = IS_REFUSED
    p.reason = CLOSED_HOURS
    p.agent = NOBODY
    p.cls = job.cls
    return p


cdef Placement place(Engine* e, const Job* job, bint immediate_only) noexcept nogil:
    """Where a new, starting or overflowing job goes: to an agent, to its queue, along the overflows, or nowhere (Q6, L2)."""
    cdef Placement p
    cdef Job moved
    cdef const Job* probe = job
    cdef Choice choice
    cdef Queue* queue
    p.own_flag = 0
    while True:
        queue = &e.queues[e.classes[probe.cls].queue]
        if turns_away(queue):
            if queue.on_closed == CLOSED_OVERFLOW and flow_over(e, probe, &moved):
                probe = &moved
                p.own_flag = OWN_DROPPED
                continue
            return turned_away(job)
        choice = choose(e, probe, p.own_flag == 0)
        p.agent = choice.agent
        p.cause = choice.cause
        p.cls = probe.cls
        p.hold_until = choice.hold_until
        p.reason = REASON_NONE
        if choice.agent != NOBODY:
            agent_prefetch(e, choice.agent)
            p.fate = IS_GIVEN
            return p
        p.reason = HELD_FOR_AGENT if choice.hold_until and not is_shut(e, probe.cls) else waiting_reason(e, probe)
        if immediate_only:
            p.fate = IS_REFUSED
            return p
        if queue.max_length == 0 or queue.waiting < queue.max_length:
            p.fate = WAITS
            return p
        p.reason = QUEUE_FULL
        if queue.on_max_length != ACTION_OVERFLOW or not flow_over(e, probe, &moved):
            p.fate = IS_CANCELLED if queue.on_max_length == ACTION_CANCEL else IS_REFUSED
            p.cls = job.cls
            return p
        probe = &moved
        p.own_flag = OWN_DROPPED


cdef void carry_out(Engine* e, uint32_t job, const Placement* p) noexcept nogil:
    """A job that is already kept goes where it was decided; what would have refused a new one cancels it."""
    if p.fate == IS_GIVEN:
        give(e, job, p.agent, p.cls, p.cause)
    elif p.fate == WAITS:
        make_wait(e, job, p.cls, p.reason, p.hold_until, p.own_flag)
    else:
        end(e, job, CANCELLED, p.reason, 0)


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


cdef bint find_plan(Engine* e, const AssignCommand* command, Job* draft) noexcept nogil:
    """The job's plan, its rule's or its queue's, and the step that is due from the start (R1). False: too many classes."""
    cdef const Queue* queue = &e.queues[command.queue]
    cdef Demand[2 * MAX_JOB_DEMANDS] demands
    cdef uint32_t count
    draft.original = draft.cls
    draft.wishes = NOBODY
    draft.plan = command.plan if command.plan != NOBODY else queue.plan
    if draft.plan == NOBODY:
        return True
    if command.wish_count:
        draft.wishes = class_of(e, command.queue, command.channel, command.wishes, command.wish_count)
        if draft.wishes == NOBODY:
            return False
    if command.start_time > e.now or turns_away(&e.queues[command.queue]):
        return True
    draft.step = <uint8_t> due_step(e, draft)
    if draft.step == 0:
        return True
    count = step_demands(e, draft, draft.step, demands)
    draft.cls = class_of(e, command.queue, command.channel, demands, count)
    count = step_preferred(e, draft, draft.step, demands)
    draft.preferred = class_of(e, command.queue, command.channel, demands, count) if count else NOBODY
    return draft.cls != NOBODY and (count == 0 or draft.preferred != NOBODY)


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
    head.original = draft.original
    head.wishes = draft.wishes
    head.plan = draft.plan
    head.step = draft.step
    head.strategy = command.strategy
    head.rule = command.rule
    head.customer = command.customer
    head.own_agent = draft.own_agent
    head.urgency = command.urgency
    head.own_mode = draft.own_mode
    head.own_away = draft.own_away
    head.affinity = command.affinity
    head.arm = command.arm
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
    draft.strategy = command.strategy
    draft.head_start = command.head_start
    draft.urgency = command.urgency
    draft.cost = e.channels[command.channel].cost
    draft.excluded = <uint32_t*> command.excluded
    draft.excluded_count = <uint8_t> command.excluded_count
    if not find_plan(e, command, &draft):
        refuse(answer, TOO_MANY_CLASSES)
        return
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
    make_wait(e, slot, cls, waiting_reason(e, &probe), 0, OWN_DROPPED | PLAN_DROPPED | (AGE_RESET if reset_age else 0))
    if job.expire_time and job.expire_time <= e.now:
        end(e, slot, EXPIRED, TIME_TO_LIVE, 0)
    else:
        place_requeued(e, slot, source)
    serve(e, source)
    settle(e)
    return ACCEPTED
