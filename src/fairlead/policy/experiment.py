"""What the fields of an experiment mean together: arms, the queues they change, slices and their wash-out (L5)."""

from fairlead.durations import format_duration
from fairlead.policy.fields import check_ids, check_known
from fairlead.policy.known import Known
from fairlead.policy.strategies import check_strategy
from fairlead.problems import Problems
from fairlead.protobuf import duration_us
from fairlead.v1 import policy_pb2


def check_experiment(experiment: policy_pb2.Experiment, path: str, known: Known, problems: Problems) -> None:
    """Notes what is wrong with an experiment beyond its bounds."""
    check_ids(experiment.arms, f"{path}.arms", problems)
    for index, arm in enumerate(experiment.arms):
        here = f"{path}.arms[{index}].queues"
        check_ids(arm.queues, here, problems)
        for place, queue in enumerate(arm.queues):
            check_known(queue.id, known.queues, f"{here}[{place}].id", "a queue", problems)
            check_known(queue.plan, known.plans, f"{here}[{place}].plan", "a plan", problems)
            check_strategy(queue.strategy, f"{here}[{place}].strategy", problems)
    wash_out_us, slice_us = duration_us(experiment.wash_out), duration_us(experiment.slice)
    if wash_out_us > slice_us // 2:
        allowed = f"at most {format_duration(slice_us // 2)}, half of slice" if slice_us else "0s without slice"
        problems.add(f"{path}.wash_out", format_duration(wash_out_us), allowed)
