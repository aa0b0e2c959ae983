"""Comparing a policy with itself finds a difference as often as chance does, and common random numbers are common."""

from pathlib import Path

import pytest

from fairlead.reports.statistics import paired_difference
from fairlead.simulate.compare import Policy, compare, play_all
from fairlead.simulate.measures import measure
from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Player
from fairlead.simulate.scenario import parse

RANDOM = 'seed = {}\n[[queues]]\nid = "q"\nstrategy = "random"\n'
LEAST = '[[queues]]\nid = "q"\nstrategy = "least_load"\n'


def uneven_team(replications: int, seed: int = 1) -> Scenario:
    """Agents of different speed, so that it matters who is chosen."""
    return parse(
        {
            "horizon": "4h",
            "replications": replications,
            "seed": seed,
            "agents": [{"id": "slow", "count": 3, "speed": 0.6}, {"id": "fast", "count": 3, "speed": 1.4}],
            "jobs": [
                {
                    "id": "j",
                    "handle": {"law": "exponential", "mean": "60s"},
                    "patience": {"law": "exponential", "mean": "3m"},
                    "arrivals": {"per_minute": 5.0},
                }
            ],
        },
        Path("."),
    )


def rejections(runs: int, replications: int) -> int:
    """How many of so many A/A comparisons, each of so many replications, find a difference in the wait."""
    found = 0
    for run in range(runs):
        scenario = uneven_team(replications, seed=1_000 + run)
        first, second = (Player(scenario, RANDOM.format(seed)) for seed in (2 * run + 1, 2 * run + 2))
        waits = [
            [measure(player.play(number), scenario)["wait"] for number in range(replications)]
            for player in (first, second)
        ]
        found += paired_difference(*waits).is_significant
    return found


def test_a_against_a_rejects_as_often_as_the_confidence_allows(quality: bool) -> None:
    runs = 400 if quality else 30
    found = rejections(runs, 12)
    print(f"A/A: {found} of {runs} comparisons find a difference, {found / runs:.1%}; 5 % is right")
    # Binomial(runs, 0.05): outside of these bounds once in a few hundred.
    low, high = (8, 34) if quality else (0, 6)
    assert low <= found <= high


def test_every_policy_gets_the_same_jobs() -> None:
    scenario = uneven_team(1)
    results = [Player(scenario, policy).play(0) for policy in (RANDOM.format(1), LEAST)]
    assert results[0].tallies[0]["arrived"] == results[1].tallies[0]["arrived"] > 1_000
    assert [each[3] for each in results[0].intervals] == [each[3] for each in results[1].intervals]
    assert results[0].tallies[0]["wait"] != results[1].tallies[0]["wait"]


def test_common_random_numbers_make_differences_sharper() -> None:
    scenario = uneven_team(16)
    runs = play_all(
        scenario,
        [Policy("a", LEAST), Policy("b", LEAST + "saturation_threshold = 50\n")],
        replications=None,
        processes=1,
    )
    same = compare(scenario, runs)
    for contrast in same.contrasts():
        assert contrast.difference.mean == 0 and contrast.difference.needed == 0
    first = [measure(Player(scenario, LEAST).play(n), scenario)["wait"] for n in range(16)]
    paired = [measure(Player(scenario, RANDOM.format(3)).play(n), scenario)["wait"] for n in range(16)]
    apart = [measure(Player(scenario, RANDOM.format(3)).play(n), scenario)["wait"] for n in range(16, 32)]
    together, separate = paired_difference(first, paired), paired_difference(first, apart)
    assert together.high - together.low < 0.9 * (separate.high - separate.low)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_is_the_same_in_one_process_or_two_and_each_time(processes: int) -> None:
    scenario = uneven_team(3)
    (run,) = play_all(scenario, [Policy("a", LEAST)], replications=None, processes=processes)
    assert [result.replication for result in run.results] == [0, 1, 2]
    again = Player(scenario, LEAST).play(2)
    assert run.results[2].tallies == again.tallies and run.results[2].events == again.events
