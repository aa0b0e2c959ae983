"""See guards.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fairlead.base.buffer cimport buffer_free
from fairlead.base.memory cimport mix64
from fairlead.transport.model cimport (
    ADDRESS_PLACES, Connection, ENDED, GUARD_ACCEPTS, GUARD_ADDRESS, GUARD_AGE, GUARD_CONNECTIONS, GUARD_GLITCHES, GUARD_OUTBOUND_CLOSED,
    GUARD_OUTBOUND_PAUSED, GUARD_OUTBOUND_REFUSED, GUARD_TIMEOUT_BODY, GUARD_TIMEOUT_HEADERS, GUARD_TIMEOUT_PING, GUARD_TIMEOUT_PREFACE,
    GUARD_TIMEOUT_SETTINGS, GUARD_TIMEOUT_WRITE, HEADERS_DONE, IN_PYTHON, Limits, Loop, MAX_HELD_BYTES, NEW_WORK, Stream,
)
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_CANCEL, NGHTTP2_CONTINUATION, NGHTTP2_DATA, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_ACK, NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_NONE,
    NGHTTP2_HEADERS, NGHTTP2_NO_ERROR, NGHTTP2_PING, NGHTTP2_PRIORITY, NGHTTP2_RST_STREAM, NGHTTP2_SETTINGS, NGHTTP2_STREAM_CLOSED,
    NGHTTP2_WINDOW_UPDATE,
    nghttp2_session_get_last_proc_stream_id, nghttp2_session_get_outbound_queue_size,
    nghttp2_session_terminate_session, nghttp2_submit_goaway, nghttp2_submit_ping, nghttp2_submit_rst_stream,
    nghttp2_submit_shutdown_notice,
)
from fairlead.transport.over cimport over_data, over_reset_read
from fairlead.transport.streams cimport touch
from fairlead.transport.system cimport AF_INET, AF_INET6, sockaddr_in, sockaddr_in6, sockaddr_storage, atomic_add, atomic_get

cdef enum:
    SECOND = 1000000
    BURST = 1000                 # glitches of a full bucket
    REFILL = 50                  # a second
    PREFACE_SIZE = 24
    PING_INTERVAL = 1000000      # pings that come faster are excess, but for one behind each DATA frame of ours
    UPDATES_FREE = 100           # WINDOW_UPDATE frames without any other work between them
    UPDATES_EACH = 4             # that a DATA frame of ours excuses: the stream's and the connection's, and as many to spare
    UPDATES_EXPECTED = 10000     # that are excused at most; what is on the way to a thousand watchers
    PAUSE_BYTES = 1048576
    PAUSE_FRAMES = 1000
    CLOSE_BYTES = 4194304
    STUCK_US = 1000000           # without a byte taken by the socket, while so much waits
    LINGER_TIMEOUT = 2000000


cdef void guard_begin(Connection* connection) noexcept nogil:
    # Spread, so that connections that began together do not all begin again together.
    cdef int64_t age = connection.loop.front.limits.age_us
    cdef uint64_t spread = mix64(<uint64_t> connection.opened ^ <uint64_t> connection.fd) % <uint64_t> (age // 5)
    connection.glitches = BURST
    connection.glitch_time = connection.opened
    connection.preface_left = PREFACE_SIZE
    connection.age_limit = connection.opened + age - age // 10 + <int64_t> spread


cdef void guard_charge(Connection* connection, double glitches) noexcept nogil:
    cdef Loop* loop = connection.loop
    if connection.condemned:
        return
    connection.glitches = min(
        <double> BURST, connection.glitches + <double> (loop.now - connection.glitch_time) * REFILL / SECOND)
    connection.glitch_time = loop.now
    connection.glitches -= glitches
    if connection.glitches < 0:
        loop.trips[GUARD_GLITCHES] += 1
        connection.condemned = 1
        nghttp2_session_terminate_session(connection.session, NGHTTP2_ENHANCE_YOUR_CALM)


cdef void guard_sent(Connection* connection) noexcept nogil:
    # A client that estimates how much is on the way asks again with a PING after each DATA frame, for as long as it is busy.
    connection.ping_excused = 1
    # Who only watches sends nothing but WINDOW_UPDATE frames: they are the answer to what we send.
    connection.updates = max(connection.updates - UPDATES_EACH, -UPDATES_EXPECTED)


cdef void guard_misuse(Connection* connection) noexcept nogil:
    connection.condemned = 1
    nghttp2_session_terminate_session(connection.session, NGHTTP2_STREAM_CLOSED)


cdef void guard_frame(Connection* connection, uint32_t size, uint8_t kind, uint8_t flags, int32_t id) noexcept nogil:
    cdef int64_t now = connection.loop.now
    if kind == NGHTTP2_DATA and over_data(connection, id):
        guard_misuse(connection)
        return
    if kind == NGHTTP2_HEADERS or (kind == NGHTTP2_DATA and (size or flags & NGHTTP2_FLAG_END_STREAM)):
        # What our DATA frames excuse stays: another call takes nothing from it.
        connection.updates = min(connection.updates, 0)
        return
    if kind == NGHTTP2_WINDOW_UPDATE:
        connection.updates += 1
        if connection.updates > UPDATES_FREE:
            guard_charge(connection, 1)
    elif kind == NGHTTP2_PING:
        if flags & NGHTTP2_FLAG_ACK:
            return
        if not connection.ping_excused and now - connection.last_ping < PING_INTERVAL:
            guard_charge(connection, 10)
        connection.ping_excused = 0
        connection.last_ping = now
    elif kind == NGHTTP2_SETTINGS:
        if not flags & NGHTTP2_FLAG_ACK:
            connection.settings_seen += connection.settings_seen < 2
            if connection.settings_seen == 2:
                guard_charge(connection, 10)
    elif kind == NGHTTP2_RST_STREAM or kind == NGHTTP2_DATA or kind == NGHTTP2_PRIORITY or kind > NGHTTP2_CONTINUATION:
        if kind == NGHTTP2_RST_STREAM:
            over_reset_read(connection, id)
        guard_charge(connection, 1)


cdef void guard_outbound(Connection* connection) noexcept nogil:
    cdef Loop* loop = connection.loop
    cdef size_t waits = connection.held_bytes + connection.whole.size + connection.out.size - connection.out_sent
    cdef bint crowded
    if waits > CLOSE_BYTES and connection.out.size and loop.now - connection.progress > STUCK_US:
        loop.trips[GUARD_OUTBOUND_CLOSED] += 1
        connection.dead = 1
        return
    # Answers that wait for a window are no reason: what opens it must be read.
    crowded = connection.out.size and (
        waits > PAUSE_BYTES or nghttp2_session_get_outbound_queue_size(connection.session) > PAUSE_FRAMES)
    if crowded and not connection.paused:
        loop.trips[GUARD_OUTBOUND_PAUSED] += 1
    connection.paused = crowded


cdef bint guard_refuses(Loop* loop, const Stream* stream) noexcept nogil:
    if stream.connection.held_bytes <= MAX_HELD_BYTES or loop.methods[stream.method].rank < NEW_WORK:
        return False
    loop.trips[GUARD_OUTBOUND_REFUSED] += 1
    return True


cdef bint is_late(Loop* loop, Connection* connection) noexcept nogil:
    """Whether a time limit of the whole connection has passed; counts it."""
    cdef const Limits* limits = &loop.front.limits
    cdef int64_t age = loop.now - connection.opened
    cdef int guard = -1
    if connection.preface_left and age > limits.preface_us:
        guard = GUARD_TIMEOUT_PREFACE
    elif not connection.settings_acked and age > limits.settings_us:
        guard = GUARD_TIMEOUT_SETTINGS
    elif connection.current != NULL and loop.now - connection.current.started > limits.headers_us:
        guard = GUARD_TIMEOUT_HEADERS
    elif (connection.out.size or connection.held_bytes) and loop.now - connection.progress > limits.write_us:
        guard = GUARD_TIMEOUT_WRITE
    elif connection.ping_sent and connection.last_read <= connection.ping_sent and (
            loop.now - connection.ping_sent > limits.keepalive_timeout_us):
        guard = GUARD_TIMEOUT_PING
    elif loop.now > connection.age_limit + limits.age_grace_us:
        guard = GUARD_AGE
    if guard < 0:
        return False
    loop.trips[guard] += 1
    return True


cdef void sweep_streams(Loop* loop, Connection* connection) noexcept nogil:
    """Requests that do not come to their end."""
    cdef Stream* stream = connection.streams
    while stream != NULL:
        if stream.flags & HEADERS_DONE and not stream.flags & (ENDED | IN_PYTHON) and (
                loop.now - stream.started > loop.front.limits.body_us) and not stream.timed_out:
            loop.trips[GUARD_TIMEOUT_BODY] += 1
            stream.timed_out = 1
            nghttp2_submit_rst_stream(connection.session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_CANCEL)
            touch(connection)
        stream = stream.next


cdef void keep_alive(Loop* loop, Connection* connection) noexcept nogil:
    if connection.ping_sent and connection.last_read > connection.ping_sent:
        connection.ping_sent = 0
    if not connection.ping_sent and loop.now - connection.last_read > loop.front.limits.keepalive_us:
        connection.ping_sent = loop.now
        nghttp2_submit_ping(connection.session, NGHTTP2_FLAG_NONE, NULL)
        touch(connection)


cdef void guard_sweep(Loop* loop) noexcept nogil:
    cdef Connection* connection = loop.connections
    while connection != NULL:
        if connection.lingers:
            connection.dead = loop.now - connection.lingers > LINGER_TIMEOUT
            touch(connection)
        elif is_late(loop, connection):
            connection.dead = 1
            touch(connection)
        else:
            sweep_streams(loop, connection)
            if connection.whole.size == 0 and loop.now - connection.last_read > SECOND:
                # An idle connection holds no memory for writing.
                buffer_free(&connection.whole)
            keep_alive(loop, connection)
            if connection.out.size:
                # Who takes nothing is looked at again, though nothing more comes.
                touch(connection)
            if loop.now > connection.age_limit and not loop.draining:
                guard_drain(loop, connection)
        connection = connection.next


cdef void guard_drain(Loop* loop, Connection* connection) noexcept nogil:
    """In two steps: a notice, then, when the peer has had time to see it, the number of its last stream."""
    if connection.draining == 0:
        nghttp2_submit_shutdown_notice(connection.session)
        connection.draining = 1
    elif connection.draining == 1:
        nghttp2_submit_goaway(connection.session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(connection.session), NGHTTP2_NO_ERROR, NULL, 0)
        connection.draining = 2
    touch(connection)


# ---- places


cdef uint32_t address_place(Loop* loop, const sockaddr_storage* peer) noexcept nogil:
    """Keyed, so that nobody can choose an address to fill another's place. Of IPv6 the network of 64 bits."""
    cdef uint64_t value = 0
    if peer.ss_family == AF_INET:
        value = (<const sockaddr_in*> peer).sin_addr.s_addr
    elif peer.ss_family == AF_INET6:
        memcpy(&value, (<const sockaddr_in6*> peer).sin6_addr.s6_addr, 8)
        if value == 0:
            # An IPv4 address inside IPv6.
            memcpy(&value, (<const sockaddr_in6*> peer).sin6_addr.s6_addr + 8, 8)
    return <uint32_t> (mix64(value ^ loop.front.address_key) % ADDRESS_PLACES)


