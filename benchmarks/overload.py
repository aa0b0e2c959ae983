"""What a refused call costs beside a served one: CPU time of the daemon for each.

    python -m benchmarks.overload [--json] [--calls 20000] [--folder FOLDER]

The disk is held still (tests/crash/failing_calls.c lets fdatasync wait), so that every Assign and every BatchAssign is
refused for as long as it lasts; before and after they are served, in mode fsync. Lists are refused by the same, and
served by a handler in Python. One object: microseconds of CPU a call, and `*_ratio`, refused to served. Verified: every
call is answered, with a message while the disk works and without one while it stands. Left out: connecting, creating
the agents.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc

from benchmarks.servers import CLIENT_CORE, Server, daemon, pin
from fairlead.commands import load_plan as plan
from fairlead.v1 import agent_service_pb2, routing_service_pb2
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.contract import raw_http2 as http2
from tests.contract.raw_http2 import Peer, frame, message, request

SHIM = Path(__file__).parents[1] / "tests/crash/failing_calls.c"
AGENTS = 1_000
IN_FLIGHT = 400
BATCH = 500
LISTS = 50
OK, UNAVAILABLE = 0, 14
SYNC_SECONDS = 0.3
CONFIG = f"[guards]\nsync_seconds = {SYNC_SECONDS}\nqueue_seconds = 60\n"


def calls(server: Server, path: str, bodies: list[bytes], expected: int) -> float:
    """CPU microseconds a call, hundreds in flight on one connection."""
    peer = Peer(server.address)
    peer.send(frame(http2.WINDOW_UPDATE, 0, 0, (2**30).to_bytes(4, "big")))
    head = request(path)
    answered, with_message = 0, set[int]()
    before = server.cpu_seconds()
    for start in range(0, len(bodies), IN_FLIGHT):
        chunk = bodies[start : start + IN_FLIGHT]
        streams = range(2 * start + 1, 2 * (start + len(chunk)), 2)
        peer.send(
            b"".join(
                frame(http2.HEADERS, http2.END_HEADERS, stream, head)
                + frame(http2.DATA, http2.END_STREAM, stream, message(body))
                for stream, body in zip(streams, chunk, strict=True)
            )
        )
        for kind, flags, stream, _ in peer.frames(60):
            if kind == http2.DATA:
                with_message.add(stream)
            answered += kind == http2.HEADERS and flags & http2.END_STREAM > 0
            if answered == start + len(chunk):
                break
    used = server.cpu_seconds() - before
    peer.close()
    # A refusal is nothing but trailers.
    served = len(with_message)
    assert served == (len(bodies) if expected == OK else 0), f"{served} of {len(bodies)} were served"
    return used * 1e6 / len(bodies)


def assigns(count: int, name: str) -> list[bytes]:
    return [
        routing_service_pb2.AssignRequest(tenant="load", job={"id": f"{name}-{number}"}).SerializeToString()
        for number in range(count)
    ]


def batches(count: int, name: str) -> list[bytes]:
    jobs = [[{"id": f"{name}-{number}-{job}"} for job in range(BATCH)] for number in range(count)]
    return [routing_service_pb2.BatchAssignRequest(tenant="load", jobs=each).SerializeToString() for each in jobs]


def lists(server: Server, expected: int) -> float:
    """CPU microseconds a ListAgents of a thousand."""
    with grpc.insecure_channel(server.address) as channel:
        stub = AgentServiceStub(channel)
        request = agent_service_pb2.ListAgentsRequest(tenant="load", page_size=1_000)
        before = server.cpu_seconds()
        calls = [stub.ListAgents.future(request, timeout=60) for _ in range(LISTS)]
        codes = Counter(call.code().value[0] for call in calls)
        assert set(codes) == {expected}, f"expected nothing but code {expected}: {codes}"
        return (server.cpu_seconds() - before) * 1e6 / LISTS


def run(count: int, folder: Path) -> dict[str, Any]:
    """All of it."""
    pin(CLIENT_CORE)
    shim, held = folder / "failing_calls.so", folder / "held"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(shim), "HOLD_FILE": str(held)}
    out: dict[str, Any] = {}
    with daemon("native", folder / "journal", CONFIG, environment) as server:
        plan.create_agents(server.address, "load", AGENTS, 10_000)
        out["assign_served"] = calls(server, plan.ASSIGN, assigns(count, "served"), OK)
        out["batch_served"] = calls(server, plan.BATCH_ASSIGN, batches(count // BATCH, "batch"), OK)
        out["list_served"] = lists(server, OK)
        held.touch()
        try:
            with grpc.insecure_channel(server.address) as channel:
                stub = RoutingServiceStub(channel)
                # Something must wait for the disk for it to be known as still.
                waits = stub.Assign.future(routing_service_pb2.AssignRequest(tenant="held", job={"id": "j"}))
                time.sleep(3 * SYNC_SECONDS)
                out["assign_refused"] = calls(server, plan.ASSIGN, assigns(count, "refused"), UNAVAILABLE)
                refused = batches(count // BATCH, "refused")
                out["batch_refused"] = calls(server, plan.BATCH_ASSIGN, refused, UNAVAILABLE)
                out["list_refused"] = lists(server, UNAVAILABLE)
                assert not waits.done(), "the disk did not stand still"
        finally:
            held.unlink()
    for name in ("assign", "batch", "list"):
        out[f"{name}_ratio"] = round(out[f"{name}_refused"] / out[f"{name}_served"], 4)
    return {key: round(value, 4) for key, value in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = run(options.calls, Path(folder))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:16} {value:>12,.4f}")


if __name__ == "__main__":
    main()
