"""Turns a valid policy into the shard's tables: defaults filled in, names kept, durations in microseconds.

The only place that knows what an empty field of the contract means for the engine.
"""

from fairlead.policy.tables import (
    STRATEGIES,
    AffinityTierTable,
    ChannelTable,
    PolicyTables,
    QueueTable,
    TierTable,
)
from fairlead.protobuf import duration_us
from fairlead.v1 import job_pb2, policy_pb2, skill_pb2

DEFAULT_STRATEGY = "least_load"
MAX_LEVEL = 10
HOUR_US = 3_600_000_000


def built_in() -> policy_pb2.Policy:
    """The policy of a new tenant: what `PolicyTables()` says, in the words of the contract."""
    return policy_pb2.Policy(
        queues=[policy_pb2.Queue(id="default")],
        channels=[policy_pb2.Channel(id="chat")],
        default_queue="default",
    )


def compile_policy(policy: policy_pb2.Policy, author: str = "") -> PolicyTables:
    """The tables of a policy that `fairlead.policy.document.load` accepted."""
    queues = tuple(_queue(queue) for queue in policy.queues)
    return PolicyTables(
        channels=tuple(ChannelTable(c.id, c.cost or 1, c.max_jobs) for c in policy.channels) or (ChannelTable("chat"),),
        tiers=tuple(TierTable(t.id, duration_us(t.head_start), t.urgency) for t in policy.tiers),
        queues=queues,
        default_queue=policy.default_queue,
        retention_us=duration_us(policy.retention) if policy.HasField("retention") else HOUR_US,
        reserve_after_us=duration_us(policy.reserve_after) if policy.HasField("reserve_after") else 30_000_000,
        seed=policy.seed,
        document=policy.SerializeToString(deterministic=True),
        author=author,
    )


def _queue(queue: policy_pb2.Queue) -> QueueTable:
    affinity = queue.affinity
    mode = (affinity.mode or job_pb2.AFFINITY_MODE_PREFER) if queue.HasField("affinity") else job_pb2.AFFINITY_MODE_OFF
    tiers = tuple(AffinityTierTable(duration_us(t.age), t.also_away, duration_us(t.hold)) for t in affinity.tiers)
    return QueueTable(
        id=queue.id,
        everyone=not queue.HasField("members"),
        agents=tuple(dict.fromkeys(queue.members.agents)),
        any_skills=tuple(_demand(demand) for demand in queue.members.any_skills),
        any_tags=tuple(dict.fromkeys(queue.members.any_tags)),
        strategy=STRATEGIES[queue.strategy or DEFAULT_STRATEGY],
        saturation_threshold=queue.saturation_threshold or 100,
        max_length=queue.max_length,
        on_max_length=queue.on_max_length or policy_pb2.LIMIT_ACTION_REFUSE,
        max_wait_us=duration_us(queue.max_wait),
        on_max_wait=queue.on_max_wait or policy_pb2.LIMIT_ACTION_CANCEL,
        overflow_queue=queue.overflow_queue,
        affinity_mode=mode,
        affinity_group=affinity.group or queue.id,
        affinity_tiers=tiers or (AffinityTierTable(24 * HOUR_US),),
    )


def _demand(demand: skill_pb2.SkillDemand) -> tuple[str, int, int]:
    return (demand.name, demand.min_level or 1, demand.max_level or MAX_LEVEL)
