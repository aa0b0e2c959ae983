"""See match.pxd. Between steps no waiting job has a candidate; each function here restores that after one kind of change."""

from libc.stdlib cimport free, qsort
from libc.string cimport memcpy

from fairlead.base.heap cimport heap_node
from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow
from fairlead.engine.apply cimport OWN_DROPPED, PLAN_DROPPED, commit, fact_of
from fairlead.engine.limits cimport is_limited
from fairlead.engine.choose cimport Choice, choose, hold_stands, may_use, own_can_take, waiting_reason
from fairlead.engine.model cimport (
    AFFINITY_REQUIRE, BY_BACKLOG, BY_OWN_AGENT, FACT_CLASS, FACT_CLOCK, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELAXED,
    FACT_JOB_WAITS, FACT_RESERVED, FACT_UNRESERVED, HELD_FOR_AGENT, MAX_CLASSES, MAX_JOB_DEMANDS, OFFERED, ONLINE, QUEUED,
    UNKNOWN, WRAPPING, Agent, Class, ClassBody, Demand, Fact, Job, Queue, job_before, job_high,
)
from fairlead.engine.plans cimport due_step, forgets_owner, is_shut, step_demands, step_preferred
from fairlead.engine.state cimport barred, class_find, class_matches, excludes, has_room, owns
from fairlead.engine.timers cimport FOREVER


# The body of a fact with the longest tail it may have.
cdef struct ClassFact:
    ClassBody head
    Demand[2 * MAX_JOB_DEMANDS] demands


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


cdef void follow_plan(Engine* e, uint32_t slot, bint is_new) noexcept nogil:
    """Puts a job on the step of its plan that is due (R1). The one place where a step changes, and never in an agent's hands:
    what became due under an open offer takes effect when the job waits again (O4). `is_new`: the plan itself may have changed."""
    cdef Job* job = &e.jobs[slot]
    cdef uint32_t step = due_step(e, job)
    cdef bint forgets = forgets_owner(e, job)
    cdef Demand[2 * MAX_JOB_DEMANDS] demands
    cdef const Class* original
    cdef uint32_t count
    cdef Job probe
    cdef Fact fact
    if job.plan == NOBODY or (OFFERED <= job.state <= WRAPPING and job.agent != NOBODY) or not (is_new or forgets or step != job.step):
        return
    original = &e.classes[job.original]
    probe = job[0]
    probe.step = <unsigned char> step
    count = step_demands(e, job, step, demands)
    probe.cls = class_of(e, original.queue, original.channel, demands, count)
    original = &e.classes[job.original]
    count = step_preferred(e, job, step, demands)
    probe.preferred = class_of(e, original.queue, original.channel, demands, count) if count else NOBODY
    if probe.cls == NOBODY:   # no room for more classes: the demands stay as they are
        probe.cls = job.cls
    if not forgets and step == job.step and probe.cls == job.cls and probe.preferred == job.preferred:
        return
    fact = fact_of(FACT_JOB_RELAXED)
    fact.job = slot
    fact.cls = probe.cls
    fact.value = probe.preferred
    fact.state = <unsigned char> step
    fact.flag = OWN_DROPPED if forgets else 0
    if job.held and not forgets and not is_shut(e, probe.cls):
        fact.reason = HELD_FOR_AGENT
    else:
        fact.reason = <unsigned char> waiting_reason(e, &probe)
    commit(e, &fact)


cdef void give(Engine* e, uint32_t job, uint32_t agent, uint32_t cls, uint32_t cause) noexcept nogil:
    """To the agent, who is asked first where the queue says so (O1)."""
    cdef const Queue* queue = &e.queues[e.classes[cls].queue]
    cdef Fact fact = fact_of(FACT_JOB_GIVEN)
    fact.job = job
    fact.agent = agent
    fact.cls = cls
    fact.reason = <unsigned char> cause
    if queue.offer_timeout:
        fact.type = FACT_JOB_OFFERED
        fact.value = e.now + queue.offer_timeout
    commit(e, &fact)


