"""Plays a scenario under a policy: one replication, or many in several processes.

Replication k of a scenario draws the same arrivals, work, patience and customers under every policy. An interrupted run
keeps the replications it finished.
"""

import multiprocessing
import os
import signal
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from fairlead.errors import error
from fairlead.policy.compile import built_in, compile_policy
from fairlead.policy.document import load
from fairlead.policy.tables import PolicyTables
from fairlead.shard.core import Presence, Shard
from fairlead.simulate.model import Scenario
from fairlead.simulation.core import Simulation

TENANT = "default"
# Events of a shard in a simulation are seen by nobody.
EVENTS_KEPT = 16
# Replications that wait for a process to be free.
AHEAD = 2
_SEEDS = 2**64


@dataclass(frozen=True)
class Result:
    """What one replication came to; times are microseconds. `seconds` is the processor time of the event loop."""

    replication: int
    events: int
    seconds: float
    tallies: Sequence[dict[str, Any]]
    servers: Sequence[dict[str, Any]]
    intervals: Sequence[tuple[float, float, float, int, int, int, float]]
    unfinished: int
    most_waiting: int


@dataclass(frozen=True)
class Run:
    """All finished replications of one policy, in order."""

    policy: str
    results: Sequence[Result]
    is_interrupted: bool = False

    @property
    def events(self) -> int:
        """Of all of them."""
        return sum(result.events for result in self.results)


class Player:
    """A scenario and a policy, made ready once. Raises InvalidArgument for a policy that is wrong."""

    def __init__(self, scenario: Scenario, policy: str) -> None:
        self.scenario = scenario
        document = load(policy or built_in())
        unknown = sorted(set(scenario.switched_on) - set(document.scenarios))
        if unknown:
            raise error("SCENARIO_NOT_FOUND", f"no scenario {unknown[0]!r} in the policy", "scenarios")
        # Ended jobs are remembered for retries alone, and nobody retries here.
        document.retention.FromMicroseconds(0)
        self.tables = compile_policy(document, now_us=scenario.start)
        self._messages = [job.request for job in scenario.jobs]

    def shard(self, replication: int, presence: Presence = Presence.OFFLINE) -> Shard:
        """A fresh shard with the policy and all agents, in virtual time that stands at the start."""
        shard = Shard(virtual_time=True, events_kept=EVENTS_KEPT)
        if self.scenario.start:
            shard.advance_to(self.scenario.start)
        shard.install_policy(TENANT, self._seeded(replication))
        for name in self.scenario.switched_on:
            shard.set_scenario(TENANT, name, True)
        for group in self.scenario.agents:
            for agent_id in group.ids:
                shard.create_agent(
                    TENANT,
                    agent_id,
                    skills=group.skills,
                    tags=group.tags,
                    capacity=group.capacity,
                    channel_limits=group.channel_limits,
                    weight=group.weight,
                    rating=group.rating,
                    presence=presence,
                    wrap_up_us=-1 if group.wrap_up is None else group.wrap_up,
                )
        return shard

    def play(self, replication: int) -> Result:
        """One replication from its start to its end. Raises KeyboardInterrupt when a signal asks for it."""
        simulation = self.simulation(replication)
        begin = time.process_time()
        simulation.run()
        seconds = time.process_time() - begin
        return Result(
            replication=replication,
            events=simulation.events,
            seconds=seconds,
            tallies=simulation.tallies(),
            servers=simulation.servers(),
            intervals=simulation.intervals(),
            unfinished=simulation.unfinished,
            most_waiting=simulation.most_waiting,
        )

    def simulation(self, replication: int) -> Simulation:
        """The compiled run of one replication, begun."""
        scenario = self.scenario
        simulation = Simulation(
            self.shard(replication),
            seed=scenario.seed,
            replication=replication,
            warm_up=scenario.warm_up,
            horizon=scenario.horizon,
            drain=scenario.drain,
            interval=scenario.interval,
            service_level=scenario.service_level,
            accept_after=scenario.accept_after,
            tolerance=scenario.tolerance,
            own_bonus=scenario.own_bonus,
        )
        for message, job in zip(self._messages, scenario.jobs, strict=True):
            patience = job.patience.compiled() if job.patience else None
            simulation.add_type(message, job.work.compiled(), patience, job.customers)
        for number, job in enumerate(scenario.jobs):
            if job.steps:
                ends, rates = zip(*job.steps, strict=True)
                simulation.add_poisson(number, array("d", rates), array("d", ends), job.repeats)
        if scenario.trace:
            recording = scenario.trace.recordings[replication % len(scenario.trace.recordings)]
            simulation.add_recorded(
                recording.times, recording.types, recording.works, recording.patiences, recording.customers
            )
        for group in scenario.agents:
            for _ in group.ids:
                simulation.add_server(group.capacity, group.speed, group.rating / 1000, array("d", group.rates))
        simulation.begin(shifts(scenario))
        return simulation

    def _seeded(self, replication: int) -> PolicyTables:
        """The tables with a seed for each replication, so that what `random` draws in one tells nothing of another.

        Seeds are far apart: T2 combines seed and job bit by bit, so near ones draw the same numbers in another order.
        """
        digest = blake2b(f"{self.tables.seed} {replication}".encode(), digest_size=8).digest()
        return self.tables._replace(seed=int.from_bytes(digest, "little") % _SEEDS)


