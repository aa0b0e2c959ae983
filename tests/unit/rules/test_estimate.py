"""E1: what a waiting job may expect, its place and how long such jobs wait."""

from collections.abc import Callable
from random import Random

import pytest

from tests.unit.rules.support import SECOND, Routing, queue

Make = Callable[..., Routing]


def test_the_position_counts_smaller_keys_of_the_queue(routing: Make) -> None:
    """E1, Q3: every line of the queue counts, other queues do not, and a head start moves a job forward."""
    r = routing(queue("q"), queue("other"))
    r.assign("elsewhere", queue="other")
    positions = [
        r.assign("a").position,
        r.assign("b", skills={"en": 1}).position,
        r.assign("c").position,
        r.assign("vip", head_start_us=60 * SECOND).position,
    ]
    assert positions == [1, 2, 3, 1]
    assert [r.job(job).position for job in ("vip", "a", "b", "c")] == [1, 2, 3, 4]


def test_beyond_what_is_counted_the_position_is_the_length_of_the_line(routing: Make) -> None:
    """E1: an answer must not cost the length of the backlog."""
    r = routing()
    positions = [r.assign(f"j{number}").position for number in range(400)]
    assert positions == list(range(1, 401))
    assert r.job("j399").position == 400


def test_who_does_not_wait_in_line_has_no_position(routing: Make) -> None:
    """E1: placed, held for an agent, ended."""
    r = routing(queue(affinity_mode=2)).online("ann")
    assert r.assign("placed").position == 0
    assert r.assign("held", wanted_agent="ann", wanted_hold_us=SECOND).position == 0
    r.cancel("placed")
    assert r.job("placed").position == 0


def test_the_wait_is_unknown_until_the_line_has_moved_often_enough(routing: Make) -> None:
    """E1: five jobs taken from the line; before that an honest 0."""
    r = routing().online("ann")
    r.deal(7)
    for second in range(1, 6):
        assert r.job("j6").wait_p50_us == 0
        r.at(10 * second)
        r.complete(f"j{second - 1}")
    view = r.job("j6")
    assert view.position == 1
    assert 6 * SECOND < view.wait_p50_us < 8 * SECOND  # median of an exponential gap of 10 s: 6.9 s
    assert 21 * SECOND < view.wait_p90_us < 25 * SECOND  # 23 s


def test_an_idle_time_without_a_line_is_no_gap(routing: Make) -> None:
    """E1: an hour in which nobody waited says nothing about how fast the line moves."""
    r = routing().online("ann")
    for hour in range(8):
        r.at(3600 * hour)
        r.assign(f"now{hour}")
        r.assign(f"next{hour}")
        r.at(3600 * hour + 10)
        r.complete(f"now{hour}")
        r.complete(f"next{hour}")
    r.assign("last")
    answer = r.assign("waits")
    assert 0 < answer.wait_p50_us < 10 * SECOND


@pytest.mark.parametrize("agents", [1, 5])
def test_waits_fall_under_the_quantiles_as_often_as_they_say(routing: Make, agents: int) -> None:
    """E1: random arrivals and handle times at 95 % load; about half of all waits below p50, nine of ten below p90."""
    rng = Random(7)
    r = routing()
    for number in range(agents):
        r.online(f"a{number}")
    now, number = 0.0, 0
    arrival = 0.0
    ends: list[tuple[float, str]] = []
    told: dict[str, tuple[float, int, int]] = {}
    below50 = below90 = count = 0
    while count < 3000:
        if not ends or arrival < min(ends)[0]:
            now = arrival
            arrival += rng.expovariate(0.95 * agents / 100)
            r.at(now)
            job = f"j{number}"
            number += 1
            answer = r.assign(job)
            if answer.agent_id:
                ends.append((now + rng.expovariate(1 / 100), job))
            elif answer.wait_p50_us:
                told[job] = (now, answer.wait_p50_us, answer.wait_p90_us)
        else:
            now, job = min(ends)
            ends.remove((now, job))
            agent = r.who(job)
            r.at(now)
            r.complete(job)
            for following in [job.id for job in r.all_jobs() if r.who(job.id) == agent]:
                ends.append((now + rng.expovariate(1 / 100), following))
                if following in told:
                    since, p50, p90 = told.pop(following)
                    below50 += (now - since) * SECOND <= p50
                    below90 += (now - since) * SECOND <= p90
                    count += 1
    assert 0.42 < below50 / count < 0.58
    assert 0.82 < below90 / count < 0.95
