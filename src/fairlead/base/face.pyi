"""The structures as Python sees them: for tests, which hold them against naive twins, and for nothing else.

A misuse that the engine never commits (an item that is not reserved, in line twice ..) raises ValueError.
"""

from collections.abc import Sequence

class LineupFace:
    """A lineup of base/lineup.pxd; items and bits must be reserved first."""

    def __init__(self) -> None: ...
    def reserve(self, items: int, bits: int) -> None:
        """Makes items and bits below these numbers usable."""
    def insert(self, item: int, rank: int) -> None:
        """A newcomer, in front of all who ever moved. Ranks are distinct."""
    def remove(self, item: int) -> None:
        """Out of the line, bits kept."""
    def move_to_back(self, item: int) -> None:
        """The last from now on."""
    def put(self, item: int, bit: int, value: bool) -> None:
        """Sets or clears a bit."""
    def has(self, item: int, bit: int) -> bool:
        """Whether the item has the bit."""
    def find(self, wanted: list[int], barred: Sequence[int] = ()) -> list[int]:
        """All items in line order that have every wanted bit and no barred one."""
    def __len__(self) -> int: ...
    def check(self) -> bool:
        """The whole invariant."""
    def size(self) -> int:
        """Bytes held."""

class HeapFace:
    """Two heaps of base/heap.pxd over items below `items`. Each owns its nodes, or with `shared` both lie in one array
    of `items` nodes, one from either end, as in a rotation."""

    def __init__(self, items: int, shared: bool = False) -> None: ...
    def push(self, which: int, item: int, high: int, tie: int) -> None:
        """Adds an item that is in neither heap to heap 0 or 1."""
    def remove(self, item: int) -> None:
        """Takes an item out of the heap it is in."""
    def move(self, item: int, high: int, tie: int) -> None:
        """Gives an item that is in a heap a new key."""
    def top(self, which: int) -> tuple[int, int, int] | None:
        """(high, tie, item) of the smallest, None for an empty heap."""
    def place(self, item: int) -> int:
        """The position an item carries, 0 for in no heap."""
    def sizes(self) -> tuple[int, int]:
        """Items in heap 0 and 1."""
    def check(self) -> bool:
        """The whole invariant of both."""

class PagesFace:
    """A large array whose pages are fetched ahead, for tests."""

    def __init__(self, size: int) -> None: ...
    @property
    def address(self) -> int:
        """Where it is now; it may move when it grows."""
    def write(self, at: int, data: bytes) -> None:
        """Uses some bytes for the first time."""
    def read(self, at: int, size: int) -> bytes:
        """Some bytes."""
    def grow(self, wanted: int) -> None:
        """Room for `wanted` bytes in all."""
    @staticmethod
    def fetch(start: int, size: int) -> None:
        """Asks for any range at all."""
