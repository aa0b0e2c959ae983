"""See choose.pxd.

The order of candidates is T5's: own agent, eligible in an earlier step, below the saturation threshold, all preferences, the strategy's keys, least
recently given a job, order number. Where nothing special is asked, bit planes answer in that order directly: the lineup stands
least-recently-given first, so the first match is the longest idle, the first match in the lowest saturation bucket the
least loaded. `choose_slowly` looks at every agent and is the definition; it also serves what is rare.
"""

from libc.string cimport memcpy, memmove

from fairlead.base.lineup cimport NOBODY, Query, Search, lowest_bit, search_next, search_start
from fairlead.base.memory cimport mix64
from fairlead.engine.model cimport (
    AFFINITY_REQUIRE, ALL_BUSY, AWAY, BARRED, BEST_RATING, BEST_SKILL, BUCKET_WORDS, BY_HANDLE_TIME, BY_IDLE_TIME, BY_LOAD,
    BY_OWN_AGENT, BY_PREFERENCE, BY_RATING, BY_SATISFACTION, BY_SATURATION, BY_SKILL_COUNT, BY_SKILL_LEVEL, BY_STRATEGY, BY_WEIGHT,
    CLOSED_HOURS, EXISTS_BIT, FIT_BIT, LEAST_LOAD, LONGEST_IDLE, MAX_STEPS, NO_AGENT_ONLINE, NONE_ELIGIBLE, ONLINE, ONLINE_BIT,
    RANDOM, SATURATION_BIT, SEQUENTIAL, SORT_KEYS_BASE, SPECIALIST, STRATEGY_KEYS, UNKNOWN, WEIGHTED, Agent, Class, Queue,
    job_before, saturation,
)
from fairlead.engine.rotation cimport rotation_begin, rotation_cell, rotation_limit, rotation_pick, turn
from fairlead.engine.limits cimport kept_off
from fairlead.engine.plans cimport earliest_step, is_shut, step_class, strategy_of
from fairlead.engine.state cimport class_matches, class_query, excludes, has_room, narrow_query, owns
from fairlead.engine.timers cimport FOREVER

cdef enum:
    UNRATED = 500    # satisfaction of an agent of whom nothing is known


