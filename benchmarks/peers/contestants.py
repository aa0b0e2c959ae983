"""Who takes part, and how each is started: a fresh server with a team of agents, ready for its client."""

import hashlib
import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import job, tools
from benchmarks.peers.clients import TENANT
from benchmarks.peers.machine import (
    CONNECTIONS,
    READY_SECONDS,
    SERVER_CORE,
    PeerFailed,
    await_listening,
    free_port,
    is_root,
    running,
)
from fairlead.commands import load_plan as plan

PYTHON = sys.executable
GRPC_CLIENT = (PYTHON, "-m", "benchmarks.peers.clients", "grpc")
ROUTER_CLIENT = (PYTHON, "-m", "benchmarks.peers.clients", "router")
# A transaction waits for the disk, so there are more of them than connections elsewhere; more than this only queue up.
POSTGRES_POOL = 32
POSTGRES_USER = "postgres"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Team:
    """How many agents of what capacity a server starts with, and a folder for what it writes."""

    folder: Path
    agents: int
    capacity: int = job.CAPACITY

    @property
    def roster(self) -> Path:
        """Its file, written when it is first asked for."""
        path = self.folder / f"roster-{self.agents}-{self.capacity}.tsv"
        if not path.exists():
            job.write_roster(path, self.agents, self.capacity)
        return path


@dataclass(frozen=True)
class Running:
    """A server that is ready: its process (None: the client is the server), and how its client is called."""

    pid: int | None
    client: Sequence[str]
    target: str
    pool: int = CONNECTIONS


@dataclass(frozen=True)
class Peer:
    """One contestant. `kind` is memory or durable: who is compared with whom."""

    name: str
    kind: str
    start: Callable[[Team], AbstractContextManager[Running]]
    ours: bool = False
    callers: int | None = None  # None: as many as asked for


def fairlead(transport: str, durability: str) -> Callable[[Team], AbstractContextManager[Running]]:
    @contextmanager
    def start(team: Team) -> Iterator[Running]:
        home = fresh(team.folder / "fairlead")
        port, log = free_port(), team.folder / "fairlead.log"
        address = f"{HOST}:{port}"
        config = f'transport = "{transport}"\ndrain_seconds = 0\nlog.level = "warning"\n'
        if durability != "none":
            config += f'[journal]\npath = "journal"\ndurability = "{durability}"\n'
        (home / "fairlead.toml").write_text(config)
        command = [PYTHON, "-m", "fairlead", "serve", "--config", str(home / "fairlead.toml"), "--listen", address]
        if durability != "none":
            command.append("--init")
        with running(command, SERVER_CORE, log) as process:
            await_listening(process, port, log)
            plan.create_agents(address, TENANT, team.agents, team.capacity)
            yield Running(process.pid, GRPC_CLIENT, address)

    return start


@contextmanager
def embedded(team: Team) -> Iterator[Running]:
    yield Running(None, ROUTER_CLIENT, str(team.roster))


def service(name: str, command: Callable[[], list[str]]) -> Callable[[Team], AbstractContextManager[Running]]:
    @contextmanager
    def start(team: Team) -> Iterator[Running]:
        port, log = free_port(), team.folder / f"{name}.log"
        address = f"{HOST}:{port}"
        full = [*command(), address, str(team.roster)]
        # The collector runs when the heap has grown fourfold: memory for speed, as a team that measures would choose.
        environment = {**os.environ, "GOGC": "400"}
        with running(full, SERVER_CORE, log, env=environment) as process:
            await_listening(process, port, log)
            yield Running(process.pid, GRPC_CLIENT, address)

    return start


def redis(persistent: bool) -> Callable[[Team], AbstractContextManager[Running]]:
    @contextmanager
    def start(team: Team) -> Iterator[Running]:
        client = tools.build_client("redis")
        home = fresh(team.folder / "redis")
        port = free_port()
        command = [tools.find("redis-server"), "--port", str(port), "--bind", HOST, "--dir", str(home), "--save", ""]
        command += ["--appendonly", "yes" if persistent else "no", "--appendfsync", "always"]
        command += ["--auto-aof-rewrite-percentage", "0", "--daemonize", "no"]
        log = team.folder / "redis.log"
        with running(command, SERVER_CORE, log) as process:
            await_listening(process, port, log)
            scripts = [(tools.HERE / f"redis/{name}.lua").read_text() for name in ("claim", "complete")]
            fill_redis(port, team, scripts)
            digests = [hashlib.sha1(script.encode()).hexdigest() for script in scripts]
            yield Running(process.pid, (str(client),), " ".join((HOST, str(port), *digests)))

    return start


