"""See replay.pxd."""

from libc.string cimport memcpy, memset

from fairlead.base.buffer cimport buffer_append, buffer_free, buffer_init, buffer_reserve
from fairlead.base.text cimport Text, text_empty
from fairlead.customers.store cimport MAX_ATTRIBUTES, Customer, customers_put, customers_remove
from fairlead.directory.names cimport NO_SLOT, names_add, names_has, names_remove, text_hash
from fairlead.engine.apply cimport apply
from fairlead.engine.decide cimport Answer
from fairlead.engine.model cimport FACT_JOB_SUBMITTED, FACT_SETTINGS, Fact
from fairlead.base.packing cimport get_varint, get_words, unzigzag
from fairlead.shard.dispatch cimport tenant_add
from fairlead.shard.record cimport (
    HAS_AGENT, HAS_BODY, HAS_CLASS, HAS_FLAG, HAS_JOB, HAS_REASON, HAS_STATE, HAS_VALUE, RECORD_ADDED, RECORD_CUSTOMER, RECORD_FACT,
    RECORD_FORGOTTEN, RECORD_HASH, RECORD_NOTE, RECORD_POLICY, RECORD_REFUSED, RECORD_REMOVED, RECORD_REQUEST, RECORD_SCENARIOS, RECORD_TENANT, TABLE_COUNT, TABLE_CUSTOMERS, hash_of, table_of,
)
from fairlead.shard.tenant cimport (
    MAX_TENANTS, Tenant, customer_slot, forget_requests, note_presence, remember,
)


cdef void replay_init(Replay* replay) noexcept nogil:
    memset(replay, 0, sizeof(Replay))
    buffer_init(&replay.body)
    replay.most = <uint64_t> -1


cdef void replay_free(Replay* replay) noexcept nogil:
    buffer_free(&replay.body)


cdef inline const uint8_t* get_text(const uint8_t* at, const uint8_t* end, Text* text) noexcept nogil:
    cdef uint64_t size
    at = get_varint(at, end, &size)
    if at == NULL or <uint64_t> (end - at) < size:
        return NULL
    text.data = <const char*> at
    text.size = <uint32_t> size
    return at + size


cdef inline const uint8_t* get_slot(const uint8_t* at, const uint8_t* end, uint32_t* slot) noexcept nogil:
    cdef uint64_t value
    at = get_varint(at, end, &value)
    slot[0] = <uint32_t> value
    return at if value < NO_SLOT else NULL


cdef inline const uint8_t* get_byte(const uint8_t* at, const uint8_t* end, uint8_t* value) noexcept nogil:
    if at == NULL or at >= end:
        return NULL
    value[0] = at[0]
    return at + 1


cdef const uint8_t* read_head(Replay* replay, const uint8_t* at, const uint8_t* end, uint32_t* tenant) noexcept nogil:
    cdef uint64_t ticks
    cdef uint8_t kind = 0
    at = get_slot(get_byte(at, end, &kind), end, tenant)
    at = get_varint(at, end, &ticks)
    if at == NULL:
        return NULL
    replay.kind = kind
    replay.time = <int64_t> (ticks >> 1) if ticks & 1 else replay.time + unzigzag(ticks >> 1)
    return at


