"""`fairlead policy`: the tenant's rules as one document."""

import argparse
import sys
from pathlib import Path
from typing import Any

from fairlead import errors
from fairlead.commands.client import Client, add_client_options, print_json
from fairlead.policy import document
from fairlead.v1 import policy_pb2
from fairlead.v1 import policy_service_pb2 as pb2


def register(commands: Any) -> None:
    """Adds the command and its actions to the parser."""
    parser = commands.add_parser("policy", help="show, check, apply rules", description=__doc__, allow_abbrev=False)
    parser.set_defaults(parser=parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    _action(actions, "show", show, "the document in force, as TOML that `apply` reads")
    check_parser = _action(actions, "check", check, "find what is wrong with a file; needs no daemon")
    apply_parser = _action(actions, "apply", apply, "replace the document")
    apply_parser.add_argument("--dry-run", action="store_true", help="the daemon checks it and changes nothing")
    apply_parser.add_argument("--author", default="", help="kept with the version")
    for action in (check_parser, apply_parser):
        action.add_argument("file", metavar="FILE", help="TOML or JSON; - reads stdin")


def _action(actions: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def _read(path: str) -> policy_pb2.Policy:
    """A valid policy from a file. Raises INVALID_POLICY with every problem, or that the file cannot be read."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise errors.error("INVALID_POLICY", f"cannot read {path}: {failure}") from failure
    return document.load(text)


def show(namespace: argparse.Namespace) -> int:
    """Prints the document in force."""
    with Client.of(namespace) as client:
        policy = client.call(client.policy.GetPolicy, pb2.GetPolicyRequest()).policy
    if namespace.json:
        print_json(document.to_mapping(policy))
        return 0
    print(document.to_toml(policy).rstrip("\n"))
    return 0


def check(namespace: argparse.Namespace) -> int:
    """Says whether a file is a valid policy."""
    policy = _read(namespace.file)
    if namespace.json:
        print_json({"valid": True, "policy": document.to_mapping(policy)})
    else:
        print(f"{namespace.file} is valid: {_contents(policy)}")
    return 0


def apply(namespace: argparse.Namespace) -> int:
    """Sends a file to the daemon."""
    policy = _read(namespace.file)
    request = pb2.UpdatePolicyRequest(policy=policy, validate_only=namespace.dry_run, author=namespace.author)
    with Client.of(namespace) as client:
        stored = client.call(client.policy.UpdatePolicy, request).policy
    if namespace.json:
        print_json({"applied": not namespace.dry_run, "policy": document.to_mapping(stored)})
    elif namespace.dry_run:
        print(f"would become version {stored.version}: {_contents(stored)}")
    else:
        print(f"version {stored.version} is in force: {_contents(stored)}")
    return 0


def _contents(policy: policy_pb2.Policy) -> str:
    return f"queues: {len(policy.queues)}, channels: {len(policy.channels)}, tiers: {len(policy.tiers)}"
