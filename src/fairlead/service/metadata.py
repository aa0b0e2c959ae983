"""Metadata of calls that Python serves: the header fields of a request, the leading and trailing ones of its answer.

A name that ends in -bin has bytes as its value, sent in base64; any other has printable ASCII. On the way to and from
the compiled server fields are packed as `transport/metadata.pxd` tells:

    part (1 byte: 0 leading, 1 trailing), sizes of name and value (2 bytes each, little-endian), name, value
"""

import base64
import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Of one part of an answer. A gRPC peer takes 8 KiB of header fields.
MAX_FIELDS = 32
MAX_VALUE_SIZE = 8_192

_HEAD = struct.Struct("<BHH")
_NAME = re.compile(r"[a-z0-9_.-]{1,128}")
_VALUE = re.compile(rb"[ -~]*")

Field = tuple[str, bytes]


class Metadata(NamedTuple):
    """What came with a call, and what its handler wants to leave with the answer."""

    received: tuple[Field, ...]
    leading: list[Field]
    trailing: list[Field]

    def packed(self) -> bytes:
        """The answer's fields for the compiled server. Raises ValueError for a field that HTTP cannot carry."""
        return b"".join((*_pack(0, self.leading), *_pack(1, self.trailing)))

    def packed_for_connect(self) -> bytes:
        """The same for unary Connect, which has trailing fields among the leading ones, by a prefix of the name."""
        return b"".join(
            (*_pack(0, self.leading), *_pack(0, ((f"trailer-{name}", value) for name, value in self.trailing)))
        )


def metadata_of(packed: bytes) -> Metadata:
    """Metadata with the fields that the compiled server has packed."""
    return Metadata(tuple(_unpack(packed)), [], [])


def _pack(part: int, fields: Iterable[Field]) -> Iterator[bytes]:
    for count, (name, value) in enumerate(fields):
        sent = base64.b64encode(value) if name.endswith("-bin") else value
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(sent) or len(sent) > MAX_VALUE_SIZE or count == MAX_FIELDS:
            raise ValueError(
                f"the field {name!r} cannot be sent: up to {MAX_FIELDS} of [a-z0-9_.-] and printable ASCII"
            )
        yield _HEAD.pack(part, len(name), len(sent)) + name.encode() + sent


def _unpack(packed: bytes) -> Iterator[Field]:
    at = 0
    while at < len(packed):
        _, name_size, size = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        name, value = packed[at : at + name_size].decode("ascii"), packed[at + name_size : at + name_size + size]
        at += name_size + size
        if not name.endswith("-bin"):
            yield name, value
            continue
        # Several values of one name may stand in one field; padding may be missing. The server has checked the rest.
        for each in value.split(b","):
            digits = each.strip().rstrip(b"=")
            yield name, base64.b64decode(digits + b"=" * (-len(digits) % 4))