cdef bint read_fact(Replay* replay, const uint8_t* at, const uint8_t* end, Fact* fact, Text* id, Text* gateway) noexcept nogil:
    cdef uint8_t fields = 0
    cdef uint64_t value
    memset(fact, 0, sizeof(Fact))
    fact.type = <uint8_t> (replay.kind - RECORD_FACT)
    fact.time = replay.time
    fact.job = fact.agent = fact.cls = NO_SLOT
    at = get_byte(at, end, &fields)
    if fields & HAS_JOB:
        at = get_slot(at, end, &fact.job)
    if fields & HAS_AGENT:
        at = get_slot(at, end, &fact.agent)
    if fields & HAS_CLASS:
        at = get_slot(at, end, &fact.cls)
    if fields & HAS_VALUE:
        at = get_varint(at, end, &value)
        fact.value = unzigzag(value)
    if fields & HAS_STATE:
        at = get_byte(at, end, &fact.state)
    if fields & HAS_REASON:
        at = get_byte(at, end, &fact.reason)
    if fields & HAS_FLAG:
        at = get_byte(at, end, &fact.flag)
    if fields & HAS_BODY:
        at = get_varint(at, end, &value)
        # Sixteen bytes of a struct take one byte at least: no length asks for more memory than the record can fill.
        if at == NULL or value > 16 * <uint64_t> (end - at):
            return False
        replay.body.size = 0
        buffer_reserve(&replay.body, value + 8)
        at = get_words(at, end, replay.body.data, value)
        fact.body = replay.body.data
        fact.body_size = <uint32_t> value
    if fact.type == FACT_JOB_SUBMITTED:
        # What was asked is behind them. The state does not depend on it.
        return get_text(get_text(at, end, id), end, gateway) != NULL
    return at == end


