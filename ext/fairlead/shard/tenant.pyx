"""See tenant.pxd."""

from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.buffer cimport Buffer, buffer_append, buffer_free, buffer_init
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.text cimport text_empty, text_of
from fairlead.customers.store cimport customers_free, customers_init
from fairlead.directory.names cimport (
    NO_SLOT, names_add, names_find, names_free, names_init, names_put_hashed, names_remove, names_size,
)
from fairlead.engine.model cimport (
    FACT_CUSTOMER_FORGOTTEN, FACT_JOB_FORGOTTEN, FACT_JOB_GIVEN, FACT_JOB_SUBMITTED, FACT_OFFER_ACCEPTED, FACT_PRESENCE, LEASE_EXPIRED, MAX_CHANNELS,
    PRESENCE_SET, Fact, JobBody,
)
from fairlead.engine.places cimport binds
from fairlead.engine.state cimport engine_free, engine_init
from fairlead.events.feed cimport Feed
from fairlead.shard.notices cimport notice_fact
from fairlead.shard.record cimport TABLE_COUNT, record_fact, record_name, record_note, record_request, table_of
from fairlead.shard.rulebook cimport rulebook_free
from fairlead.shard.tally cimport Tally

cdef enum:
    LONGEST_ABILITY = 129

BOUND = 0x80000000


cdef void take_fact(void* owner, const Fact* fact) noexcept nogil:
    """The sink: names follow facts, events are told, and the journal gets its record."""
    cdef Tenant* t = <Tenant*> owner
    cdef uint32_t customer
    cdef Fact copy
    cdef uint8_t[8] padding
    if fact.type == FACT_JOB_SUBMITTED:
        names_put_hashed(&t.jobs, fact.job, t.pending_hash, t.pending_id)
        note_gateway(t, fact.job)
        customer = (<const JobBody*> fact.body).customer
        if customer != NO_SLOT:
            t.customer_references[customer] += 1
    elif fact.type == FACT_JOB_FORGOTTEN:
        names_remove(&t.jobs, fact.job)
        drop_gateway(t, fact.job)
        customer = t.engine.jobs[fact.job].customer
        if customer != NO_SLOT:
            t.customer_references[customer] -= 1
            customer_release(t, customer)
    elif fact.type == FACT_PRESENCE:
        if fact.reason != PRESENCE_SET and fact.state != t.engine.agents[fact.agent].presence:
            note_presence(t, fact.agent, text_of(b"lease_expired" if fact.reason == LEASE_EXPIRED else b"missed_offers"))
    elif (fact.type == FACT_JOB_GIVEN or fact.type == FACT_OFFER_ACCEPTED) and binds(&t.engine, &t.engine.jobs[fact.job], fact.cls):
        t.customer_references[t.engine.jobs[fact.job].customer] |= BOUND
    elif fact.type == FACT_CUSTOMER_FORGOTTEN:
        t.customer_references[fact.value] &= ~BOUND
    if not t.journal.replaying:
        notice_fact(t, fact)
    record_fact(t, fact)
    if t.tape != NULL:
        copy = fact[0]
        copy.body = NULL
        memset(padding, 0, sizeof(padding))
        buffer_append(t.tape, &copy, sizeof(Fact))
        buffer_append(t.tape, fact.body, fact.body_size)
        buffer_append(t.tape, padding, (8 - fact.body_size % 8) % 8)


cdef void note_gateway(Tenant* t, uint32_t job) noexcept nogil:
    """Remembers who submits the job, as long as the job is remembered."""
    cdef uint32_t slot = NO_SLOT, capacity = t.job_gateway_capacity
    if job >= capacity:
        while capacity <= job:
            capacity = capacity + capacity // 2 + 16
        t.job_gateways = <uint32_t*> memory_grow(t.job_gateways, capacity * sizeof(uint32_t))
        t.job_gateway_capacity = capacity
    if t.pending_gateway.size:
        slot = names_add(&t.gateways, t.pending_gateway)
        capacity = t.gateway_capacity
        if slot >= capacity:
            capacity = slot + slot // 2 + 16
            t.gateway_references = <uint32_t*> memory_grow(t.gateway_references, capacity * sizeof(uint32_t))
            memset(t.gateway_references + t.gateway_capacity, 0, (capacity - t.gateway_capacity) * sizeof(uint32_t))
            t.gateway_capacity = capacity
        t.gateway_references[slot] += 1
    t.job_gateways[job] = slot


cdef void drop_gateway(Tenant* t, uint32_t job) noexcept nogil:
    cdef uint32_t slot = t.job_gateways[job]
    if slot != NO_SLOT:
        t.gateway_references[slot] -= 1
        if t.gateway_references[slot] == 0:
            names_remove(&t.gateways, slot)


