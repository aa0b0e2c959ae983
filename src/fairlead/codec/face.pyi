"""The codec as Python sees it: for tests, which compare it with the official runtime, and for nothing else."""

from typing import Any

def decode(method: int, data: bytes, *, validate: bool = True) -> dict[str, Any]:
    """A hot request as a dict with `status` 0; or `status`, `reason`, `field`, `message` and `body` of the refusal.

    `method` is a number of `fairlead.shard.core.Method`. Without `validate` only malformed bytes are refused, and no
    default is filled in. Times are microseconds, None when absent, "invalid" when out of the range of their type.
    Arrays hold at most what the struct holds; `*_count` says how many there were. Jobs of a batch are such dicts too.
    """

def encode_assign(fields: dict[str, Any]) -> bytes:
    """AssignResponse; all fields of the contract must be given."""

def encode_batch_assign(results: list[Any]) -> bytes:
    """BatchAssignResponse; each result a dict of AssignResponse, or a tuple (code, reason, message)."""

def encode_job_reply(method: int, fields: dict[str, Any]) -> bytes:
    """Accept-, Decline-, Complete-, Cancel- or Transfer..Response; the fields of the largest must be given."""

def encode_get_job(fields: dict[str, Any]) -> bytes:
    """GetJobResponse; all fields of Job must be given, times in microseconds."""

def encode_set_presence(agent_id: str, presence: int, repeated: bool) -> bytes:
    """SetPresenceResponse."""

def encode_heartbeat(extended_count: int, rejected: list[str]) -> bytes:
    """HeartbeatResponse."""

def encode_status(code: int, reason: str, message: str, field: str, metadata: dict[str, str]) -> bytes:
    """google.rpc.Status; at most 8 entries of metadata."""

def utf8_valid(data: bytes) -> bool:
    """Whether the bytes are UTF-8."""

def assign_ns(data: bytes, rounds: int) -> float:
    """Mean nanoseconds to decode these bytes of an AssignRequest and to encode an AssignResponse for it."""
