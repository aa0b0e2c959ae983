"""One tree of errors, one table from reason to class and gRPC code, one encoding for the wire (E2).

A failure of a call is an instance of a class below; what merely did not find an agent is an outcome, not an error (E1).
The compiled shard raises through `raise_error`, cold handlers send `FairleadError.status_bytes`, clients read it back
with `from_status`. This module knows no transport and no compiled code: gRPC codes are numbers here.

google.rpc.Status is written by hand, so that embedding needs no protobuf runtime for an error:

    Status     1 code (varint)  2 message  3 details: Any
    Any        1 type_url       2 value
    ErrorInfo  1 reason         2 domain   3 metadata: entries of 1 key, 2 value
    BadRequest 1 field_violations: 1 field, 2 description
    e.g. 08 05 12 08 "no job x" .. is code 5 and its message
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

DOMAIN = "fairlead"

# Numbers of the gRPC specification, for those codes this program answers.
OK = 0
CANCELLED = 1
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15

# A gRPC peer drops a call whose trailers exceed 8 KiB, and they carry the message twice, once in base64.
MESSAGE_SIZE = 768
VIOLATIONS_SIZE = 3_072

_ERROR_INFO_URL = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_REQUEST_URL = "type.googleapis.com/google.rpc.BadRequest"


class FairleadError(Exception):
    """A refused call; nothing has changed.

    `code` is the gRPC code, `reason` the UPPER_SNAKE reason of `REASONS`, `field` the path of the (first) wrong field
    such as `job.skills[2].min_level` or empty, `metadata` further facts for programs, `message` a sentence for people,
    `violations` every wrong field as (path, description).
    """

    code = INTERNAL

    def __init__(
        self,
        reason: str,
        message: str,
        field: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = tuple(violations) or (((field, message),) if field else ())
        self.field = field or (self.violations[0][0] if self.violations else "")
        self.metadata = dict(metadata or {})

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.reason, self.message, self.field, self.metadata, self.violations))

    def status_bytes(self) -> bytes:
        """Serialized google.rpc.Status: ErrorInfo always, BadRequest when a field is wrong.

        The message is cut to `MESSAGE_SIZE` and the violations end at `VIOLATIONS_SIZE`; the metadata key
        `omitted_violations` then says how many are missing.
        """
        request, sent = b"", 0
        for path, what in self.violations:
            violation = _bytes(1, _text(1, path) + _text(2, what))
            if len(request) + len(violation) > VIOLATIONS_SIZE:
                break
            request, sent = request + violation, sent + 1
        metadata = dict(self.metadata)
        if sent < len(self.violations):
            metadata["omitted_violations"] = str(len(self.violations) - sent)
        info = _text(1, self.reason) + _text(2, DOMAIN)
        for key, value in metadata.items():
            info += _bytes(3, _text(1, key) + _text(2, value))
        details = _bytes(3, _text(1, _ERROR_INFO_URL) + _bytes(2, info))
        if sent:
            details += _bytes(3, _text(1, _BAD_REQUEST_URL) + _bytes(2, request))
        return b"\x08" + _varint(self.code) + _text(2, cut(self.message, MESSAGE_SIZE)) + details


class InvalidArgument(FairleadError):
    """A request that can never succeed as it is."""

    code = INVALID_ARGUMENT


class DeadlineExceeded(FairleadError):
    """The caller's time was over before the call was carried out."""

    code = DEADLINE_EXCEEDED


class NotFound(FairleadError):
    """A named job, agent, queue, channel or tier does not exist."""

    code = NOT_FOUND


class AlreadyExists(FairleadError):
    """An id is in use with other content (J4)."""

    code = ALREADY_EXISTS


class FailedPrecondition(FairleadError):
    """The state does not allow it now: a stale version (J5), a wrong state, an agent who holds jobs."""

    code = FAILED_PRECONDITION


class ResourceExhausted(FairleadError):
    """No room: an agent's capacity (C2) or a limit of the program."""

    code = RESOURCE_EXHAUSTED


class OutOfRange(FairleadError):
    """What was asked for is gone: events that are no longer kept (E4)."""

    code = OUT_OF_RANGE


class Internal(FairleadError):
    """Bytes that are no message, or a defect of this program."""

    code = INTERNAL


class Unimplemented(FairleadError):
    """A method that this server does not have."""

    code = UNIMPLEMENTED


class DataLoss(FairleadError):
    """What is on disk is not what was written."""

    code = DATA_LOSS


class Unavailable(FairleadError):
    """The server is stopping or not reachable; a retry may find it."""

    code = UNAVAILABLE


