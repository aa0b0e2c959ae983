"""What an observer with a stop watch writes down: integrals over time, and what became of each counted job."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.simulation.model cimport Record, Server, Simulation

cdef void count_time(Simulation* s, int64_t now) noexcept nogil
cdef void count_server(Simulation* s, Server* server, int64_t now) noexcept nogil
cdef void start_measuring(Simulation* s) noexcept nogil
cdef void count_begun(Simulation* s, Record* record, uint32_t agent, int64_t now) noexcept nogil
cdef void count_lost(Simulation* s, const Record* record, bint gave_up, int64_t now) noexcept nogil
cdef void count_arrival(Simulation* s, const Record* record) noexcept nogil
cdef double wait_quantile(const uint64_t* bins, double share) noexcept nogil
