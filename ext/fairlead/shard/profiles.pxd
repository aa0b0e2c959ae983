"""What a customer's profile adds to a job: fields that the request leaves empty, before any rule looks at them."""

from fairlead.codec.messages cimport JobSpec
from fairlead.shard.tenant cimport Tenant

cdef void apply_profile(Tenant* t, JobSpec* job) noexcept nogil
