"""See loop.pxd.

An event is what a client would send (a job arrives, work ends, a customer gives up, an agent logs in, an offer is
accepted) or what the router's own clock does (a timer, a schedule that opens). Each is one step of the engine, as in
the daemon; its facts come to `take_fact`, which sets the next events.
"""

from libc.math cimport INFINITY, ceil, log
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.heap cimport HeapNode, Places, heap_move, heap_node, heap_place, heap_push, heap_remove
from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow
from fairlead.codec.messages cimport AssignRequest
from fairlead.engine.clock cimport advance, next_due
from fairlead.engine.decide cimport Answer, AssignCommand, assign, cancel
from fairlead.engine.manage cimport set_presence
from fairlead.engine.model cimport (
    CALLER, COMPLETED, FACT_JOB_ENDED, FACT_JOB_GIVEN, FACT_JOB_OFFERED, FACT_JOB_RELEASED, FACT_JOB_SUBMITTED,
    FACT_JOB_WAITS, FACT_JOB_WRAPS, FACT_OFFER_ACCEPTED, FACT_OFFER_ENDED, FACT_PRESENCE, ONLINE, UNKNOWN, Fact,
)
from fairlead.engine.work cimport accept_offer, complete
from fairlead.shard.calls cimport prepare_assign
from fairlead.shard.rulebook cimport NEVER_TOGGLES, run_schedules
from fairlead.simulation.counts cimport (
    count_arrival, count_begun, count_lost, count_server, count_time, start_measuring,
)
from fairlead.simulation.draws cimport draw_uniform, law_draw
from fairlead.simulation.model cimport (
    ACCEPTS, ARRIVES, GIVES_UP, IS_LOOSE, IS_OFFERED, IS_OVER, IS_SERVED, IS_WAITING, IS_WRAPPING, SHIFT, WORK_ENDS,
    JobType, Record, Server, Stream,
)

cdef enum:
    KIND_SHIFT = 28          # where the kind stands in the tie of a timer
    ITEM_MASK = (1 << 28) - 1

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF


# ---- timers: an item is a server, a stream, the next shift, or one of the two of a job


cdef inline uint32_t* timer_place(Simulation* s, uint32_t item) noexcept nogil:
    return &s.timer_places[item]


cdef inline Places timer_places(Simulation* s) noexcept nogil:
    cdef Places places
    places.base = <uint8_t*> s.timer_places
    places.stride = sizeof(uint32_t)
    return places


cdef inline uint32_t job_item(const Simulation* s, uint32_t job, bint accepts) noexcept nogil:
    return s.server_count + s.stream_count + 1 + 2 * job + accepts


cdef inline void set_timer(Simulation* s, uint32_t item, uint32_t kind, int64_t time) noexcept nogil:
    cdef HeapNode node
    node.high = <uint64_t> time
    node.tie = (kind << KIND_SHIFT) | (item & ITEM_MASK)
    node.item = item
    if s.timer_places[item]:
        heap_move(&s.timers, timer_places(s), node)
    else:
        heap_push(&s.timers, timer_places(s), node)


cdef inline void drop_timer(Simulation* s, uint32_t item) noexcept nogil:
    if s.timer_places[item]:
        heap_remove(&s.timers, timer_places(s), item)


# ---- work


cdef inline double rate_of(const Server* server) noexcept nogil:
    """How fast each of its jobs goes on."""
    cdef uint32_t count = server.job_count
    if server.rate_count == 0:
        return server.speed
    return server.speed * server.rates[(count if count < server.rate_count else server.rate_count) - 1] / count


cdef inline void work_until(Server* server, int64_t now) noexcept nogil:
    """All its jobs go on alike until `now`."""
    if server.job_count and now > server.attained_time:
        server.attained += (now - server.attained_time) * rate_of(server)
    server.attained_time = now


cdef void plan_end(Simulation* s, uint32_t agent) noexcept nogil:
    """Sets the timer for the first of its jobs that will be done."""
    cdef Server* server = &s.servers[agent]
    cdef double left
    if server.job_count == 0:
        drop_timer(s, agent)
        return
    left = (s.records[server.jobs[server.next_job]].finish - server.attained) / rate_of(server)
    set_timer(s, agent, WORK_ENDS, server.attained_time + <int64_t> ceil(left if left > 0 else 0.0))


