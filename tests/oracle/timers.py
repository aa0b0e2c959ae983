"""What falls due by itself, and in which order: by time, then schedules, jobs, agents, classes."""

from dataclasses import dataclass

from tests.oracle.model import Agent, ClassKey, Job

# Timers of one job that are due together fire in this order, and so do those of one agent.
JOB_KINDS = ("time_to_live", "start", "offer", "wrap", "lost", "hold", "bar", "step", "plan_end", "max_wait")
AGENT_KINDS = ("lease", "limit")
# The timers of a job that runs only while it waits.
WAITING_KINDS = ("hold", "bar", "step", "plan_end", "max_wait")


@dataclass
class Timer:
    """`target`: a job, an agent, the id of a schedule, or the class whose head may reserve.

    `number` is the job's, the agent's, the class's, or the place of the schedule in the policy.
    """

    due: int
    kind: str
    target: Job | Agent | ClassKey | str
    number: int

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Schedules, so that all else finds the hours of its time; then jobs, agents and classes by number."""
        match self.target:
            case str():
                return (self.due, 0, self.number, 0)
            case Job():
                return (self.due, 1, self.number, JOB_KINDS.index(self.kind))
            case Agent():
                return (self.due, 2, self.number, AGENT_KINDS.index(self.kind))
            case _:
                return (self.due, 3, self.number, 0)