cdef void make_wait(Engine* e, uint32_t job, uint32_t cls, uint32_t reason, int64_t hold_until, uint32_t flag) noexcept nogil:
    """A job that comes out of an agent's hands catches up with its plan first, and says why it waits by then."""
    cdef uint32_t step = e.jobs[job].step
    cdef Job probe
    if e.jobs[job].state != QUEUED and e.jobs[job].cls == cls and not flag & PLAN_DROPPED:
        follow_plan(e, job, True)   # a policy may have changed the plan while an agent had the job
        probe = e.jobs[job]
        probe.cost = e.channels[e.classes[probe.cls].channel].cost   # what it will cost from now on (L1)
        if hold_until == FOREVER and probe.own_mode != AFFINITY_REQUIRE:
            hold_until = 0
            reason = waiting_reason(e, &probe)
        if probe.step != step or probe.cls != cls:
            cls = probe.cls
            reason = waiting_reason(e, &probe) if hold_until == 0 else reason
    commit_wait(e, job, cls, reason, hold_until, flag)


cdef void commit_wait(Engine* e, uint32_t job, uint32_t cls, uint32_t reason, int64_t hold_until, uint32_t flag) noexcept nogil:
    cdef Fact fact = fact_of(FACT_JOB_WAITS)
    fact.job = job
    fact.cls = cls
    fact.reason = <unsigned char> reason
    fact.value = hold_until
    fact.flag = <unsigned char> flag
    commit(e, &fact)


cdef int64_t hold_after(const Engine* e, const Job* job) noexcept nogil:
    """How long a job whose offer came to nothing waits for its own agent alone: as long as it takes, or not at all (A3)."""
    return FOREVER if job.own_mode == AFFINITY_REQUIRE and owns(e, job) else 0


cdef uint32_t first_in_class(const Engine* e, const Class* c, uint32_t agent) noexcept nogil:
    """The first waiting job of a class that neither excludes nor bars the agent. O(1) when its head does not."""
    cdef uint32_t head = heap_node(&c.waiting, 0).item, best = NOBODY, index, job
    if not excludes(&e.jobs[head], agent) and not barred(e, &e.jobs[head], agent):
        return head
    for index in range(1, c.waiting.size):
        job = heap_node(&c.waiting, index).item
        if not excludes(&e.jobs[job], agent) and not barred(e, &e.jobs[job], agent) and (best == NOBODY or job_before(&e.jobs[job], &e.jobs[best])):
            best = job
    return best


cdef uint32_t first_for(const Engine* e, uint32_t slot) noexcept nogil:
    """Among all waiting jobs that the agent may serve, the one with the smallest key (Q2). O(classes that wait)."""
    cdef const Agent* agent = &e.agents[slot]
    cdef const Class* c
    cdef uint32_t index, job, best = NOBODY
    if agent.fits or (agent.presence == ONLINE and agent.reserved_for != NOBODY):
        for index in range(e.waiting_class_count):
            c = &e.classes[e.waiting_classes[index]]
            if is_shut(e, e.waiting_classes[index]):
                continue
            if agent.reserved_for == NOBODY:
                if not (agent.fits >> c.channel) & 1:
                    continue
            elif not has_room(e, slot, c.channel, e.channels[c.channel].cost):
                continue
            if not class_matches(e, e.waiting_classes[index], slot) or is_limited(e, c.queue, slot):
                continue
            job = first_in_class(e, c, slot)
            if job == NOBODY or not may_use(e, &e.jobs[job], slot):
                continue
            if best == NOBODY or job_before(&e.jobs[job], &e.jobs[best]):
                best = job
    job = agent.own_head
    while job != NOBODY:
        if own_can_take(e, &e.jobs[job]) and (best == NOBODY or job_before(&e.jobs[job], &e.jobs[best])):
            best = job
        job = e.jobs[job].own_next
    return best


cdef uint32_t backlog_cause(const Engine* e, uint32_t job, uint32_t agent) noexcept nogil:
    return BY_OWN_AGENT if owns(e, &e.jobs[job]) and e.jobs[job].own_agent == agent else BY_BACKLOG


