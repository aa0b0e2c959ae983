"""See estimate.pxd.

With k jobs of its class's line to be taken, itself included, and a mean gap between two of them, the wait is taken as the sum of k independent
exponential gaps. Its quantiles come from the cube-root approximation of Wilson and Hilferty (1931): within 2 % of exact for one gap, better for
more. The estimate leaves out that some of those before may give up, and that the past may be no guide.
"""

from libc.math cimport sqrt
from libc.string cimport memset

from fairlead.engine.model cimport Class, QUEUED
from fairlead.engine.pace cimport jobs_before, jobs_before_in_queue

cdef enum:
    LEAST_GAPS = 5    # fewer say too little

cdef double NORMAL_P90 = 1.2815515655446004


cdef double gamma_quantile(double k, double normal) noexcept nogil:
    """Of the sum of k gaps of mean 1, by the standard normal's quantile."""
    cdef double root = 1 - 1 / (9 * k) + normal / (3 * sqrt(k))
    return k * root * root * root


cdef void estimate_wait(const Engine* e, uint32_t job, WaitEstimate* out) noexcept nogil:
    """All 0 for a job that does not wait in a line; the times are 0 while the class has been seen too little."""
    cdef const Class* c = &e.classes[e.jobs[job].cls]
    cdef double k, gap
    memset(out, 0, sizeof(WaitEstimate))
    if e.jobs[job].state != QUEUED or e.jobs[job].held:
        return
    out.position = <int> jobs_before_in_queue(e, job) + 1
    if c.pace_count >= LEAST_GAPS:
        k = jobs_before(e, e.jobs[job].cls, job) + 1
        gap = c.pace_gap / 16.0
        out.p50_us = <long long> (gap * gamma_quantile(k, 0)) + 1
        out.p90_us = <long long> (gap * gamma_quantile(k, NORMAL_P90)) + 1
