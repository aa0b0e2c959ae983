"""Queueing systems whose answers are known, as scenarios, with closed forms computed here, apart from the product.

The unit of time is a mean service time, played as 100 s so that a microsecond is small.
"""

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from fairlead.reports.statistics import Interval, mean_interval
from fairlead.simulate.measures import US, measure
from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Player, Result
from fairlead.simulate.scenario import parse

UNIT_S = 100.0
# By how much the interval that must cover the exact value may be wrong: a few dozen are looked at in each run.
COVERING = 0.999

QUEUE = '[[queues]]\nid = "q"\nstrategy = "{}"\n'


@dataclass(frozen=True)
class System:
    """A scenario with a policy; `values` are what is measured in a replication, `exact` what they must come to.

    Replications are of `length` times as many jobs as usual: many agents who each have a line of their own need long to
    forget that they began with nothing.
    """

    name: str
    document: Mapping[str, Any]
    policy: str
    exact: Mapping[str, float]
    values: Callable[[Result, Scenario], Mapping[str, float]]
    tolerance: float = 0.01
    length: float = 1.0

    def scenario(self, jobs: float) -> Scenario:
        """Long enough for about so many jobs in a replication, the first 5 % as warm-up."""
        rate = sum(_per_second(job["arrivals"]) for job in self.document["jobs"])
        horizon = max(1, round(jobs * self.length / rate))
        times = {"horizon": f"{horizon}s", "warm_up": f"{horizon // 20}s", "drain": "30d", "interval": f"{horizon}s"}
        return parse({"service_level": "20s", "allow_overload": True, **times, **self.document}, Path("."))


def _per_second(arrivals: Mapping[str, Any]) -> float:
    """How many come, on average over steps of one length."""
    steps = arrivals.get("steps", [arrivals])
    return math.fsum(step["per_second"] for step in steps) / len(steps)


def job(name: str, load: float, **more: Any) -> dict[str, Any]:
    """A type of job that comes `load` times in a unit of time and takes one, exponential both."""
    law = {"law": "exponential", "mean": f"{UNIT_S:g}s"}
    return {"id": name, "handle": law, "arrivals": {"per_second": load / UNIT_S}, **more}


def replications(system: System, count: int, jobs: float, first: int = 0) -> list[Mapping[str, float]]:
    """The values of so many replications, played in this process."""
    scenario = system.scenario(jobs)
    player = Player(scenario, system.policy)
    return [system.values(player.play(number), scenario) for number in range(first, first + count)]


def interval(samples: Sequence[Mapping[str, float]], key: str, confidence: float = COVERING) -> Interval:
    """Of one value over replications."""
    return mean_interval([sample[key] for sample in samples], confidence)


def usual(result: Result, scenario: Scenario) -> dict[str, float]:
    """The product's own measures, with times in units."""
    found = measure(result, scenario)
    return found | {"wait": found["wait"] / UNIT_S, "sojourn": found["sojourn"] / UNIT_S}


def by_type(result: Result, scenario: Scenario) -> dict[str, float]:
    """Mean wait of each type, in units, and of all."""
    waits = {
        f"wait {each.id}": measure(result, scenario, kind)["wait"] / UNIT_S for kind, each in enumerate(scenario.jobs)
    }
    return waits | {"wait": measure(result, scenario)["wait"] / UNIT_S}


def loads(result: Result, scenario: Scenario) -> dict[str, float]:
    """How busy each agent was."""
    return {f"agent {n}": server["busy"] / server["staffed"] for n, server in enumerate(result.servers, 1)}