# The one table. A reason is stable: clients branch on it.
REASONS: Mapping[str, type[FairleadError]] = {
    "JOB_NOT_FOUND": NotFound,
    "TENANT_NOT_FOUND": NotFound,
    "AGENT_NOT_FOUND": NotFound,
    "SERVICE_NOT_FOUND": NotFound,
    "QUEUE_NOT_FOUND": NotFound,
    "CHANNEL_NOT_FOUND": NotFound,
    "TIER_NOT_FOUND": NotFound,
    "SCENARIO_NOT_FOUND": NotFound,
    "POLICY_VERSION_NOT_FOUND": NotFound,
    "CUSTOMER_NOT_FOUND": NotFound,
    "JOB_ALREADY_EXISTS": AlreadyExists,
    "AGENT_ALREADY_EXISTS": AlreadyExists,
    "REQUEST_ID_REUSED": AlreadyExists,
    "STALE_VERSION": FailedPrecondition,
    "WRONG_STATE": FailedPrecondition,
    "AGENT_HOLDS_JOBS": FailedPrecondition,
    "AGENT_NOT_ONLINE": FailedPrecondition,
    "SAME_AGENT": FailedPrecondition,
    "QUEUE_IN_USE": FailedPrecondition,
    "CHANNEL_IN_USE": FailedPrecondition,
    "AGENT_FULL": ResourceExhausted,
    "LIMIT_EXCEEDED": ResourceExhausted,
    "SLOW_READER": ResourceExhausted,
    "EVENTS_GONE": OutOfRange,
    "INVALID_FIELD": InvalidArgument,
    "INVALID_POLICY": InvalidArgument,
    "INVALID_CONFIG": InvalidArgument,
    "INVALID_SCENARIO": InvalidArgument,
    "MALFORMED_REQUEST": Internal,
    "INTERNAL_ERROR": Internal,
    "UNKNOWN_METHOD": Unimplemented,
    "JOURNAL_ABSENT": FailedPrecondition,
    "JOURNAL_LOCKED": FailedPrecondition,
    "JOURNAL_VERSION": FailedPrecondition,
    "JOURNAL_DAMAGED": DataLoss,
    "JOURNAL_GAP": DataLoss,
    "JOURNAL_HASH": DataLoss,
    "JOURNAL_FAILED": Unavailable,
    "STOPPING": Unavailable,
    "OVERLOADED": Unavailable,
    "UNREACHABLE": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "UNKNOWN_ENCODING": Unimplemented,
}

_CLASS_BY_CODE: Mapping[int, type[FairleadError]] = {cls.code: cls for cls in REASONS.values()}


def error(reason: str, message: str, field: str = "") -> FairleadError:
    """The error of a reason; a reason outside the table is a bug and an AssertionError."""
    cls = REASONS.get(reason)
    if cls is None:
        raise AssertionError(f"reason {reason!r} is not in fairlead.errors.REASONS")
    return cls(reason, message, field)


def raise_error(reason: str, message: str, field: str = "") -> NoReturn:
    """Raises the error of a reason. The compiled shard calls it for every refusal."""
    raise error(reason, message, field)


def from_status(data: bytes) -> FairleadError:
    """The error a server sent as google.rpc.Status: its class by reason, else by code.

    Unknown details are skipped. Raises ValueError for bytes that are no Status.
    """
    code, message, reason = INTERNAL, "", ""
    metadata: dict[str, str] = {}
    violations: list[tuple[str, str]] = []
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            code = value
        elif number == 2:
            message = _string(value)
        elif number == 3:
            any_ = dict(_fields(_raw(value)))
            url, body = _string(any_.get(1, b"")), _raw(any_.get(2, b""))
            if url == _ERROR_INFO_URL:
                info = list(_fields(body))
                reason = next((_string(v) for n, v in info if n == 1), "")
                pairs = [dict(_fields(_raw(v))) for n, v in info if n == 3]
                metadata = {_string(pair.get(1, b"")): _string(pair.get(2, b"")) for pair in pairs}
            elif url == _BAD_REQUEST_URL:
                pairs = [dict(_fields(_raw(v))) for n, v in _fields(body) if n == 1]
                violations = [(_string(pair.get(1, b"")), _string(pair.get(2, b""))) for pair in pairs]
    cls = REASONS.get(reason) or _CLASS_BY_CODE.get(code, FairleadError)
    return cls(reason, message, "", metadata, violations)


def cut(text: str, size: int) -> str:
    """The text, at most `size` bytes of UTF-8, marked when something is missing."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= size else raw[: size - 3].decode("utf-8", "ignore") + "..."


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, value: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    # Ids that were refused for being no UTF-8 may be quoted in a message; the wire carries only valid text.
    return _bytes(number, value.encode("utf-8", "replace"))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of one message of varints and byte strings, which is all that Status and its details hold."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        value, at = _read_varint(data, at)
        if kind == 0:
            yield tag >> 3, value
        elif kind == 2 and at + value <= len(data):
            yield tag >> 3, data[at : at + value]
            at += value
        else:
            raise ValueError(f"not a google.rpc.Status: wire type {kind} or length {value} at byte {at}")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("not a google.rpc.Status: it ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not a google.rpc.Status: a number of more than 10 bytes")


def _raw(value: int | bytes) -> bytes:
    match value:
        case bytes():
            return value
    raise ValueError(f"not a google.rpc.Status: number {value} where bytes belong")


def _string(value: int | bytes) -> str:
    return _raw(value).decode("utf-8")
