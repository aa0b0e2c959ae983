"""What opening a journal found. Built from ext/fairlead/shard/."""

from typing import NamedTuple

class Recovered(NamedTuple):
    """What was found. `state_hash` is the sum of all; `torn_bytes` were cut off and kept in `torn_copy`."""

    segments: int
    records: int
    tenants: int
    seconds: float
    state_hash: int
    torn_bytes: int
    torn_copy: str