cdef bint may_use(const Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """Q8: a reserved agent takes the job it is reserved for, and jobs that come before it."""
    cdef uint32_t reserved = e.agents[agent].reserved_for
    if reserved == NOBODY or e.jobs[reserved].number == job.number:
        return True
    return job_before(job, &e.jobs[reserved])


cdef bint can_take(const Engine* e, const Job* job, uint32_t agent) noexcept nogil:
    """T1: whether the agent is a candidate for the job. O(1)."""
    return (
        e.agents[agent].presence == ONLINE
        and not is_shut(e, job.cls)
        and has_room(e, agent, e.classes[job.cls].channel, job.cost)
        and class_matches(e, job.cls, agent)
        and not kept_off(e, job, agent)
        and may_use(e, job, agent)
    )


cdef inline bint own_is_there(const Engine* e, const Job* job) noexcept nogil:
    cdef const Agent* agent = &e.agents[job.own_agent]
    return agent.presence == ONLINE or (agent.presence == AWAY and job.own_away)


cdef bint own_can_take(const Engine* e, const Job* job) noexcept nogil:
    """A2: the job's own agent is there, matches and has room, and the queue lets its jobs go."""
    return own_has_room(e, job) and not is_shut(e, job.cls)


cdef bint own_has_room(const Engine* e, const Job* job) noexcept nogil:
    return (
        owns(e, job)
        and own_is_there(e, job)
        and has_room(e, job.own_agent, e.classes[job.cls].channel, job.cost)
        and class_matches(e, job.cls, job.own_agent)
        and not kept_off(e, job, job.own_agent)
        and may_use(e, job, job.own_agent)
    )


cdef bint hold_stands(const Engine* e, const Job* job) noexcept nogil:
    """Whether a job that waits for its own agent alone has reason to go on doing so."""
    if not owns(e, job):
        return False
    if job.own_mode == AFFINITY_REQUIRE:
        return True
    return own_is_there(e, job) and class_matches(e, job.cls, job.own_agent) and not excludes(job, job.own_agent)


cdef Choice choose(Engine* e, const Job* job, bint may_hold) noexcept nogil:
    """Who takes the job now. With `may_hold` it may be kept for its own agent instead (A2, A3)."""
    cdef Choice choice
    cdef int64_t until
    choice.agent = NOBODY
    choice.cause = BY_STRATEGY
    choice.hold_until = 0
    if owns(e, job):
        if own_has_room(e, job):
            if not is_shut(e, job.cls):
                choice.agent = job.own_agent
                choice.cause = BY_OWN_AGENT
            if choice.agent != NOBODY or job.own_mode != AFFINITY_REQUIRE:
                return choice
        until = FOREVER if job.own_mode == AFFINITY_REQUIRE else job.queue_time + job.own_hold
        if may_hold and until > e.now and hold_stands(e, job):
            choice.hold_until = until
            return choice
    choice.agent = select(e, job, &choice.cause)
    return choice


cdef uint32_t select(Engine* e, const Job* job, uint32_t* cause) noexcept nogil:
    """The best candidate by T5 without the own agent, NOBODY when there is none."""
    cdef const Queue* queue = &e.queues[e.classes[job.cls].queue]
    cdef uint32_t strategy = strategy_of(e, job), step, cls, agent
    if is_shut(e, job.cls):
        return NOBODY
    if e.reserved_count or e.by_definition:
        return choose_slowly(e, job)
    if strategy == WEIGHTED:
        if queue.threshold >= 100 and job.preferred == NOBODY and job.excluded_count == 0 and job.bar_count == 0 \
                and not queue.paced and job.step == 0 and e.classes[job.cls].rotation != NULL:
            return rotation_pick(e, job.cls)
        return choose_slowly(e, job)
    if e.ordered_queues == 0:   # the line does not stand in the order that ties ask for: no queue does
        return choose_slowly(e, job)
    for step in range(job.step if job.plan != NOBODY else 0):
        cls = step_class(e, job, step)
        if cls == NOBODY:
            return choose_slowly(e, job)
        agent = select_in(e, job, cls, strategy, cause)
        if agent != NOBODY:
            return agent
    return select_in(e, job, job.cls, strategy, cause)


cdef uint32_t select_in(Engine* e, const Job* job, uint32_t cls, uint32_t strategy, uint32_t* cause) noexcept nogil:
    """The best candidate who is of a class, the job's or that of an earlier step of its plan."""
    cdef const Queue* queue = &e.queues[e.classes[cls].queue]
    cdef uint32_t agent = NOBODY
    if queue.threshold < 100:
        if job.preferred != NOBODY:
            agent = find(e, job, cls, job.preferred, strategy, True)
        if agent == NOBODY:
            agent = find(e, job, cls, NOBODY, strategy, True)
    if agent == NOBODY and job.preferred != NOBODY:
        agent = find(e, job, cls, job.preferred, strategy, False)
        if agent != NOBODY:
            cause[0] = BY_PREFERENCE
    if agent == NOBODY:
        agent = find(e, job, cls, NOBODY, strategy, False)
    return agent


cdef inline bint is_below(const Engine* e, const Queue* queue, uint32_t agent) noexcept nogil:
    """C4."""
    return e.agents[agent].load * 100 < <uint32_t> queue.threshold * e.agents[agent].capacity


cdef uint32_t find(Engine* e, const Job* job, uint32_t cls, uint32_t also, uint32_t strategy, bint below) noexcept nogil:
    """The best of a class by a strategy; `also` is a class of which they must be too, NOBODY for none; with `below` among agents
    below the threshold. Nobody is reserved."""
    cdef const Queue* queue = &e.queues[e.classes[cls].queue]
    cdef Query query
    cdef Search search
    cdef uint32_t agent
    class_query(e, cls, &query, FIT_BIT + e.classes[cls].channel)
    if also != NOBODY:
        narrow_query(e, also, &query)
    if strategy == LEAST_LOAD:
        return find_least_loaded(e, job, &query, queue, below)
    search_start(&search, &e.lineup, &query)
    if strategy != LONGEST_IDLE:
        return find_by_keys(e, job, strategy, &search, queue, below)
    while True:
        agent = search_next(&search)
        if agent == NOBODY or not (kept_off(e, job, agent) or (below and not is_below(e, queue, agent))):
            return agent


cdef uint32_t find_least_loaded(Engine* e, const Job* job, Query* query, const Queue* queue, bint below) noexcept nogil:
    """From the emptiest bucket up."""
    cdef uint32_t word, bucket, agent
    cdef uint64_t buckets
    memmove(query.wanted + 1, query.wanted, query.wanted_count * sizeof(uint32_t))
    query.wanted_count += 1
    for word in range(BUCKET_WORDS):
        buckets = e.filled_buckets[word]
        while buckets:
            bucket = (word << 6) | lowest_bit(buckets)
            buckets &= buckets - 1
            query.wanted[0] = SATURATION_BIT + bucket
            agent = least_of_bucket(e, job, query, queue, below, e.buckets[bucket].mixed)
            if agent != NOBODY:
                return agent
    return NOBODY


cdef inline uint32_t least_of_bucket(
    Engine* e, const Job* job, const Query* query, const Queue* queue, bint below, bint mixed
) noexcept nogil:
    """A bucket of one saturation ends at its first match, a mixed one is compared exactly."""
    cdef Search search
    cdef uint32_t agent, best = NOBODY
    cdef uint64_t least = 0, mine
    search_start(&search, &e.lineup, query)
    while True:
        agent = search_next(&search)
        if agent == NOBODY:
            return best
        if kept_off(e, job, agent) or (below and not is_below(e, queue, agent)):
            continue
        if not mixed:
            return agent
        mine = saturation(e.agents[agent].load, e.agents[agent].capacity)
        if best == NOBODY or mine < least:
            best = agent
            least = mine


cdef uint32_t find_by_keys(
    Engine* e, const Job* job, uint32_t strategy, Search* search, const Queue* queue, bint below
) noexcept nogil:
    """The smallest keys of all matches; the line's order breaks ties. O(candidates)."""
    cdef int64_t[STRATEGY_KEYS] keys
    cdef int64_t[STRATEGY_KEYS] least = [0, 0, 0]
    cdef uint32_t agent, best = NOBODY
    while True:
        agent = search_next(search)
        if agent == NOBODY:
            return best
        if kept_off(e, job, agent) or (below and not is_below(e, queue, agent)):
            continue
        strategy_keys(e, job, strategy, agent, keys)
        if best == NOBODY or keys_before(keys, least, STRATEGY_KEYS):
            best = agent
            memcpy(least, keys, sizeof(keys))


cdef inline bint keys_before(const int64_t* a, const int64_t* b, uint32_t count) noexcept nogil:
    cdef uint32_t index
    for index in range(count):
        if a[index] != b[index]:
            return a[index] < b[index]
    return False


cdef int64_t demanded_levels(const Engine* e, const Class* cls, uint32_t slot) noexcept nogil:
    """Sum of the agent's levels over the demanded skills. Both lists are sorted."""
    cdef const Agent* agent = &e.agents[slot]
    cdef uint32_t demand, at = 0
    cdef int64_t levels = 0
    for demand in range(cls.demand_count):
        while at < agent.ability_count and agent.abilities[at].ability < cls.demands[demand].ability:
            at += 1
        if at < agent.ability_count and agent.abilities[at].ability == cls.demands[demand].ability and agent.abilities[at].is_skill:
            levels += agent.abilities[at].level
    return levels


cdef int64_t listed_key(const Engine* e, const Class* c, uint32_t slot, uint32_t key) noexcept nogil:
    """One sort key of a list (T2), smallest first. Means that are unknown count as 0 ms and as 500."""
    cdef const Agent* agent = &e.agents[slot]
    if key == BY_SATURATION:
        return <int64_t> saturation(agent.load, agent.capacity)
    if key == BY_LOAD:
        return agent.load
    if key == BY_SKILL_LEVEL:
        return -demanded_levels(e, c, slot)
    if key == BY_SKILL_COUNT:
        return agent.skill_count
    if key == BY_RATING:
        return -<int64_t> agent.rating
    if key == BY_WEIGHT:
        return -<int64_t> agent.weight
    if key == BY_HANDLE_TIME:
        return (agent.handle_time + 8) >> 4 if agent.handle_time != UNKNOWN else 0
    if key == BY_SATISFACTION:
        return -<int64_t> (agent.satisfaction if agent.satisfaction != UNKNOWN else UNRATED * 16)
    if key == BY_IDLE_TIME:
        return agent.last_freed_time
    return agent.order


cdef void listed_keys(const Engine* e, const Class* c, uint32_t strategy, uint32_t slot, int64_t* keys) noexcept nogil:
    cdef uint32_t digits = strategy - SORT_KEYS_BASE, at = 0
    while digits:
        keys[at] = listed_key(e, c, slot, digits & 15)
        digits >>= 4
        at += 1


cdef void strategy_keys(const Engine* e, const Job* job, uint32_t strategy, uint32_t slot, int64_t* keys) noexcept nogil:
    """A strategy's own sort keys for one agent (T2), unused ones 0."""
    cdef const Class* c = &e.classes[job.cls]
    cdef const Queue* queue = &e.queues[c.queue]
    cdef const Agent* agent = &e.agents[slot]
    cdef uint32_t cell
    keys[0] = 0
    keys[1] = 0
    keys[2] = 0
    if strategy == SEQUENTIAL:
        keys[0] = not (
            queue.last_served_number == 0 or agent.order > queue.last_served
            or (agent.order == queue.last_served and agent.number > queue.last_served_number)
        )
        keys[1] = agent.order
        keys[2] = <int64_t> agent.number
    elif strategy == WEIGHTED:
        cell = rotation_cell(e, job.cls, slot)
        keys[0] = <int64_t> turn(agent.weight)
        if cell != NOBODY:   # a rotation that nobody asked for yet has everyone at its start
            keys[0] += <int64_t> (rotation_begin(e, cell) - c.rotation.virtual_time)
    elif strategy == LEAST_LOAD:
        keys[0] = <int64_t> saturation(agent.load, agent.capacity)
    elif strategy == BEST_SKILL:
        keys[0] = -demanded_levels(e, c, slot)
        keys[1] = <int64_t> saturation(agent.load, agent.capacity)
    elif strategy == SPECIALIST:
        keys[0] = agent.skill_count
        keys[1] = <int64_t> saturation(agent.load, agent.capacity)
    elif strategy == BEST_RATING:
        keys[0] = -<int64_t> agent.rating
        keys[1] = <int64_t> saturation(agent.load, agent.capacity)
    elif strategy >= SORT_KEYS_BASE:
        listed_keys(e, c, strategy, slot, keys)
    elif strategy == RANDOM:
        keys[0] = <int64_t> (mix64(mix64(e.seed ^ job.number) ^ agent.number) ^ (<uint64_t> 1 << 63))


cdef void sort_keys(const Engine* e, const Job* job, uint32_t slot, int64_t* keys) noexcept nogil:
    """All KEY_COUNT keys of T5 without the own agent."""
    cdef const Queue* queue = &e.queues[e.classes[job.cls].queue]
    keys[0] = earliest_step(e, job, slot)
    keys[1] = queue.threshold < 100 and not is_below(e, queue, slot)
    keys[2] = job.preferred != NOBODY and not class_matches(e, job.preferred, slot)
    strategy_keys(e, job, strategy_of(e, job), slot, keys + GROUP_KEYS)
    keys[6] = <int64_t> e.agents[slot].last_given
    keys[7] = e.agents[slot].order
    keys[8] = <int64_t> e.agents[slot].number


cdef uint64_t start_limit(const Engine* e, const Job* job) noexcept nogil:
    """T4: who of the best group may be chosen by `weighted`: a start before the next turn, or else the earliest start."""
    cdef const Class* c = &e.classes[job.cls]
    cdef uint64_t limit, earliest = <uint64_t> -1, start
    cdef int64_t[KEY_COUNT] keys
    cdef int64_t[GROUP_KEYS] group
    cdef uint32_t slot
    if c.rotation == NULL:
        return <uint64_t> -1
    limit = rotation_limit(c.rotation)
    for slot in range(GROUP_KEYS):
        group[slot] = MAX_STEPS + 2
    for slot in range(e.agent_capacity):
        if e.agents[slot].number == 0 or not can_take(e, job, slot):
            continue
        sort_keys(e, job, slot, keys)
        start = rotation_begin(e, rotation_cell(e, job.cls, slot))
        if keys_before(keys, group, GROUP_KEYS):
            memcpy(group, keys, sizeof(group))
            earliest = start
        elif not keys_before(group, keys, GROUP_KEYS) and start < earliest:
            earliest = start
    return limit if earliest < limit else earliest + 1


cdef uint32_t choose_slowly(Engine* e, const Job* job) noexcept nogil:
    """The definition: every agent, every key. O(agents)."""
    cdef int64_t[KEY_COUNT] keys
    cdef int64_t[KEY_COUNT] least = [0, 0, 0, 0, 0, 0, 0, 0, 0]
    cdef bint weighted = strategy_of(e, job) == WEIGHTED and e.classes[job.cls].rotation != NULL
    cdef uint64_t limit = start_limit(e, job) if weighted else 0
    cdef uint32_t slot, best = NOBODY
    for slot in range(e.agent_capacity):
        if e.agents[slot].number == 0 or not can_take(e, job, slot):
            continue
        sort_keys(e, job, slot, keys)
        if weighted and rotation_begin(e, rotation_cell(e, job.cls, slot)) >= limit:
            keys[GROUP_KEYS] = (<int64_t> 1 << 62) + (keys[GROUP_KEYS] >> 1)
        if best == NOBODY or keys_before(keys, least, KEY_COUNT):
            best = slot
            memcpy(least, keys, sizeof(keys))
    return best


cdef bint anybody(Engine* e, Query* query) noexcept nogil:
    cdef Search search
    search_start(&search, &e.lineup, query)
    return search_next(&search) != NOBODY


cdef uint32_t waiting_reason(Engine* e, const Job* job) noexcept nogil:
    """E1: why nobody has the job. Cost of a few searches."""
    cdef Query query
    cdef const Class* c = &e.classes[job.cls]
    cdef Job unbarred
    cdef uint32_t index
    if is_shut(e, job.cls):
        return CLOSED_HOURS
    class_query(e, job.cls, &query, EXISTS_BIT)
    if c.demand_count and not anybody(e, &query):
        return NONE_ELIGIBLE
    query.wanted[0] = ONLINE_BIT
    query.wanted[1] = e.queues[c.queue].bit
    query.wanted_count = 1 if e.queues[c.queue].everyone else 2
    query.barred_count = 0
    if not anybody(e, &query):
        return NO_AGENT_ONLINE
    class_query(e, job.cls, &query, ONLINE_BIT)
    if not anybody(e, &query):
        return NONE_ELIGIBLE
    if job.excluded_count or job.bar_count:
        unbarred = job[0]
        unbarred.excluded_count = 0
        unbarred.bar_count = 0
        for index in range(job.excluded_count):
            if can_take(e, &unbarred, job.excluded[index]):
                return BARRED
        for index in range(job.bar_count):
            if job.bars[index].until > e.now and can_take(e, &unbarred, job.bars[index].agent):
                return BARRED
    return ALL_BUSY
