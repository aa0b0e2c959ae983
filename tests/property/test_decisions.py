"""A decision is explained as it was (E3): the twin remembers whom it saw, the shard reads its journal."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from fairlead.policy.tables import STRATEGIES
from fairlead.shard.core import Shard, When
from tests.oracle.choose import group_key, strategy_key
from tests.oracle.model import Agent, Job, State
from tests.oracle.twin import Twin
from tests.property.commands import Commands
from tests.property.driver import TENANT, Pair, command
from tests.property.policies import Profile, random_policy
from tests.property.tapes import PROFILES

WEIGHTED = STRATEGIES["weighted"]
LENGTH = 200
LONGEST = 5_000
SEGMENT = 64 * 1024  # bytes: a tape fills several
EVERY = 5  # commands, a decision is explained
DECIDED = (State.OFFERED, State.ASSIGNED, State.WRAPPING, State.COMPLETED)


class Watched(Twin):
    """A twin that remembers of each job what there was to choose from when it was last given or offered."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, dict[str, Any]] = {}

    def give(self, job: Job, agent: Agent, picked: bool, forced: bool = False) -> None:
        self.seen[job.number] = {
            "agent": agent.id,
            "load": agent.load,
            "capacity": agent.capacity,
            "waited_us": self.now - job.queue_time,
            "time_us": self.now,
            "step": job.step,
            "everyone": sorted(self.agents),
            "forced": forced,
            "candidates": [] if forced else [each.id for each in self.in_order(job)],
        }
        super().give(job, agent, picked, forced)

    def in_order(self, job: Job) -> list[Agent]:
        """Everyone who may have the job, best first (T5)."""
        own = self.own_agent(job) if job.own is not None else None
        is_own_there = own is not None and not self.is_excluded(job, own) and self.own_is_there(job, own)
        owners = [own] if own is not None and is_own_there and self.may_take(job, own) else []
        others = [] if job.held else [agent for agent in self.candidates(job) if agent not in owners]
        order = self.order(job)
        rotation = order.rotation

        def key(agent: Agent) -> tuple[Any, ...]:
            group = group_key(agent, job, order.queue, order.plan)
            if rotation is None:
                return (*group, *strategy_key(agent, job, order), agent.order_key)
            # Whose turn may come is asked among the best group alone.
            best = [each.number for each in others if group_key(each, job, order.queue, order.plan) == group]
            late = agent.number not in rotation.eligible(best)
            return (*group, late, rotation.finish_of(agent.number), agent.order_key)

        return [*owners, *sorted(others, key=key)]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_an_explained_decision_shows_what_was_seen_at_that_moment(
    profile: Profile, tape_seed: int, tmp_path: Path
) -> None:
    """Candidates in order, load, wait, step and time of the last offer or assignment of a job, long after it."""
    rng = Random(f"{tape_seed}/decisions/{profile.name}")
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path / "journal"), "none", segment_size=SEGMENT)
    pair = Pair(shard)
    pair.twin = twin = Watched()
    commands = Commands(twin, profile, rng)
    pair.run(command("install_policy", random_policy(rng, profile)))
    explained = number = 0
    while number < LENGTH or not explained:
        assert number < LONGEST, "a tape without a decision shows nothing"
        pair.run(commands.next(rng))
        twin.forget()
        decided = [job for job in twin.jobs.values() if job.state in DECIDED]
        if decided and number >= EVERY * explained:
            compare(shard, twin, rng.choice(decided))
            explained += 1
        number += 1
    pair.compare()
    shard.close()


def compare(shard: Shard, twin: Watched, job: Job) -> None:
    """The explanation of the job's last decision against what the twin saw."""
    seen = twin.seen[job.number]
    told = shard.explain(TENANT, job.id, When.AT_DECISION)
    assert told.unavailable == ""
    assert told.moment is not None and told.decision is not None
    agent, _, cause, load, capacity, waited = told.decision
    assert (agent, told.moment.agent_id, load, capacity, waited, told.moment.time_us, told.step) == (
        *(seen["agent"], seen["agent"], seen["load"], seen["capacity"]),
        *(seen["waited_us"], seen["time_us"], seen["step"]),
    )
    assert (cause == "transfer") == seen["forced"]
    everyone = [agent for agent, _ in told.candidates] + [agent for agent, *_ in told.excluded]
    assert sorted(everyone) == seen["everyone"]
    if not seen["forced"]:
        assert [agent for agent, _ in told.candidates] == seen["candidates"]
        assert seen["agent"] in seen["candidates"]
