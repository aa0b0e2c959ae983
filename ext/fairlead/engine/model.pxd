"""The nouns of the engine: every struct it keeps, every fact that may change it.

Everything is an integer. Slots are indices that the caller chooses for names (agents, queues, channels, customers,
abilities) or that the engine hands out (jobs, classes); NOBODY is no slot. Times are microseconds of an input clock.
Each struct is changed by `apply.pyx` alone (and by the rooms it calls); deciding only reads.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.heap cimport Heap, HeapNode
from fairlead.base.lineup cimport Lineup

cdef enum:
    MAX_CHANNELS = 16
    MAX_TIERS = 8            # affinity tiers of a queue
    MAX_JOB_DEMANDS = 128    # 32 skills and 32 tags of the request, as many of its rule
    MAX_JOB_EXCLUDED = 32
    MAX_CLASSES = 65536
    MAX_STEPS = 16           # of a plan
    MAX_ABILITY_BITS = 65536
    STRATEGY_KEYS = 3        # a strategy has at most this many sort keys of its own
    SORT_KEYS_BASE = 256     # a strategy from here on is a list of SortKeys: its digits to the base 16, first key lowest
    MAX_BARS = 32            # agents barred from one job at a time (O2)
    RING_SIZE = 64           # given times remembered of an agent (P5)
    UNKNOWN = -1             # of a mean without a sample, of a time that is none

cdef enum Presence:
    ONLINE = 1
    AWAY = 2
    DRAINING = 3
    OFFLINE = 4

cdef enum JobState:
    NO_JOB = 0
    SCHEDULED = 1
    QUEUED = 2
    OFFERED = 3
    ASSIGNED = 4
    WRAPPING = 5
    COMPLETED = 6
    CANCELLED = 7
    EXPIRED = 8
    STATE_COUNT = 9

cdef enum Outcome:
    OUTCOME_ASSIGNED = 1
    OUTCOME_OFFERED = 2
    OUTCOME_QUEUED = 3
    OUTCOME_REFUSED = 4

cdef enum Reason:
    REASON_NONE = 0
    NO_AGENT_ONLINE = 1
    NONE_ELIGIBLE = 2
    ALL_BUSY = 3
    BARRED = 4
    QUEUE_FULL = 5
    CLOSED_HOURS = 6
    NOT_STARTED = 7
    HELD_FOR_AGENT = 8
    MAX_WAIT = 9
    TIME_TO_LIVE = 10
    CALLER = 11
    PLAN_END = 12

cdef enum AffinityMode:
    AFFINITY_UNSET = 0
    AFFINITY_OFF = 1
    AFFINITY_PREFER = 2
    AFFINITY_REQUIRE = 3

cdef enum LimitAction:
    ACTION_REFUSE = 1
    ACTION_OVERFLOW = 2
    ACTION_CANCEL = 3

# What becomes of new jobs of a queue outside its hours (L2).
cdef enum ClosedAction:
    CLOSED_REFUSE = 1
    CLOSED_QUEUE = 2
    CLOSED_OVERFLOW = 3
    CLOSED_STRATEGY = 4

# What becomes of a job that still waits when its plan is over (R2).
cdef enum PlanEnd:
    END_HOLD = 1
    END_ANYONE = 2
    END_OVERFLOW = 3
    END_CANCEL = 4

cdef enum Strategy:
    SEQUENTIAL = 1
    WEIGHTED = 2
    LEAST_LOAD = 3
    LONGEST_IDLE = 4
    BEST_SKILL = 5
    SPECIALIST = 6
    BEST_RATING = 7
    RANDOM = 8

cdef enum SortKey:
    BY_SATURATION = 1
    BY_LOAD = 2
    BY_SKILL_LEVEL = 3
    BY_SKILL_COUNT = 4
    BY_RATING = 5
    BY_WEIGHT = 6
    BY_HANDLE_TIME = 7
    BY_SATISFACTION = 8
    BY_ORDER = 9
    BY_IDLE_TIME = 10

# Who or what changed a presence.
cdef enum PresenceCause:
    PRESENCE_SET = 0
    LEASE_EXPIRED = 1
    MISSED_OFFERS = 2

# How an open offer ended without being accepted.
cdef enum OfferEnd:
    OFFER_DECLINED = 1
    OFFER_MISSED = 2
    OFFER_WITHDRAWN = 3    # its agent was lost

# What brought a job to its agent.
cdef enum Cause:
    BY_STRATEGY = 0
    BY_OWN_AGENT = 1
    BY_PREFERENCE = 2
    BY_BACKLOG = 3
    BY_TRANSFER = 4

# Bits of an agent's row that follow from its state; skill levels, tags and queues come behind them.
cdef enum:
    FIT_BIT = 0           # + channel: ONLINE, has room for one more job of it, not reserved
    ONLINE_BIT = 16
    EXISTS_BIT = 17
    SATURATION_BIT = 18   # + floor(SATURATION_BITS * load / capacity), at most SATURATION_BITS - 1
    SATURATION_BITS = 110 # as many as the first two words have room for: capacities up to it, alike, share no bucket
    ABILITY_BIT = 128
    BUCKET_WORDS = 2

# Why a command was refused; nothing has changed then. The shard gives each a gRPC status and a text.
cdef enum Refusal:
    ACCEPTED = 0
    JOB_UNKNOWN = 1
    WRONG_STATE = 2
    STALE_VERSION = 3
    AGENT_HOLDS_JOBS = 4
    AGENT_NOT_ONLINE = 5
    SAME_AGENT = 6
    AGENT_FULL = 7
    TOO_MANY_CLASSES = 8


cdef struct Demand:
    uint32_t ability
    uint8_t least      # 1-10
    uint8_t most       # 10: no upper bound

cdef struct Ability:
    uint32_t ability
    uint8_t level      # 1-10; a tag has 10
    uint8_t is_skill

# An agent who is no candidate for a job until then (O2).
cdef struct Bar:
    int64_t until
    uint32_t agent

cdef struct AffinityTier:
    int64_t age
    int64_t hold
    uint8_t also_away

cdef struct Channel:
    uint32_t name      # the caller's slot of its name
    uint8_t used
    uint16_t cost
    uint16_t max_jobs  # 0: no limit
    uint32_t live      # live jobs

# One bit of a row: a skill at a level or better, a tag, or membership of a queue.
cdef struct AbilityBit:
    uint8_t is_queue
    uint8_t level
    uint32_t subject   # ability or queue

# What every assignment touches stands in the first two cache lines.
cdef struct Agent:
    uint64_t number        # by creation; 0: no such agent
    uint64_t last_given    # value of the given counter; 0: never
    uint64_t given_count
    int64_t last_given_time
    int64_t last_freed_time   # when a job it had been given last left its hands; 0: never
    uint32_t load
    uint32_t capacity
    uint32_t held_head     # jobs it holds
    uint32_t held_count
    uint32_t reserved_for  # job; NOBODY
    uint32_t order
    uint16_t weight
    uint16_t fits          # bit per channel, as in its row
    uint8_t presence
    uint8_t bucket         # saturation bit it has, plus 1
    uint16_t[MAX_CHANNELS] channel_count
    uint16_t[MAX_CHANNELS] channel_limit   # 0xFFFF: none
    uint64_t completed_count
    Ability* abilities     # sorted by ability
    uint32_t* explicit_queues
    uint32_t ability_count
    uint32_t explicit_count
    uint32_t skill_count
    uint32_t own_head      # waiting jobs whose own agent it is
    uint32_t cells         # first of its cell blocks; while cell_count is 0 it has none
    uint32_t cell_count
    uint16_t rating
    int64_t lease          # 0: no lease (P2)
    int64_t lease_end
    int64_t lost_since     # UNKNOWN: not lost (P3)
    int64_t warm_since     # when it came ONLINE (P4); UNKNOWN: it is not
    int64_t warm_last      # last job given or offered since then; UNKNOWN: none
    int64_t wrap_up        # UNKNOWN: the queue's
    int64_t handle_time    # means times 16: milliseconds
    int64_t first_response
    int32_t satisfaction
    uint32_t timer_place
    int64_t* given_times   # ring of RING_SIZE; NULL while no queue had a rate limit (P5)
    uint32_t given_times_count   # ever; the last one stands at (count - 1) % RING_SIZE
    uint8_t missed         # offers in a row (O3)

cdef struct Job:
    uint64_t number        # by submission; 0: no such job
    uint64_t content       # digest of what was asked
    uint64_t policy_version
    int64_t create_time
    int64_t queue_time     # first queueing time
    int64_t enter_time     # when it first waited in this queue; -1: not yet
    int64_t assign_time
    int64_t end_time
    int64_t start_time     # SCHEDULED until then
    int64_t expire_time    # 0: never
    int64_t hold_until     # waits for its own agent alone until then; FOREVER; 0: not at all
    int64_t head_start
    int64_t own_hold       # how long it may be held
    int64_t deadline       # end of the open offer or of the after-work; 0: neither
    uint32_t* excluded
    Bar* bars              # oldest first; one that is over may still stand here
    uint32_t channel_name  # of the channel when it was submitted
    uint32_t cls
    uint32_t preferred     # class of demands and preferences together; NOBODY: no preferences
    uint32_t original      # class of the demands as submitted, while it has a plan
    uint32_t wishes        # class of the preferences alone, while it has a plan; NOBODY: none
    uint32_t plan          # NOBODY: none
    uint32_t rule          # the caller's slot of the name of the rule that matched it; NOBODY: none
    uint32_t agent
    uint32_t customer
    uint32_t own_agent
    uint64_t own_number    # the own agent's number, so that a successor of the same name is not taken for them
    uint32_t next          # in its agent's held list, in the list of ended jobs, or of free slots
    uint32_t previous
    uint32_t own_next      # in its own agent's list
    uint32_t own_previous
    uint32_t waiting_place
    uint32_t timer_place
    uint32_t version
    uint32_t load_before
    uint32_t capacity_before
    uint16_t cost
    uint16_t strategy      # its own, in place of the queue's; 0: none
    uint8_t step           # of its plan
    uint8_t state
    uint8_t reason
    uint8_t urgency
    uint8_t own_mode       # AFFINITY_PREFER, AFFINITY_REQUIRE, AFFINITY_OFF: no own agent
    uint8_t own_away       # also when AWAY
    uint8_t affinity       # AffinityMode of the request; AFFINITY_UNSET: the queue's
    uint8_t excluded_count
    uint8_t bar_count
    uint8_t held           # waits for its own agent alone, not in its class
    uint8_t listed         # stands in its own agent's list
    uint8_t cause
    uint8_t arm            # of the experiment when it was submitted, a number of the caller's; 0: none
    # The first answer (J4).
    uint8_t first_outcome
    uint8_t first_reason
    uint32_t first_agent
    uint32_t first_queue
    uint64_t first_policy_version
    int64_t first_deadline

cdef struct Queue:
    uint8_t used
    uint8_t everyone
    uint8_t paced          # has a warm-up or a rate limit
    uint8_t requeue_lost
    uint8_t misses_to_away
    uint8_t rate_limit     # 0: none
    uint16_t strategy      # Strategy, or SORT_KEYS_BASE and more
    uint8_t threshold
    uint8_t on_max_length
    uint8_t on_max_wait
    uint8_t affinity_mode
    uint8_t tier_count
    uint8_t closed         # outside its hours now
    uint8_t on_closed
    uint16_t closed_strategy
    uint32_t plan          # of jobs that bring none; NOBODY: none
    uint32_t max_length
    uint32_t overflow
    uint32_t affinity_group
    uint32_t bit           # of its members; NOBODY while everyone is one
    uint32_t any_count
    Demand* any_of         # whoever meets one of these is a member
    int64_t max_wait
    int64_t offer_timeout  # 0: jobs are given without asking (O1)
    int64_t decline_cooldown
    int64_t wrap_up
    int64_t lost_grace
    int64_t warm_interval  # 0: no warm-up (P4)
    int64_t warm_for
    int64_t rate_window
    AffinityTier[MAX_TIERS] tiers
    uint64_t settled_pass  # Engine.changes and now for which the two below were counted, at limits.pyx's convenience
    int64_t settled_time
    uint64_t settled_load  # of members who are past their warm-up
    uint32_t settled_count
    uint32_t waiting       # jobs
    uint32_t live
    uint64_t last_served   # rotation of `sequential`: (order, number) of the last agent given a job; 0: none yet
    uint64_t last_served_number

# Part of a class's mask: what one word of a row must and must not have.
cdef struct Term:
    uint32_t word
    uint64_t wanted
    uint64_t barred

# An agent's places in up to four rotations; a cell is 4 * block + index. rotation.pyx says what a state is.
cdef struct CellBlock:
    uint64_t[4] states
    uint16_t[4] classes
    uint32_t agent
    uint32_t next          # block of the same agent, or of free ones; NOBODY

cdef struct Rotation:
    uint64_t virtual_time
    uint64_t weight        # of the present members
    uint64_t served
    HeapNode* nodes        # both heaps, from the two ends
    uint32_t member_count
    uint32_t capacity
    Heap ready             # by virtual finish: started before the next turn
    Heap pending           # by virtual start

# All jobs with the same queue, channel and demands.
cdef struct Class:
    uint64_t digest
    Demand* demands
    Term* terms
    uint32_t* wanted       # bits, without the channel's
    uint32_t* barred
    uint32_t demand_count
    uint32_t term_count
    uint32_t wanted_count
    uint32_t barred_count
    uint32_t queue
    uint32_t waiting_index # in Engine.waiting_classes; NOBODY
    uint32_t reserve_place # timer
    uint32_t reserver      # agent reserved for the head; NOBODY
    uint64_t head_number   # job whose clock runs (Q8); 0: none
    int64_t head_since
    uint64_t blocked_pass
    Heap waiting           # by the job's key
    int64_t pace_since     # last job taken from the line, or when the line began
    int64_t pace_gap       # mean time between two of them, times 16
    uint32_t pace_count    # gaps seen, up to 255
    Rotation* rotation     # NULL unless the queue is weighted
    uint8_t channel

# One step of a plan (R1). What it relaxes stays relaxed in all steps behind it.
cdef struct Step:
    int64_t after          # since first queueing
    uint32_t first_dropped # in the plan's list of abilities
    uint32_t dropped_count
    uint16_t strategy      # 0: as before
    uint8_t lower_levels
    uint8_t drop_max_levels
    uint8_t any_agent
    uint8_t drop_preferences

cdef struct Plan:
    uint8_t used
    uint8_t end            # PlanEnd
    uint32_t step_count
    uint32_t overflow
    int64_t end_after      # since first queueing; 0: never
    uint32_t* dropped      # abilities
    Step[MAX_STEPS] steps

cdef struct Memory:
    uint32_t customer      # NOBODY: free entry
    uint32_t group
    uint32_t agent
    uint64_t agent_number
    int64_t time

cdef struct Bucket:
    uint32_t count
    uint32_t load          # of the first agent in it
    uint32_t capacity
    uint8_t mixed          # agents of other saturations came in since it was empty


cdef enum FactType:
    FACT_SETTINGS = 2
    FACT_CHANNEL = 3
    FACT_QUEUE = 4
    FACT_CLASS = 5
    FACT_AGENT = 6
    FACT_AGENT_REMOVED = 7
    FACT_PRESENCE = 8
    FACT_JOB_SUBMITTED = 9
    FACT_JOB_STARTS = 19
    FACT_JOB_WAITS = 10
    FACT_JOB_GIVEN = 11
    FACT_JOB_ENDED = 12
    FACT_JOB_FORGOTTEN = 13
    FACT_JOB_RELEASED = 14
    FACT_JOB_EXCLUDES = 15
    FACT_CLOCK = 16
    FACT_RESERVED = 17
    FACT_UNRESERVED = 18
    FACT_PLAN = 30
    FACT_JOB_RELAXED = 31
    FACT_HOURS = 32
    FACT_JOB_OFFERED = 20
    FACT_OFFER_ACCEPTED = 21
    FACT_OFFER_ENDED = 22
    FACT_JOB_WRAPS = 23
    FACT_BARS_ENDED = 24
    FACT_LEASE_EXTENDED = 25
    FACT_AGENT_DUE = 26
    FACT_CUSTOMER_FORGOTTEN = 40

# What happened. Which fields a type uses stands with its function in apply.pyx; `body` is copied by whoever keeps it.
cdef struct Fact:
    uint8_t type
    uint8_t state
    uint8_t reason
    uint8_t flag
    uint32_t job
    uint32_t agent
    uint32_t cls
    int64_t time
    int64_t value
    const void* body
    uint32_t body_size

cdef struct SettingsBody:
    int64_t retention
    int64_t reserve_after
    uint64_t seed
    uint64_t policy_version

cdef struct ChannelBody:
    uint32_t channel
    uint32_t name
    uint16_t cost
    uint16_t max_jobs
    uint8_t used

# Followed by any_count Demands.
cdef struct QueueBody:
    uint32_t queue
    uint8_t used
    uint8_t everyone
    uint8_t requeue_lost
    uint8_t misses_to_away
    uint8_t rate_limit
    uint16_t strategy
    uint8_t threshold
    uint8_t on_max_length
    uint8_t on_max_wait
    uint8_t affinity_mode
    uint8_t tier_count
    uint8_t closed
    uint8_t on_closed
    uint16_t closed_strategy
    uint32_t plan
    uint32_t max_length
    uint32_t overflow
    uint32_t affinity_group
    uint32_t any_count
    int64_t max_wait
    int64_t offer_timeout
    int64_t decline_cooldown
    int64_t wrap_up
    int64_t lost_grace
    int64_t warm_interval
    int64_t warm_for
    int64_t rate_window
    AffinityTier[MAX_TIERS] tiers

# Followed by dropped_count abilities.
cdef struct PlanBody:
    uint32_t plan
    uint32_t step_count
    uint32_t overflow
    uint32_t dropped_count
    int64_t end_after
    uint8_t used
    uint8_t end
    Step[MAX_STEPS] steps

# Followed by demand_count Demands, sorted by ability.
cdef struct ClassBody:
    uint32_t queue
    uint32_t channel
    uint32_t demand_count

# Followed by ability_count Abilities, sorted, and explicit_count queue slots.
cdef struct AgentBody:
    uint64_t number        # 0: a new agent
    uint32_t order         # 0: behind everyone
    uint32_t capacity
    uint16_t weight
    uint16_t rating
    uint32_t ability_count
    uint32_t explicit_count
    int64_t wrap_up        # UNKNOWN: the queue's
    uint16_t[MAX_CHANNELS] channel_limit

# Followed by excluded_count agent slots.
cdef struct JobBody:
    uint64_t content
    int64_t start_time
    int64_t expire_time
    int64_t head_start
    int64_t own_hold
    int64_t first_deadline
    uint64_t own_number
    uint32_t cls
    uint32_t preferred
    uint32_t original
    uint32_t wishes
    uint32_t plan
    uint32_t rule
    uint32_t customer
    uint32_t own_agent
    uint32_t first_agent
    uint32_t first_queue
    uint16_t strategy
    uint8_t step
    uint8_t urgency
    uint8_t own_mode
    uint8_t own_away
    uint8_t affinity
    uint8_t first_outcome
    uint8_t first_reason
    uint8_t excluded_count
    uint8_t arm


ctypedef void (*Sink)(void* owner, const Fact* fact) noexcept nogil


cdef struct Engine:
    int64_t now
    uint64_t given
    uint64_t job_number
    uint64_t agent_number
    uint64_t pass_number
    uint64_t policy_version
    uint64_t seed
    int64_t retention
    int64_t reserve_after
    uint32_t highest_order
    uint32_t agent_count
    uint32_t agent_capacity
    uint32_t queue_capacity
    uint32_t plan_capacity
    uint32_t class_count
    uint32_t class_capacity
    uint32_t job_capacity
    uint32_t job_used         # slots ever used
    uint32_t free_job         # list through Job.next
    uint32_t ended_head       # list through Job.next, oldest first
    uint32_t ended_tail
    uint32_t ended_count
    uint32_t held_waiting     # waiting jobs held for an agent
    uint32_t costly_waiting   # waiting jobs of more than one unit
    uint32_t clock_count      # classes whose head's clock runs
    uint32_t reserved_count
    uint32_t waiting_class_count
    uint32_t used_channels    # bit per channel
    uint32_t ordered_queues   # that are not weighted; while there are none, the line is in no particular order
    uint32_t bit_count
    uint32_t ability_capacity
    uint32_t class_table_size
    uint32_t memory_count
    uint32_t memory_size
    uint32_t cell_block_count
    uint32_t cell_block_capacity
    uint32_t free_cell_block
    uint32_t rotation_count
    Agent* agents
    Queue* queues
    Plan* plans
    Class* classes
    Job* jobs
    CellBlock* cell_blocks
    uint32_t* waiting_classes
    uint32_t* class_table
    uint32_t* ability_bits    # ability * 11 + level -> bit, NOBODY
    AbilityBit* bits          # bit - ABILITY_BIT
    Memory* memories
    Channel[MAX_CHANNELS] channels
    Bucket[SATURATION_BITS] buckets
    uint64_t[BUCKET_WORDS] filled_buckets   # bit per bucket that is not empty
    Lineup lineup
    Heap job_timers
    Heap class_timers
    Heap agent_timers         # of agents with a lease, a warm-up or a rate limit
    int64_t last_online       # when somebody last came ONLINE
    int64_t longest_warm_up   # of all queues; 0: none has a warm-up
    uint32_t rate_count       # queues with a rate limit
    uint64_t changes          # of load, presence or membership, of anyone
    uint64_t[STATE_COUNT] state_counts   # live jobs by state; ended ones: ever
    uint64_t[5] presence_counts
    Sink sink
    void* sink_owner
    uint8_t by_definition     # choose by looking at every agent: for tests that hold the fast ways against it


cdef inline uint64_t job_high(const Job* job) noexcept nogil:
    """Key of the backlog (Q3): urgency class, then queueing time less head start. The job's number breaks ties."""
    return ((<uint64_t> (9 - job.urgency)) << 59) + <uint64_t> (job.queue_time - job.head_start + (<int64_t> 1 << 57))


cdef inline bint job_before(const Job* a, const Job* b) noexcept nogil:
    cdef uint64_t high_a = job_high(a), high_b = job_high(b)
    return high_a < high_b if high_a != high_b else a.number < b.number


cdef inline uint64_t saturation(uint32_t load, uint32_t capacity) noexcept nogil:
    """load / capacity scaled so that different fractions differ and equal ones do not: capacity is at most 10,000."""
    return (<uint64_t> load << 32) // capacity
