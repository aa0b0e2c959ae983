"""Who last served whom (A1): an open hash table of customers and affinity groups."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport Engine, Memory

cdef Memory* memory_find(const Engine* e, uint32_t customer, uint32_t group) noexcept nogil
cdef void memory_bind(Engine* e, uint32_t customer, uint32_t group, uint32_t agent, int64_t time) noexcept nogil
cdef void memory_drop(Engine* e, uint32_t customer, uint32_t group) noexcept nogil
