"""`fairlead scenario`: switches that a policy's rules refer to, such as a sale or an outage."""

import argparse
from typing import Any

from fairlead.commands.client import Client, add_client_options, print_json
from fairlead.commands.table import table
from fairlead.v1 import policy_service_pb2 as pb2


def register(commands: Any) -> None:
    """Adds the command and its actions to the parser."""
    parser = commands.add_parser(
        "scenario", help="turn scenarios of the policy on and off", description=__doc__, allow_abbrev=False
    )
    parser.set_defaults(parser=parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, text in (
        ("on", "turn a scenario on, for jobs that come from now on"),
        ("off", "turn it off"),
        ("list", "the scenarios of the policy and which are on"),
    ):
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        add_client_options(action)
        if name != "list":
            action.add_argument("scenario", metavar="NAME", help="as in the policy")
        action.set_defaults(run=show if name == "list" else switch, parser=action, active=name == "on")


def switch(namespace: argparse.Namespace) -> int:
    """Turns one on or off."""
    request = pb2.SetScenarioRequest(scenario=namespace.scenario, active=namespace.active)
    with Client.of(namespace) as client:
        active = list(client.call(client.policy.SetScenario, request).active_scenarios)
    if namespace.json:
        print_json({"active_scenarios": active})
    else:
        print(f"{namespace.scenario} is {'on' if namespace.active else 'off'}; on are: {', '.join(active) or 'none'}")
    return 0


def show(namespace: argparse.Namespace) -> int:
    """Lists all of them."""
    with Client.of(namespace) as client:
        answer = client.call(client.policy.GetPolicy, pb2.GetPolicyRequest())
    active = list(answer.active_scenarios)
    if namespace.json:
        print_json({"scenarios": list(answer.policy.scenarios), "active_scenarios": active})
    elif answer.policy.scenarios:
        print(table(("SCENARIO", "IS"), ((n, "on" if n in active else "off") for n in answer.policy.scenarios), left=2))
    else:
        print("the policy has no scenarios")
    return 0
