"""`fairlead policy`: the tenant's rules as one document. Looks, checks, compares, applies, goes back, tries."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead import errors
from fairlead.commands import values
from fairlead.commands.client import Client, add_client_options, plain, print_json, seconds, short
from fairlead.commands.explanation import candidates, excluded
from fairlead.commands.jobs import add_job_options, job_spec
from fairlead.commands.table import age, local_time, table
from fairlead.policy import document
from fairlead.policy.advice import advise
from fairlead.policy.compare import Change, compare
from fairlead.policy.schema import json_schema
from fairlead.v1 import job_pb2, policy_pb2
from fairlead.v1 import policy_service_pb2 as pb2

EXIT_DIFFERENT = 1
# Longest value that `diff` shows, in letters.
SHOWN = 70

_SOURCE = "a file (TOML or JSON; - reads stdin) or the number of a kept version"


def register(commands: Any) -> None:
    """Adds the command and its actions to the parser."""
    parser = commands.add_parser("policy", help="show, check, apply rules", description=__doc__, allow_abbrev=False)
    parser.set_defaults(parser=parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    show_parser = _action(actions, "show", show, "the document in force, as TOML that `apply` reads")
    show_parser.add_argument("--version", type=int, default=0, help="a kept version instead")
    check_parser = _action(actions, "check", check, "find what is wrong with a file; needs no daemon")
    check_parser.add_argument("--strict", action="store_true", help="warnings fail too")
    apply_parser = _action(actions, "apply", apply, "replace the document")
    apply_parser.add_argument("--dry-run", action="store_true", help="the daemon checks it and changes nothing")
    for action in (check_parser, apply_parser):
        action.add_argument("file", metavar="FILE", help="TOML or JSON; - reads stdin")
    _action(actions, "history", history, "the kept versions, newest first: who stored each, and when")
    rollback_parser = _action(actions, "rollback", rollback, "put a kept version in force again, as a new one")
    rollback_parser.add_argument("version", metavar="VERSION", type=int, help="see `fairlead policy history`")
    for action in (apply_parser, rollback_parser):
        action.add_argument("--author", default="", help="kept with the version")
    diff_parser = _action(actions, "diff", diff, "what changes from one document to another, field by field")
    diff_parser.add_argument("before", metavar="FILE|VERSION", help=_SOURCE)
    diff_parser.add_argument(
        "after",
        metavar="FILE|VERSION",
        nargs="?",
        help="likewise; with one alone, it is compared with what is in force",
    )
    diff_parser.add_argument("--exit-code", action="store_true", help=f"exit with {EXIT_DIFFERENT} when they differ")
    _add_test(actions)
    _action(actions, "schema", schema, "the JSON Schema of policy files, for editors; needs no daemon")


def _action(actions: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def _add_test(actions: Any) -> None:
    parser = _action(
        actions, "test", test, "what a policy would do with a job, the agents as they are; changes nothing"
    )
    parser.add_argument("--policy", metavar="FILE", help="this one; default: the policy in force")
    parser.add_argument("--time", type=values.moment, help="when, ISO; default: now")
    parser.add_argument(
        "--scenario", dest="scenarios", action="append", default=[], help="taken as on; repeat; default: those that are"
    )
    parser.add_argument("--job", default="", metavar="ID", help="job id")
    add_job_options(parser)


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise errors.error("INVALID_POLICY", f"cannot read {path}: {failure}") from failure


def read_policy(path: str) -> policy_pb2.Policy:
    """A valid policy from a file. Raises INVALID_POLICY with every problem, or that the file cannot be read."""
    return document.load(_text(path))


def _source(client: Client, source: str) -> policy_pb2.Policy:
    """The policy of a file or, for a number that is no file, of a kept version."""
    if re.fullmatch(r"\d{1,18}", source) and not Path(source).exists():
        answer: pb2.GetPolicyResponse = client.call(client.policy.GetPolicy, pb2.GetPolicyRequest(version=int(source)))
        return document.load(answer.policy)
    return read_policy(source)


def show(namespace: argparse.Namespace) -> int:
    """Prints the document in force, or a kept one."""
    with Client.of(namespace) as client:
        answer = client.call(client.policy.GetPolicy, pb2.GetPolicyRequest(version=namespace.version))
    if namespace.json:
        print_json(document.to_mapping(answer.policy))
        return 0
    print(document.to_toml(answer.policy).rstrip("\n"))
    return 0


def check(namespace: argparse.Namespace) -> int:
    """Says whether a file is a valid policy, and what is probably not meant in it."""
    policy = read_policy(namespace.file)
    warnings = advise(policy)
    if namespace.json:
        print_json({"valid": True, "warnings": warnings, "policy": document.to_mapping(policy)})
    else:
        print(f"{namespace.file} is valid: {_contents(policy)}")
        _print_warnings(warnings)
    return 1 if warnings and namespace.strict else 0


def apply(namespace: argparse.Namespace) -> int:
    """Sends a file to the daemon."""
    policy = read_policy(namespace.file)
    request = pb2.UpdatePolicyRequest(policy=policy, validate_only=namespace.dry_run, author=namespace.author)
    with Client.of(namespace) as client:
        answer = client.call(client.policy.UpdatePolicy, request)
    stored = answer.policy
    if namespace.json:
        shown = document.to_mapping(stored)
        print_json({"applied": not namespace.dry_run, "warnings": list(answer.warnings), "policy": shown})
        return 0
    verb = "would become version {}" if namespace.dry_run else "version {} is in force"
    print(f"{verb.format(stored.version)}: {_contents(stored)}")
    _print_warnings(answer.warnings)
    return 0


def history(namespace: argparse.Namespace) -> int:
    """Lists the kept versions."""
    with Client.of(namespace) as client:
        answer = client.call(client.policy.ListPolicyVersions, pb2.ListPolicyVersionsRequest())
    if namespace.json:
        print_json(plain(answer))
        return 0
    if not answer.versions:
        print("the built-in policy is in force; none was stored yet")
        return 0
    rows = (
        (str(each.version), local_time(seconds(each.update_time)), each.author, each.queue_count, each.rule_count)
        for each in answer.versions
    )
    print(table(("VERSION", "STORED", "AUTHOR", "QUEUES", "RULES"), rows, left=3))
    return 0


def rollback(namespace: argparse.Namespace) -> int:
    """Puts a kept version in force again."""
    request = pb2.RollbackPolicyRequest(version=namespace.version, author=namespace.author)
    with Client.of(namespace) as client:
        stored = client.call(client.policy.RollbackPolicy, request).policy
    if namespace.json:
        print_json({"applied": True, "policy": document.to_mapping(stored)})
    else:
        print(f"version {stored.version} is in force, the content of version {namespace.version}: {_contents(stored)}")
    return 0


def diff(namespace: argparse.Namespace) -> int:
    """Compares two documents."""
    with Client.of(namespace) as client:
        if namespace.after is None:
            before = client.call(client.policy.GetPolicy, pb2.GetPolicyRequest()).policy
            after = _source(client, namespace.before)
        else:
            before, after = _source(client, namespace.before), _source(client, namespace.after)
    changes = compare(before, after)
    if namespace.json:
        print_json({"changes": [change._asdict() for change in changes]})
    elif changes:
        print("\n".join(map(_change, changes)))
    else:
        print("no difference")
    return EXIT_DIFFERENT if changes and namespace.exit_code else 0


def test(namespace: argparse.Namespace) -> int:
    """Asks the daemon what would become of a job."""
    request = pb2.TestPolicyRequest(job=job_spec(namespace, namespace.job), scenarios=namespace.scenarios)
    if namespace.policy is not None:
        request.policy.CopyFrom(read_policy(namespace.policy))
    if namespace.time is not None:
        request.time.CopyFrom(namespace.time)
    with Client.of(namespace) as client:
        answer = client.call(client.policy.TestPolicy, request)
    if namespace.json:
        print_json(plain(answer))
    else:
        print(_trial(answer))
    return 0


def schema(_namespace: argparse.Namespace) -> int:
    """Prints the JSON Schema of policy files."""
    print_json(json_schema())
    return 0


def _trial(answer: pb2.TestPolicyResponse) -> str:
    outcome = short(job_pb2.Outcome, answer.outcome, "OUTCOME_")
    reason = short(job_pb2.Reason, answer.reason, "REASON_")
    lines = [
        f"outcome   {outcome}{f' to {answer.agent_id}' if answer.agent_id else ''}{f': {reason}' if reason else ''}",
        f"rule      {answer.rule or 'none matches'}",
        f"queue     {answer.queue}",
        f"strategy  {answer.strategy}",
        f"plan      {answer.plan or 'none'}",
        f"urgency   {answer.urgency}, head start {age(seconds(answer.head_start))}",
    ]
    if answer.candidates:
        lines += ["", "could take it, best first:", candidates(answer.key_names, answer.candidates)]
    if answer.excluded:
        lines += ["", "could not:", excluded(answer.excluded)]
    return "\n".join(lines)


def _change(change: Change) -> str:
    if change.before is None:
        return f"+ {change.path} = {_shown(change.after)}"
    if change.after is None:
        return f"- {change.path} = {_shown(change.before)}"
    return f"~ {change.path}: {_shown(change.before)} -> {_shown(change.after)}"


def _shown(value: Any) -> str:
    text = document.to_text(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _contents(policy: policy_pb2.Policy) -> str:
    text = f"queues: {len(policy.queues)}, channels: {len(policy.channels)}, tiers: {len(policy.tiers)}"
    for name in ("rules", "plans", "schedules", "scenarios"):
        count = len(getattr(policy, name))
        text += f", {name}: {count}" if count else ""
    return text


def _print_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}")
