"""Ten thousand requests of random, torn and twisted bytes on every hot method: answered, and nothing has changed."""

import random
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from fairlead.errors import INTERNAL, INVALID_ARGUMENT, NOT_FOUND, from_status
from fairlead.service.calls import HOT_CALLS
from fairlead.shard.core import Presence, Shard
from fairlead.v1 import agent_service_pb2, job_pb2, routing_service_pb2, skill_pb2
from tests.contract.faces import GrpcFace

REQUESTS = 10_000
SEED = 20_250_101
TENANT = "fuzzed"


def example(path: str) -> bytes:
    """A whole request that names only what does not exist, so that even intact it changes nothing."""
    spec = job_pb2.JobSpec(
        id="job", queue="no such queue", channel="chat", skills=[skill_pb2.SkillDemand(name="de", min_level=3)],
        tags=["t"], customer="c", urgency=5, labels={"a": "b"}, excluded_agents=["no such agent"],
    )  # fmt: skip
    spec.head_start.seconds = 90
    requests: dict[str, Any] = {
        "Assign": routing_service_pb2.AssignRequest(tenant=TENANT, job=spec),
        "BatchAssign": routing_service_pb2.BatchAssignRequest(tenant=TENANT, jobs=[spec, spec]),
        "AcceptOffer": routing_service_pb2.AcceptOfferRequest(tenant=TENANT, job_id="job", version=1),
        "DeclineOffer": routing_service_pb2.DeclineOfferRequest(tenant=TENANT, job_id="job", version=1),
        "CompleteJob": routing_service_pb2.CompleteJobRequest(tenant=TENANT, job_id="job", version=1, satisfaction=7),
        "CancelJob": routing_service_pb2.CancelJobRequest(tenant=TENANT, job_id="job", request_id="r"),
        "TransferJob": routing_service_pb2.TransferJobRequest(tenant=TENANT, job_id="job", version=1, queue="q"),
        "GetJob": routing_service_pb2.GetJobRequest(tenant=TENANT, job_id="job"),
        "SetPresence": agent_service_pb2.SetPresenceRequest(tenant=TENANT, agent_id="agent", presence=1),
        "Heartbeat": agent_service_pb2.HeartbeatRequest(tenant=TENANT, agent_ids=["agent"]),
    }
    return bytes(requests[path.rpartition("/")[2]].SerializeToString())


def torn(data: bytes, chance: random.Random) -> bytes:
    """A proper prefix that ends inside a field of the message, never between two."""
    return data[: chance.randrange(1, len(data))]


def noise(_: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 200))


def twisted(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def tail(data: bytes, chance: random.Random) -> bytes:
    return data + bytes([chance.choice((0x0A, 0x00, 0x07, 0xFF, 0x0B, 0x0C))])


TWISTS: tuple[Callable[[bytes, random.Random], bytes], ...] = (torn, noise, twisted, tail)


def fuzzed() -> list[tuple[str, bytes]]:
    chance = random.Random(SEED)
    paths = list(HOT_CALLS)
    return [
        (path, chance.choice(TWISTS)(example(path), chance))
        for path in (paths[number % len(paths)] for number in range(REQUESTS))
    ]


def prepared(face: Any) -> None:
    face.create_agent("ann", skills={"de": 5}, presence=Presence.ONLINE, tenant=TENANT)
    face.create_agent("bob", tenant=TENANT)
    for number in range(3):
        face.assign(f"j{number}", tenant=TENANT)


def test_the_daemon_answers_fuzzed_bytes_and_its_state_stays(stubs: GrpcFace, channel: grpc.Channel) -> None:
    prepared(stubs)
    before = stubs.state_hash(tenant=TENANT)
    calls = {path: channel.unary_unary(path) for path in HOT_CALLS}
    codes: dict[grpc.StatusCode, int] = {}
    for path, data in fuzzed():
        try:
            calls[path](data, timeout=20)
            code = grpc.StatusCode.OK
        except grpc.RpcError as failed:
            code = failed.code()
        codes[code] = codes.get(code, 0) + 1
    print(codes)
    assert set(codes) <= {
        grpc.StatusCode.OK,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    }
    assert codes[grpc.StatusCode.INTERNAL] > REQUESTS // 4
    assert stubs.check(tenant=TENANT) == []
    assert stubs.state_hash(tenant=TENANT) == before


@pytest.mark.parametrize("path", HOT_CALLS)
def test_the_shard_answers_every_torn_request(path: str) -> None:
    """Every prefix of a request, not a sample: a refusal with a Status, or an answer that changed nothing."""
    shard = Shard(virtual_time=True)
    shard.create_agent(TENANT, "ann", presence=Presence.ONLINE)
    before = shard.state_hash(TENANT)
    data = example(path)
    for size in range(len(data) + 1):
        replies: list[tuple[int, bytes, int]] = []
        shard.submit(HOT_CALLS[path].method, data[:size], lambda *reply, to=replies: to.append(reply))
        ((status, body, _),) = replies
        if status:
            assert status in (INTERNAL, INVALID_ARGUMENT, NOT_FOUND)
            assert from_status(body).code == status
    assert shard.state_hash(TENANT) == before
    assert shard.check(TENANT) == []
