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

class Rank(IntEnum):
    NEVER = 0
    LAST = 1
    NEW_WORK = 2
    READS = 3

DURATION_BOUNDS_US: tuple[int, ...]
SIZE_BOUNDS: tuple[int, ...]
GUARDS: tuple[str, ...]

class Server:
    def __init__(
        self,
        shard: Shard,
        listener: int,
        methods: Iterable[tuple[bytes, int, int, int, bool, int]],
        limits: dict[str, int],
        overload: bytes,
        threads: int = 1,
    ) -> None: ...
    @property
    def threads(self) -> int: ...
    def run(self, thread: int = 0) -> None: ...
    def take(self, thread: int = 0) -> list[tuple[int, int, int, int, int, bytes]]: ...
    def send(self, call: int, message: bytes, compressed: bool = False) -> None: ...
    def send_all(self, calls: Iterable[int], message: bytes) -> None: ...
    def reply(self, call: int, message: bytes, compressed: bool = False) -> None: ...
    def metadata(self, call: int, packed: bytes) -> None: ...
    def finish(self, call: int, code: int, status: bytes = b"") -> None: ...
    def respond(self, call: int, code: int, http_status: int, body: bytes) -> None: ...
    def begun(self, waited_us: int) -> None: ...
    def drain(self, milliseconds: int) -> None: ...
    def statistics(self) -> dict[str, Any]: ...
    def calls(self) -> dict[str, tuple[int, dict[int, tuple[list[int], int, list[int], int, list[int], int]]]]: ...
