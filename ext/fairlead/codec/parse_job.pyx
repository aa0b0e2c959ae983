"""One loop a message: read a tag, store the value, until the message ends."""

from libc.stdint cimport int64_t, uint32_t, uint8_t
from libc.string cimport memset

from fairlead.base.text cimport Text, text_empty, text_equal
from fairlead.codec.messages cimport MAX_DEMANDS, MAX_EXCLUDED, MAX_LABELS, Label, SkillDemand, WantedAgent
from fairlead.codec.reader cimport enter, read_int32, read_int64, read_tag, read_text, skip_field
from fairlead.codec.tags cimport (
    BYTES_1,
    BYTES_2,
    BYTES_3,
    BYTES_4,
    BYTES_5,
    BYTES_6,
    BYTES_7,
    BYTES_8,
    BYTES_9,
    BYTES_11,
    BYTES_12,
    BYTES_13,
    BYTES_14,
    BYTES_15,
    BYTES_16,
    BYTES_17,
    BYTES_20,
    VARINT_1,
    VARINT_2,
    VARINT_3,
    VARINT_10,
    VARINT_18,
    VARINT_19,
)

cdef enum:
    US_PER_S = 1000000
    NS_PER_US = 1000
    MAX_NANOS = 999999999

# An enum of Cython holds an int; these are longer. Duration: 10,000 years. Timestamp: 0001-01-01 to 9999-12-31.
cdef extern from *:
    """
    #define FAIRLEAD_MAX_DURATION_S INT64_C(315576000000)
    #define FAIRLEAD_MIN_TIMESTAMP_S INT64_C(-62135596800)
    #define FAIRLEAD_MAX_TIMESTAMP_S INT64_C(253402300799)
    """
    const int64_t MAX_DURATION_S "FAIRLEAD_MAX_DURATION_S"
    const int64_t MIN_TIMESTAMP_S "FAIRLEAD_MIN_TIMESTAMP_S"
    const int64_t MAX_TIMESTAMP_S "FAIRLEAD_MAX_TIMESTAMP_S"


cdef inline bint is_duration(const TimeField* time) noexcept nogil:
    if time.seconds < -MAX_DURATION_S or time.seconds > MAX_DURATION_S:
        return False
    if time.nanos < -MAX_NANOS or time.nanos > MAX_NANOS:
        return False
    return not (time.seconds < 0 and time.nanos > 0) and not (time.seconds > 0 and time.nanos < 0)


cdef inline bint is_timestamp(const TimeField* time) noexcept nogil:
    if time.seconds < MIN_TIMESTAMP_S or time.seconds > MAX_TIMESTAMP_S:
        return False
    return time.nanos >= 0 and time.nanos <= MAX_NANOS


cdef inline void close_time(TimeField* time, bint valid) noexcept nogil:
    """Fills in `us` once all parts of the field were read; what is below a microsecond is cut towards zero seconds."""
    cdef int64_t part_us = time.nanos // NS_PER_US if time.nanos >= 0 else -(-time.nanos // NS_PER_US)
    time.invalid = not valid
    time.us = time.seconds * US_PER_S + part_us if valid else 0


cdef void close_duration(TimeField* time) noexcept nogil:
    close_time(time, is_duration(time))


cdef bint read_time(Reader* reader, TimeField* time, int32_t depth) noexcept nogil:
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    if not enter(reader, &outer_end):
        return False
    time.present = 1
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == VARINT_1:
            ok = read_int64(reader, &time.seconds)
        elif tag == VARINT_2:
            ok = read_int32(reader, &time.nanos)
        else:
            ok = skip_field(reader, tag, depth)
        if not ok:
            return False
    reader.end = outer_end
    return True


cdef bint read_skill(Reader* reader, SkillDemand* skill, int32_t depth) noexcept nogil:
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    if not enter(reader, &outer_end):
        return False
    skill.name = text_empty()
    skill.min_level = 0
    skill.max_level = 0
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &skill.name)
        elif tag == VARINT_2:
            ok = read_int32(reader, &skill.min_level)
        elif tag == VARINT_3:
            ok = read_int32(reader, &skill.max_level)
        else:
            ok = skip_field(reader, tag, depth)
        if not ok:
            return False
    reader.end = outer_end
    return True


cdef inline bint append_skill(Reader* reader, SkillDemand* skills, int32_t* count, int32_t depth) noexcept nogil:
    cdef SkillDemand dropped
    count[0] += 1
    return read_skill(reader, &skills[count[0] - 1] if count[0] <= MAX_DEMANDS else &dropped, depth)


