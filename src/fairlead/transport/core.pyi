"""The native transport: HTTP/2 and gRPC on a listening socket, served by a thread without the interpreter."""

from collections.abc import Iterable
from enum import IntEnum, IntFlag
from typing import Any

from fairlead.shard.core import Shard

class Kind(IntEnum):
    HOT = 0
    UNARY = 1
    STREAMING = 2

class EventKind(IntEnum):
    CALL = 0
    OPEN = 1
    MESSAGE = 2
    END = 3
    CANCELLED = 4
    ROOM = 5

class Flag(IntFlag):
    CONNECT_JSON = 8
    CONNECT_PROTO = 16
    ENCODING_GZIP = 32
    ACCEPTS_GZIP = 128
    COMPRESSED = 131072

GUARDS: tuple[str, ...]

class Server:
    def __init__(self, shard: Shard, listener: int, methods: Iterable[tuple[bytes, int, int, int, bool]]) -> None: ...
    def run(self) -> None: ...
    def take(self) -> list[tuple[int, int, int, int, int, bytes]]: ...
    def send(self, call: int, message: bytes, compressed: bool = False) -> None: ...
    def send_all(self, calls: Iterable[int], message: bytes) -> None: ...
    def reply(self, call: int, message: bytes, compressed: bool = False) -> None: ...
    def metadata(self, call: int, packed: bytes) -> None: ...
    def finish(self, call: int, code: int, status: bytes = b"") -> None: ...
    def respond(self, call: int, http_status: int, body: bytes) -> None: ...
    def drain(self, milliseconds: int) -> None: ...
    def statistics(self) -> dict[str, Any]: ...
