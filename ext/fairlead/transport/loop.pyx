"""See loop.pxd.

One wake-up:

    read     every readable connection once; nghttp2 calls back, whole hot requests join the batch
    decide   the batch under one lock of the shard
    release  replies whose facts are durable go to nghttp2; the others are parked in order of their sequence
    write    every touched connection: one send for all its frames
    bury     connections that ended
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

from fairlead.base.buffer cimport buffer_append, buffer_free
from fairlead.base.memory cimport memory_grow
from fairlead.journal.journal cimport journal_durable, journal_ignore, journal_listen
from fairlead.journal.model cimport DURABILITY_NONE
from fairlead.shard.dispatch cimport HANDED_OVER, shard_lock, shard_unlock, submit
from fairlead.shard.foresight cimport Foresight, foresee, foresee_job
from fairlead.transport.connections cimport (
    connection_flush, connection_free, connection_open, connection_read,
)
from fairlead.transport.counts cimport counts_init
from fairlead.transport.direct cimport direct_end
from fairlead.transport.exchange cimport (
    close_events, exchange_free, exchange_init, push_command, take_commands, wake_loop,
)
from fairlead.transport.guards cimport guard_admit, guard_drain, guard_leave, guard_may_accept, guard_sweep
from fairlead.transport.model cimport (
    CLOSED, COMPRESSED_MESSAGE, COMMAND_CONNECTION, COMMAND_DRAIN, COMMAND_FINISH, COMMAND_HTTP, COMMAND_MESSAGE, COMMAND_METADATA, Command,
    Connection, DECIDED, Front, IN_BATCH, FREE_PENDING_REPLY, KEPT_OUTPUT, Loop, MAX_HELD_BYTES, MAX_PENDING_REPLY, PREFIX_SIZE, RANKS,
    READ_SIZE, REPLY_GZIP, STREAMING, Stream, TELLS_ROOM, TELL_ROOM, WAITING,
)
from fairlead.transport.nghttp2 cimport (
    nghttp2_option_del, nghttp2_option_new, nghttp2_option_set_max_deflate_dynamic_table_size,
    nghttp2_option_set_no_closed_streams,
    nghttp2_session_callbacks_del, nghttp2_session_callbacks_new,
)
from fairlead.transport.overload cimport overload_look
from fairlead.transport.pool cimport pool_free, pool_give, pool_init, pool_resize, pool_take, pool_take_zeroed
from fairlead.transport.replies cimport (
    answer, answer_finish, answer_more, message_begin, message_end, set_reply_callbacks, stream_fail_with,
)
from fairlead.transport.requests cimport hand_over, set_request_callbacks
from fairlead.transport.streams cimport stream_of, stream_release, stream_returned, touch
from fairlead.transport.system cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EMFILE, ENFILE, SOCK_CLOEXEC, SOCK_NONBLOCK,
    accept4, clock_us, close, epoll_create1, epoll_ctl, epoll_event, epoll_wait, errno, sockaddr, sockaddr_storage, socklen_t,
)

cdef enum:
    MAX_READY = 256          # connections of one wake-up
    MAX_ACCEPTS = 64         # of one wake-up
    IDLE_WAIT_MS = 1000
    SHORT_WAIT_MS = 20
    SWEEP_US = 1000000
    NOTICE_US = 100000       # from the notice of a drain to its last word
    DEADLINE_EXCEEDED = 4
    RESOURCE_EXHAUSTED = 8
    INTERNAL = 13


cdef bint loop_init(Front* front, uint32_t number, int listener) noexcept nogil:
    cdef Loop* loop = &front.loops[number]
    cdef epoll_event wanted
    loop.front = front
    loop.number = number
    loop.shard = front.shard
    loop.methods = front.methods
    loop.method_count = front.method_count
    loop.listener = listener
    loop.epoll = -1
    if not exchange_init(&loop.exchange):
        return False
    loop.epoll = epoll_create1(EPOLL_CLOEXEC)
    if loop.epoll < 0:
        return False
    if nghttp2_session_callbacks_new(&loop.callbacks) != 0 or nghttp2_option_new(&loop.options) != 0:
        return False
    set_request_callbacks(loop.callbacks)
    set_reply_callbacks(loop.callbacks)
    nghttp2_option_set_max_deflate_dynamic_table_size(loop.options, 4096)
    # See over.pxd.
    nghttp2_option_set_no_closed_streams(loop.options, 1)
    pool_init(&loop.pool)
    loop.memory.mem_user_data = &loop.pool
    loop.memory.malloc = pool_take
    loop.memory.free = pool_give
    loop.memory.calloc = pool_take_zeroed
    loop.memory.realloc = pool_resize
    loop.accepting = 1
    loop.now = loop.accept_time = loop.woken = loop.finished = clock_us()
    loop.hot.worst = loop.cold.worst = RANKS
    counts_init(loop)
    loop.accept_tokens = loop.front.limits.accept_burst
    loop.input = <uint8_t*> memory_grow(NULL, READ_SIZE)
    wanted.events = EPOLLIN
    wanted.data.ptr = loop
    if loop.listener >= 0 and epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.listener, &wanted) != 0:
        return False
    wanted.data.ptr = &loop.exchange
    # A commit wakes the loop as a command does; parked replies then leave.
    return journal_listen(&loop.shard.journal, loop.exchange.down) and (
        epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.exchange.down, &wanted) == 0)


cdef void loop_free(Loop* loop) noexcept nogil:
    cdef uint32_t at, place
    cdef Stream* stream
    journal_ignore(&loop.shard.journal, loop.exchange.down)
    while loop.connections != NULL:
        connection_free(loop, loop.connections)
    for at in range(loop.chunk_count):
        for place in range(256):
            stream = &loop.chunks[at][place]
            buffer_free(&stream.body)
            buffer_free(&stream.reply)
            buffer_free(&stream.metadata)
        free(loop.chunks[at])
    free(loop.chunks)
    free(loop.batch)
    free(loop.input)
    buffer_free(&loop.scratch)
    buffer_free(&loop.trailers)
    buffer_free(&loop.output)
    nghttp2_session_callbacks_del(loop.callbacks)
    nghttp2_option_del(loop.options)
    pool_free(&loop.pool)
    exchange_free(&loop.exchange)
    free(loop.counts)
    close_listener(loop)
    if loop.epoll >= 0:
        close(loop.epoll)


cdef void close_listener(Loop* loop) noexcept nogil:
    loop.accepting = 1
    if loop.listener >= 0:
        close(loop.listener)
        loop.listener = -1


# ---- read


cdef void poll_listener(Loop* loop, bint wanted) noexcept nogil:
    cdef epoll_event event
    if loop.listener < 0 or loop.accepting == wanted:
        return
    event.events = EPOLLIN if wanted else 0
    event.data.ptr = loop
    epoll_ctl(loop.epoll, EPOLL_CTL_MOD, loop.listener, &event)
    loop.accepting = wanted


cdef void take_connection(Loop* loop, int fd, uint32_t address) noexcept nogil:
    if loop.draining or connection_open(loop, fd, address) == NULL:
        guard_leave(loop, address)
        close(fd)


cdef void accept_some(Loop* loop) noexcept nogil:
    cdef Loop* owner
    cdef sockaddr_storage peer
    cdef socklen_t size
    cdef uint32_t address
    cdef int fd
    cdef int count
    for count in range(MAX_ACCEPTS):
        if not guard_may_accept(loop):
            # The rest waits in the backlog of the socket.
            poll_listener(loop, False)
            return
        size = sizeof(sockaddr_storage)
        fd = accept4(loop.listener, <sockaddr*> &peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd < 0:
            # Without descriptors the listener stays readable: it is looked at again in a moment, not at once.
            if errno == EMFILE or errno == ENFILE:
                poll_listener(loop, False)
            return
        owner = guard_admit(loop, &peer, &address)
        if owner == NULL:
            close(fd)
            continue
        loop.accepted += 1
        if owner == loop:
            take_connection(loop, fd, address)
        elif push_command(&owner.exchange, address, COMMAND_CONNECTION, fd, NULL, 0):
            wake_loop(&owner.exchange)
        else:
            guard_leave(owner, address)
            close(fd)


cdef void read_ready(Loop* loop, const epoll_event* ready, int count) noexcept nogil:
    cdef Connection* connection
    cdef bint commanded = False
    cdef int at
    for at in range(count):
        if ready[at].data.ptr == loop:
            accept_some(loop)
        elif ready[at].data.ptr == &loop.exchange:
            commanded = True
        else:
            connection = <Connection*> ready[at].data.ptr
            if ready[at].events & EPOLLOUT:
                touch(connection)
            if ready[at].events & (EPOLLIN | EPOLLERR | EPOLLHUP):
                connection_read(loop, connection)
    # Behind all that was read: an answer goes by the settings that its peer has now.
    if commanded:
        run_commands(loop)


# ---- decide and release


cdef inline Foresight look_ahead(const Loop* loop, uint32_t at) noexcept nogil:
    """What the call at this place of the batch will need; nothing beyond the end."""
    cdef const Stream* stream
    cdef Foresight sight
    sight.tenant = NULL
    sight.hash = 0
    if at >= loop.batch_count:
        return sight
    stream = loop.batch[at]
    if stream.flags & (CLOSED | DECIDED):
        return sight
    return foresee(
        loop.shard, loop.methods[stream.method].number, stream.body.data + PREFIX_SIZE, stream.body.size - PREFIX_SIZE)


cdef void decide(Loop* loop) noexcept nogil:
    """The calls of the batch, under one lock."""
    cdef Stream* stream
    cdef Foresight next_sight
    cdef uint32_t at
    cdef size_t begin
    shard_lock(loop.shard)
    next_sight = look_ahead(loop, 1)
    for at in range(loop.batch_count):
        foresee_job(&next_sight)
        next_sight = look_ahead(loop, at + 2)
        stream = loop.batch[at]
        if stream.flags & CLOSED:
            loop.unanswered += 1
            continue
        if stream.flags & DECIDED:
            continue
        if stream.deadline and stream.deadline <= loop.now:
            loop.unanswered += 1
            stream_fail_with(loop, stream, DEADLINE_EXCEEDED, b"DEADLINE_EXCEEDED", b"the deadline passed before the call was carried out")
            continue
        begin = message_begin(stream)
        stream.status = submit(
            loop.shard, loop.methods[stream.method].number, stream.body.data + PREFIX_SIZE,
            stream.body.size - PREFIX_SIZE, &stream.reply)
        stream.sequence = loop.shard.journal.sequence
        if stream.status == 0:
            message_end(stream, begin, 0)
    shard_unlock(loop.shard)


cdef void park(Loop* loop, Stream* stream) noexcept nogil:
    stream.next_parked = NULL
    if loop.parked_head == NULL:
        loop.parked_head = stream
    else:
        loop.parked_tail.next_parked = stream
    loop.parked_tail = stream


cdef void give(Loop* loop, Stream* stream) noexcept nogil:
    """A call leaves the batch: with its answer, if anyone still wants it."""
    if stream.flags & CLOSED:
        stream_release(loop, stream)
        return
    stream.flags &= ~<uint32_t> IN_BATCH
    answer(loop, stream)
    direct_end(stream)


cdef void give_to_wait(Loop* loop, Stream* stream) noexcept nogil:
    """A call that may wait: Python carries it out, so that nobody waits here."""
    stream.status = 0
    if hand_over(loop, stream):
        stream.flags |= WAITING
        return
    stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"too many calls of this kind are open")
    give(loop, stream)


cdef void release(Loop* loop) noexcept nogil:
    """Refusals of the transport leave at once; what the shard said waits until it is durable."""
    cdef Stream* stream
    cdef uint32_t at
    for at in range(loop.batch_count):
        stream = loop.batch[at]
        if stream.flags & (DECIDED | CLOSED):
            give(loop, stream)
        elif stream.status == HANDED_OVER:
            give_to_wait(loop, stream)
        elif stream.status != INTERNAL or not hand_over(loop, stream):
            # Bytes that did not decode may hold nothing worse than a bad id: Python tells which, when it has room.
            park(loop, stream)
    loop.batch_count = 0
    release_durable(loop)


cdef inline bint is_durable(const Loop* loop, uint64_t sequence) noexcept nogil:
    """Without the lock of the shard, so what only its owner may read, the last sequence of all, is not asked for."""
    return loop.shard.journal.mode == DURABILITY_NONE or sequence <= journal_durable(&loop.shard.journal)


cdef void release_durable(Loop* loop) noexcept nogil:
    cdef Stream* stream
    while loop.parked_head != NULL and is_durable(loop, loop.parked_head.sequence):
        stream = loop.parked_head
        loop.parked_head = stream.next_parked
        give(loop, stream)


# ---- from Python


cdef void send_message(Loop* loop, Stream* stream, const Command* command) noexcept nogil:
    cdef size_t begin, pending
    if stream.flags & (DECIDED | CLOSED):
        return
    begin = message_begin(stream)
    buffer_append(&stream.reply, command.data, command.size)
    if command.status & COMPRESSED_MESSAGE:
        stream.flags |= REPLY_GZIP
    if command.status & TELL_ROOM:
        stream.flags |= TELLS_ROOM
    message_end(stream, begin, command.status & COMPRESSED_MESSAGE)
    if loop.methods[stream.method].kind != STREAMING:
        return
    pending = stream.reply.size - stream.sent
    if pending > MAX_PENDING_REPLY or (pending > FREE_PENDING_REPLY and stream.connection.held_bytes > MAX_HELD_BYTES):
        stream_fail_with(loop, stream, RESOURCE_EXHAUSTED, b"LIMIT_EXCEEDED", b"the messages are not read fast enough")
    else:
        answer_more(loop, stream)


cdef void run_command(Loop* loop, const Command* command) noexcept nogil:
    cdef Stream* stream
    if command.kind == COMMAND_DRAIN:
        if not loop.draining:
            loop.draining = 1
            loop.drain_start = loop.now
            drain_all(loop)
        loop.drain_until = loop.now + <int64_t> command.status * 1000
        return
    if command.kind == COMMAND_CONNECTION:
        take_connection(loop, command.status, <uint32_t> command.call)
        return
    stream = stream_of(loop, command.call)
    if stream == NULL:
        return
    if command.kind == COMMAND_MESSAGE:
        send_message(loop, stream, command)
    elif command.kind == COMMAND_METADATA:
        stream.metadata.size = 0
        buffer_append(&stream.metadata, command.data, command.size)
    elif command.kind == COMMAND_FINISH:
        answer_finish(loop, stream, command.status, command.data, command.size)
        stream_returned(loop, stream)
        direct_end(stream)
    elif command.kind == COMMAND_HTTP:
        if not stream.flags & CLOSED:
            stream.http_status = command.status & 0xFFFF
            stream.status = command.status >> 16
            stream.told = command.size
            stream.reply.size = 0
            buffer_append(&stream.reply, command.data, command.size)
            stream.flags |= DECIDED
            answer(loop, stream)
        stream_returned(loop, stream)


cdef void run_commands(Loop* loop) noexcept nogil:
    cdef uint32_t count, at
    cdef Command* commands = take_commands(&loop.exchange, &count)
    for at in range(count):
        run_command(loop, &commands[at])
        free(commands[at].data)
    free(commands)


# ---- write and bury


cdef void flush_touched(Loop* loop) noexcept nogil:
    cdef Connection* connection
    while loop.touched != NULL:
        connection = loop.touched
        loop.touched = connection.next_touched
        # Still marked as touched: its own flush must not put it on the list again.
        if not connection.dead:
            connection_flush(loop, connection)
        connection.touched = 0
        if connection.dead:
            connection_free(loop, connection)
    if loop.output.capacity > KEPT_OUTPUT:
        buffer_free(&loop.output)


cdef void drain_all(Loop* loop) noexcept nogil:
    cdef Connection* connection = loop.connections
    close_listener(loop)
    while connection != NULL:
        guard_drain(loop, connection)
        connection = connection.next


cdef void drain_on(Loop* loop) noexcept nogil:
    """The second word of the drain, and its end."""
    cdef Connection* connection = loop.connections
    while connection != NULL:
        if connection.draining < 2 and loop.now - loop.drain_start >= NOTICE_US:
            guard_drain(loop, connection)
        connection = connection.next
    if loop.connection_count == 0 or loop.now >= loop.drain_until:
        loop.stopped = 1


cdef inline int wait_ms(const Loop* loop) noexcept nogil:
    return SHORT_WAIT_MS if loop.draining or not loop.accepting else IDLE_WAIT_MS


cdef void loop_run(Loop* loop) noexcept nogil:
    cdef epoll_event ready[MAX_READY]
    cdef int count
    while not loop.stopped:
        count = epoll_wait(loop.epoll, ready, MAX_READY, wait_ms(loop))
        loop.now = clock_us()
        overload_look(loop)
        loop.wakeups += 1
        if loop.now >= loop.next_sweep:
            loop.next_sweep = loop.now + SWEEP_US
            guard_sweep(loop)
        if not loop.accepting:
            poll_listener(loop, True)
        read_ready(loop, ready, count)
        if loop.batch_count:
            decide(loop)
            release(loop)
        elif loop.parked_head != NULL:
            release_durable(loop)
        if loop.draining:
            drain_on(loop)
        # What ends in the writing took until now.
        loop.now = clock_us()
        flush_touched(loop)
        loop.finished = clock_us()
    close_listener(loop)
    close_events(&loop.exchange)
    # What came until the exchange was closed: connections are closed, calls are over.
    run_commands(loop)
    while loop.connections != NULL:
        connection_free(loop, loop.connections)
