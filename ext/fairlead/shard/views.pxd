"""What the shard shows to Python: snapshots, made under the lock, that no later call changes."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.base.text cimport Text
from fairlead.shard.calls cimport Reply
from fairlead.shard.tenant cimport Tenant


cdef class Assignment:
    cdef readonly str job_id
    cdef readonly str agent_id
    cdef readonly str queue
    cdef readonly str arm
    cdef readonly bint repeated
    cdef readonly int64_t version
    cdef readonly int64_t policy_version
    cdef readonly int64_t deadline_us
    cdef readonly int position
    cdef readonly int64_t wait_p50_us
    cdef readonly int64_t wait_p90_us
    cdef uint32_t _outcome
    cdef uint32_t _state
    cdef uint32_t _reason


cdef class JobView:
    cdef readonly str id
    cdef readonly object state
    cdef readonly str queue
    cdef readonly str channel
    cdef readonly str agent_id
    cdef readonly int64_t version
    cdef readonly object reason
    cdef readonly int urgency
    cdef readonly int64_t head_start_us
    cdef readonly str customer
    cdef readonly int64_t create_time_us
    cdef readonly int64_t queue_time_us
    cdef readonly int64_t assign_time_us
    cdef readonly int64_t end_time_us
    cdef readonly int64_t policy_version
    cdef readonly int cost
    cdef readonly str rule
    cdef readonly str arm
    cdef readonly str plan
    cdef readonly int step
    cdef readonly int64_t deadline_us
    cdef readonly int position
    cdef readonly int64_t wait_p50_us
    cdef readonly int64_t wait_p90_us


cdef class AgentView:
    cdef readonly str id
    cdef readonly dict skills
    cdef readonly list tags
    cdef readonly int capacity
    cdef readonly dict channel_limits
    cdef readonly int weight
    cdef readonly int rating
    cdef readonly int order
    cdef readonly object presence
    cdef readonly str presence_reason
    cdef readonly int load
    cdef readonly int job_count
    cdef readonly int64_t given_count
    cdef readonly int64_t last_given_time_us
    cdef readonly int64_t last_freed_time_us
    cdef readonly int64_t completed_count
    cdef readonly int64_t wrap_up_us
    cdef readonly int64_t lease_end_us
    cdef readonly int missed_offers
    cdef readonly int64_t handle_time_ms
    cdef readonly int64_t first_response_ms
    cdef readonly int satisfaction


cdef class TenantView:
    cdef readonly str tenant
    cdef readonly int64_t policy_version
    cdef readonly object state_hash
    cdef readonly tuple agents
    cdef readonly int64_t load
    cdef readonly int64_t capacity
    cdef readonly dict jobs
    cdef readonly list queues


cdef str to_str(Text text)
cdef Assignment assignment(const Tenant* t, str job_id, const Reply* reply)
# Of an assign: with the arm of its job.
cdef Assignment assigned(const Tenant* t, str job_id, const Reply* reply)
cdef Assignment present_assignment(const Tenant* t, uint32_t slot, bint repeated)
cdef JobView job_view(const Tenant* t, uint32_t slot)
cdef dict agent_settings(const Tenant* t, uint32_t slot)
cdef AgentView agent_view(const Tenant* t, uint32_t slot)
cdef TenantView tenant_view(const Tenant* t, str name)
cdef TenantView empty_view(str name)
