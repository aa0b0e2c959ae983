"""The directory as Python sees it: for tests, which hold it against a dict, and for nothing else.

A misuse that the shard never commits raises ValueError and changes nothing.
"""

class NamesFace:
    """A table of names of directory/names.pxd. `seed` is that of its hash."""

    def __init__(self, seed: int = 0) -> None: ...
    def find(self, name: bytes) -> int | None:
        """The slot of a name, None when it has none."""
    def add(self, name: bytes) -> int:
        """The slot of a name, a fresh one if it has none."""
    def put(self, slot: int, name: bytes) -> None:
        """Gives a name that has no slot this free one. Not to be mixed with `add`."""
    def remove(self, slot: int) -> None:
        """Takes out the name of a slot."""
    def text(self, slot: int) -> bytes | None:
        """The name of a slot, None when it has none."""
    def __len__(self) -> int: ...
    def check(self) -> bool:
        """Every name is found at its slot, and nothing else is in the table."""
    def size(self) -> int:
        """Bytes held."""
