"""A second opinion: ciw (Palmer et al. 2019), an independent simulator, plays the same systems and must agree."""

from collections.abc import Mapping
from typing import Any

import pytest

from fairlead.reports.statistics import mean_interval
from tests.simulation.known import FIFO, team
from tests.simulation.systems import COVERING, UNIT_S, System, by_type, replications

ciw = pytest.importorskip("ciw")

# name: agents, arrivals by type and unit, law of the work here and there, urgencies by type
SYSTEMS: Mapping[str, tuple[int, list[float], Any, Any, list[int]]] = {
    "M/G/3 with heavy work": (
        *(3, [2.4], {"law": "lognormal", "mean": f"{UNIT_S:g}s", "cv": 1.5}),
        # Mean 1 and deviation 1.5: the logarithm has variance ln(1 + 1.5^2) and mean minus half of it.
        lambda: ciw.dists.Lognormal(-0.5893275, 1.0856587),
        [0],
    ),
    "M/D/2": (2, [1.6], f"{UNIT_S:g}s", lambda: ciw.dists.Deterministic(1.0), [0]),
    "M/M/3 with two urgencies": (
        *(3, [0.6, 1.8], {"law": "exponential", "mean": f"{UNIT_S:g}s"}),
        lambda: ciw.dists.Exponential(1.0),
        [1, 0],
    ),
}


def ours(name: str, count: int, jobs: int) -> list[float]:
    agents, arrivals, law, _, urgencies = SYSTEMS[name]
    kinds = [
        {"id": f"t{n}", "handle": law, "arrivals": {"per_second": rate / UNIT_S}, "urgency": urgency}
        for n, (rate, urgency) in enumerate(zip(arrivals, urgencies, strict=True))
    ]
    system = System(name, {"agents": [team(agents)], "jobs": kinds}, FIFO, {}, by_type)
    return [sample["wait t0"] for sample in replications(system, count, jobs)]


def theirs(name: str, count: int, jobs: int) -> list[float]:
    agents, arrivals, _, law, urgencies = SYSTEMS[name]
    classes = [f"t{n}" for n in range(len(arrivals))]
    network = ciw.create_network(
        arrival_distributions={c: [ciw.dists.Exponential(rate)] for c, rate in zip(classes, arrivals, strict=True)},
        service_distributions={c: [law()] for c in classes},
        number_of_servers=[agents],
        # Theirs counts from 0 for the first to be served.
        priority_classes={c: max(urgencies) - urgency for c, urgency in zip(classes, urgencies, strict=True)},
    )
    horizon = jobs / sum(arrivals)
    waits = []
    for number in range(count):
        ciw.seed(number)
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_time(horizon)
        kept = [
            record.waiting_time
            for record in simulation.get_all_records()
            if record.customer_class == "t0" and record.arrival_date > horizon / 20
        ]
        waits.append(sum(kept) / len(kept))
    return waits


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_independent_simulator_agrees(name: str, quality: bool) -> None:
    count, jobs = (20, 20_000) if quality else (8, 2_500)
    one = mean_interval(ours(name, 4 * count, 4 * jobs), COVERING)
    other = mean_interval(theirs(name, count, jobs), COVERING)
    print(f"{name}: ours {one.mean:.5f} ± {one.half_width:.5f}, ciw {other.mean:.5f} ± {other.half_width:.5f}")
    assert abs(one.mean - other.mean) <= one.half_width + other.half_width
    assert one.half_width < 0.15 * one.mean and other.half_width < (0.2 if quality else 0.6) * other.mean
