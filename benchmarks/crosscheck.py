"""Two load generators of others beside `fairlead load`: does the daemon cost the same under each?

    python -m benchmarks.crosscheck [--json] [--seconds 3]

h2load (Debian: nghttp2-client) and ghz (go install github.com/bojand/ghz/cmd/ghz@v0.93.0) send one fixed body: the
Assign of a job that was assigned before, which is answered by J4 with its first answer. `fairlead load` sends distinct
jobs, assigned, read three times and completed. Each loads the bare echo and the daemon over 4 connections with 100
calls in flight on each, server and load on a core of their own; printed are calls a second and the server's CPU time
for a call. A tool that is not installed is told and left out. Verified: every call was answered with OK.

What to see: the echo does the same for all three, so its CPU for a call differs by their header fields alone; and a
tool whose calls a second stay far below the others' measures itself.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from benchmarks.servers import CLIENT_CORE, Server, daemon, echo, pin
from fairlead.commands import load_plan as plan
from fairlead.v1 import job_pb2, routing_service_pb2, skill_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

CONNECTIONS, IN_FLIGHT = 4, 100
AGENTS = 1_000
TENANT = "load"
# ghz 0.93 does not know proto3's optional; what a message does not declare it hands on as it is.
PROTO = """syntax = "proto3";
package fairlead.v1;
message AssignRequest {}
message AssignResponse {}
service RoutingService { rpc Assign(AssignRequest) returns (AssignResponse); }
"""
MIX = {"GetJob": 3}


def fixed_request() -> routing_service_pb2.AssignRequest:
    """The body that h2load and ghz send."""
    skills = [skill_pb2.SkillDemand(name="skill-1", min_level=3)]
    job = job_pb2.JobSpec(id="crosscheck-000001", skills=skills)
    return routing_service_pb2.AssignRequest(tenant=TENANT, job=job, immediate_only=True)


def fairlead_load(server: Server, seconds: float) -> int:
    """Calls that were answered."""
    sockets = plan.connect(server.address, CONNECTIONS)
    mix = MIX
    load = plan.generator(sockets, server.address, TENANT, IN_FLIGHT, mix=mix, agents=AGENTS)
    load.run(seconds)
    result = load.result()
    load.finish(5)
    for each in sockets:
        each.close()
    codes = {code for method in result["methods"].values() for code in method["codes"]}
    if codes != {0}:
        raise SystemExit(f"fairlead load: not all calls were answered with OK: {result}")
    return sum(method["calls"] for method in result["methods"].values())


def h2load(server: Server, seconds: float) -> int:
    """The same; it looks at the HTTP status alone."""
    with tempfile.TemporaryDirectory() as folder:
        message = fixed_request().SerializeToString()
        body = Path(folder) / "body"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        command = [
            "h2load",
            f"--duration={seconds:.0f}",
            "--warm-up-time=0",
            f"-c{CONNECTIONS}",
            f"-m{IN_FLIGHT}",
            "-t1",
        ]
        command += ["-d", str(body), "-H", "content-type: application/grpc", "-H", "te: trailers"]
        done = _run([*command, f"http://{server.address}{plan.ASSIGN}"])
    (line,) = [line for line in done.splitlines() if line.startswith("status codes:")]
    counts = {part.split()[1]: int(part.split()[0]) for part in line.removeprefix("status codes: ").split(", ")}
    if any(count for code, count in counts.items() if code != "2xx"):
        raise SystemExit(f"h2load: {line}")
    return counts["2xx"]


def ghz(server: Server, seconds: float) -> int:
    """The same; it counts gRPC statuses."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "body"
        body.write_bytes(fixed_request().SerializeToString())
        proto = Path(folder) / "routing.proto"
        proto.write_text(PROTO)
        command = ["ghz", "--insecure", "--proto", str(proto)]
        command += ["--call", "fairlead.v1.RoutingService.Assign", "-B", str(body), "-O", "json", "--cpus", "1"]
        command += ["-c", str(CONNECTIONS * IN_FLIGHT), "--connections", str(CONNECTIONS)]
        command += ["-z", f"{seconds:.0f}s", "--duration-stop", "wait"]
        result = json.loads(_run([*command, server.address]))
    if set(result["statusCodeDistribution"]) != {"OK"}:
        raise SystemExit(f"ghz: {result['statusCodeDistribution']}")
    return int(result["statusCodeDistribution"]["OK"])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def prepare(server: Server) -> None:
    """Agents, and the job that the fixed body asks for again and again."""
    plan.create_agents(server.address, TENANT, AGENTS)
    with grpc.insecure_channel(server.address) as channel:
        reply = RoutingServiceStub(channel).Assign(fixed_request(), timeout=10)
    if reply.outcome != job_pb2.OUTCOME_ASSIGNED:
        raise SystemExit(f"the job of the fixed body found nobody: {reply}")


def measured(tool: Callable[[Server, float], int], server: Server, seconds: float) -> dict[str, float]:
    """One run of a tool."""
    before, started = server.cpu_seconds(), time.monotonic()
    calls = tool(server, seconds)
    passed = time.monotonic() - started
    used = server.cpu_seconds() - before
    return {"rps": round(calls / min(passed, seconds), 1), "cpu_us_per_call": round(used * 1e6 / calls, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    pin(CLIENT_CORE)
    result: dict[str, Any] = {}
    with echo() as bare, daemon("native") as native:
        prepare(native)
        for tool in (fairlead_load, h2load, ghz):
            if tool is not fairlead_load and shutil.which(tool.__name__) is None:
                print(f"{tool.__name__} is not installed and left out", file=sys.stderr)
                continue
            result[tool.__name__] = {
                name: measured(tool, server, options.seconds) for name, server in (("echo", bare), ("native", native))
            }
            print(f"{tool.__name__} done", file=sys.stderr)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for tool_name, servers in result.items():
        for name, row in servers.items():
            print(
                f"{tool_name:14} {name:7} {row['rps']:>10,.0f} calls/s {row['cpu_us_per_call']:8.2f} us of CPU a call"
            )


if __name__ == "__main__":
    main()