cdef void serve(Engine* e, uint32_t agent) noexcept nogil:
    """An agent may have gained room: they take waiting jobs in key order until they are full or nothing fits."""
    cdef uint32_t job
    while True:
        job = first_for(e, agent)
        if job == NOBODY:
            return
        give(e, job, agent, e.jobs[job].cls, backlog_cause(e, job, agent))


cdef void try_place(Engine* e, uint32_t slot) noexcept nogil:
    """A waiting job may have gained a candidate. One that is held for no reason any more becomes an ordinary one first; that the
    hold is over is no reason until its own timer says so."""
    cdef Job* job = &e.jobs[slot]
    cdef Choice choice
    if job.held:
        if own_can_take(e, job):
            give(e, slot, job.own_agent, job.cls, BY_OWN_AGENT)
            return
        if hold_stands(e, job):
            return
        make_wait(e, slot, job.cls, waiting_reason(e, job), 0, 0)
    choice = choose(e, job, False)
    if choice.agent != NOBODY:
        give(e, slot, choice.agent, job.cls, choice.cause if choice.cause == BY_OWN_AGENT else BY_BACKLOG)


cdef int compare_waiting(const void* left, const void* right) noexcept nogil:
    cdef const Waiting* a = <const Waiting*> left
    cdef const Waiting* b = <const Waiting*> right
    if a.high != b.high:
        return -1 if a.high < b.high else 1
    return -1 if a.number < b.number else 1


cdef void note(const Engine* e, Waiting* entry, uint32_t job) noexcept nogil:
    entry.high = job_high(&e.jobs[job])
    entry.number = e.jobs[job].number
    entry.job = job


cdef void release_holds(Engine* e, uint32_t agent, const uint32_t* others, uint32_t other_count) noexcept nogil:
    """Jobs that wait for this agent alone, when the agent's presence or skills changed, and `others` that began to wait in
    this step, together in key order. O(n log n) in those jobs."""
    cdef uint32_t count = 0, index, job = e.agents[agent].own_head
    cdef Waiting* line
    while job != NOBODY:
        count += 1
        job = e.jobs[job].own_next
    if count + other_count == 0:
        return
    line = <Waiting*> memory_grow(NULL, (count + other_count) * sizeof(Waiting))
    job = e.agents[agent].own_head
    for index in range(count):
        note(e, line + index, job)
        job = e.jobs[job].own_next
    for index in range(other_count):
        note(e, line + count + index, others[index])
    qsort(line, count + other_count, sizeof(Waiting), compare_waiting)
    for index in range(count + other_count):
        job = line[index].job
        if e.jobs[job].state == QUEUED and (e.jobs[job].held or other_count):
            try_place(e, job)
    free(line)


cdef void drop_owner(Engine* e, uint32_t agent) noexcept nogil:
    """The agent is about to be removed: waiting jobs no longer know them. Why those that were held wait, `tell_reasons` says
    afterwards, also where the reason was that their queue was closed."""
    cdef uint32_t job = e.agents[agent].own_head
    while job != NOBODY:
        make_wait(e, job, e.jobs[job].cls, HELD_FOR_AGENT if e.jobs[job].held else e.jobs[job].reason, 0, OWN_DROPPED)
        job = e.agents[agent].own_head


cdef uint32_t* held_for(const Engine* e, uint32_t agent, uint32_t* count) noexcept nogil:
    """The jobs that are held for an agent; the caller frees them."""
    cdef uint32_t* jobs
    cdef uint32_t job = e.agents[agent].own_head
    count[0] = 0
    while job != NOBODY:
        count[0] += e.jobs[job].held
        job = e.jobs[job].own_next
    jobs = <uint32_t*> memory_grow(NULL, count[0] * sizeof(uint32_t))
    count[0] = 0
    job = e.agents[agent].own_head
    while job != NOBODY:
        if e.jobs[job].held:
            jobs[count[0]] = job
            count[0] += 1
        job = e.jobs[job].own_next
    return jobs


