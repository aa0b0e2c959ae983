"""Whose calls are refused first when there is too much to do: reads, then new work, last what frees capacity."""

from fairlead.transport.core import Rank

_READS = ("Get", "List", "Explain", "Test", "ServerReflectionInfo")
_NEW_WORK = ("Assign", "BatchAssign", "ImportCustomers")


def rank_of(path: str) -> Rank:
    """The rank of a method. What frees capacity, watches that tell of it, and what operators do have the last."""
    _, service, name = path.split("/")
    if service == "grpc.health.v1.Health":
        return Rank.NEVER
    if name in _NEW_WORK:
        return Rank.NEW_WORK
    return Rank.READS if name.startswith(_READS) else Rank.LAST