cdef void begin_work(Simulation* s, uint32_t job, uint32_t agent, int64_t now) noexcept nogil:
    cdef Server* server = &s.servers[agent]
    cdef Record* record = &s.records[job]
    count_server(s, server, now)
    work_until(server, now)
    if server.job_count == 0:
        server.attained = 0
    if server.job_count == server.job_capacity:
        server.job_capacity = 2 * server.job_capacity + 2
        server.jobs = <uint32_t*> memory_grow(server.jobs, server.job_capacity * sizeof(uint32_t))
    record.finish = server.attained + record.work
    if server.job_count == 0 or record.finish < s.records[server.jobs[server.next_job]].finish:
        server.next_job = server.job_count
    server.jobs[server.job_count] = job
    server.job_count += 1
    record.stage = IS_SERVED
    drop_timer(s, job_item(s, job, False))
    plan_end(s, agent)
    if not record.is_begun:
        record.is_begun = 1
        count_begun(s, record, agent, now)


cdef void stop_work(Simulation* s, uint32_t job, int64_t now) noexcept nogil:
    """The job leaves those its agent works on; what is left of it is kept. O(jobs of the agent)."""
    cdef Record* record = &s.records[job]
    cdef Server* server = &s.servers[record.agent]
    cdef uint32_t index, place = 0
    count_server(s, server, now)
    work_until(server, now)
    record.work = record.finish - server.attained
    if record.work < 0:
        record.work = 0
    while server.jobs[place] != job:
        place += 1
    server.job_count -= 1
    server.jobs[place] = server.jobs[server.job_count]
    server.next_job = 0
    for index in range(1, server.job_count):
        if s.records[server.jobs[index]].finish < s.records[server.jobs[server.next_job]].finish:
            server.next_job = index
    plan_end(s, record.agent)


cdef void take_room(Simulation* s, uint32_t job, uint32_t agent, int64_t now) noexcept nogil:
    cdef Server* server = &s.servers[agent]
    count_server(s, server, now)
    s.records[job].agent = agent
    s.records[job].cost = s.engine.jobs[job].cost
    server.load += s.records[job].cost
    s.load += s.records[job].cost


cdef void give_room(Simulation* s, uint32_t job, int64_t now) noexcept nogil:
    cdef Record* record = &s.records[job]
    cdef Server* server = &s.servers[record.agent]
    count_server(s, server, now)
    server.load -= record.cost
    s.load -= record.cost


# ---- facts


cdef void take_fact(void* owner, const Fact* fact) noexcept nogil:
    """The engine's sink: what each fact means for those who wait and work. Called before the fact is applied."""
    cdef Simulation* s = <Simulation*> owner
    count_time(s, fact.time)
    if fact.type == FACT_JOB_SUBMITTED:
        keep_record(s, fact.job)
    elif fact.type == FACT_JOB_GIVEN:
        leave_line(s, fact.job)
        take_room(s, fact.job, fact.agent, fact.time)
        begin_work(s, fact.job, fact.agent, fact.time)
    elif fact.type == FACT_JOB_ENDED:
        end_record(s, fact)
    elif fact.type == FACT_JOB_WAITS:
        enter_line(s, fact.job, fact.time)
    elif fact.type == FACT_JOB_WRAPS:
        stop_work(s, fact.job, fact.time)
        note_completed(s, fact.job, fact.time)
        s.records[fact.job].stage = IS_WRAPPING
    elif fact.type == FACT_JOB_OFFERED:
        leave_line(s, fact.job)
        take_room(s, fact.job, fact.agent, fact.time)
        s.records[fact.job].stage = IS_OFFERED
        expect_accept(s, fact.job, fact.time)
    elif fact.type == FACT_OFFER_ACCEPTED:
        begin_work(s, fact.job, s.records[fact.job].agent, fact.time)
    elif fact.type == FACT_OFFER_ENDED:
        drop_timer(s, job_item(s, fact.job, True))
        give_room(s, fact.job, fact.time)
        s.records[fact.job].stage = IS_LOOSE
    elif fact.type == FACT_JOB_RELEASED:
        if s.records[fact.job].stage == IS_SERVED:
            stop_work(s, fact.job, fact.time)
        give_room(s, fact.job, fact.time)
        s.records[fact.job].stage = IS_LOOSE
    elif fact.type == FACT_PRESENCE:
        note_presence(s, fact.agent, fact.state == ONLINE, fact.time)


