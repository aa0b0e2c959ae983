"""Replies against the official protobuf runtime: the same bytes, of a Status the same values."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from fairlead.codec import face
from fairlead.v1 import agent_service_pb2, job_pb2, routing_service_pb2

TEXTS = ("", "a", "j1", "english", "42-straße", "日本語", "🙂", "a\x00b", "x" * 128, "y" * 129, "zz" * 100)


def numbers(rng: random.Random, names: tuple[str, ...]) -> dict[str, int]:
    return {name: rng.choice((0, 1, 5, 127, 128, 16_384, 2**31 - 1)) for name in names}


def names_for(rng: random.Random, names: tuple[str, ...]) -> dict[str, str]:
    return {name: rng.choice(TEXTS) for name in names}


def estimate(rng: random.Random) -> tuple[int, int, int]:
    """(position, p50, p90), the latter in microseconds; position 0: none."""
    known = rng.choice((0, 1))
    return (rng.choice((0, 1, 300)), known * rng.randrange(1, 10**11), known * rng.randrange(1, 10**11))


def estimate_message(numbers: tuple[int, int, int]) -> job_pb2.WaitEstimate | None:
    if numbers[0] == 0:
        return None
    message = job_pb2.WaitEstimate(position=numbers[0])
    for name, value in zip(("p50", "p90"), numbers[1:], strict=True):
        if value:
            getattr(message, name).FromMicroseconds(value)
    return message


def assign_message(fields: dict[str, Any]) -> routing_service_pb2.AssignResponse:
    official = routing_service_pb2.AssignResponse(
        **{k: v for k, v in fields.items() if k not in ("estimate", "offer_end_time")},
        estimate=estimate_message(fields["estimate"]),
    )
    if fields["offer_end_time"]:
        official.offer_end_time.FromMicroseconds(fields["offer_end_time"])
    return official


def assignment(rng: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {"repeated": rng.random() < 0.5, "estimate": estimate(rng)}
    fields |= numbers(rng, ("outcome", "reason", "version", "policy_version"))
    fields["offer_end_time"] = rng.choice((0, 0, 1, 1_700_000_000_123_456))
    return fields | names_for(rng, ("job_id", "agent_id", "queue", "arm"))


def check_assign(rng: random.Random) -> None:
    fields = assignment(rng)
    assert face.encode_assign(fields) == assign_message(fields).SerializeToString()


def check_batch(rng: random.Random) -> None:
    results: list[Any] = []
    official = routing_service_pb2.BatchAssignResponse()
    for _ in range(rng.randrange(5)):
        if rng.random() < 0.6:
            results.append(assignment(rng))
            official.results.add().assignment.MergeFrom(assign_message(results[-1]))
        else:
            results.append((rng.randrange(1, 17), rng.choice(TEXTS), rng.choice(TEXTS)))
            code, reason, message = results[-1]
            official.results.add(code=code, error_reason=reason, error_message=message)
            assert not official.results[-1].HasField("assignment")
    assert face.encode_batch_assign(results) == official.SerializeToString()


def check_job_replies(rng: random.Random) -> None:
    fields: dict[str, Any] = {"repeated": rng.random() < 0.5}
    fields |= numbers(rng, ("state", "reason", "version")) | names_for(rng, ("job_id", "agent_id"))
    for method, name in enumerate(("AcceptOffer", "DeclineOffer", "CompleteJob", "CancelJob", "TransferJob"), 3):
        message_type = getattr(routing_service_pb2, f"{name}Response")
        official = message_type(**{k: v for k, v in fields.items() if k in message_type.DESCRIPTOR.fields_by_name})
        assert face.encode_job_reply(method, fields) == official.SerializeToString()


def check_get_job(rng: random.Random) -> None:
    fields: dict[str, Any] = names_for(rng, ("id", "queue", "channel", "agent_id", "customer", "rule", "plan", "arm"))
    fields |= numbers(rng, ("state", "reason", "urgency", "cost", "version", "policy_version", "step"))
    official = job_pb2.Job(**fields)
    for name in ("head_start", "create_time", "queue_time", "assign_time", "end_time", "deadline"):
        fields[name] = rng.choice((0, 1, 999_999, 1_000_000, 1_700_000_000_123_456, 253_402_300_799_999_999))
        if name != "head_start" and rng.random() < 0.2:
            fields[name] = -rng.randrange(1, 10**15)
        if fields[name]:
            getattr(official, name).FromMicroseconds(fields[name])
    fields["estimate"] = estimate(rng)
    if fields["estimate"][0]:
        official.estimate.CopyFrom(estimate_message(fields["estimate"]))
    assert face.encode_get_job(fields) == routing_service_pb2.GetJobResponse(job=official).SerializeToString()


def check_agent_replies(rng: random.Random) -> None:
    agent_id, presence, repeated = rng.choice(TEXTS), rng.randrange(5), rng.random() < 0.5
    presence_reply = agent_service_pb2.SetPresenceResponse(agent_id=agent_id, presence=presence, repeated=repeated)
    assert face.encode_set_presence(agent_id, presence, repeated) == presence_reply.SerializeToString()
    rejected = [rng.choice(TEXTS[1:]) for _ in range(rng.choice((0, 1, 3, 200)))]
    heartbeat = agent_service_pb2.HeartbeatResponse(extended_count=rng.randrange(10_001), rejected_agent_ids=rejected)
    assert face.encode_heartbeat(heartbeat.extended_count, rejected) == heartbeat.SerializeToString()


def check_status(rng: random.Random) -> None:
    metadata = {f"key{i}": rng.choice(TEXTS) for i in range(rng.randrange(4))}
    reason, message, field = rng.choice(TEXTS), rng.choice(TEXTS), rng.choice(("", "job.id", "job.skills[2].name"))
    status = status_pb2.Status.FromString(face.encode_status(rng.randrange(17), reason, message, field, metadata))
    info, violations = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.message == message
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason, "fairlead", metadata)
    assert len(status.details) == 1 + bool(field)
    if field:
        assert status.details[1].Unpack(violations)
        assert [(v.field, v.description) for v in violations.field_violations] == [(field, message)]


CHECKS = (check_assign, check_batch, check_job_replies, check_get_job, check_agent_replies, check_status)


@pytest.mark.parametrize("check", CHECKS)
def test_replies_are_what_the_official_runtime_writes(check: Callable[[random.Random], None], tape_seed: int) -> None:
    """Byte for byte; of a Status the parsed values, since the order of a map is free."""
    rng = random.Random(tape_seed)
    for _ in range(500):
        check(rng)


def test_a_long_reply_grows_its_buffer() -> None:
    """10,000 rejected ids, and a batch of 1,000 results."""
    rejected = [f"agent-{i}" for i in range(10_000)]
    official = agent_service_pb2.HeartbeatResponse(extended_count=5, rejected_agent_ids=rejected)
    assert face.encode_heartbeat(5, rejected) == official.SerializeToString()
    results = [(3, "INVALID_FIELD", f"jobs[{i}].id must have 1-128 bytes, not 0") for i in range(1000)]
    batch = routing_service_pb2.BatchAssignResponse.FromString(face.encode_batch_assign(results))
    assert [(r.code, r.error_reason, r.error_message) for r in batch.results] == results


def test_the_example_of_the_module_is_what_it_writes() -> None:
    fields = {"job_id": "j1", "outcome": 1, "reason": 0, "agent_id": "a1", "version": 1, "policy_version": 1}
    data = face.encode_assign(
        fields | {"repeated": False, "queue": "q", "estimate": (0, 0, 0), "offer_end_time": 0, "arm": ""}
    )
    assert data.hex(" ") == "0a 02 6a 31 10 01 22 02 61 31 28 01 30 01 42 01 71"
