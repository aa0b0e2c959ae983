"""See exchange.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.memory cimport memory_grow
from fairlead.transport.model cimport Command, Event, Exchange, Loop, Stream, call_of
from fairlead.transport.system cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, close, eventfd, eventfd_t, eventfd_read, eventfd_write, pthread_mutex_destroy,
    pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock,
)


cdef bint exchange_init(Exchange* exchange) noexcept nogil:
    memset(exchange, 0, sizeof(Exchange))
    pthread_mutex_init(&exchange.lock, NULL)
    # Python waits for events by reading; the loop has epoll for that.
    exchange.up = eventfd(0, EFD_CLOEXEC)
    exchange.down = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    return exchange.up >= 0 and exchange.down >= 0


cdef void exchange_free(Exchange* exchange) noexcept nogil:
    cdef uint32_t at
    for at in range(exchange.event_count):
        free(exchange.events[at].data)
    for at in range(exchange.command_count):
        free(exchange.commands[at].data)
    free(exchange.events)
    free(exchange.commands)
    if exchange.up >= 0:
        close(exchange.up)
    if exchange.down >= 0:
        close(exchange.down)
    pthread_mutex_destroy(&exchange.lock)


cdef void push_event(Loop* loop, Stream* stream, uint32_t kind, uint8_t* data, size_t size) noexcept nogil:
    cdef Exchange* exchange = &loop.exchange
    cdef Event* event
    cdef bint was_empty
    pthread_mutex_lock(&exchange.lock)
    was_empty = exchange.event_count == 0
    if exchange.event_count == exchange.event_capacity:
        exchange.event_capacity = exchange.event_capacity * 2 if exchange.event_capacity else 64
        exchange.events = <Event*> memory_grow(exchange.events, exchange.event_capacity * sizeof(Event))
    event = &exchange.events[exchange.event_count]
    exchange.event_count += 1
    exchange.event_bytes += size
    event.call = call_of(stream)
    event.kind = kind
    event.flags = stream.flags
    event.method = stream.method
    event.deadline = stream.deadline
    event.data = data
    event.size = size
    pthread_mutex_unlock(&exchange.lock)
    if was_empty:
        eventfd_write(exchange.up, 1)


cdef bint push_command(
    Exchange* exchange, uint64_t call, uint32_t kind, int32_t status, const uint8_t* data, size_t size
) noexcept nogil:
    cdef Command* command
    cdef uint8_t* copy = NULL
    if size:
        copy = <uint8_t*> memory_grow(NULL, size)
        memcpy(copy, data, size)
    pthread_mutex_lock(&exchange.lock)
    if exchange.closed:
        pthread_mutex_unlock(&exchange.lock)
        free(copy)
        return False
    if exchange.command_count == exchange.command_capacity:
        exchange.command_capacity = exchange.command_capacity * 2 if exchange.command_capacity else 64
        exchange.commands = <Command*> memory_grow(exchange.commands, exchange.command_capacity * sizeof(Command))
    command = &exchange.commands[exchange.command_count]
    exchange.command_count += 1
    command.call = call
    command.kind = kind
    command.status = status
    command.data = copy
    command.size = size
    pthread_mutex_unlock(&exchange.lock)
    return True


cdef void wake_loop(Exchange* exchange) noexcept nogil:
    eventfd_write(exchange.down, 1)


cdef Event* take_events(Exchange* exchange, uint32_t* count) noexcept nogil:
    cdef Event* events
    cdef eventfd_t ignored
    eventfd_read(exchange.up, &ignored)
    pthread_mutex_lock(&exchange.lock)
    events = exchange.events
    count[0] = exchange.event_count
    exchange.events = NULL
    exchange.event_count = exchange.event_capacity = 0
    exchange.event_bytes = 0
    pthread_mutex_unlock(&exchange.lock)
    return events


cdef size_t events_size(Exchange* exchange) noexcept nogil:
    cdef size_t size
    pthread_mutex_lock(&exchange.lock)
    size = exchange.event_bytes
    pthread_mutex_unlock(&exchange.lock)
    return size


cdef bint events_closed(Exchange* exchange) noexcept nogil:
    cdef bint closed
    pthread_mutex_lock(&exchange.lock)
    closed = exchange.closed
    pthread_mutex_unlock(&exchange.lock)
    return closed


cdef Command* take_commands(Exchange* exchange, uint32_t* count) noexcept nogil:
    cdef Command* commands
    cdef eventfd_t ignored
    eventfd_read(exchange.down, &ignored)
    pthread_mutex_lock(&exchange.lock)
    commands = exchange.commands
    count[0] = exchange.command_count
    exchange.commands = NULL
    exchange.command_count = exchange.command_capacity = 0
    pthread_mutex_unlock(&exchange.lock)
    return commands


cdef void close_events(Exchange* exchange) noexcept nogil:
    pthread_mutex_lock(&exchange.lock)
    exchange.closed = 1
    pthread_mutex_unlock(&exchange.lock)
    eventfd_write(exchange.up, 1)