cdef void keep_record(Simulation* s, uint32_t job) noexcept nogil:
    cdef uint32_t capacity = s.record_capacity, first, last
    if job >= capacity:
        first = job_item(s, capacity, False)
        capacity = job + job // 2 + 64
        last = job_item(s, capacity, False)
        s.records = <Record*> memory_grow(s.records, capacity * sizeof(Record))
        s.timer_places = <uint32_t*> memory_grow(s.timer_places, last * sizeof(uint32_t))
        memset(s.timer_places + first, 0, (last - first) * sizeof(uint32_t))
        s.record_capacity = capacity
    s.records[job] = s.pending


cdef void enter_line(Simulation* s, uint32_t job, int64_t now) noexcept nogil:
    cdef Record* record = &s.records[job]
    if record.stage == IS_WAITING:
        return
    record.stage = IS_WAITING
    s.waiting += 1
    if s.waiting > s.most_waiting:
        s.most_waiting = s.waiting
    if record.patience < INFINITY:
        # Who waits a second time, because their agent was lost, does so with fresh patience.
        if record.gives_up <= now and record.is_begun:
            record.gives_up = now + <int64_t> record.patience
        set_timer(s, job_item(s, job, False), GIVES_UP, record.gives_up if record.gives_up > now else now)


cdef void leave_line(Simulation* s, uint32_t job) noexcept nogil:
    """Patience goes on while the job is offered; who is served needs none."""
    if s.records[job].stage == IS_WAITING:
        s.waiting -= 1
    s.records[job].stage = IS_LOOSE


cdef void expect_accept(Simulation* s, uint32_t job, int64_t now) noexcept nogil:
    """At once is after this step: inside it no other command may come."""
    if s.accept_after:
        set_timer(s, job_item(s, job, True), ACCEPTS, now + s.accept_after)
        return
    if s.offer_count == s.offer_capacity:
        s.offer_capacity = 2 * s.offer_capacity + 8
        s.offers = <uint32_t*> memory_grow(s.offers, s.offer_capacity * sizeof(uint32_t))
    s.offers[s.offer_count] = job
    s.offer_count += 1


cdef void note_completed(Simulation* s, uint32_t job, int64_t now) noexcept nogil:
    cdef Record* record = &s.records[job]
    if record.is_counted:
        s.types[record.type].tally.completed += 1
        s.types[record.type].tally.sojourn += <double> (now - record.arrival)


cdef void end_record(Simulation* s, const Fact* fact) noexcept nogil:
    cdef Record* record = &s.records[fact.job]
    cdef uint8_t stage = record.stage
    if stage == IS_WAITING:
        s.waiting -= 1
    elif stage == IS_SERVED:
        stop_work(s, fact.job, fact.time)
        if fact.state == COMPLETED:
            note_completed(s, fact.job, fact.time)
    if stage == IS_OFFERED or stage == IS_SERVED or stage == IS_WRAPPING:
        give_room(s, fact.job, fact.time)
    if not record.is_begun:
        count_lost(s, record, fact.reason == CALLER, fact.time)
    drop_timer(s, job_item(s, fact.job, False))
    drop_timer(s, job_item(s, fact.job, True))
    record.stage = IS_OVER
    s.open -= record.is_counted


cdef void note_presence(Simulation* s, uint32_t agent, bint is_online, int64_t now) noexcept nogil:
    cdef Server* server = &s.servers[agent]
    count_server(s, server, now)
    if is_online != server.is_online:
        s.capacity += <uint64_t> server.capacity * (1 if is_online else -1)
    server.is_online = is_online


# ---- arrivals


