"""The one dispatcher: a hot method's bytes in, its reply's bytes out.

Every transport ends here. Decode, find the tenant, decide, journal, encode, with no interpreter and no allocation but for
tables that grow. The caller holds the shard's lock.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text, text_of
from fairlead.codec.messages cimport AssignRequest, JobDetail
from fairlead.directory.names cimport NO_SLOT, Names, names_find
from fairlead.events.feed cimport Feed
from fairlead.journal.journal cimport journal_publish
from fairlead.journal.model cimport Journal
from fairlead.shard.calls cimport Reply
from fairlead.shard.tally cimport Tally
from fairlead.shard.tenant cimport Tenant

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)


cdef struct ShardState:
    pthread_mutex_t lock       # of all below; recursive, for a face that calls itself
    Journal journal
    Feed feed                  # events of all tenants
    Tally tally
    Names names                # of tenants
    Tenant** tenants           # by slot
    uint32_t tenant_capacity
    uint64_t seed
    int64_t now                # virtual time
    int64_t epoch              # Unix time less monotone time at the start
    uint8_t is_virtual
    uint8_t keeps_facts
    AssignRequest request      # scratch: large, and one call runs at a time


cdef enum:
    HANDED_OVER = 17           # what `submit` returns for a call that may wait: nothing has happened, `submit_waiting` is for it

cdef const char* STATE_CAPSULE   # name of the capsule that hands a ShardState to a transport


cdef inline void shard_lock(ShardState* s) noexcept nogil:
    """Waits for the shard. Who holds it does not ask for the interpreter: a transport may be waiting."""
    pthread_mutex_lock(&s.lock)


cdef inline bint shard_try_lock(ShardState* s) noexcept nogil:
    """Whether the shard was free, and is ours now."""
    return pthread_mutex_trylock(&s.lock) == 0


cdef inline void shard_unlock(ShardState* s) noexcept nogil:
    """What was decided under the lock becomes durable together."""
    journal_publish(&s.journal)
    pthread_mutex_unlock(&s.lock)


cdef inline Text tenant_name(Text name) noexcept nogil:
    """An empty name is `default`."""
    return name if name.size else text_of(b"default")


cdef inline Tenant* tenant_look(const ShardState* s, Text name) noexcept nogil:
    """The tenant as it is; NULL when it does not exist."""
    cdef uint32_t slot = names_find(&s.names, tenant_name(name))
    return s.tenants[slot] if slot != NO_SLOT else NULL


cdef void shard_init(ShardState* s, bint is_virtual, uint64_t seed, uint32_t events_kept) noexcept nogil
cdef void shard_free(ShardState* s) noexcept nogil
cdef int64_t shard_now(const ShardState* s) noexcept nogil
cdef Tenant* tenant_find(ShardState* s, Text name) noexcept nogil
cdef Tenant* tenant_peek(ShardState* s, Text name) noexcept nogil
cdef Tenant* tenant_add(ShardState* s, Text name) noexcept nogil
cdef Tenant* tenant_get(ShardState* s, Text name) noexcept nogil
cdef void tenant_advance(ShardState* s, Tenant* t) noexcept nogil
cdef int64_t tenant_next_due(const Tenant* t) noexcept nogil
cdef int32_t submit(ShardState* s, uint32_t method, const uint8_t* data, size_t size, Buffer* out) noexcept nogil
cdef bint waits(const Tenant* t, uint32_t job) noexcept nogil
cdef void encode_present(const Tenant* t, uint32_t job, bint repeated, Buffer* out) noexcept nogil
cdef int32_t submit_waiting(
    ShardState* s, const uint8_t* data, size_t size, Buffer* out, Tenant** tenant, uint32_t* job, bint* repeated
) noexcept nogil
cdef void job_detail(const Tenant* t, uint32_t slot, JobDetail* detail) noexcept nogil
