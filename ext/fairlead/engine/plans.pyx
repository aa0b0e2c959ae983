"""See plans.pxd."""

from libc.string cimport memcpy, memmove

from fairlead.engine.model cimport (
    AFFINITY_REQUIRE, CLOSED_STRATEGY, END_ANYONE, END_CANCEL, END_HOLD, END_OVERFLOW, MAX_JOB_DEMANDS, Class, Plan, Step,
)
from fairlead.engine.state cimport agent_meets, class_find


cdef uint32_t due_step(const Engine* e, const Job* job) noexcept nogil:
    """The step that the job should be at by now; 0 without a plan."""
    cdef const Plan* plan
    cdef int64_t waited = e.now - job.queue_time
    cdef uint32_t step = 0
    if job.plan == NOBODY:
        return 0
    plan = &e.plans[job.plan]
    while step < plan.step_count and plan.steps[step].after <= waited:
        step += 1
    return plan.step_count + 1 if plan.end == END_ANYONE and plan.end_after <= waited else step


cdef bint forgets_owner(const Engine* e, const Job* job) noexcept nogil:
    """Whether a job that requires its own agent is at the end of its plan, and waits for anybody from now on (A3)."""
    cdef const Plan* plan
    if job.plan == NOBODY or job.own_mode != AFFINITY_REQUIRE:
        return False
    plan = &e.plans[job.plan]
    return plan.end <= END_ANYONE and plan.end_after and job.queue_time + plan.end_after <= e.now


cdef bint leads_away(const Engine* e, const Job* job) noexcept nogil:
    """Whether the job leaves its backlog at the end of its plan. An overflow into its own queue leads nowhere."""
    cdef const Plan* plan = &e.plans[job.plan]
    if plan.end == END_OVERFLOW:
        return plan.overflow != NOBODY and plan.overflow != e.classes[job.cls].queue
    return plan.end == END_CANCEL


cdef int64_t plan_due(const Engine* e, const Job* job) noexcept nogil:
    """When the plan next does something for a waiting job, 0 for never."""
    cdef const Plan* plan
    cdef int64_t due = 0, over
    cdef bint ends
    if job.plan == NOBODY:
        return 0
    plan = &e.plans[job.plan]
    if job.step < plan.step_count:
        due = job.queue_time + plan.steps[job.step].after
    if plan.end_after == 0:
        return due
    over = job.queue_time + plan.end_after
    ends = leads_away(e, job) or (plan.end <= END_ANYONE and job.own_mode == AFFINITY_REQUIRE)
    if plan.end == END_ANYONE:
        ends = job.step <= plan.step_count
    return over if ends and (due == 0 or over < due) else due


cdef bint is_dropped(const Plan* plan, uint32_t step, uint32_t ability) noexcept nogil:
    cdef const Step* s
    cdef uint32_t index, at
    for index in range(step):
        s = &plan.steps[index]
        for at in range(s.first_dropped, s.first_dropped + s.dropped_count):
            if plan.dropped[at] == ability:
                return True
    return False


cdef uint32_t step_demands(const Engine* e, const Job* job, uint32_t step, Demand* demands) noexcept nogil:
    """The demands at a step, at most MAX_JOB_DEMANDS of them, sorted. O(demands * dropped)."""
    cdef const Class* original = &e.classes[job.original]
    cdef const Plan* plan = &e.plans[job.plan]
    cdef uint32_t steps = step if step < plan.step_count else plan.step_count
    cdef uint32_t index, count = 0, lowered = 0
    cdef bint unbounded = False
    if step > plan.step_count:
        return 0
    for index in range(steps):
        if plan.steps[index].any_agent:
            return 0
        lowered += plan.steps[index].lower_levels
        unbounded = unbounded or plan.steps[index].drop_max_levels
    for index in range(original.demand_count):
        if is_dropped(plan, steps, original.demands[index].ability):
            continue
        demands[count] = original.demands[index]
        demands[count].least = <unsigned char> (demands[count].least - lowered if demands[count].least > lowered else 1)
        if unbounded:
            demands[count].most = 10
        count += 1
    return count


cdef uint32_t step_preferred(const Engine* e, const Job* job, uint32_t step, Demand* demands) noexcept nogil:
    """Demands and preferences of a step together, at most 2 * MAX_JOB_DEMANDS; 0 when nothing is preferred any more."""
    cdef const Plan* plan = &e.plans[job.plan]
    cdef const Class* wishes
    cdef uint32_t index, at, count
    if job.wishes == NOBODY:
        return 0
    for index in range(step if step < plan.step_count else plan.step_count):
        if plan.steps[index].drop_preferences:
            return 0
    wishes = &e.classes[job.wishes]
    count = step_demands(e, job, step, demands)
    for index in range(wishes.demand_count):
        at = 0
        while at < count and demands[at].ability < wishes.demands[index].ability:
            at += 1
        if at < count and demands[at].ability == wishes.demands[index].ability:
            demands[at].least = max(demands[at].least, wishes.demands[index].least)
            demands[at].most = min(demands[at].most, wishes.demands[index].most)
            continue
        memmove(demands + at + 1, demands + at, (count - at) * sizeof(Demand))
        demands[at] = wishes.demands[index]
        count += 1
    return count


cdef uint32_t step_class(const Engine* e, const Job* job, uint32_t step) noexcept nogil:
    """The class of the demands at a step; NOBODY when no job has needed it yet."""
    cdef Demand[MAX_JOB_DEMANDS] demands
    cdef const Class* original = &e.classes[job.original]
    cdef uint32_t count
    if step == 0:
        return job.original
    count = step_demands(e, job, step, demands)
    return class_find(e, original.queue, original.channel, demands, count)


cdef uint32_t earliest_step(const Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """R1: the first step, up to the job's, whose demands an agent meets who meets the job's present ones."""
    cdef Demand[MAX_JOB_DEMANDS] demands
    cdef uint32_t step, count
    if job.plan == NOBODY:
        return 0
    for step in range(job.step):
        count = step_demands(e, job, step, demands)
        if agent_meets(e, agent, demands, count):
            return step
    return job.step


cdef uint32_t strategy_of(const Engine* e, const Job* job) noexcept nogil:
    """Of the latest step that names one, else the job's own, else its queue's, which may have another outside its hours."""
    cdef const Queue* queue = &e.queues[e.classes[job.cls].queue]
    cdef const Plan* plan
    cdef uint32_t step
    if job.plan != NOBODY and job.step:
        plan = &e.plans[job.plan]
        step = job.step if job.step < plan.step_count else plan.step_count
        while step:
            step -= 1
            if plan.steps[step].strategy:
                return plan.steps[step].strategy
    if job.strategy:
        return job.strategy
    if queue.closed and queue.on_closed == CLOSED_STRATEGY and queue.closed_strategy:
        return queue.closed_strategy
    return queue.strategy
