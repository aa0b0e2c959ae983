"""Whom the strategies prefer (T2, T5): one key per candidate, the smallest wins."""

from dataclasses import dataclass
from fractions import Fraction

from fairlead.policy.tables import SORT_KEYS, SORT_KEYS_BASE, STRATEGIES, PlanTable, QueueTable
from tests.oracle.demands import first_step
from tests.oracle.model import Agent, Job
from tests.oracle.rotation import Rotation

NAMES = {number: name for name, number in STRATEGIES.items()}
KEY_NAMES = {number: name for name, number in SORT_KEYS.items()}
MASK = (1 << 64) - 1

Key = tuple[object, ...]


@dataclass(frozen=True)
class Order:
    """What decides among candidates.

    `pointer`: (order, number) of the queue's last served agent. `rotation` is there when the strategy is weighted.
    """

    queue: QueueTable
    plan: PlanTable | None
    strategy: int
    seed: int
    pointer: tuple[int, int] | None
    rotation: Rotation | None


def mix(value: int) -> int:
    """The splitmix64 finalizer."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def saturation(agent: Agent) -> Fraction:
    return Fraction(agent.load, agent.capacity)


def demanded_levels(agent: Agent, job: Job) -> int:
    return sum(agent.skills.get(skill, 0) for skill in job.demands.skills)


def group_key(agent: Agent, job: Job, queue: QueueTable, plan: PlanTable | None) -> tuple[int, bool, bool]:
    """Eligible in the earliest step (R1), then below the threshold (C4), then those with all preferences (T5)."""
    threshold = queue.saturation_threshold
    above = threshold < 100 and agent.load * 100 >= threshold * agent.capacity
    return (first_step(agent, job.original, plan, job.step), above, not job.demands.preferences_met_by(agent))


def strategy_key(agent: Agent, job: Job, order: Order) -> Key:
    """The keys of every strategy but weighted."""
    if order.strategy >= SORT_KEYS_BASE:
        return tuple(sort_key(agent, job, name) for name in sort_keys(order.strategy))
    match NAMES[order.strategy]:
        case "sequential":
            place = (agent.order, agent.number)
            return (order.pointer is not None and place <= order.pointer, place)
        case "least_load":
            return (saturation(agent),)
        case "longest_idle":
            return ()
        case "best_skill":
            return (-demanded_levels(agent, job), saturation(agent))
        case "specialist":
            return (len(agent.skills), saturation(agent))
        case "best_rating":
            return (-agent.rating, saturation(agent))
        case "random":
            return (mix(mix((order.seed ^ job.number) & MASK) ^ agent.number),)
    raise AssertionError(f"no such strategy: {order.strategy}")


def sort_keys(strategy: int) -> list[str]:
    """The names of the keys of a list, first key first."""
    digits = strategy - SORT_KEYS_BASE
    names = []
    while digits:
        names.append(KEY_NAMES[digits % 16])
        digits //= 16
    return names


def sort_key(agent: Agent, job: Job, name: str) -> Fraction | int:
    """One key of a list, smallest first."""
    satisfaction = agent.satisfaction.sixteenths
    keys: dict[str, Fraction | int] = {
        "saturation": saturation(agent),
        "load": agent.load,
        "skill_level": -demanded_levels(agent, job),
        "skill_count": len(agent.skills),
        "rating": -agent.rating,
        "weight": -agent.weight,
        "handle_time": max(0, agent.handle_time.shown),
        "satisfaction": -(16 * 500 if satisfaction is None else satisfaction),
        "order": agent.order,
        "idle_time": agent.last_freed_time,
    }
    return keys[name]


def best(candidates: list[Agent], job: Job, order: Order) -> Agent:
    """The first of the candidates by the whole order."""
    groups = {agent: group_key(agent, job, order.queue, order.plan) for agent in candidates}
    group = [agent for agent in candidates if groups[agent] == min(groups.values())]
    rotation = order.rotation
    if rotation is None:
        return min(group, key=lambda agent: (*strategy_key(agent, job, order), agent.order_key))
    turn = rotation.eligible([agent.number for agent in group])
    return min(
        (agent for agent in group if agent.number in turn),
        key=lambda agent: (rotation.finish_of(agent.number), agent.order_key),
    )
