"""Agents and policies: the commands of operators. As in decide.pxd, each commits facts and leaves no waiting job with a candidate."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport AgentBody, ChannelBody, Engine, PlanBody, QueueBody, SettingsBody

cdef void put_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil
cdef uint32_t remove_agent(Engine* e, uint32_t agent) noexcept nogil
cdef void set_presence(Engine* e, uint32_t agent, uint32_t presence, int64_t lease) noexcept nogil
cdef bint extend_lease(Engine* e, uint32_t agent) noexcept nogil
cdef void spare_leases(Engine* e, int64_t until) noexcept nogil

# A new policy: its parts, then `rematch` once. `define_agent` is put_agent without matching.
cdef void define_settings(Engine* e, const SettingsBody* body) noexcept nogil
cdef void define_channel(Engine* e, const ChannelBody* body) noexcept nogil
cdef void define_queue(Engine* e, const QueueBody* body) noexcept nogil
cdef void define_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil
cdef void define_plan(Engine* e, const PlanBody* body) noexcept nogil
cdef void rematch(Engine* e) noexcept nogil
cdef void forget_customer(Engine* e, uint32_t customer, uint32_t groups) noexcept nogil

# A schedule's toggle: the queues it concerns, then `follow_hours` once.
cdef void set_hours(Engine* e, uint32_t queue, bint closed) noexcept nogil
cdef void follow_hours(Engine* e) noexcept nogil
