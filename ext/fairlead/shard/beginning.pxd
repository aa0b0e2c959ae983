"""What a tenant was where a history of it begins behind a snapshot: for who follows its jobs and agents from there on."""

from fairlead.shard.tenant cimport Tenant


# A Beginning of the tenant of a snapshot (an Image) that was just loaded; `problems` are of older snapshots.
cdef object beginning_of(Tenant* t, object image, object problems)
