"""What the fields of a queue and a tier mean together: actions that need a target, names, hours, affinity."""

from fairlead.durations import format_duration
from fairlead.policy.fields import check_known
from fairlead.policy.known import Known
from fairlead.policy.strategies import check_strategy
from fairlead.problems import Problems
from fairlead.protobuf import duration_us
from fairlead.v1 import policy_pb2


def check_tier(tier: policy_pb2.Tier, path: str, problems: Problems) -> None:
    """Notes what is wrong with a tier."""
    check_strategy(tier.strategy, f"{path}.strategy", problems)


def check_queue(queue: policy_pb2.Queue, path: str, known: Known, problems: Problems) -> None:
    """Notes what is wrong with a queue beyond its bounds."""
    if queue.HasField("members"):
        members = queue.members
        if not (members.agents or members.any_skills or members.any_tags):
            problems.note(
                f"{path}.members",
                "names nobody; give agents, any_skills or any_tags, or leave it out for every agent",
            )
    check_strategy(queue.strategy, f"{path}.strategy", problems)
    check_known(queue.plan, known.plans, f"{path}.plan", "a plan", problems)
    _check_overflow(queue, path, known, problems)
    _check_hours(queue, path, known, problems)
    if queue.HasField("affinity"):
        _check_affinity(queue.affinity, f"{path}.affinity", problems)


def _check_overflow(queue: policy_pb2.Queue, path: str, known: Known, problems: Problems) -> None:
    here = f"{path}.overflow_queue"
    causes = [
        name
        for name, action, overflow in (
            ("on_max_length", queue.on_max_length, policy_pb2.LIMIT_ACTION_OVERFLOW),
            ("on_max_wait", queue.on_max_wait, policy_pb2.LIMIT_ACTION_OVERFLOW),
            ("on_closed", queue.on_closed, policy_pb2.CLOSED_ACTION_OVERFLOW),
        )
        if action == overflow
    ]
    if causes and not queue.overflow_queue:
        problems.note(here, f"missing; {causes[0]} is overflow, so it must name another queue")
    others = known.queues if queue.overflow_queue != queue.id else ()
    check_known(queue.overflow_queue, others, here, "another queue", problems)


def _check_hours(queue: policy_pb2.Queue, path: str, known: Known, problems: Problems) -> None:
    check_known(queue.hours, known.schedules, f"{path}.hours", "a schedule", problems)
    check_strategy(queue.closed_strategy, f"{path}.closed_strategy", problems)
    if queue.on_closed == policy_pb2.CLOSED_ACTION_STRATEGY and not queue.closed_strategy:
        problems.note(
            f"{path}.closed_strategy", "missing; on_closed is strategy, so it must name the strategy while closed"
        )


def _check_affinity(affinity: policy_pb2.Affinity, path: str, problems: Problems) -> None:
    before = 0
    for index, tier in enumerate(affinity.tiers):
        age = duration_us(tier.age)
        if age <= before:
            allowed = f"more than {format_duration(before)}, the age of the tier before" if before else "more than 0s"
            problems.add(f"{path}.tiers[{index}].age", format_duration(age), allowed)
        before = max(before, age)
