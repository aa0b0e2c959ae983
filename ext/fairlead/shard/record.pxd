"""What the journal keeps: each change of a tenant as one record, from which `replay.pyx` makes it again.

A record is a kind, the tenant's slot (varint), the time (varint), and what the kind says. Times are microseconds: twice the
difference to the record before (zigzag), or twice the absolute time plus one in the first record of a publication, so that
every frame can be read alone. Texts are a size (varint) and UTF-8. Integers are varints unless said otherwise.

    kind          content
    1 tenant      text: its name. Facts of its built-in policy follow
    2 added       table, slot, text: the directory gave a name a slot. Table 0 agents, 1 queues, 2 channels, 3 abilities
                  ('s' or 't' and the name), 4 customers, 5 tiers, 6 rules, 7 plans, 8 arms
    3 removed     table, slot
    4 request     text: a request id; 8 bytes: digest of what was asked; Answer as words; of a cold call that answered more, text: the
                  JSON of answers.pxd (J4)
    5 note        agent, text: why its presence is what it is
    6 policy      version, time (zigzag), author (text), document (text): a serialized fairlead.v1.Policy, tables (text): what was
                  compiled from it, as JSON of policy/stored.py. The same version again is the same policy with another calendar
    7 hash        first slot, count of slots (0: the whole state), 8 bytes: the state hash at this point
    8 customer    id, tier, language, own agent (texts), value, count, so many keys and values (texts): a profile, stored
    9 forgotten   id (text) of a profile
    10 scenarios  count, so many names (texts): the scenarios that are on from here on
    11 refused    a job that was turned away and is not kept: id, gateway, customer (texts), queue, reason and arm (bytes), time to
                  live, count, so many excluded agents, then what was asked (asked.pxd), to the end
    64 + type     a fact: a byte that says which fields follow, the fields, for a job submitted its id and gateway (texts),
                  and what was asked (asked.pxd), to the end
                    1 job  2 agent  4 cls  8 value (zigzag)  16 state (byte)  32 reason (byte)  64 flag (byte)
                    128 body: its size, and the struct of engine/model.pxd as words
                  a field that is not there is NOBODY (job, agent, cls) or 0

The bodies of facts are structs of the engine, so their LAYOUT has a number of its own in the header of a segment: it
grows when a struct that is a body changes, or what follows one, or what the state's hash is of. A new type of fact
changes nothing here.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.customers.store cimport Customer
from fairlead.directory.names cimport Names
from fairlead.engine.decide cimport Answer, AssignCommand
from fairlead.engine.model cimport Fact
from fairlead.shard.tenant cimport Tenant

cdef enum:
    LAYOUT = 5
    HASH_EVERY = 2500      # records of a tenant from one state hash to the next
    HASH_WHOLE = 5000      # things up to which the whole state is hashed; beyond, a part
    HASH_SLOTS = 1024      # slots of a part: the writer never stops for longer than this takes

cdef enum RecordKind:
    RECORD_TENANT = 1
    RECORD_ADDED = 2
    RECORD_REMOVED = 3
    RECORD_REQUEST = 4
    RECORD_NOTE = 5
    RECORD_POLICY = 6
    RECORD_HASH = 7
    RECORD_CUSTOMER = 8
    RECORD_FORGOTTEN = 9
    RECORD_SCENARIOS = 10
    RECORD_REFUSED = 11
    RECORD_FACT = 64

cdef enum Table:
    TABLE_AGENTS = 0
    TABLE_QUEUES = 1
    TABLE_CHANNELS = 2
    TABLE_ABILITIES = 3
    TABLE_CUSTOMERS = 4
    TABLE_TIERS = 5
    TABLE_RULES = 6
    TABLE_PLANS = 7
    TABLE_ARMS = 8
    TABLE_COUNT = 9

cdef enum FactField:
    HAS_JOB = 1
    HAS_AGENT = 2
    HAS_CLASS = 4
    HAS_VALUE = 8
    HAS_STATE = 16
    HAS_REASON = 32
    HAS_FLAG = 64
    HAS_BODY = 128


cdef Names* table_of(Tenant* t, uint32_t table) noexcept nogil
cdef void record_tenant(Tenant* t, Text name) noexcept nogil
cdef void record_name(void* owner, uint32_t table, uint32_t slot, Text name, bint added) noexcept nogil
cdef void record_request(Tenant* t, Text request_id, uint64_t content, const Answer* answer, Text told) noexcept nogil
cdef void record_note(Tenant* t, uint32_t agent, Text reason) noexcept nogil
cdef void record_policy(Tenant* t, int64_t time, uint64_t version, Text author, Text document, Text tables) noexcept nogil
cdef void record_customer(Tenant* t, const Customer* customer) noexcept nogil
cdef void record_customer_removed(Tenant* t, Text id) noexcept nogil
cdef void record_scenarios(Tenant* t) noexcept nogil
cdef void record_fact(Tenant* t, const Fact* fact) noexcept nogil
# The job whose id, gateway and request are pending.
cdef void record_refused(Tenant* t, Text customer, const AssignCommand* command, const Answer* answer) noexcept nogil
# A hash of the state, or of the next part of it, when HASH_EVERY records came since the last. Between steps only.
cdef void record_hash_when_due(Tenant* t) noexcept nogil
cdef void record_hash(Tenant* t) noexcept nogil
cdef uint64_t hash_of(const Tenant* t, uint32_t start, uint32_t count) noexcept nogil