cdef uint32_t replay_fact(Tenant* t, Replay* replay, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Fact fact
    if not read_fact(replay, at, end, &fact, &t.pending_id, &t.pending_gateway):
        return REPLAY_BROKEN
    if fact.type == FACT_SETTINGS:
        # What was too old for the retention so far stays forgotten under a longer one.
        forget_requests(t)
    if fact.type == FACT_JOB_SUBMITTED:
        t.pending_hash = text_hash(t.jobs.seed, t.pending_id)
    t.engine.sink(t, &fact)
    apply(&t.engine, &fact)
    t.pending_gateway = text_empty()
    return REPLAY_OK


cdef uint32_t replay_name(Tenant* t, bint added, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef uint32_t table, slot, given
    cdef Text name
    at = get_slot(get_slot(at, end, &table), end, &slot)
    if at == NULL or table >= TABLE_COUNT:
        return REPLAY_BROKEN
    if not added:
        if not names_has(table_of(t, table), slot):
            return REPLAY_BROKEN
        names_remove(table_of(t, table), slot)
        return REPLAY_OK
    at = get_text(at, end, &name)
    if at != end or name.size == 0 or name.size > 255:
        return REPLAY_BROKEN
    given = customer_slot(t, name) if table == TABLE_CUSTOMERS else names_add(table_of(t, table), name)
    return REPLAY_OK if given == slot else REPLAY_BROKEN


cdef uint32_t replay_request(Tenant* t, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Text id, told = text_empty()
    cdef uint64_t content
    cdef Answer answer
    at = get_text(at, end, &id)
    if at == NULL or end - at < 8:
        return REPLAY_BROKEN
    memcpy(&content, at, 8)
    at = get_words(at + 8, end, &answer, sizeof(Answer))
    if at != NULL and at < end:
        at = get_text(at, end, &told)
    if at != end:
        return REPLAY_BROKEN
    # As the call did: an id that was forgotten may be used again.
    forget_requests(t)
    remember(t, id, content, &answer, told)
    return REPLAY_OK


cdef uint32_t replay_policy(Tenant* t, const uint8_t* record, const uint8_t* end) noexcept nogil:
    """Kept as it is; recovery installs what is not in facts once all is read."""
    cdef uint64_t size = <uint64_t> (end - record)
    buffer_append(&t.policies, &size, sizeof(size))
    buffer_append(&t.policies, record, size)
    return REPLAY_OK


cdef uint32_t replay_customer(Tenant* t, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Customer customer
    cdef uint64_t value, count
    cdef uint32_t index
    memset(&customer, 0, sizeof(Customer))
    at = get_text(get_text(at, end, &customer.id), end, &customer.tier)
    at = get_text(get_text(at, end, &customer.language), end, &customer.own_agent)
    at = get_varint(get_varint(at, end, &value), end, &count)
    if at == NULL or count > MAX_ATTRIBUTES or customer.id.size == 0:
        return REPLAY_BROKEN
    customer.value = <int64_t> value
    customer.attribute_count = <uint32_t> count
    for index in range(customer.attribute_count):
        at = get_text(get_text(at, end, &customer.attributes[index].key), end, &customer.attributes[index].value)
    if at != end:
        return REPLAY_BROKEN
    customers_put(&t.profiles, &customer)
    return REPLAY_OK


cdef uint32_t replay_forgotten(Tenant* t, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Text id
    if get_text(at, end, &id) != end or not customers_remove(&t.profiles, id):
        return REPLAY_BROKEN
    return REPLAY_OK


cdef uint32_t replay_scenarios(Tenant* t, const uint8_t* record, const uint8_t* end) noexcept nogil:
    """The last one counts; it is put in force with the policy."""
    t.scenarios.size = 0
    buffer_append(&t.scenarios, record, <size_t> (end - record))
    return REPLAY_OK


cdef uint32_t replay_hash(Tenant* t, Replay* replay, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef uint32_t start, count
    at = get_slot(get_slot(at, end, &start), end, &count)
    if at == NULL or end - at != 8:
        return REPLAY_BROKEN
    memcpy(&replay.expected, at, 8)
    replay.actual = hash_of(t, start, count)
    t.hashed_upto = start + count
    t.unhashed = 0
    return REPLAY_OK if replay.actual == replay.expected else REPLAY_HASH


cdef uint32_t replay_record(ShardState* s, Replay* replay, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef uint32_t tenant, agent, kind
    cdef Text text
    cdef Tenant* t
    at = read_head(replay, at, end, &tenant)
    if at == NULL:
        return REPLAY_BROKEN
    kind = replay.kind
    if kind == RECORD_TENANT:
        if tenant != s.names.used or tenant >= MAX_TENANTS or get_text(at, end, &text) != end:
            return REPLAY_BROKEN
        tenant_add(s, text).engine.now = replay.time
        return REPLAY_OK
    if tenant >= s.names.used:
        return REPLAY_BROKEN
    t = s.tenants[tenant]
    t.unhashed += 1
    if replay.time > t.engine.now and kind != RECORD_POLICY:
        t.engine.now = replay.time
    if kind >= RECORD_FACT:
        return replay_fact(t, replay, at, end)
    if kind == RECORD_ADDED or kind == RECORD_REMOVED:
        return replay_name(t, kind == RECORD_ADDED, at, end)
    if kind == RECORD_REQUEST:
        return replay_request(t, at, end)
    if kind == RECORD_NOTE:
        at = get_text(get_slot(at, end, &agent), end, &text)
        if at != end:
            return REPLAY_BROKEN
        note_presence(t, agent, text)
        return REPLAY_OK
    if kind == RECORD_POLICY:
        return replay_policy(t, at, end)
    if kind == RECORD_CUSTOMER:
        return replay_customer(t, at, end)
    if kind == RECORD_FORGOTTEN:
        return replay_forgotten(t, at, end)
    if kind == RECORD_SCENARIOS:
        return replay_scenarios(t, at, end)
    if kind == RECORD_REFUSED:
        return REPLAY_OK
    return replay_hash(t, replay, at, end) if kind == RECORD_HASH else REPLAY_UNKNOWN


cdef uint32_t replay_frame(ShardState* s, Replay* replay, const uint8_t* data, size_t size, uint32_t count) noexcept nogil:
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef uint64_t length
    cdef uint32_t state = REPLAY_OK
    replay.done = 0
    while at < end and state == REPLAY_OK and replay.done < replay.most:
        at = get_varint(at, end, &length)
        if at == NULL or <uint64_t> (end - at) < length:
            return REPLAY_BROKEN
        state = replay_record(s, replay, at, at + length)
        at += length
        replay.done += state == REPLAY_OK
    if state != REPLAY_OK:
        return state
    return REPLAY_OK if replay.done == replay.most < count or (at == end and replay.done == count) else REPLAY_BROKEN
