"""Numbers of a report: percentiles, Jain's index, spread. Pure."""

import math
from collections.abc import Sequence

from fairlead.reports.statistics import percentile


def summary(values: Sequence[float], digits: int) -> dict[str, float]:
    """p50, p95, p99, max and mean, rounded."""
    ascending = sorted(values)
    return {
        "p50": round(percentile(ascending, 50), digits),
        "p95": round(percentile(ascending, 95), digits),
        "p99": round(percentile(ascending, 99), digits),
        "max": round(ascending[-1] if ascending else 0.0, digits),
        "mean": round(math.fsum(ascending) / len(ascending) if ascending else 0.0, digits),
    }


def jain_index(values: Sequence[float]) -> float | None:
    """Jain's index of fairness (1984): 1 when all are equal, 1/n when one has all; None for no values or all zero."""
    squares = math.fsum(value * value for value in values)
    return math.fsum(values) ** 2 / (len(values) * squares) if squares else None


def spread(values: Sequence[float]) -> float | None:
    """Largest over smallest; None when there is none or the smallest is not positive."""
    return max(values) / min(values) if values and min(values) > 0 else None
