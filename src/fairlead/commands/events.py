"""`fairlead events`: what happened, and with --follow what happens."""

import argparse
import json
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc

from fairlead.commands import values
from fairlead.commands.client import Client, add_client_options, failure_of, plain, seconds, short
from fairlead.commands.table import cell, local_time, width
from fairlead.errors import OutOfRange
from fairlead.v1 import agent_pb2, job_pb2
from fairlead.v1 import routing_service_pb2 as pb

DEFAULT_LIMIT = 100
# A line is printed before the next event is known, so columns have a width of their own; longer texts move the rest.
COLUMNS = (
    ("TIME", 29),
    ("EVENT", 16),
    ("JOB", 20),
    ("AGENT", 12),
    ("QUEUE", 12),
    ("VERSION", 7),
    ("GATEWAY", 12),
    ("DETAIL", 0),
)


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("events", help="what happened, or happens", description=__doc__, allow_abbrev=False)
    parser.add_argument("--follow", action="store_true", help="go on with what happens, until interrupted")
    parser.add_argument("--after", type=int, default=0, metavar="SEQUENCE", help="begin after this event")
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help=f"of past events; default {DEFAULT_LIMIT}")
    parser.add_argument("--all-tenants", action="store_true", help="of every tenant")
    for name, dest in (("gateway", "gateways"), ("queue", "queues"), ("agent", "agents")):
        parser.add_argument(
            f"--{name}", dest=dest, action="append", default=[], help="only of this one; repeat for more"
        )
    parser.add_argument(
        "--kind", dest="kinds", action="append", default=[], type=values.event_kind, help="only of this kind; repeat"
    )
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Prints events as lines of a table, or with --json one object a line."""
    show: Callable[[pb.Event], str] = _json_line if namespace.json else _line
    if not namespace.json:
        print(_cells([name for name, _ in COLUMNS]))
    with Client.of(namespace) as client:
        if namespace.follow:
            for response in _watch(client, _request(namespace, namespace.after)):
                for event in response.events:
                    print(show(event), flush=True)
        else:
            for event in _past(client, namespace):
                print(show(event))
    return 0


def _past(client: Client, namespace: argparse.Namespace) -> deque[pb.Event]:
    """The last events up to now: a resumed watch says with a message of its own when it has reached the present."""
    kept: deque[pb.Event] = deque(maxlen=max(1, namespace.limit))
    watch = partial(_watch, client)
    present = next(watch(_request(namespace, 0))).sequence
    after = namespace.after or 1
    while True:
        try:
            for response in watch(_request(namespace, after)):
                kept.extend(event for event in response.events if event.sequence <= present)
                if response.sequence >= present:
                    return kept
        except OutOfRange as gone:
            if namespace.after:
                raise
            # From the oldest one that is kept; should it go meanwhile, from the next.
            after = int(gone.metadata["oldest_sequence"]) - 1
            if after >= present:
                return kept


def _request(namespace: argparse.Namespace, after: int) -> pb.WatchEventsRequest:
    return pb.WatchEventsRequest(
        tenant="*" if namespace.all_tenants else namespace.tenant,
        gateways=namespace.gateways,
        queues=namespace.queues,
        agent_ids=namespace.agents,
        kinds=namespace.kinds,
        after_sequence=after,
    )


def _watch(client: Client, request: pb.WatchEventsRequest) -> Iterator[pb.WatchEventsResponse]:
    """The messages of a watch. Raises the FairleadError it ended with."""
    call = client.routing.WatchEvents(request)
    try:
        yield from call
    except grpc.RpcError as failure:
        raise failure_of(failure, client.address) from None
    finally:
        call.cancel()


def _json_line(event: pb.Event) -> str:
    return json.dumps(plain(event), ensure_ascii=False)


def _line(event: pb.Event) -> str:
    detail = short(job_pb2.Reason, event.reason, "REASON_")
    if event.presence:
        detail = short(agent_pb2.Presence, event.presence, "PRESENCE_")
        if event.presence_reason:
            detail = f"{detail}: {event.presence_reason}"
    if event.kind == pb.EVENT_KIND_POLICY_CHANGED:
        detail = f"version {event.policy_version}"
    return _cells(
        [
            local_time(seconds(event.time)),
            short(pb.EventKind, event.kind, "EVENT_KIND_"),
            event.job_id,
            event.agent_id,
            event.queue,
            event.version or None,
            event.gateway,
            detail,
        ]
    )


def _cells(entries: list[Any]) -> str:
    shown = [cell(entry) for entry in entries]
    padded = [text + " " * (size - width(text)) for text, (_, size) in zip(shown, COLUMNS, strict=True)]
    return "  ".join(padded).rstrip()
