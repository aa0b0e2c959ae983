"""A gRPC client that loads a daemon with jobs: closed or open loop, many calls in flight, latencies counted."""

from collections.abc import Sequence
from typing import Any

class Generator:
    def __init__(
        self,
        sockets: Sequence[int],
        calls: int,
        blocks: Sequence[bytes],
        tenant: bytes,
        prefix: bytes,
        tails: Sequence[bytes],
        rate: float = 0,
        batch: int = 0,
        hold: int = 0,
        agents: int = 0,
        capacity: int = 0,
        reads: int = 0,
        heartbeats: int = 0,
    ) -> None: ...
    def run(self, seconds: float) -> bool: ...
    def finish(self, seconds: float) -> None: ...
    def pace(self, rate: float) -> None: ...
    def reset(self) -> None: ...
    def result(self) -> dict[str, Any]: ...
