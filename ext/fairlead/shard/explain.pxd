"""Why a job is where it is (E3)."""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.shard.tenant cimport Tenant

cdef object explain(Tenant* t, uint32_t job_slot)
