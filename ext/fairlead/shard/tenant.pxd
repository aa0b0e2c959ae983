"""A tenant: one engine, and the names of everything its slots stand for.

An engine serves one tenant; nothing is shared between tenants but the clock and the journal. The sink of the engine keeps
names in step with facts: a job's id enters with the fact that submits it and leaves with the one that forgets it.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer
from fairlead.base.text cimport Text, text_empty
from fairlead.customers.store cimport Customers
from fairlead.directory.names cimport Names, names_text
from fairlead.engine.decide cimport Answer
from fairlead.engine.model cimport Engine
from fairlead.events.feed cimport Feed
from fairlead.journal.model cimport Journal
from fairlead.shard.rulebook cimport RuleBook
from fairlead.shard.tally cimport Tally

cdef enum:
    MAX_TENANTS = 1000000
    MAX_REMEMBERED = 1000000   # answered request ids, whatever the retention
    KEPT_POLICIES = 100        # versions that survive a restart

cdef uint32_t BOUND            # flag in customer_references: the affinity memory knows the customer


# The answer to a request id (J4).
cdef struct Remembered:
    uint64_t content
    int64_t time
    uint32_t next
    uint32_t told_size
    char* told                  # what a cold call answered (answers.pxd); NULL for all others
    Answer answer

# A short text of an operator.
cdef struct Note:
    char* data
    uint32_t size

cdef struct TierEntry:
    int64_t head_start
    uint16_t strategy           # 0: the queue's
    uint8_t urgency
    uint8_t used

cdef struct Tenant:
    Engine engine
    Names jobs
    Names agents
    Names queues
    Names channels
    Names abilities             # 's' + skill or 't' + tag
    Names customers
    Names tiers
    Names requests
    Names gateways
    Customers profiles          # what was told of customers; `customers` are those whom jobs or the memory know
    Names rule_names            # of all policies so far, as jobs show them
    Names plan_names            # likewise
    Names arm_names             # likewise; a job has the slot of its arm plus 1
    RuleBook* rules             # NULL: the built-in policy
    uint64_t seed               # of names
    Remembered* remembered      # by request slot
    Note* presence_notes        # by agent slot
    TierEntry* tier_entries     # by tier slot
    uint32_t* customer_references  # live and remembered jobs of a customer; BOUND
    uint32_t* job_gateways      # by job slot; NO_SLOT: none
    uint32_t* gateway_references  # by gateway slot: live and remembered jobs
    uint32_t remembered_capacity
    uint32_t remembered_head
    uint32_t remembered_tail
    uint32_t note_capacity
    uint32_t tier_capacity
    uint32_t customer_capacity
    uint32_t job_gateway_capacity
    uint32_t gateway_capacity
    uint32_t slot               # of its name in the shard
    uint32_t default_queue      # NO_SLOT: a job must name one
    uint32_t default_channel
    Text pending_id             # of the job being submitted
    uint64_t pending_hash       # of pending_id, by the seed of `jobs`
    Text pending_gateway
    Buffer pending_asked        # what was asked of it, packed (asked.pxd); empty: nobody keeps it
    Journal* journal
    Feed* feed                  # of the shard
    Tally* tally                # of the shard
    Buffer policies             # of a replay: every record of a policy, each after its size (8 bytes); the last is in force
    Buffer scenarios            # of a replay: the last record of scenarios that are on
    uint64_t unhashed           # records since the last one with a state hash
    uint32_t hashed_upto        # slot from which the next hash of a part begins
    Buffer* tape                # a copy of every fact; NULL unless facts are kept


cdef Tenant* tenant_create(
    Journal* journal, Feed* feed, Tally* tally, uint32_t slot, uint64_t seed, bint keeps_facts
) noexcept nogil
cdef void tenant_destroy(Tenant* t) noexcept nogil
cdef uint32_t ability_slot(Tenant* t, char kind, Text name, bint may_add) noexcept nogil
cdef uint32_t channel_slot(const Tenant* t, Text name) noexcept nogil
cdef void note_presence(Tenant* t, uint32_t agent, Text reason) noexcept nogil
cdef void reserve_tiers(Tenant* t, uint32_t count) noexcept nogil
cdef uint32_t customer_slot(Tenant* t, Text name) noexcept nogil
cdef void customer_release(Tenant* t, uint32_t customer) noexcept nogil
cdef void customer_unbind(Tenant* t, uint32_t customer) noexcept nogil
cdef Remembered* recall(Tenant* t, Text request_id) noexcept nogil
cdef void remember(Tenant* t, Text request_id, uint64_t content, const Answer* answer, Text told) noexcept nogil
cdef void forget_requests(Tenant* t) noexcept nogil
cdef size_t tenant_names_size(const Tenant* t) noexcept nogil


cdef inline Text arm_name(const Tenant* t, uint8_t arm) noexcept nogil:
    """Of a job's arm; empty for 0."""
    return names_text(&t.arm_names, arm - 1) if arm else text_empty()
