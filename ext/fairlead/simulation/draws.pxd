"""Random numbers by name: the same seed, purpose and index give the same number, whatever was drawn before.

That is what makes two policies comparable: job 17 brings the same work under both, however differently they route it
(common random numbers). A number is the splitmix64 sequence of its purpose at its index.
"""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.base.memory cimport mix64

cdef enum LawKind:
    CONSTANT = 0
    EXPONENTIAL = 1
    UNIFORM = 2
    LOGNORMAL = 3
    ERLANG = 4
    HYPEREXPONENTIAL = 5
    EMPIRICAL = 6

# A distribution of times in microseconds. What a, b and c are stands with its kind in `law_draw`.
cdef struct Law:
    uint32_t kind
    uint32_t count          # of values
    double a
    double b
    double c
    double* values          # of an empirical law, ascending


cdef inline uint64_t draw_key(uint64_t seed, uint64_t replication, uint64_t stream, uint64_t purpose) noexcept nogil:
    """What names a sequence."""
    return mix64(mix64(mix64(mix64(seed) ^ replication) ^ stream) ^ purpose)


cdef inline double draw_uniform(uint64_t key, uint64_t index) noexcept nogil:
    """Above 0 and below 1."""
    return (<double> (mix64(key + index * <uint64_t> 0x9E3779B97F4A7C15) >> 11) + 0.5) * 1.1102230246251565e-16


cdef double normal_quantile(double p) noexcept nogil
cdef double law_draw(const Law* law, uint64_t key, uint64_t index) noexcept nogil
