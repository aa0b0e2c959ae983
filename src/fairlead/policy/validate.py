"""What a policy may say, checked as a whole so that every error is told at once (L1).

Nothing is repaired or defaulted here, and nothing is raised: problems go to the collector with path, value and what is
allowed. A field whose form was already wrong is not judged again. What is allowed and probably not meant is in
`advice`.
"""

from fairlead.policy.experiment import check_experiment
from fairlead.policy.fields import check_fields, check_ids, check_known, check_unique
from fairlead.policy.known import Known
from fairlead.policy.overflow import check_overflows
from fairlead.policy.plans import check_plan
from fairlead.policy.queues import check_queue, check_tier
from fairlead.policy.rules import check_rule
from fairlead.policy.schedules import check_schedule
from fairlead.problems import Problems
from fairlead.v1 import policy_pb2


def validate(policy: policy_pb2.Policy, problems: Problems) -> None:
    """Adds everything that is wrong with the policy to `problems`. Cost: linear in the document."""
    check_fields(policy, "", problems)
    for name in ("queues", "channels", "tiers", "rules", "schedules", "plans"):
        check_ids(getattr(policy, name), name, problems)
    check_unique(policy.scenarios, "scenarios", "", problems)
    known = Known.of(policy)
    for index, tier in enumerate(policy.tiers):
        check_tier(tier, f"tiers[{index}]", problems)
    for index, queue in enumerate(policy.queues):
        check_queue(queue, f"queues[{index}]", known, problems)
    check_known(policy.default_queue, known.queues, "default_queue", "a queue", problems)
    for index, schedule in enumerate(policy.schedules):
        check_schedule(schedule, f"schedules[{index}]", problems)
    for index, plan in enumerate(policy.plans):
        check_plan(plan, f"plans[{index}]", known, problems)
    for index, rule in enumerate(policy.rules):
        check_rule(rule, f"rules[{index}]", known, problems)
    if policy.HasField("experiment"):
        check_experiment(policy.experiment, "experiment", known, problems)
    check_overflows(policy, problems)
