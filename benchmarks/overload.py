"""What a refused call costs beside a served one: CPU time of the daemon for each.

    python -m benchmarks.overload [--json] [--seconds 2] [--folder FOLDER]

The disk is held still (tests/crash/failing_calls.c lets fdatasync wait), so that every Assign and every BatchAssign is
refused for as long as it lasts; before and after they are served, in mode fsync. Lists are refused by the same, and
served by a handler in Python. One object: microseconds of CPU a call, and `*_ratio`, refused to served. Verified: while
the disk stands no call is answered with anything but UNAVAILABLE, otherwise none with anything but OK. Left out:
connecting, creating the agents, the warm-up.
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

SHIM = Path(__file__).parents[1] / "tests/crash/failing_calls.c"
AGENTS = 1_000
CONNECTIONS = 4
IN_FLIGHT = 100
BATCH = 500
LISTS = 300
OK, UNAVAILABLE = 0, 14
SYNC_SECONDS = 0.3
CONFIG = f"[guards]\nsync_seconds = {SYNC_SECONDS}\nqueue_seconds = 60\n"


def load(server: Server, seconds: float, expected: int, batch: int = 0) -> float:
    """CPU microseconds a call of Assign (with its CompleteJob when it is served), or of BatchAssign."""
    sockets = plan.connect(server.address, CONNECTIONS)
    tenant = "batch" if batch else "load"
    generator = plan.generator(sockets, server.address, tenant, 2 if batch else IN_FLIGHT, 0, batch)
    generator.run(0.5)
    generator.reset()
    before = server.cpu_seconds()
    generator.run(seconds)
    used = server.cpu_seconds() - before
    result = generator.result()
    for each in sockets:
        each.close()
    methods = result["methods"].values()
    codes = {code for method in methods for code in method["codes"]}
    assert codes == {expected}, f"expected nothing but code {expected}: {result['methods']}"
    return used * 1e6 / sum(method["calls"] for method in methods)


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


def run(seconds: float, folder: Path) -> dict[str, Any]:
    """All of it."""
    pin(CLIENT_CORE)
    shim, held = folder / "failing_calls.so", folder / "held"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(shim), "HOLD_FILE": str(held)}
    out: dict[str, Any] = {}
    with daemon("native", folder / "journal", CONFIG, environment) as server:
        plan.create_agents(server.address, "load", AGENTS, 10_000)
        plan.create_agents(server.address, "batch", AGENTS, 50_000)
        out["assign_served"] = load(server, seconds, OK)
        out["batch_served"] = load(server, seconds, OK, BATCH)
        out["list_served"] = lists(server, OK)
        held.touch()
        try:
            with grpc.insecure_channel(server.address) as channel:
                stub = RoutingServiceStub(channel)
                # Something must wait for the disk for it to be known as still.
                stub.Assign.future(routing_service_pb2.AssignRequest(tenant="held", job={"id": "j"}))
                time.sleep(3 * SYNC_SECONDS)
                out["assign_refused"] = load(server, seconds, UNAVAILABLE)
                out["batch_refused"] = load(server, seconds, UNAVAILABLE, BATCH)
                out["list_refused"] = lists(server, UNAVAILABLE)
        finally:
            held.unlink()
    for name in ("assign", "batch", "list"):
        out[f"{name}_ratio"] = round(out[f"{name}_refused"] / out[f"{name}_served"], 4)
    return {key: round(value, 4) for key, value in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = run(options.seconds, Path(folder))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:16} {value:>12,.4f}")


if __name__ == "__main__":
    main()
