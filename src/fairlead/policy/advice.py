"""What a policy may say and its author probably did not mean: warnings, each with its path. None keeps it from use."""

from collections.abc import Iterator, Sequence

from fairlead.policy.schedules import ids_in_use
from fairlead.policy.shadows import matches_all, shadows, why_never
from fairlead.v1 import policy_pb2

# More would bury what matters; the last one says how many there are.
MAX_WARNINGS = 100


def advise(policy: policy_pb2.Policy) -> list[str]:
    """Warnings about a valid policy as "path: text". Cost: about linear in the document, see `shadows`."""
    found = [
        *_rules(policy),
        *_queues(policy),
        *_plans(policy),
        *_experiment(policy),
        *_unused(policy),
    ]
    if len(found) > MAX_WARNINGS:
        found[MAX_WARNINGS - 1 :] = [f"{len(found) - MAX_WARNINGS + 1} more warnings are not listed"]
    return found


def _experiment(policy: policy_pb2.Policy) -> Iterator[str]:
    experiment = policy.experiment
    if not experiment.arms:
        return
    if not experiment.HasField("slice"):
        yield (
            "experiment: splits by job id: arms that share agents take them from each other, so their difference is "
            "not what switching would bring; with slice it is"
        )
    elif not experiment.HasField("wash_out"):
        yield "experiment.slice: without wash_out a slice still feels the arm before, and arms look alike"


def _rules(policy: policy_pb2.Policy) -> Iterator[str]:
    rules = policy.rules
    for index, earlier in sorted(shadows([rule.match for rule in rules], _channels(policy)).items()):
        yield (
            f"rules[{index}]: never matches: rules[{earlier}] ({rules[earlier].id}) matches every job that "
            f"it would match, and comes first"
        )
    for index, rule in enumerate(rules):
        never = why_never(rule.match)
        if never:
            yield f"rules[{index}].match: never matches: {never}"
        if rule.queue and rule.match.queues:
            yield f"rules[{index}].queue: has no effect: match.queues asks for a queue in the request, which goes first"
    first = next((index for index, rule in enumerate(rules) if matches_all(rule.match, _channels(policy))), -1)
    if policy.default_queue and first >= 0 and all(rule.queue for rule in rules[: first + 1] if not rule.match.queues):
        yield (
            f"default_queue: no job reaches it by default: up to rules[{first}] ({rules[first].id}), which matches "
            f"every job, each rule names a queue"
        )


def _queues(policy: policy_pb2.Policy) -> Iterator[str]:
    for index, queue in enumerate(policy.queues):
        here = f"queues[{index}]"
        if queue.on_closed and not queue.hours:
            yield f"{here}.on_closed: has no effect: the queue has no hours"
        if queue.closed_strategy and queue.on_closed != policy_pb2.CLOSED_ACTION_STRATEGY:
            yield f"{here}.closed_strategy: has no effect: on_closed is not strategy"
        if queue.HasField("lost_grace") and queue.on_lost != policy_pb2.ON_LOST_REQUEUE:
            yield f"{here}.lost_grace: has no effect: on_lost is not requeue"
        if queue.misses_to_away and not queue.offer_timeout.ToNanoseconds():
            yield f"{here}.misses_to_away: has no effect: without offer_timeout nothing is offered"


def _plans(policy: policy_pb2.Policy) -> Iterator[str]:
    for index, plan in enumerate(policy.plans):
        if plan.overflow_queue and plan.end != policy_pb2.PLAN_END_OVERFLOW:
            yield f"plans[{index}].overflow_queue: has no effect: end is not overflow"
        for number, step in enumerate(plan.steps):
            if len(step.ListFields()) <= 1:
                yield f"plans[{index}].steps[{number}]: relaxes nothing"


def _unused(policy: policy_pb2.Policy) -> Iterator[str]:
    plans = {queue.plan for queue in policy.queues} | {rule.plan for rule in policy.rules}
    plans |= {queue.plan for arm in policy.experiment.arms for queue in arm.queues}
    scenarios = {name for rule in policy.rules for name in (rule.match.scenario, rule.match.not_scenario)}
    schedules = set(ids_in_use(policy))
    for path, names, used, what in (
        ("plans", [plan.id for plan in policy.plans], plans, "queue, rule or arm"),
        ("schedules", [schedule.id for schedule in policy.schedules], schedules, "queue or rule"),
        ("scenarios", policy.scenarios, scenarios, "rule"),
    ):
        yield from _not_used(path, names, used, what)


def _not_used(path: str, names: Sequence[str], used: set[str], what: str) -> Iterator[str]:
    for index, name in enumerate(names):
        if name not in used:
            yield f"{path}[{index}]: {name} is used by no {what}"


def _channels(policy: policy_pb2.Policy) -> frozenset[str]:
    return frozenset(channel.id for channel in policy.channels) or frozenset({"chat"})
