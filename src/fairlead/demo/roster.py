"""Who is there when: shifts with breaks, so that the busy hours are busy and nobody is overloaded all day.

The need of each team follows the work the day brings, a quarter of an hour at a time: the offered load and a margin
that grows with its square root (square-root staffing, Halfin and Whitt 1981). Those who have worked least come first;
who has been there longest leaves first. The plan knows the day in advance, which a real roster does not.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fairlead.demo.day import CHANNEL_COST, DAY_S, QUEUES, VOICE, Day
from fairlead.demo.team import SHIFT_TEAM, AgentPlan
from fairlead.v1 import agent_pb2

PERIOD_S = 900.0
# Load the planned capacity should carry at most, and the margin in standard deviations of the load.
TARGET_LOAD = 0.97
MARGIN = 0.8
# Two people each, whatever the load: one may be at lunch.
LEAST_STAFF = 2
# A team is there this many periods before its work begins, and after.
LEAD_PERIODS = 1
TAIL_PERIODS = 2
# A break of one period is due after this many at work.
PERIODS_TO_BREAK = 11
# At most one in so many of a team is on a break at once.
BREAK_SHARE = 6
MAX_SHIFT_PERIODS = 34
_PERIODS_A_DAY = int(DAY_S / PERIOD_S)

ONLINE = agent_pb2.PRESENCE_ONLINE
AWAY = agent_pb2.PRESENCE_AWAY
DRAINING = agent_pb2.PRESENCE_DRAINING
OFFLINE = agent_pb2.PRESENCE_OFFLINE


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """At `at_s` of the day an agent comes, goes on a break, finishes, or is gone."""

    at_s: float
    agent: AgentPlan
    presence: "agent_pb2.Presence"


@dataclass(slots=True)
class _Place:
    """How an agent's day goes while it is planned."""

    agent: AgentPlan
    presence: "agent_pb2.Presence" = OFFLINE
    came: int = 0
    break_due: int = 0
    worked: int = 0
    worked_by_day: dict[int, int] = field(default_factory=dict)

    def fresh(self, period: int) -> bool:
        """Whether they may begin or go on: no longer than a shift today."""
        return self.worked_by_day.get(period // _PERIODS_A_DAY, 0) < MAX_SHIFT_PERIODS

    def work(self, period: int) -> None:
        """Counts one period at work."""
        today = period // _PERIODS_A_DAY
        self.worked += 1
        self.worked_by_day[today] = self.worked_by_day.get(today, 0) + 1


def plan_roster(day: Day, team: Sequence[AgentPlan], extra_s: float = 0.0) -> list[PresenceChange]:
    """All changes of presence in order; who is there at the very end stays until the play has ended.

    `extra_s` of the day is what each conversation holds its agent beyond its handle time.
    """
    if len(team) < SHIFT_TEAM:
        return [PresenceChange(day.first_s - PERIOD_S, agent, ONLINE) for agent in team]
    needs = _needs(day, team, extra_s)
    changes: list[PresenceChange] = []
    for queue in QUEUES:
        places = [_Place(agent) for agent in team if agent.home == queue]
        if places:
            changes += _team_changes(places, needs[queue])
    return sorted(changes, key=lambda change: (change.at_s, change.agent.id))


def _needs(day: Day, team: Sequence[AgentPlan], extra_s: float) -> dict[str, dict[int, int]]:
    """People needed at work, by queue and period; periods without need are absent."""
    units: dict[str, dict[int, float]] = {queue: {} for queue in QUEUES}
    calls: dict[str, dict[int, float]] = {queue: {} for queue in QUEUES}
    for conversation in day.conversations:
        queue = conversation.queue
        for period, share in _spread(conversation.arrival_s, conversation.handle_s + extra_s):
            units[queue][period] = units[queue].get(period, 0.0) + share * CHANNEL_COST[conversation.channel]
            if conversation.channel == VOICE:
                calls[queue][period] = calls[queue].get(period, 0.0) + share
    out: dict[str, dict[int, int]] = {}
    for queue in QUEUES:
        capacities = [agent.capacity for agent in team if agent.home == queue]
        if capacities:
            mean = sum(capacities) / len(capacities)
            raw = {
                period: max(_staffed(load) / mean, _staffed(calls[queue].get(period, 0.0)))
                for period, load in units[queue].items()
            }
            out[queue] = _smooth(raw, len(capacities))
    return out


def _spread(start_s: float, length_s: float) -> Iterator[tuple[int, float]]:
    """(period, mean number present in it) of something that begins at `start_s` and lasts `length_s`."""
    end_s = start_s + length_s
    for period in range(int(start_s // PERIOD_S), int(end_s // PERIOD_S) + 1):
        overlap = min(end_s, (period + 1) * PERIOD_S) - max(start_s, period * PERIOD_S)
        yield period, overlap / PERIOD_S


def _staffed(load: float) -> float:
    """Places that a load needs: it and its margin, filled to the target."""
    return (load + MARGIN * math.sqrt(load)) / TARGET_LOAD


def _smooth(raw: Mapping[int, float], size: int) -> dict[int, int]:
    """The need of a period is the mean of its neighbourhood, and someone is there around any work."""
    out: dict[int, int] = {}
    for period in {near for at in raw for near in range(at - LEAD_PERIODS, at + TAIL_PERIODS + 1)}:
        around = [raw.get(near, 0.0) for near in range(period - 1, period + 2)]
        out[period] = min(size, max(LEAST_STAFF, round(sum(around) / len(around))))
    return out


def _team_changes(places: Sequence[_Place], need: Mapping[int, int]) -> Iterator[PresenceChange]:
    last = max(need)
    # Where two periods with work lie far apart nothing changes in between: a trace may have months of gaps.
    for period in sorted({near for at in need for near in (at, at + 1, at + 2)} - {last + 1, last + 2}):
        before = [place.presence for place in places]
        _plan_period(places, period, need.get(period, 0))
        for place, presence in zip(places, before, strict=True):
            if place.presence != presence:
                yield PresenceChange(period * PERIOD_S, place.agent, place.presence)


def _plan_period(places: Sequence[_Place], period: int, need: int) -> None:
    for place in places:
        if place.presence == DRAINING:
            place.presence = OFFLINE
        elif place.presence == AWAY:
            place.presence, place.break_due = ONLINE, period + PERIODS_TO_BREAK
    _send_home(places, period, need)
    _send_to_break(places, period)
    _call_in(places, period, need)
    for place in places:
        if place.presence in (ONLINE, AWAY):
            place.work(period)


def _at_work(places: Sequence[_Place]) -> list[_Place]:
    return [place for place in places if place.presence == ONLINE]


def _send_home(places: Sequence[_Place], period: int, need: int) -> None:
    """Those whose shift is over, if somebody can take over; then the longest there, down to the need."""
    waiting = sum(place.presence == OFFLINE and place.fresh(period) for place in places)
    for place in sorted(_at_work(places), key=lambda place: place.came):
        if not place.fresh(period) and waiting > 0:
            place.presence = DRAINING
            waiting -= 1
    present = sorted(_at_work(places), key=lambda place: place.came)
    for place in present[: max(0, len(present) - need)]:
        place.presence = DRAINING


def _send_to_break(places: Sequence[_Place], period: int) -> None:
    present = _at_work(places)
    due = sorted((place for place in present if place.break_due <= period), key=lambda place: place.break_due)
    if len(present) > 1:
        for place in due[: max(1, len(present) // BREAK_SHARE)]:
            place.presence = AWAY


def _call_in(places: Sequence[_Place], period: int, need: int) -> None:
    missing = need - len(_at_work(places))
    gone = [place for place in places if place.presence == OFFLINE]
    # Who worked least comes first; beyond a full shift only when nobody else is left.
    gone.sort(key=lambda place: (not place.fresh(period), place.worked, place.agent.id))
    for place in gone[: max(0, missing)]:
        place.presence, place.came, place.break_due = ONLINE, period, period + PERIODS_TO_BREAK
