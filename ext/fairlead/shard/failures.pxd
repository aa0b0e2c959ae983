"""Refusals of calls, in words and as google.rpc.Status (E2)."""

from libc.stdint cimport uint32_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text
from fairlead.shard.calls cimport Failure, Reply

cdef bint fail(Reply* reply, uint32_t kind, const char* what, Text subject, const char* field) noexcept nogil
# `subject` is the id of the job, or of the agent where it is about one; `state` the job's, NO_JOB where there is none.
cdef bint fail_refused(Reply* reply, uint32_t refusal, Text subject, uint32_t state) noexcept nogil
cdef void encode_failure(Buffer* out, const Failure* failure) noexcept nogil
