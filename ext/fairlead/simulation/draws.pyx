"""See draws.pxd. Every law but Erlang's takes one uniform number through its inverse, so that streams stay in step."""

from libc.math cimport exp, fabs, log, sqrt


cdef double law_draw(const Law* law, uint64_t key, uint64_t index) noexcept nogil:
    """One time in microseconds."""
    cdef double u, product
    cdef uint64_t phase, phases
    if law.kind == CONSTANT:
        return law.a
    u = draw_uniform(key, index)
    if law.kind == EXPONENTIAL:          # a: mean
        return -law.a * log(u)
    if law.kind == LOGNORMAL:            # a, b: mean and deviation of the logarithm
        return exp(law.a + law.b * normal_quantile(u))
    if law.kind == UNIFORM:              # a, b: least and most
        return law.a + (law.b - law.a) * u
    if law.kind == HYPEREXPONENTIAL:     # c: share of those with mean a; the others have mean b
        return -law.a * log(u / law.c) if u < law.c else -law.b * log((u - law.c) / (1 - law.c))
    if law.kind == ERLANG:               # a: mean, b: phases
        product = u
        phases = <uint64_t> law.b
        for phase in range(1, phases):
            product *= draw_uniform(key ^ (phase << 56), index)
        return -law.a / law.b * log(product)
    return law.values[<uint32_t> (u * law.count)]


cdef inline double poly(const double* c, int degree, double x) noexcept nogil:
    cdef double value = c[degree]
    while degree > 0:
        degree -= 1
        value = value * x + c[degree]
    return value


cdef double[8] CENTRE = [
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
]
cdef double[8] CENTRE_BELOW = [
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
    3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
]
cdef double[8] MIDDLE = [
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
]
cdef double[8] MIDDLE_BELOW = [
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
    1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
]
cdef double[8] TAIL = [
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
]
cdef double[8] TAIL_BELOW = [
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
    1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
]


cdef double normal_quantile(double p) noexcept nogil:
    """Inverse of the normal distribution to 16 digits (Wichura 1988, algorithm AS 241)."""
    cdef double q = p - 0.5, r, value
    if fabs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * poly(CENTRE, 7, r) / poly(CENTRE_BELOW, 7, r)
    r = sqrt(-log(p if q < 0 else 1 - p))
    if r <= 5:
        value = poly(MIDDLE, 7, r - 1.6) / poly(MIDDLE_BELOW, 7, r - 1.6)
    else:
        value = poly(TAIL, 7, r - 5) / poly(TAIL_BELOW, 7, r - 5)
    return -value if q < 0 else value
