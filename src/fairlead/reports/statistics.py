"""Means with confidence intervals, paired differences, and how many samples a difference needs.

Everything is for independent samples, such as replications of a simulation or days of a trace, and exact for normal
ones. Student's t is computed here (Abramowitz and Stegun 26.7: through the incomplete beta function by its continued
fraction), because a library for this one function would be the largest dependency of the package.
"""

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

from fairlead.errors import error

CONFIDENCE = 0.95
POWER = 0.8
BOOTSTRAP_DRAWS = 2_000
_TINY = 1e-300
_ACCURACY = 1e-14
_MOST_TERMS = 1_000
_ROUNDS = 10
_HALVINGS = 60
_MOST_SAMPLES = 10**12


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank); 0 for no values."""
    if not ascending:
        return 0.0
    rank = math.ceil(percent / 100 * len(ascending))
    return ascending[max(1, rank) - 1]


class Interval(NamedTuple):
    """A mean of `samples` samples with the bounds of its confidence interval, which are nan for a single sample."""

    mean: float
    low: float
    high: float
    samples: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    def covers(self, value: float) -> bool:
        """Whether `value` lies inside; a single sample covers nothing."""
        return self.low <= value <= self.high


class Difference(NamedTuple):
    """Second minus first of paired samples: the mean with its interval, what it is relative to, how sure it is."""

    mean: float
    low: float
    high: float
    samples: int
    base: float
    p_value: float
    needed: int

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def relative(self) -> float:
        """The difference as a part of the first mean; nan when that is zero."""
        return self.mean / abs(self.base) if self.base else math.nan


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean and its t interval. Raises InvalidArgument without a sample."""
    mean, deviation = _moments(values)
    half = margin(deviation, len(values), confidence)
    return Interval(mean, mean - half, mean + half, len(values))


def paired_difference(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE, power: float = POWER
) -> Difference:
    """Second minus first, pair by pair, by the t distribution.

    `needed` is how many pairs would show a difference as large as the one seen with this `power`; 0 when there is none
    to show. Raises InvalidArgument for lists of different length or without a pair.
    """
    if len(first) != len(second):
        raise error("INVALID_FIELD", f"{len(first)} and {len(second)} samples are no pairs; they must be as many")
    changes = [b - a for a, b in zip(first, second, strict=True)]
    mean, deviation = _moments(changes)
    half = margin(deviation, len(changes), confidence)
    base = math.fsum(first) / len(first)
    needed = sample_size(deviation, mean, confidence, power) if deviation else 0
    return Difference(
        mean, mean - half, mean + half, len(changes), base, _p_value(mean, deviation, len(changes)), needed
    )


def bootstrap_interval(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float] | None = None,
    *,
    confidence: float = CONFIDENCE,
    draws: int = BOOTSTRAP_DRAWS,
    seed: int = 1,
) -> Interval:
    """A percentile bootstrap interval (Efron 1979) of the mean, or of another statistic of the samples.

    For samples far from normal. Follows from `seed`. Raises InvalidArgument without a sample. Cost: draws * samples.
    """
    _moments(values)
    of = statistic or _mean
    draw = random.Random(seed)
    found = sorted(of(draw.choices(values, k=len(values))) for _ in range(draws))
    tail = (1 - confidence) / 2
    low, high = found[int(tail * (draws - 1))], found[math.ceil((1 - tail) * (draws - 1))]
    return Interval(of(values), low, high, len(values))


def sample_size(deviation: float, effect: float, confidence: float = CONFIDENCE, power: float = POWER) -> int:
    """Samples that show a mean of `effect` at this confidence with this power, when one sample deviates so much.

    0 for an effect of zero, which no number of samples shows; at least 2 otherwise.
    """
    if effect == 0:
        return 0
    normal = NormalDist()
    scale = deviation / abs(effect)
    needed = _at_least_two((normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(power)) * scale)
    # The quantiles of t depend on the number sought; from the normal answer a few rounds settle it.
    for _ in range(_ROUNDS):
        better = _at_least_two((t_quantile((1 + confidence) / 2, needed - 1) + t_quantile(power, needed - 1)) * scale)
        if better == needed:
            break
        needed = better
    return needed


def margin(deviation: float, count: int, confidence: float = CONFIDENCE) -> float:
    """Half the width of the t interval of a mean of `count` samples; nan for one."""
    if count < 2:
        return math.nan
    return t_quantile((1 + confidence) / 2, count - 1) * deviation / math.sqrt(count)


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: int) -> float:
    """Where Student's t distribution with so many degrees of freedom reaches a probability in (0, 1)."""
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while t_probability(high, freedom) < probability:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if t_probability(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def t_probability(value: float, freedom: int) -> float:
    """How probable it is that Student's t with so many degrees of freedom is at most `value`."""
    tail = 0.5 * _beta_regularised(freedom / 2, 0.5, freedom / (freedom + value * value))
    return 1 - tail if value >= 0 else tail


def _at_least_two(root: float) -> int:
    """The whole number of samples for a square root of it."""
    return max(2, math.ceil(min(root * root, _MOST_SAMPLES)))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; 0 for a single sample."""
    if not values:
        raise error("INVALID_FIELD", "0 samples; at least 1 is needed")
    mean = _mean(values)
    if len(values) == 1:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _p_value(mean: float, deviation: float, count: int) -> float:
    if count < 2:
        return math.nan
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * t_probability(-abs(mean) * math.sqrt(count) / deviation, count - 1)


def _beta_regularised(a: float, b: float, x: float) -> float:
    """I_x(a, b) by Lentz's evaluation of its continued fraction."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_regularised(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    d = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    c, fraction = 1.0, d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            fraction *= d * c
        if abs(d * c - 1) < _ACCURACY:
            break
    return front * fraction / a


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
