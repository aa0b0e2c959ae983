"""Scenarios, schedules, rules and plans as the compiled shard shows them; without them there are none."""

from typing import Any

from fairlead.errors import error
from fairlead.shard.core import JobView, Shard


def set_scenario(shard: Shard, tenant: str, scenario: str, active: bool, request_id: str = "") -> list[str]:
    """Turns a scenario on or off; those that are on then."""
    face: Any = shard
    if not hasattr(face, "set_scenario"):
        raise error("UNKNOWN_METHOD", "this build has no scenarios")
    return list(face.set_scenario(tenant, scenario, active, request_id))


def scenarios(shard: Shard, tenant: str) -> list[str]:
    """Scenarios that are on."""
    face: Any = shard
    return list(face.scenarios(tenant)) if hasattr(face, "scenarios") else []


def open_schedules(shard: Shard, tenant: str) -> list[str]:
    """Schedules that are open now."""
    face: Any = shard
    return list(face.open_schedules(tenant)) if hasattr(face, "open_schedules") else []


def rule_and_plan(view: JobView) -> tuple[str, str]:
    """The rule that matched a job and the plan it has; empty for none."""
    return getattr(view, "rule", ""), getattr(view, "plan", "")
