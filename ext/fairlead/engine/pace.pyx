"""See pace.pxd. The pace is the mean time between two jobs taken from the class's line while there was one, so it holds what the
agents, the other classes and the handle times do to this class, without asking any of them."""

from fairlead.base.heap cimport heap_node
from fairlead.engine.model cimport Heap, job_before

cdef enum:
    WEIGHT_BITS = 4    # a gap weighs 1/16
    ENOUGH = 255       # where counting gaps stops


cdef void pace_begins(Class* c, int64_t now) noexcept nogil:
    """A job joins an empty line: the time before it says nothing about how fast lines move."""
    c.pace_since = now


cdef void pace_taken(Class* c, int64_t now) noexcept nogil:
    """An agent takes a job of the line."""
    cdef int64_t gap = now - c.pace_since
    if c.pace_count == 0:
        c.pace_gap = gap << WEIGHT_BITS
    else:
        c.pace_gap += gap - ((c.pace_gap + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS)
    if c.pace_count < ENOUGH:
        c.pace_count += 1
    c.pace_since = now


cdef uint32_t jobs_before(const Engine* e, uint32_t cls, uint32_t job) noexcept nogil:
    """Jobs of the class's line with a smaller key; where more than LOOKED_AT are, all of the line. O(LOOKED_AT)."""
    cdef const Heap* line = &e.classes[cls].waiting
    cdef uint32_t[4 * LOOKED_AT + 4] open
    cdef uint32_t open_count = 0, count = 0, index, child
    if line.size and job_before(&e.jobs[heap_node(line, 0).item], &e.jobs[job]):
        open[0] = 0
        open_count = 1
    while open_count:
        open_count -= 1
        index = open[open_count]
        count += 1
        if count == LOOKED_AT:
            return line.size
        for child in range(4 * index + 1, 4 * index + 5):
            if child < line.size and job_before(&e.jobs[heap_node(line, child).item], &e.jobs[job]):
                open[open_count] = child
                open_count += 1
    return count


cdef uint32_t jobs_before_in_queue(const Engine* e, uint32_t job) noexcept nogil:
    """The same over all lines of the job's queue. O(lines of the tenant + LOOKED_AT for each of the queue)."""
    cdef uint32_t queue = e.classes[e.jobs[job].cls].queue, index, count = 0
    for index in range(e.waiting_class_count):
        if e.classes[e.waiting_classes[index]].queue == queue:
            count += jobs_before(e, e.waiting_classes[index], job)
            if count >= LOOKED_AT:
                return e.queues[queue].waiting - 1
    return count
