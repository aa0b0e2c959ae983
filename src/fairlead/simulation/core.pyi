"""A simulation as Python sees it. Built from ext/fairlead/simulation/."""

from array import array
from typing import Any

from fairlead.shard.core import Shard

class Simulation:
    """One run. The shard, in virtual time, has the policy and the agents, all OFFLINE, and serves nothing else.

    Its agents are the servers in the order of their creation. Add types, then arrivals, then servers; `begin`; `run`
    until it says that it is over; read the counts. `accept_after` is how long an agent takes to accept an offer.
    """

    def __init__(
        self,
        shard: Shard,
        *,
        seed: int,
        replication: int,
        warm_up: int,
        horizon: int,
        drain: int,
        interval: int,
        service_level: int,
        accept_after: int,
        tolerance: float,
        own_bonus: float,
    ) -> None: ...
    def add_type(
        self,
        request: bytes,
        work: tuple[int, float, float, float, array[float]],
        patience: tuple[int, float, float, float, array[float]] | None,
        customers: int,
    ) -> None:
        """A type of job: an AssignRequest as on the wire, laws of work and patience (None: for ever), its customers.

        Raises what the daemon would answer to a request that is wrong.
        """
    def add_poisson(self, type: int, rates: array[float], ends: array[float], repeats: bool) -> None:
        """Arrivals of a type with a rate (per microsecond) in steps, each until its end; then anew, or no more."""
    def add_recorded(
        self,
        times: array[int],
        types: array[int],
        works: array[float],
        patiences: array[float],
        customers: array[int],
    ) -> None:
        """Recorded arrivals, by time since the start.

        Work below 0 is drawn; patience below 0 is what was borne, and more is drawn; customers count from 1.
        """
    def add_server(self, capacity: int, speed: float, rating: float, rates: array[float]) -> None:
        """The next agent at work; `rates`: work in a unit of time with 1, 2, .. jobs, empty: each as if alone."""
    def begin(self, shifts: list[tuple[int, int, int]]) -> None:
        """`shifts` are (time since the start, agent, Presence), ascending. Raises what the daemon answers to a type."""
    def run(self) -> None:
        """All events up to the end. KeyboardInterrupt and other signals are heard a few times a second."""
    @property
    def events(self) -> int:
        """So far: what clients would have sent, and timers of the router."""
    @property
    def most_waiting(self) -> int:
        """The longest the backlog ever was."""
    @property
    def unfinished(self) -> int:
        """Counted jobs that were not over when it stopped."""
    def tallies(self) -> list[dict[str, Any]]:
        """By type, in the order they were added: a dict of counts and of sums in microseconds."""
    def servers(self) -> list[dict[str, Any]]:
        """By agent: time (microseconds) busy, of load units, staffed, with 0, 1, .. jobs; jobs given, by type."""
    def intervals(self) -> list[tuple[float, float, float, int, int, int, float]]:
        """By interval up to the horizon: (waiting, load, capacity) as time integrals, arrived, served, lost, wait."""
    def check(self) -> list[str]:
        """Every invariant of the engine; what is violated. O(state)."""
    def state_hash(self) -> int:
        """Of the engine."""

def draws(law: tuple[int, float, float, float, array[float]], seed: int, count: int) -> list[float]:
    """The first numbers of a law, for tests and for whoever wants to see them."""
