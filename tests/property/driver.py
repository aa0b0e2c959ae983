"""Drives a shard and the twin with the same commands and compares what they answer and what they are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fairlead.errors import FairleadError
from fairlead.shard.core import EventFilter, Shard
from fairlead.views import Event
from tests.oracle.invariants import invariants
from tests.oracle.model import ENDED, Agent, Answer, Failure, Job, Presence, State
from tests.oracle.twin import Twin

TENANT = "default"
PAGE = 500


class Command(NamedTuple):
    """One call, the same for both sides."""

    method: str
    arguments: tuple[Any, ...]
    settings: dict[str, Any]

    def __str__(self) -> str:
        words = [repr(value) for value in self.arguments]
        words += [f"{name}={value!r}" for name, value in self.settings.items()]
        return f"{self.method}({', '.join(words)})"


def command(method: str, *arguments: Any, **settings: Any) -> Command:
    return Command(method, arguments, settings)


class Pair:
    """A shard and its twin in virtual time. `run` and `compare` raise AssertionError where they differ."""

    def __init__(self, shard: Shard | None = None) -> None:
        self.shard = Shard(virtual_time=True) if shard is None else shard
        self.twin = Twin()
        self.heard = self.shard.last_event

    def run(self, call: Command) -> None:
        """Applies one command to both and compares the answers and the job and agent it named."""
        was_answered = call.settings.get("request_id", "") in self.twin.requests
        expected = self._ask_twin(call)
        actual = self._ask_shard(call)
        if isinstance(expected, Agent) and was_answered:
            expected, actual = expected.id, actual.id
        same(f"answer of {call}", plain(expected, expected), plain(actual, expected))
        self._compare_named(call)
        self._compare_events()

    def _ask_twin(self, call: Command) -> Any:
        try:
            return getattr(self.twin, call.method)(*call.arguments, **call.settings)
        except Failure as failure:
            return f"error {failure.reason}"

    def _ask_shard(self, call: Command) -> Any:
        tenant = () if call.method == "advance_to" else (TENANT,)
        try:
            return getattr(self.shard, call.method)(*tenant, *call.arguments, **call.settings)
        except FairleadError as error:
            return f"error {error.reason}"

    def _compare_named(self, call: Command) -> None:
        name = call.arguments[0]
        if call.method in JOB_METHODS and name in self.twin.jobs:
            job = self.twin.jobs[name]
            same(f"job {name}", job_view(self.twin, job), fields(self.shard.job(TENANT, name), JOB_FIELDS))
            holder = self.twin.agent_by_number(job.agent)
            if holder is not None:
                self._compare_agent(holder)
        if call.method in ("create_agent", "update_agent", "set_presence") and name in self.twin.agents:
            self._compare_agent(self.twin.agents[name])

    def _compare_events(self) -> None:
        """What was told since the last command, of jobs that the twin still knows, carries their arm."""
        while self.heard < self.shard.last_event:
            batch = self.shard.events(self.heard)
            self.heard = batch.last
            for event in map(Event.of, batch.rows(EventFilter())):
                if event.job_id in self.twin.jobs:
                    same(f"arm of {event}", self.twin.jobs[event.job_id].arm, event.arm)

    def _compare_agent(self, agent: Agent) -> None:
        same(f"agent {agent.id}", agent_view(agent), fields(self.shard.agent(TENANT, agent.id), AGENT_FIELDS))

    def compare(self) -> None:
        """Every agent, every live and remembered job, the counts. O(state)."""
        self.twin.forget()
        agents = sorted(self.twin.agents.values(), key=lambda agent: (agent.order, agent.number))
        same_each(
            [agent_view(agent) for agent in agents],
            [fields(view, AGENT_FIELDS) for view in self.shard.agents(TENANT)],
        )
        jobs = sorted(self.twin.jobs.values(), key=lambda job: job.number)
        same_each(
            [job_view(self.twin, job) for job in jobs], [fields(view, JOB_FIELDS) for view in listed_jobs(self.shard)]
        )
        status = self.shard.status(TENANT)
        counts = {int(state): count for state, count in status.jobs.items() if count}
        same("jobs by state", {int(state): count for state, count in self.twin.counts().items()}, counts)
        present = tuple(sum(1 for agent in agents if agent.presence is presence) for presence in Presence)
        same("agents by presence", present, status.agents)
        online = [agent for agent in agents if agent.presence is Presence.ONLINE]
        same("load", sum(agent.load for agent in online), status.load)
        same("capacity", sum(agent.capacity for agent in online), status.capacity)
        waiting = {queue.id: self.twin.waiting_in(queue.id) for queue in self.twin.policy.queues}
        same("waiting by queue", waiting, {queue: count for queue, count, _ in status.queues})
        same("scenarios", sorted(self.twin.scenarios()), sorted(self.shard.scenarios(TENANT)))
        same("open schedules", sorted(self.twin.open_schedules()), sorted(self.shard.open_schedules(TENANT)))

    def check(self) -> None:
        """Both sides' own invariants. O(state) at least."""
        same("the twin's invariants", [], invariants(self.twin))
        same("the shard's invariants", [], self.shard.check(TENANT))


