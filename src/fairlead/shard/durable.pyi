"""What opening a journal found. Built from ext/fairlead/shard/."""

from typing import NamedTuple

class Recovered(NamedTuple):
    """What was found. `state_hash` is the sum of all; `torn_bytes` were cut off and kept in `torn_copy`.

    `records` is the last sequence; `tail_records` of them were read behind the `snapshot`, an empty name for none.
    """

    segments: int
    records: int
    tail_records: int
    snapshot: str
    problems: tuple[str, ...]
    tenants: int
    seconds: float
    state_hash: int
    torn_bytes: int
    torn_copy: str
