"""The systems with known answers: a few that are computed here, and every table of the shared reference folder."""

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Result
from tests.simulation.systems import (
    QUEUE,
    UNIT_S,
    System,
    by_phase,
    by_type,
    erlang_a,
    erlang_b,
    erlang_c,
    hunting,
    job,
    loads,
    n_model,
    two_slow_agents,
    two_unlike_agents,
    usual,
    wave,
)

_FOLDER = Path(__file__).resolve().parents[3] / "shared/reference"
# Where tables of reference values are; a user's machine has none, and the systems that need them are then left out.
REFERENCE = Path(os.environ.get("FAIRLEAD_REFERENCE", _FOLDER))
FIFO = QUEUE.format("longest_idle")
LONGEST_IDLE = QUEUE.format("idle_time")
STICKY = FIFO + '[queues.affinity]\nmode = "prefer"\n[[queues.affinity.tiers]]\nage = "365d"\n'
HIGH = 0.94
STEPS = 20
ALWAYS_ENOUGH = 60


def team(count: int, **more: Any) -> dict[str, Any]:
    """Agents who are alike."""
    return {"id": "a", "count": count, **more}


def loss(agents: int, load: float) -> System:
    """M/M/n/n: nobody waits."""
    document = {"agents": [team(agents)], "jobs": [job("j", load, immediate_only=True)]}
    return System(f"Erlang-B n={agents} a={load:g}", document, FIFO, {"turned_away": erlang_b(agents, load)}, usual)


def delay(agents: int, load: float) -> System:
    """M/M/n."""
    waits = erlang_c(agents, load)
    exact = {"wait": waits / (agents - load), "waited": waits}
    document = {"agents": [team(agents)], "jobs": [job("j", load)]}
    return System(f"Erlang-C n={agents} a={load:g}", document, FIFO, exact, usual, tolerance(load / agents))


def impatient(agents: int, load: float, rate: float) -> System:
    """M/M/n+M: customers give up at `rate`."""
    gave_up, backlog = erlang_a(agents, load, rate)
    patience = {"law": "exponential", "mean": f"{UNIT_S / rate:g}s"}
    document = {"agents": [team(agents)], "jobs": [job("j", load, patience=patience)]}
    exact = {"abandonment": gave_up, "backlog": backlog}
    return System(f"Erlang-A n={agents} a={load:g} theta={rate:g}", document, FIFO, exact, usual)


def n_system(first: float, second: float) -> System:
    """Two types, two agents: a by agent 1 alone, b by both; FIFO and longest idle."""
    a, b = n_model(first, second)
    jobs = [job("a", first, skills=["a"]), job("b", second)]
    document = {"agents": [{"id": "one", "skills": ["a"]}, {"id": "two"}], "jobs": jobs}
    return System(f"N system {first:g}, {second:g}", document, FIFO, {"wait a": a, "wait b": b}, by_type)


def unlike(speeds: tuple[float, float], load: float) -> System:
    """Two agents of different speed, the longest idle first."""
    exact = {f"agent {n}": busy for n, busy in enumerate(two_unlike_agents(speeds, load), 1)}
    document = {"agents": [{"id": f"a{n}", "speed": speed} for n, speed in enumerate(speeds)], "jobs": [job("j", load)]}
    return System(f"unlike agents {speeds} load {load:g}", document, LONGEST_IDLE, exact, loads)


def seasonal(mean: float, height: float, period: float) -> System:
    """M_t/M/inf: arrivals follow a sine, in STEPS steps, and there is always an agent."""
    length = period / STEPS
    turns = [2 * math.pi * (step + 0.5) / STEPS for step in range(STEPS)]
    steps = [
        {"until": f"{(step + 1) * length * UNIT_S:g}s", "per_second": (mean + height * math.sin(turn)) / UNIT_S}
        for step, turn in enumerate(turns)
    ]
    rises, lag = wave(height, period)
    arrivals = {"arrivals": {"steps": steps, "repeat": True}}
    document = {
        "agents": [team(ALWAYS_ENOUGH)],
        "jobs": [job("j", mean) | arrivals],
        "interval": f"{length * UNIT_S:g}s",
    }
    exact = {"busy": mean, "wave": rises / height, "lag": lag}
    return System(f"seasons {mean:g} + {height:g} sin, period {period:g}", document, FIFO, exact, by_phase)


