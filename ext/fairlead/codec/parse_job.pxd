"""The messages inside requests: JobSpec with all it holds, and times.

`read_*` merges one message, whose length comes next, into a struct that was cleared before; False when it is malformed.
`depth` is the level of that message below the request, 1 for its fields. `close_*` fills in what can only be said when
no part can follow any more. The rules are those of parse.pxd.
"""

from libc.stdint cimport int32_t

from fairlead.codec.messages cimport JobSpec, TimeField
from fairlead.codec.reader cimport Reader

# Everything but the arrays.
cdef void clear_job(JobSpec* job) noexcept nogil
cdef bint read_job(Reader* reader, JobSpec* job, int32_t depth) noexcept nogil
cdef void close_job(JobSpec* job) noexcept nogil
cdef bint read_time(Reader* reader, TimeField* time, int32_t depth) noexcept nogil
cdef void close_duration(TimeField* time) noexcept nogil
