"""The wire: the native transport, grpcio, and a bare nghttp2 echo, side by side in one run.

    python -m benchmarks.wire [--json] [--seconds 3] [--agents 10000]

The server has one core, the load the other. Distinct jobs are assigned and completed over 4 connections with 1, 10 and
100 calls in flight on each; a run with a failed call is no result. CPU time is that of the server's threads, so a busy
client cannot flatter it. Journal mode none. Left out: connecting, creating the agents, the warm-up.
"""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairlead.commands import load_plan as plan
from fairlead.v1 import job_pb2, routing_service_pb2

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 4
IN_FLIGHT = (1, 10, 100)
WARM_UP_SECONDS = 0.7
BATCH = 500
TENANT = "load"
BATCH_TENANT = "batch"
ECHO_SOURCE = Path(__file__).parent / "echo/echo.c"


def pin(core: int) -> None:
    """This process to one core, where there are several."""
    if os.cpu_count() != 1:
        os.sched_setaffinity(0, {core})


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def daemon(transport: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a daemon on the server's core."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fairlead.toml"
        file.write_text(f'transport = "{transport}"\ndrain_seconds = 0\nlog.level = "warning"\n')
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "fairlead", "serve", "--config", str(file), "--listen", address]
        process = subprocess.Popen(command, preexec_fn=lambda: pin(SERVER_CORE))
        try:
            await_port(address)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait()


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """The same of the echo, which answers every call with an assignment."""
    reply = routing_service_pb2.AssignResponse(
        job_id="01234567-123456", outcome=job_pb2.OUTCOME_ASSIGNED, agent_id="agent-1234", version=1, queue="default"
    )
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "echo"
        subprocess.run(["gcc", "-O2", "-o", str(binary), str(ECHO_SOURCE), "-lnghttp2"], check=True)
        port = free_port()
        command = [str(binary), str(port), reply.SerializeToString().hex()]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=lambda: pin(SERVER_CORE))
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield f"127.0.0.1:{port}", process.pid
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    for _ in range(600):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens at {address}")


def measure(server: tuple[str, int], seconds: float, in_flight: int, rate: float = 0) -> dict[str, float]:
    """One run: calls a second, latency of Assign, CPU of the server for a call."""
    address, pid = server
    sockets = plan.connect(address, CONNECTIONS)
    load = plan.generator(sockets, address, TENANT, in_flight, rate)
    load.run(WARM_UP_SECONDS)
    load.reset()
    before = cpu_seconds(pid)
    load.run(seconds)
    used = cpu_seconds(pid) - before
    result = load.result()
    load.finish(5)
    for each in sockets:
        each.close()
    methods = result["methods"].values()
    codes = {code for method in methods for code in method["codes"]}
    assert codes == {0} and not result["lost"], f"not all calls were answered with OK: {result}"
    assert not result["unassigned"], f"agents were too few: {result['unassigned']} jobs found nobody"
    calls = sum(method["calls"] for method in methods)
    assign = result["methods"]["Assign"]
    return {
        "rps": round(calls / seconds, 1),
        "p50_us": assign["p50_us"],
        "p99_us": assign["p99_us"],
        "p999_us": assign["p999_us"],
        "cpu_us_per_call": round(used * 1e6 / calls, 3),
    }


def run(seconds: float, agents: int) -> dict[str, Any]:
    """All of it; the keys are told in docs."""
    pin(CLIENT_CORE)
    out: dict[str, Any] = {
        "machine": f"{platform.machine()} {os.cpu_count()} cores",
        "seconds": seconds,
        "agents": agents,
    }
    with echo() as server:
        out["echo"] = {str(n): measure(server, seconds, n) for n in IN_FLIGHT}
    with daemon("native") as server:
        plan.create_agents(server[0], TENANT, agents)
        out["native"] = {"none": {str(n): measure(server, seconds, n) for n in IN_FLIGHT}}
        peak = out["native"]["none"]["100"]["rps"]
        rate = peak / 4
        opened = measure(server, seconds, 100, rate=rate)
        out["open_loop"] = {"rate": round(2 * rate), **{key: opened[key] for key in ("p50_us", "p99_us", "p999_us")}}
        # Nothing is completed in batches, so there everyone has room for ten thousand jobs.
        plan.create_agents(server[0], BATCH_TENANT, agents, capacity=10_000)
        out["batch_assignments_per_second"] = batch(server, seconds)
    with daemon("grpcio") as server:
        plan.create_agents(server[0], TENANT, agents)
        out["grpcio"] = {"none": {str(n): measure(server, seconds, n) for n in IN_FLIGHT}}
    native, other = out["native"]["none"]["100"], out["grpcio"]["none"]["100"]
    out["none_to_grpcio"] = round(native["rps"] / other["rps"], 2)
    out["none_to_echo"] = round(out["echo"]["100"]["cpu_us_per_call"] / native["cpu_us_per_call"], 3)
    return out


def batch(server: tuple[str, int], seconds: float) -> float:
    """Assignments a second through BatchAssign."""
    sockets = plan.connect(server[0], CONNECTIONS)
    load = plan.generator(sockets, server[0], BATCH_TENANT, 2, 0, BATCH)
    load.run(WARM_UP_SECONDS)
    load.reset()
    load.run(seconds)
    result = load.result()
    load.finish(5)
    for each in sockets:
        each.close()
    assert set(result["methods"]["Assign"]["codes"]) == {0}, f"not all batches were answered with OK: {result}"
    return round(result["methods"]["Assign"]["calls"] * BATCH / seconds, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--agents", type=int, default=10_000)
    options = parser.parse_args()
    result = run(options.seconds, options.agents)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name in ("echo", "native", "grpcio"):
        for calls, row in result[name].get("none", result[name]).items():
            print(f"{name:7} {calls:>4} in flight  " + "  ".join(f"{key} {value:,.1f}" for key, value in row.items()))
    for key in ("none_to_echo", "none_to_grpcio", "batch_assignments_per_second", "open_loop"):
        print(f"{key}  {result[key]}")


if __name__ == "__main__":
    main()
