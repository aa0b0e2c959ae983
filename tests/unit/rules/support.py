"""Words for the tests of rules: one shard in virtual time, one tenant, seconds, and who holds what."""

from collections import Counter
from typing import Any

from fairlead.engine.core import replay
from fairlead.policy.tables import STRATEGIES, ChannelTable, PolicyTables, QueueTable
from fairlead.shard.core import Assignment, JobState, JobView, Presence, Shard

TENANT = "default"
SECOND = 1_000_000
HOUR = 3600 * SECOND


def queue(name: str = "q", strategy: str = "least_load", **settings: Any) -> QueueTable:
    """A queue of everyone, unless `agents`, `any_skills` or `any_tags` name its members."""
    named = bool({"agents", "any_skills", "any_tags"} & settings.keys())
    return QueueTable(name, everyone=not named, strategy=STRATEGIES[strategy], **settings)


class Routing:
    """A shard with a policy of the given queues; the first of them is the default one."""

    def __init__(self, *queues: QueueTable, **policy: Any) -> None:
        self.shard = Shard(virtual_time=True, keep_facts=True)
        self.install(*(queues or (queue(),)), **policy)

    def install(self, *queues: QueueTable, **policy: Any) -> int:
        """A new policy as a whole; returns its version."""
        policy.setdefault("channels", (ChannelTable("chat"),))
        policy.setdefault("default_queue", queues[0].id)
        return self.shard.install_policy(TENANT, PolicyTables(queues=queues, **policy))

    def online(self, *agents: str, **settings: Any) -> "Routing":
        """New agents, all alike, ONLINE unless told otherwise. Answers itself, as `full` does, so that both chain."""
        settings = {"presence": Presence.ONLINE, **settings}
        for agent in agents:
            self.shard.create_agent(TENANT, agent, **settings)
        return self

    def full(self) -> "Routing":
        """One job more for whoever has room."""
        assert self.assign("full").agent_id
        return self

    def presence(self, agent: str, presence: Presence) -> None:
        self.shard.set_presence(TENANT, agent, presence)

    def assign(self, job: str, **settings: Any) -> Assignment:
        return self.shard.assign(TENANT, job, **settings)

    def give(self, job: str, agent: str) -> None:
        """A new job that this agent holds, whatever the strategy says."""
        answer = self.assign(job, wanted_agent=agent)
        assert answer.agent_id == agent

    def complete(self, job: str) -> None:
        self.shard.complete(TENANT, job, self.job(job).version)

    def transfer(self, job: str, **settings: Any) -> Assignment:
        return self.shard.transfer(TENANT, job, self.job(job).version, **settings)

    def cancel(self, job: str) -> None:
        self.shard.cancel(TENANT, job)

    def update(self, agent: str, **settings: Any) -> None:
        self.shard.update_agent(TENANT, agent, **settings)

    def at(self, seconds: float) -> None:
        """Moves the clock to so many seconds after its zero."""
        self.shard.advance_to(round(seconds * SECOND))

    def job(self, job: str) -> JobView:
        return self.shard.job(TENANT, job)

    def state(self, job: str) -> JobState:
        return self.job(job).state

    def who(self, job: str) -> str:
        """Who holds the job, empty for nobody."""
        view = self.job(job)
        return view.agent_id if view.state == JobState.ASSIGNED else ""

    def load(self, agent: str) -> int:
        return self.shard.agent(TENANT, agent).load

    def deal(self, count: int, name: str = "j", complete: bool = False, **settings: Any) -> list[str]:
        """Assigns so many jobs one after the other; who got each. With `complete` each ends before the next comes."""
        holders = []
        for number in range(count):
            answer = self.assign(f"{name}{number}", **settings)
            holders.append(answer.agent_id)
            if complete and answer.agent_id:
                self.complete(f"{name}{number}")
        return holders

    def waiting(self, *jobs: str) -> list[str]:
        """Those of the jobs that wait."""
        return [job for job in jobs if self.state(job) == JobState.QUEUED]

    def drain(self, agent: str) -> list[str]:
        """Completes what the agent holds until nothing comes after it; the jobs in the order they came."""
        order: list[str] = []
        while True:
            held = [job for job in self.all_jobs() if job.agent_id == agent and job.state == JobState.ASSIGNED]
            if not held:
                return order
            for job in sorted(held, key=lambda job: (job.assign_time_us, job.id)):
                order.append(job.id)
                self.complete(job.id)

    def all_jobs(self) -> list[JobView]:
        jobs: list[JobView] = []
        after = 0
        while True:
            page, after = self.shard.jobs(TENANT, after=after, limit=1000)
            jobs += page
            if after == 0:
                return jobs

    def audit(self) -> None:
        """Every invariant holds, every job is in one state (J2), and the facts alone lead to the same state."""
        assert self.shard.check(TENANT) == []
        assert replay(self.shard.facts(TENANT)) == (self.shard.state_hash(TENANT), [])
        status = self.shard.status(TENANT)
        live = Counter(job.state for job in self.all_jobs() if job.state < JobState.COMPLETED)
        assert live == {state: n for state, n in status.jobs.items() if n and state < JobState.COMPLETED}
