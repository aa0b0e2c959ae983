"""A simulation as Python sees it: a shard with its policy and agents, what arrives, how long things take; run; counts.

Nothing of Python is called per event. Times are microseconds of the shard's virtual clock, lengths of time too.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetPointer

from fairlead.base.heap cimport heap_init
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.text cimport text_empty
from fairlead.codec.decode cimport decode_assign
from fairlead.codec.messages cimport DECODE_OK, AssignRequest, DecodeError
from fairlead.engine.audit cimport Audit, audit, state_hash
from fairlead.shard.calls cimport Reply
from fairlead.shard.convert cimport raise_decode_error, raise_failure
from fairlead.shard.dispatch cimport STATE_CAPSULE, ShardState, tenant_get
from fairlead.simulation.counts cimport wait_quantile
from fairlead.simulation.draws cimport Law, draw_key, law_draw
from fairlead.simulation.loop cimport simulation_free, simulation_run, simulation_start
from fairlead.simulation.model cimport (
    CUSTOMER, GAP, LEVELS, MAX_SERVERS, MAX_TYPES, PATIENCE, WORK, Interval, JobType, Server, Shift, Simulation as State,
    Stream, Tally,
)

cdef enum:
    EVENTS_BETWEEN_SIGNALS = 200000
    MAX_INTERVALS = 100000


cdef void take_law(Law* law, tuple told) except *:
    """(kind, a, b, c, ascending values)."""
    cdef const double[::1] values
    law.kind, law.a, law.b, law.c, values = told
    law.count = <uint32_t> values.shape[0]
    law.values = <double*> copied(&values[0], law.count * sizeof(double)) if law.count else NULL


cdef void* copied(const void* data, size_t size) noexcept nogil:
    cdef void* block = memory_grow(NULL, size)
    memcpy(block, data, size)
    return block


cdef class Simulation:
    """One run. The shard, in virtual time, has the policy and the agents, all OFFLINE, and serves nothing else.

    Its agents are the servers in the order of their creation. Add types, then arrivals, then servers; `begin`; `run`
    until it says that it is over; read the counts. `accept_after` is how long an agent takes to accept an offer.
    """

    cdef State* _state
    cdef object _shard
    cdef list _alive

    def __cinit__(
        self, shard, *, uint64_t seed, uint64_t replication, int64_t warm_up, int64_t horizon, int64_t drain, int64_t interval,
        int64_t service_level, int64_t accept_after, double tolerance, double own_bonus,
    ):
        cdef State* s = <State*> memory_zeroed(sizeof(State))
        cdef ShardState* owner
        self._state = s
        self._shard = shard
        self._alive = []
        heap_init(&s.timers)
        if not (0 <= warm_up < horizon and drain >= 0 and 0 < interval and horizon // interval < MAX_INTERVALS and tolerance > 0):
            raise ValueError("0 <= warm_up < horizon, interval above 0 and not too small, tolerance above 0")
        owner = <ShardState*> PyCapsule_GetPointer(shard._capsule(), STATE_CAPSULE)
        s.tenant = tenant_get(owner, text_empty())
        s.engine = &s.tenant.engine
        s.seed = seed
        s.replication = replication
        s.origin = s.engine.now
        s.clock = s.origin
        s.measured_from = s.origin + warm_up
        s.horizon = s.origin + horizon
        s.stop = s.horizon + drain
        s.interval = interval
        s.interval_count = <uint32_t> ((horizon + interval - 1) // interval)
        s.intervals = <Interval*> memory_zeroed(s.interval_count * sizeof(Interval))
        s.service_level = service_level
        s.accept_after = accept_after
        s.tolerance = tolerance
        s.own_bonus = own_bonus

    def __dealloc__(self):
        if self._state != NULL:
            simulation_free(self._state)
            free(self._state)

    def add_type(self, bytes request not None, tuple work not None, patience, uint32_t customers):
        """A type of job: an AssignRequest as on the wire, laws of work and patience (None: for ever), its customers.

        Raises what the daemon would answer to a request that is wrong.
        """
        cdef State* s = self._state
        cdef JobType* type
        cdef DecodeError error
        cdef const char* data = request
        if s.type_count == MAX_TYPES:
            raise ValueError(f"more than {MAX_TYPES} types of jobs")
        s.types = <JobType*> memory_grow(s.types, (s.type_count + 1) * sizeof(JobType))
        type = &s.types[s.type_count]
        memset(type, 0, sizeof(JobType))
        type.request = <AssignRequest*> memory_zeroed(sizeof(AssignRequest))
        s.type_count += 1
        # The texts of a decoded request point into its bytes.
        self._alive.append(request)
        if decode_assign(<const uint8_t*> data, len(request), type.request, &error) != DECODE_OK:
            raise_decode_error(&error)
        take_law(&type.work, work)
        if patience is not None:
            type.has_patience = 1
            take_law(&type.patience, patience)
        type.customers = customers
        type.first_customer = s.customer_count
        s.customer_count += customers
        type.work_key = draw_key(s.seed, s.replication, s.type_count, WORK)
        type.patience_key = draw_key(s.seed, s.replication, s.type_count, PATIENCE)
        type.customer_key = draw_key(s.seed, s.replication, s.type_count, CUSTOMER)

    cdef Stream* _add_stream(self) except NULL:
        cdef State* s = self._state
        if s.stream_count == MAX_TYPES:
            raise ValueError(f"more than {MAX_TYPES} streams of arrivals")
        s.streams = <Stream*> memory_grow(s.streams, (s.stream_count + 1) * sizeof(Stream))
        memset(&s.streams[s.stream_count], 0, sizeof(Stream))
        s.stream_count += 1
        return &s.streams[s.stream_count - 1]

    def add_poisson(self, uint32_t type, const double[::1] rates not None, const double[::1] ends not None, bint repeats):
        """Arrivals of a type with a rate (per microsecond) in steps, each until its end; then anew, or no more."""
        cdef Stream* stream
        if not 0 < rates.shape[0] == ends.shape[0] or type >= self._state.type_count:
            raise ValueError("a rate for each end, and a type that was added")
        stream = self._add_stream()
        stream.type = type
        stream.count = <uint32_t> rates.shape[0]
        stream.repeats = repeats
        stream.rates = <double*> copied(&rates[0], stream.count * sizeof(double))
        stream.ends = <double*> copied(&ends[0], stream.count * sizeof(double))
        stream.gap_key = draw_key(self._state.seed, self._state.replication, self._state.stream_count, GAP)

    def add_recorded(
        self, const int64_t[::1] times not None, const unsigned int[::1] types not None, const double[::1] works not None,
        const double[::1] patiences not None, const unsigned int[::1] customers not None,
    ):
        """Recorded arrivals, by time since the start.

        Work below 0 is drawn; patience below 0 is what was borne, and more is drawn; customers count from 1.
        """
        cdef Stream* stream
        cdef State* s = self._state
        cdef Py_ssize_t count = times.shape[0], index
        if not count == types.shape[0] == works.shape[0] == patiences.shape[0] == customers.shape[0]:
            raise ValueError("the columns of a record are equally long")
        stream = self._add_stream()
        stream.is_recorded = 1
        if count == 0:
            return
        stream.count = <uint32_t> count
        for index in range(count):
            if types[index] >= s.type_count or times[index] < (times[index - 1] if index else 0):
                raise ValueError(f"recorded job {index} has an unknown type or comes before the one in front of it")
            if customers[index] > s.customer_count:
                s.customer_count = customers[index]
        stream.times = <int64_t*> copied(&times[0], count * sizeof(int64_t))
        stream.types = <uint32_t*> copied(&types[0], count * sizeof(uint32_t))
        stream.works = <double*> copied(&works[0], count * sizeof(double))
        stream.patiences = <double*> copied(&patiences[0], count * sizeof(double))
        stream.customers = <uint32_t*> copied(&customers[0], count * sizeof(uint32_t))

    def add_server(self, uint32_t capacity, double speed, double rating, const double[::1] rates not None):
        """The next agent at work; `rates`: work in a unit of time with 1, 2, .. jobs, empty: each as if alone."""
        cdef State* s = self._state
        cdef Server* server
        if s.server_count == MAX_SERVERS or not speed > 0:
            raise ValueError(f"at most {MAX_SERVERS} agents, each with a speed above 0")
        s.servers = <Server*> memory_grow(s.servers, (s.server_count + 1) * sizeof(Server))
        server = &s.servers[s.server_count]
        memset(server, 0, sizeof(Server))
        s.server_count += 1
        server.capacity = capacity
        server.speed = speed
        server.rating = rating
        server.since = s.origin
        server.rate_count = <uint32_t> rates.shape[0]
        if server.rate_count:
            server.rates = <double*> copied(&rates[0], server.rate_count * sizeof(double))

    def begin(self, list shifts not None):
        """`shifts` are (time since the start, agent, Presence), ascending. Raises what the daemon answers to a type."""
        cdef State* s = self._state
        cdef Reply reply
        cdef uint32_t index, items = s.server_count + s.stream_count + 1
        if s.former_sink != NULL or s.server_count != s.engine.agent_count or not s.server_count or not s.type_count:
            raise ValueError("once, with types, and a server for each agent of the shard")
        s.shifts = <Shift*> memory_zeroed(len(shifts) * sizeof(Shift))
        for time, agent, presence in shifts:
            s.shifts[s.shift_count].time = s.origin + <int64_t> time
            s.shifts[s.shift_count].agent = agent
            s.shifts[s.shift_count].presence = presence
            s.shift_count += 1
            if not 0 <= agent < s.server_count or s.shift_count > 1 and s.shifts[s.shift_count - 2].time > s.shifts[s.shift_count - 1].time:
                raise ValueError("shifts of agents that exist, in order")
        s.timer_places = <uint32_t*> memory_zeroed(items * sizeof(uint32_t))
        s.last_agent = <uint32_t*> memory_zeroed((s.customer_count + 1) * sizeof(uint32_t))
        s.given = <uint64_t*> memory_zeroed(<size_t> s.type_count * s.server_count * sizeof(uint64_t))
        if not simulation_start(s, &reply):
            raise_failure(&reply)

    def run(self):
        """All events up to the end. KeyboardInterrupt and other signals are heard a few times a second."""
        cdef int state = 0
        cdef Reply reply
        if self._state.former_sink == NULL:
            raise ValueError("begin comes first")
        while state == 0:
            with nogil:
                state = simulation_run(self._state, EVENTS_BETWEEN_SIGNALS, &reply)
            PyErr_CheckSignals()
        if state < 0:
            raise_failure(&reply)

    @property
    def events(self):
        """So far: what clients would have sent, and timers of the router."""
        return self._state.events

    @property
    def most_waiting(self):
        """The longest the backlog ever was."""
        return self._state.most_waiting

    @property
    def unfinished(self):
        """Counted jobs that were not over when it stopped."""
        return self._state.open

    def tallies(self):
        """By type, in the order they were added: a dict of counts and of sums in microseconds."""
        cdef uint32_t index
        return [tally_dict(&self._state.types[index].tally) for index in range(self._state.type_count)]

    def servers(self):
        """By agent: time (microseconds) busy, of load units, staffed, with 0, 1, .. jobs; jobs given, by type."""
        cdef State* s = self._state
        cdef Server* server
        cdef uint32_t index, type, level
        found = []
        for index in range(s.server_count):
            server = &s.servers[index]
            found.append({
                "busy": server.busy, "loaded": server.loaded, "staffed": server.staffed, "given": server.given,
                "levels": [server.levels[level] for level in range(LEVELS)],
                "given_by_type": [s.given[<size_t> type * s.server_count + index] for type in range(s.type_count)],
            })
        return found

    def intervals(self):
        """By interval up to the horizon: (waiting, load, capacity) as time integrals, arrived, served, lost, wait."""
        cdef Interval* each
        cdef uint32_t index
        found = []
        for index in range(self._state.interval_count):
            each = &self._state.intervals[index]
            found.append((each.waiting, each.load, each.capacity, each.arrived, each.served, each.lost, each.wait))
        return found

    def check(self):
        """Every invariant of the engine; what is violated. O(state)."""
        cdef Audit result
        cdef uint32_t index
        audit(self._state.engine, &result)
        return [result.violations[index].decode() for index in range(result.count)]

    def state_hash(self):
        """Of the engine."""
        return state_hash(self._state.engine)


cdef dict tally_dict(Tally* tally):
    return {
        "arrived": tally.arrived, "served": tally.served, "abandoned": tally.abandoned, "refused": tally.refused,
        "dropped": tally.dropped, "waited": tally.waited, "within": tally.within, "completed": tally.completed,
        "returning": tally.returning, "own": tally.own, "wait": tally.wait, "wait_square": tally.wait_square,
        "lost_wait": tally.lost_wait, "sojourn": tally.sojourn, "satisfaction": tally.satisfaction,
        "quantiles": [wait_quantile(tally.waits, share) for share in (0.5, 0.8, 0.9, 0.95, 0.99)],
        "waits": list(tally.waits),
    }


def draws(tuple law not None, uint64_t seed, uint32_t count):
    """The first numbers of a law, for tests and for whoever wants to see them."""
    cdef Law known
    cdef uint32_t index
    memset(&known, 0, sizeof(Law))
    take_law(&known, law)
    try:
        return [law_draw(&known, draw_key(seed, 0, 0, WORK), index) for index in range(count)]
    finally:
        free(known.values)
