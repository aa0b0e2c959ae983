"""A tenant as it is, for a snapshot: its engine, its names, and all else that a replay of its records makes.

What is not in records is not here either: rules, tiers and defaults are put in force from the policies once all is read, as
after a replay; answers that Python keeps of cold calls are made anew.
"""

from fairlead.base.archive cimport Archive
from fairlead.shard.tenant cimport Tenant

# Writes the tenant, or fills a fresh one.
cdef void tenant_archive(Tenant* t, Archive* archive) noexcept nogil
