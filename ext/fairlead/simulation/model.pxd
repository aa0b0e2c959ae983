"""The nouns of a simulation: what arrives, who serves, what is counted. Times are microseconds of the shard's virtual clock.

The engine knows nothing of work or patience: it sees the commands that clients would send. Here is what those clients
know, and what an observer with a stop watch would write down.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.heap cimport Heap
from fairlead.codec.messages cimport AssignRequest
from fairlead.engine.decide cimport AssignCommand
from fairlead.engine.model cimport Engine, Sink
from fairlead.shard.tenant cimport Tenant
from fairlead.simulation.draws cimport Law

cdef enum:
    WAIT_BINS = 384          # of a histogram: 0, then eight to each doubling from a microsecond on
    BINS_PER_DOUBLING = 8
    LEVELS = 64              # jobs of an agent that are told apart in the time spent with so many
    MAX_TYPES = 256
    MAX_SERVERS = 100000

# Purposes of random numbers.
cdef enum Purpose:
    GAP = 1
    WORK = 2
    PATIENCE = 3
    CUSTOMER = 4

# Kinds of events, in the order in which those of one microsecond happen: who becomes free at ten can take the job of ten.
cdef enum EventKind:
    SHIFT = 0
    WORK_ENDS = 1
    ACCEPTS = 2
    GIVES_UP = 3
    ARRIVES = 4

cdef enum Stage:
    IS_LOOSE = 0             # between two facts of a step
    IS_WAITING = 1
    IS_OFFERED = 2
    IS_SERVED = 3
    IS_WRAPPING = 4
    IS_OVER = 5

# What became of the counted jobs of one type: those that arrived after the warm-up and before the horizon.
cdef struct Tally:
    uint64_t arrived
    uint64_t served          # whose work began
    uint64_t abandoned       # their patience ended
    uint64_t refused         # by the policy, at once
    uint64_t dropped         # by the policy, later
    uint64_t waited          # served, and not at once
    uint64_t within          # served within the service level
    uint64_t completed
    uint64_t returning       # served, of customers who had been served before
    uint64_t own             # of these: by the same agent
    double wait              # sums: of the served
    double wait_square
    double lost_wait         # of the abandoned and the dropped
    double sojourn           # of the completed
    double satisfaction      # of the served
    uint64_t[WAIT_BINS] waits

cdef struct JobType:
    AssignCommand command
    AssignRequest* request   # what the command is made from, again whenever a schedule toggles
    Law work
    Law patience
    uint8_t has_patience
    uint32_t customers       # 0: nobody is known
    uint32_t first_customer
    uint64_t work_key
    uint64_t patience_key
    uint64_t customer_key
    Tally tally

# Where jobs come from: a Poisson process with a rate in steps, or a record.
cdef struct Stream:
    uint8_t is_recorded
    uint8_t repeats
    uint32_t type
    uint64_t index           # jobs so far
    uint64_t gap_key
    uint32_t count           # steps, or recorded jobs
    uint32_t step
    double time              # of the last arrival since the origin
    double cycle             # since the origin, when the steps last began anew
    double* rates            # jobs per microsecond
    double* ends             # since the cycle began
    int64_t* times           # since the origin
    uint32_t* types
    double* works            # negative: drawn
    double* patiences        # negative: minus the wait that was borne, and more is drawn; inf: for ever
    uint32_t* customers      # from 1; 0: unknown

# An agent at work.
cdef struct Server:
    double speed
    double attained          # work done on each of its jobs since it last had none
    int64_t attained_time
    double rating            # 0-1
    uint32_t* jobs           # it works on
    uint32_t job_count
    uint32_t job_capacity
    uint32_t next_job        # of these, the one that ends first
    uint32_t load
    uint32_t capacity
    uint32_t place           # timer
    uint32_t rate_count      # 0: each job goes on as if it were alone
    uint8_t is_online
    double* rates            # work done in a unit of time while it has 1, 2, .. jobs
    int64_t since            # of the sums below
    double busy
    double loaded
    double staffed
    double[LEVELS] levels    # time with 0, 1, .. jobs while staffed
    uint64_t given

# A job, by the engine's slot.
cdef struct Record:
    int64_t arrival
    int64_t gives_up         # 0: never
    double patience
    double work              # left
    double finish            # value of `attained` at which it is done
    uint32_t type
    uint32_t customer        # from 1; 0: unknown
    uint32_t agent
    uint32_t cost
    uint32_t satisfaction    # 0-1000
    uint8_t stage
    uint8_t is_counted
    uint8_t is_begun
    uint32_t[2] places       # timers: it gives up, its offer is accepted

# What happened in one interval of the time axis.
cdef struct Interval:
    double waiting           # time integrals
    double load
    double capacity
    uint64_t arrived
    uint64_t served
    uint64_t lost
    double wait              # of those who arrived in it and were served

cdef struct Shift:
    int64_t time
    uint32_t agent
    uint32_t presence

cdef struct Simulation:
    Engine* engine
    Tenant* tenant
    Sink former_sink
    void* former_owner
    Heap timers
    JobType* types
    Stream* streams
    Server* servers
    Record* records
    Shift* shifts
    Interval* intervals
    uint32_t* last_agent     # by customer: who served them last, from 1; 0: nobody
    uint64_t* given          # by type and agent
    uint32_t* timer_places   # by item: servers, streams, the next shift
    uint32_t* offers         # to accept in this step
    uint32_t type_count
    uint32_t stream_count
    uint32_t server_count
    uint32_t record_capacity
    uint32_t shift_count
    uint32_t next_shift
    uint32_t interval_count
    uint32_t customer_count
    uint32_t offer_count
    uint32_t offer_capacity
    uint64_t seed
    uint64_t replication
    int64_t origin
    int64_t measured_from
    int64_t horizon
    int64_t stop
    int64_t interval
    int64_t service_level
    int64_t accept_after
    double tolerance
    double own_bonus
    int64_t clock            # until when the integrals reach
    uint64_t waiting
    uint64_t load
    uint64_t capacity        # of those who are online
    uint64_t open            # counted jobs that are not over
    uint64_t events
    uint64_t most_waiting
    uint8_t is_measuring
    Record pending           # the job being submitted
