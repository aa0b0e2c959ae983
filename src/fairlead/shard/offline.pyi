"""The state of a data directory, built beside whoever writes there. Built from ext/fairlead/shard/."""

from collections.abc import Callable

from fairlead.journal.reader import Base
from fairlead.shard.snapshot import Image

class State:
    """All tenants of a directory. Memory: what the shard needs that wrote it. Made for one directory, once."""

    def load(self, path: str) -> Image:
        """The state of one snapshot. Returns its Image. Raises SnapshotDamage."""
    def read(
        self,
        directory: str,
        upto: int | None = None,
        *,
        sealed: bool = False,
        progress: Callable[[int, str], None] | None = None,
    ) -> int:
        """The newest good snapshot of a directory, and what lies behind it. Returns the records read."""
    def go_on(
        self,
        directory: str,
        upto: int | None = None,
        *,
        sealed: bool = False,
        progress: Callable[[int, str], None] | None = None,
    ) -> int:
        """Applies what lies behind the snapshot that was loaded. As `read` otherwise."""
    def save(self, directory: str) -> Image:
        """Writes the snapshot of this state, synced; the manifest is the caller's. Returns its Image."""
    def check(self) -> list[str]:
        """Every invariant of every engine; what is violated. O(state) at least."""
    @property
    def base(self) -> Base | None:
        """Where in the journal the state is; None before the first record."""
    @property
    def image(self) -> Image | None:
        """The Image of the snapshot that was begun with; None: none."""
    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong with snapshots that were passed over."""
    @property
    def tenants(self) -> int:
        """How many there are."""
    @property
    def jobs(self) -> int:
        """Jobs that are live or remembered, of all tenants."""
    @property
    def state_hash(self) -> int:
        """The sum of all tenants'."""