def by_phase(result: Result, scenario: Scenario) -> dict[str, float]:
    """How many agents are busy: the mean, and a wave over the period of the arrivals, with its height and its lag in
    units beside the wave of arrivals that were drawn.

    A sine loses height when each step is taken as one value, and so does what is counted by steps. Whole periods alone
    count, and not the first one, which begins with nobody busy.
    """
    steps = len(scenario.jobs[0].steps)
    told = numpy.array(result.intervals)[:, [1, 3]] / scenario.interval
    busy, arrived = told[steps : len(told) // steps * steps].reshape(-1, steps, 2).mean(axis=0).T
    turn = numpy.exp(-2j * math.pi * numpy.arange(steps) / steps)
    left = math.sin(math.pi / steps) / (math.pi / steps)
    ratio = complex((busy @ turn) / (arrived @ turn)) / (UNIT_S * US) / left**2
    lag = -cmath.phase(ratio) / (2 * math.pi) * steps * scenario.interval / US / UNIT_S
    return {"busy": float(busy.mean()), "wave": abs(ratio), "lag": lag}


# ---- closed forms


def erlang_b(agents: int, load: float) -> float:
    """Share lost of M/M/n/n, by its recursion."""
    loss = 1.0
    for n in range(1, agents + 1):
        loss = load * loss / (n + load * loss)
    return loss


def erlang_c(agents: int, load: float) -> float:
    """Share that waits of M/M/n."""
    loss = erlang_b(agents, load)
    return loss / (1 - load / agents * (1 - loss))


def erlang_a(agents: int, load: float, impatience: float) -> tuple[float, float]:
    """Share that gives up, and mean backlog, of M/M/n+M: sums over its birth-death chain."""
    weights = [1.0]
    for n in range(1, agents + 2_000):
        weights.append(weights[-1] * load / (min(n, agents) + impatience * max(0, n - agents)))
    total = math.fsum(weights)
    backlog = math.fsum((n - agents) * weight for n, weight in enumerate(weights) if n > agents) / total
    return impatience * backlog / load, backlog


def hunting(agents: int, load: float) -> list[float]:
    """How busy each agent is when a loss system always tries them in the same order: what overflows each (Erlang)."""
    passed = [load * erlang_b(n, load) for n in range(agents + 1)]
    return [passed[n] - passed[n + 1] for n in range(agents)]


def wave(height: float, period: float) -> tuple[float, float]:
    """Height and lag of how many are busy in M_t/M/inf when the arrivals follow a sine of this height."""
    pace = 2 * math.pi / period
    return height / math.hypot(1, pace), math.atan(pace) / pace


def two_unlike_agents(speeds: tuple[float, float], load: float) -> tuple[float, float]:
    """How busy two agents of different speed are, the longest idle first: its Markov chain.

    With b1, b2 for one being busy alone and 1 for both without a backlog, b1 (load + m1) = m2 (b2 + 1) and likewise
    for b2: of two idle agents the next is not who became idle last. Behind 1 the backlog is geometric.
    """
    m1, m2 = speeds
    first, second = numpy.linalg.solve(numpy.array([[load + m1, -m2], [-m1, load + m2]]), numpy.array([m2, m1]))
    both = 1 / (1 - load / (m1 + m2))
    total = first + second + both + (first * m1 + second * m2) / load
    return float((first + both) / total), float((second + both) / total)


def two_slow_agents(rates: tuple[float, float], arrivals: float) -> float:
    """Mean sojourn of two agents of capacity 2 who do rates[i-1] with i jobs, least loaded first: its Markov chain.

    States are the loads (more, fewer), then a backlog behind two full agents, cut where nothing of it is left.
    """
    states = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]
    waiting = 400
    index = {state: place for place, state in enumerate(states)}
    size = len(states) + waiting
    generator = numpy.zeros((size, size))

    def flow(start: int, end: int, rate: float) -> None:
        generator[start, end] += rate
        generator[start, start] -= rate

    for (more, fewer), place in index.items():
        if (more, fewer) != (2, 2):
            flow(place, index[tuple(sorted((more, fewer + 1), reverse=True))], arrivals)
        for busy, other in ((more, fewer), (fewer, more)):
            if busy:
                flow(place, index[tuple(sorted((busy - 1, other), reverse=True))], rates[busy - 1])
    for queued in range(waiting):
        place = len(states) + queued
        below = index[2, 2] if queued == 0 else place - 1
        flow(below, place, arrivals)
        flow(place, below, 2 * rates[1])
    generator[:, -1] = 1
    target = numpy.zeros(size)
    target[-1] = 1
    shares = numpy.linalg.solve(generator.T, target)
    jobs = [sum(state) for state in states] + [4 + queued + 1 for queued in range(waiting)]
    return float(shares @ numpy.array(jobs)) / arrivals


def n_model(first: float, second: float) -> tuple[float, float]:
    """Mean waits of the N system under FIFO and longest idle: a by agent 1 alone, b by both, unit service.

    The product form of Visschers, Adan and Weiss (2012): the waiting jobs behind the busy agents, in order of arrival,
    are geometric, with the rate of the types that only those in front of them could serve.
    """
    total, waits = 0.0, [0.0, 0.0]
    both = first + second
    # Orders of busy agents, oldest job first: with each, the arrival rates of those who wait in front of the next one.
    idle_weight = _idle_weight(first, second)
    states = [((), idle_weight[()]), ((1,), idle_weight[1,]), ((2,), idle_weight[2,]), ((1, 2), 1.0), ((2, 1), 1.0)]
    for order, idle in states:
        blocked = [first if order[:1] == (1,) else 0.0] if order else []
        if len(order) == 2:
            blocked.append(both)
        weight, mean_a, mean_b = idle, 0.0, 0.0
        for served, rate in enumerate(blocked, 1):
            ratio = rate / served
            weight *= 1 / served / (1 - ratio)
            length = ratio / (1 - ratio)
            mean_a += length * first / rate if rate else 0.0
            mean_b += length * second / rate if rate > first else 0.0
        total += weight
        waits[0] += weight * mean_a
        waits[1] += weight * mean_b
    return waits[0] / total / first, waits[1] / total / second


def _idle_weight(first: float, second: float) -> dict[tuple[int, ...], float]:
    """Weights of who is idle, summed over the orders in which they became so."""
    both = first + second
    return {
        # One idle: agent 2 takes b alone; agent 1 takes both types.
        (1,): 1 / second,
        (2,): 1 / both,
        # Both idle, longest first: whoever was idle longest takes what they can; agent 1 takes all when first.
        (): 1 / (both * second) + 1 / (both * both),
    }