cdef int64_t next_poisson(Stream* stream, int64_t origin) noexcept nogil:
    """The next arrival of a rate in steps, by the inverse of its integral; NEVER after the last step."""
    cdef double hazard = -log(draw_uniform(stream.gap_key, stream.index)), left
    while True:
        left = stream.cycle + stream.ends[stream.step] - stream.time
        if stream.rates[stream.step] * left > hazard:
            stream.time += hazard / stream.rates[stream.step]
            return origin + <int64_t> stream.time
        hazard -= stream.rates[stream.step] * left
        stream.time = stream.cycle + stream.ends[stream.step]
        stream.step += 1
        if stream.step == stream.count:
            if not stream.repeats:
                return NEVER
            stream.step = 0
            stream.cycle = stream.time


cdef void expect_arrival(Simulation* s, uint32_t index) noexcept nogil:
    cdef Stream* stream = &s.streams[index]
    cdef int64_t time = NEVER
    if not stream.is_recorded:
        time = next_poisson(stream, s.origin)
    elif stream.index < stream.count:
        time = s.origin + stream.times[stream.index]
    if time < s.horizon:
        set_timer(s, s.server_count + index, ARRIVES, time)
    else:
        drop_timer(s, s.server_count + index)


cdef void draw_job(Simulation* s, Stream* stream, int64_t now) noexcept nogil:
    """What the next job of a stream brings. Every number is drawn by its index, whether it is needed or not."""
    cdef Record* record = &s.pending
    cdef uint64_t index = stream.index
    cdef uint32_t kind = stream.types[index] if stream.is_recorded else stream.type
    cdef JobType* type = &s.types[kind]
    memset(record, 0, sizeof(Record))
    record.type = kind
    record.arrival = now
    record.is_counted = s.measured_from <= now < s.horizon
    record.work = stream.works[index] if stream.is_recorded else -1
    if record.work < 0:
        record.work = law_draw(&type.work, type.work_key, index)
    record.patience = law_draw(&type.patience, type.patience_key, index) if type.has_patience else INFINITY
    if stream.is_recorded:
        record.customer = stream.customers[index]
        if stream.patiences[index] >= 0:
            record.patience = stream.patiences[index]
        else:
            record.patience -= stream.patiences[index]
    elif type.customers:
        record.customer = 1 + type.first_customer + <uint32_t> (
            draw_uniform(type.customer_key, index) * type.customers)
    record.gives_up = now + <int64_t> record.patience if record.patience < INFINITY else 0


