"""Shares by weight (T4): one rotation for each class of a weighted queue.

Each member i has a virtual start S and finish F = S + SCALE / weight; a job of the class moves virtual time V on by
SCALE / (weight of the present). A job goes to the earliest finish among those whose start lies before the next V: the rule of
EEVDF and WF2Q+ with unit jobs and the windows of Pfair scheduling (Baruah, Cohen, Plaxton, Varvel 1996), for which the
earliest deadline keeps every count within one of its exact share at every prefix. Whoever is absent keeps their lag S - V,
within one job, so absence neither earns nor costs.

Two heaps share one array: `ready` (started before the next turn, by finish) from the left, `pending` (by start) from the right.
A finish ties to whoever was given a job least recently. A member's start stands in their cell; the node in a heap has what it
was when the node was put there. Starts and stamps only grow, so a node is never too late, and what it says is compared with the
cell when it reaches the top: being given a job, becoming full and coming back touch no heap.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fairlead.engine.model cimport CellBlock, Engine, Rotation

# lcm(1..40) * 5: exact for the weights people use; others are rounded by at most one part in 2^54 a job.
cdef enum: SCALE = 26714657285316000


cdef inline uint64_t turn(uint32_t weight) noexcept nogil:
    """Virtual length of one job: SCALE / weight, rounded up."""
    return (<uint64_t> SCALE + weight - 1) // weight


cdef void rotation_start(Engine* e, uint32_t cls) noexcept nogil
cdef void rotation_empty(Engine* e, uint32_t cls) noexcept nogil
cdef void rotation_stop(Engine* e, uint32_t cls) noexcept nogil
cdef void rotation_add(Engine* e, uint32_t cls, uint32_t agent) noexcept nogil
cdef void rotation_drop(Engine* e, uint32_t cell) noexcept nogil
cdef void rotation_drop_all(Engine* e, uint32_t agent) noexcept nogil
cdef void rotation_attend(Engine* e, uint32_t agent, uint16_t channels) noexcept nogil
cdef uint32_t rotation_cell(const Engine* e, uint32_t cls, uint32_t agent) noexcept nogil
cdef uint64_t rotation_begin(const Engine* e, uint32_t cell) noexcept nogil
cdef uint64_t rotation_limit(const Rotation* rotation) noexcept nogil
cdef uint32_t rotation_pick(Engine* e, uint32_t cls) noexcept nogil
cdef void rotation_charge(Engine* e, uint32_t cls, uint32_t agent, bint is_picked, bint in_absence) noexcept nogil
cdef void rotation_weigh(Engine* e, uint32_t agent, uint16_t weight) noexcept nogil
cdef bint is_present(const Engine* e, uint32_t cell) noexcept nogil
cdef bint rotation_check(const Engine* e, uint32_t cls) noexcept nogil
