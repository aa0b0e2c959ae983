"""A daemon's client for the commands: one connection, the tenant in every request, failures as fairlead.errors.

Answers are shown twice: `plain` makes the object of --json, the commands make tables.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fairlead import errors
from fairlead.config import Config
from fairlead.v1.admin_service_pb2_grpc import AdminServiceStub
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from fairlead.v1.customer_service_pb2_grpc import CustomerServiceStub
from fairlead.v1.policy_service_pb2_grpc import PolicyServiceStub
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

DEFAULT_ADDRESS = Config.listen
CALL_TIMEOUT_S = 10.0
# The program's own documents fit easily; a list of a thousand agents with all their skills may not fit gRPC's 4 MiB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

_DETAILS = "grpc-status-details-bin"

Answer = TypeVar("Answer", bound=Message)


def add_client_options(parser: argparse.ArgumentParser, *, nested: bool = False) -> None:
    """--address, --tenant, --json: what every command that calls a daemon takes.

    A `nested` parser has no defaults, so that it does not undo what was given before its name.
    """
    group = parser.add_argument_group("daemon and output")
    address, tenant, as_json = (argparse.SUPPRESS,) * 3 if nested else (DEFAULT_ADDRESS, "", False)
    group.add_argument(
        "--address", metavar="HOST:PORT", default=address, help=f"the daemon (default {DEFAULT_ADDRESS})"
    )
    group.add_argument("--tenant", metavar="NAME", default=tenant, help="routing domain (default: `default`)")
    group.add_argument("--json", action="store_true", default=as_json, help="print one JSON object")


class Client:
    """Stubs of all services over one connection, closed by `with`."""

    def __init__(self, address: str, tenant: str) -> None:
        self.address = address
        self._tenant = tenant
        self._channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", MAX_ANSWER_BYTES)])
        self.routing = RoutingServiceStub(self._channel)
        self.agents = AgentServiceStub(self._channel)
        self.policy = PolicyServiceStub(self._channel)
        self.admin = AdminServiceStub(self._channel)
        self.customers = CustomerServiceStub(self._channel)

    @classmethod
    def of(cls, namespace: argparse.Namespace) -> "Client":
        """The client that the options of a command ask for."""
        return cls(namespace.address, namespace.tenant)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: object) -> None:
        self._channel.close()

    def call(self, method: Callable[..., Answer], request: Any, wait: float = 0) -> Answer:
        """One call with the tenant filled in, which may take `wait` seconds longer than others.

        Raises the FairleadError that the daemon sent, or Unavailable.
        """
        request.tenant = self._tenant
        try:
            return method(request, timeout=CALL_TIMEOUT_S + wait)
        except grpc.RpcError as failure:
            raise failure_of(failure, self.address) from None


def failure_of(failure: Any, address: str) -> errors.FairleadError:
    """What a failed call says: the daemon's own error when it sent one, else what the connection says."""
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS:
            return errors.from_status(value)
    code, details = failure.code(), failure.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        return errors.error("UNREACHABLE", f"no daemon answers at {address}; start one with `fairlead serve`")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.error("UNREACHABLE", f"the daemon at {address} did not answer within {CALL_TIMEOUT_S:.0f} s")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return errors.error("UNKNOWN_METHOD", f"what listens at {address} does not have this call: {details}")
    return errors.FairleadError(code.name, details or "no details were sent")


def plain(message: Message) -> dict[str, object]:
    """A message as what json.dumps takes, with the field names and enum names of the contract.

    Numbers are numbers, durations "1.500s", times RFC 3339, what is not set null. Unsigned 64-bit numbers (hashes) are
    text, since many a reader of JSON rounds them.
    """
    out: dict[str, object] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            out[field.name] = [_plain_value(field, item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            out[field.name] = None
        else:
            out[field.name] = _plain_value(field, value)
    return out


def _plain_value(field: Any, value: Any) -> object:
    if isinstance(value, (Duration, Timestamp)):
        return value.ToJsonString()
    if isinstance(value, Message):
        return plain(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_UINT64:
        return str(value)
    if field.enum_type is not None:
        member = field.enum_type.values_by_number.get(value)
        return member.name if member else value
    return value


def print_json(value: object) -> None:
    """One object on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def seconds(value: Duration | Timestamp) -> float:
    """A duration or a time since the Unix epoch, in seconds."""
    return float(value.seconds) + value.nanos / 1e9


def short(enum: Any, number: int, prefix: str) -> str:
    """An enum member for people: `all busy` for REASON_ALL_BUSY, empty for the zero."""
    if number == 0:
        return ""
    name = enum.Name(number) if number in enum.values() else str(number)
    return str(name).removeprefix(prefix).replace("_", " ").lower()
