"""The writer for tests: records as bytes, written as a shard writes its own. Built from ext/fairlead/journal/."""

def write_journal(directory: str, steps: list[list[bytes]], layout: int, segment_size: int = 1048576) -> None:
    """A fresh journal of steps, each a list of records without their sizes. Raises OSError."""