JOB_METHODS = ("assign", "accept", "decline", "complete", "finish_wrap_up", "cancel", "transfer")

# What is compared of a view, by name. Ended and scheduled jobs are compared like live ones.
JOB_FIELDS = (
    *("id", "state", "queue", "channel", "agent_id", "version", "reason", "urgency", "head_start_us"),
    *("customer", "create_time_us", "queue_time_us", "assign_time_us", "end_time_us", "cost"),
    *("rule", "arm", "plan", "step", "deadline_us"),
)
AGENT_FIELDS = (
    *("id", "skills", "tags", "capacity", "channel_limits", "weight", "rating", "order", "presence"),
    *("presence_reason", "load", "job_count", "given_count", "completed_count"),
    *("last_given_time_us", "last_freed_time_us"),
    *("wrap_up_us", "lease_end_us", "missed_offers", "handle_time_ms", "first_response_ms", "satisfaction"),
)


def job_view(twin: Twin, job: Job) -> dict[str, Any]:
    """The twin's job as the shard shows it: 0 for times that have not come yet."""
    holder = twin.agent_by_number(job.agent)
    return {
        "id": job.id,
        "state": int(job.state),
        "queue": job.queue,
        "channel": job.channel,
        "agent_id": holder.id if holder else job.last_agent,
        "version": job.version,
        "reason": int(job.reason),
        "urgency": job.urgency,
        "head_start_us": job.head_start,
        "customer": job.customer,
        "create_time_us": job.create_time,
        "queue_time_us": 0 if job.state == State.SCHEDULED else job.queue_time,
        "assign_time_us": job.assign_time,
        "end_time_us": job.end_time if job.state in ENDED else 0,
        "cost": job.cost,
        "rule": job.rule,
        "arm": job.arm,
        "plan": job.plan,
        "step": job.step,
        "deadline_us": job.deadline,
    }


def agent_view(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "skills": agent.skills,
        "tags": sorted(agent.tags),
        "capacity": agent.capacity,
        "channel_limits": agent.channel_limits,
        "weight": agent.weight,
        "rating": agent.rating,
        "order": agent.order,
        "presence": int(agent.presence),
        "presence_reason": agent.presence_reason,
        "load": agent.load,
        "job_count": len(agent.jobs),
        "given_count": agent.given_count,
        "last_given_time_us": agent.last_given_time,
        "last_freed_time_us": agent.last_freed_time,
        "completed_count": agent.completed_count,
        "wrap_up_us": agent.wrap_up,
        "lease_end_us": agent.lease_end,
        "missed_offers": agent.missed_offers,
        "handle_time_ms": agent.handle_time.shown,
        "first_response_ms": agent.first_response.shown,
        "satisfaction": agent.satisfaction.shown,
    }


def fields(view: Any, names: Sequence[str]) -> dict[str, Any]:
    """A view of the shard as plain values."""
    found = {name: getattr(view, name) for name in names}
    return {name: sorted(value) if name == "tags" else number(value) for name, value in found.items()}


def number(value: Any) -> Any:
    return int(value) if isinstance(value, int) else value


def listed_jobs(shard: Shard) -> list[Any]:
    """All pages of the shard's jobs."""
    views: list[Any] = []
    after = 0
    while True:
        page, after = shard.jobs(TENANT, after=after, limit=PAGE)
        views += page
        if after == 0:
            return views


def plain(answer: Any, like: Any) -> Any:
    """What must be equal of an answer, told by the kind of the twin's one."""
    if isinstance(answer, str):
        return answer
    if isinstance(like, Agent):
        return agent_view(answer) if isinstance(answer, Agent) else fields(answer, AGENT_FIELDS)
    if isinstance(like, Answer):
        names = ["job_id", "reason", "agent_id", "version", "deadline_us", "repeated"]
        # A job that is not kept has no state, no queue; only an assign has an outcome, a deciding policy, an arm.
        names += ["state", "queue"] if like.state is not State.REFUSED_STATE else []
        names += ["outcome", "policy_version", "arm"] if like.outcome else []
        return fields(answer, names)
    return answer


def same(what: str, expected: Any, actual: Any) -> None:
    if expected == actual:
        return
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
        expected, actual = {k: expected.get(k) for k in keys}, {k: actual.get(k) for k in keys}
    raise AssertionError(f"{what}:\n  twin  {expected}\n  shard {actual}")


def same_each(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> None:
    """As `same` for lists of views, telling the first that differs."""
    same("ids", [view["id"] for view in expected], [view["id"] for view in actual])
    for one, other in zip(expected, actual, strict=True):
        same(f"view of {one['id']}", one, other)