def shifts(scenario: Scenario) -> list[tuple[int, int, int]]:
    """(time, agent, Presence) of every log-in and log-out up to the horizon; a log-out finishes what is held first."""
    found = []
    agent = 0
    for group in scenario.agents:
        times = group.presence_times(scenario.horizon)
        for _ in group.ids:
            for start, end in times:
                found.append((start, agent, int(Presence.ONLINE)))
                # Who stays to the end also serves those who still wait then.
                if end < scenario.horizon or group.shifts:
                    found.append((end, agent, int(Presence.DRAINING)))
            agent += 1
    # A log-out goes before a log-in of the same time.
    return sorted(found, key=lambda shift: (shift[0], shift[2] == Presence.ONLINE, shift[1]))


def replicate(
    scenario: Scenario,
    policy: str,
    name: str,
    *,
    replications: int | None = None,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """So many replications, by default the scenario's, in so many processes; `progress` is told (finished, of all).

    On KeyboardInterrupt the finished ones are returned, marked as interrupted; without a single one it is raised again.
    """
    count = check_count(scenario, replications)
    player = Player(scenario, policy)
    results: dict[int, Result] = {}
    interrupted = False
    try:
        for result in _played(player, policy, count, min(processes, count)):
            results[result.replication] = result
            if progress:
                progress(len(results), count)
    except KeyboardInterrupt:
        if not results:
            raise
        interrupted = True
    return Run(name, [results[number] for number in sorted(results)], interrupted)


def check_count(scenario: Scenario, replications: int | None) -> int:
    """How many replications to play. Raises InvalidArgument for more days than a trace has."""
    count = replications or scenario.replications
    if scenario.trace and scenario.trace.is_daily and count > len(scenario.trace.recordings):
        raise error(
            "INVALID_SCENARIO",
            f"{count} replications of a trace of {len(scenario.trace.recordings)} days: each plays a day of its own",
            "replications",
        )
    return count


def _played(player: Player, policy: str, count: int, processes: int) -> Iterator[Result]:
    if processes <= 1:
        yield from map(player.play, range(count))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin_process, (player.scenario, policy)) as pool:
        numbers = iter(range(count))
        # A few ahead of the processes: an interrupt then waits for these alone.
        pending = {_submitted(pool, number) for number in islice(numbers, processes + AHEAD)}
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                pending |= {_submitted(pool, number) for number in islice(numbers, len(done))}
                for future in done:
                    yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _submitted(pool: ProcessPoolExecutor, replication: int) -> Future[Result]:
    """One replication handed out, which may start a process. Ctrl-C reaches the whole group, so processes are born with
    the signal blocked; the parent gets it a moment later, stops handing out work and keeps what is finished."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_play_in_process, replication)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_player: list[Player] = []


def _begin_process(scenario: Scenario, policy: str) -> None:
    _player[:] = [Player(scenario, policy)]


def _play_in_process(replication: int) -> Result:
    return _player[0].play(replication)


def processors() -> int:
    """How many processes make sense here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
