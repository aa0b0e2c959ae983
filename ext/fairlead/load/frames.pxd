"""HTTP/2 as a client of one server needs it: frames written by hand, frames read into calls."""

from libc.stdint cimport uint32_t

from fairlead.load.model cimport Call, Connection, Load

cdef void write_preface(Connection* connection) noexcept nogil
# The next request of a call's place: header block, message in `load.message`.
cdef void write_request(Load* load, Connection* connection, uint32_t place) noexcept nogil
# Reads whole frames from the input. Answers `finished(load, place)` for every call that ended. False: not HTTP/2.
cdef bint read_frames(Load* load, Connection* connection, void (*finished)(Load*, uint32_t) noexcept nogil) noexcept nogil
