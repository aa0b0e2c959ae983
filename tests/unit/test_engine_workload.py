"""The engine's fast ways of choosing against its definition, which looks at every agent: equal hashes all along."""

from random import Random

import pytest

from fairlead.engine.core import Workload
from fairlead.policy.tables import STRATEGIES

ROUNDS = 4


def workload(rng: Random, strategy: int, agents: int, classes: int, load: float, by_definition: bool) -> Workload:
    """64 skills of which each agent has up to 12; a class demands one to three of them, the first class none."""
    skills = [sorted(rng.sample(range(64), rng.randint(3, 12))) for _ in range(agents)]
    demands = [sorted(rng.sample(skills[rng.randrange(agents)], rng.randint(1, 3))) for _ in range(classes)]
    demands[0] = []  # so that whatever the load asks for finds an agent
    weights = [rng.choice((1, 20, 21, 100, 1000)) for _ in range(agents)]
    capacity = rng.choice((1, 3, 10))
    return Workload(skills, demands, weights, capacity, strategy, load, rng.getrandbits(64), by_definition)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("agents", "classes", "load"), [(12, 4, 0.5), (150, 30, 0.7), (600, 8, 0.9)])
def test_fast_and_by_definition_are_the_same(
    strategy: str, agents: int, classes: int, load: float, tape_length: int, tape_seed: int
) -> None:
    number = STRATEGIES[strategy]
    fast, slow = (
        workload(Random(f"{tape_seed}/{strategy}/{agents}"), number, agents, classes, load, by_definition)
        for by_definition in (False, True)
    )
    pairs = max(1, min(3000, 200_000 // agents) * tape_length // 100_000)
    for _ in range(ROUNDS):
        assert fast.state_hash() == slow.state_hash()
        fast.run(pairs)
        slow.run(pairs)
    assert fast.state_hash() == slow.state_hash()
    assert fast.refusals == slow.refusals
    assert fast.check() == slow.check() == []


def test_the_strategies_differ() -> None:
    """Else equal hashes would prove nothing. Levels and ratings are all alike in a workload, so two have only load."""
    hashes = set()
    for strategy in STRATEGIES.values():
        engine = workload(Random(1), strategy, 50, 5, 0.5, False)
        engine.run(500)
        hashes.add(engine.state_hash())
    assert len(hashes) == len(STRATEGIES) - 2


def test_a_workload_that_cannot_be_is_refused() -> None:
    for skills, demands, weights, load in (
        ([], [[1]], [], 0.5),
        ([[1]], [], [1], 0.5),
        ([[1]], [[1]], [1, 2], 0.5),
        ([[1]], [[1]], [1], 1.0),
        ([[1]], [[2]], [1], 0.9),
    ):
        with pytest.raises(ValueError, match="workload|find an agent"):
            Workload(skills, demands, weights, 10, 3, load, 1)