cdef void tell_reasons(Engine* e, const uint32_t* jobs, uint32_t count) noexcept nogil:
    """The `count` jobs that were held for an agent who is gone now say why they really wait, those that nobody took."""
    cdef uint32_t index, reason
    cdef Job* job
    for index in range(count):
        job = &e.jobs[jobs[index]]
        if job.state == QUEUED and not job.held:
            reason = waiting_reason(e, job)
            if reason != job.reason:
                make_wait(e, jobs[index], job.cls, reason, 0, 0)


cdef void follow_plans(Engine* e) noexcept nogil:
    """Waiting jobs are at the steps that a new policy's plans say. O(jobs)."""
    cdef uint32_t job
    for job in range(e.job_used):
        if e.jobs[job].state == QUEUED:
            follow_plan(e, job, True)


cdef void place_all(Engine* e) noexcept nogil:
    """Anything may have changed for anyone: every waiting job in key order. O(n log n) in waiting jobs.

    A class whose plain job found nobody is skipped from then on: placing others only takes room away.
    """
    cdef uint32_t count = 0, index, slot
    cdef Waiting* line
    cdef Job* job
    cdef bint is_plain
    for slot in range(e.job_used):
        count += e.jobs[slot].state == QUEUED
    if count == 0:
        return
    line = <Waiting*> memory_grow(NULL, count * sizeof(Waiting))
    index = 0
    for slot in range(e.job_used):
        if e.jobs[slot].state == QUEUED:
            note(e, line + index, slot)
            index += 1
    qsort(line, count, sizeof(Waiting), compare_waiting)
    e.pass_number += 1
    for index in range(count):
        job = &e.jobs[line[index].job]
        is_plain = job.own_mode <= 1 and job.excluded_count == 0 and job.bar_count == 0 \
            and not e.queues[e.classes[job.cls].queue].paced
        if is_plain and e.classes[job.cls].blocked_pass == e.pass_number:
            continue
        try_place(e, line[index].job)
        if is_plain and job.state == QUEUED and e.reserved_count == 0:
            e.classes[job.cls].blocked_pass = e.pass_number
    free(line)


# ---- Q8: a costly job does not starve behind cheap ones


cdef uint32_t costly_head(const Engine* e, const Class* c) noexcept nogil:
    """The class's first waiting job if it costs several units and may be served at these hours, else NOBODY."""
    cdef uint32_t job
    if c.waiting.size == 0:
        return NOBODY
    job = heap_node(&c.waiting, 0).item
    if is_shut(e, e.jobs[job].cls):
        return NOBODY
    return job if e.jobs[job].cost > 1 else NOBODY


cdef bint could_hold(const Engine* e, const Job* job, uint32_t slot) noexcept nogil:
    """Whether the agent could take the job once enough of its work has ended."""
    cdef const Agent* agent = &e.agents[slot]
    return (
        agent.presence == ONLINE
        and agent.capacity >= job.cost
        and agent.channel_limit[e.classes[job.cls].channel] > 0
        and class_matches(e, job.cls, slot)
        and not excludes(job, slot)
        and not barred(e, job, slot)
    )


cdef uint32_t closest_to_room(const Engine* e, const Job* job) noexcept nogil:
    """Who has the fewest units to free, then T2's order. O(agents)."""
    cdef uint32_t slot, best = NOBODY
    cdef uint64_t units, least = 0
    for slot in range(e.agent_capacity):
        if e.agents[slot].number == 0 or e.agents[slot].reserved_for != NOBODY or not could_hold(e, job, slot):
            continue
        units = e.agents[slot].load + job.cost
        units = units - e.agents[slot].capacity if units > e.agents[slot].capacity else 0
        if best == NOBODY or units < least or (units == least and given_before(e, slot, best)):
            best = slot
            least = units
    return best


