"""Python values to the codec's structs: the def boundary of the shard. Ranges are judged by the codec's validation.

A Text points into the str it was made of, so that str must live as long as the struct is used.
"""

from libc.stdint cimport int32_t, int64_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport DecodeError, JobSpec, SkillDemand, TimeField
from fairlead.shard.calls cimport Reply

cdef Text bytes_text(bytes data)
cdef Text to_text(object value, str field) except *
cdef int64_t to_number(object value, str field) except? -1
cdef int32_t to_small(object value, str field) except? -1
cdef TimeField to_time(object value, str field) except *
cdef int32_t fill_skills(object skills, SkillDemand* out, str field, list alive) except -1
cdef int32_t fill_texts(object values, Text* out, str field, list alive) except -1
cdef void fill_labels(object labels, JobSpec* job) except *
cdef object raise_decode_error(const DecodeError* error)
cdef object raise_failure(const Reply* reply)