def fill_redis(port: int, team: Team, scripts: Sequence[str]) -> None:
    """Scripts and agents; the order of the set is the choice, so the n-th agent begins with the key n."""
    commands: list[list[str]] = [["SCRIPT", "LOAD", script] for script in scripts]
    for agent in job.agents(team.agents, team.capacity):
        sets = [f"skill:skill-{skill}" for skill in agent.skills]
        commands.append(["HSET", agent.id, "capacity", str(agent.capacity), "skills", " ".join(sets)])
        commands += [["ZADD", name, str(agent.number), agent.id] for name in sets]
    commands.append(["SET", "served", str(team.agents)])
    with socket.create_connection((HOST, port), READY_SECONDS) as server, server.makefile("rb") as answers:
        for first in range(0, len(commands), 1_000):
            some = commands[first : first + 1_000]
            server.sendall(b"".join(map(_encoded, some)))
            for command in some:
                line = answers.readline()
                if line.startswith(b"$"):
                    answers.readline()
                if line.startswith(b"-"):
                    raise PeerFailed(f"redis refused {command[0]}: {line.decode().strip()}")


def _encoded(command: Sequence[str]) -> bytes:
    parts = [part.encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@contextmanager
def postgres(team: Team) -> Iterator[Running]:
    client = tools.build_client("postgres")
    home = fresh(team.folder / "postgres")
    port = free_port()
    as_user: dict[str, Any] = {}
    if is_root():
        # It refuses to run as root.
        try:
            user = pwd.getpwnam(POSTGRES_USER)
        except KeyError:
            raise tools.Absent(f"PostgreSQL does not run as root and there is no user {POSTGRES_USER}") from None
        os.chown(home, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = home / "data"
    made = subprocess.run(
        [tools.find("initdb"), "-D", str(data), "-A", "trust", "-U", "peer", "--no-sync", "-E", "UTF8", "--locale=C"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        **as_user,
    )
    if made.returncode:
        raise PeerFailed(f"initdb failed: {made.stderr.strip().splitlines()[-1]}")
    settings = (tools.HERE / "postgres/postgresql.conf").read_text()
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"{settings}port = {port}\nunix_socket_directories = '{home}'\n")
    command = [tools.find("postgres"), "-D", str(data)]
    # SIGINT: an end without waiting for connections.
    log = team.folder / "postgres.log"
    with running(command, SERVER_CORE, log, stop=signal.SIGINT, cwd=home, **as_user) as process:
        target = f"host={HOST} port={port} user=peer dbname=postgres"
        await_listening(process, port, log)
        fill_postgres(target, team)
        yield Running(process.pid, (str(client),), target, POSTGRES_POOL)


def fill_postgres(target: str, team: Team) -> None:
    """Tables, functions and agents, by psql."""
    rows = io.StringIO()
    for agent in job.agents(team.agents, team.capacity):
        bits = sum(1 << skill for skill in agent.skills)
        signed = bits - (1 << 64) if bits >> 63 else bits
        rows.write(f"{agent.number}\t{agent.id}\t0\t{agent.capacity}\t{agent.number}\t{signed}\n")
    schema = (tools.HERE / "postgres/schema.sql").read_text()
    copy = f"COPY agents (number, id, load, capacity, served, skills) FROM STDIN;\n{rows.getvalue()}\\.\n"
    after = f"SELECT setval('served', {team.agents});\nVACUUM ANALYZE agents;\nCHECKPOINT;\n"
    command = [tools.find("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", target]
    until = time.monotonic() + READY_SECONDS
    while True:
        done = subprocess.run(command, input=schema + copy + after, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if "starting up" not in done.stderr or time.monotonic() > until:
            raise PeerFailed(f"psql: {done.stderr.strip().splitlines()[0]}")
        time.sleep(0.1)


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


PEERS = (
    Peer("redis", "memory", redis(persistent=False)),
    Peer("go", "memory", service("go", lambda: [str(tools.build_go())])),
    Peer("rust", "memory", service("rust", lambda: [str(tools.build_rust())])),
    Peer("python", "memory", service("python", lambda: [PYTHON, "-m", "benchmarks.peers.python_service"])),
    Peer("fairlead none", "memory", fairlead("native", "none"), ours=True),
    Peer("fairlead grpcio", "memory", fairlead("grpcio", "none"), ours=True),
    Peer("fairlead embedded", "memory", embedded, ours=True, callers=1),
    Peer("redis aof", "durable", redis(persistent=True)),
    Peer("postgresql", "durable", postgres),
    Peer("fairlead fsync", "durable", fairlead("native", "fsync"), ours=True),
)