cdef inline bint given_before(const Engine* e, uint32_t a, uint32_t b) noexcept nogil:
    if e.agents[a].last_given != e.agents[b].last_given:
        return e.agents[a].last_given < e.agents[b].last_given
    if e.agents[a].order != e.agents[b].order:
        return e.agents[a].order < e.agents[b].order
    return e.agents[a].number < e.agents[b].number


cdef void start_clock(Engine* e, uint32_t cls, uint32_t job) noexcept nogil:
    cdef Fact fact = fact_of(FACT_CLOCK)
    fact.cls = cls
    fact.job = job
    commit(e, &fact)


cdef void reserve(Engine* e, uint32_t cls, uint32_t job, uint32_t agent, uint32_t type) noexcept nogil:
    cdef Fact fact = fact_of(type)
    fact.cls = cls
    fact.job = job
    fact.agent = agent
    commit(e, &fact)


cdef bint settle_class(Engine* e, uint32_t cls) noexcept nogil:
    """Ends a reservation that lost its reason and keeps the clock of the head; True when an agent was set free, so that all
    must be looked at again."""
    cdef Class* c = &e.classes[cls]
    cdef uint32_t head = costly_head(e, c), agent = c.reserver
    if agent != NOBODY and (head != e.agents[agent].reserved_for or e.jobs[head].number != c.head_number
                            or not could_hold(e, &e.jobs[head], agent)):
        reserve(e, cls, NOBODY, agent, FACT_UNRESERVED)
        serve(e, agent)
        return True
    if (e.jobs[head].number if head != NOBODY else 0) != c.head_number:
        start_clock(e, cls, head)
    return False


cdef uint32_t first_due_class(const Engine* e, const Job* after) noexcept nogil:
    """Among classes whose costly head has waited long enough without a reservation, the one with the smallest key above
    `after` (NULL: any). O(classes)."""
    cdef uint32_t cls, head, best = NOBODY
    for cls in range(e.class_count):
        head = costly_head(e, &e.classes[cls])
        if head == NOBODY or e.classes[cls].reserver != NOBODY or e.classes[cls].head_since + e.reserve_after > e.now:
            continue
        if after != NULL and not job_before(after, &e.jobs[head]):
            continue
        if best == NOBODY or job_before(&e.jobs[head], &e.jobs[heap_node(&e.classes[best].waiting, 0).item]):
            best = cls
    return best


cdef bint newcomers_take(Engine* e) noexcept nogil:
    """P4: what others hold decides whether a newcomer is past the average, so everyone new is asked once more. True when
    something was given. O(agents with a timer) while a warm-up lasts, else free."""
    cdef uint32_t index, agent
    cdef bint taken = False
    if e.longest_warm_up == 0 or e.now > e.last_online + e.longest_warm_up:
        return False
    index = 0
    while index < e.agent_timers.size and (e.waiting_class_count or e.held_waiting):
        agent = heap_node(&e.agent_timers, index).item
        index += 1
        if e.agents[agent].warm_since != UNKNOWN and first_for(e, agent) != NOBODY:
            place_all(e)
            taken = True
            index = 0
    return taken


cdef void settle(Engine* e) noexcept nogil:
    """The end of every step: newcomers, then reservations, until neither changes anything."""
    newcomers_take(e)
    settle_reservations(e)
    while newcomers_take(e):
        settle_reservations(e)


cdef void settle_reservations(Engine* e) noexcept nogil:
    """Clocks of costly heads, reservations that end, then those that begin, in key order. Free while nothing costly waits."""
    cdef uint32_t cls = 0, head, agent
    if e.costly_waiting == 0 and e.reserved_count == 0 and e.clock_count == 0:
        return
    while cls < e.class_count:
        cls = 0 if settle_class(e, cls) else cls + 1
    cls = first_due_class(e, NULL)
    while cls != NOBODY:
        head = heap_node(&e.classes[cls].waiting, 0).item
        agent = closest_to_room(e, &e.jobs[head])
        if agent != NOBODY:
            reserve(e, cls, head, agent, FACT_RESERVED)
        cls = first_due_class(e, &e.jobs[head])
