"""What the fields of a rule mean: names it refers to, and bounds that belong together (L2)."""

from fairlead.policy.fields import check_known
from fairlead.policy.known import Known
from fairlead.policy.strategies import check_strategy
from fairlead.problems import Problems
from fairlead.v1 import policy_pb2


def check_rule(rule: policy_pb2.Rule, path: str, known: Known, problems: Problems) -> None:
    """Notes what is wrong with a rule beyond its bounds."""
    check_known(rule.queue, known.queues, f"{path}.queue", "a queue", problems)
    check_known(rule.plan, known.plans, f"{path}.plan", "a plan", problems)
    check_strategy(rule.strategy, f"{path}.strategy", problems)
    _check_match(rule.match, f"{path}.match", known, problems)


def _check_match(match: policy_pb2.Match, path: str, known: Known, problems: Problems) -> None:
    for name, values, ids, what in (
        ("channels", match.channels, known.channels, "a channel"),
        ("customer_tiers", match.customer_tiers, known.tiers, "a tier"),
        ("queues", match.queues, known.queues, "a queue"),
    ):
        for index, value in enumerate(values):
            check_known(value, ids, f"{path}.{name}[{index}]", what, problems)
    for name in ("schedule", "not_schedule"):
        check_known(getattr(match, name), known.schedules, f"{path}.{name}", "a schedule", problems)
    for name in ("scenario", "not_scenario"):
        check_known(getattr(match, name), known.scenarios, f"{path}.{name}", "a scenario", problems)
    low, high = match.min_customer_value, match.max_customer_value
    if high and high < low:
        problems.add(f"{path}.max_customer_value", high, f"min_customer_value ({low}) or more, empty for no bound")