cdef Tenant* tenant_create(
    Journal* journal, Feed* feed, Tally* tally, uint32_t slot, uint64_t seed, bint keeps_facts
) noexcept nogil:
    """A tenant with no agents, no queues and no channels; the caller gives it a policy."""
    cdef Tenant* t = <Tenant*> memory_zeroed(sizeof(Tenant))
    cdef uint32_t table
    t.slot = slot
    engine_init(&t.engine)
    t.engine.sink = take_fact
    t.engine.sink_owner = t
    t.journal = journal
    t.feed = feed
    t.tally = tally
    t.slot = slot
    names_init(&t.jobs, seed)
    names_init(&t.agents, seed)
    names_init(&t.queues, seed)
    names_init(&t.channels, seed)
    names_init(&t.abilities, seed)
    names_init(&t.customers, seed)
    names_init(&t.tiers, seed)
    names_init(&t.requests, seed)
    names_init(&t.gateways, seed)
    customers_init(&t.profiles, seed)
    names_init(&t.rule_names, seed)
    names_init(&t.plan_names, seed)
    names_init(&t.arm_names, seed)
    t.seed = seed
    for table in range(TABLE_COUNT):
        table_of(t, table).watch = record_name
        table_of(t, table).watch_owner = t
        table_of(t, table).watch_kind = table
    t.remembered_head = NO_SLOT
    t.remembered_tail = NO_SLOT
    t.default_queue = NO_SLOT
    t.pending_id = text_empty()
    t.pending_gateway = text_empty()
    if keeps_facts:
        t.tape = <Buffer*> memory_zeroed(sizeof(Buffer))
        buffer_init(t.tape)
    return t


cdef void tenant_destroy(Tenant* t) noexcept nogil:
    cdef uint32_t index
    for index in range(t.note_capacity):
        free(t.presence_notes[index].data)
    index = t.remembered_head
    while index != NO_SLOT:
        free(t.remembered[index].told)
        index = t.remembered[index].next
    if t.tape != NULL:
        buffer_free(t.tape)
        free(t.tape)
    engine_free(&t.engine)
    names_free(&t.jobs)
    names_free(&t.agents)
    names_free(&t.queues)
    names_free(&t.channels)
    names_free(&t.abilities)
    names_free(&t.customers)
    names_free(&t.tiers)
    names_free(&t.requests)
    names_free(&t.gateways)
    customers_free(&t.profiles)
    names_free(&t.rule_names)
    names_free(&t.plan_names)
    names_free(&t.arm_names)
    rulebook_free(t.rules)
    buffer_free(&t.policies)
    buffer_free(&t.scenarios)
    buffer_free(&t.pending_asked)
    free(t.remembered)
    free(t.presence_notes)
    free(t.tier_entries)
    free(t.customer_references)
    free(t.job_gateways)
    free(t.gateway_references)
    free(t)


cdef uint32_t ability_slot(Tenant* t, char kind, Text name, bint may_add) noexcept nogil:
    """The slot of a skill (kind 's') or tag ('t'); NO_SLOT when it is unknown and may not be added."""
    cdef char[LONGEST_ABILITY] key
    cdef Text text
    key[0] = kind
    memcpy(key + 1, name.data, name.size)
    text.data = key
    text.size = name.size + 1
    return names_add(&t.abilities, text) if may_add else names_find(&t.abilities, text)


cdef uint32_t channel_slot(const Tenant* t, Text name) noexcept nogil:
    """The engine's slot of a channel of the policy, NO_SLOT when it has none of that name. Names outlive channels."""
    cdef uint32_t known = names_find(&t.channels, name), slot
    if known != NO_SLOT:
        for slot in range(MAX_CHANNELS):
            if t.engine.channels[slot].used and t.engine.channels[slot].name == known:
                return slot
    return NO_SLOT


cdef void note_presence(Tenant* t, uint32_t agent, Text reason) noexcept nogil:
    """Why the agent's presence is what it is."""
    cdef uint32_t capacity = t.note_capacity
    cdef Note* note
    if agent >= capacity:
        if reason.size == 0:
            return
        while capacity <= agent:
            capacity = capacity * 2 if capacity else 8
        t.presence_notes = <Note*> memory_grow(t.presence_notes, capacity * sizeof(Note))
        memset(t.presence_notes + t.note_capacity, 0, (capacity - t.note_capacity) * sizeof(Note))
        t.note_capacity = capacity
    note = &t.presence_notes[agent]
    if reason.size or note.size:
        record_note(t, agent, reason)
    note.size = reason.size
    # A request without a reason has no bytes to point at, and memcpy takes no NULL, not even for none.
    if reason.size:
        note.data = <char*> memory_grow(note.data, reason.size)
        memcpy(note.data, reason.data, reason.size)


