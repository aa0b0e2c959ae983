"""See generator.pxd.

Closed loop: every place begins its next call when the last one is answered, so the server sets the pace. Open loop: calls
are due at fixed times, and a late one is measured from the time it was due, so a server that stalls cannot hide it.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fairlead.base.buffer cimport Buffer, buffer_append
from fairlead.base.text cimport Text
from fairlead.codec.tags cimport BYTES_1, BYTES_2, BYTES_4, VARINT_2, VARINT_3, VARINT_5
from fairlead.codec.writer cimport (
    FIELD_SIZE, advance, append_text, buffer_end, close_message, open_message, put_number,
)
from fairlead.load.frames cimport read_frames, write_preface, write_request
from fairlead.load.model cimport (
    ASSIGN, COMPLETE, Call, Connection, HEARTBEAT, Held, Load, ROOM, record,
)

cdef extern from "<poll.h>" nogil:
    enum:
        POLLIN
        POLLOUT
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* fds, unsigned long count, int timeout_ms)

cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_NOSIGNAL
    ssize_t recv(int fd, void* data, size_t size, int flags)
    ssize_t send(int fd, const void* data, size_t size, int flags)

cdef extern from "<errno.h>" nogil:
    int errno
    enum:
        EAGAIN

cdef enum:
    MAX_CONNECTIONS = 1024
    PREFIX = 5
    OUTCOME_ASSIGNED = 1
    MAX_NAME = 128               # of a job's or an agent's id
    MAX_DIGITS = 20
    SINGLE_WINDOW = 16384        # more than a request of one job; below this the connection waits for the server
    JOB_WINDOW = 256             # of a batch, for each job


cdef int64_t clock_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec


# ---- messages


cdef Text numbered(const void* prefix, size_t size, uint64_t number, char* space) noexcept nogil:
    """The prefix (at most MAX_NAME - MAX_DIGITS bytes) and a decimal number, at the end of `space`."""
    cdef char* at = space + MAX_NAME
    cdef Text text
    while True:
        at -= 1
        at[0] = <char> (c'0' + number % 10)
        number //= 10
        if number == 0:
            break
    at -= size
    memcpy(at, prefix, size)
    text.data = at
    text.size = <uint32_t> (space + MAX_NAME - at)
    return text


cdef Text job_id(const Load* load, uint64_t job, char* space) noexcept nogil:
    return numbered(load.prefix.data, load.prefix.size, job, space)


cdef void append_job(Load* load, uint64_t job) noexcept nogil:
    """Field 2: a JobSpec with an id of its own, as AssignRequest and BatchAssignRequest have it."""
    cdef char[MAX_NAME] space
    cdef Text id = job_id(load, job, space)
    cdef uint32_t tail = <uint32_t> (job % load.tail_count)
    cdef size_t mark = open_message(&load.message)
    append_text(&load.message, BYTES_1, id)
    buffer_append(&load.message, load.tails[tail].data, load.tails[tail].size)
    close_message(&load.message, mark, BYTES_2)


cdef void build(Load* load, Call* call) noexcept nogil:
    cdef char[MAX_NAME] space
    cdef uint64_t at
    load.message.size = 0
    buffer_append(&load.message, load.tenant.data, load.tenant.size)
    if call.kind == HEARTBEAT:
        append_text(&load.message, BYTES_2, numbered(b"agent-", 6, call.job % max(<uint32_t> 1, load.agent_count), space))
        return
    if call.kind != ASSIGN:
        append_text(&load.message, BYTES_2, job_id(load, call.job, space))
    if call.kind == COMPLETE:
        advance(&load.message, put_number(buffer_end(&load.message, FIELD_SIZE), VARINT_3, call.version))
    if call.kind != ASSIGN:
        return
    for at in range(load.batch if load.batch else 1):
        append_job(load, call.job + at)
    # immediate_only: what nobody can take is not kept, so a load leaves no backlog behind.
    advance(&load.message, put_number(buffer_end(&load.message, FIELD_SIZE), VARINT_3, 1))


cdef bint read_varint(const uint8_t* data, size_t size, size_t* at, uint64_t* value) noexcept nogil:
    cdef int shift = 0
    value[0] = 0
    while at[0] < size and shift < 64:
        value[0] |= <uint64_t> (data[at[0]] & 0x7F) << shift
        at[0] += 1
        if not data[at[0] - 1] & 0x80:
            return True
        shift += 7
    return False


cdef uint32_t number_at_end(const uint8_t* text, size_t size) noexcept nogil:
    """17 of `agent-17`."""
    cdef uint32_t number = 0, digit = 1
    while size and c'0' <= text[size - 1] <= c'9':
        size -= 1
        number += digit * (text[size] - c'0')
        digit *= 10
    return number


cdef bint was_assigned(Call* call) noexcept nogil:
    """Reads outcome, agent and version of an AssignResponse."""
    cdef uint64_t tag, value, outcome = 0
    cdef size_t at = PREFIX
    call.version = 0
    while at < call.answer_size and read_varint(call.answer, call.answer_size, &at, &tag):
        if not read_varint(call.answer, call.answer_size, &at, &value):
            return False
        if tag == VARINT_2:
            outcome = value
        elif tag == VARINT_5:
            call.version = <int64_t> value
        elif tag & 7 == 2:
            if tag == BYTES_4 and value <= call.answer_size - at:
                call.agent = number_at_end(call.answer + at, value)
            at += value
    return outcome == OUTCOME_ASSIGNED and call.version > 0


# ---- calls


cdef inline bint has_window(const Load* load, const Connection* connection) noexcept nogil:
    return connection.window >= <int64_t> (SINGLE_WINDOW + load.batch * JOB_WINDOW)


cdef void begin(Load* load, uint32_t place, uint8_t kind, int64_t intended) noexcept nogil:
    cdef Call* call = &load.calls[place]
    cdef Connection* connection = &load.connections[call.connection]
    call.kind = kind
    call.intended = intended
    call.busy = 1
    if kind == ASSIGN:
        call.step = 0
        call.job = load.next_job
        load.next_job += load.batch if load.batch else 1
    build(load, call)
    write_request(load, connection, place)
    load.in_flight += 1


cdef void idle(Load* load, uint32_t place) noexcept nogil:
    load.calls[place].busy = 0
    load.free_calls[load.free_count] = place
    load.free_count += 1


cdef void next_job(Load* load, uint32_t place) noexcept nogil:
    if load.stopping or load.rate > 0 or not has_window(load, &load.connections[load.calls[place].connection]):
        idle(load, place)
    else:
        begin(load, place, ASSIGN, load.now)


cdef void keep(Load* load, const Call* call) noexcept nogil:
    """The job of an answer is held from now on."""
    cdef Held* held = &load.held[(load.held_first + load.held_count) % load.held_room]
    held.job = call.job
    held.version = call.version
    held.agent = call.agent
    load.held_count += 1
    if call.agent < load.agent_count:
        load.jobs_of_agent[call.agent] += 1
        load.over_capacity += load.jobs_of_agent[call.agent] > load.capacity


cdef void complete_oldest(Load* load, uint32_t place) noexcept nogil:
    cdef const Held* held = &load.held[load.held_first]
    load.calls[place].job = held.job
    load.calls[place].version = held.version
    if held.agent < load.agent_count:
        load.jobs_of_agent[held.agent] -= 1
    load.held_first = (load.held_first + 1) % load.held_room
    load.held_count -= 1
    begin(load, place, COMPLETE, load.now)


cdef void complete_beyond(Load* load, uint32_t place, uint32_t hold) noexcept nogil:
    """The place's next call, when more jobs are held: the completion of the oldest; else the next job."""
    if load.held_count > hold:
        complete_oldest(load, place)
    else:
        next_job(load, place)


