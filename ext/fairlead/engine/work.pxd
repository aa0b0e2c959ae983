"""The commands of those who do the work: offers answered, jobs completed, after-work finished. As in decide.pxd, a refused one
commits nothing and every other leaves no waiting job with a candidate."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from fairlead.engine.decide cimport Answer
from fairlead.engine.model cimport Engine

cdef void accept_offer(Engine* e, uint32_t job, uint64_t version, Answer* answer) noexcept nogil
cdef void decline_offer(Engine* e, uint32_t job, uint64_t version, Answer* answer) noexcept nogil
cdef void complete(
    Engine* e, uint32_t job, uint64_t version, int64_t first_response, int32_t satisfaction, bint skip_wrap_up, Answer* answer
) noexcept nogil
cdef void finish_wrap_up(Engine* e, uint32_t job, uint64_t version, Answer* answer) noexcept nogil