cdef void reserve_tiers(Tenant* t, uint32_t count) noexcept nogil:
    if count > t.tier_capacity:
        t.tier_entries = <TierEntry*> memory_grow(t.tier_entries, count * sizeof(TierEntry))
        memset(t.tier_entries + t.tier_capacity, 0, (count - t.tier_capacity) * sizeof(TierEntry))
        t.tier_capacity = count


cdef uint32_t customer_slot(Tenant* t, Text name) noexcept nogil:
    """The slot of a customer, NO_SLOT for no name. A fresh one lasts only if a job or the memory comes to refer to it."""
    cdef uint32_t slot, capacity = t.customer_capacity
    if name.size == 0:
        return NO_SLOT
    slot = names_add(&t.customers, name)
    if slot >= capacity:
        while capacity <= slot:
            capacity = capacity + capacity // 2 + 16
        t.customer_references = <uint32_t*> memory_grow(t.customer_references, capacity * sizeof(uint32_t))
        memset(t.customer_references + t.customer_capacity, 0, (capacity - t.customer_capacity) * sizeof(uint32_t))
        t.customer_capacity = capacity
    return slot


cdef void customer_release(Tenant* t, uint32_t customer) noexcept nogil:
    """Forgets a customer to whom nothing refers. A replay is told by the journal."""
    if customer != NO_SLOT and t.customer_references[customer] == 0 and not t.journal.replaying:
        names_remove(&t.customers, customer)


cdef void customer_unbind(Tenant* t, uint32_t customer) noexcept nogil:
    """The affinity memory knows the customer no longer."""
    t.customer_references[customer] &= ~BOUND
    customer_release(t, customer)


# ---- request ids


cdef Remembered* recall(Tenant* t, Text request_id) noexcept nogil:
    """What a request id was answered; NULL when it is unknown or empty."""
    cdef uint32_t slot = names_find(&t.requests, request_id)
    return &t.remembered[slot] if slot != NO_SLOT else NULL


cdef void remember(Tenant* t, Text request_id, uint64_t content, const Answer* answer, Text told) noexcept nogil:
    """Keeps the answer to a request id that is not known yet, for the retention of the policy; `told` is copied."""
    cdef uint32_t slot, capacity = t.remembered_capacity
    cdef Remembered* entry
    if request_id.size == 0:
        return
    slot = names_add(&t.requests, request_id)
    if slot >= capacity:
        while capacity <= slot:
            capacity = capacity + capacity // 2 + 16
        t.remembered = <Remembered*> memory_grow(t.remembered, capacity * sizeof(Remembered))
        memset(t.remembered + t.remembered_capacity, 0, (capacity - t.remembered_capacity) * sizeof(Remembered))
        t.remembered_capacity = capacity
    entry = &t.remembered[slot]
    entry.content = content
    entry.time = t.engine.now
    entry.next = NO_SLOT
    entry.answer = answer[0]
    entry.told_size = told.size
    entry.told = NULL
    if told.size:
        entry.told = <char*> memory_grow(NULL, told.size)
        memcpy(entry.told, told.data, told.size)
    if t.remembered_tail == NO_SLOT:
        t.remembered_head = slot
    else:
        t.remembered[t.remembered_tail].next = slot
    t.remembered_tail = slot
    record_request(t, request_id, content, answer, told)


cdef void forget_requests(Tenant* t) noexcept nogil:
    """Drops what is older than the retention, and the oldest beyond MAX_REMEMBERED. O(dropped)."""
    cdef uint32_t slot
    while t.remembered_head != NO_SLOT:
        slot = t.remembered_head
        if t.remembered[slot].time + t.engine.retention > t.engine.now and t.requests.count <= MAX_REMEMBERED:
            return
        t.remembered_head = t.remembered[slot].next
        if t.remembered_head == NO_SLOT:
            t.remembered_tail = NO_SLOT
        free(t.remembered[slot].told)
        names_remove(&t.requests, slot)


cdef size_t tenant_names_size(const Tenant* t) noexcept nogil:
    """Bytes of all names and of what is kept by them."""
    return (
        names_size(&t.jobs) + names_size(&t.agents) + names_size(&t.queues) + names_size(&t.channels)
        + names_size(&t.abilities) + names_size(&t.customers) + names_size(&t.tiers) + names_size(&t.requests)
        + names_size(&t.gateways) + (t.job_gateway_capacity + t.gateway_capacity) * sizeof(uint32_t)
        + t.remembered_capacity * sizeof(Remembered) + t.customer_capacity * sizeof(uint32_t)
    )
