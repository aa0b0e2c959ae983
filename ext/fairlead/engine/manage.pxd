"""Agents and policies: the commands of operators. As in decide.pxd, each commits facts and leaves no waiting job with a candidate."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport AgentBody, ChannelBody, Engine, QueueBody, SettingsBody

cdef void put_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil
cdef uint32_t remove_agent(Engine* e, uint32_t agent) noexcept nogil
cdef void set_presence(Engine* e, uint32_t agent, uint32_t presence, int64_t lease) noexcept nogil
cdef bint extend_lease(Engine* e, uint32_t agent) noexcept nogil

# A new policy: its parts, then `rematch` once. `define_agent` is put_agent without matching.
cdef void define_settings(Engine* e, const SettingsBody* body) noexcept nogil
cdef void define_channel(Engine* e, const ChannelBody* body) noexcept nogil
cdef void define_queue(Engine* e, const QueueBody* body) noexcept nogil
cdef void define_agent(Engine* e, uint32_t agent, AgentBody* body, uint32_t body_size) noexcept nogil
cdef void rematch(Engine* e) noexcept nogil
cdef void forget_customer(Engine* e, uint32_t customer, uint32_t groups) noexcept nogil
