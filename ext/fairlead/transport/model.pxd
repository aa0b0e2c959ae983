"""The transport's memory: one Loop per thread, its connections, their streams.

    Front       what the threads of a server share: the methods, places, and the loops themselves
    Loop        one epoll, its connections, its half of an exchange with Python; owned by the thread that runs it
    Connection  one socket and its nghttp2 session
    Stream      one HTTP/2 stream, which is one call; pooled, so that a call allocates nothing

A stream goes through: headers -> message -> batch -> decided -> answered -> closed. Everything is integers and bytes: no
Python object is reachable from here. Times are monotone microseconds; sizes are bytes.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.shard.dispatch cimport ShardState
from fairlead.transport.nghttp2 cimport nghttp2_mem, nghttp2_option, nghttp2_session, nghttp2_session_callbacks
from fairlead.transport.pool cimport Pool
from fairlead.transport.system cimport pthread_mutex_t


cdef enum:
    PREFIX_SIZE = 5                # gRPC: compressed flag, length of the message
    STREAMS_PER_CHUNK = 256
    KEPT_BUFFER = 16384            # a pooled stream gives larger buffers back
    READ_SIZE = 65536              # one recv
    KEPT_OUTPUT = 1048576          # a loop gives a larger buffer for writing back
    WRITE_SIZE = 65536             # nghttp2 is asked for frames until there are so many bytes for one send
    STREAM_WINDOW = 262144
    CONNECTION_WINDOW = 4194304
    MAX_FIELDS = 64                # of a header block: more fail the stream
    MAX_FIELDS_SIZE = 8192
    MAX_FIELDS_HARD = 256          # more close the connection at once
    MAX_FIELDS_SIZE_HARD = 16384
    HOT_LIMIT = 262144             # of a message to a hot method that takes no list
    MAX_PENDING_REPLY = 4194304    # of a streaming call whose peer does not read
    MAX_HELD_BYTES = 4194304       # of answers that wait for a connection's windows: more calls are refused
    FREE_PENDING_REPLY = 16384     # which a streaming call may have beyond that
    MAX_HELD_CALLS = 2048          # unary calls that Python has, waiting ones among them
    MAX_HELD_STREAMS = 8192
    ADDRESS_PLACES = 65536
    MAX_EVENT_BYTES = 67108864     # of messages that wait for Python
    MAX_THREADS = 64
    THREAD_SHIFT = 24              # Stream.index: the thread above, the place in its slab below
    MAX_STREAMS_OF_LOOP = 16777216
    KEPT_SIZE = 12                 # a byte less than a WINDOW_UPDATE, the longest that is looked at in one piece
    PAUSES = 4                     # lengths of time after which those who were refused come back
    OUR_ENDS = 16                  # streams that we ended first, remembered by their numbers
    KNOWN_BLOCKS = 4               # header blocks of a connection that are known by their bytes
    KNOWN_SIZE = 224               # bytes of each at most
    DIRECT_CHAINS = 64             # of the direct calls of a connection that are open, by their streams' numbers

# Buckets of the histograms of calls (gRPC proposal A66); the last of each has no bound.
cdef enum:
    DURATION_BUCKETS = 42
    SIZE_BUCKETS = 15

# Whose calls are refused first when there are too many.
cdef enum:
    NEVER = 0                      # health
    LAST = 1                       # what frees capacity, and what operators do
    NEW_WORK = 2
    READS = 3
    RANKS = 4

# Kinds of methods.
cdef enum:
    HOT = 0
    UNARY = 1                      # Python, one request, one reply
    STREAMING = 2                  # Python, any number of both

# What a stream has been through; its flags.
cdef enum:
    HEADERS_DONE = 1
    NOT_POST = 2
    BAD_CONTENT_TYPE = 4
    CONNECT_JSON = 8               # unary Connect, body in JSON
    CONNECT_PROTO = 16
    ENCODING_GZIP = 32
    ENCODING_UNKNOWN = 64
    ACCEPTS_GZIP = 128
    BAD_METADATA = 256
    TOO_MANY_FIELDS = 512
    DISCARDS = 1024                # what still comes is not looked at
    ENDED = 2048                   # the peer has half-closed
    IN_BATCH = 4096
    IN_PYTHON = 8192               # Python has a call of this stream
    DECIDED = 16384                # reply and status are final
    ANSWERED = 32768               # the response headers are with nghttp2
    CLOSED = 65536                 # nghttp2 is done with it
    COMPRESSED = 131072            # the message is
    HAS_CONTENT_TYPE = 262144
    BAD_TIMEOUT = 524288
    STALLED = 1048576              # nghttp2 waits for more of the reply; of a direct one: its window is shut
    REPLY_GZIP = 2097152
    WAITING = 4194304              # a unary call that Python may keep for long: it wants to know when the peer is gone
    TELLS_ROOM = 8388608           # Python wants to know when all of the reply has left
    CONTENT_GZIP = 16777216        # HTTP's own content-encoding and accept-encoding, which Connect uses
    CONTENT_UNKNOWN = 33554432
    CONTENT_ACCEPTS_GZIP = 67108864
    SHED = 134217728               # refused because there is too much to do
    UNCOUNTED = 268435456          # no call, but something else over HTTP
    RESET = 1073741824             # nghttp2 has a reset of it to send
    STARVED = 536870912            # there is more of it to send than the connection's window has; see whole.pxd

# How far the newest stream of a connection has come.
cdef enum:
    STREAM_OVER = 0                # or there was none yet
    STREAM_BEGUN = 1               # its header block is being read, and may have been all that there was of it
    STREAM_OPEN = 2

# Reasons of the guards, by their place in Loop.trips and in the metrics.
cdef enum:
    GUARD_GLITCHES = 0
    GUARD_FIELDS = 1               # the stream failed
    GUARD_FIELDS_HARD = 2          # the connection was closed
    GUARD_OUTBOUND_PAUSED = 3
    GUARD_OUTBOUND_CLOSED = 4
    GUARD_TIMEOUT_PREFACE = 5
    GUARD_TIMEOUT_SETTINGS = 6
    GUARD_TIMEOUT_HEADERS = 7
    GUARD_TIMEOUT_BODY = 8
    GUARD_TIMEOUT_WRITE = 9
    GUARD_TIMEOUT_PING = 10
    GUARD_CONNECTIONS = 11
    GUARD_ADDRESS = 12
    GUARD_ACCEPTS = 13
    GUARD_MESSAGE_SIZE = 14
    GUARD_COLD_FULL = 15
    GUARD_STREAMS = 16             # a call above the number that one connection may have open
    GUARD_AGE = 17                 # calls were open when the grace of an old connection ended
    GUARD_OUTBOUND_REFUSED = 18    # a call on a connection whose answers are not taken
    GUARD_COUNT = 19

cdef struct Method:
    uint64_t tail                  # last 8 bytes of the path
    char* path
    uint32_t size
    uint32_t number                # the shard's, of a hot one
    uint32_t kind
    uint32_t limit                 # of a message
    uint32_t rank
    uint8_t takes_metadata         # Python wants to see the header fields

# Calls of one method that ended with one status.
cdef struct Ended:
    uint64_t duration_us
    uint64_t received              # bytes of messages, as they came, without their prefixes
    uint64_t sent
    uint64_t[DURATION_BUCKETS] durations
    uint64_t[SIZE_BUCKETS] received_sizes
    uint64_t[SIZE_BUCKETS] sent_sizes

cdef struct CallCounts:
    uint64_t started
    Ended[17] ended                # by gRPC status

cdef struct Connection
cdef struct Loop

# What a peer may cost; the operator's to set. Times in microseconds, rates in a second.
cdef struct Limits:
    int64_t preface_us             # from the first byte of a connection to the end of its preface
    int64_t settings_us            # until our SETTINGS are acknowledged
    int64_t headers_us             # of one header block
    int64_t body_us                # of a request, from its headers to its end
    int64_t write_us               # without a byte taken by a peer that should take some
    int64_t keepalive_us           # of silence, then we ping
    int64_t keepalive_timeout_us   # for the answer
    int64_t age_us                 # of a connection, give or take a tenth
    int64_t age_grace_us           # for its calls to end
    uint32_t connections           # of all addresses
    uint32_t connections_per_address
    uint32_t accepts_per_second    # beyond the burst
    uint32_t accept_burst
    uint32_t streams               # of a connection, at once
    int64_t queue_us               # new work that would wait so long is refused
    int64_t sync_us                # so is all new work while one sync takes longer

# What the loops of a server share. Nothing here changes while they run but `addresses`, by atomic steps.
cdef struct Front:
    ShardState* shard
    Limits limits
    Method* methods
    uint32_t method_count
    uint32_t loop_count
    Loop* loops
    # Python's workers, which all loops share: how long the call waited that one of them began last, and when that was.
    int64_t begun_waited
    int64_t begun_at
    uint64_t begun                 # calls
    Buffer overload_status         # a google.rpc.Status
    Buffer overload_message        # what a refused call is told, as a header field
    Buffer overload_details
    Buffer[PAUSES] refusals        # header blocks of that, whole
    uint64_t address_key
    uint32_t[ADDRESS_PLACES] addresses   # connections by place of their address

cdef struct Stream:
    Connection* connection         # NULL when it is gone
    Stream* previous               # in the connection
    Stream* next                   # in the connection or in the pool
    Stream* next_parked            # until it is answered; then among the starved
    Buffer body                    # the request as it came, prefix and all
    Buffer metadata                # fields: of the request until Python has them, then of the answer; see metadata.pxd
    Buffer reply                   # prefixes and messages; a refused hot call: PREFIX_SIZE bytes and a google.rpc.Status
    size_t sent                    # of reply, to nghttp2
    int64_t started
    int64_t deadline               # 0: none
    uint64_t sequence              # in the journal, of what the reply tells
    uint32_t index                 # thread and place in its slab
    uint32_t generation
    uint32_t flags
    uint32_t fields
    uint32_t fields_size
    int32_t id
    int32_t method                 # -1: unknown
    int32_t status                 # gRPC
    int32_t http_status            # of an answer that is not gRPC; 0: gRPC
    uint8_t timed_out
    uint32_t charged               # of the connection's held_bytes
    uint64_t received              # bytes of whole messages
    uint64_t told                  # bytes of messages
    uint8_t finishes               # a streaming reply has all its messages; trailers follow them
    uint8_t direct                 # nghttp2 has never heard of it; see direct.pxd
    Stream* next_direct            # in its chain
    int64_t widened                # bytes that the peer has added to the window of a direct one

# A header block that was read before, and what it meant.
cdef struct Known:
    int64_t timeout                # -1: none
    int32_t method
    uint32_t flags
    uint8_t size
    uint8_t[KNOWN_SIZE] block

cdef struct Connection:
    Loop* loop
    nghttp2_session* session
    Connection* previous
    Connection* next
    Stream* streams
    Stream* current                # whose header block is being read
    Connection* next_touched
    Buffer whole                   # answers past nghttp2, until the flush of this wake-up
    Buffer out                     # what the socket did not take
    size_t out_sent
    int fd
    uint32_t events                # asked of epoll
    uint32_t stream_count
    uint32_t held_count            # closed streams whose work Python still does
    uint8_t touched
    uint8_t dead
    uint8_t draining
    uint8_t paused                 # not read while too much waits to be written
    # guards
    int64_t opened
    int64_t progress               # when the socket last took bytes, while any wait
    int64_t glitch_time
    int64_t age_limit
    int64_t lingers                # since when our half is closed; 0: it is open
    int64_t ping_sent              # 0: none is open
    int64_t last_read
    int64_t last_ping              # received
    uint8_t ping_excused           # a DATA frame of ours has left since
    double glitches                # left in the bucket
    uint32_t frame_left            # of the present frame, for the walker
    uint8_t[KEPT_SIZE] kept        # the beginning of a frame, until the rest of its head is read
    uint8_t kept_size
    uint8_t in_block               # a header block is being read: no other frame may stand in it
    uint8_t preface_left
    uint8_t settings_acked
    uint8_t settings_seen          # 0, 1, 2: more
    uint8_t condemned              # it was told to go away and is not listened to
    int32_t updates                # WINDOW_UPDATE frames since other work; below 0: as many are expected
    uint32_t address               # place of the peer's address
    size_t held_bytes              # of replies that nghttp2 has
    # whole answers
    uint32_t untold                # bytes of DATA that nghttp2 does not know to be sent
    uint32_t table                 # of HPACK, as large as the peer wants it
    uint32_t smallest_table        # that it has asked for since the last block
    uint8_t table_owed             # the next block must begin with a word about that
    Stream* starved                # streams that are STARVED, in the order of their turns
    Stream* last_starved
    # direct calls
    Known[KNOWN_BLOCKS] known
    uint8_t known_count
    uint8_t known_next             # place of the next
    Known candidate                # may become known when nghttp2 has read it
    int32_t candidate_id           # of the stream that it opens; 0: there is none
    int32_t heard                  # stream that nghttp2 has heard of last
    int32_t direct                 # last direct call
    Stream* chains[DIRECT_CHAINS]  # of those that are open
    uint32_t direct_count          # how many are
    uint32_t unreturned            # bytes of their DATA that the peer may not send again yet
    # streams that are over
    int32_t newest                 # stream that the peer has begun
    int32_t reset_read             # stream that the peer has reset last, as its frames were read
    int32_t reset                  # the same, as nghttp2 heard of them
    int32_t doubted                # streams up to this one may have been ended by us
    int32_t[OUR_ENDS] our_ends     # the last streams that we ended before the peer had
    uint8_t our_end                # place of the next
    uint8_t newest_state

# What the loop tells Python, and Python the loop.
cdef enum:
    EVENT_CALL = 0                 # a whole request of one message
    EVENT_OPEN = 1                 # a stream of messages begins; of one message: the fields of the CALL that follows
    EVENT_MESSAGE = 2
    EVENT_END = 3                  # the peer sends no more
    EVENT_CANCELLED = 4            # the peer takes no more
    EVENT_ROOM = 5                 # all messages so far have left

cdef enum:
    COMMAND_MESSAGE = 0            # one message of the reply; `status` is COMPRESSED_MESSAGE, TELL_ROOM or both or none
    COMMAND_FINISH = 1             # gRPC status, and the Status unless it is 0
    COMMAND_HTTP = 2               # an answer that is not gRPC: HTTP status, the gRPC code << 16, and body
    COMMAND_DRAIN = 3              # of the whole loop, `status` milliseconds long
    COMMAND_CONNECTION = 4         # accepted by the first loop: descriptor `status`, place of the address `call`
    COMMAND_METADATA = 5           # fields of the answer

# Of COMMAND_MESSAGE.
cdef enum:
    COMPRESSED_MESSAGE = 1
    TELL_ROOM = 2                  # an EVENT_ROOM when it has left

cdef struct Event:
    uint64_t call
    uint32_t kind
    uint32_t flags
    int32_t method
    int64_t deadline
    uint8_t* data                  # owned
    size_t size

cdef struct Command:
    uint64_t call
    uint32_t kind
    int32_t status
    uint8_t* data                  # owned
    size_t size

# Between the loop and Python. `lock` is held to copy pointers, never for work. Bounded by the calls Python may hold.
cdef struct Exchange:
    pthread_mutex_t lock
    Event* events
    uint32_t event_count
    uint32_t event_capacity
    size_t event_bytes
    Command* commands
    uint32_t command_count
    uint32_t command_capacity
    int up                         # eventfd: there are events
    int down                       # eventfd: there are commands
    uint8_t closed                 # no events will come, no connection is taken

# A queue time that is watched.
cdef struct Late:
    int64_t waited                 # by the last look
    int64_t since                  # above half the limit at every look since; 0: it is not
    uint8_t worst                  # calls of this rank and above are refused; RANKS: none

cdef struct Loop:
    Front* front
    ShardState* shard
    uint32_t number                # among the loops; 0 accepts for all
    uint32_t places                # connections it has or is being given; changed by atomic steps
    Exchange exchange
    nghttp2_session_callbacks* callbacks
    nghttp2_option* options
    Pool pool                      # of what nghttp2 allocates
    nghttp2_mem memory
    Method* methods
    uint32_t method_count
    Stream** chunks                # the slab of streams
    uint32_t chunk_count
    Stream* free_streams
    Stream** batch                 # calls of this wake-up
    uint32_t batch_count
    uint32_t batch_capacity
    Stream* parked_head            # decided, not yet durable, by sequence
    Stream* parked_tail
    Connection* connections
    Connection* touched            # to be flushed in this wake-up
    uint32_t connection_count
    uint32_t held_calls            # unary calls in Python
    uint32_t held_streams
    uint8_t* input
    Buffer scratch                 # a Status on its way to a stream
    Buffer trailers                # text of the trailers being submitted
    Buffer output                  # frames on their way to a socket
    int64_t now
    int64_t woken                  # when this wake-up began
    int64_t finished               # when the last one ended
    int64_t drain_start
    int64_t drain_until
    int64_t next_sweep
    double accept_tokens
    int64_t accept_time
    int epoll
    int listener
    uint8_t accepting              # the listener is polled
    uint8_t draining
    uint8_t stopped
    uint64_t calls[3]              # by kind of method
    uint64_t direct                # calls that nghttp2 never heard of
    uint64_t unanswered            # cancelled or expired before they were decided
    uint64_t wakeups
    CallCounts* counts             # by method; the last are calls of methods that there are not
    uint64_t http_refusals         # requests that are no call
    # overload
    Late hot
    Late cold
    uint64_t handed                # calls given to Python's workers
    uint64_t[RANKS] shed
    uint64_t accepted
    uint64_t trips[GUARD_COUNT]
    uint64_t statuses[17]


cdef inline uint64_t call_of(const Stream* stream) noexcept nogil:
    """The name of a call for Python: never the same twice."""
    return (<uint64_t> stream.generation << 32) | stream.index
