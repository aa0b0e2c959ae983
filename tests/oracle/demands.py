"""What a job asks of an agent, who meets it, and how a plan relaxes it (K1, R1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from fairlead.policy.tables import PlanTable, QueueTable

Levels = dict[str, tuple[int, int]]  # skill to its lowest and highest level
SkillsAsked = Mapping[str, int | tuple[int, int]] | Iterable[str] | None
Canonical = tuple[tuple[tuple[str, int, int], ...], tuple[str, ...]]

ANYONE = 2  # the end of a plan that drops all demands (R2)


class Skilled(Protocol):
    """As much of an agent as demands are about."""

    id: str
    skills: dict[str, int]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Demands:
    """What must be met, and what is preferred."""

    skills: Levels = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    preferred_skills: Levels = field(default_factory=dict)
    preferred_tags: tuple[str, ...] = ()

    @cached_property
    def canonical(self) -> Canonical:
        """What must be met, the same for all who ask the same in another order."""
        skills = sorted((name, low, high) for name, (low, high) in self.skills.items())
        return (tuple(skills), tuple(sorted(set(self.tags))))

    @property
    def is_empty(self) -> bool:
        return not self.skills and not self.tags

    def met_by(self, agent: Skilled) -> bool:
        return meets(agent, self.skills, self.tags)

    def preferences_met_by(self, agent: Skilled) -> bool:
        return meets(agent, self.preferred_skills, self.preferred_tags)


def normal_demands(demands: SkillsAsked) -> Levels:
    """Name to (lowest, highest) level; a bare name asks for at least 1, a bare number for at least that (K1)."""
    if demands is None:
        return {}
    if isinstance(demands, Mapping):
        pairs = demands.items()
        return {name: level if isinstance(level, tuple) else (level, 10) for name, level in pairs}
    return dict.fromkeys(demands, (1, 10))


def merged(levels: Levels, more: Iterable[tuple[str, int, int]]) -> Levels:
    """Both must hold, so of one skill the narrower bounds."""
    result = dict(levels)
    for name, low, high in more:
        known_low, known_high = result.get(name, (1, 10))
        result[name] = (max(low, known_low), min(high, known_high))
    return result


def has_skills(agent: Skilled, skills: Iterable[tuple[str, int, int]]) -> bool:
    """True when the agent has every skill at a level within its bounds."""
    return all(name in agent.skills and low <= agent.skills[name] <= high for name, low, high in skills)


def meets(agent: Skilled, skills: Levels, tags: Iterable[str]) -> bool:
    """True when the agent meets all demanded skills and carries all demanded tags."""
    demanded = ((name, low, high) for name, (low, high) in skills.items())
    return has_skills(agent, demanded) and all(tag in agent.tags for tag in tags)


def is_member(agent: Skilled, queue: QueueTable) -> bool:
    """True when the queue names the agent, one of its skills or one of its tags, or takes everyone."""
    if queue.everyone or agent.id in queue.agents:
        return True
    if any(has_skills(agent, [demand]) for demand in queue.any_skills):
        return True
    return any(tag in agent.tags for tag in queue.any_tags)


# Plans.


def step_at(plan: PlanTable, waited_us: int) -> int:
    """How many steps are due so long after first queueing; the end that takes anyone is one more."""
    step = sum(1 for step in plan.steps if step.after_us <= waited_us)
    return step + 1 if plan.end == ANYONE and plan.end_after_us <= waited_us else step


def relaxed(original: Demands, plan: PlanTable, step: int) -> Demands:
    """The demands at a step: those relaxed by it and by all before it, 0 = the original ones."""
    demands = original
    lowered = 0
    for change in plan.steps[:step]:
        lowered += change.lower_levels
        skills = {name: levels for name, levels in demands.skills.items() if name not in change.drop_skills}
        tags = tuple(tag for tag in demands.tags if tag not in change.drop_tags)
        if change.any_agent:
            skills, tags = {}, ()
        if change.drop_max_levels:
            skills = {name: (low, 10) for name, (low, _) in skills.items()}
        demands = replace(demands, skills=skills, tags=tags)
        if change.drop_preferences:
            demands = replace(demands, preferred_skills={}, preferred_tags=())
    if step > len(plan.steps):
        demands = replace(demands, skills={}, tags=())
    skills = {name: (max(1, low - lowered), high) for name, (low, high) in demands.skills.items()}
    return replace(demands, skills=skills)


def first_step(agent: Skilled, original: Demands, plan: PlanTable | None, step: int) -> int:
    """The earliest step up to this one whose demands the agent meets; 0 without a plan."""
    if plan is None:
        return 0
    return next((number for number in range(step) if relaxed(original, plan, number).met_by(agent)), step)


def step_strategy(plan: PlanTable | None, step: int) -> int:
    """The strategy of the latest step that set one, 0 = none did."""
    if plan is None:
        return 0
    return next((change.strategy for change in reversed(plan.steps[:step]) if change.strategy), 0)
