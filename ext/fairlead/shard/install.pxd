"""A policy's tables into a tenant: names, then facts, then one rematch (L1)."""

from fairlead.shard.tenant cimport Tenant

cdef dict install(Tenant* t, object tables, dict members)
# After a replay: what a policy gives a tenant beside facts. Returns the members by name; O(policy).
cdef dict restore(Tenant* t, object tables)
cdef object refuse_what_is_in_use(const Tenant* t, object tables)
