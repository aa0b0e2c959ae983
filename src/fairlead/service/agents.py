"""AgentService without the hot calls: create, get, list, update, delete.

Checks every field of a request against the contract and reports all that are wrong; what only the shard can know (ids
in use, unknown channels, held jobs) it refuses itself.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from fairlead.problems import Problems
from fairlead.protobuf import duration_us, enum_names, is_duration, set_duration, set_timestamp
from fairlead.service.calls import ColdCall
from fairlead.service.requests import (
    check_range,
    check_size,
    read_page_size,
    read_page_token,
    read_tenant,
    refuse,
    write_page_token,
)
from fairlead.shard.core import AgentView, Shard
from fairlead.v1 import agent_pb2, skill_pb2
from fairlead.v1 import agent_service_pb2 as pb

MAX_SKILLS = 256
MAX_TAGS = 256
MAX_CHANNEL_LIMITS = 16
MAX_UNITS = 10_000
MAX_WEIGHT = 1_000
MAX_RATING = 1_000
MAX_ORDER = 1_000_000_000
MAX_LEVEL = 10
MAX_WRAP_UP_US = 24 * 3_600_000_000

# What UpdateAgent may change.
FIELDS = ("skills", "tags", "capacity", "channel_limits", "weight", "rating", "order", "wrap_up")


def calls(shard: Shard) -> Mapping[str, ColdCall]:
    """Paths and functions of this part of the service."""
    return {
        "/fairlead.v1.AgentService/CreateAgent": ColdCall(pb.CreateAgentRequest, partial(create_agent, shard)),
        "/fairlead.v1.AgentService/GetAgent": ColdCall(pb.GetAgentRequest, partial(get_agent, shard)),
        "/fairlead.v1.AgentService/ListAgents": ColdCall(pb.ListAgentsRequest, partial(list_agents, shard)),
        "/fairlead.v1.AgentService/UpdateAgent": ColdCall(pb.UpdateAgentRequest, partial(update_agent, shard)),
        "/fairlead.v1.AgentService/DeleteAgent": ColdCall(pb.DeleteAgentRequest, partial(delete_agent, shard)),
    }


def create_agent(shard: Shard, request: pb.CreateAgentRequest) -> pb.CreateAgentResponse:
    """Adds an agent."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    attributes = _attributes(request.agent, FIELDS, problems)
    if request.agent.presence:
        _check_presence(request.agent.presence, "agent.presence", problems)
        attributes["presence"] = request.agent.presence
    _check_ids(request.agent.id, "agent.id", request.request_id, problems)
    refuse(problems)
    view = shard.create_agent(tenant, request.agent.id, request_id=request.request_id, **attributes)
    return pb.CreateAgentResponse(agent=agent_message(view))


def get_agent(shard: Shard, request: pb.GetAgentRequest) -> pb.GetAgentResponse:
    """One agent."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_size(request.agent_id, "agent_id", problems)
    refuse(problems)
    return pb.GetAgentResponse(agent=agent_message(shard.agent(tenant, request.agent_id)))


def list_agents(shard: Shard, request: pb.ListAgentsRequest) -> pb.ListAgentsResponse:
    """A page of agents by order number. Cost: linear in the tenant's agents, whatever the page."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    size = read_page_size(request.page_size, problems)
    if request.presence:
        _check_presence(request.presence, "presence", problems)
    query = ("agents", tenant, request.presence)
    order, last_id = read_page_token(query, request.page_token, problems)
    refuse(problems)
    views = [view for view in shard.agents(tenant) if request.presence in (0, view.presence)]
    start = _position_after(views, order, last_id) if request.page_token else 0
    page = views[start : start + size]
    more = start + size < len(views)
    token = write_page_token(query, page[-1].order, page[-1].id) if more else ""
    return pb.ListAgentsResponse(agents=map(agent_message, page), next_page_token=token)


def update_agent(shard: Shard, request: pb.UpdateAgentRequest) -> pb.UpdateAgentResponse:
    """Changes what the mask names. An empty mask changes everything, but an empty order then stays what it was."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    named = list(request.update_mask.paths)
    for index, path in enumerate(named):
        if path not in FIELDS:
            problems.add(f"update_mask.paths[{index}]", path, ", ".join(FIELDS) + "; SetPresence changes presence")
    attributes = _attributes(request.agent, named or FIELDS, problems)
    if not named and not request.agent.order:
        del attributes["order"]
    _check_ids(request.agent.id, "agent.id", request.request_id, problems)
    refuse(problems)
    view = shard.update_agent(tenant, request.agent.id, request_id=request.request_id, **attributes)
    return pb.UpdateAgentResponse(agent=agent_message(view))


def delete_agent(shard: Shard, request: pb.DeleteAgentRequest) -> pb.DeleteAgentResponse:
    """Removes an agent who holds no job."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    _check_ids(request.agent_id, "agent_id", request.request_id, problems)
    refuse(problems)
    shard.delete_agent(tenant, request.agent_id, request.request_id)
    return pb.DeleteAgentResponse()


