"""Looking things up in a policy, by going through its lists; and the room an agent has under it (C1)."""

from fairlead.policy.tables import PlanTable, PolicyTables, QueueTable, TierTable
from tests.oracle.model import Agent


def queue_of(policy: PolicyTables, name: str) -> QueueTable | None:
    return next((queue for queue in policy.queues if queue.id == name), None)


def plan_of(policy: PolicyTables, name: str) -> PlanTable | None:
    return next((plan for plan in policy.plans if plan.id == name), None)


def tier_of(policy: PolicyTables, name: str) -> TierTable | None:
    return next((tier for tier in policy.tiers if tier.id == name), None)


def cost_of(policy: PolicyTables, channel: str) -> int | None:
    """Units a job of the channel takes, None when there is no such channel."""
    return next((table.cost for table in policy.channels if table.id == channel), None)


def channel_room(agent: Agent, policy: PolicyTables, channel: str) -> int:
    """How many jobs of the channel the agent may hold at once; a large number when nothing limits it (C1)."""
    limits = [table.max_jobs for table in policy.channels if table.id == channel and table.max_jobs > 0]
    if channel in agent.channel_limits:
        limits.append(agent.channel_limits[channel])
    return min(limits, default=10**9)


def has_room(agent: Agent, policy: PolicyTables, channel: str, cost: int) -> bool:
    """C1: load + cost within capacity, and the channel's count below its maximum."""
    count = sum(1 for job in agent.jobs if job.channel == channel)
    return agent.load + cost <= agent.capacity and count < channel_room(agent, policy, channel)
