"""See convert.pxd."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memset

from fairlead.base.buffer cimport Buffer, buffer_free, buffer_init
from fairlead.base.text cimport text_empty, text_of
from fairlead.codec.encode cimport encode_decode_error, encode_status
from fairlead.codec.messages cimport MAX_DEMANDS, MAX_EXCLUDED, MAX_LABELS

from fairlead.errors import from_status, raise_error

cdef enum:
    LONGEST_TEXT = 1 << 20   # no name comes near; the codec refuses what is over its own limit


cdef Text to_text(object value, str field) except *:
    cdef Text text
    cdef Py_ssize_t size
    if type(value) is not str:
        raise_error("INVALID_FIELD", f"{value!r}; must be a string", field)
    try:
        text.data = PyUnicode_AsUTF8AndSize(value, &size)
    except UnicodeEncodeError:
        raise_error("INVALID_FIELD", f"{value!r} is not valid Unicode", field)
    text.size = <unsigned int> (size if size < LONGEST_TEXT else LONGEST_TEXT)
    return text


cdef int64_t to_number(object value, str field) except? -1:
    """An int of 64 bits; one beyond them is refused here, one out of range by the validation."""
    try:
        return value
    except (OverflowError, TypeError):
        raise_error("INVALID_FIELD", f"{value!r}; must be a whole number of 64 bits", field)


cdef int32_t to_small(object value, str field) except? -1:
    try:
        return value
    except (OverflowError, TypeError):
        raise_error("INVALID_FIELD", f"{value!r}; must be a whole number of 32 bits", field)


cdef TimeField to_time(object value, str field) except *:
    cdef TimeField time
    memset(&time, 0, sizeof(TimeField))
    time.us = to_number(value, field)
    time.present = time.us != 0
    time.seconds = time.us // 1000000
    return time


cdef int32_t fill_skills(object skills, SkillDemand* out, str field, list alive) except -1:
    """A mapping of names to a level or (lowest, highest), or names alone. Returns how many there are, held or not."""
    cdef int32_t count = 0
    cdef SkillDemand* demand
    if skills is None:
        return 0
    levels = skills if isinstance(skills, dict) else None
    if levels is None and hasattr(skills, "items"):
        levels = dict(skills)
    names = list(skills) if levels is None else levels
    alive.append(names)
    for name in names:
        if count < MAX_DEMANDS:
            demand = out + count
            demand.name = to_text(name, f"{field}[{count}].name")
            demand.min_level = 1
            demand.max_level = 10
            if levels is not None:
                level = levels[name]
                if isinstance(level, tuple):
                    demand.min_level = to_small(level[0], f"{field}[{count}].min_level")
                    demand.max_level = to_small(level[1], f"{field}[{count}].max_level")
                else:
                    demand.min_level = to_small(level, f"{field}[{count}].min_level")
        count += 1
    return count


cdef int32_t fill_texts(object values, Text* out, str field, list alive) except -1:
    """Up to 32 names. Returns how many there are, held or not."""
    cdef int32_t count = 0
    if isinstance(values, str):
        raise_error("INVALID_FIELD", f"{values!r}; must be a list of strings", field)
    names = list(values)
    alive.append(names)
    for name in names:
        if count < MAX_DEMANDS:
            out[count] = to_text(name, f"{field}[{count}]")
        count += 1
    return count


cdef void fill_labels(object labels, JobSpec* job) except *:
    cdef int32_t count = 0
    job.label_count = 0
    if not labels:
        return
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
    encode_status(&buffer, reply.failure.code, text_of(reply.failure.reason), text_of(reply.failure.message),
                  text_of(reply.failure.field), NULL, 0)
    return raise_status(&buffer)