cdef void finished(Load* load, uint32_t place) noexcept nogil:
    """A call is answered: the next one of its place follows."""
    cdef Call* call = &load.calls[place]
    cdef Connection* connection = &load.connections[call.connection]
    if not call.busy:
        return
    load.in_flight -= 1
    record(&load.latency[call.kind], load.now - call.intended)
    load.codes[call.kind][call.status] += 1
    if connection.stage < load.kind_count:
        # Alone on the connection until every header field is in the server's table.
        if call.kind == ASSIGN and load.batch:
            call.version = 1
        elif call.kind == ASSIGN and was_assigned(call):
            keep(load, call)
        connection.stage += 1
        if connection.stage == load.kind_count:
            next_job(load, place)
            open_places(load, call.connection, place)
        elif load.kinds[connection.stage] == COMPLETE and load.held_count:
            complete_oldest(load, place)
        else:
            begin(load, place, load.kinds[connection.stage], load.now)
        return
    if call.kind == ASSIGN and call.status == 0 and not load.batch:
        if not was_assigned(call):
            load.unassigned += 1
            # Room is what is missing.
            complete_beyond(load, place, 0)
            return
        keep(load, call)
    if call.kind == COMPLETE or call.status or load.batch:
        next_job(load, place)
        return
    call.step += 1
    if call.step < load.step_count:
        begin(load, place, load.steps[call.step], load.now)
    else:
        complete_beyond(load, place, load.hold)


