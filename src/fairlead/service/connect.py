"""Unary calls of the Connect protocol, so that curl can speak to the daemon: a POST of JSON or protobuf, no framing.

    curl -H 'content-type: application/json' -d '{"jobId": "j1"}' HOST:PORT/fairlead.v1.RoutingService/GetJob

An error is an HTTP status and {"code": "not_found", "message": "..", "details": [{"type", "value"}]}.
"""

import base64
import json
from collections.abc import Mapping
from functools import cache

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from google.rpc import status_pb2  # type: ignore[import-untyped]

from fairlead.errors import FairleadError, error

# By gRPC code: the name and the HTTP status that Connect gives it.
CODES: Mapping[int, tuple[str, int]] = {
    1: ("canceled", 499),
    2: ("unknown", 500),
    3: ("invalid_argument", 400),
    4: ("deadline_exceeded", 504),
    5: ("not_found", 404),
    6: ("already_exists", 409),
    7: ("permission_denied", 403),
    8: ("resource_exhausted", 429),
    9: ("failed_precondition", 400),
    10: ("aborted", 409),
    11: ("out_of_range", 400),
    12: ("unimplemented", 501),
    13: ("internal", 500),
    14: ("unavailable", 503),
    15: ("data_loss", 500),
    16: ("unauthenticated", 401),
}


def request_of(path: str, body: bytes, is_json: bool) -> bytes:
    """The serialized request of a call. Raises InvalidArgument for JSON that is none."""
    return _from_json(types(path)[0], body) if is_json else body


def response_of(path: str, code: int, reply: bytes, is_json: bool) -> tuple[int, bytes]:
    """HTTP status and body of a call that was answered with this code and reply."""
    if code:
        return refusal(reply)
    if is_json:
        reply = json_format.MessageToJson(types(path)[1].FromString(reply), indent=None).encode()
    return 200, reply


def refusal(status: bytes) -> tuple[int, bytes]:
    """HTTP status and JSON of a serialized google.rpc.Status."""
    message = status_pb2.Status.FromString(status)
    name, http_status = CODES[message.code]
    details = [
        {
            "type": detail.type_url.rpartition("/")[2],
            "value": base64.b64encode(detail.value).decode().rstrip("="),
        }
        for detail in message.details
    ]
    return http_status, json.dumps({"code": name, "message": message.message, "details": details}).encode()


@cache
def types(path: str) -> tuple[type[Message], type[Message]]:
    """Classes of the request and the response of a method."""
    _, service, name = path.split("/")
    method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return message_factory.GetMessageClass(method.input_type), message_factory.GetMessageClass(method.output_type)


def _from_json(request_type: type[Message], body: bytes) -> bytes:
    try:
        return json_format.Parse(body or b"{}", request_type()).SerializeToString()
    except (json_format.ParseError, UnicodeDecodeError) as wrong:
        malformed: FairleadError = error("INVALID_FIELD", f"the body is no {request_type.DESCRIPTOR.name}: {wrong}")
        raise malformed from None
