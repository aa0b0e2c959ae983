"""Weighted sharing (T4) of one class among the members of its queue, as a fair queue with exact integers.

Every member has a start point on a virtual clock. A job moves the clock by one job's share of everybody present, and
the start of who got it by one job's share of that one agent; whoever's start has been reached may be next. Absent
members keep their distance from the clock, at most one job of theirs either way.
"""

from dataclasses import dataclass, field

SCALE = 26714657285316000


def step_of(weight: int) -> int:
    """What one job moves an agent of this weight: SCALE / weight, rounded up."""
    return -(-SCALE // weight)


def clip(value: int, bound: int) -> int:
    return max(-bound, min(bound, value))


@dataclass
class Seat:
    """A member's place: `start` counts while present, `lag` = start - clock while absent."""

    weight: int
    present: bool = False
    start: int = 0
    lag: int = 0


@dataclass
class Rotation:
    """The clock and seats of one class. Seats are keyed by agent number."""

    clock: int = 0
    seats: dict[int, Seat] = field(default_factory=dict)

    def put(self, agent: int, weight: int, present: bool) -> None:
        """Takes note of a member's weight and presence; one unknown so far is a newcomer at the clock."""
        seat = self.seats.setdefault(agent, Seat(weight))
        step = step_of(weight)
        if weight != seat.weight:
            seat.weight = weight
            seat.start = self.clock + clip(seat.start - self.clock, step)
            seat.lag = clip(seat.lag, step)
        if present and not seat.present:
            seat.start = self.clock + seat.lag
        if seat.present and not present:
            seat.lag = clip(seat.start - self.clock, step)
        seat.present = present

    def drop(self, agent: int) -> None:
        """Forgets one who is no member any more."""
        self.seats.pop(agent, None)

    def start_of(self, agent: int) -> int:
        seat = self.seats[agent]
        return seat.start if seat.present else self.clock + seat.lag

    def finish_of(self, agent: int) -> int:
        """Where the member's start would be after one more job."""
        return self.start_of(agent) + step_of(self.seats[agent].weight)

    @property
    def share(self) -> int:
        """What one job moves the clock. With nobody present as much as for a single agent of weight 1."""
        return SCALE // max(1, sum(seat.weight for seat in self.seats.values() if seat.present))

    def eligible(self, agents: list[int]) -> list[int]:
        """Of these members those whose turn may come: reached by the clock within this job, else the nearest to it."""
        reached = [agent for agent in agents if self.start_of(agent) < self.clock + self.share]
        nearest = min(self.start_of(agent) for agent in agents)
        return reached or [agent for agent in agents if self.start_of(agent) == nearest]

    def charge(self, agent: int, picked: bool) -> None:
        """One job was given to the agent. Nothing for one who was absent or is no member.

        A picked agent that the clock had not reached pulls the clock to their start; a job that came another way
        (own agent, transfer) does not.
        """
        seat = self.seats.get(agent)
        if seat is None or not seat.present:
            return
        clock = self.clock + self.share
        if picked and seat.start >= clock:
            clock = seat.start
        self.clock = clock
        seat.start = min(seat.start, clock) + step_of(seat.weight)

    def charge_late(self, agent: int, picked: bool) -> None:
        """As `charge`; a member whom the job's offer, or anything since, has made absent joins for that moment."""
        seat = self.seats.get(agent)
        if seat is None:
            return
        present = seat.present
        self.put(agent, seat.weight, True)
        self.charge(agent, picked)
        self.put(agent, seat.weight, present)
