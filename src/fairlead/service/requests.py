"""Cold requests: from bytes to a message, and the checks that several RPCs share.

A request that is wrong raises InvalidArgument (INVALID_FIELD) with every wrong field; bytes that are no message raise
Internal (MALFORMED_REQUEST). Nothing here knows gRPC or the shard.
"""

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from fairlead.errors import FairleadError, error
from fairlead.problems import Problems

DEFAULT_TENANT = "default"
NAME_SIZE = 128
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
MAX_TOKEN_SIZE = 1_024
MAX_EXAMINED_SIZE = 64 * 1024
# Deeper than any message of the contract.
MAX_DEPTH = 16

_Request = TypeVar("_Request", bound=Message)


def parse(message_type: type[_Request], data: bytes) -> _Request:
    """The message of its bytes."""
    try:
        return message_type.FromString(data)
    except DecodeError:
        malformed = error("MALFORMED_REQUEST", f"the bytes are no {message_type.DESCRIPTOR.full_name}")
        raise bad_text(message_type, data) or malformed from None


def bad_text(message_type: type[Message], data: bytes) -> FairleadError | None:
    """The error of refused bytes in which nothing is wrong but a string that is no UTF-8; else None.

    Decoders do not tell a wrong id from a torn message, callers should know the field. Cost: a pass in Python over at
    most `MAX_EXAMINED_SIZE` bytes, and only for requests that fail.
    """
    if len(data) > MAX_EXAMINED_SIZE:
        return None
    try:
        paths = list(_bad_text(cast(Descriptor, message_type.DESCRIPTOR), data, 0))
    except ValueError:
        return None
    return error("INVALID_FIELD", f"{paths[0]} is not UTF-8", paths[0]) if paths else None


def read_tenant(tenant: str, problems: Problems) -> str:
    """The tenant a request names; empty is `default`."""
    check_size(tenant, "tenant", problems, low=0)
    return tenant or DEFAULT_TENANT


def check_size(value: str, path: str, problems: Problems, low: int = 1) -> None:
    """Notes text of fewer bytes than `low` or of more than an id may have."""
    if not low <= len(value.encode()) <= NAME_SIZE:
        problems.add(path, value, f"{low} to {NAME_SIZE} bytes")


def check_range(value: int, path: str, bounds: tuple[int, int], problems: Problems) -> None:
    """Notes a number outside its bounds, which belong to it."""
    low, high = bounds
    if not low <= value <= high:
        problems.add(path, value, f"{low} to {high}")


def refuse(problems: Problems) -> None:
    """Raises what was noted, if anything was."""
    problems.raise_if_any("INVALID_FIELD", "the request")


def read_page_size(size: int, problems: Problems) -> int:
    """Entries of a page; 0 is the default."""
    check_range(size, "page_size", (0, MAX_PAGE_SIZE), problems)
    return size or DEFAULT_PAGE_SIZE


def write_page_token(query: tuple[object, ...], number: int, text: str = "") -> str:
    """An opaque token: where the next page of this query begins."""
    body = struct.pack(">q", number) + text.encode()
    return base64.urlsafe_b64encode(struct.pack(">I", _seal(query, body)) + body).decode().rstrip("=")


def read_page_token(query: tuple[object, ...], token: str, problems: Problems) -> tuple[int, str]:
    """The number and text of a token; (0, "") for the first page. A token of another query is noted."""
    if not token:
        return 0, ""
    try:
        if len(token) > MAX_TOKEN_SIZE:
            raise ValueError("too long")
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        (seal,), body = struct.unpack(">I", raw[:4]), raw[4:]
        if seal == _seal(query, body):
            (number,) = struct.unpack(">q", body[:8])
            return number, body[8:].decode()
    except (ValueError, struct.error):
        pass
    problems.add("page_token", token, "next_page_token of the last response to the same request")
    return 0, ""


def _seal(query: tuple[object, ...], body: bytes) -> int:
    # Against mistakes, not against forgery: a token gives access to nothing that its request would not.
    return zlib.crc32(repr(query).encode() + body)


def _bad_text(descriptor: Descriptor, data: bytes, depth: int) -> Iterator[str]:
    """Paths of the strings that are no UTF-8. Raises ValueError where the bytes are torn or too deep."""
    if depth == MAX_DEPTH:
        raise ValueError("too deep")
    at = 0
    counts: dict[int, int] = {}
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(data, at)
            continue
        size, at = _varint(data, at) if kind == 2 else ({1: 8, 5: 4}.get(kind, len(data)), at)
        body, at = data[at : at + size], at + size
        if at > len(data):
            raise ValueError("torn")
        field = descriptor.fields_by_number.get(tag >> 3)
        if kind != 2 or field is None:
            continue
        index = counts.setdefault(field.number, 0)
        counts[field.number] += 1
        here = f"{field.name}[{index}]" if field.is_repeated else field.name
        if field.message_type is not None:
            yield from (f"{here}.{path}" for path in _bad_text(field.message_type, body, depth + 1))
        elif field.type == FieldDescriptor.TYPE_STRING and not _is_utf8(body):
            yield here


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("torn")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
