"""Ranges and lengths, field by field in the order of the contract; the first that is wrong is the answer."""

from libc.stdint cimport int64_t

from fairlead.codec.messages cimport (
    DECODE_INVALID,
    DECODE_OK,
    MAX_BATCH,
    MAX_DEMANDS,
    MAX_EXCLUDED,
    MAX_HEARTBEAT,
    MAX_LABELS,
    MAX_LEVEL,
    MAX_NAME_SIZE,
    MAX_SATISFACTION,
    MAX_URGENCY,
    MIN_LEVEL,
    TARGET_AGENT,
    TARGET_QUEUE,
    SkillDemand,
    TimeField,
    WantedAgent,
)

cdef enum:
    AFFINITY_UNSPECIFIED = 0
    AFFINITY_PREFER = 2
    AFFINITY_REQUIRE = 3
    PRESENCE_ONLINE = 1
    PRESENCE_OFFLINE = 4

# An enum of Cython holds an int; these are longer.
cdef extern from *:
    """
    #define FAIRLEAD_SECOND_US INT64_C(1000000)
    #define FAIRLEAD_HOUR_US INT64_C(3600000000)
    #define FAIRLEAD_DAY_US INT64_C(86400000000)
    #define FAIRLEAD_MONTH_US INT64_C(2592000000000)
    #define FAIRLEAD_MAX_CUSTOMER_VALUE INT64_C(1000000000000)
    """
    const int64_t SECOND_US "FAIRLEAD_SECOND_US"
    const int64_t HOUR_US "FAIRLEAD_HOUR_US"
    const int64_t DAY_US "FAIRLEAD_DAY_US"
    # 30 days.
    const int64_t MONTH_US "FAIRLEAD_MONTH_US"
    const int64_t MAX_CUSTOMER_VALUE "FAIRLEAD_MAX_CUSTOMER_VALUE"


cdef void error_clear(DecodeError* error) noexcept nogil:
    error.status = DECODE_OK
    error.field = b""
    error.index = -1
    error.item = -1
    error.what = b""
    error.value = 0
    error.has_value = 0


cdef int32_t invalid(DecodeError* error, const char* field, int32_t index, const char* what) noexcept nogil:
    """Fills `error` without a number; always DECODE_INVALID."""
    error_clear(error)
    error.status = DECODE_INVALID
    error.field = field
    error.index = index
    error.what = what
    return DECODE_INVALID


cdef int32_t out_of_range(
    DecodeError* error, const char* field, int32_t index, const char* what, int64_t value
) noexcept nogil:
    """Fills `error` with the offending number; always DECODE_INVALID."""
    invalid(error, field, index, what)
    error.value = value
    error.has_value = 1
    return DECODE_INVALID


cdef inline int32_t check_name(Text name, const char* field, int32_t index, DecodeError* error) noexcept nogil:
    if 1 <= name.size <= MAX_NAME_SIZE:
        return DECODE_OK
    return out_of_range(error, field, index, b"must have 1-128 bytes", name.size)


cdef inline int32_t check_optional(Text name, const char* field, DecodeError* error) noexcept nogil:
    if name.size <= MAX_NAME_SIZE:
        return DECODE_OK
    return out_of_range(error, field, -1, b"must have at most 128 bytes", name.size)


cdef inline int32_t check_number(
    int64_t value, int64_t low, int64_t high, const char* field, const char* what, DecodeError* error
) noexcept nogil:
    if low <= value <= high:
        return DECODE_OK
    return out_of_range(error, field, -1, what, value)


cdef inline int32_t check_count(
    int32_t count, int32_t limit, const char* field, const char* what, DecodeError* error
) noexcept nogil:
    if count <= limit:
        return DECODE_OK
    return out_of_range(error, field, -1, what, count)


cdef inline int32_t check_duration(
    const TimeField* time, int64_t limit_us, const char* field, const char* what, DecodeError* error
) noexcept nogil:
    """From 0 to the limit. The parts are looked at too: less than a microsecond below zero is below zero."""
    if time.invalid:
        return invalid(error, field, -1, b"is not a Duration: seconds or nanos out of range, or of different signs")
    if time.us < 0 or time.us > limit_us or time.seconds < 0 or time.nanos < 0:
        return invalid(error, field, -1, what)
    return DECODE_OK


cdef int32_t check_version(int64_t version, DecodeError* error) noexcept nogil:
    if version >= 1:
        return DECODE_OK
    return out_of_range(error, b"version", -1, b"must be at least 1", version)


cdef int32_t validate_tenant(Text tenant, DecodeError* error) noexcept nogil:
    return check_optional(tenant, b"tenant", error)


cdef int32_t check_skill(
    SkillDemand* skill, int32_t index, const char* name, const char* low, const char* high, DecodeError* error
) noexcept nogil:
    """Checks one demand and fills in its levels; the three paths are those of its fields."""
    cdef int32_t status = check_name(skill.name, name, index, error)
    if status != DECODE_OK:
        return status
    if skill.min_level == 0:
        skill.min_level = MIN_LEVEL
    if skill.max_level == 0:
        skill.max_level = MAX_LEVEL
    if not MIN_LEVEL <= skill.min_level <= MAX_LEVEL:
        return out_of_range(error, low, index, b"must be 1-10", skill.min_level)
    if not skill.min_level <= skill.max_level <= MAX_LEVEL:
        return out_of_range(error, high, index, b"must be from min_level to 10", skill.max_level)
    return DECODE_OK


