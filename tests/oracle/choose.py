"""Whom the strategies prefer (T2, T5): one key per candidate, the smallest wins."""

from fractions import Fraction

from fairlead.policy.tables import STRATEGIES, PolicyTables, QueueTable
from tests.oracle.model import Agent, Job, meets
from tests.oracle.rotation import Rotation

NAMES = {number: name for name, number in STRATEGIES.items()}
MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """The splitmix64 finalizer."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def saturation(agent: Agent) -> Fraction:
    return Fraction(agent.load, agent.capacity)


def group_key(agent: Agent, job: Job, queue: QueueTable) -> tuple[bool, bool]:
    """Below the saturation threshold first (C4), then those with all preferences (T5)."""
    threshold = queue.saturation_threshold
    above = threshold < 100 and agent.load * 100 >= threshold * agent.capacity
    return (above, not meets(agent, job.preferred_skills, job.preferred_tags))


def strategy_key(agent: Agent, job: Job, name: str, seed: int, pointer: tuple[int, int] | None) -> tuple[object, ...]:
    """The keys of every strategy but weighted. `pointer`: (order, number) of the queue's last served agent."""
    match name:
        case "sequential":
            place = (agent.order, agent.number)
            return (pointer is not None and place <= pointer, place)
        case "least_load":
            return (saturation(agent),)
        case "longest_idle":
            return ()
        case "best_skill":
            return (-sum(agent.skills.get(skill, 0) for skill in job.skills), saturation(agent))
        case "specialist":
            return (len(agent.skills), saturation(agent))
        case "best_rating":
            return (-agent.rating, saturation(agent))
        case "random":
            return (mix(mix((seed ^ job.number) & MASK) ^ agent.number),)
    raise AssertionError(f"no such strategy: {name}")


def best(
    candidates: list[Agent],
    job: Job,
    queue: QueueTable,
    policy: PolicyTables,
    pointer: tuple[int, int] | None,
    rotation: Rotation | None,
) -> Agent:
    """The first of the candidates by the whole order; `rotation` is given for weighted queues only."""
    top = min(group_key(agent, job, queue) for agent in candidates)
    group = [agent for agent in candidates if group_key(agent, job, queue) == top]
    if rotation is None:
        name = NAMES[queue.strategy]
        return min(group, key=lambda agent: (*strategy_key(agent, job, name, policy.seed, pointer), agent.order_key))
    turn = rotation.eligible([agent.number for agent in group])
    return min(
        (agent for agent in group if agent.number in turn),
        key=lambda agent: (rotation.finish_of(agent.number), agent.order_key),
    )
