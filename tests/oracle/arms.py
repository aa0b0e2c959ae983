"""The arms of an experiment (L5): which one a job belongs to, drawn as docs/SEMANTICS.md has it to the letter."""

from fairlead.policy.tables import ArmQueueTable, ArmTable, ExperimentTable
from tests.oracle.choose import mix


def arm_of(experiment: ExperimentTable, job_id: str, now: int) -> ArmTable:
    """The arm of a job submitted now; one that has no name and sets nothing where there is no experiment."""
    if not experiment.arms:
        return ArmTable("")
    if not experiment.slice_us:
        return experiment.arms[mix(hash_of(experiment.seed, job_id)) % len(experiment.arms)]
    block, place = divmod(now // experiment.slice_us, len(experiment.arms))
    return turns(experiment, block)[place]


def turns(experiment: ExperimentTable, block: int) -> list[ArmTable]:
    """The arms of a block's slices: each is drawn from those that are left, and the last of them takes its place."""
    left, order = list(experiment.arms), []
    while left:
        place = mix(experiment.seed ^ mix(8 * block + len(left))) % len(left)
        order.append(left[place])
        left[place] = left[-1]
        left.pop()
    return order


def hash_of(seed: int, job_id: str) -> int:
    """Eight bytes of the id at a time, lowest first, the last ones filled up with zeros."""
    text = job_id.encode()
    value = seed ^ (len(text) << 56)
    for start in range(0, len(text), 8):
        value = mix(value ^ int.from_bytes(text[start : start + 8], "little"))
    return value


def setting_of(arm: ArmTable, queue: str) -> ArmQueueTable:
    """What the arm sets for jobs submitted to the queue."""
    return next((setting for setting in arm.queues if setting.id == queue), ArmQueueTable(queue))
