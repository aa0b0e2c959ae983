"""The load generator's memory: connections, the calls in flight on them, and what was measured.

Its client speaks HTTP/2 by hand where every call is the same bytes: a request is a frame header, a block of HPACK indices,
and a message. Only what the server writes is decoded by a library (nghttp2's HPACK inflater). So one core can load
several hundred thousand calls a second, and the server is what is measured. Times are nanoseconds, sizes bytes.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer


cdef extern from "<nghttp2/nghttp2.h>" nogil:
    ctypedef struct nghttp2_hd_inflater:
        pass
    ctypedef struct nghttp2_nv:
        uint8_t* name
        uint8_t* value
        size_t namelen
        size_t valuelen
    enum:
        NGHTTP2_HD_INFLATE_FINAL
        NGHTTP2_HD_INFLATE_EMIT
    int nghttp2_hd_inflate_new(nghttp2_hd_inflater**)
    void nghttp2_hd_inflate_del(nghttp2_hd_inflater*)
    ssize_t nghttp2_hd_inflate_hd2(
        nghttp2_hd_inflater*, nghttp2_nv*, int* flags, const uint8_t* data, size_t size, int final)
    int nghttp2_hd_inflate_end_headers(nghttp2_hd_inflater*)


cdef enum:
    ROOM = 1 << 20               # of a connection's input
    MAX_ANSWER = 256             # of a reply, of what is looked at
    TABLE = 1 << 15              # of streams by their number; more than can be in flight
    BUCKETS = 64 * 64            # of the histogram: 64 a doubling
    CODE_OTHER = 17              # an answer without a gRPC status, or a reset
    CODES = 18

# Kinds of calls.
cdef enum:
    ASSIGN = 0
    GET = 1
    HEARTBEAT = 2
    COMPLETE = 3
    KINDS = 4
    MAX_STEPS = 64               # calls of one job but its completion

cdef struct Histogram:
    uint64_t[BUCKETS] counts
    uint64_t count
    int64_t largest

# One place for a call; calls follow each other in it.
cdef struct Call:
    int64_t intended             # when it should have left
    uint64_t job
    int64_t version              # of the assignment to complete
    uint32_t agent               # number at the end of the agent's id
    uint32_t connection
    uint8_t kind
    uint8_t status               # gRPC's, CODE_OTHER until it is known
    uint8_t busy
    uint8_t step                 # of its job
    uint16_t answer_size
    uint8_t[MAX_ANSWER] answer

# A job that an agent holds.
cdef struct Held:
    uint64_t job
    int64_t version
    uint32_t agent

cdef struct Connection:
    int fd
    uint8_t stage                # calls of its first job, one of each kind; `kind_count`: it is over, all fields are in the table
    uint8_t failed
    uint32_t next_stream
    int64_t window               # of ours, for the connection
    int64_t consumed             # of its, not yet given back
    nghttp2_hd_inflater* inflater
    uint8_t* input
    size_t filled
    Buffer output
    size_t sent
    uint32_t* streams            # [TABLE] place of the call, by number of the stream

cdef struct Block:
    uint8_t* data
    size_t size

cdef struct Load:
    Connection* connections
    uint32_t connection_count
    Call* calls
    uint32_t call_count
    uint32_t* free_calls         # of the open loop: places without a call
    uint32_t free_count
    Block[KINDS] first           # header blocks: the first of a connection, by kind
    Block[KINDS] block           # and all that follow
    uint8_t[KINDS] kinds         # those that are called, in the order in which a connection's first job makes each once
    uint32_t kind_count
    uint8_t[MAX_STEPS] steps     # kinds of a job's calls up to its completion, in order
    uint32_t step_count
    Block tenant                 # field 1 of every request, whole
    Block prefix                 # of the job ids
    Block* tails                 # of a JobSpec: all but its id
    uint32_t tail_count
    Buffer message
    uint64_t next_job
    double rate                  # of Assigns a second; 0: closed loop
    int64_t start
    int64_t now
    uint64_t due                 # Assigns that were sent, in the open loop
    uint8_t stopping
    uint32_t in_flight
    Histogram[KINDS] latency
    uint64_t[KINDS][CODES] codes
    uint64_t unassigned
    uint64_t lost                # calls of connections that failed
    uint64_t batch               # jobs of one BatchAssign, which takes the place of Assign; 0: one job a call
    Held* held                   # a ring: jobs that were assigned and not yet completed, oldest first
    uint32_t held_room
    uint32_t held_first
    uint32_t held_count
    uint32_t hold                # how many stay held; beyond it each assignment is followed by the completion of the oldest
    uint32_t* jobs_of_agent      # by number; what the answers say that nobody has been told to complete
    uint32_t agent_count         # 0: agents are not looked at
    uint32_t capacity
    uint64_t over_capacity       # assignments to an agent who already had `capacity` jobs


cdef inline uint32_t bucket_of(int64_t value) noexcept nogil:
    """64 buckets for every doubling: within 1.6 % of the value."""
    cdef uint32_t shift = 0
    if value < 0:
        return 0
    while value >= 128:
        value >>= 1
        shift += 1
    return min(<uint32_t> value + shift * 64, <uint32_t> (BUCKETS - 1))


cdef inline int64_t bucket_value(uint32_t bucket) noexcept nogil:
    """The largest value of a bucket."""
    cdef uint32_t shift
    if bucket < 128:
        return bucket
    shift = bucket // 64 - 1
    return ((<int64_t> (bucket - shift * 64) + 1) << shift) - 1


cdef inline void record(Histogram* histogram, int64_t value) noexcept nogil:
    histogram.counts[bucket_of(value)] += 1
    histogram.count += 1
    histogram.largest = max(histogram.largest, value)
