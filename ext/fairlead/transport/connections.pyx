"""See connections.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from fairlead.base.buffer cimport buffer_append, buffer_free
from fairlead.base.memory cimport memory_zeroed
from fairlead.transport.direct cimport direct_resume
from fairlead.transport.frame cimport HEAD_SIZE, number_at, put_number
from fairlead.transport.guards cimport guard_begin, guard_leave, guard_outbound
from fairlead.transport.model cimport (
    CONNECTION_WINDOW, Connection, Loop, MAX_FIELDS_SIZE, READ_SIZE, STREAM_WINDOW, Stream, WRITE_SIZE,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_FLAG_NONE, NGHTTP2_GOAWAY, NGHTTP2_HEADERS, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
    NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
    nghttp2_session_del, nghttp2_session_mem_send, nghttp2_session_server_new3,
    nghttp2_session_set_local_window_size, nghttp2_session_want_read, nghttp2_session_want_write,
    nghttp2_settings_entry, nghttp2_submit_settings,
)
from fairlead.transport.streams cimport stream_orphan, touch
from fairlead.transport.walk cimport walk
from fairlead.transport.whole cimport USUAL_TABLE, whole_is_silent, whole_owed
from fairlead.transport.system cimport (
    EAGAIN, EINTR, EPOLLIN, EPOLLOUT, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, IPPROTO_TCP, MSG_NOSIGNAL, SHUT_WR, TCP_NODELAY, close,
    epoll_ctl, epoll_event, errno, recv, send, setsockopt, shutdown,
)


cdef void watch(Connection* connection, uint32_t events, int operation) noexcept nogil:
    cdef epoll_event wanted
    wanted.events = events
    wanted.data.ptr = connection
    connection.events = events
    epoll_ctl(connection.loop.epoll, operation, connection.fd, &wanted)


cdef Connection* connection_open(Loop* loop, int fd, uint32_t address) noexcept nogil:
    """NULL when the process has no memory for a session."""
    cdef Connection* connection = <Connection*> memory_zeroed(sizeof(Connection))
    cdef nghttp2_settings_entry settings[3]
    cdef int yes = 1
    connection.loop = loop
    connection.fd = fd
    connection.address = address
    connection.table = USUAL_TABLE
    connection.opened = connection.progress = connection.last_read = loop.now
    if nghttp2_session_server_new3(&connection.session, loop.callbacks, connection, loop.options, &loop.memory) != 0:
        free(connection)
        return NULL
    settings[0].settings_id = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
    settings[0].value = loop.front.limits.streams
    settings[1].settings_id = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
    settings[1].value = STREAM_WINDOW
    settings[2].settings_id = NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE
    settings[2].value = MAX_FIELDS_SIZE
    nghttp2_submit_settings(connection.session, NGHTTP2_FLAG_NONE, settings, 3)
    nghttp2_session_set_local_window_size(connection.session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes))
    connection.next = loop.connections
    if loop.connections != NULL:
        loop.connections.previous = connection
    loop.connections = connection
    loop.connection_count += 1
    guard_begin(connection)
    watch(connection, EPOLLIN, EPOLL_CTL_ADD)
    touch(connection)
    return connection


cdef void connection_free(Loop* loop, Connection* connection) noexcept nogil:
    cdef Stream* stream = connection.streams
    cdef Stream* following
    # First the session, which names the streams and calls nobody when it goes.
    nghttp2_session_del(connection.session)
    while stream != NULL:
        following = stream.next
        stream_orphan(loop, stream)
        stream = following
    if connection.previous != NULL:
        connection.previous.next = connection.next
    else:
        loop.connections = connection.next
    if connection.next != NULL:
        connection.next.previous = connection.previous
    loop.connection_count -= 1
    guard_leave(loop, connection.address)
    # Closing alone would not end the events: a child that was just forked holds the socket until it runs its program.
    epoll_ctl(loop.epoll, EPOLL_CTL_DEL, connection.fd, NULL)
    close(connection.fd)
    buffer_free(&connection.whole)
    buffer_free(&connection.out)
    free(connection)


cdef void connection_read(Loop* loop, Connection* connection) noexcept nogil:
    cdef size_t kept = connection.kept_size
    cdef ssize_t size = recv(connection.fd, loop.input + kept, READ_SIZE - kept, 0)
    if size < 0 and (errno == EAGAIN or errno == EINTR):
        return
    touch(connection)
    if size <= 0:
        connection.dead = 1
        return
    connection.last_read = loop.now
    if connection.lingers or connection.condemned:
        return
    memcpy(loop.input, connection.kept, kept)
    walk(connection, loop.input, kept + size)


cdef bint send_some(Connection* connection, const uint8_t* data, size_t size, size_t* sent) noexcept nogil:
    """Whether the socket took everything; marks the connection dead when it takes nothing any more."""
    cdef ssize_t taken
    sent[0] = 0
    while sent[0] < size:
        taken = send(connection.fd, data + sent[0], size - sent[0], MSG_NOSIGNAL)
        if taken > 0:
            sent[0] += taken
            connection.progress = connection.loop.now
        elif errno == EAGAIN:
            return False
        elif errno != EINTR:
            connection.dead = 1
            return False
    return True


cdef bint flush_rest(Connection* connection) noexcept nogil:
    """What the socket did not take before; whether all is out."""
    cdef size_t sent
    cdef bint done
    if connection.out.size == 0:
        return True
    done = send_some(connection, connection.out.data + connection.out_sent, connection.out.size - connection.out_sent, &sent)
    connection.out_sent += sent
    if done:
        # An idle connection holds no memory for writing.
        buffer_free(&connection.out)
        connection.out_sent = 0
    return done


cdef bint has_ended(const Connection* connection) noexcept nogil:
    """Whether all was said: by HTTP/2, or because it drains and its last call has ended."""
    if connection.draining == 2 and connection.stream_count == 0:
        return True
    if connection.direct_count and not connection.condemned:
        return False
    return not nghttp2_session_want_write(connection.session) and (
        connection.condemned or not nghttp2_session_want_read(connection.session))


cdef void linger(Connection* connection) noexcept nogil:
    """Closes our half and waits a little for the peer's: closed at once, what is still unread would turn our last
    words into a reset."""
    if not connection.lingers:
        connection.lingers = connection.loop.now
        shutdown(connection.fd, SHUT_WR)


cdef inline void sent(Connection* connection, uint8_t* frame) noexcept nogil:
    """A frame of nghttp2's that leaves."""
    cdef uint8_t* last = frame + HEAD_SIZE
    if frame[3] == NGHTTP2_HEADERS:
        connection.table_owed = 0
    elif frame[3] == NGHTTP2_GOAWAY and connection.direct > <int32_t> number_at(last):
        # nghttp2 does not know the last stream.
        put_number(last, <uint32_t> connection.direct)