cdef void open_places(Load* load, uint32_t connection, uint32_t but) noexcept nogil:
    cdef uint32_t place
    for place in range(load.call_count):
        if load.calls[place].connection == connection and place != but:
            next_job(load, place)


cdef void fail(Load* load, uint32_t index) noexcept nogil:
    """A connection is gone, and its calls with it."""
    cdef uint32_t place
    load.connections[index].failed = 1
    for place in range(load.call_count):
        if load.calls[place].connection == index and load.calls[place].busy:
            load.calls[place].busy = 0
            load.in_flight -= 1
            load.lost += 1


cdef void begin_waiting(Load* load) noexcept nogil:
    """Places that have no call take one: due ones of the open loop, those that waited for a window in the closed one."""
    cdef uint32_t place, left = load.free_count
    cdef uint64_t due
    cdef Connection* connection
    if load.stopping:
        while load.held_count and load.free_count:
            load.free_count -= 1
            place = load.free_calls[load.free_count]
            if not load.connections[load.calls[place].connection].failed:
                complete_oldest(load, place)
        return
    if left == 0:
        return
    due = <uint64_t> (<double> (load.now - load.start) * load.rate / 1e9) if load.rate > 0 else 0
    while left and (load.rate == 0 or load.due < due):
        left -= 1
        place = load.free_calls[left]
        connection = &load.connections[load.calls[place].connection]
        if connection.failed or connection.stage < load.kind_count or not has_window(load, connection):
            continue
        # The last place moves into the gap.
        load.free_count -= 1
        load.free_calls[left] = load.free_calls[load.free_count]
        begin(load, place, ASSIGN, load.start + <int64_t> (<double> load.due * 1e9 / load.rate) if load.rate > 0 else load.now)
        load.due += 1


# ---- the loop


cdef void write_some(Load* load, uint32_t index) noexcept nogil:
    cdef Connection* connection = &load.connections[index]
    cdef ssize_t taken
    while connection.sent < connection.output.size:
        taken = send(connection.fd, connection.output.data + connection.sent, connection.output.size - connection.sent, MSG_NOSIGNAL)
        if taken <= 0:
            if errno != EAGAIN:
                fail(load, index)
            return
        connection.sent += taken
    connection.output.size = 0
    connection.sent = 0


cdef void read_some(Load* load, uint32_t index) noexcept nogil:
    cdef Connection* connection = &load.connections[index]
    cdef ssize_t size = recv(connection.fd, connection.input + connection.filled, ROOM - connection.filled, 0)
    if size < 0 and errno == EAGAIN:
        return
    if size <= 0:
        fail(load, index)
        return
    connection.filled += size
    if not read_frames(load, connection, finished):
        fail(load, index)


cdef void load_begin(Load* load) noexcept nogil:
    cdef uint32_t place, index
    cdef uint32_t per_connection = load.call_count // load.connection_count
    load.now = load.start = clock_ns()
    for place in range(load.call_count):
        load.calls[place].connection = place // per_connection
    for index in range(load.connection_count):
        write_preface(&load.connections[index])
        begin(load, index * per_connection, ASSIGN, load.now)


cdef bint turn(Load* load, int timeout_ms) noexcept nogil:
    """One wait and all that follows; whether any connection still works."""
    cdef pollfd[MAX_CONNECTIONS] ready
    cdef uint32_t index
    cdef bint works = False
    for index in range(load.connection_count):
        ready[index].fd = -1 if load.connections[index].failed else load.connections[index].fd
        ready[index].events = POLLIN | (POLLOUT if load.connections[index].output.size else 0)
        ready[index].revents = 0
        works = works or not load.connections[index].failed
    if not works:
        return False
    poll(ready, load.connection_count, timeout_ms)
    load.now = clock_ns()
    for index in range(load.connection_count):
        if ready[index].revents & ~POLLOUT:
            read_some(load, index)
    begin_waiting(load)
    for index in range(load.connection_count):
        if load.connections[index].output.size and not load.connections[index].failed:
            write_some(load, index)
    return True


cdef bint load_run(Load* load, int64_t until) noexcept nogil:
    while clock_ns() < until:
        # The open loop never sleeps: a timer would be late by more than a call takes.
        if not turn(load, 0 if load.rate > 0 else 10):
            return False
    return True


cdef void load_finish(Load* load, int64_t until) noexcept nogil:
    load.stopping = 1
    while (load.in_flight or load.held_count) and clock_ns() < until and turn(load, 10):
        pass
