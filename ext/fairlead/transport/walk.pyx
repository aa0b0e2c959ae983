"""See walk.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy

from fairlead.transport.direct cimport direct_read, direct_widened
from fairlead.transport.frame cimport HEAD_SIZE, LARGEST_FRAME, NUMBER_SIZE, length_at, number_at
from fairlead.transport.guards cimport guard_frame
from fairlead.transport.known cimport known_find, known_forget, known_passes
from fairlead.transport.model cimport Connection, Known, Stream
from fairlead.transport.nghttp2 cimport (
    NGHTTP2_CONTINUATION, NGHTTP2_DATA, NGHTTP2_FLAG_END_HEADERS, NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_PADDED, NGHTTP2_FLAG_PRIORITY,
    NGHTTP2_HEADERS, NGHTTP2_RST_STREAM, NGHTTP2_WINDOW_UPDATE, nghttp2_session_mem_recv, nghttp2_session_want_read,
)
from fairlead.transport.requests cimport request_direct
from fairlead.transport.streams cimport stream_close, stream_find
from fairlead.transport.whole cimport whole_forget, whole_widened

cdef struct Head:
    uint32_t size
    uint8_t kind
    uint8_t flags
    int32_t id


# What stands in one read of a call that may be direct.
cdef struct Call:
    const Known* known
    const uint8_t* data
    uint32_t size
    uint32_t widened             # by an update of its window between the block and the DATA, as some clients send it


cdef inline Head head_at(const uint8_t* at) noexcept nogil:
    cdef Head head
    head.size = length_at(at)
    head.kind = at[3]
    head.flags = at[4]
    head.id = <int32_t> number_at(at + 5)
    return head


cdef inline void feed(Connection* connection, const uint8_t* data, const uint8_t* end) noexcept nogil:
    if data != end and not connection.dead and nghttp2_session_mem_recv(connection.session, data, end - data) < 0:
        connection.dead = 1


# ---- direct calls


cdef bint is_known(const Connection* connection, const uint8_t* data, const uint8_t* end, const Head* head, Call* call) noexcept nogil:
    """Whether a call whose header block begins there says all it has to say, and says it in a way that is known."""
    cdef const uint8_t* at = data + HEAD_SIZE + head.size
    cdef Head following
    if head.flags != NGHTTP2_FLAG_END_HEADERS or end - at < HEAD_SIZE:
        return False
    following = head_at(at)
    at += HEAD_SIZE
    call.widened = 0
    if following.kind == NGHTTP2_WINDOW_UPDATE and following.size == NUMBER_SIZE and following.id == head.id and (
            end - at >= NUMBER_SIZE + HEAD_SIZE):
        call.widened = number_at(at)
        if call.widened == 0:
            return False
        following = head_at(at + NUMBER_SIZE)
        at += NUMBER_SIZE + HEAD_SIZE
    if following.kind != NGHTTP2_DATA or following.flags != NGHTTP2_FLAG_END_STREAM or following.id != head.id or (
            following.size > LARGEST_FRAME or end - at < following.size):
        return False
    call.data = at
    call.size = following.size
    call.known = known_find(connection, data + HEAD_SIZE, head.size)
    return call.known != NULL


cdef inline bint takes_direct(const Connection* connection, int32_t id) noexcept nogil:
    """Whether the connection takes a new call now that nghttp2 will not hear of."""
    return (
        id & 1 and id > connection.newest and not connection.dead and connection.draining < 2
        and connection.stream_count + connection.held_count < connection.loop.front.limits.streams
        and nghttp2_session_want_read(connection.session))


cdef inline void take_call(Connection* connection, const Head* head, const Call* call) noexcept nogil:
    guard_frame(connection, head.size, NGHTTP2_HEADERS, head.flags, head.id)
    if call.widened:
        guard_frame(connection, NUMBER_SIZE, NGHTTP2_WINDOW_UPDATE, 0, head.id)
    guard_frame(connection, call.size, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, head.id)
    request_direct(connection, head.id, call.known, call.data, call.size, call.widened)
    direct_read(connection, call.size)


cdef inline bint is_new_to_nghttp2(const Connection* connection, int32_t id) noexcept nogil:
    """Whether nghttp2 would take the stream of a direct call for one that is yet to come."""
    return connection.heard < id <= connection.direct


cdef bint takes_out(Connection* connection, const Head* head, uint8_t* said) noexcept nogil:
    """Whether a RST_STREAM or WINDOW_UPDATE is not for nghttp2; what it says is done."""
    cdef Stream* stream
    if head.id == 0:
        return head.kind == NGHTTP2_WINDOW_UPDATE and whole_widened(connection, said)
    stream = stream_find(connection, head.id)
    if stream == NULL:
        return is_new_to_nghttp2(connection, head.id)
    if head.kind == NGHTTP2_WINDOW_UPDATE:
        direct_widened(stream, number_at(said))
    else:
        whole_forget(stream)
        stream_close(connection.loop, stream, False)
    return True


# ---- the walk


cdef void header_block(Connection* connection, const uint8_t* data, const uint8_t* end, const Head* head) noexcept nogil:
    """A header block on its way to nghttp2."""
    if head.kind == NGHTTP2_HEADERS and head.flags & NGHTTP2_FLAG_END_HEADERS and (
            not head.flags & (NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY) and end - data >= HEAD_SIZE + head.size):
        known_passes(connection, head.id, data + HEAD_SIZE, head.size)
    else:
        known_forget(connection)
    connection.in_block = not head.flags & NGHTTP2_FLAG_END_HEADERS


cdef void walk(Connection* connection, uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* end = data + size
    cdef uint8_t* run = data     # nghttp2 has not read from here on
    cdef Call call
    cdef Head head
    cdef size_t take
    if connection.preface_left:
        take = min(size, <size_t> connection.preface_left)
        connection.preface_left -= <uint8_t> take
        data += take
    while data < end:
        if connection.frame_left:
            take = min(<size_t> (end - data), <size_t> connection.frame_left)
            connection.frame_left -= <uint32_t> take
            data += take
            continue
        if end - data < HEAD_SIZE:
            break
        head = head_at(data)
        if head.size == NUMBER_SIZE and (head.kind == NGHTTP2_WINDOW_UPDATE or head.kind == NGHTTP2_RST_STREAM) and (
                not connection.in_block):
            if end - data < HEAD_SIZE + NUMBER_SIZE:
                break
            if takes_out(connection, &head, data + HEAD_SIZE):
                guard_frame(connection, head.size, head.kind, head.flags, head.id)
                feed(connection, run, data)
                data += HEAD_SIZE + NUMBER_SIZE
                run = data
                if connection.condemned:
                    return
                continue
        elif head.kind == NGHTTP2_HEADERS and not connection.in_block:
            if is_known(connection, data, end, &head, &call):
                if run != data:
                    feed(connection, run, data)
                    run = data
                    # What nghttp2 has read meanwhile may be known now, in place of this.
                    call.known = known_find(connection, data + HEAD_SIZE, head.size)
                if call.known != NULL and takes_direct(connection, head.id):
                    take_call(connection, &head, &call)
                    run = data = <uint8_t*> call.data + call.size
                    continue
        guard_frame(connection, head.size, head.kind, head.flags, head.id)
        if connection.condemned:
            return
        if head.kind == NGHTTP2_HEADERS or head.kind == NGHTTP2_CONTINUATION:
            header_block(connection, data, end, &head)
        else:
            connection.in_block = 0
        connection.frame_left = head.size
        data += HEAD_SIZE
    feed(connection, run, data)
    connection.kept_size = <uint8_t> (end - data)
    memcpy(connection.kept, data, end - data)
