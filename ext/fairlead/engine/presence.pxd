"""Facts of presence, leases and loss (P1-P4); `apply.pyx` calls them. Each docstring names the fields it uses."""

from fairlead.engine.model cimport Engine, Fact

# Flags of FACT_PRESENCE.
cdef enum:
    LEASE_KEPT = 1    # whatever lease there is goes on
    IS_LOST = 2       # P3

cdef void apply_presence(Engine* e, const Fact* fact) noexcept nogil
cdef void apply_lease_extended(Engine* e, const Fact* fact) noexcept nogil
