"""See affinity.pxd."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow, mix64

cdef enum:
    LEAST_TABLE = 16


cdef inline uint32_t memory_slot(const Engine* e, uint32_t customer, uint32_t group) noexcept nogil:
    return <uint32_t> mix64((<uint64_t> customer << 32) | group) & (e.memory_size - 1)


cdef Memory* memory_find(const Engine* e, uint32_t customer, uint32_t group) noexcept nogil:
    """Who last served the customer in the group (A1); NULL when nobody is remembered."""
    cdef uint32_t at
    if e.memory_size == 0:
        return NULL
    at = memory_slot(e, customer, group)
    while e.memories[at].customer != NOBODY:
        if e.memories[at].customer == customer and e.memories[at].group == group:
            return &e.memories[at]
        at = (at + 1) & (e.memory_size - 1)
    return NULL


cdef void memory_bind(Engine* e, uint32_t customer, uint32_t group, uint32_t agent, int64_t time) noexcept nogil:
    cdef Memory* memory = memory_find(e, customer, group)
    cdef Memory* old = e.memories
    cdef uint32_t size = e.memory_size, index, at
    if memory == NULL:
        if 4 * (e.memory_count + 1) > 3 * size:
            e.memory_size = size * 2 if size else LEAST_TABLE
            e.memories = <Memory*> memory_grow(NULL, e.memory_size * sizeof(Memory))
            memset(e.memories, 0xFF, e.memory_size * sizeof(Memory))
            for index in range(size):
                if old[index].customer != NOBODY:
                    at = memory_slot(e, old[index].customer, old[index].group)
                    while e.memories[at].customer != NOBODY:
                        at = (at + 1) & (e.memory_size - 1)
                    e.memories[at] = old[index]
            free(old)
        at = memory_slot(e, customer, group)
        while e.memories[at].customer != NOBODY:
            at = (at + 1) & (e.memory_size - 1)
        memory = &e.memories[at]
        memory.customer = customer
        memory.group = group
        e.memory_count += 1
    memory.agent = agent
    memory.agent_number = e.agents[agent].number
    memory.time = time


cdef void memory_drop(Engine* e, uint32_t customer, uint32_t group) noexcept nogil:
    """Forgets who last served the customer in the group, if anybody is remembered."""
    cdef Memory* memory = memory_find(e, customer, group)
    cdef uint32_t mask = e.memory_size - 1, at, next_at, home
    if memory == NULL:
        return
    at = <uint32_t> (memory - e.memories)
    next_at = at
    while True:
        next_at = (next_at + 1) & mask
        if e.memories[next_at].customer == NOBODY:
            break
        home = memory_slot(e, e.memories[next_at].customer, e.memories[next_at].group)
        if ((next_at - home) & mask) >= ((next_at - at) & mask):
            e.memories[at] = e.memories[next_at]
            at = next_at
    memset(&e.memories[at], 0xFF, sizeof(Memory))
    e.memory_count -= 1