def agent_message(view: AgentView) -> agent_pb2.Agent:
    """The contract's form of an agent."""
    message = agent_pb2.Agent(
        id=view.id,
        skills=[skill_pb2.Skill(name=name, level=level) for name, level in view.skills.items()],
        tags=view.tags,
        capacity=view.capacity,
        channel_limits=[
            agent_pb2.ChannelLimit(channel=channel, max_jobs=count) for channel, count in view.channel_limits.items()
        ],
        weight=view.weight,
        rating=view.rating,
        order=view.order,
        presence=cast(agent_pb2.Presence, int(view.presence)),
        presence_reason=view.presence_reason,
        load=view.load,
        job_count=view.job_count,
        given_count=view.given_count,
        completed_count=view.completed_count,
    )
    set_timestamp(message.last_given_time, view.last_given_time_us)
    set_timestamp(message.last_freed_time, view.last_freed_time_us)
    set_timestamp(message.lease_end_time, view.lease_end_us)
    message.missed_offers = view.missed_offers
    if view.wrap_up_us >= 0:
        set_duration(message.wrap_up, view.wrap_up_us)
    if view.handle_time_ms >= 0:
        set_duration(message.handle_time, view.handle_time_ms * 1_000)
    if view.first_response_ms >= 0:
        set_duration(message.first_response, view.first_response_ms * 1_000)
    if view.satisfaction >= 0:
        message.satisfaction = view.satisfaction
    return message


def _position_after(views: Sequence[AgentView], order: int, last_id: str) -> int:
    """Where the page after an agent begins; when it is gone, at the first of its order, so that none is missed."""
    for index, view in enumerate(views):
        if view.id == last_id and view.order == order:
            return index + 1
    return next((index for index, view in enumerate(views) if view.order >= order), len(views))


def _check_ids(agent_id: str, path: str, request_id: str, problems: Problems) -> None:
    check_size(agent_id, path, problems)
    check_size(request_id, "request_id", problems, low=0)


def _check_presence(presence: int, path: str, problems: Problems) -> None:
    names = enum_names(agent_pb2.Presence.DESCRIPTOR)
    if presence not in names.values():
        problems.add(path, presence, ", ".join(f"{number} ({name})" for name, number in names.items()))


def _attributes(agent: agent_pb2.Agent, names: Sequence[str], problems: Problems) -> dict[str, Any]:
    """The named attributes as the shard takes them, empty ones as their defaults."""
    read: dict[str, Any] = {
        "skills": _skills(agent, problems) if "skills" in names else None,
        "tags": _tags(agent, problems) if "tags" in names else None,
        "channel_limits": _channel_limits(agent, problems) if "channel_limits" in names else None,
        "capacity": agent.capacity or 1,
        "weight": agent.weight or 100,
        "rating": agent.rating if agent.HasField("rating") else 500,
        "order": agent.order,
    }
    bounds = {
        "capacity": (1, MAX_UNITS),
        "weight": (1, MAX_WEIGHT),
        "rating": (0, MAX_RATING),
        "order": (0, MAX_ORDER),
    }
    for name in names:
        if name in bounds:
            check_range(read[name], f"agent.{name}", bounds[name], problems)
    attributes = {name: read[name] for name in names if name in read}
    if "wrap_up" in names:
        attributes["wrap_up_us"] = _wrap_up(agent, problems)
    return attributes


def _wrap_up(agent: agent_pb2.Agent, problems: Problems) -> int:
    """Microseconds of the agent's own after-work, -1 for the queue's."""
    if not agent.HasField("wrap_up"):
        return -1
    length = duration_us(agent.wrap_up)
    if not is_duration(agent.wrap_up) or not 0 <= length <= MAX_WRAP_UP_US:
        problems.add("agent.wrap_up", length // 1_000_000, "0 s to 24 h")
    return length


def _skills(agent: agent_pb2.Agent, problems: Problems) -> dict[str, int]:
    _check_count(len(agent.skills), "agent.skills", MAX_SKILLS, problems)
    levels: dict[str, int] = {}
    for index, skill in enumerate(agent.skills[:MAX_SKILLS]):
        path = f"agent.skills[{index}]"
        check_size(skill.name, f"{path}.name", problems)
        check_range(skill.level, f"{path}.level", (0, MAX_LEVEL), problems)
        if skill.name in levels:
            problems.add(f"{path}.name", skill.name, "each name once")
        levels[skill.name] = skill.level or MAX_LEVEL
    return levels


def _tags(agent: agent_pb2.Agent, problems: Problems) -> list[str]:
    _check_count(len(agent.tags), "agent.tags", MAX_TAGS, problems)
    for index, tag in enumerate(agent.tags[:MAX_TAGS]):
        check_size(tag, f"agent.tags[{index}]", problems)
    return list(dict.fromkeys(agent.tags))


def _channel_limits(agent: agent_pb2.Agent, problems: Problems) -> dict[str, int]:
    _check_count(len(agent.channel_limits), "agent.channel_limits", MAX_CHANNEL_LIMITS, problems)
    limits: dict[str, int] = {}
    for index, limit in enumerate(agent.channel_limits[:MAX_CHANNEL_LIMITS]):
        path = f"agent.channel_limits[{index}]"
        check_size(limit.channel, f"{path}.channel", problems)
        check_range(limit.max_jobs, f"{path}.max_jobs", (0, MAX_UNITS), problems)
        if limit.channel in limits:
            problems.add(f"{path}.channel", limit.channel, "each channel once")
        limits[limit.channel] = limit.max_jobs
    return limits


def _check_count(count: int, path: str, high: int, problems: Problems) -> None:
    if count > high:
        problems.note(path, f"{count} entries; allowed: 0 to {high}")
