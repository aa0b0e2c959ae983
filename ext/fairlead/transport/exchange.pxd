"""The two queues between the loop and Python, each with an eventfd that wakes its reader."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fairlead.transport.model cimport Command, Event, Exchange, Loop, Stream

cdef bint exchange_init(Exchange* exchange) noexcept nogil
cdef void exchange_free(Exchange* exchange) noexcept nogil
# Takes over `data`, which malloc gave. Loop thread.
cdef void push_event(Loop* loop, Stream* stream, uint32_t kind, uint8_t* data, size_t size) noexcept nogil
# Copies `data`. Any thread. Whether it is taken: after the end nothing is.
cdef bint push_command(
    Exchange* exchange, uint64_t call, uint32_t kind, int32_t status, const uint8_t* data, size_t size
) noexcept nogil
cdef void wake_loop(Exchange* exchange) noexcept nogil
# All that waits, as an array that the caller frees, each entry's data too. NULL when there is nothing.
cdef Event* take_events(Exchange* exchange, uint32_t* count) noexcept nogil
cdef Command* take_commands(Exchange* exchange, uint32_t* count) noexcept nogil
# Takes no more commands, and wakes the reader of events for the last time.
cdef void close_events(Exchange* exchange) noexcept nogil
# Bytes of messages that wait for Python; whether no events will come.
cdef size_t events_size(Exchange* exchange) noexcept nogil
cdef bint events_closed(Exchange* exchange) noexcept nogil