cdef int32_t check_names(
    const Text* names, int32_t count, const char* field, const char* entry, DecodeError* error
) noexcept nogil:
    """At most 32 names of 1-128 bytes."""
    cdef int32_t i
    cdef int32_t status = check_count(count, MAX_DEMANDS, field, b"must have at most 32 entries", error)
    for i in range(count if status == DECODE_OK else 0):
        status = check_name(names[i], entry, i, error)
        if status != DECODE_OK:
            break
    return status


cdef int32_t check_skills(JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t i
    cdef int32_t status = check_count(
        job.skill_count, MAX_DEMANDS, b"job.skills", b"must have at most 32 entries", error
    )
    for i in range(job.skill_count if status == DECODE_OK else 0):
        status = check_skill(
            &job.skills[i], i, b"job.skills[].name", b"job.skills[].min_level", b"job.skills[].max_level", error
        )
        if status != DECODE_OK:
            break
    return status


cdef int32_t check_preferred_skills(JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t i
    cdef int32_t status = check_count(
        job.preferred_skill_count, MAX_DEMANDS, b"job.preferred_skills", b"must have at most 32 entries", error
    )
    for i in range(job.preferred_skill_count if status == DECODE_OK else 0):
        status = check_skill(
            &job.preferred_skills[i],
            i,
            b"job.preferred_skills[].name",
            b"job.preferred_skills[].min_level",
            b"job.preferred_skills[].max_level",
            error,
        )
        if status != DECODE_OK:
            break
    return status


cdef int32_t check_demands(JobSpec* job, DecodeError* error) noexcept nogil:
    """What the job demands, prefers and excludes."""
    cdef int32_t status = check_skills(job, error)
    if status == DECODE_OK:
        status = check_names(job.tags, job.tag_count, b"job.tags", b"job.tags[]", error)
    if status == DECODE_OK:
        status = check_preferred_skills(job, error)
    if status == DECODE_OK:
        status = check_names(
            job.preferred_tags, job.preferred_tag_count, b"job.preferred_tags", b"job.preferred_tags[]", error
        )
    if status == DECODE_OK:
        status = check_names(
            job.excluded, job.excluded_count, b"job.excluded_agents", b"job.excluded_agents[]", error
        )
    return status


cdef int32_t check_wanted(WantedAgent* wanted, DecodeError* error) noexcept nogil:
    cdef int32_t status
    if not wanted.present:
        return DECODE_OK
    status = check_name(wanted.agent_id, b"job.wanted_agent.agent_id", -1, error)
    if status != DECODE_OK:
        return status
    if wanted.mode == AFFINITY_UNSPECIFIED:
        wanted.mode = AFFINITY_PREFER
    if wanted.mode != AFFINITY_PREFER and wanted.mode != AFFINITY_REQUIRE:
        return out_of_range(error, b"job.wanted_agent.mode", -1, b"must be PREFER or REQUIRE", wanted.mode)
    return check_duration(&wanted.hold, DAY_US, b"job.wanted_agent.hold", b"must be 0 s to 24 h", error)


cdef int32_t check_labels(const JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t i
    cdef int32_t status = check_count(
        job.label_count, MAX_LABELS, b"job.labels", b"must have at most 32 entries", error
    )
    for i in range(job.label_count if status == DECODE_OK else 0):
        if not 1 <= job.labels[i].key.size <= MAX_NAME_SIZE:
            return out_of_range(error, b"job.labels", -1, b"must have keys of 1-128 bytes", job.labels[i].key.size)
        if job.labels[i].value.size > MAX_NAME_SIZE:
            return out_of_range(
                error, b"job.labels", -1, b"must have values of at most 128 bytes", job.labels[i].value.size
            )
    return status


cdef int32_t check_names_of_job(const JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t status = check_name(job.id, b"job.id", -1, error)
    if status == DECODE_OK:
        status = check_optional(job.queue, b"job.queue", error)
    if status == DECODE_OK:
        status = check_optional(job.channel, b"job.channel", error)
    if status == DECODE_OK:
        status = check_optional(job.customer, b"job.customer", error)
    if status == DECODE_OK:
        status = check_optional(job.customer_tier, b"job.customer_tier", error)
    if status == DECODE_OK:
        status = check_optional(job.language, b"job.language", error)
    if status == DECODE_OK:
        status = check_optional(job.gateway, b"job.gateway", error)
    return status


cdef int32_t check_times_of_job(const JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t status = check_duration(
        &job.head_start, DAY_US, b"job.head_start", b"must be 0 s to 24 h", error
    )
    if status == DECODE_OK:
        status = check_duration(
            &job.time_to_live, MONTH_US, b"job.time_to_live", b"must be 0 s to 30 days", error
        )
    if status == DECODE_OK and job.start_time.invalid:
        status = invalid(error, b"job.start_time", -1, b"is not a Timestamp: seconds or nanos out of range")
    return status


cdef int32_t validate_job(JobSpec* job, DecodeError* error) noexcept nogil:
    cdef int32_t status = check_names_of_job(job, error)
    if status == DECODE_OK:
        status = check_demands(job, error)
    if status == DECODE_OK:
        status = check_number(job.urgency, 0, MAX_URGENCY, b"job.urgency", b"must be 0-9", error)
    if status == DECODE_OK:
        status = check_times_of_job(job, error)
    if status == DECODE_OK:
        status = check_wanted(&job.wanted_agent, error)
    if status == DECODE_OK:
        status = check_labels(job, error)
    if status == DECODE_OK:
        status = check_number(
            job.customer_value, 0, MAX_CUSTOMER_VALUE, b"job.customer_value", b"must be 0 to 10^12", error
        )
    if status == DECODE_OK:
        status = check_number(
            job.affinity, 0, AFFINITY_REQUIRE, b"job.affinity", b"must be an AffinityMode of the contract", error
        )
    return status


cdef int32_t validate_wait(const AssignRequest* request, DecodeError* error) noexcept nogil:
    return check_duration(&request.wait, HOUR_US, b"wait", b"must be 0 s to 1 h", error)


cdef int32_t check_ids(Text tenant, Text job_id, Text request_id, DecodeError* error) noexcept nogil:
    cdef int32_t status = validate_tenant(tenant, error)
    if status == DECODE_OK:
        status = check_name(job_id, b"job_id", -1, error)
    if status == DECODE_OK:
        status = check_optional(request_id, b"request_id", error)
    return status


cdef int32_t validate_assignment(const JobRequest* request, DecodeError* error) noexcept nogil:
    cdef int32_t status = validate_cancel(request, error)
    return check_version(request.version, error) if status == DECODE_OK else status


cdef int32_t validate_cancel(const JobRequest* request, DecodeError* error) noexcept nogil:
    return check_ids(request.tenant, request.job_id, request.request_id, error)


cdef int32_t validate_get(const JobRequest* request, DecodeError* error) noexcept nogil:
    return check_ids(request.tenant, request.job_id, request.request_id, error)


cdef int32_t validate_complete(const CompleteJobRequest* request, DecodeError* error) noexcept nogil:
    cdef int32_t status = check_ids(request.tenant, request.job_id, request.request_id, error)
    if status == DECODE_OK:
        status = check_version(request.version, error)
    if status == DECODE_OK:
        status = check_duration(
            &request.first_response, MONTH_US, b"first_response", b"must be 0 s to 30 days", error
        )
    if status == DECODE_OK and request.has_satisfaction:
        status = check_number(
            request.satisfaction, 0, MAX_SATISFACTION, b"satisfaction", b"must be 0-1000", error
        )
    return status


cdef int32_t validate_transfer(const TransferJobRequest* request, DecodeError* error) noexcept nogil:
    cdef int32_t status = check_ids(request.tenant, request.job_id, request.request_id, error)
    if status == DECODE_OK:
        status = check_version(request.version, error)
    if status == DECODE_OK and request.target_kind == TARGET_AGENT:
        status = check_name(request.target, b"agent_id", -1, error)
    if status == DECODE_OK and request.target_kind == TARGET_QUEUE:
        status = check_name(request.target, b"queue", -1, error)
    return status


cdef int32_t validate_presence(const SetPresenceRequest* request, DecodeError* error) noexcept nogil:
    cdef int32_t status = validate_tenant(request.tenant, error)
    if status == DECODE_OK:
        status = check_name(request.agent_id, b"agent_id", -1, error)
    if status == DECODE_OK:
        status = check_number(
            request.presence,
            PRESENCE_ONLINE,
            PRESENCE_OFFLINE,
            b"presence",
            b"must be ONLINE, AWAY, DRAINING or OFFLINE",
            error,
        )
    if status == DECODE_OK:
        status = check_optional(request.reason, b"reason", error)
    if status == DECODE_OK:
        status = check_duration(&request.lease, DAY_US, b"lease", b"must be 0 s, or 1 s to 24 h", error)
    if status == DECODE_OK and 0 < request.lease.us < SECOND_US:
        status = invalid(error, b"lease", -1, b"must be 0 s, or 1 s to 24 h")
    if status == DECODE_OK:
        status = check_optional(request.request_id, b"request_id", error)
    return status


cdef int32_t validate_batch_size(int32_t job_count, DecodeError* error) noexcept nogil:
    return check_number(job_count, 1, MAX_BATCH, b"jobs", b"must have 1-1,000 entries", error)


cdef int32_t validate_heartbeat_size(int32_t agent_count, DecodeError* error) noexcept nogil:
    return check_number(agent_count, 1, MAX_HEARTBEAT, b"agent_ids", b"must have 1-10,000 entries", error)


cdef int32_t validate_agent_id(Text agent_id, int32_t index, DecodeError* error) noexcept nogil:
    return check_name(agent_id, b"agent_ids[]", index, error)
