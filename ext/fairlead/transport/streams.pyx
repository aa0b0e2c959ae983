"""See streams.pxd."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer, buffer_free
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.transport.counts cimport count_ended
from fairlead.transport.exchange cimport push_event
from fairlead.transport.model cimport (
    CLOSED, Connection, DIRECT_CHAINS, EVENT_CANCELLED, IN_BATCH, IN_PYTHON, KEPT_BUFFER, Loop, MAX_STREAMS_OF_LOOP, STREAMING, STREAMS_PER_CHUNK,
    Stream, THREAD_SHIFT, WAITING, call_of,
)


cdef void add_chunk(Loop* loop) noexcept nogil:
    cdef Stream* chunk = <Stream*> memory_zeroed(STREAMS_PER_CHUNK * sizeof(Stream))
    cdef uint32_t at
    loop.chunks = <Stream**> memory_grow(loop.chunks, (loop.chunk_count + 1) * sizeof(Stream*))
    loop.chunks[loop.chunk_count] = chunk
    for at in range(STREAMS_PER_CHUNK):
        chunk[at].index = loop.number << THREAD_SHIFT | (loop.chunk_count * STREAMS_PER_CHUNK + at)
        chunk[at].generation = 1
        chunk[at].next = loop.free_streams
        loop.free_streams = &chunk[at]
    loop.chunk_count += 1


cdef Stream* stream_open(Loop* loop, Connection* connection, int32_t id) noexcept nogil:
    cdef Stream* stream
    if loop.free_streams == NULL:
        add_chunk(loop)
    stream = loop.free_streams
    loop.free_streams = stream.next
    stream.connection = connection
    stream.previous = NULL
    stream.next = connection.streams
    if connection.streams != NULL:
        connection.streams.previous = stream
    connection.streams = stream
    connection.stream_count += 1
    stream.sent = 0
    stream.metadata.size = 0
    stream.started = loop.now
    stream.deadline = 0
    stream.flags = 0
    stream.fields = 0
    stream.fields_size = 0
    stream.id = id
    stream.method = -1
    stream.status = 0
    stream.http_status = 0
    stream.finishes = 0
    stream.direct = 0
    stream.widened = 0
    stream.timed_out = 0
    stream.charged = 0
    stream.received = 0
    stream.told = 0
    return stream


cdef void detach(Stream* stream) noexcept nogil:
    if stream.connection == NULL:
        return
    if stream.previous != NULL:
        stream.previous.next = stream.next
    else:
        stream.connection.streams = stream.next
    if stream.next != NULL:
        stream.next.previous = stream.previous
    stream.connection = NULL


cdef inline void empty(Buffer* buffer) noexcept nogil:
    if buffer.capacity > KEPT_BUFFER:
        buffer_free(buffer)
    buffer.size = 0


cdef void stream_release(Loop* loop, Stream* stream) noexcept nogil:
    """Back to the pool; the call's number is dead from here on."""
    detach(stream)
    empty(&stream.body)
    empty(&stream.reply)
    if stream.metadata.data != NULL:
        buffer_free(&stream.metadata)
    stream.generation += 1
    stream.next = loop.free_streams
    loop.free_streams = stream


cdef inline uint32_t chain_of(int32_t id) noexcept nogil:
    """Numbers of streams are odd."""
    return (<uint32_t> id >> 1) % DIRECT_CHAINS


cdef void stream_direct(Stream* stream) noexcept nogil:
    cdef Stream** chain = &stream.connection.chains[chain_of(stream.id)]
    stream.direct = 1
    stream.next_direct = chain[0]
    chain[0] = stream
    stream.connection.direct_count += 1


cdef Stream* stream_find(const Connection* connection, int32_t id) noexcept nogil:
    cdef Stream* stream = connection.chains[chain_of(id)]
    while stream != NULL and stream.id != id:
        stream = stream.next_direct
    return stream


cdef void leave_chain(Stream* stream) noexcept nogil:
    cdef Stream** at = &stream.connection.chains[chain_of(stream.id)]
    while at[0] != stream:
        at = &at[0].next_direct
    at[0] = stream.next_direct
    stream.connection.direct_count -= 1


cdef void stream_close(Loop* loop, Stream* stream, bint is_whole) noexcept nogil:
    count_ended(loop, stream, is_whole)
    stream.flags |= CLOSED
    stream.connection.stream_count -= 1
    stream.connection.held_bytes -= stream.charged
    stream.charged = 0
    if stream.direct:
        leave_chain(stream)
    if stream.flags & IN_BATCH:
        detach(stream)
    elif stream.flags & IN_PYTHON:
        # Keeps its place among the connection's streams until its work ends.
        stream.connection.held_count += 1
        if loop.methods[stream.method].kind == STREAMING or stream.flags & WAITING:
            push_event(loop, stream, EVENT_CANCELLED, NULL, 0)
    else:
        stream_release(loop, stream)


cdef void stream_orphan(Loop* loop, Stream* stream) noexcept nogil:
    cdef bint was_open = not stream.flags & CLOSED
    if was_open:
        count_ended(loop, stream, False)
    stream.flags |= CLOSED
    detach(stream)
    if stream.flags & IN_BATCH:
        return
    if not stream.flags & IN_PYTHON:
        stream_release(loop, stream)
    elif was_open and (loop.methods[stream.method].kind == STREAMING or stream.flags & WAITING):
        push_event(loop, stream, EVENT_CANCELLED, NULL, 0)


cdef void stream_returned(Loop* loop, Stream* stream) noexcept nogil:
    stream.flags &= ~<uint32_t> IN_PYTHON
    if loop.methods[stream.method].kind == STREAMING:
        loop.held_streams -= 1
    else:
        loop.held_calls -= 1
    if stream.flags & CLOSED:
        if stream.connection != NULL:
            stream.connection.held_count -= 1
        stream_release(loop, stream)


cdef Stream* stream_of(Loop* loop, uint64_t call) noexcept nogil:
    cdef uint32_t index = <uint32_t> call & (MAX_STREAMS_OF_LOOP - 1)
    cdef Stream* stream
    if index >= loop.chunk_count * STREAMS_PER_CHUNK:
        return NULL
    stream = &loop.chunks[index // STREAMS_PER_CHUNK][index % STREAMS_PER_CHUNK]
    return stream if call_of(stream) == call and stream.flags & IN_PYTHON else NULL


cdef void batch_add(Loop* loop, Stream* stream) noexcept nogil:
    """Once for each stream: it leaves the batch with an answer."""
    if stream.flags & IN_BATCH:
        return
    if loop.batch_count == loop.batch_capacity:
        loop.batch_capacity = loop.batch_capacity * 2 if loop.batch_capacity else 256
        loop.batch = <Stream**> memory_grow(loop.batch, loop.batch_capacity * sizeof(Stream*))
    stream.flags |= IN_BATCH
    loop.batch[loop.batch_count] = stream
    loop.batch_count += 1
