"""The last versions of one tenant's policy: who stored which document, and when. Knows no shard and no clock."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.policy.document import from_stored
from fairlead.protobuf import set_timestamp
from fairlead.v1 import policy_pb2

KEPT_VERSIONS = 100


class Edition(NamedTuple):
    """One version: its document packed, its author, the shard's time in microseconds, and counts for people."""

    version: int
    packed: bytes
    author: str
    time_us: int
    queue_count: int
    rule_count: int

    @classmethod
    def of(cls, version: int, document: bytes, author: str, time_us: int) -> "Edition":
        """The edition of a serialized policy."""
        policy = from_stored(document)
        return cls(version, zlib.compress(document, 1), author, time_us, len(policy.queues), len(policy.rules))

    def policy(self) -> policy_pb2.Policy:
        """The document with what is output only: version, author, time."""
        policy = from_stored(zlib.decompress(self.packed))
        policy.version, policy.author = self.version, self.author
        set_timestamp(policy.update_time, self.time_us)
        return policy


class History:
    """At most `KEPT_VERSIONS` editions; the oldest go first."""

    def __init__(self) -> None:
        self._editions: dict[int, Edition] = {}

    def add(self, edition: Edition) -> None:
        """Keeps an edition; one that is kept already stays as it was."""
        self._editions.setdefault(edition.version, edition)
        while len(self._editions) > KEPT_VERSIONS:
            del self._editions[min(self._editions)]

    def get(self, version: int) -> Edition | None:
        """The edition of a version, None when it is not kept."""
        return self._editions.get(version)

    def newest_first(self) -> Sequence[Edition]:
        """All that are kept."""
        return [self._editions[version] for version in sorted(self._editions, reverse=True)]
