"""The load generator as Python sees it: sockets in, calls for some time, numbers out."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.buffer cimport buffer_free
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.load.generator cimport clock_ns, load_begin, load_finish, load_run
from fairlead.load.model cimport (
    ASSIGN, BUCKETS, Block, CODES, COMPLETE, Call, Connection, GET, HEARTBEAT, Held, Histogram, KINDS, Load, MAX_STEPS, ROOM, TABLE,
    bucket_value, nghttp2_hd_inflate_del, nghttp2_hd_inflate_new,
)

cdef enum:
    MAX_CONNECTIONS = 1024
    MAX_CALLS = 16384
    MAX_HOLD = 10000000
    MAX_AGENTS = 10000000


cdef void take_block(Block* block, bytes data) except *:
    cdef const char* bytes_of = data
    block.size = len(data)
    block.data = <uint8_t*> memory_grow(NULL, block.size)
    memcpy(block.data, bytes_of, block.size)


cdef dict percentiles(const Histogram* histogram):
    """Latency in microseconds, each at most 1.6 % too large."""
    cdef uint64_t seen = 0
    cdef uint32_t bucket
    wanted = [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p999_us", 0.999)]
    found = {}
    for bucket in range(BUCKETS):
        seen += histogram.counts[bucket]
        while wanted and seen and seen >= wanted[0][1] * histogram.count:
            found[wanted.pop(0)[0]] = round(bucket_value(bucket) / 1e3, 1)
    found["max_us"] = round(histogram.largest / 1e3, 1)
    return found


cdef class Generator:
    """Calls on connected, non-blocking sockets, `calls` places on each. Use from one thread.

    `blocks` are HPACK blocks: the first of a connection, then any later one, of Assign, GetJob where `reads` is not 0, Heartbeat where
    `heartbeats` is not, and CompleteJob; `tenant` is field 1 of the requests; `tails` are JobSpecs without an id, taken in turn.
    `rate` is Assigns a second, 0 for a closed loop. With `batch`, BatchAssign of that many jobs takes the place of Assign, and
    nothing follows it. Of the jobs that were assigned `hold` stay held: beyond it each assignment is followed by the
    completion of the oldest. With `agents` the answers are counted against `capacity`; agent ids then end with a number below
    it. A job that was assigned is read `reads` times, and one of the agents, `agent-0` and so on in turn, beats `heartbeats`
    times.
    """

    cdef Load* _load

    def __cinit__(
        self, sockets, int calls, blocks, bytes tenant, bytes prefix, tails, double rate=0, int batch=0,
        uint32_t hold=0, uint32_t agents=0, uint32_t capacity=0, int reads=0, int heartbeats=0,
    ):
        cdef Load* load = <Load*> memory_zeroed(sizeof(Load))
        cdef uint32_t index
        self._load = load
        if reads < 0 or heartbeats < 0 or 1 + reads + heartbeats > MAX_STEPS:
            raise ValueError(f"at most {MAX_STEPS - 1} calls of a job between two")
        if not 1 <= len(sockets) <= MAX_CONNECTIONS or calls < 1 or len(sockets) * calls > MAX_CALLS or not tails:
            raise ValueError(f"1-{MAX_CONNECTIONS} connections, 1-{MAX_CALLS} calls in all, some jobs")
        load.connection_count = <uint32_t> len(sockets)
        load.call_count = load.connection_count * calls
        load.connections = <Connection*> memory_zeroed(load.connection_count * sizeof(load.connections[0]))
        load.calls = <Call*> memory_zeroed(load.call_count * sizeof(load.calls[0]))
        load.free_calls = <uint32_t*> memory_zeroed(load.call_count * sizeof(uint32_t))
        for index in range(load.connection_count):
            load.connections[index].fd = sockets[index]
            load.connections[index].input = <uint8_t*> memory_grow(NULL, ROOM)
            load.connections[index].streams = <uint32_t*> memory_zeroed(TABLE * sizeof(uint32_t))
            if nghttp2_hd_inflate_new(&load.connections[index].inflater) != 0:
                raise MemoryError
        kinds = [ASSIGN, *[GET] * (reads > 0), *[HEARTBEAT] * (heartbeats > 0), COMPLETE]
        load.kind_count = <uint32_t> len(kinds)
        for index in range(load.kind_count):
            load.kinds[index] = kinds[index]
            take_block(&load.first[load.kinds[index]], blocks[index])
            take_block(&load.block[load.kinds[index]], blocks[load.kind_count + index])
        steps = [ASSIGN, *[GET] * reads, *[HEARTBEAT] * heartbeats]
        load.step_count = 1 if batch else <uint32_t> len(steps)
        for index in range(load.step_count):
            load.steps[index] = steps[index]
        take_block(&load.tenant, tenant)
        take_block(&load.prefix, prefix)
        load.tail_count = <uint32_t> len(tails)
        load.tails = <Block*> memory_zeroed(load.tail_count * sizeof(Block))
        for index in range(load.tail_count):
            take_block(&load.tails[index], tails[index])
        load.rate = rate
        load.batch = batch
        if hold > MAX_HOLD or agents > MAX_AGENTS:
            raise ValueError(f"at most {MAX_HOLD} jobs are held by at most {MAX_AGENTS} agents")
        load.hold = hold
        load.held_room = hold + load.call_count + 1
        load.held = <Held*> memory_zeroed(load.held_room * sizeof(Held))
        load.capacity = capacity
        load.jobs_of_agent = <uint32_t*> memory_zeroed((agents + 1) * sizeof(uint32_t))
        load.agent_count = agents
        load_begin(load)

    def __dealloc__(self):
        cdef uint32_t index
        if self._load == NULL:
            return
        for index in range(self._load.connection_count):
            nghttp2_hd_inflate_del(self._load.connections[index].inflater)
            free(self._load.connections[index].input)
            free(self._load.connections[index].streams)
            buffer_free(&self._load.connections[index].output)
        for index in range(KINDS):
            free(self._load.first[index].data)
            free(self._load.block[index].data)
        for index in range(self._load.tail_count):
            free(self._load.tails[index].data)
        free(self._load.tails)
        free(self._load.tenant.data)
        free(self._load.prefix.data)
        free(self._load.connections)
        free(self._load.calls)
        free(self._load.held)
        free(self._load.jobs_of_agent)
        free(self._load.free_calls)
        buffer_free(&self._load.message)
        free(self._load)

    def run(self, double seconds):
        """Loads for some time; False when every connection has failed."""
        cdef int64_t until = clock_ns() + <int64_t> (seconds * 1e9)
        cdef bint works
        with nogil:
            works = load_run(self._load, until)
        return bool(works)

    def finish(self, double seconds):
        """Begins no new job, completes those that are held, and waits for the answers."""
        cdef int64_t until = clock_ns() + <int64_t> (seconds * 1e9)
        with nogil:
            load_finish(self._load, until)

    def pace(self, double rate):
        """From now on an open loop of this many Assigns a second, or a closed one with 0."""
        self._load.rate = rate
        self._load.start = clock_ns()
        self._load.due = 0

    def reset(self):
        """Forgets what was measured: the warm-up is over."""
        memset(self._load.latency, 0, sizeof(self._load.latency))
        memset(self._load.codes, 0, sizeof(self._load.codes))
        self._load.unassigned = 0
        self._load.over_capacity = 0
        self._load.start = clock_ns()
        self._load.due = 0

    def result(self):
        """Calls, gRPC codes (17: none) and latency by method that was called; jobs nobody took; calls that were lost; jobs that are
        held; assignments over an agent's capacity; for an open loop how many Assigns it `began` since the reset, and in how
        many `seconds` until it last looked at the clock."""
        cdef int kind
        out = {}
        for kind, name in ((ASSIGN, "Assign"), (GET, "GetJob"), (HEARTBEAT, "Heartbeat"), (COMPLETE, "CompleteJob")):
            if (kind == GET or kind == HEARTBEAT) and self._load.latency[kind].count == 0:
                continue
            out[name] = {
                "calls": self._load.latency[kind].count,
                "codes": {code: self._load.codes[kind][<int> code] for code in range(CODES)
                          if self._load.codes[kind][<int> code]},
                **percentiles(&self._load.latency[kind]),
            }
        return {
            "methods": out, "unassigned": self._load.unassigned, "lost": self._load.lost,
            "held": self._load.held_count, "over_capacity": self._load.over_capacity,
            "began": self._load.due, "seconds": max(<int64_t> 0, self._load.now - self._load.start) / 1e9,
        }
