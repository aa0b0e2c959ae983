"""What the twin remembers of calls: a repeated request_id gets its first answer, a forgotten job is unknown (J4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tests.oracle.clocks import Clocks
from tests.oracle.lookup import cost_of
from tests.oracle.model import ENDED, Agent, Answer, Failure, Job, State

Result = TypeVar("Result")


@dataclass
class Remembered:
    """What a request_id was used for and answered (J4)."""

    method: str
    content: tuple[Any, ...]
    answer: Any
    time: int


@dataclass
class Requests(Clocks):
    """Adds what every command begins with: the clock, the memory, and the look at whom it is about."""

    requests: dict[str, Remembered] = field(default_factory=dict)

    def advance_to(self, now_us: int) -> None:
        """Fires what is due on the way, each timer at its time and as a step of its own."""
        require(now_us >= self.now, "now_us")
        self.pass_time(now_us)

    def once(self, request_id: str, method: str, content: tuple[Any, ...], deed: Callable[[], Result]) -> Result:
        """Does it, or answers as before when the request_id was answered before (J4). Only successes are remembered."""
        self.advance_to(self.now)
        self.forget()
        known = self.requests.get(request_id)
        if known is not None:
            if (known.method, known.content) != (method, content):
                raise Failure("REQUEST_ID_REUSED", request_id)
            first: Result = known.answer
            return first
        answer = deed()
        if request_id:
            remembered = replace(answer, repeated=True) if isinstance(answer, Answer) else answer
            self.requests[request_id] = Remembered(method, content, remembered, self.now)
        return answer

    def forget(self) -> None:
        """Drops ended jobs and request ids that are older than the retention."""
        oldest = self.now - self.policy.retention_us
        self.jobs = {key: job for key, job in self.jobs.items() if job.state not in ENDED or job.end_time > oldest}
        self.requests = {key: request for key, request in self.requests.items() if request.time > oldest}

    def existing_agent(self, agent_id: str) -> Agent:
        return found(self.agents.get(agent_id), "AGENT_NOT_FOUND")

    def existing_job(self, job_id: str) -> Job:
        self.forget()
        return found(self.jobs.get(job_id), "JOB_NOT_FOUND")

    def job_in(self, state: State, job_id: str, version: int) -> Job:
        """The job if it is in this state, under this version (J5)."""
        job = self.existing_job(job_id)
        if job.state is not state:
            raise Failure("WRONG_STATE", job_id)
        if job.version != version:
            raise Failure("STALE_VERSION", job_id)
        return job

    def check_channels(self, limits: Mapping[str, int] | None) -> None:
        for channel in limits or {}:
            found(cost_of(self.policy, channel), "CHANNEL_NOT_FOUND")


def require(condition: bool, field_path: str) -> None:
    if not condition:
        raise Failure("INVALID_FIELD", field_path)


def found(value: Result | None, reason: str) -> Result:
    if value is None:
        raise Failure(reason)
    return value
