"""See record.pxd."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from fairlead.base.buffer cimport Buffer
from fairlead.engine.audit cimport state_hash, state_hash_part
from fairlead.engine.model cimport FACT_JOB_SUBMITTED, MAX_JOB_EXCLUDED
from fairlead.directory.names cimport NO_SLOT, names_text
from fairlead.journal.journal cimport journal_count, journal_record, journal_recorded
from fairlead.journal.model cimport Journal
from fairlead.base.packing cimport VARINT_SIZE, packed_size, put_varint, put_words, zigzag
from fairlead.shard.rulebook cimport RuleBook

cdef enum:
    HEAD_SIZE = 1 + 2 * VARINT_SIZE


cdef Names* table_of(Tenant* t, uint32_t table) noexcept nogil:
    """A directory whose names last from one restart to the next; those of jobs and requests follow their own records."""
    if table == TABLE_AGENTS:
        return &t.agents
    if table == TABLE_QUEUES:
        return &t.queues
    if table == TABLE_CHANNELS:
        return &t.channels
    if table == TABLE_ABILITIES:
        return &t.abilities
    if table == TABLE_CUSTOMERS:
        return &t.customers
    if table == TABLE_RULES:
        return &t.rule_names
    if table == TABLE_PLANS:
        return &t.plan_names
    return &t.arm_names if table == TABLE_ARMS else &t.tiers


cdef inline uint8_t* begin(Tenant* t, uint32_t kind, int64_t time, size_t most) noexcept nogil:
    """Room for a record of `most` bytes after its head, which is written; NULL when nobody keeps it."""
    cdef Journal* journal = t.journal
    cdef uint8_t* at
    if not journal.enabled:
        journal_count(journal)
        return NULL
    t.unhashed += 1
    at = journal_record(journal, HEAD_SIZE + most)
    at[0] = <uint8_t> kind
    at = put_varint(at + 1, t.slot)
    if journal.step.size == 0:
        at = put_varint(at, (<uint64_t> time << 1) | 1)
    else:
        at = put_varint(at, zigzag(time - journal.step_time) << 1)
    journal.step_time = time
    return at


cdef inline void end(Tenant* t, uint8_t* at) noexcept nogil:
    journal_recorded(t.journal, t.journal.step.data + t.journal.step.size + 1, at)


cdef inline uint8_t* put_text(uint8_t* at, Text text) noexcept nogil:
    at = put_varint(at, text.size)
    if text.size:
        memcpy(at, text.data, text.size)
    return at + text.size


cdef inline uint8_t* put_bytes(uint8_t* at, const Buffer* bytes) noexcept nogil:
    if bytes.size:
        memcpy(at, bytes.data, bytes.size)
    return at + bytes.size


cdef void record_tenant(Tenant* t, Text name) noexcept nogil:
    cdef uint8_t* at = begin(t, RECORD_TENANT, t.engine.now, VARINT_SIZE + name.size)
    if at != NULL:
        end(t, put_text(at, name))


cdef void record_name(void* owner, uint32_t table, uint32_t slot, Text name, bint added) noexcept nogil:
    """The watcher of every table of `table_of`."""
    cdef Tenant* t = <Tenant*> owner
    cdef uint8_t* at = begin(t, RECORD_ADDED if added else RECORD_REMOVED, t.engine.now, 3 * VARINT_SIZE + name.size)
    if at == NULL:
        return
    at = put_varint(put_varint(at, table), slot)
    end(t, put_text(at, name) if added else at)


cdef void record_request(Tenant* t, Text request_id, uint64_t content, const Answer* answer, Text told) noexcept nogil:
    cdef size_t most = 2 * VARINT_SIZE + request_id.size + 8 + packed_size(sizeof(Answer)) + told.size
    cdef uint8_t* at = begin(t, RECORD_REQUEST, t.engine.now, most)
    if at == NULL:
        return
    at = put_text(at, request_id)
    memcpy(at, &content, 8)
    at = put_words(at + 8, answer, sizeof(Answer))
    end(t, put_text(at, told) if told.size else at)


cdef void record_note(Tenant* t, uint32_t agent, Text reason) noexcept nogil:
    cdef uint8_t* at = begin(t, RECORD_NOTE, t.engine.now, 2 * VARINT_SIZE + reason.size)
    if at != NULL:
        end(t, put_text(put_varint(at, agent), reason))


cdef void record_policy(Tenant* t, int64_t time, uint64_t version, Text author, Text document, Text tables) noexcept nogil:
    cdef uint8_t* at = begin(t, RECORD_POLICY, t.engine.now, 5 * VARINT_SIZE + author.size + document.size + tables.size)
    if at != NULL:
        end(t, put_text(put_text(put_text(put_varint(put_varint(at, version), zigzag(time)), author), document), tables))


cdef void record_customer(Tenant* t, const Customer* customer) noexcept nogil:
    cdef size_t most = 6 * VARINT_SIZE + customer.id.size + customer.tier.size + customer.language.size + customer.own_agent.size
    cdef uint32_t index
    cdef uint8_t* at
    for index in range(customer.attribute_count):
        most += 2 * VARINT_SIZE + customer.attributes[index].key.size + customer.attributes[index].value.size
    at = begin(t, RECORD_CUSTOMER, t.engine.now, most)
    if at == NULL:
        return
    at = put_text(put_text(put_text(put_text(at, customer.id), customer.tier), customer.language), customer.own_agent)
    at = put_varint(put_varint(at, <uint64_t> customer.value), customer.attribute_count)
    for index in range(customer.attribute_count):
        at = put_text(put_text(at, customer.attributes[index].key), customer.attributes[index].value)
    end(t, at)


cdef void record_customer_removed(Tenant* t, Text id) noexcept nogil:
    cdef uint8_t* at = begin(t, RECORD_FORGOTTEN, t.engine.now, VARINT_SIZE + id.size)
    if at != NULL:
        end(t, put_text(at, id))


cdef void record_scenarios(Tenant* t) noexcept nogil:
    """Those that are on by the rule book in force."""
    cdef const RuleBook* rules = t.rules
    cdef uint32_t slot, count = 0
    cdef size_t most = VARINT_SIZE
    cdef uint8_t* at
    for slot in range(rules.scenario_count):
        if rules.book.toggles[rules.schedule_count + slot]:
            count += 1
            most += VARINT_SIZE + names_text(&rules.scenario_names, slot).size
    at = begin(t, RECORD_SCENARIOS, t.engine.now, most)
    if at == NULL:
        return
    at = put_varint(at, count)
    for slot in range(rules.scenario_count):
        if rules.book.toggles[rules.schedule_count + slot]:
            at = put_text(at, names_text(&rules.scenario_names, slot))
    end(t, at)


cdef void record_fact(Tenant* t, const Fact* fact) noexcept nogil:
    cdef bint names_job = fact.type == FACT_JOB_SUBMITTED
    cdef uint8_t* at = begin(
        t, RECORD_FACT + fact.type, fact.time, 8 * VARINT_SIZE + packed_size(fact.body_size) + 512 + t.pending_asked.size)
    cdef uint8_t* fields = at
    if at == NULL:
        return
    at += 1
    fields[0] = 0
    if fact.job != NO_SLOT:
        fields[0] |= HAS_JOB
        at = put_varint(at, fact.job)
    if fact.agent != NO_SLOT:
        fields[0] |= HAS_AGENT
        at = put_varint(at, fact.agent)
    if fact.cls != NO_SLOT:
        fields[0] |= HAS_CLASS
        at = put_varint(at, fact.cls)
    if fact.value:
        fields[0] |= HAS_VALUE
        at = put_varint(at, zigzag(fact.value))
    if fact.state:
        fields[0] |= HAS_STATE
        at[0] = fact.state
        at += 1
    if fact.reason:
        fields[0] |= HAS_REASON
        at[0] = fact.reason
        at += 1
    if fact.flag:
        fields[0] |= HAS_FLAG
        at[0] = fact.flag
        at += 1
    if fact.body_size:
        fields[0] |= HAS_BODY
        at = put_words(put_varint(at, fact.body_size), fact.body, fact.body_size)
    if names_job:
        at = put_bytes(put_text(put_text(at, t.pending_id), t.pending_gateway), &t.pending_asked)
    end(t, at)


cdef void record_refused(Tenant* t, Text customer, const AssignCommand* command, const Answer* answer) noexcept nogil:
    cdef uint32_t index
    cdef uint8_t* at = begin(
        t, RECORD_REFUSED, t.engine.now, (6 + MAX_JOB_EXCLUDED) * VARINT_SIZE + 2 + t.pending_id.size + t.pending_gateway.size
        + customer.size + t.pending_asked.size)
    if at == NULL:
        return
    at = put_text(put_text(put_text(at, t.pending_id), t.pending_gateway), customer)
    at = put_varint(at, answer.queue)
    at[0] = <uint8_t> answer.reason
    at[1] = command.arm
    at = put_varint(put_varint(at + 2, <uint64_t> command.time_to_live), command.excluded_count)
    for index in range(command.excluded_count):
        at = put_varint(at, command.excluded[index])
    end(t, put_bytes(at, &t.pending_asked))


# ---- state hashes


cdef uint64_t hash_of(const Tenant* t, uint32_t start, uint32_t count) noexcept nogil:
    """The hash that a record with these two numbers has."""
    return state_hash(&t.engine) if count == 0 else state_hash_part(&t.engine, start, count)


cdef void record_hash(Tenant* t) noexcept nogil:
    cdef uint64_t things = t.engine.job_used + t.engine.memory_size + <uint64_t> t.engine.agent_capacity * (1 + t.engine.class_count)
    cdef uint32_t longest = max(t.engine.job_used, max(t.engine.agent_capacity, t.engine.memory_size))
    cdef uint32_t start = 0, count = 0
    cdef uint64_t hash
    cdef uint8_t* at
    if things > HASH_WHOLE:
        start = t.hashed_upto if t.hashed_upto < longest else 0
        count = HASH_SLOTS
        t.hashed_upto = start + count
    hash = hash_of(t, start, count)
    at = begin(t, RECORD_HASH, t.engine.now, 2 * VARINT_SIZE + 8)
    t.unhashed = 0
    if at != NULL:
        at = put_varint(put_varint(at, start), count)
        memcpy(at, &hash, 8)
        end(t, at + 8)


cdef void record_hash_when_due(Tenant* t) noexcept nogil:
    if t.unhashed >= HASH_EVERY:
        record_hash(t)
