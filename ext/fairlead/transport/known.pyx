"""See known.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

from fairlead.transport.model cimport HEADERS_DONE, KNOWN_BLOCKS, KNOWN_SIZE

# The kinds of fields of RFC 7541, 6, by their first bits.
cdef enum:
    INDEXED = 0x80               # a field of the table
    CHANGES = 0x60               # a literal that enters the table, or another size of the table
    NAME_INDEX = 0x0F            # of a literal that does not; 0: the name is a literal, too
    MANY = 0x7F                  # in these bits: more bytes of the number follow


cdef size_t string_end(const uint8_t* block, size_t size, size_t at) noexcept nogil:
    """Where the string that begins there ends; beyond `size` when it is longer than what is looked at."""
    if at >= size or (block[at] & MANY) == MANY:
        return size + 1
    return at + 1 + (block[at] & MANY)


cdef bint leaves_table(const uint8_t* block, size_t size) noexcept nogil:
    """Whether it certainly does. Numbers of more than two bytes are not looked at."""
    cdef size_t at = 0
    cdef uint8_t first
    while at < size:
        first = block[at]
        at += 1
        if first & INDEXED:
            if first == INDEXED | MANY:
                return False
            continue
        if first & CHANGES:
            return False
        if first & NAME_INDEX == 0:
            at = string_end(block, size, at)
        elif first & NAME_INDEX == NAME_INDEX:
            if at >= size or block[at] & 0x80:
                return False
            at += 1
        at = string_end(block, size, at)
    return at == size


cdef void known_forget(Connection* connection) noexcept nogil:
    connection.known_count = connection.known_next = 0
    connection.candidate_id = 0


cdef void known_passes(Connection* connection, int32_t id, const uint8_t* block, size_t size) noexcept nogil:
    if not leaves_table(block, size):
        known_forget(connection)
    elif size <= KNOWN_SIZE:
        connection.candidate_id = id
        connection.candidate.size = <uint8_t> size
        memcpy(connection.candidate.block, block, size)


cdef void known_learn(const Stream* stream) noexcept nogil:
    cdef Connection* connection = stream.connection
    cdef Known* candidate = &connection.candidate
    if stream.id != connection.candidate_id:
        return
    connection.candidate_id = 0
    if known_find(connection, candidate.block, candidate.size) != NULL:
        return
    candidate.timeout = stream.deadline - stream.started if stream.deadline else -1
    candidate.method = stream.method
    candidate.flags = stream.flags & ~<uint32_t> HEADERS_DONE
    connection.known[connection.known_next] = candidate[0]
    connection.known_next = <uint8_t> ((connection.known_next + 1) % KNOWN_BLOCKS)
    connection.known_count = min(connection.known_count + 1, KNOWN_BLOCKS)


cdef const Known* known_find(const Connection* connection, const uint8_t* block, size_t size) noexcept nogil:
    cdef const Known* each
    cdef uint32_t at
    for at in range(connection.known_count):
        each = &connection.known[at]
        if each.size == size and memcmp(each.block, block, size) == 0:
            return each
    return NULL