def hunt(agents: int, load: float) -> System:
    """A loss system whose agents are always tried in the same order."""
    exact = {f"agent {n}": busy for n, busy in enumerate(hunting(agents, load), 1)}
    document = {"agents": [team(agents)], "jobs": [job("j", load, immediate_only=True)]}
    return System(f"hunting n={agents} a={load:g}", document, QUEUE.format("order"), exact, loads)


def strict(agents: int, load: float, high: float) -> System:
    """Two urgencies, `high` of the jobs with the higher: the first waits as if the others were not there (Cobham)."""
    wait = erlang_c(agents, load) / (agents - load)
    first = wait * (1 - load / agents) / (1 - load * high / agents)
    exact = {"wait high": first, "wait low": first / (1 - load / agents)}
    jobs = [job("high", load * high, urgency=1), job("low", load * (1 - high))]
    document = {"agents": [team(agents)], "jobs": jobs}
    return System(f"priority n={agents} a={load:g}", document, FIFO, exact, by_type, tolerance(load / agents))


def sticky(agents: int, rho: float) -> System:
    """Returning customers go to their own agent when idle, else to whoever is idle longest, else wait for anybody."""
    waits = erlang_c(agents, agents * rho)
    document = {"agents": [team(agents)], "jobs": [job("j", agents * rho, customers=10_000)]}
    exact = {"own_agent": (1 - rho) + waits / agents}
    return System(f"own agent n={agents} rho={rho:g}", document, STICKY, exact, usual)


def chats(rates: tuple[float, float], load: float) -> System:
    """Two agents with room for two who slow down, least loaded first."""
    exact = {"sojourn": two_slow_agents(rates, load)}
    document = {"agents": [team(2, capacity=2, rates=list(rates))], "jobs": [job("j", load)]}
    return System(f"slow-down {rates} load {load:g}", document, QUEUE.format("least_load"), exact, usual)


def tolerance(rho: float) -> float:
    """1 %, and 2 % where nearly everybody is busy."""
    return 0.02 if rho > HIGH else 0.01


COMPUTED = (
    loss(5, 3),
    delay(5, 4),
    impatient(5, 6, 1),
    n_system(0.4, 0.8),
    unlike((1.5, 0.5), 1.6),
    seasonal(5, 2, 48),
    hunt(3, 2),
    strict(5, 4, 0.2),
    sticky(5, 0.7),
    chats((1, 1.6), 2.24),
)


def from_tables() -> Iterator[System]:
    """Every row of the tables that says something about the router; nothing where the tables are missing."""
    yield from _erlang()
    yield from _fcfs_alis()
    yield from _chats()
    for row in _rows("priority_mmn.csv"):
        known = strict(int(row["n"]), int(row["n"]) * float(row["rho"]), float(row["share_high"]))
        yield _table(known, {"wait high": row["W_high_strict"], "wait low": row["W_low_strict"]})
    for row in _rows("sticky_match.csv"):
        yield _table(sticky(int(row["n"]), float(row["rho"])), {"own_agent": row["sticky_hit_FCFS"]})
    for row in _rows("ordered_hunt_erlangB.csv"):
        yield _table(hunt(int(row["n"]), float(row["a"])), _loads(row["loads"]))
    for row in _rows("ordered_hunt_erlangC.csv"):
        agents, rho = int(row["n"]), float(row["rho"])
        document = {"agents": [team(agents)], "jobs": [job("j", agents * rho)]}
        name = f"hunting, nobody lost, n={agents} rho={rho:g}"
        yield System(name, document, QUEUE.format("order"), _loads(row["loads"]), loads)
    yield from _seasons()
    yield from _one_queue_each()
    for row in _rows("dispatch_sojourn.csv"):
        for agents in (2, 10, 100):
            rho = float(row["rho"])
            document = {"agents": [team(agents)], "jobs": [job("j", agents * rho)]}
            exact = {"sojourn": float(row[f"MM{agents}_central"])}
            yield System(f"one line, n={agents} rho={rho:g}", document, FIFO, exact, usual, tolerance(rho))


def _table(system: System, exact: dict[str, Any]) -> System:
    values = {key: float(value) for key, value in exact.items()}
    return replace(system, name=f"{system.name} (table)", exact=values)


def _loads(text: str) -> dict[str, float]:
    return {f"agent {number}": float(value) for number, value in enumerate(text.split(), 1)}


