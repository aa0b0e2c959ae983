"""The texts of gRPC over HTTP/2: timeouts, percent-encoded messages, base64, the message inside a Status."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text

# Microseconds of a grpc-timeout (1-8 digits and a unit), -1 when it is none.
cdef int64_t parse_timeout(const uint8_t* value, size_t size) noexcept nogil
# Whether the value of a `-bin` header is base64, with or without padding; commas divide several.
cdef bint is_base64(const uint8_t* value, size_t size) noexcept nogil
# A grpc-retry-pushback-ms, in turn, so that those who were refused together do not come back together.
cdef const char* pause_text(uint32_t turn) noexcept nogil
# A gRPC code as trailers spell it.
cdef const char* code_text(int32_t code) noexcept nogil
# Appends base64 without padding.
cdef void append_base64(Buffer* out, const uint8_t* data, size_t size) noexcept nogil
# Appends a grpc-message: bytes outside 0x20-0x7E and `%` as %XX.
cdef void append_percent(Buffer* out, const uint8_t* data, size_t size) noexcept nogil
# The message of a serialized google.rpc.Status that begins with its code; empty when it has none.
cdef Text status_message(const uint8_t* data, size_t size) noexcept nogil
