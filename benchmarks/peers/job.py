"""The job that all peers have: give it to the least loaded agent who has the skill and room; complete it later.

Says who the agents are and judges answers; knows nothing of servers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fairlead.commands import load_plan as plan

SKILLS = plan.SKILLS
CAPACITY = 5
MOST_HELD = 1_250
# Of the calls of a check: more than are completed, so that a small team is soon full.
ASSIGNS = 0.75


class WrongAnswer(Exception):
    """A peer chose somebody whom the job does not allow."""


@dataclass(frozen=True)
class Agent:
    """One agent; the id ends with its number."""

    number: int
    skills: tuple[int, ...]
    capacity: int

    @property
    def id(self) -> str:
        return f"agent-{self.number}"


def agents(count: int, capacity: int = CAPACITY) -> Iterator[Agent]:
    """The agents of fairlead's own load: 8 of 64 skills each, whatever the count."""
    for number, message in enumerate(plan.agent_messages(count, capacity)):
        yield Agent(number, tuple(int(skill.name.rpartition("-")[2]) for skill in message.skills), capacity)


def write_roster(path: Path, count: int, capacity: int = CAPACITY) -> None:
    """A line for each agent: id, capacity, skills with commas, apart by tabs."""
    with path.open("w") as file:
        for agent in agents(count, capacity):
            skills = ",".join(f"skill-{skill}" for skill in agent.skills)
            file.write(f"{agent.id}\t{agent.capacity}\t{skills}\n")


def held_jobs(count: int, capacity: int = CAPACITY) -> int:
    """How many jobs stay held while a team is loaded: a quarter of its room, at most 1,250."""
    return min(count * capacity // 4, MOST_HELD)


@dataclass
class Referee:
    """Follows a peer call by call: who may get the next job is known exactly; among equals any answer is right."""

    agents: list[Agent]
    loads: list[int] = field(init=False)
    by_skill: dict[int, list[Agent]] = field(init=False)

    def __post_init__(self) -> None:
        self.loads = [0] * len(self.agents)
        self.by_skill = {skill: [agent for agent in self.agents if skill in agent.skills] for skill in range(SKILLS)}

    def judge(self, skill: int, answer: int | None) -> None:
        """Takes the answer to an assign, the agent's number or None. Raises WrongAnswer."""
        free = [agent for agent in self.by_skill[skill] if self.loads[agent.number] < agent.capacity]
        if answer is None:
            if free:
                raise WrongAnswer(f"refused a job for skill-{skill} though {free[0].id} has room")
            return
        least = min((self.loads[agent.number] for agent in free), default=None)
        if not 0 <= answer < len(self.agents):
            raise WrongAnswer(f"agent-{answer}: nobody has this id")
        if skill not in self.agents[answer].skills:
            raise WrongAnswer(f"agent-{answer} does not have skill-{skill}")
        if self.loads[answer] >= self.agents[answer].capacity:
            raise WrongAnswer(f"agent-{answer} already holds {self.loads[answer]} jobs, which is the capacity")
        if self.loads[answer] != least:
            raise WrongAnswer(
                f"agent-{answer} holds {self.loads[answer]} jobs; another with skill-{skill} holds {least}"
            )
        self.loads[answer] += 1

    def complete(self, agent: int) -> None:
        """A job of this agent has ended."""
        self.loads[agent] -= 1


def sequence(seed: int, steps: int) -> Iterator[tuple[str, int]]:
    """What a check asks for, call by call: ("assign", skill), or ("complete", a number that picks a held job)."""
    chance = Random(seed)
    for _ in range(steps):
        if chance.random() < ASSIGNS:
            yield "assign", chance.randrange(SKILLS)
        else:
            yield "complete", chance.randrange(1 << 30)
