"""What a caller asked of a job, packed: all that a fact has only after rules, tiers and profiles had their say.

With it the same request can be put to another policy. It is the end of the record of a submitted job, and of a job that was
turned away. Slots are varints of the directory at that time; a text is its size (varint) and UTF-8.

    demands      varint: twice their count, plus one when there are preferences; then, when there are, their count (varint); then
                 for each demand, and each preference, its ability (slot) and a byte: lowest level, 16 times (10 - highest level)
    fields       varint: which of these follow, in this order
        1        queue, slot                      2     customer tier, slot
        4        channel, slot of its name        8     count, so many labels: key and value (texts)
        16       language, text                   32    urgency, byte
        64       placed at once or not at all; nothing follows
        128      head start, varint               256   value of the customer, signed
        512      affinity, byte                   1024  wanted agent, slot; mode, byte; hold, varint

A profile fills what a request leaves empty anew each time, so what it filled is not here.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.codec.messages cimport JobSpec
from fairlead.engine.decide cimport AssignCommand
from fairlead.shard.tenant cimport Tenant

cdef enum AskedField:
    ASKED_QUEUE = 1
    ASKED_TIER = 2
    ASKED_CHANNEL = 4
    ASKED_LABELS = 8
    ASKED_LANGUAGE = 16
    ASKED_URGENCY = 32
    ASKED_AT_ONCE = 64
    ASKED_HEAD_START = 128
    ASKED_VALUE = 256
    ASKED_AFFINITY = 512
    ASKED_AGENT = 1024

# What a profile may fill in, as it was before.
cdef struct Unfilled:
    Text tier
    Text language
    int64_t value
    int32_t label_count
    uint8_t wants_agent

cdef Unfilled unfilled(const JobSpec* job) noexcept nogil
# Demands and preferences of the request alone: before a rule adds its own. Begins anew.
cdef void pack_demands(Tenant* t, const AssignCommand* command) noexcept nogil
# The rest, once names are slots.
cdef void pack_fields(Tenant* t, const JobSpec* job, const Unfilled* before, const AssignCommand* command) noexcept nogil
