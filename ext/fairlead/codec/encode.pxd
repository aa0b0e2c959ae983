"""Replies to bytes, appended to a Buffer. Fields at their default are left out, as the official runtime does."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text
from fairlead.codec.messages cimport AssignReply, DecodeError, EventDetail, JobDetail, JobReply, Label


cdef enum:
    # Room for the path and for the message of a DecodeError with its NUL; every one fits.
    ERROR_FIELD_SIZE = 128
    ERROR_MESSAGE_SIZE = 256


cdef void encode_assign(Buffer* buffer, const AssignReply* reply) noexcept nogil
# BatchAssignResponse is the concatenation of its results, one call each, in the order of the request.
cdef void encode_batch_assignment(Buffer* buffer, const AssignReply* reply) noexcept nogil
cdef void encode_batch_error(Buffer* buffer, int32_t code, Text reason, Text message) noexcept nogil
cdef void encode_batch_decode_error(Buffer* buffer, const DecodeError* error) noexcept nogil
# AcceptOfferResponse and DeclineOfferResponse.
cdef void encode_offer(Buffer* buffer, const JobReply* reply) noexcept nogil
# CompleteJobResponse and CancelJobResponse.
cdef void encode_end(Buffer* buffer, const JobReply* reply) noexcept nogil
cdef void encode_transfer(Buffer* buffer, const JobReply* reply) noexcept nogil
cdef void encode_job(Buffer* buffer, const JobDetail* job) noexcept nogil
# WatchEventsResponse is the concatenation of its events, one call each, and its sequence.
cdef void encode_event(Buffer* buffer, const EventDetail* event) noexcept nogil
cdef void encode_watch_sequence(Buffer* buffer, int64_t sequence) noexcept nogil
cdef void encode_presence(Buffer* buffer, Text agent_id, int32_t presence, uint8_t repeated) noexcept nogil
# HeartbeatResponse is the concatenation of one count and any number of rejected ids, in any order.
cdef void encode_heartbeat_count(Buffer* buffer, int32_t extended_count) noexcept nogil
cdef void encode_heartbeat_rejected(Buffer* buffer, Text agent_id) noexcept nogil
# google.rpc.Status with one ErrorInfo (reason, domain `fairlead`, metadata) and, when `field` is not empty, one
# BadRequest violation of that field described by `message`.
cdef void encode_status(
    Buffer* buffer, int32_t code, Text reason, Text message, Text field, const Label* metadata, int32_t metadata_count
) noexcept nogil
# The Status of a request that did not decode: INVALID_FIELD or MALFORMED_REQUEST.
cdef void encode_decode_error(Buffer* buffer, const DecodeError* error) noexcept nogil
# Reason, path ("job.skills[2].min_level", "jobs[5].id", empty for malformed bytes) and sentence of a DecodeError.
# `space` has ERROR_FIELD_SIZE or ERROR_MESSAGE_SIZE bytes and must outlive the text.
cdef Text error_reason(const DecodeError* error) noexcept nogil
cdef Text error_field(const DecodeError* error, char* space) noexcept nogil
cdef Text error_message(const DecodeError* error, char* space) noexcept nogil
