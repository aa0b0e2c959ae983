"""The nouns of a scenario. Times and lengths of time are microseconds, rates are jobs per microsecond."""

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.simulate.laws import Law
from fairlead.simulate.trace import Trace


@dataclass(frozen=True)
class AgentGroup:
    """Agents who are alike. `rates` is what one does in a unit of time with 1, 2, .. jobs at once, empty: no slow-down.

    `shifts` are (log-in, log-out) since the start, `repeat` after which time they come again, 0: never; without shifts
    they are always there.
    """

    ids: tuple[str, ...]
    skills: Mapping[str, int]
    tags: tuple[str, ...]
    capacity: int
    channel_limits: Mapping[str, int]
    weight: int
    rating: int
    wrap_up: int | None
    speed: float
    rates: tuple[float, ...]
    shifts: tuple[tuple[int, int], ...]
    repeat: int

    def presence_times(self, horizon: int) -> list[tuple[int, int]]:
        """(log-in, log-out) up to the horizon, in order; a log-out at or behind it is left out as the horizon."""
        if not self.shifts:
            return [(0, horizon)]
        times = []
        begin = 0
        while begin < horizon:
            times += [
                (begin + start, min(begin + end, horizon)) for start, end in self.shifts if begin + start < horizon
            ]
            if not self.repeat:
                break
            begin += self.repeat
        return times

    def rate_with(self, jobs: int) -> float:
        """Work done in a unit of time by one of them who has so many jobs."""
        if not self.rates:
            return self.speed * jobs
        return self.speed * self.rates[min(jobs, len(self.rates)) - 1]


@dataclass(frozen=True)
class JobKind:
    """A type of job: what its request says, how long it takes and waits, how often it comes.

    `steps` are (until, rate) since the start; `repeats`: and then anew. None: it comes from the trace alone.
    """

    id: str
    request: bytes
    arguments: Mapping[str, object]
    never_waits: bool
    work: Law
    patience: Law | None
    customers: int
    steps: tuple[tuple[float, float], ...]
    repeats: bool

    def mean_rate(self, horizon: int) -> float:
        """Arrivals per microsecond, over the whole horizon."""
        total, begin = 0.0, 0.0
        while begin < horizon and self.steps:
            last = 0.0
            for until, rate in self.steps:
                total += rate * max(0.0, min(begin + until, horizon) - (begin + last))
                last = until
            if not self.repeats:
                break
            begin += last
        return total / horizon


@dataclass(frozen=True)
class Scenario:
    """One situation to play: who comes, who works, for how long, and by what a run is judged."""

    name: str
    policy: str
    policy_name: str
    start: int
    horizon: int
    warm_up: int
    drain: int
    interval: int
    replications: int
    seed: int
    service_level: int
    accept_after: int
    tolerance: int
    own_bonus: float
    switched_on: tuple[str, ...]
    allow_overload: bool
    agents: tuple[AgentGroup, ...]
    jobs: tuple[JobKind, ...]
    trace: Trace | None

    @property
    def agent_count(self) -> int:
        """All agents of all groups."""
        return sum(len(group.ids) for group in self.agents)
