"""The bounds of the contract in one table: what `fields` checks and what `schema` publishes cannot differ.

A field is named "Message.field". What is not here has no bound of its own beyond its type.
"""

from typing import NamedTuple

from fairlead.durations import UNITS_US

NAME_SIZE = 128
MAX_DEMANDS = 32
MAX_MATCHES = 16
MAX_LEVEL = 10
MAX_URGENCY = 9
MAX_VALUE = 10**12
HOUR_US = UNITS_US["h"]
DAY_US = UNITS_US["d"]


class Bound(NamedTuple):
    """What one field may hold.

    `low` and `high` bound a number, or a length of time in microseconds; `least` and `most` count the entries of a
    list; `sizes` are the bytes of a text or of each text of a list; `required` fields may not be empty.
    """

    low: int = 0
    high: int = 0
    least: int = 0
    most: int = 0
    sizes: tuple[int, int] | None = None
    required: bool = False


def _number(high: int, low: int = 0) -> Bound:
    return Bound(low=low, high=high)


def _entries(most: int, least: int = 0) -> Bound:
    return Bound(least=least, most=most)


def _names(most: int, least: int = 0) -> Bound:
    return Bound(least=least, most=most, sizes=(1, NAME_SIZE))


_ID = Bound(sizes=(1, NAME_SIZE), required=True)
_DAY = _number(DAY_US)
_MONTH = _number(30 * DAY_US)
_URGENCY = _number(MAX_URGENCY)

BOUNDS = {
    "Policy.queues": _entries(1_000, 1),
    "Policy.channels": _entries(16),
    "Policy.tiers": _entries(100),
    "Policy.retention": _DAY,
    "Policy.reserve_after": _DAY,
    "Policy.rules": _entries(1_000),
    "Policy.schedules": _entries(100),
    "Policy.scenarios": _names(64),
    "Policy.plans": _entries(100),
    "Channel.id": _ID,
    "Channel.cost": _number(1_000),
    "Channel.max_jobs": _number(10_000),
    "Tier.id": _ID,
    "Tier.head_start": _DAY,
    "Tier.urgency": _URGENCY,
    "Queue.id": _ID,
    "Queue.saturation_threshold": _number(100),
    "Queue.max_length": _number(1_000_000),
    "Queue.max_wait": _MONTH,
    "Queue.offer_timeout": _DAY,
    "Queue.decline_cooldown": _DAY,
    "Queue.misses_to_away": _number(100),
    "Queue.wrap_up": _DAY,
    "Queue.lost_grace": _DAY,
    "Queue.warm_up_interval": _number(HOUR_US),
    "Queue.warm_up_for": _DAY,
    "Queue.rate_limit": _number(64),
    "Queue.rate_window": _number(DAY_US, UNITS_US["s"]),
    "Members.agents": _names(100_000),
    "Members.any_skills": _entries(MAX_DEMANDS),
    "Members.any_tags": _names(MAX_DEMANDS),
    "SkillDemand.name": _ID,
    "SkillDemand.min_level": _number(MAX_LEVEL),
    "SkillDemand.max_level": _number(MAX_LEVEL),
    "Affinity.group": Bound(sizes=(0, NAME_SIZE)),
    "Affinity.tiers": _entries(8),
    "AffinityTier.age": _number(365 * DAY_US),
    "AffinityTier.hold": _DAY,
    "Rule.id": _ID,
    "Rule.skills": _entries(MAX_DEMANDS),
    "Rule.tags": _names(MAX_DEMANDS),
    "Rule.preferred_skills": _entries(MAX_DEMANDS),
    "Rule.preferred_tags": _names(MAX_DEMANDS),
    "Rule.head_start": _DAY,
    "Rule.urgency": _URGENCY,
    "Match.labels": _entries(8),
    "Match.channels": _names(MAX_MATCHES),
    "Match.languages": _names(MAX_MATCHES),
    "Match.customer_tiers": _names(MAX_MATCHES),
    "Match.min_customer_value": _number(MAX_VALUE),
    "Match.max_customer_value": _number(MAX_VALUE),
    "Match.queues": _names(MAX_MATCHES),
    "LabelMatch.key": _ID,
    "LabelMatch.values": Bound(most=MAX_MATCHES, sizes=(0, NAME_SIZE)),
    "Schedule.id": _ID,
    "Schedule.weekly": _entries(100),
    "Schedule.dates": _entries(400),
    "WeeklyHours.days": _entries(7, 1),
    "WeeklyHours.open": Bound(required=True),
    "WeeklyHours.close": Bound(required=True),
    "DateHours.date": Bound(required=True),
    "DateHours.hours": _entries(100),
    "DayHours.open": Bound(required=True),
    "DayHours.close": Bound(required=True),
    "Plan.id": _ID,
    "Plan.steps": _entries(16, 1),
    "Plan.end_after": _MONTH,
    "Experiment.id": _ID,
    "Experiment.arms": _entries(8, 2),
    "Experiment.slice": _number(30 * DAY_US, UNITS_US["m"]),
    "Experiment.wash_out": _number(15 * DAY_US),
    "Arm.id": _ID,
    "Arm.queues": _entries(1_000),
    "ArmQueue.id": _ID,
    "Step.after": _MONTH,
    "Step.drop_skills": _names(MAX_DEMANDS),
    "Step.drop_tags": _names(MAX_DEMANDS),
    "Step.lower_levels": _number(9),
}
