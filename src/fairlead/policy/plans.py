"""What the fields of a plan mean together: steps in order, an end that is complete (R1, R2)."""

from fairlead.durations import format_duration
from fairlead.policy.fields import check_known
from fairlead.policy.known import Known
from fairlead.policy.strategies import check_strategy
from fairlead.problems import Problems
from fairlead.protobuf import duration_us
from fairlead.v1 import policy_pb2

_HOLDS = (policy_pb2.PLAN_END_UNSPECIFIED, policy_pb2.PLAN_END_HOLD)


def check_plan(plan: policy_pb2.Plan, path: str, known: Known, problems: Problems) -> None:
    """Notes what is wrong with a plan beyond its bounds."""
    before = 0
    for index, step in enumerate(plan.steps):
        here = f"{path}.steps[{index}]"
        check_strategy(step.strategy, f"{here}.strategy", problems)
        after = duration_us(step.after)
        if not step.HasField("after"):
            problems.note(f"{here}.after", "missing")
        elif index and after <= before:
            problems.add(
                f"{here}.after", format_duration(after), f"more than {format_duration(before)}, the step before"
            )
        before = max(before, after)
    _check_end(plan, path, before, problems)
    if plan.end == policy_pb2.PLAN_END_OVERFLOW and not plan.overflow_queue:
        problems.note(f"{path}.overflow_queue", "missing; end is overflow, so it must name a queue")
    check_known(plan.overflow_queue, known.queues, f"{path}.overflow_queue", "a queue", problems)


def _check_end(plan: policy_pb2.Plan, path: str, last_us: int, problems: Problems) -> None:
    if not plan.HasField("end_after"):
        if plan.end not in _HOLDS:
            problems.note(f"{path}.end_after", "missing; every end but hold has its time")
    elif duration_us(plan.end_after) < last_us:
        allowed = f"{format_duration(last_us)}, the last step, or more"
        problems.add(f"{path}.end_after", format_duration(duration_us(plan.end_after)), allowed)
