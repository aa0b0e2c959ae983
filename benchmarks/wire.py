"""The wire: the native transport, grpcio, and a bare nghttp2 echo, side by side in one run of about four minutes.

    python -m benchmarks.wire [--json] [--seconds 1.5] [--rounds 3] [--agents 10000] [--folder FOLDER]

The server has one core, the load the other. Distinct jobs are assigned and completed over 4 connections with 1, 10 and
100 calls in flight on each. Mode none is without a journal; in mode fsync the journal is in a fresh folder under
--folder, which must be on a disk. All servers run from the start; every round measures each once, echo and native one
behind the other, so that what the machine does meanwhile happens to both. Printed are medians of the rounds; ratios are
medians of the ratios of each round; standard error shows progress and the spread. CPU time is that of the server's
threads, so a busy client cannot flatter it; `load_tool_calls_per_second` is of the client's own, against the echo.

Verified: every call was answered with OK, every job of the load was assigned, none was lost, the open loop began the
jobs that were due; after all of it a daemon holds no job of the load and finds no violation in its state.

`disk_alone` is a loop of one write and one sync on the server's core, without any server: what of the open loop's tail
is the disk's. `stalled` is the share of its time in syncs that took longer than STALL_SECONDS.

BatchAssign: BATCHES requests of BATCH jobs go to a tenant of its own that has room for them; nothing is completed. Open
loop: jobs at half the peak of mode fsync, latency of Assign from when it was due.

Left out: connecting, creating the agents, the warm-up of each measurement, and what memory costs that the machine never
used before (`servers.warm_memory`).
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc

from benchmarks.servers import CLIENT_CORE, SERVER_CORE, Server, daemon, echo, file_system, pin, warm_memory
from fairlead.commands import load_plan as plan
from fairlead.v1 import admin_service_pb2
from fairlead.v1.admin_service_pb2_grpc import AdminServiceStub

CONNECTIONS = 4
IN_FLIGHT = (1, 10, 100)
MODES = ("none", "fsync")
WARM_UP_SECONDS = 0.3
BATCH = 500
BATCHES = 600
BATCH_IN_FLIGHT = 2
TENANT = "load"

# Of the jobs that were due in the open loop: what is never begun has no latency, so few may be missing.
LEAST_BEGUN = 0.98
BUILD = Path(__file__).parents[1] / "build"
DISK_SYNCS = 6_000
DISK_WRITE = 4_096
STALL_SECONDS = 0.005
SHOWN = ("rps", "p50_us", "p99_us", "cpu_us_per_call")

Point = dict[str, float]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(server: Server, seconds: float, in_flight: int, rate: float = 0) -> Point:
    """One measurement: calls a second, latency of Assign, CPU of the server for a call. `rate`: jobs a second."""
    sockets = plan.connect(server.address, CONNECTIONS)
    load = plan.generator(sockets, server.address, TENANT, in_flight, rate)
    load.run(WARM_UP_SECONDS)
    load.reset()
    before, own = server.cpu_seconds(), time.process_time()
    started = time.monotonic()
    load.run(seconds)
    seconds = time.monotonic() - started
    used, own = server.cpu_seconds() - before, time.process_time() - own
    result = load.result()
    load.finish(5)
    for each in sockets:
        each.close()
    methods = result["methods"].values()
    codes = {code for method in methods for code in method["codes"]}
    if codes != {0} or result["lost"] or result["unassigned"]:
        raise SystemExit(f"not all calls were answered with OK and an agent: {result}")
    calls = sum(method["calls"] for method in methods)
    assign = result["methods"]["Assign"]
    return {
        "rps": calls / seconds,
        "p50_us": assign["p50_us"],
        "p99_us": assign["p99_us"],
        "p999_us": assign["p999_us"],
        "cpu_us_per_call": used * 1e6 / calls,
        "load_cpu_us_per_call": own * 1e6 / calls,
        "begun": result["began"] / (rate * seconds) if rate else 1.0,
    }


def batches(server: Server, tenant: str, agents: int) -> float:
    """Assignments a second through BatchAssign."""
    # Room for five jobs where three come: 50 each for 10,000 agents.
    plan.create_agents(server.address, tenant, agents, capacity=max(2, 5 * BATCH * BATCHES // (3 * agents)))
    sockets = plan.connect(server.address, CONNECTIONS)
    load = plan.generator(sockets, server.address, tenant, BATCH_IN_FLIGHT, 0, BATCH)
    # Up to the first answers, which are those of single calls: header fields enter their tables.
    load.run(0.05)
    load.reset()
    started = time.monotonic()
    done = 0
    while done < BATCHES:
        load.run(0.02)
        done = load.result()["methods"]["Assign"]["calls"]
    seconds = time.monotonic() - started
    result = load.result()
    load.finish(5)
    for each in sockets:
        each.close()
    if set(result["methods"]["Assign"]["codes"]) != {0}:
        raise SystemExit(f"not all batches were answered with OK: {result}")
    # The last ones may have come after the count: what the tenant holds is counted by the daemon.
    held = status(server, tenant).assigned_jobs
    if held < done * BATCH:
        raise SystemExit(f"{done * BATCH} jobs were sent and answered, the daemon holds {held}")
    return float(result["methods"]["Assign"]["calls"] * BATCH / seconds)


def disk_alone(folder: Path) -> Point:
    """How long a sync takes when nothing else runs, into blocks that are written already, as the journal's are."""
    pin(SERVER_CORE)
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(DISK_SYNCS * DISK_WRITE))
        os.fsync(file.fileno())
        for number in range(DISK_SYNCS):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), bytes([number % 255 + 1]) * DISK_WRITE, number * DISK_WRITE)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    pin(CLIENT_CORE)
    took.sort()
    p50, p99, p999 = (took[int(DISK_SYNCS * share)] * 1e6 for share in (0.5, 0.99, 0.999))
    stalled = sum(each for each in took if each > STALL_SECONDS) / sum(took)
    return {"p50_us": p50, "p99_us": p99, "p999_us": p999, "stalled": stalled}


