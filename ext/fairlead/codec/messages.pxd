"""Requests as plain structs, replies as plain structs, and the limits of both.

Every Text of a request points into the request's bytes, which must stay until the struct is no longer used. Arrays hold
`*_count` entries, the rest is uninitialized. Times are microseconds. Enums are the numbers of the contract.

After `decode_*` said DECODE_OK the values obey the limits below and the stated ranges, and defaults are filled in where
the comment says so. What only the shard can know is left to it: an empty tenant, queue or channel, names that do not
exist, a start too far in the future.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from fairlead.base.text cimport Text


cdef enum:
    MAX_NAME_SIZE = 128
    MAX_DEMANDS = 32
    MAX_EXCLUDED = 32
    MAX_LABELS = 32
    MAX_BATCH = 1000
    MAX_HEARTBEAT = 10000
    MIN_LEVEL = 1
    MAX_LEVEL = 10
    MAX_URGENCY = 9
    MAX_SATISFACTION = 1000


cdef enum DecodeStatus:
    # The gRPC codes OK, INVALID_ARGUMENT and INTERNAL.
    DECODE_OK = 0
    DECODE_INVALID = 3
    DECODE_MALFORMED = 13


cdef enum TransferTarget:
    TARGET_NONE = 0
    TARGET_AGENT = 1
    TARGET_QUEUE = 2


cdef struct DecodeError:
    # A DecodeStatus.
    int32_t status
    # Static path such as "job.skills[].min_level"; `index` belongs between the brackets. Empty: no field is to blame.
    const char* field
    # -1: the path has no index.
    int32_t index
    # Position of the job in its batch: the path then begins "jobs[item]". -1: no batch.
    int32_t item
    # Static sentence part: what the field must be, or in which way the bytes are malformed.
    const char* what
    # The offending number; for malformed bytes the offset of the field that is.
    int64_t value
    uint8_t has_value


cdef struct TimeField:
    # A Timestamp or Duration, truncated to microseconds. 0 when absent.
    int64_t us
    int64_t seconds
    int32_t nanos
    uint8_t present
    # Outside the range of its type, or signs of seconds and nanos differ; `us` is 0 then.
    uint8_t invalid


cdef struct SkillDemand:
    Text name
    # 1-10, default filled in.
    int32_t min_level
    # min_level-10, default (10: no upper bound) filled in.
    int32_t max_level


cdef struct Label:
    Text key
    Text value


cdef struct WantedAgent:
    Text agent_id
    # AFFINITY_MODE_PREFER or _REQUIRE, default filled in. 0 when absent.
    int32_t mode
    TimeField hold
    uint8_t present


cdef struct JobSpec:
    Text id
    Text queue
    Text channel
    Text customer
    Text customer_tier
    Text language
    Text gateway
    int32_t urgency
    # AffinityMode.
    int32_t affinity
    int64_t customer_value
    TimeField head_start
    TimeField time_to_live
    # Unix time; not compared with any clock here.
    TimeField start_time
    WantedAgent wanted_agent
    int32_t skill_count
    int32_t tag_count
    int32_t preferred_skill_count
    int32_t preferred_tag_count
    int32_t excluded_count
    int32_t label_count
    # From here to the end: the arrays, which clearing a job leaves as they are.
    SkillDemand[MAX_DEMANDS] skills
    Text[MAX_DEMANDS] tags
    SkillDemand[MAX_DEMANDS] preferred_skills
    Text[MAX_DEMANDS] preferred_tags
    Text[MAX_EXCLUDED] excluded
    # Each key once, by first appearance in the bytes.
    Label[MAX_LABELS] labels


cdef struct AssignRequest:
    Text tenant
    uint8_t immediate_only
    uint8_t has_job
    TimeField wait
    JobSpec job


cdef struct BatchAssignRequest:
    Text tenant
    uint8_t immediate_only
    int32_t job_count
    # Position of the next job, and where its search goes on in the bytes.
    int32_t item
    const uint8_t* next
    const uint8_t* end


cdef struct JobRequest:
    # AcceptOffer, DeclineOffer, CancelJob (version 0) and GetJob (version 0, request_id empty).
    Text tenant
    Text job_id
    Text request_id
    int64_t version


cdef struct CompleteJobRequest:
    Text tenant
    Text job_id
    Text request_id
    int64_t version
    TimeField first_response
    # 0-1000; meaningful when `has_satisfaction`.
    int32_t satisfaction
    uint8_t has_satisfaction
    uint8_t skip_wrap_up


cdef struct TransferJobRequest:
    Text tenant
    Text job_id
    Text request_id
    int64_t version
    # The agent or the queue, as `target_kind` (a TransferTarget) says.
    Text target
    int32_t target_kind
    uint8_t over_capacity
    uint8_t reset_age


cdef struct SetPresenceRequest:
    Text tenant
    Text agent_id
    Text reason
    Text request_id
    int32_t presence
    # 0: no lease.
    TimeField lease


cdef struct HeartbeatRequest:
    Text tenant
    int32_t agent_count
    const uint8_t* next
    const uint8_t* end


# What a waiting job may expect; position 0: it does not wait, times 0: too little is known.
cdef struct WaitEstimate:
    int32_t position
    int64_t p50_us
    int64_t p90_us


cdef struct AssignReply:
    Text job_id
    Text agent_id
    Text queue
    int32_t outcome
    int32_t reason
    int64_t version
    int64_t policy_version
    # 0: it is no offer.
    int64_t offer_end_us
    WaitEstimate estimate
    Text arm
    uint8_t repeated


cdef struct EventDetail:
    # Event of the contract.
    int64_t sequence
    int64_t time_us
    int64_t version
    int64_t policy_version
    Text tenant
    Text job_id
    Text agent_id
    Text queue
    Text gateway
    Text presence_reason
    Text arm
    int32_t kind
    int32_t reason
    int32_t presence


cdef struct JobReply:
    # AcceptOffer, DeclineOffer, TransferJob; CompleteJob and CancelJob use job_id, state and repeated alone.
    Text job_id
    Text agent_id
    int32_t state
    int32_t reason
    int64_t version
    uint8_t repeated


cdef struct JobDetail:
    Text id
    Text queue
    Text channel
    Text agent_id
    Text customer
    Text rule
    Text plan
    Text arm
    int32_t step
    int32_t state
    int32_t reason
    int32_t urgency
    int32_t cost
    int64_t version
    int64_t policy_version
    # Microseconds; 0 is left out of the message.
    int64_t head_start_us
    int64_t create_time_us
    int64_t queue_time_us
    int64_t assign_time_us
    int64_t end_time_us
    int64_t deadline_us
    WaitEstimate estimate
