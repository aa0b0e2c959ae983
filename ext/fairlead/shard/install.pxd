"""A policy's tables into a tenant: names, then facts, then one rematch (L1)."""

from fairlead.shard.tenant cimport Tenant

cdef dict install(Tenant* t, object tables, dict members)
