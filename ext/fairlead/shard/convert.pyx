"""See convert.pxd."""

from collections.abc import Iterable, Mapping

from libc.string cimport memset

from fairlead.base.buffer cimport Buffer, buffer_free, buffer_init
from fairlead.base.text cimport text_empty
from fairlead.codec.encode cimport encode_decode_error
from fairlead.codec.messages cimport MAX_DEMANDS, MAX_LABELS
from fairlead.shard.failures cimport encode_failure

from fairlead.errors import from_status, raise_error

cdef extern from "Python.h":
    # Declared to raise nothing: a handler around each of two dozen arguments would cost as much as all else about them.
    const char* utf8_of "PyUnicode_AsUTF8AndSize"(object text, Py_ssize_t* size) noexcept
    long long long_of "PyLong_AsLongLongAndOverflow"(object number, int* overflow) noexcept
    void PyErr_Clear() noexcept

cdef enum:
    LONGEST_TEXT = 1 << 20   # no name comes near; the codec refuses what is over its own limit
    MAX_LEVEL = 10


cdef str path_of(str field, int32_t index, str part):
    """Where a value stands in the request: field[index].part, or the field alone. Spelled only for who is wrong: it costs as
    much as all else about a value."""
    return field if index < 0 else f"{field}[{index}]{part}"


cdef Text bytes_text(bytes data):
    cdef Text text
    text.data = data
    text.size = <unsigned int> len(data)
    return text


cdef Text to_text(object value, str field) except *:
    return to_text_at(value, field, -1, "")


cdef Text to_text_at(object value, str field, int32_t index, str part) except *:
    cdef Text text = text_empty()
    cdef Py_ssize_t size
    if type(value) is not str:
        raise_error("INVALID_FIELD", f"{value!r}; must be a string", path_of(field, index, part))
    text.data = utf8_of(value, &size)
    if text.data == NULL:
        PyErr_Clear()
        raise_error("INVALID_FIELD", f"{value!r} is not valid Unicode", path_of(field, index, part))
    text.size = <unsigned int> (size if size < LONGEST_TEXT else LONGEST_TEXT)
    return text


cdef int64_t to_number(object value, str field) except? -1:
    """An int of 64 bits; one beyond them is refused here, one out of range by the validation."""
    cdef int64_t number
    cdef int overflow
    if type(value) is int:
        number = long_of(value, &overflow)
        if not overflow:
            return number
    try:
        return value
    except (OverflowError, TypeError):
        raise_error("INVALID_FIELD", f"{value!r}; must be a whole number of 64 bits", field)


cdef int32_t to_small(object value, str field) except? -1:
    return to_small_at(value, field, -1, "")


cdef int32_t to_small_at(object value, str field, int32_t index, str part) except? -1:
    cdef int64_t number
    cdef int overflow
    if type(value) is int:
        number = long_of(value, &overflow)
        if not overflow and number == <int32_t> number:
            return <int32_t> number
    if type(value) is float:
        raise_error("INVALID_FIELD", f"{value!r}; must be a whole number", path_of(field, index, part))
    try:
        return value
    except (OverflowError, TypeError):
        raise_error("INVALID_FIELD", f"{value!r}; must be a whole number of 32 bits", path_of(field, index, part))


cdef TimeField to_time(object value, str field) except *:
    cdef TimeField time
    memset(&time, 0, sizeof(TimeField))
    time.us = to_number(value, field)
    time.present = time.us != 0
    time.seconds = time.us // 1000000
    return time


cdef int fill_levels(object level, SkillDemand* demand, str field, int32_t index) except -1:
    """A demand's level: the lowest, or (lowest, highest)."""
    least, most = level, MAX_LEVEL
    if isinstance(level, tuple):
        if len(level) != 2:
            raise_error("INVALID_FIELD", f"{level!r}; must be a level or (lowest, highest)", path_of(field, index, ""))
        least, most = level
    demand.min_level = to_small_at(least, field, index, ".min_level")
    demand.max_level = to_small_at(most, field, index, ".max_level")
    return 0


cdef int32_t fill_skills(object skills, SkillDemand* out, str field, list alive) except -1:
    """A mapping of names to a level or (lowest, highest), or names alone. Returns how many there are, held or not."""
    cdef int32_t count = 0
    cdef SkillDemand* demand
    if skills is None:
        return 0
    if not isinstance(skills, dict):
        skills = dict(skills) if isinstance(skills, Mapping) else dict.fromkeys(names_of(skills, field), 1)
        alive.append(skills)
    for name, level in (<dict> skills).items():
        if count < MAX_DEMANDS:
            demand = out + count
            demand.name = to_text_at(name, field, count, ".name")
            fill_levels(level, demand, field, count)
        count += 1
    return count


cdef list names_of(object values, str field):
    """A list of strings; a single string is none, though Python would spell it out."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise_error("INVALID_FIELD", f"{values!r}; must be a list of strings", field)
    return list(values)


cdef int32_t fill_texts(object values, Text* out, str field, list alive) except -1:
    """Up to 32 names. Returns how many there are, held or not."""
    cdef int32_t count = 0
    cdef list names = names_of(values, field)
    alive.append(names)
    for name in names:
        if count < MAX_DEMANDS:
            out[count] = to_text_at(name, field, count, "")
        count += 1
    return count


cdef void fill_labels(object labels, JobSpec* job) except *:
    cdef int32_t count = 0
    job.label_count = 0
    if not labels:
        return
    if not isinstance(labels, Mapping):
        raise_error("INVALID_FIELD", f"{labels!r}; must map strings to strings", "job.labels")
    for key, value in labels.items():
        if count < MAX_LABELS:
            job.labels[count].key = to_text(key, "job.labels")
            job.labels[count].value = to_text(value, "job.labels")
        count += 1
    job.label_count = count


cdef object raise_status(Buffer* buffer):
    status = buffer.data[:buffer.size]
    buffer_free(buffer)
    raise from_status(status)


cdef object raise_decode_error(const DecodeError* error):
    """Raises what a transport would answer."""
    cdef Buffer buffer
    buffer_init(&buffer)
    encode_decode_error(&buffer, error)
    return raise_status(&buffer)


cdef object raise_failure(const Reply* reply):
    """Raises what a transport would answer."""
    cdef Buffer buffer
    buffer_init(&buffer)
    encode_failure(&buffer, &reply.failure)
    return raise_status(&buffer)