cdef void arrive(Simulation* s, uint32_t index) noexcept nogil:
    cdef Stream* stream = &s.streams[index]
    cdef Answer answer
    cdef AssignCommand* command
    draw_job(s, stream, s.engine.now)
    stream.index += 1
    expect_arrival(s, index)
    count_arrival(s, &s.pending)
    command = &s.types[s.pending.type].command
    command.customer = NOBODY
    if s.pending.customer:
        command.customer = s.pending.customer - 1
    assign(s.engine, command, &answer)
    if answer.job == NOBODY:
        s.open -= s.pending.is_counted
        if s.pending.is_counted:
            s.types[s.pending.type].tally.refused += 1
        if s.pending.arrival < s.horizon:
            s.intervals[(s.pending.arrival - s.origin) // s.interval].lost += 1


# ---- the loop


cdef bint prepare_types(Simulation* s, Reply* reply) noexcept nogil:
    """Asks the policy what it makes of each type of job now: rule, queue, demands, head start. False: it refuses one."""
    cdef uint32_t index
    cdef AssignRequest* request
    for index in range(s.type_count):
        request = s.types[index].request
        if not prepare_assign(s.tenant, &request.job, request.immediate_only, &s.types[index].command, reply):
            return False
    return True


cdef bint simulation_start(Simulation* s, Reply* reply) noexcept nogil:
    """Takes over the engine's facts and sets the first events. False, with the failure, for a type the policy refuses."""
    cdef uint32_t index
    if not prepare_types(s, reply):
        return False
    s.former_sink = s.engine.sink
    s.former_owner = s.engine.sink_owner
    s.engine.sink = take_fact
    s.engine.sink_owner = s
    for index in range(s.stream_count):
        expect_arrival(s, index)
    expect_shift(s)
    return True


cdef void expect_shift(Simulation* s) noexcept nogil:
    cdef uint32_t item = s.server_count + s.stream_count
    if s.next_shift < s.shift_count:
        set_timer(s, item, SHIFT, s.shifts[s.next_shift].time)
    else:
        drop_timer(s, item)


cdef void change_shift(Simulation* s) noexcept nogil:
    cdef uint32_t at = s.next_shift
    s.next_shift += 1
    expect_shift(s)
    set_presence(s.engine, s.shifts[at].agent, s.shifts[at].presence, 0)


cdef void finish_work(Simulation* s, uint32_t agent) noexcept nogil:
    cdef Server* server = &s.servers[agent]
    cdef uint32_t job = server.jobs[server.next_job]
    cdef Answer answer
    complete(
        s.engine, job, s.engine.jobs[job].version, UNKNOWN, <int> s.records[job].satisfaction, False, &answer)


cdef void fire(Simulation* s, uint32_t item, uint32_t kind) noexcept nogil:
    cdef Answer answer
    cdef uint32_t job
    if kind == WORK_ENDS:
        finish_work(s, item)
    elif kind == ARRIVES:
        arrive(s, item - s.server_count)
    elif kind == SHIFT:
        change_shift(s)
    else:
        job = (item - s.server_count - s.stream_count - 1) >> 1
        drop_timer(s, item)
        if kind == GIVES_UP:
            cancel(s.engine, job, &answer)
        else:
            accept_offer(s.engine, job, s.engine.jobs[job].version, &answer)


cdef inline void accept_at_once(Simulation* s) noexcept nogil:
    """What the last step offered, and what accepting may offer in turn."""
    cdef Answer answer
    cdef uint32_t job
    while s.offer_count:
        s.offer_count -= 1
        job = s.offers[s.offer_count]
        accept_offer(s.engine, job, s.engine.jobs[job].version, &answer)


cdef int simulation_run(Simulation* s, uint64_t budget, Reply* reply) noexcept nogil:
    """Up to so many events. 0: more are to come; 1: it is over; -1: the policy refuses a type since a schedule toggled."""
    cdef int64_t next_event, due, toggle, now
    cdef HeapNode first
    memset(&first, 0, sizeof(HeapNode))
    while budget:
        budget -= 1
        if s.timers.size:
            first = heap_node(&s.timers, 0)[0]
        next_event = <int64_t> first.high if s.timers.size else NEVER
        due = next_due(s.engine)
        due = due if due >= 0 else NEVER
        toggle = s.tenant.rules.next_toggle if s.tenant.rules != NULL else NEVER_TOGGLES
        now = next_event if next_event < due else due
        now = toggle if toggle < now else now
        if now > s.stop or (now >= s.horizon and s.open == 0):
            finish(s)
            return 1
        if not s.is_measuring and now >= s.measured_from:
            start_measuring(s)
        s.events += 1
        if toggle == now:
            run_schedules(s.tenant.rules, s.engine, toggle)
            if not prepare_types(s, reply):
                return -1
        elif due == now:
            advance(s.engine, due)
        else:
            advance(s.engine, now)
            fire(s, first.item, first.tie >> KIND_SHIFT)
        accept_at_once(s)
    return 0


cdef void finish(Simulation* s) noexcept nogil:
    """Carries every integral to the horizon."""
    cdef uint32_t index
    count_time(s, s.horizon)
    if not s.is_measuring:
        start_measuring(s)
    for index in range(s.server_count):
        count_server(s, &s.servers[index], s.horizon)


cdef void simulation_free(Simulation* s) noexcept nogil:
    cdef uint32_t index
    if s.former_sink != NULL:
        s.engine.sink = s.former_sink
        s.engine.sink_owner = s.former_owner
    for index in range(s.type_count):
        free(s.types[index].request)
        free(s.types[index].work.values)
        free(s.types[index].patience.values)
    for index in range(s.stream_count):
        free(s.streams[index].rates)
        free(s.streams[index].ends)
        free(s.streams[index].times)
        free(s.streams[index].types)
        free(s.streams[index].works)
        free(s.streams[index].patiences)
        free(s.streams[index].customers)
    for index in range(s.server_count):
        free(s.servers[index].jobs)
        free(s.servers[index].rates)
    free(s.timers.origin)
    free(s.types)
    free(s.streams)
    free(s.servers)
    free(s.records)
    free(s.shifts)
    free(s.intervals)
    free(s.last_agent)
    free(s.given)
    free(s.timer_places)
    free(s.offers)