cdef inline bint append_text(Reader* reader, Text* texts, int32_t* count, int32_t limit) noexcept nogil:
    cdef Text dropped
    count[0] += 1
    return read_text(reader, &texts[count[0] - 1] if count[0] <= limit else &dropped)


cdef bint read_wanted_agent(Reader* reader, WantedAgent* wanted, int32_t depth) noexcept nogil:
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    if not enter(reader, &outer_end):
        return False
    wanted.present = 1
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &wanted.agent_id)
        elif tag == VARINT_2:
            ok = read_int32(reader, &wanted.mode)
        elif tag == BYTES_3:
            ok = read_time(reader, &wanted.hold, depth + 1)
        else:
            ok = skip_field(reader, tag, depth)
        if not ok:
            return False
    reader.end = outer_end
    return True


cdef void put_label(JobSpec* job, const Label* label) noexcept nogil:
    """Adds the label or replaces the value of its key; above the limit only the count grows, to one more. O(n)."""
    cdef int32_t i
    if job.label_count > MAX_LABELS:
        return
    for i in range(job.label_count):
        if text_equal(job.labels[i].key, label.key):
            job.labels[i].value = label.value
            return
    if job.label_count < MAX_LABELS:
        job.labels[job.label_count] = label[0]
    job.label_count += 1


cdef bint read_label(Reader* reader, JobSpec* job, int32_t depth) noexcept nogil:
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    cdef bint known = True
    cdef Label label
    if not enter(reader, &outer_end):
        return False
    label.key = text_empty()
    label.value = text_empty()
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &label.key)
        elif tag == BYTES_2:
            ok = read_text(reader, &label.value)
        else:
            known = False
            ok = skip_field(reader, tag, depth)
        if not ok:
            return False
    reader.end = outer_end
    if known:
        put_label(job, &label)
    return True


cdef void clear_job(JobSpec* job) noexcept nogil:
    """Everything but the arrays, which are the end of the struct."""
    memset(job, 0, <size_t>(<char*>&job.skills[0] - <char*>job))


cdef bint read_job(Reader* reader, JobSpec* job, int32_t depth) noexcept nogil:
    """Merges a JobSpec into `job`."""
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    if not enter(reader, &outer_end):
        return False
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &job.id)
        elif tag == BYTES_2:
            ok = read_text(reader, &job.queue)
        elif tag == BYTES_3:
            ok = read_text(reader, &job.channel)
        elif tag == BYTES_4:
            ok = append_skill(reader, job.skills, &job.skill_count, depth + 1)
        elif tag == BYTES_5:
            ok = append_text(reader, job.tags, &job.tag_count, MAX_DEMANDS)
        elif tag == BYTES_6:
            ok = append_skill(reader, job.preferred_skills, &job.preferred_skill_count, depth + 1)
        elif tag == BYTES_7:
            ok = append_text(reader, job.preferred_tags, &job.preferred_tag_count, MAX_DEMANDS)
        elif tag == BYTES_8:
            ok = read_text(reader, &job.customer)
        elif tag == BYTES_9:
            ok = read_text(reader, &job.customer_tier)
        elif tag == VARINT_10:
            ok = read_int32(reader, &job.urgency)
        elif tag == BYTES_11:
            ok = read_time(reader, &job.head_start, depth + 1)
        elif tag == BYTES_12:
            ok = append_text(reader, job.excluded, &job.excluded_count, MAX_EXCLUDED)
        elif tag == BYTES_13:
            ok = read_wanted_agent(reader, &job.wanted_agent, depth + 1)
        elif tag == BYTES_14:
            ok = read_time(reader, &job.time_to_live, depth + 1)
        elif tag == BYTES_15:
            ok = read_time(reader, &job.start_time, depth + 1)
        elif tag == BYTES_16:
            ok = read_label(reader, job, depth + 1)
        elif tag == BYTES_17:
            ok = read_text(reader, &job.language)
        elif tag == VARINT_18:
            ok = read_int64(reader, &job.customer_value)
        elif tag == VARINT_19:
            ok = read_int32(reader, &job.affinity)
        elif tag == BYTES_20:
            ok = read_text(reader, &job.gateway)
        else:
            ok = skip_field(reader, tag, depth)
        if not ok:
            return False
    reader.end = outer_end
    return True


cdef void close_job(JobSpec* job) noexcept nogil:
    """What can only be said when no part of the job can follow any more."""
    close_duration(&job.head_start)
    close_duration(&job.time_to_live)
    close_time(&job.start_time, is_timestamp(&job.start_time))
    close_duration(&job.wanted_agent.hold)
