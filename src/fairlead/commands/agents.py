"""`fairlead agents`: who works, what they can, whether they are there."""

import argparse
from typing import Any

from fairlead.commands import values
from fairlead.commands.client import Client, add_client_options, plain, print_json, seconds, short
from fairlead.commands.table import age, local_time, table
from fairlead.v1 import agent_pb2
from fairlead.v1 import agent_service_pb2 as pb2

PAGE_SIZE = 1_000


def register(commands: Any) -> None:
    """Adds the command and its actions to the parser. Without an action it lists."""
    parser = commands.add_parser("agents", help="list, create, change agents", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--presence", type=values.presence, default=0, help="only online, away, draining or offline ones"
    )
    add_client_options(parser)
    parser.set_defaults(run=list_agents, parser=parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")

    listing = _action(actions, "list", list_agents, "all agents by order number")
    listing.add_argument(
        "--presence",
        type=values.presence,
        default=argparse.SUPPRESS,
        help="only online, away, draining or offline ones",
    )
    _with_id(_action(actions, "show", show, "one agent in full"))
    create = _with_id(_action(actions, "create", create_agent, "add an agent"))
    _attributes(create)
    create.add_argument("--presence", type=values.presence, default=0, help="default offline")
    update = _with_id(_action(actions, "update", update_agent, "change what is named, leave the rest"))
    _attributes(update)
    update.add_argument(
        "--clear", action="append", default=[], choices=("skills", "tags", "channel_limits", "wrap_up"), help="empty it"
    )
    _with_id(_action(actions, "delete", delete, "remove an agent who holds no job"))
    change = _with_id(_action(actions, "presence", presence, "log in, out, or away"))
    change.add_argument("presence", metavar="PRESENCE", type=values.presence, help="online, away, draining or offline")
    change.add_argument("--reason", default="", help="shown to operators")
    change.add_argument("--lease", type=values.duration, help="offline without a heartbeat within this time, e.g. 30s")


def _action(actions: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
    add_client_options(parser, nested=True)
    parser.set_defaults(run=run, parser=parser)
    return parser


def _with_id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("agent_id", metavar="ID", help="agent id")
    return parser


def _attributes(parser: argparse.ArgumentParser) -> None:
    """What an agent is; None: not named."""
    parser.add_argument(
        "--skill",
        dest="skills",
        action="append",
        type=values.skill,
        metavar="NAME:LEVEL",
        help="level 1-10, default 10; repeat",
    )
    parser.add_argument("--tag", dest="tags", action="append", metavar="TAG", help="repeat for more")
    parser.add_argument("--capacity", type=int, metavar="UNITS", help="1-10,000; default 1")
    parser.add_argument(
        "--limit",
        dest="channel_limits",
        action="append",
        type=values.channel_limit,
        metavar="CHANNEL:JOBS",
        help="most jobs of a channel at once; repeat",
    )
    parser.add_argument("--weight", type=int, help="share under the weighted strategy, 1-1000; default 100")
    parser.add_argument("--rating", type=int, help="0-1000; default 500")
    parser.add_argument(
        "--wrap-up", type=values.duration, help="after-work of this agent, e.g. 30s; default the queue's"
    )
    parser.add_argument("--order", type=int, help="last tie-break; default after everyone created before")


_NAMES = ("skills", "tags", "capacity", "channel_limits", "weight", "rating", "order", "wrap_up")


def _agent(namespace: argparse.Namespace) -> tuple[agent_pb2.Agent, list[str]]:
    """The agent that the options describe, and the names of the attributes that were given."""
    named = {name: value for name in _NAMES if (value := getattr(namespace, name)) is not None}
    return agent_pb2.Agent(id=namespace.agent_id, **named), list(named)


def list_agents(namespace: argparse.Namespace) -> int:
    """All agents, all pages."""
    agents: list[agent_pb2.Agent] = []
    request = pb2.ListAgentsRequest(page_size=PAGE_SIZE, presence=namespace.presence)
    with Client.of(namespace) as client:
        while True:
            page = client.call(client.agents.ListAgents, request)
            agents += page.agents
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
    if namespace.json:
        print_json({"agents": [plain(agent) for agent in agents]})
        return 0
    headers = ("AGENT", "PRESENCE", "SKILLS", "TAGS", "LOAD", "JOBS", "GIVEN", "DONE", "WEIGHT", "HANDLE", "RATED")
    print(table(headers, map(_row, agents), left=4))
    return 0


def _row(agent: agent_pb2.Agent) -> tuple[object, ...]:
    return (
        agent.id,
        short(agent_pb2.Presence, agent.presence, "PRESENCE_"),
        " ".join(f"{skill.name}:{skill.level}" for skill in agent.skills),
        " ".join(agent.tags),
        f"{agent.load}/{agent.capacity}",
        agent.job_count,
        agent.given_count,
        agent.completed_count,
        agent.weight,
        age(seconds(agent.handle_time)) if agent.HasField("handle_time") else None,
        agent.satisfaction if agent.HasField("satisfaction") else None,
    )


def _print_agent(namespace: argparse.Namespace, agent: agent_pb2.Agent) -> int:
    if namespace.json:
        print_json({"agent": plain(agent)})
        return 0
    presence_text = short(agent_pb2.Presence, agent.presence, "PRESENCE_")
    facts: dict[str, object] = {
        "agent": agent.id,
        "presence": f"{presence_text} ({agent.presence_reason})" if agent.presence_reason else presence_text,
        "skills": " ".join(f"{skill.name}:{skill.level}" for skill in agent.skills),
        "tags": " ".join(agent.tags),
        "load": f"{agent.load} of {agent.capacity}",
        "channel limits": " ".join(f"{limit.channel}:{limit.max_jobs}" for limit in agent.channel_limits),
        "weight": agent.weight,
        "rating": agent.rating,
        "order": agent.order,
        "jobs": f"{agent.job_count:,} held, {agent.given_count:,} given, {agent.completed_count:,} completed",
        "after-work": age(seconds(agent.wrap_up)) if agent.HasField("wrap_up") else None,
        "lease ends": local_time(seconds(agent.lease_end_time)) if agent.HasField("lease_end_time") else None,
        "missed offers": agent.missed_offers or None,
        "handle time": age(seconds(agent.handle_time)) if agent.HasField("handle_time") else None,
        "first response": age(seconds(agent.first_response)) if agent.HasField("first_response") else None,
        "satisfaction": agent.satisfaction if agent.HasField("satisfaction") else None,
        "last given": local_time(seconds(agent.last_given_time)) if agent.HasField("last_given_time") else None,
        "last let go": local_time(seconds(agent.last_freed_time)) if agent.HasField("last_freed_time") else None,
    }
    print(table(("", ""), facts.items(), left=2).lstrip())
    return 0


def show(namespace: argparse.Namespace) -> int:
    """One agent."""
    with Client.of(namespace) as client:
        answer = client.call(client.agents.GetAgent, pb2.GetAgentRequest(agent_id=namespace.agent_id))
    return _print_agent(namespace, answer.agent)


def create_agent(namespace: argparse.Namespace) -> int:
    """Adds an agent and shows it as stored."""
    agent, _ = _agent(namespace)
    agent.presence = namespace.presence
    with Client.of(namespace) as client:
        answer = client.call(client.agents.CreateAgent, pb2.CreateAgentRequest(agent=agent))
    return _print_agent(namespace, answer.agent)


def update_agent(namespace: argparse.Namespace) -> int:
    """Changes what was named and shows the agent as stored."""
    agent, names = _agent(namespace)
    paths = [*names, *(name for name in namespace.clear if name not in names)]
    if not paths:
        namespace.parser.error("name what to change, e.g. --capacity 4")
    request = pb2.UpdateAgentRequest(agent=agent)
    request.update_mask.paths.extend(paths)
    with Client.of(namespace) as client:
        answer = client.call(client.agents.UpdateAgent, request)
    return _print_agent(namespace, answer.agent)


def delete(namespace: argparse.Namespace) -> int:
    """Removes an agent."""
    with Client.of(namespace) as client:
        client.call(client.agents.DeleteAgent, pb2.DeleteAgentRequest(agent_id=namespace.agent_id))
    if namespace.json:
        print_json({"agent_id": namespace.agent_id, "deleted": True})
    else:
        print(f"deleted {namespace.agent_id}")
    return 0


def presence(namespace: argparse.Namespace) -> int:
    """Changes presence."""
    request = pb2.SetPresenceRequest(
        agent_id=namespace.agent_id, presence=namespace.presence, reason=namespace.reason, lease=namespace.lease
    )
    with Client.of(namespace) as client:
        answer = client.call(client.agents.SetPresence, request)
    if namespace.json:
        print_json(plain(answer))
    else:
        print(f"{answer.agent_id} is {short(agent_pb2.Presence, answer.presence, 'PRESENCE_')}")
    return 0
