"""One peer at a time: its answers are judged first, then it is loaded and measured."""

import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import Any, Self

from benchmarks.peers import job
from benchmarks.peers.clients import FAILED, REFUSED
from benchmarks.peers.contestants import Peer, Running, Team
from benchmarks.peers.machine import CLIENT_CORE, CONNECTIONS, SERVER_CORE, PeerFailed, cpu_of, memory_mb, on_core
from benchmarks.peers.tools import ROOT

# So few agents with so little room that every second job is refused: who is full must not get one.
SMALL_TEAM, SMALL_CAPACITY = 24, 2
CHECK_STEPS = 600
PRESSURE_SECONDS = 0.5
PRESSURE_IN_FLIGHT = 10
SEED = 20_250_101
CLIENT_SECONDS = 300


@dataclass(frozen=True)
class Load:
    """How a peer is loaded; `rate` in jobs a second, 0 for a closed loop."""

    in_flight: int
    seconds: float
    warm_up: float = 0.3
    rate: float = 0.0


class Client:
    """The client of a peer: on the load's core (on the server's where it is the server too), ended by its id."""

    def __init__(self, server: Running, action: str, *arguments: object) -> None:
        core = CLIENT_CORE if server.pid else SERVER_CORE
        self._errors = TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._process = subprocess.Popen(
            [*on_core(core), *server.client, action, server.target, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._watchdog = Timer(CLIENT_SECONDS, self._process.kill)
        self._watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._watchdog.cancel()
        if any(exception):
            self._process.kill()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next that it says. Raises PeerFailed with its last words when it ends instead."""
        assert self._process.stdout is not None
        if text := self._process.stdout.readline():
            return text.strip()
        self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip().splitlines()
        code = self._process.returncode
        raise PeerFailed(f"the client ended with code {code}: {words[-1] if words else 'without a word'}")

    def ask(self, question: str) -> int:
        """A call of `check` and its answer. Raises PeerFailed."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(question + "\n")
        return int(self.line())


def check(server: Running, team: Team, steps: int) -> int:
    """One call at a time, each answer judged; everything is completed at the end.

    Returns how many jobs were refused for want of room. Raises WrongAnswer.
    """
    referee = job.Referee(list(job.agents(team.agents, team.capacity)))
    held: list[tuple[int, int]] = []
    refused = 0
    with Client(server, "check") as client:

        def complete(index: int) -> None:
            name, agent = held.pop(index)
            if client.ask(f"complete {name}") == FAILED:
                raise job.WrongAnswer(f"job {name}, which agent-{agent} holds, could not be completed")
            referee.complete(agent)

        for number, (word, pick) in enumerate(job.sequence(SEED, steps), 1):
            if word == "assign":
                answer = client.ask(f"assign {number} {pick}")
                referee.judge(pick, None if answer == REFUSED else answer)
                if answer == REFUSED:
                    refused += bool(referee.by_skill[pick])
                else:
                    held.append((number, answer))
            elif held:
                complete(pick % len(held))
        while held:
            complete(0)
        if client.ask(f"complete {steps + 1}") != FAILED:
            raise job.WrongAnswer("a job that nobody holds could be completed")
    return refused


def prove(peer: Peer, folder: Path, steps: int = CHECK_STEPS, seconds: float = PRESSURE_SECONDS) -> int:
    """A small team, always nearly full: judged call by call, then loaded from many sides, then judged again.

    The second judging finds room that was lost or won meanwhile. Returns the assignments over capacity under load.
    Raises WrongAnswer.
    """
    team = Team(folder, SMALL_TEAM, SMALL_CAPACITY)
    with peer.start(team) as server:
        if not check(server, team, steps):
            raise job.WrongAnswer("the check met no full agent, so it proves nothing")
        # More jobs than there is room for.
        load = Load(PRESSURE_IN_FLIGHT, seconds, warm_up=0)
        found = client_load(peer, server, team, load, hold=2 * SMALL_TEAM * SMALL_CAPACITY)
        if not found["refused"]:
            raise job.WrongAnswer("the load met no full agent, so it proves nothing")
        check(server, team, steps)
    return int(found["over_capacity"])


def client_load(peer: Peer, server: Running, team: Team, load: Load, hold: int) -> dict[str, Any]:
    """What the client measured, with the CPU of both and the server's memory. Raises PeerFailed."""
    places = peer.callers or CONNECTIONS * load.in_flight
    connections = min(places, server.pool)
    numbers = (connections, places, hold, team.agents, team.capacity, job.SKILLS, load.warm_up, load.seconds, load.rate)
    with Client(server, "load", *numbers) as client:
        pid = server.pid or client.pid
        client.line()
        before, client_before = cpu_of(pid), cpu_of(client.pid)
        client.line()
        cpu, client_cpu, memory = cpu_of(pid) - before, cpu_of(client.pid) - client_before, memory_mb(pid)
        found: dict[str, Any] = json.loads(client.line())
    if found["failed"] or found["lost"]:
        raise PeerFailed(f"{found['failed']} calls failed, {found['lost']} were lost")
    return {**found, "cpu_seconds": cpu, "client_cpu_seconds": client_cpu, "memory_mb": memory}


def measure(peer: Peer, server: Running, team: Team, load: Load) -> dict[str, Any]:
    """One row of the result."""
    found = client_load(peer, server, team, load, job.held_jobs(team.agents, team.capacity))
    if not found["assigned"]:
        raise PeerFailed(f"nothing was assigned in {load.seconds} s")
    row = {
        "name": peer.name,
        "class": peer.kind,
        "agents": team.agents,
        "in_flight": peer.callers or load.in_flight,
        "assignments_per_second": round(found["assigned"] / found["seconds"], 1),
        **{key: found[key] for key in ("p50_us", "p99_us", "p999_us")},
        "cpu_seconds_per_million": round(found["cpu_seconds"] * 1e6 / found["assigned"], 3),
        "rss_mb": round(found["memory_mb"], 1),
        "client_busy": round(found["client_cpu_seconds"] / found["seconds"], 2),
        "over_capacity": found["over_capacity"],
        "refused": found["refused"],
    }
    if load.rate:
        row |= {"rate": load.rate, "begun_per_second": round(found["began"] / found["seconds"], 1)}
    return row
