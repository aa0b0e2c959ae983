"""See counts.pxd."""

from libc.math cimport exp, exp2, log2

from fairlead.simulation.model cimport BINS_PER_DOUBLING, LEVELS, WAIT_BINS, Interval, Tally


cdef void count_time(Simulation* s, int64_t now) noexcept nogil:
    """Carries the integrals of the time axis to `now`, split at the ends of its intervals. O(intervals passed)."""
    cdef int64_t until, index
    cdef double piece
    cdef Interval* interval
    if now > s.horizon:
        now = s.horizon
    while s.clock < now:
        index = (s.clock - s.origin) // s.interval
        until = s.origin + (index + 1) * s.interval
        until = until if until < now else now
        piece = <double> (until - s.clock)
        interval = &s.intervals[index]
        interval.waiting += piece * s.waiting
        interval.load += piece * s.load
        interval.capacity += piece * s.capacity
        s.clock = until


cdef void count_server(Simulation* s, Server* server, int64_t now) noexcept nogil:
    """Carries the sums of one agent to `now`: called before anything of them changes."""
    cdef double piece
    if now > s.horizon:
        now = s.horizon
    if now <= server.since:
        return
    piece = <double> (now - server.since)
    server.since = now
    if not s.is_measuring or not (server.is_online or server.load):
        return
    server.staffed += piece
    server.loaded += piece * server.load
    server.levels[server.job_count if server.job_count < LEVELS else LEVELS - 1] += piece
    if server.load:
        server.busy += piece


cdef void start_measuring(Simulation* s) noexcept nogil:
    """The warm-up is over: agents are counted from here on. Jobs are by their arrival."""
    cdef uint32_t index
    for index in range(s.server_count):
        count_server(s, &s.servers[index], s.measured_from)
    s.is_measuring = 1


cdef inline Interval* interval_of(Simulation* s, const Record* record) noexcept nogil:
    return &s.intervals[(record.arrival - s.origin) // s.interval]


cdef void count_arrival(Simulation* s, const Record* record) noexcept nogil:
    if record.arrival < s.horizon:
        interval_of(s, record).arrived += 1
    if record.is_counted:
        s.types[record.type].tally.arrived += 1
        s.open += 1


cdef inline uint32_t wait_bin(double wait) noexcept nogil:
    """0 for who did not wait; bins are a twelfth wide from there on."""
    cdef uint32_t index
    if wait < 1:
        return 0
    index = 1 + <uint32_t> (BINS_PER_DOUBLING * log2(wait))
    return index if index < WAIT_BINS else <uint32_t> (WAIT_BINS - 1)


cdef double wait_quantile(const uint64_t* bins, double share) noexcept nogil:
    """The wait in microseconds that this share of the counted does not exceed, at most 5 % off."""
    cdef uint64_t total = 0, seen = 0
    cdef uint32_t index
    for index in range(WAIT_BINS):
        total += bins[index]
    for index in range(WAIT_BINS):
        seen += bins[index]
        if seen >= share * total:
            return exp2((index - 0.5) / BINS_PER_DOUBLING) if index else 0.0
    return 0.0


cdef void count_begun(Simulation* s, Record* record, uint32_t agent, int64_t now) noexcept nogil:
    """The work on a job begins for the first time: its wait is over. Satisfaction is the agent's part times the wait's."""
    cdef double wait = <double> (now - record.arrival), satisfaction = s.servers[agent].rating
    cdef bint is_own = record.customer and s.last_agent[record.customer] == agent + 1
    cdef bint is_returning = record.customer and s.last_agent[record.customer] != 0
    cdef Tally* tally = &s.types[record.type].tally
    cdef Interval* interval
    if is_own:
        satisfaction += s.own_bonus
    satisfaction = (satisfaction if satisfaction < 1 else 1.0) * exp(-wait / s.tolerance)
    record.satisfaction = <uint32_t> (1000 * satisfaction + 0.5)
    if record.customer:
        s.last_agent[record.customer] = agent + 1
    if record.arrival < s.horizon:
        interval = interval_of(s, record)
        interval.served += 1
        interval.wait += wait
    if not record.is_counted:
        return
    tally.served += 1
    tally.waited += wait > 0
    tally.within += wait <= s.service_level
    tally.wait += wait
    tally.wait_square += wait * wait
    tally.waits[wait_bin(wait)] += 1
    tally.satisfaction += satisfaction
    tally.returning += is_returning
    tally.own += is_own
    s.servers[agent].given += 1
    s.given[<uint64_t> record.type * s.server_count + agent] += 1


cdef void count_lost(Simulation* s, const Record* record, bint gave_up, int64_t now) noexcept nogil:
    """A job ended without any work."""
    cdef Tally* tally = &s.types[record.type].tally
    if record.arrival < s.horizon:
        interval_of(s, record).lost += 1
    if not record.is_counted:
        return
    if gave_up:
        tally.abandoned += 1
    else:
        tally.dropped += 1
    tally.lost_wait += <double> (now - record.arrival)
