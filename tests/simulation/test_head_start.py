"""Priority with a head start, against a reference of its own: the same customers in a few lines of plain Python.

Who has a head start waits in line as if they had come so much earlier (Jackson's dynamic priority). Arrivals and work
are recorded, so every wait must be the same to the microsecond, not only the mean.
"""

import heapq
import random
from pathlib import Path

import pytest

from fairlead.simulate.run import Player
from fairlead.simulate.scenario import parse
from tests.simulation.known import FIFO, team

SECOND = 1_000_000
JOBS = 20_000


def arrivals(seed: int, agents: int, rho: float) -> list[tuple[int, str, int]]:
    """(time, type, work) in microseconds; a fifth of the jobs is of type high."""
    rng = random.Random(seed)
    time, found = 0, []
    for _ in range(JOBS):
        time += 1 + round(rng.expovariate(rho * agents / 100) * SECOND)
        found.append((time, "high" if rng.random() < 0.2 else "low", 1 + round(rng.expovariate(1 / 100) * SECOND)))
    return found


def expected(jobs: list[tuple[int, str, int]], agents: int, head_start: int) -> dict[str, float]:
    """Mean waits in seconds: who is free takes the waiting job whose arrival, less its head start, is the earliest."""
    free = [0] * agents
    waiting: list[tuple[int, int, int, str, int]] = []
    waits: dict[str, list[int]] = {"high": [], "low": []}

    def serve(until: int) -> None:
        while waiting and free[0] < until:
            _, _, came, kind, work = heapq.heappop(waiting)
            begin = max(heapq.heappop(free), came)
            waits[kind].append(begin - came)
            heapq.heappush(free, begin + work)

    for number, (came, kind, work) in enumerate(jobs):
        # Those who got free before, or now, took the earliest of those who had come before.
        serve(came + 1)
        heapq.heappush(waiting, (came - head_start * (kind == "high"), number, came, kind, work))
        serve(came + 1)
    serve(1 << 62)
    return {kind: sum(found) / len(found) / SECOND for kind, found in waits.items()}


@pytest.mark.parametrize(
    ("agents", "rho", "head_start_s"), [(1, 0.8, 90), (3, 0.9, 200), (5, 0.95, 3_600), (4, 0.9, 0)]
)
def test_every_wait_is_that_of_the_reference(tmp_path: Path, agents: int, rho: float, head_start_s: int) -> None:
    jobs = arrivals(7, agents, rho)
    lines = [f"{came / SECOND:.6f},{kind},{work / SECOND:.6f}" for came, kind, work in jobs]
    (tmp_path / "calls.csv").write_text("\n".join(["arrival,type,handle", *lines]) + "\n")
    horizon = f"{jobs[-1][0] // SECOND + 1}s"
    document = {
        "horizon": horizon,
        "interval": horizon,
        "drain": "30d",
        "service_level": "20s",
        "allow_overload": True,
        "trace": {"file": "calls.csv", "daily": False},
        "agents": [team(agents)],
        "jobs": [{"id": "high", "head_start": f"{head_start_s}s"}, {"id": "low"}],
    }
    result = Player(parse(document, tmp_path), FIFO).play(0)
    wanted = expected(jobs, agents, head_start_s * SECOND)
    found = {
        kind: tally["wait"] / tally["served"] / SECOND
        for kind, tally in zip(("high", "low"), result.tallies, strict=True)
    }
    assert sum(tally["served"] for tally in result.tallies) == JOBS
    assert found == pytest.approx(wanted, abs=1e-6)
    if head_start_s:
        assert wanted["high"] < 0.9 * wanted["low"]