cdef Loop* guard_admit(Loop* loop, const sockaddr_storage* peer, uint32_t* address) noexcept nogil:
    cdef const Limits* limits = &loop.front.limits
    cdef Loop* each
    cdef uint32_t at, count = 0
    cdef Loop* least = loop
    address[0] = address_place(loop, peer)
    for at in range(loop.front.loop_count):
        each = &loop.front.loops[at]
        count += atomic_get(&each.places)
        if atomic_get(&each.places) < atomic_get(&least.places):
            least = each
    if count >= limits.connections:
        loop.trips[GUARD_CONNECTIONS] += 1
        return NULL
    if atomic_get(&loop.front.addresses[address[0]]) >= limits.connections_per_address:
        loop.trips[GUARD_ADDRESS] += 1
        return NULL
    atomic_add(&loop.front.addresses[address[0]], 1)
    atomic_add(&least.places, 1)
    return least


cdef void guard_leave(Loop* loop, uint32_t address) noexcept nogil:
    atomic_add(&loop.front.addresses[address], -1)
    atomic_add(&loop.places, -1)


cdef bint guard_may_accept(Loop* loop) noexcept nogil:
    cdef const Limits* limits = &loop.front.limits
    loop.accept_tokens = min(
        <double> limits.accept_burst,
        loop.accept_tokens + <double> (loop.now - loop.accept_time) * limits.accepts_per_second / SECOND)
    loop.accept_time = loop.now
    if loop.accept_tokens < 1:
        loop.trips[GUARD_ACCEPTS] += 1
        return False
    loop.accept_tokens -= 1
    return True
