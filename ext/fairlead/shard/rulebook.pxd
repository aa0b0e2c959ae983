"""A policy's rules, schedules and scenarios in force: names to integers, the first rule that matches, times that toggle (L2).

A tenant has one, made aside by `compile.pyx` and put in place as a whole. Rules and switches are configuration: what follows from
them for a job, and a queue's opening hours, reach the engine as facts.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport JobSpec
from fairlead.directory.names cimport Names
from fairlead.engine.model cimport Demand, Engine
from fairlead.rules.book cimport Book
from fairlead.shard.arms cimport Experiment

cdef int64_t NEVER_TOGGLES


# What a rule sets. Neutral where it sets nothing.
cdef struct Effect:
    uint32_t name              # slot of the rule's name
    uint32_t queue             # NO_SLOT: none
    uint32_t plan              # NO_SLOT: none
    uint32_t first_demand      # in RuleBook.demands: its demands, then its preferences
    uint32_t demand_count
    uint32_t wish_count
    int64_t head_start
    uint16_t strategy
    uint8_t urgency
    uint8_t affinity

cdef struct Schedule:
    int64_t* times
    uint32_t count
    uint32_t next              # of the times, the first that is to come

cdef struct RuleBook:
    Book book                  # its toggles: schedules, then scenarios; on is open
    Names labels               # 'k' + key, and 'p' + slot of the key + value
    Names languages            # in lower case
    Names schedule_names
    Names scenario_names
    Effect* effects            # by rule
    Demand* demands
    Schedule* schedules
    Experiment experiment
    uint32_t* hours            # schedule by queue slot; NO_SLOT: always open
    uint32_t hours_count
    uint32_t demand_count
    uint32_t schedule_count
    uint32_t scenario_count
    int64_t next_toggle        # NEVER_TOGGLES: none to come


cdef RuleBook* rulebook_create(uint64_t seed, uint32_t rules, uint32_t schedules, uint32_t scenarios) noexcept nogil
cdef void rulebook_free(RuleBook* rules) noexcept nogil
cdef const Effect* first_match(
    const RuleBook* rules, const JobSpec* job, uint32_t channel, uint32_t tier, uint32_t queue
) noexcept nogil
cdef Text label_text(char* key, char kind, uint32_t slot, Text text) noexcept nogil
cdef Text lower_case(char* key, Text text) noexcept nogil
cdef bint queue_is_closed(const RuleBook* rules, uint32_t queue) noexcept nogil
cdef void start_schedules(RuleBook* rules, int64_t now) noexcept nogil
cdef void run_schedules(RuleBook* rules, Engine* e, int64_t now) noexcept nogil
