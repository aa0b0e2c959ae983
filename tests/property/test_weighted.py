"""T4 measured against exact shares, whatever arithmetic the rotation uses."""

from collections import Counter
from fractions import Fraction
from random import Random

import pytest

from fairlead.policy.tables import STRATEGIES, PolicyTables, QueueTable
from fairlead.shard.core import Presence, Shard

TENANT = "default"


def weighted_shard(weights: list[int], capacity: int = 1) -> Shard:
    shard = Shard(virtual_time=True)
    queue = QueueTable("q", strategy=STRATEGIES["weighted"])
    shard.install_policy(TENANT, PolicyTables(queues=(queue,), default_queue="q"))
    for number, weight in enumerate(weights):
        name = f"a{number}"
        shard.create_agent(TENANT, name, weight=weight, capacity=capacity, presence=Presence.ONLINE)
    return shard


def deal(shard: Shard, number: int, *, complete: bool) -> int:
    """Assigns one job; the number of the agent who got it."""
    answer = shard.assign(TENANT, f"j{number}")
    if complete:
        shard.complete(TENANT, answer.job_id, answer.version)
    return int(answer.agent_id[1:])


def assert_within_one(weights: list[int], got: Counter[int], jobs: int) -> None:
    """|count - jobs * weight / total| < 1 for everybody."""
    total = sum(weights)
    for number, weight in enumerate(weights):
        off = abs(got[number] * total - jobs * weight)
        assert off < total, f"after {jobs} jobs a{number} of {weights} has {got[number]}, off by {Fraction(off, total)}"


def test_21_and_20_share_41_jobs_exactly() -> None:
    shard = weighted_shard([21, 20])
    got: Counter[int] = Counter()
    for jobs in range(1, 42):
        got[deal(shard, jobs, complete=True)] += 1
        assert_within_one([21, 20], got, jobs)
    assert got == {0: 21, 1: 20}


@pytest.mark.parametrize("complete", [True, False], ids=["completed", "held"])
@pytest.mark.parametrize("example", range(12))
def test_every_prefix_stays_within_one_job_of_the_exact_shares(example: int, complete: bool, tape_seed: int) -> None:
    """The available set is fixed: each job is completed at once, or there is room for all of them."""
    rng = Random(f"{tape_seed}/{example}")
    extremes = [1, 1000] if example % 3 == 0 else []
    weights = extremes + [rng.randint(1, 1000) for _ in range(rng.randint(2, 30) - len(extremes))]
    shard = weighted_shard(weights, capacity=1 if complete else 10_000)
    got: Counter[int] = Counter()
    for jobs in range(1, 3001):
        got[deal(shard, jobs, complete=complete)] += 1
        assert_within_one(weights, got, jobs)


def test_a_newcomer_starts_at_the_current_point_with_no_debt_owed_to_it() -> None:
    shard = weighted_shard([100, 100])
    for number in range(1000):
        deal(shard, number, complete=True)
    shard.create_agent(TENANT, "a2", weight=100, presence=Presence.ONLINE)
    got = Counter(deal(shard, 1000 + number, complete=True) for number in range(30))
    assert all(abs(count - 10) <= 1 for count in got.values()), got


def test_who_was_away_comes_back_with_at_most_one_job_of_credit() -> None:
    shard = weighted_shard([300, 200, 100])
    for number in range(100):
        deal(shard, number, complete=True)
    shard.set_presence(TENANT, "a0", Presence.AWAY)
    for number in range(100, 1100):
        assert deal(shard, number, complete=True) != 0
    shard.set_presence(TENANT, "a0", Presence.ONLINE)
    got: Counter[int] = Counter()
    for jobs in range(1, 61):
        got[deal(shard, 1100 + jobs, complete=True)] += 1
        assert abs(got[0] - Fraction(jobs, 2)) < 2
