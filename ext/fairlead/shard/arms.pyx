"""See arms.pxd."""

from fairlead.base.memory cimport mix64
from fairlead.directory.names cimport NO_SLOT, text_hash


cdef uint32_t slice_place(const Experiment* experiment, int64_t now) noexcept nogil:
    """Shuffles the arms of the slice's block as far as the slice (Fisher and Yates, from the end)."""
    cdef uint64_t number = <uint64_t> (now // experiment.slice), block = number // experiment.count
    cdef uint32_t wanted = <uint32_t> (number % experiment.count), left = experiment.count, place
    cdef uint8_t[MAX_ARMS] order
    cdef uint8_t taken = 0
    for place in range(experiment.count):
        order[place] = <uint8_t> place
    while left > experiment.count - wanted - 1:
        place = <uint32_t> (mix64(experiment.seed ^ mix64(block * MAX_ARMS + left)) % left)
        taken = order[place]
        order[place] = order[left - 1]
        left -= 1
    return taken


cdef uint32_t arm_place(const Experiment* experiment, Text id, int64_t now) noexcept nogil:
    if experiment.slice:
        return slice_place(experiment, now)
    return <uint32_t> (mix64(text_hash(experiment.seed, id)) % experiment.count)


cdef void apply_arm(const Experiment* experiment, Text id, int64_t now, AssignCommand* command) noexcept nogil:
    cdef uint32_t place
    cdef const ArmQueue* setting
    command.arm = 0
    if experiment.count == 0:
        return
    place = arm_place(experiment, id, now)
    command.arm = experiment.arms[place]
    if command.queue >= experiment.queue_count:
        return
    setting = &experiment.queues[place * experiment.queue_count + command.queue]
    if command.strategy == 0:
        command.strategy = setting.strategy
    if command.plan == NO_SLOT:
        command.plan = setting.plan
    if command.affinity == 0:
        command.affinity = setting.affinity
