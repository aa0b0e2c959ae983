"""Turns a valid policy into the shard's tables: defaults filled in, names kept, durations in microseconds.

The only place that knows what an empty field of the contract means for the engine.
"""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from fairlead.policy.calendar import compile_schedules
from fairlead.policy.known import DEFAULT_CHANNEL
from fairlead.policy.strategies import parse_strategy
from fairlead.policy.tables import (
    STRATEGIES,
    AffinityTierTable,
    ArmQueueTable,
    ArmTable,
    ChannelTable,
    ExperimentTable,
    PlanTable,
    PolicyTables,
    QueueTable,
    RuleTable,
    StepTable,
    TierTable,
)
from fairlead.protobuf import duration_us
from fairlead.v1 import job_pb2, policy_pb2, skill_pb2

DEFAULT_STRATEGY = "least_load"
MAX_LEVEL = 10
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US

_Demand = tuple[str, int, int]


def built_in() -> policy_pb2.Policy:
    """The policy of a new tenant: what `PolicyTables()` says, in the words of the contract."""
    return policy_pb2.Policy(
        queues=[policy_pb2.Queue(id="default")],
        channels=[policy_pb2.Channel(id=DEFAULT_CHANNEL)],
        default_queue="default",
    )


def compile_policy(policy: policy_pb2.Policy, author: str = "", now_us: int = 0) -> PolicyTables:
    """The tables of a policy that `fairlead.policy.document.load` accepted; its calendar begins at `now_us`."""
    return PolicyTables(
        channels=tuple(ChannelTable(c.id, c.cost or 1, c.max_jobs) for c in policy.channels)
        or (ChannelTable(DEFAULT_CHANNEL),),
        tiers=tuple(
            TierTable(t.id, duration_us(t.head_start), t.urgency, parse_strategy(t.strategy)) for t in policy.tiers
        ),
        queues=tuple(_queue(queue) for queue in policy.queues),
        default_queue=policy.default_queue,
        retention_us=_given(policy, "retention", HOUR_US),
        reserve_after_us=_given(policy, "reserve_after", 30 * SECOND_US),
        seed=policy.seed,
        rules=tuple(_rule(rule) for rule in policy.rules),
        schedules=compile_schedules(policy.schedules, now_us),
        scenarios=tuple(policy.scenarios),
        plans=tuple(_plan(plan) for plan in policy.plans),
        experiment=_experiment(policy.experiment),
        compiled_us=now_us,
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
        any_skills=_demands(queue.members.any_skills),
        any_tags=tuple(dict.fromkeys(queue.members.any_tags)),
        strategy=parse_strategy(queue.strategy) or STRATEGIES[DEFAULT_STRATEGY],
        saturation_threshold=queue.saturation_threshold or 100,
        max_length=queue.max_length,
        on_max_length=queue.on_max_length or policy_pb2.LIMIT_ACTION_REFUSE,
        max_wait_us=duration_us(queue.max_wait),
        on_max_wait=queue.on_max_wait or policy_pb2.LIMIT_ACTION_CANCEL,
        overflow_queue=queue.overflow_queue,
        affinity_mode=mode,
        affinity_group=affinity.group or queue.id,
        affinity_tiers=tiers or (AffinityTierTable(24 * HOUR_US),),
        offer_timeout_us=duration_us(queue.offer_timeout),
        decline_cooldown_us=_given(queue, "decline_cooldown", 30 * SECOND_US),
        misses_to_away=queue.misses_to_away,
        wrap_up_us=duration_us(queue.wrap_up),
        requeue_lost=queue.on_lost == policy_pb2.ON_LOST_REQUEUE,
        lost_grace_us=duration_us(queue.lost_grace),
        warm_up_interval_us=duration_us(queue.warm_up_interval),
        warm_up_for_us=_given(queue, "warm_up_for", 300 * SECOND_US),
        rate_limit=queue.rate_limit,
        rate_window_us=_given(queue, "rate_window", 60 * SECOND_US),
        plan=queue.plan,
        hours=queue.hours,
        on_closed=queue.on_closed or policy_pb2.CLOSED_ACTION_REFUSE,
        closed_strategy=parse_strategy(queue.closed_strategy),
    )


def _rule(rule: policy_pb2.Rule) -> RuleTable:
    match = rule.match
    return RuleTable(
        id=rule.id,
        labels=tuple((label.key, tuple(label.values)) for label in match.labels),
        channels=tuple(match.channels),
        languages=tuple(match.languages),
        customer_tiers=tuple(match.customer_tiers),
        min_value=match.min_customer_value,
        max_value=match.max_customer_value,
        schedule=match.schedule,
        not_schedule=match.not_schedule,
        scenario=match.scenario,
        not_scenario=match.not_scenario,
        queues=tuple(match.queues),
        queue=rule.queue,
        skills=_demands(rule.skills),
        tags=tuple(rule.tags),
        preferred_skills=_demands(rule.preferred_skills),
        preferred_tags=tuple(rule.preferred_tags),
        head_start_us=duration_us(rule.head_start),
        urgency=rule.urgency,
        strategy=parse_strategy(rule.strategy),
        affinity=rule.affinity,
        plan=rule.plan,
    )


def _plan(plan: policy_pb2.Plan) -> PlanTable:
    return PlanTable(
        id=plan.id,
        steps=tuple(
            StepTable(
                after_us=duration_us(step.after),
                drop_skills=tuple(step.drop_skills),
                drop_tags=tuple(step.drop_tags),
                lower_levels=step.lower_levels,
                drop_max_levels=step.drop_max_levels,
                any_agent=step.any_agent,
                drop_preferences=step.drop_preferences,
                strategy=parse_strategy(step.strategy),
            )
            for step in plan.steps
        ),
        end=plan.end or policy_pb2.PLAN_END_HOLD,
        end_after_us=duration_us(plan.end_after),
        overflow_queue=plan.overflow_queue,
    )


def _experiment(experiment: policy_pb2.Experiment) -> ExperimentTable:
    return ExperimentTable(
        arms=tuple(
            ArmTable(
                arm.id,
                tuple(
                    ArmQueueTable(each.id, parse_strategy(each.strategy), each.affinity, each.plan)
                    for each in arm.queues
                ),
            )
            for arm in experiment.arms
        ),
        slice_us=duration_us(experiment.slice),
        seed=experiment.seed,
    )


def _demands(demands: Iterable[skill_pb2.SkillDemand]) -> tuple[_Demand, ...]:
    return tuple((each.name, each.min_level or 1, each.max_level or MAX_LEVEL) for each in demands)


def _given(message: Message, field: str, default_us: int) -> int:
    """A length of time, or its default when it is not given; zero is given."""
    value = getattr(message, field)
    assert isinstance(value, Duration)
    return duration_us(value) if message.HasField(field) else default_us
