"""The event loop: the earliest event, one command to the engine, what its facts mean for work and patience."""

from libc.stdint cimport uint64_t

from fairlead.shard.calls cimport Reply
from fairlead.simulation.model cimport Simulation

cdef bint simulation_start(Simulation* s, Reply* reply) noexcept nogil
cdef int simulation_run(Simulation* s, uint64_t budget, Reply* reply) noexcept nogil
cdef void simulation_free(Simulation* s) noexcept nogil