cdef ssize_t gather(Loop* loop, Connection* connection) noexcept nogil:
    """Frames for one send, all of them when answers are whole: those never wait for another wake-up, when other settings might be known.
    0: these are all; below 0: the session has failed."""
    cdef const uint8_t* frame
    cdef ssize_t size = 1
    loop.output.size = 0
    while size > 0 and (loop.output.size < WRITE_SIZE or connection.whole.size):
        size = nghttp2_session_mem_send(connection.session, &frame)
        if size > 0 and not whole_is_silent(frame, size):
            buffer_append(&loop.output, frame, size)
            sent(connection, loop.output.data + loop.output.size - size)
        elif size == 0 and direct_resume(connection):
            # nghttp2 has more to say again. So it may be once more: whose turn it was may have no window of their own.
            size = 1
    if size == 0:
        if connection.table_owed:
            whole_owed(connection)
        # Behind all that nghttp2 has to say, such as that the settings are known which an answer goes by.
        if loop.output.size:
            buffer_append(&loop.output, connection.whole.data, connection.whole.size)
            connection.whole.size = 0
        else:
            loop.output, connection.whole = connection.whole, loop.output
    return size


cdef void connection_flush(Loop* loop, Connection* connection) noexcept nogil:
    cdef ssize_t size = 1
    cdef size_t sent
    cdef uint32_t events
    if connection.lingers:
        return
    while size > 0 and not connection.dead and flush_rest(connection):
        size = gather(loop, connection)
        if size < 0:
            connection.dead = 1
        if not send_some(connection, loop.output.data, loop.output.size, &sent):
            buffer_append(&connection.out, loop.output.data + sent, loop.output.size - sent)
            break
    if connection.dead:
        return
    if connection.out.size == 0 and has_ended(connection):
        linger(connection)
        return
    guard_outbound(connection)
    if connection.dead:
        return
    events = 0 if connection.paused else EPOLLIN
    if connection.out.size:
        events |= EPOLLOUT
    if events != connection.events:
        watch(connection, events, EPOLL_CTL_MOD)
