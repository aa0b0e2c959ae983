"""A daemon under the thread sanitizer, loaded from other processes: `make tsan`.

    python -m tests.races --modules build/thread/lib [--seconds 60]

The daemon is the real one, with a journal and without, with one transport thread and with three: they, the commit
thread, the ticker, the events' thread, the cold and the stream workers all run. The sanitizer sees every access of the
compiled modules, and the locks of the interpreter, which is not instrumented itself, because it stands between the
process and libpthread. Loaded are hot calls, batches, cold calls, streams, watches that are left, and connections that
come and go. Exit code 0 without a report.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import grpc

from fairlead.v1 import admin_service_pb2, agent_service_pb2, job_pb2, routing_service_pb2
from tests.contract.faces import GrpcFace

HERE = Path(__file__).parent
REPORTS = Path("build/thread/report")
CLIENTS = 3
RATE = 300
TENANT = "races"
TIMEOUT = 60
# Durability, transport threads.
DAEMONS = (("fsync", 1), ("none", 1), ("fsync", 3), ("none", 3))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--modules", type=Path, required=True, help="where the instrumented package stands")
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    REPORTS.parent.mkdir(parents=True, exist_ok=True)
    for old in REPORTS.parent.glob(f"{REPORTS.name}.*"):
        old.unlink()
    for durability, threads in DAEMONS:
        with tempfile.TemporaryDirectory() as folder:
            seconds = given.seconds / len(DAEMONS)
            code = attempt(given.modules.resolve(), Path(folder), durability, threads, seconds)
        if code != 0:
            print(f"the daemon ended with exit code {code}", file=sys.stderr)
            return 1
    reports = sorted(REPORTS.parent.glob(f"{REPORTS.name}.*"))
    for report in reports:
        print(report.read_text(), file=sys.stderr)
    print(f"{len(reports)} reports of races in {given.seconds:.0f} s")
    return 1 if reports else 0


def attempt(modules: Path, folder: Path, durability: str, threads: int, seconds: float) -> int:
    """Runs a daemon under load; its exit code."""
    file = folder / "fairlead.toml"
    journal = f'[journal]\npath = "{folder / "journal"}"\n' if durability != "none" else ""
    file.write_text(f'transport_threads = {threads}\ndrain_seconds = 2\nlog.level = "info"\n{journal}')
    command = [sys.executable, "-m", "fairlead", "serve", "--config", str(file), "--listen", "127.0.0.1:0"]
    if journal:
        command.append("--init")
    process = subprocess.Popen(command, env=environment(modules), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        events: list[dict[str, Any]] = []
        while not events or events[-1].get("event") != "started":
            line = process.stdout.readline()
            if not line:
                return process.wait(TIMEOUT) or 1
            events.append(json.loads(line))
        load(str(events[-1]["address"]), seconds, f"journal {durability}, {threads} transport threads")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT)
        return process.returncode
    finally:
        process.kill()


def environment(modules: Path) -> dict[str, str]:
    """Of the daemon. Errors do not end it: one run shows all."""
    libraries = [
        subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout.strip()
        for name in ("libtsan.so", "libstdc++.so.6")
    ]
    options = f"log_path={REPORTS.resolve()} exitcode=0 suppressions={HERE / 'suppressions.txt'}"
    return dict(os.environ) | {
        "PYTHONPATH": str(modules),
        "LD_PRELOAD": " ".join(libraries),
        "TSAN_OPTIONS": options,
    }


def load(address: str, seconds: float, name: str) -> None:
    """Every kind of call from several threads of this process, and the load tool."""
    ends = time.monotonic() + seconds
    options = ["--duration", str(max(seconds - 5, 1)), "--rate", str(RATE), "--agents", "50", "--json"]
    tool = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "load", "--address", address, *options], stdout=subprocess.DEVNULL
    )
    counts = [0] * CLIENTS
    threads = [threading.Thread(target=client, args=(address, number, ends, counts)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while time.monotonic() < ends:
        time.sleep(min(10, max(ends - time.monotonic(), 0.1)))
        print(f"{name}: {sum(counts)} rounds, {max(ends - time.monotonic(), 0):.0f} s left", file=sys.stderr)
    for thread in threads:
        thread.join()
    tool.wait(timeout=TIMEOUT)
    assert all(counts), "a client did nothing: the run would prove nothing"


def client(address: str, number: int, ends: float, counts: list[int]) -> None:
    """Rounds on a connection of their own, each of every kind of call."""
    tenant = f"{TENANT}-{number}"
    while time.monotonic() < ends:
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            face = GrpcFace(channel)
            watch = face.routing.WatchEvents(routing_service_pb2.WatchEventsRequest(tenant=tenant), timeout=TIMEOUT)
            next(watch)
            agent = f"agent-{counts[number]}"
            face.create_agent(agent, capacity=20, presence=1, tenant=tenant)
            face.heartbeat([agent], tenant=tenant)
            waiting = face.routing.Assign.future(
                routing_service_pb2.AssignRequest(
                    tenant=tenant,
                    job=job_pb2.JobSpec(id=f"waits-{counts[number]}", excluded_agents=[agent]),
                    wait={"seconds": 5},
                ),
                timeout=TIMEOUT,
            )
            held = face.assign(f"job-{counts[number]}", tenant=tenant)
            batch = [f"batch-{counts[number]}-{each}" for each in range(5)]
            face.batch_assign([{"job_id": job} for job in batch], tenant=tenant)
            face.complete(f"job-{counts[number]}", held.version, tenant=tenant)
            for job in batch:
                face.cancel(job, tenant=tenant)
            face.agent_service.ListAgents(agent_service_pb2.ListAgentsRequest(tenant=tenant), timeout=TIMEOUT)
            face.admin.GetStatus(admin_service_pb2.GetStatusRequest(tenant=tenant), timeout=TIMEOUT)
            # Before the first event it may be told how far it is.
            while not next(watch).events:
                pass
            watch.cancel()
            waiting.cancel()
            face.cancel(f"waits-{counts[number]}", tenant=tenant)
            face.delete_agent(agent, tenant=tenant)
            counts[number] += 1


if __name__ == "__main__":
    sys.exit(main())
