"""Agents from Python to the engine: validation, names to abilities, the body of the fact."""

from libc.stdint cimport uint32_t

from fairlead.shard.tenant cimport Tenant

cdef object check_settings(const Tenant* t, str agent_id, dict settings)
cdef uint32_t store_agent(Tenant* t, str agent_id, dict settings, list queues, bint rematches) except? 0xFFFFFFFE
