"""What a load consists of: header blocks, jobs, agents. Python prepares it once, the compiled generator repeats it."""

import random
import socket
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grpc

from fairlead.errors import error
from fairlead.load.core import Generator
from fairlead.v1 import agent_pb2, agent_service_pb2, job_pb2, routing_service_pb2, skill_pb2
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub

SKILLS = 64
SKILLS_OF_AGENT = 8
DEMANDS = 200
CAPACITY = 10
SEED = 20_250_101
CREATES_IN_FLIGHT = 64
CALL_TIMEOUT_S = 60.0

ASSIGN = "/fairlead.v1.RoutingService/Assign"
BATCH_ASSIGN = "/fairlead.v1.RoutingService/BatchAssign"
GET = "/fairlead.v1.RoutingService/GetJob"
HEARTBEAT = "/fairlead.v1.AgentService/Heartbeat"
COMPLETE = "/fairlead.v1.RoutingService/CompleteJob"

# HPACK's static table: POST, http, and the names of :path, :authority, content-type, user-agent.
_METHOD_POST, _SCHEME_HTTP, _PATH, _AUTHORITY, _CONTENT_TYPE, _USER_AGENT = 3, 6, 4, 1, 31, 58
_FIRST_DYNAMIC = 62


def header_blocks(authority: str, assign: str = ASSIGN, between: Sequence[str] = ()) -> list[bytes]:
    """HPACK blocks of a connection's first Assign, methods `between`, and CompleteJob, and of all later ones of each.

    The first ones put every field into the server's table in a known order, so all later blocks are indices alone:
    seven bytes, as any client's are once it has warmed up.
    """
    paths = (assign, *between, COMPLETE)
    common = [
        (_AUTHORITY, b"", authority.encode()),
        (0, b"te", b"trailers"),
        (_CONTENT_TYPE, b"", b"application/grpc"),
        (_USER_AGENT, b"", b"fairlead-load"),
    ]
    start = bytes((0x80 | _METHOD_POST, 0x80 | _SCHEME_HTTP))
    first = [start + _literal(_PATH, b"", assign.encode()) + b"".join(_literal(*field) for field in common)]
    # Newest first: the common fields from last to first, then the path. Each later path moves all of them by one.
    for moved, path in enumerate(paths[1:], 1):
        first.append(start + _literal(_PATH, b"", path.encode()) + _common_fields(moved))
    last = len(paths) - 1
    later = [_FIRST_DYNAMIC + last + len(common), *(_FIRST_DYNAMIC + last - number for number in range(1, len(paths)))]
    return first + [start + bytes((0x80 | index,)) + _common_fields(last) for index in later]


def _common_fields(moved: int) -> bytes:
    """Authority, te, content-type and user-agent by their indices, after so many newer entries."""
    return bytes(0x80 | index for index in range(_FIRST_DYNAMIC + moved + 3, _FIRST_DYNAMIC + moved - 1, -1))


def _literal(index: int, name: bytes, value: bytes) -> bytes:
    """A field that enters the table: its name by index, or spelled out where the index is 0."""
    head = bytes((0x40 | index,)) + (b"" if index else bytes((len(name),)) + name)
    return head + bytes((len(value),)) + value


def demand_tails() -> list[bytes]:
    """JobSpecs without an id: 200 different demands of one or two skills, some with a level."""
    chance = random.Random(SEED)
    found: dict[bytes, None] = {}
    while len(found) < DEMANDS:
        names = chance.sample(range(SKILLS), chance.choice((1, 1, 2)))
        skills = [skill_pb2.SkillDemand(name=f"skill-{name}", min_level=chance.choice((0, 3))) for name in names]
        found[job_pb2.JobSpec(skills=skills).SerializeToString()] = None
    return list(found)


def agent_messages(count: int, capacity: int = CAPACITY) -> Iterator[agent_pb2.Agent]:
    """Agents with 8 of 64 skills each, online."""
    chance = random.Random(SEED)
    for number in range(count):
        names = chance.sample(range(SKILLS), SKILLS_OF_AGENT)
        yield agent_pb2.Agent(
            id=f"agent-{number}",
            skills=[skill_pb2.Skill(name=f"skill-{name}", level=chance.randint(1, 10)) for name in names],
            capacity=capacity,
            presence=agent_pb2.PRESENCE_ONLINE,
        )


def create_agents(address: str, tenant: str, count: int, capacity: int = CAPACITY) -> None:
    """Adds the agents that are not there yet. Raises FairleadError."""
    with grpc.insecure_channel(address) as channel:
        stub = AgentServiceStub(channel)
        waiting: list[Any] = []
        for agent in agent_messages(count, capacity):
            request = agent_service_pb2.CreateAgentRequest(tenant=tenant, agent=agent)
            waiting.append(stub.CreateAgent.future(request, timeout=CALL_TIMEOUT_S))
            if len(waiting) == CREATES_IN_FLIGHT:
                _settle(waiting, address)
        _settle(waiting, address)


def _settle(waiting: list[Any], address: str) -> None:
    for call in waiting:
        failure = call.exception()
        if failure is not None and failure.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise error("UNREACHABLE", f"{address} refused an agent: {failure.code().name} {failure.details()}")
    waiting.clear()


def connect(address: str, count: int) -> list[socket.socket]:
    """Connected sockets that do not block. Raises Unavailable."""
    host, _, port = address.rpartition(":")
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            connected = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setblocking(False)
            sockets.append(connected)
    except OSError as wrong:
        for each in sockets:
            each.close()
        raise error("UNREACHABLE", f"no daemon answers at {address}; start one with `fairlead serve`") from wrong
    return sockets


def generator(
    sockets: Sequence[socket.socket],
    address: str,
    tenant: str,
    in_flight: int,
    rate: float = 0,
    batch: int = 0,
    mix: Mapping[str, int] = types.MappingProxyType({}),
    agents: int = 0,
) -> Generator:
    """A generator on these sockets; every job id is new, also among runs. `mix`: GetJob and Heartbeat calls a job."""
    reads, heartbeats = mix.get("GetJob", 0), mix.get("Heartbeat", 0)
    between = [GET] * (reads > 0) + [HEARTBEAT] * (heartbeats > 0)
    return Generator(
        [each.fileno() for each in sockets],
        in_flight,
        header_blocks(address, BATCH_ASSIGN if batch else ASSIGN, between),
        routing_service_pb2.AssignRequest(tenant=tenant).SerializeToString(),
        f"{uuid.uuid4().hex[:8]}-".encode(),
        demand_tails(),
        rate,
        batch,
        agents=agents,
        capacity=CAPACITY,
        reads=reads,
        heartbeats=heartbeats,
    )