def status(server: Server, tenant: str) -> admin_service_pb2.TenantStatus:
    """The tenant as the daemon tells it, its state verified."""
    with grpc.insecure_channel(server.address) as channel:
        request = admin_service_pb2.GetStatusRequest(tenant=tenant, verify=True)
        (found,) = AdminServiceStub(channel).GetStatus(request, timeout=60).tenants
    assert isinstance(found, admin_service_pb2.TenantStatus)
    if found.violations:
        raise SystemExit(f"the state of {tenant} is wrong: {list(found.violations)}")
    return found


def middle(points: list[Point], keys: tuple[str, ...] = SHOWN) -> Point:
    return {key: round(statistics.median(point[key] for point in points), 3) for key in keys}


def spread(name: str, points: list[Point]) -> None:
    """The least and the most of what was measured, on standard error."""
    parts = [
        f"{key} {min(point[key] for point in points):,.1f} to {max(point[key] for point in points):,.1f}"
        for key in ("rps", "p99_us", "cpu_us_per_call", "load_cpu_us_per_call")
    ]
    say(f"{name:24} {'  '.join(parts)}")


def run(seconds: float, rounds: int, agents: int, folder: Path) -> dict[str, Any]:
    """All of it."""
    pin(CLIENT_CORE)
    disk = file_system(folder)
    say(f"journals in {folder}, on {disk}; {rounds} rounds of {seconds} s a measurement, {agents} agents")
    servers: dict[tuple[str, str], Server] = {}
    points: dict[tuple[str, str, int], list[Point]] = defaultdict(list)
    assigned: list[float] = []
    opened: list[Point] = []
    disks: list[Point] = []
    with ExitStack() as open_servers:
        place = Path(open_servers.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        servers["echo", ""] = open_servers.enter_context(echo())
        for name in ("native", "grpcio"):
            for mode in MODES:
                journal = place / name if mode == "fsync" else None
                servers[name, mode] = open_servers.enter_context(daemon(name, journal))
                plan.create_agents(servers[name, mode].address, TENANT, agents)
                say(f"{name} {mode}: {agents} agents")
        for number in range(rounds):
            disks.append(disk_alone(place))
            for in_flight in reversed(IN_FLIGHT):
                for (name, mode), server in servers.items():
                    points[name, mode, in_flight].append(measure(server, seconds, in_flight))
                say(f"round {number + 1} of {rounds}: {in_flight} in flight done")
            peak = points["native", "fsync", 100][-1]["rps"]
            opened.append(measure(servers["native", "fsync"], seconds, 100, rate=peak / 4) | {"rate": peak / 2})
            assigned.append(batches(servers["native", "none"], f"batch-{number}", agents))
        for (name, mode), server in servers.items():
            if name != "echo" and (held := status(server, TENANT).load):
                raise SystemExit(f"{name} {mode} still holds {held} jobs of the load")
    for (name, mode, in_flight), found in points.items():
        spread(f"{name} {mode} {in_flight}", found)
    spread("open loop", opened)
    say(f"BatchAssign              {min(assigned):,.0f} to {max(assigned):,.0f} a second")
    return summary(points, opened, assigned) | {
        "disk_alone": middle(disks, ("p50_us", "p99_us", "p999_us", "stalled")),
        "machine": f"{platform.machine()}, {platform.processor() or 'unknown'}",
        "file_system": disk,
        "rounds": rounds,
        "seconds": seconds,
        "agents": agents,
        "open_loop_begun": round(min(point["begun"] for point in opened), 4),
    }


def summary(
    points: dict[tuple[str, str, int], list[Point]], opened: list[Point], assigned: list[float]
) -> dict[str, Any]:
    """Medians, and the ratios that the goals are about."""

    def of(name: str, mode: str, key: str) -> list[float]:
        return [point[key] for point in points[name, mode, 100]]

    def ratio(over: list[float], under: list[float]) -> float:
        return round(statistics.median(a / b for a, b in zip(over, under, strict=True)), 3)

    cpu, empty = "cpu_us_per_call", of("echo", "", "cpu_us_per_call")
    out: dict[str, Any] = {"echo": {str(n): middle(points["echo", "", n]) for n in IN_FLIGHT}}
    for name in ("native", "grpcio"):
        out[name] = {mode: {str(n): middle(points[name, mode, n]) for n in IN_FLIGHT} for mode in MODES}
    return out | {
        "fsync_to_grpcio": ratio(of("native", "fsync", "rps"), of("grpcio", "none", "rps")),
        "none_to_echo": ratio(empty, of("native", "none", cpu)),
        "fsync_to_echo": ratio(empty, of("native", "fsync", cpu)),
        "batch_assignments_per_second": round(statistics.median(assigned), 1),
        "open_loop": middle(opened, ("rate", "p50_us", "p99_us", "p999_us")),
        # What the tool could load if no server were slower than it: calls a second of its own CPU time.
        "load_tool_calls_per_second": round(1e6 / statistics.median(of("echo", "", "load_cpu_us_per_call"))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument("--seconds", type=float, default=1.5, help="of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=BUILD, help="where journals are written, on a disk")
    options = parser.parse_args()
    warm_memory()
    result = run(options.seconds, options.rounds, options.agents, options.folder)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    if result["open_loop_begun"] < LEAST_BEGUN:
        sys.exit(
            f"the open loop began {result['open_loop_begun']:.1%} of the jobs that were due: its times are too good"
        )


def show(result: dict[str, Any]) -> None:
    """The result as a table."""
    for name, modes in (("echo", {"": result["echo"]}), ("native", result["native"]), ("grpcio", result["grpcio"])):
        for mode, rows in modes.items():
            for calls, row in rows.items():
                figures = "  ".join(f"{key} {value:,.1f}" for key, value in row.items())
                print(f"{name:6} {mode:5} {calls:>3} in flight  {figures}")
    for key in (
        *("fsync_to_grpcio", "none_to_echo", "fsync_to_echo", "batch_assignments_per_second", "open_loop"),
        *("disk_alone", "load_tool_calls_per_second"),
    ):
        print(f"{key}  {result[key]}")


if __name__ == "__main__":
    main()
