"""Facts of offers and after-work (O1-O3); `apply.pyx` calls them. Each docstring names the fields it uses."""

from libc.stdint cimport int64_t, uint32_t

from fairlead.engine.model cimport Engine, Fact

cdef void apply_offered(Engine* e, const Fact* fact) noexcept nogil
cdef void apply_accepted(Engine* e, const Fact* fact) noexcept nogil
cdef void apply_offer_ended(Engine* e, const Fact* fact) noexcept nogil
cdef void apply_bars_ended(Engine* e, const Fact* fact) noexcept nogil
cdef void apply_wraps(Engine* e, const Fact* fact) noexcept nogil
cdef void note_served(Engine* e, const Fact* fact) noexcept nogil
cdef void forget_bars(Engine* e, uint32_t job, int64_t now) noexcept nogil
cdef void forgive_bars(Engine* e, uint32_t job, uint32_t agent) noexcept nogil
