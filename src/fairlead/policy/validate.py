"""What a policy may say: every bound of the contract, checked as a whole so that every error is told at once (L1).

Nothing is repaired or defaulted here, and nothing is raised: problems go to the collector with path, value and what is
allowed. A field whose form was already wrong is not judged again.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from google.protobuf.duration_pb2 import Duration

from fairlead.durations import format_duration
from fairlead.policy.tables import STRATEGIES
from fairlead.problems import Problems
from fairlead.protobuf import duration_us, enum_names, is_duration
from fairlead.v1 import job_pb2, policy_pb2, skill_pb2

NAME_SIZE = 128
MAX_QUEUES = 1_000
MAX_CHANNELS = 16
MAX_TIERS = 100
MAX_MEMBER_AGENTS = 100_000
MAX_MEMBER_DEMANDS = 32
MAX_AFFINITY_TIERS = 8
MAX_COST = 1_000
MAX_CHANNEL_JOBS = 10_000
MAX_LENGTH = 1_000_000
MAX_URGENCY = 9
MAX_LEVEL = 10
DAY_US = 24 * 3_600 * 1_000_000


class _Named(Protocol):
    id: str


def validate(policy: policy_pb2.Policy, problems: Problems) -> None:
    """Adds everything that is wrong with the policy to `problems`. Cost: linear in the document."""
    _count(policy.queues, "queues", 1, MAX_QUEUES, problems)
    _count(policy.channels, "channels", 0, MAX_CHANNELS, problems)
    _count(policy.tiers, "tiers", 0, MAX_TIERS, problems)
    _ids(policy.queues, "queues", problems)
    _ids(policy.channels, "channels", problems)
    _ids(policy.tiers, "tiers", problems)
    for index, channel in enumerate(policy.channels):
        _number(channel.cost, f"channels[{index}].cost", 0, MAX_COST, problems)
        _number(channel.max_jobs, f"channels[{index}].max_jobs", 0, MAX_CHANNEL_JOBS, problems)
    for index, tier in enumerate(policy.tiers):
        _duration(tier.head_start, f"tiers[{index}].head_start", DAY_US, problems)
        _number(tier.urgency, f"tiers[{index}].urgency", 0, MAX_URGENCY, problems)
    known = {queue.id for queue in policy.queues}
    for index, queue in enumerate(policy.queues):
        _queue(queue, f"queues[{index}]", known, problems)
    _overflow_circles(policy.queues, problems)
    if policy.default_queue and policy.default_queue not in known:
        problems.add("default_queue", policy.default_queue, "the id of a queue of this policy")
    _duration(policy.retention, "retention", DAY_US, problems)
    _duration(policy.reserve_after, "reserve_after", DAY_US, problems)


def _queue(queue: policy_pb2.Queue, path: str, known: set[str], problems: Problems) -> None:
    if queue.HasField("members"):
        _members(queue.members, f"{path}.members", problems)
    if queue.strategy and queue.strategy not in STRATEGIES:
        problems.add(f"{path}.strategy", queue.strategy, ", ".join(STRATEGIES))
    _number(queue.saturation_threshold, f"{path}.saturation_threshold", 0, 100, problems)
    _number(queue.max_length, f"{path}.max_length", 0, MAX_LENGTH, problems)
    _duration(queue.max_wait, f"{path}.max_wait", 30 * DAY_US, problems)
    for name, action in (("on_max_length", queue.on_max_length), ("on_max_wait", queue.on_max_wait)):
        actions = enum_names(policy_pb2.LimitAction.DESCRIPTOR)
        if action and action not in actions.values():
            problems.add(f"{path}.{name}", action, ", ".join(actions))
        if action == policy_pb2.LIMIT_ACTION_OVERFLOW and not queue.overflow_queue:
            problems.note(f"{path}.overflow_queue", f"missing; {name} is overflow, so it must name another queue")
    if queue.overflow_queue and queue.overflow_queue not in known - {queue.id}:
        problems.add(f"{path}.overflow_queue", queue.overflow_queue, "the id of another queue of this policy")
    if queue.HasField("affinity"):
        _affinity(queue.affinity, f"{path}.affinity", problems)


def _members(members: policy_pb2.Members, path: str, problems: Problems) -> None:
    if not (members.agents or members.any_skills or members.any_tags):
        problems.note(path, "names nobody; give agents, any_skills or any_tags, or leave it out for every agent")
    _count(members.agents, f"{path}.agents", 0, MAX_MEMBER_AGENTS, problems)
    _count(members.any_skills, f"{path}.any_skills", 0, MAX_MEMBER_DEMANDS, problems)
    _count(members.any_tags, f"{path}.any_tags", 0, MAX_MEMBER_DEMANDS, problems)
    for index, agent in enumerate(members.agents):
        _name(agent, f"{path}.agents[{index}]", problems)
    for index, tag in enumerate(members.any_tags):
        _name(tag, f"{path}.any_tags[{index}]", problems)
    for index, demand in enumerate(members.any_skills):
        _demand(demand, f"{path}.any_skills[{index}]", problems)


def _demand(demand: skill_pb2.SkillDemand, path: str, problems: Problems) -> None:
    _name(demand.name, f"{path}.name", problems)
    _number(demand.min_level, f"{path}.min_level", 0, MAX_LEVEL, problems)
    low = demand.min_level or 1
    if demand.max_level and not low <= demand.max_level <= MAX_LEVEL:
        problems.add(f"{path}.max_level", demand.max_level, f"min_level ({low}) to {MAX_LEVEL}, empty for no bound")


def _affinity(affinity: policy_pb2.Affinity, path: str, problems: Problems) -> None:
    modes = enum_names(job_pb2.AffinityMode.DESCRIPTOR)
    if affinity.mode and affinity.mode not in modes.values():
        problems.add(f"{path}.mode", affinity.mode, ", ".join(modes))
    if affinity.group:
        _name(affinity.group, f"{path}.group", problems)
    _count(affinity.tiers, f"{path}.tiers", 0, MAX_AFFINITY_TIERS, problems)
    before = 0
    for index, tier in enumerate(affinity.tiers):
        here = f"{path}.tiers[{index}]"
        _duration(tier.age, f"{here}.age", 365 * DAY_US, problems)
        _duration(tier.hold, f"{here}.hold", DAY_US, problems)
        age = duration_us(tier.age)
        if age <= before:
            allowed = f"more than {format_duration(before)}, the age of the tier before" if before else "more than 0s"
            problems.add(f"{here}.age", format_duration(age), allowed)
        before = max(before, age)


def _overflow_circles(queues: Sequence[policy_pb2.Queue], problems: Problems) -> None:
    """Every queue that its own overflows lead back to is a problem, told once per circle."""
    index_of: dict[str, int] = {}
    for index, queue in enumerate(queues):
        index_of.setdefault(queue.id, index)
    to = {queues[index].id: queues[index].overflow_queue for index in index_of.values()}
    to = {start: end for start, end in to.items() if start != end}
    seen: set[str] = set()
    for start in to:
        trail: list[str] = []
        at = start
        while at in to and at not in seen:
            seen.add(at)
            trail.append(at)
            at = to[at]
        if at in trail:
            circle = [*trail[trail.index(at) :], at]
            problems.note(
                f"queues[{index_of[at]}].overflow_queue",
                f"overflows form a circle: {' -> '.join(circle[:8])}; break it at one of these queues",
            )


def _count(items: Sequence[object], path: str, low: int, high: int, problems: Problems) -> None:
    if not low <= len(items) <= high:
        problems.note(path, f"{len(items)} entries; allowed: {low} to {high}")


def _ids(items: Iterable[_Named], path: str, problems: Problems) -> None:
    first: dict[str, int] = {}
    for index, named in enumerate(items):
        here = f"{path}[{index}].id"
        _name(named.id, here, problems)
        if first.setdefault(named.id, index) != index:
            problems.add(here, named.id, f"an id of its own; {path}[{first[named.id]}] has this one")


def _name(value: str, path: str, problems: Problems) -> None:
    if not 1 <= len(value.encode()) <= NAME_SIZE:
        problems.add(path, value, f"1 to {NAME_SIZE} bytes")


def _number(value: int, path: str, low: int, high: int, problems: Problems) -> None:
    if not low <= value <= high:
        problems.add(path, value, f"{low} to {high}")


def _duration(value: Duration, path: str, high_us: int, problems: Problems) -> None:
    if not is_duration(value):
        problems.add(path, f"{value.seconds} s {value.nanos} ns", "a Duration whose parts have one sign")
    elif not 0 <= duration_us(value) <= high_us:
        problems.add(path, format_duration(duration_us(value)), f"0s to {format_duration(high_us)}")
