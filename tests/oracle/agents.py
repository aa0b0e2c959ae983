"""The twin's commands about agents."""

from collections.abc import Mapping, Sequence

from tests.oracle.model import Agent, Failure, Presence
from tests.oracle.requests import Requests, require
from tests.oracle.timers import AGENT_KINDS


class AgentCommands(Requests):
    """Adds what callers do with agents. A refused command raises `Failure` and changes nothing."""

    def create_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | None = None,
        tags: Sequence[str] = (),
        capacity: int = 1,
        channel_limits: Mapping[str, int] | None = None,
        weight: int = 100,
        rating: int = 500,
        order: int = 0,
        presence: int = 4,
        wrap_up_us: int = -1,
        request_id: str = "",
    ) -> Agent:
        check_agent(skills, capacity, weight, rating, order)
        require(wrap_up_us >= -1, "agent.wrap_up")

        def deed() -> Agent:
            self.check_channels(channel_limits)
            if agent_id in self.agents:
                raise Failure("AGENT_ALREADY_EXISTS", agent_id)
            self.agent_count += 1
            agent = Agent(
                number=self.agent_count,
                id=agent_id,
                skills=dict(skills or {}),
                tags=tuple(tags),
                capacity=capacity,
                channel_limits=dict(channel_limits or {}),
                weight=weight,
                rating=rating,
                order=order or self.highest_order + 1,
                presence=Presence(presence),
                wrap_up=wrap_up_us,
            )
            self.agents[agent_id] = agent
            self.highest_order = max(self.highest_order, agent.order)
            if agent.presence is Presence.ONLINE:
                self.begin_warm_up(agent)
            self.refresh(agent)
            self.finish(agent)
            return agent

        content = (
            agent_id,
            frozen(skills),
            tuple(tags),
            capacity,
            frozen(channel_limits),
            weight,
            rating,
            order,
            presence,
            wrap_up_us,
        )
        return self.once(request_id, "create_agent", content, deed)

    def update_agent(
        self,
        agent_id: str,
        *,
        skills: Mapping[str, int] | None = None,
        tags: Sequence[str] | None = None,
        capacity: int | None = None,
        channel_limits: Mapping[str, int] | None = None,
        weight: int | None = None,
        rating: int | None = None,
        order: int | None = None,
        wrap_up_us: int | None = None,
        request_id: str = "",
    ) -> Agent:
        check_agent(skills, capacity, weight, rating, order)
        require(wrap_up_us is None or wrap_up_us >= -1, "agent.wrap_up")

        def deed() -> Agent:
            agent = self.existing_agent(agent_id)
            self.check_channels(channel_limits)
            agent.skills = agent.skills if skills is None else dict(skills)
            agent.tags = agent.tags if tags is None else tuple(tags)
            agent.capacity = agent.capacity if capacity is None else capacity
            agent.channel_limits = agent.channel_limits if channel_limits is None else dict(channel_limits)
            agent.weight = agent.weight if weight is None else weight
            agent.rating = agent.rating if rating is None else rating
            agent.order = agent.order if order is None else order
            agent.wrap_up = agent.wrap_up if wrap_up_us is None else wrap_up_us
            self.highest_order = max(self.highest_order, agent.order)
            self.refresh(agent)
            self.finish(agent)
            return agent

        given = (frozen(skills), None if tags is None else tuple(tags), capacity, frozen(channel_limits))
        return self.once(request_id, "update_agent", (agent_id, *given, weight, rating, order, wrap_up_us), deed)

    def delete_agent(self, agent_id: str, request_id: str = "") -> None:
        def deed() -> None:
            agent = self.existing_agent(agent_id)
            if agent.jobs:
                raise Failure("AGENT_HOLDS_JOBS", agent_id)
            del self.agents[agent_id]
            self.drop_timers(agent, AGENT_KINDS)
            for rotation in self.rotations.values():
                rotation.drop(agent.number)
            self.finish()

        self.once(request_id, "delete_agent", (agent_id,), deed)

    def set_presence(
        self, agent_id: str, presence: int, reason: str = "", lease_us: int = 0, request_id: str = ""
    ) -> bool:
        """True when the same request_id was answered before."""
        require(lease_us >= 0, "lease")
        repeated = True

        def deed() -> None:
            nonlocal repeated
            repeated = False
            agent = self.existing_agent(agent_id)
            before = agent.presence
            agent.presence = Presence(presence)
            agent.presence_reason = reason
            self.start_lease(agent, 0 if agent.presence is Presence.OFFLINE else lease_us)
            self.follow_presence(agent, before)
            self.finish(agent)

        self.once(request_id, "set_presence", (agent_id, presence, reason, lease_us), deed)
        return repeated

    def follow_presence(self, agent: Agent, before: Presence) -> None:
        """What a caller's change of presence brings with it."""
        if agent.presence is Presence.ONLINE:
            agent.missed_offers = 0
            if before is not Presence.ONLINE:
                self.begin_warm_up(agent)
        else:
            self.end_warm_up(agent)
        if agent.presence is not Presence.OFFLINE and agent.lost_since is not None:
            self.find_again(agent)
        self.refresh(agent)
        if agent.presence is Presence.OFFLINE and before is not Presence.OFFLINE and agent.jobs:
            self.lose(agent)

    def begin_warm_up(self, agent: Agent) -> None:
        """They come ONLINE (P4)."""
        agent.warm_since = self.now
        agent.warm_last = None
        self.set_agent_timers(agent)

    def heartbeat(self, agent_ids: Sequence[str]) -> list[str]:
        """Extends leases; the ids that nobody has or whose agents are OFFLINE."""
        self.advance_to(self.now)
        rejected = []
        for agent_id in agent_ids:
            agent = self.agents.get(agent_id)
            if agent is None or agent.presence is Presence.OFFLINE:
                rejected.append(agent_id)
            elif agent.lease:
                self.start_lease(agent, agent.lease)
        return rejected


def frozen(mapping: Mapping[str, int] | None) -> tuple[tuple[str, int], ...] | None:
    return None if mapping is None else tuple(mapping.items())


def check_agent(
    skills: Mapping[str, int] | None, capacity: int | None, weight: int | None, rating: int | None, order: int | None
) -> None:
    """The limits of an agent's numbers."""
    require(all(1 <= level <= 10 for level in (skills or {}).values()), "agent.skills")
    require(capacity is None or 1 <= capacity <= 10_000, "agent.capacity")
    require(weight is None or 1 <= weight <= 1000, "agent.weight")
    require(rating is None or 0 <= rating <= 1000, "agent.rating")
    require(order is None or 0 <= order <= 10**9, "agent.order")
