"""The engine as Python sees it: a workload on it, and a replay of its facts. The shard is the way to use it."""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.engine.decide cimport AssignCommand
from fairlead.engine.model cimport Engine


cdef class Workload:
    cdef Engine engine
    cdef AssignCommand* commands    # one for each class
    cdef uint32_t* live             # jobs held now
    cdef uint32_t class_count
    cdef uint32_t live_count
    cdef uint64_t random
    cdef uint64_t refused

    cdef uint64_t draw(self, uint64_t below) noexcept nogil
    cdef void submit(self) noexcept nogil
