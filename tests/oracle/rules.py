"""Which rule decides about a job: every rule's every condition, one after the other (L2)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from fairlead.policy.tables import RuleTable
from tests.oracle.model import Customer


@dataclass(frozen=True)
class Request:
    """What rules look at. `queue`: as named by the caller, empty = none."""

    queue: str
    channel: str
    labels: dict[str, str]
    language: str
    tier: str
    value: int
    wanted_agent: str


def filled(request: Request, profile: Customer | None, tiers: AbstractSet[str], agents: AbstractSet[str]) -> Request:
    """The request with what the customer's profile knows where it says nothing itself.

    A tier that the policy does not have, or an own agent who does not exist, counts as not known.
    """
    if profile is None:
        return request
    return replace(
        request,
        labels={**dict(profile.attributes), **request.labels},
        language=request.language or profile.language,
        tier=request.tier or (profile.tier if profile.tier in tiers else ""),
        value=request.value or profile.value,
        wanted_agent=request.wanted_agent or (profile.own_agent if profile.own_agent in agents else ""),
    )


def speaks(language: str, wanted: str) -> bool:
    """`en` is spoken by `en` and `en-GB`, in any case of letters; `en-GB` is not spoken by `en`."""
    return (language.lower() + "-").startswith(wanted.lower() + "-")


def matches(rule: RuleTable, request: Request, is_open: AbstractSet[str], scenarios: AbstractSet[str]) -> bool:
    """Everything the rule looks at holds; `is_open`: schedules that are, `scenarios`: those switched on."""
    conditions = [
        all(key in request.labels and (not values or request.labels[key] in values) for key, values in rule.labels),
        not rule.channels or request.channel in rule.channels,
        not rule.languages or any(speaks(request.language, wanted) for wanted in rule.languages),
        not rule.customer_tiers or request.tier in rule.customer_tiers,
        rule.min_value <= request.value,
        rule.max_value == 0 or request.value <= rule.max_value,
        not rule.schedule or rule.schedule in is_open,
        not rule.not_schedule or rule.not_schedule not in is_open,
        not rule.scenario or rule.scenario in scenarios,
        not rule.not_scenario or rule.not_scenario not in scenarios,
        not rule.queues or request.queue in rule.queues,
    ]
    return all(conditions)


def first_match(
    rules: tuple[RuleTable, ...], request: Request, is_open: AbstractSet[str], scenarios: AbstractSet[str]
) -> RuleTable:
    """The first rule that matches; one that sets nothing when none does."""
    return next((rule for rule in rules if matches(rule, request, is_open, scenarios)), RuleTable(""))
