"""Who works in the demo, and under which policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from google.protobuf.duration_pb2 import Duration

from fairlead.demo.day import CHANNEL_COST, QUEUES, VIP, VIP_HEAD_STARTS_S, VOICE, Conversation, Day
from fairlead.protobuf import set_duration
from fairlead.v1 import agent_pb2, job_pb2, policy_pb2, skill_pb2

BASE_LANGUAGE = "en"
OTHER_LANGUAGES = ("es", "fr", "de")
# What a conversation demands of its language, and what a hard one demands of its queue's own skill.
LANGUAGE_LEVEL = 3
SECOND_LINE_LEVEL = 6

STRATEGIES = {"orders": "weighted", "after_sales": "weighted", "technical": "least_load"}
# What changes in the middle of the day, beside the head start of the tier.
AFTERNOON_STRATEGIES = {"technical": "longest_idle"}
# Lengths of the policy, in seconds of the day that is played.
AFFINITY_AGE_S = 86_400.0
AFFINITY_HOLD_S = 45.0
RESERVE_AFTER_S = 60.0
# In seconds of the clock: the play asks for a job while it lives and once when it has ended.
RETENTION_S = 60.0

# Seniority: (capacity, weight), in proportion, so that a full house can still hold its shares.
_SENIORITY = ((8, 100), (10, 125), (6, 75))
MEAN_CAPACITY = 8.0
# Levels of the own queue's skill in a team: one in five is not of the second line.
_HOME_LEVELS = (7, 9, 8, 5, 6)
# Fewer than that are no teams: everyone serves every queue, all day.
SHIFT_TEAM = 2 * len(QUEUES)


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """An agent: `home` is the queue they are rostered for; `skills` also name the queues they help in."""

    id: str
    home: str
    skills: dict[str, int]
    capacity: int
    weight: int

    def may_serve(self, conversation: Conversation) -> bool:
        """Whether they are a member of its queue and meet its demands."""
        met = all(self.skills.get(name, 0) >= level for name, level in conversation.demands.items())
        return conversation.queue in self.skills and met

    def message(self) -> agent_pb2.Agent:
        """The agent as CreateAgent takes it; a person has one voice call at a time."""
        return agent_pb2.Agent(
            id=self.id,
            skills=[skill_pb2.Skill(name=name, level=level) for name, level in sorted(self.skills.items())],
            tags=[f"team:{self.home}"],
            capacity=self.capacity,
            channel_limits=[agent_pb2.ChannelLimit(channel=VOICE, max_jobs=1)],
            weight=self.weight,
        )


def build_team(count: int, day: Day) -> list[AgentPlan]:
    """`count` agents, in proportion to the day's work by queue.

    On a day of nothing but calls an agent has room for one call and no more, so that a call is all of their time.
    """
    homes = _homes(count, work_by_queue(day))
    team = [_agent(number, homes) for number in range(count)]
    if all(conversation.channel == VOICE for conversation in day.conversations):
        team = [replace(agent, capacity=CHANNEL_COST[VOICE]) for agent in team]
    return team


def work_by_queue(day: Day) -> dict[str, float]:
    """Capacity-seconds the day asks of each queue."""
    work = dict.fromkeys(QUEUES, 0.0)
    for conversation in day.conversations:
        work[conversation.queue] += conversation.handle_s * CHANNEL_COST[conversation.channel]
    return work


def _homes(count: int, work: Mapping[str, float]) -> list[str]:
    """The home of each agent: every next one goes where the work per agent is highest (D'Hondt).

    A queue has a sixth of all at least, however little work it has: somebody must be there all day.
    """
    members = dict.fromkeys(QUEUES, 0)
    homes = []
    for _ in range(count):
        queue = max(QUEUES, key=lambda name: (members[name] * 6 < count, work[name] / (members[name] + 1)))
        members[queue] += 1
        homes.append(queue)
    return homes


def _agent(number: int, homes: list[str]) -> AgentPlan:
    home = homes[number]
    place = homes[:number].count(home)
    capacity, weight = _SENIORITY[place % len(_SENIORITY)]
    skills = {BASE_LANGUAGE: 9, home: _HOME_LEVELS[place % len(_HOME_LEVELS)]}
    # Two of the three other languages each: any two neighbours of a team speak them all.
    for step in (0, 1):
        skills[OTHER_LANGUAGES[(place + step) % 3]] = LANGUAGE_LEVEL + (place + step * 4) % 6
    if len(homes) < SHIFT_TEAM:
        skills.update({queue: SECOND_LINE_LEVEL for queue in QUEUES if queue != home})
    elif place % 3 == 1:
        skills[QUEUES[(QUEUES.index(home) + 1) % len(QUEUES)]] = 4
    return AgentPlan(f"agent-{number + 1:02d}", home, skills, capacity, weight)


def build_policy(speed: float, is_afternoon: bool = False) -> policy_pb2.Policy:
    """The policy, its lengths of time divided by `speed`, the seconds of the day per second of the clock."""
    strategies = STRATEGIES | (AFTERNOON_STRATEGIES if is_afternoon else {})

    def scaled(seconds: float) -> Duration:
        out = Duration()
        set_duration(out, round(seconds / speed * 1e6))
        return out

    affinity = policy_pb2.Affinity(
        mode=job_pb2.AFFINITY_MODE_PREFER,
        tiers=[policy_pb2.AffinityTier(age=scaled(AFFINITY_AGE_S), hold=scaled(AFFINITY_HOLD_S))],
    )
    queues = [
        policy_pb2.Queue(
            id=name,
            members=policy_pb2.Members(any_skills=[skill_pb2.SkillDemand(name=name)]),
            strategy=strategies[name],
            affinity=affinity if name == "after_sales" else None,
        )
        for name in QUEUES
    ]
    return policy_pb2.Policy(
        queues=queues,
        channels=[policy_pb2.Channel(id=name, cost=cost) for name, cost in CHANNEL_COST.items()],
        tiers=[policy_pb2.Tier(id=VIP, head_start=scaled(VIP_HEAD_STARTS_S[is_afternoon]))],
        default_queue=QUEUES[0],
        retention=Duration(seconds=int(RETENTION_S)),
        reserve_after=scaled(RESERVE_AFTER_S),
    )


def build_spec(conversation: Conversation) -> job_pb2.JobSpec:
    """The job of a conversation."""
    demands = [
        skill_pb2.SkillDemand(name=name, min_level=level) for name, level in sorted(conversation.demands.items())
    ]
    return job_pb2.JobSpec(
        id=conversation.id,
        queue=conversation.queue,
        channel=conversation.channel,
        skills=demands,
        customer=conversation.customer,
        customer_tier=conversation.tier,
    )
