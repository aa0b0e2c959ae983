"""The simulator gives the known answers of queueing theory; `make quality` asks for more of them, and closer."""

import pytest

from tests.simulation.known import COMPUTED
from tests.simulation.systems import System, interval, replications

JOBS = 30_000
REPLICATIONS = 20


@pytest.mark.parametrize("system", COMPUTED, ids=lambda system: system.name)
def test_a_short_run_covers_the_exact_value(system: System) -> None:
    samples = replications(system, REPLICATIONS, JOBS)
    for key, exact in system.exact.items():
        found = interval(samples, key)
        assert found.covers(exact), f"{key}: {found.mean:.5f} ({found.low:.5f} to {found.high:.5f}), exact {exact:.5f}"
        # An interval that covers everything would prove nothing.
        assert found.half_width < 0.2 * exact