def _rows(name: str) -> list[dict[str, str]]:
    path = REFERENCE / name
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _erlang() -> Iterator[System]:
    for row in _rows("erlang_table.csv"):
        agents, mu, theta = int(row["n"]), float(row["mu"]), float(row["theta"])
        load, room = float(row["lam"]) / mu, row["K"]
        patience = {"patience": {"law": "exponential", "mean": f"{UNIT_S * mu / theta:.6f}s"}} if theta else {}
        loses = row["model"] == "M/M/n/n"
        document = {"agents": [team(agents)], "jobs": [job("j", load, immediate_only=loses, **patience)]}
        policy = FIFO if not room or loses else FIFO + f"max_length = {int(room) - agents}\n"
        exact = {"backlog": float(row["mean_queue"])}
        if float(row["p_block"]):
            exact = {"turned_away": float(row["p_block"])} | ({} if loses else exact)
        if theta:
            # The table's share is of those who came in, the report's of all.
            exact["abandonment"] = float(row["p_abandon"]) * (1 - float(row["p_block"]))
        name = f"{row['model']} n={agents} a={load:.4g} theta={theta / mu:.3g} K={room or '-'}"
        yield System(name, document, policy, exact, usual, tolerance(0.0 if theta or room else load / agents))


def _fcfs_alis() -> Iterator[System]:
    """The table's longest idle goes by when a job ended, so by `idle_time`; `longest_idle` goes by its start (T2)."""
    for row in _rows("fcfs_alis.csv"):
        arrivals = [float(each) for each in row["lam"].split()]
        speeds = [float(each) for each in row["mu"].split()]
        may = [{int(agent) for agent in each.strip("{}").split(",")} for each in row["graph"].split()]
        agents = [
            {"id": f"a{number}", "speed": speed, "skills": [f"s{kind}" for kind, by in enumerate(may) if number in by]}
            for number, speed in enumerate(speeds, 1)
        ]
        jobs = [job(f"t{kind}", load, skills=[f"s{kind}"]) for kind, load in enumerate(arrivals)]
        exact = {f"wait t{kind}": float(wait) for kind, wait in enumerate(row["W_by_class"].split())}
        exact |= _loads(row["busy"])

        def values(result: Result, scenario: Scenario) -> dict[str, float]:
            return by_type(result, scenario) | loads(result, scenario)

        document = {"agents": agents, "jobs": jobs}
        yield System(f"FIFO, longest idle: {row['case'].split(':')[0]}", document, LONGEST_IDLE, exact, values)


def _chats() -> Iterator[System]:
    strategies = {"least": "least_load", "random": "random"}
    for row in _rows("chat_concurrency_ctmc.csv"):
        # Packing agents full is no strategy of the router.
        if row["policy"] not in strategies:
            continue
        rates = [float(rate) for rate in row["r"].split()]
        agents, room, load = int(row["n"]), int(row["k"]), float(row["lam"])
        document = {"agents": [team(agents, capacity=room, rates=rates)], "jobs": [job("j", load)]}
        exact = {"sojourn": float(row["sojourn"])}
        name = f"chats {row['profile']} n={agents} k={room} load {row['load_vs_rk']} {row['policy']}"
        yield System(name, document, QUEUE.format(strategies[row["policy"]]), exact, usual)


def _seasons() -> Iterator[System]:
    for row in _rows("mt_g_inf.csv"):
        mu = float(row["mu"])
        mean, height = float(row["lam"]) / mu, float(row["amp"]) / mu
        known = seasonal(mean, height, 2 * math.pi / float(row["gamma"]) * mu)
        yield _table(known, {"busy": mean, "wave": float(row["amp_out"]) / height, "lag": float(row["lag"]) * mu})


def _one_queue_each() -> Iterator[System]:
    """A line for each agent, served one by one, is as long as that of an agent who serves all of it a little.

    Not the router's: the better of a few agents drawn at random ("power of d"), since it looks at all of them (T2).
    """
    columns = {
        "random_MM1": (2, "random"),
        "RR_n2": (2, "sequential"),
        "RR_n10": (10, "sequential"),
        "RR_n100": (100, "sequential"),
        "JSQ_n2": (2, "least_load"),
    }
    for row in _rows("dispatch_sojourn.csv"):
        for column, (agents, strategy) in columns.items():
            rho = float(row["rho"])
            document = {"agents": [team(agents, capacity=10_000, rates=[1.0])], "jobs": [job("j", agents * rho)]}
            name = f"a line for each, {column} rho={rho:g}"
            exact = {"sojourn": float(row[column])}
            length = agents / 2 if rho > HIGH else 1.0
            yield System(name, document, QUEUE.format(strategy), exact, usual, tolerance(rho), length)
