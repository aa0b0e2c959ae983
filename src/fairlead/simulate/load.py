"""Whether a scenario can be served at all: work that comes against work that the agents who may do it can do.

For every set of job types that share agents, the work of the set may not exceed what all agents eligible for any of
them can do; if it does, the backlog grows without end, unless customers give up or the policy turns them away. Who is
eligible is asked of the router itself, with everybody online and idle.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from fairlead.errors import error
from fairlead.policy.document import load
from fairlead.rulebook.trial import try_job
from fairlead.shard.core import Presence
from fairlead.simulate.model import AgentGroup, JobKind, Scenario
from fairlead.simulate.run import TENANT, Player

# Beyond so many types only each alone and all together are looked at: there are 2^n sets.
MOST_SETS_OF = 12


class Bottleneck(NamedTuple):
    """Job types with the highest ratio of work to capacity; above 1 the backlog grows."""

    jobs: tuple[str, ...]
    utilisation: float
    agents: int
    is_bounded: bool


def bottleneck(scenario: Scenario, policy: str) -> Bottleneck:
    """The set of types that is closest to, or furthest beyond, what its agents can do, over the whole horizon."""
    player = Player(scenario, policy)
    shard = player.shard(0, Presence.ONLINE)
    costs = {channel.id: channel.cost for channel in load(policy).channels} if policy else {}
    works, groups_of = [], []
    default_cost = next(iter(costs.values()), 1)
    for job in scenario.jobs:
        trial = try_job(shard, TENANT, player.tables, job.arguments, shard.now_us, scenario.switched_on)
        able = {agent_id for agent_id, _ in trial.candidates}
        groups_of.append(frozenset(n for n, group in enumerate(scenario.agents) if able.intersection(group.ids)))
        works.append(_work(scenario, job) * (costs.get(str(job.arguments["channel"])) or default_cost or 1))
    cost = max(costs.values(), default=1) or 1
    capacities = [_capacity(group, scenario.horizon, cost) for group in scenario.agents]
    worst = Bottleneck((), 0.0, 0, True)
    for chosen in _sets(len(scenario.jobs)):
        groups = frozenset[int]().union(*(groups_of[kind] for kind in chosen))
        capacity = sum(capacities[group] for group in groups)
        work = sum(works[kind] for kind in chosen)
        ratio = work / capacity if capacity else (float("inf") if work else 0.0)
        if ratio > worst.utilisation * (1 + 1e-12):
            worst = Bottleneck(
                tuple(scenario.jobs[kind].id for kind in chosen),
                ratio,
                sum(len(scenario.agents[group].ids) for group in groups),
                _is_bounded(scenario, policy, chosen),
            )
    return worst


def check_load(scenario: Scenario, policy: str, name: str) -> str:
    """A warning for a load above capacity, empty for one below.

    Raises InvalidArgument (INVALID_SCENARIO) with the utilisation when nothing bounds the backlog and the scenario does
    not say `allow_overload`.
    """
    found = bottleneck(scenario, policy)
    if found.utilisation < 1:
        return ""
    jobs = ", ".join(found.jobs)
    text = (
        f"{jobs} under {name}: utilisation {found.utilisation:.2f} of the {found.agents} agents who may take them, "
        "1 or more cannot be served"
    )
    if found.is_bounded or scenario.allow_overload:
        return text
    raise error(
        "INVALID_SCENARIO",
        f"{text}, and no customer gives up: the backlog would grow as long as it runs. Add agents, a `patience`, "
        "limits in the policy, or `allow_overload = true`",
    )


def _sets(count: int) -> Iterable[tuple[int, ...]]:
    if count > MOST_SETS_OF:
        yield from ((kind,) for kind in range(count))
        yield tuple(range(count))
        return
    for size in range(1, count + 1):
        yield from combinations(range(count), size)


def _work(scenario: Scenario, job: JobKind) -> float:
    """Agents that the type keeps busy on average, at speed 1."""
    if not scenario.trace:
        return job.mean_rate(scenario.horizon) * job.work.mean
    kind = [each.id for each in scenario.jobs].index(job.id)
    recorded = sum(recording.types.count(kind) for recording in scenario.trace.recordings)
    rate = recorded / len(scenario.trace.recordings) / scenario.horizon
    return (rate + job.mean_rate(scenario.horizon)) * job.work.mean


def _capacity(group: AgentGroup, horizon: int, cost: int) -> float:
    """Work of cost-weighted jobs that a group does in a unit of time, averaged over the horizon."""
    there = sum(end - start for start, end in group.presence_times(horizon)) / horizon
    most = max(1, group.capacity // cost)
    best = max(group.rate_with(jobs) for jobs in range(1, min(most, 64) + 1))
    best = max(best, group.rate_with(most))
    return len(group.ids) * there * best * cost


def _is_bounded(scenario: Scenario, policy: str, chosen: tuple[int, ...]) -> bool:
    """Whether customers give up, or every queue of the policy turns work away when it is too much."""
    if all(scenario.jobs[kind].patience or scenario.jobs[kind].never_waits for kind in chosen):
        return True
    queues = load(policy).queues if policy else []
    return bool(queues) and all(queue.max_length or queue.HasField("max_wait") for queue in queues)
