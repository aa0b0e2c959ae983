"""A policy's experiment: which arm a new job belongs to, and what that arm changes for its queue.

By time slices: slice number `now / slice`; each block of as many slices as there are arms has every arm once, in an order drawn
from the seed. By job id: a hash of seed and id. Both follow from their inputs alone, so a repeat, a replay and another build
come to the same arm; docs/SEMANTICS.md has them to the letter. Costs a hash or a division; nothing where there is no experiment.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.engine.decide cimport AssignCommand

cdef enum:
    MAX_ARMS = 8
    MAX_ARM_NAMES = 255   # of all policies so far

# What an arm sets for the jobs of a queue. Neutral where it sets nothing.
cdef struct ArmQueue:
    uint32_t plan          # NO_SLOT: none
    uint16_t strategy
    uint8_t affinity

cdef struct Experiment:
    uint32_t count         # arms; 0: there is no experiment
    uint32_t queue_count
    int64_t slice          # microseconds; 0: by job id
    uint64_t seed
    uint8_t[MAX_ARMS] arms # numbers: slots of their names plus 1
    ArmQueue* queues       # by arm, then by queue slot


# The place of the arm of a job of this id that comes now.
cdef uint32_t arm_place(const Experiment* experiment, Text id, int64_t now) noexcept nogil
# Gives the command its arm, and what that sets where neither request, rule nor tier set it.
cdef void apply_arm(const Experiment* experiment, Text id, int64_t now, AssignCommand* command) noexcept nogil
