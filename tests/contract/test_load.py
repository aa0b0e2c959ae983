"""The load generator: every job it sends is real, and its counts are those of the daemon."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from fairlead.commands import load_plan as plan
from fairlead.load.core import Generator
from fairlead.v1 import admin_service_pb2, routing_service_pb2
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace


def load(daemon: DaemonProcess, tenant: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "fairlead", "load", "--address", daemon.address, "--tenant", tenant, "--json"]
    options = ("--agents", "1000", "--connections", "2", "--in-flight", "5", "--duration", "0.5", *options)
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_a_closed_loop_assigns_and_completes_distinct_jobs(daemon: DaemonProcess, stubs: GrpcFace, tenant: str) -> None:
    result = load(daemon, tenant, "--warm-up", "0.1")
    assign, complete = result["methods"]["Assign"], result["methods"]["CompleteJob"]
    assert set(assign["codes"]) == set(complete["codes"]) == {"0"}
    assert assign["calls"] > 50
    assert abs(assign["calls"] - complete["calls"]) <= 10
    assert 0 < assign["p50_us"] <= assign["p99_us"] <= assign["max_us"] * 1.02
    status = stubs.status_message(tenant=tenant)
    # All that was begun was ended; what the warm-up did comes on top.
    assert status.load == 0
    assert (result["unassigned"], result["lost"]) == (0, 0)


def test_an_open_loop_keeps_its_rate(daemon: DaemonProcess, tenant: str) -> None:
    # Places for all of them: however late the answers of a busy machine are, no job has to wait for one.
    result = load(daemon, tenant, "--rate", "200", "--duration", "1", "--in-flight", "200")
    assert 180 <= result["jobs_per_second"] <= 220
    assert result["not_begun"] == 0
    # Late answers count: what was begun in the second is answered after it.
    assert result["methods"]["Assign"]["calls"] >= 180


def test_an_open_loop_beyond_its_places_tells_what_it_did_not_begin(daemon: DaemonProcess, tenant: str) -> None:
    result = load(daemon, tenant, "--rate", "10000000", "--connections", "1", "--in-flight", "1")
    assert result["jobs_per_second"] < 1_000_000
    due = result["rate"] * result["seconds"]
    assert result["not_begun"] == pytest.approx(due - result["jobs_per_second"] * result["seconds"], rel=0.1)


def test_batches_are_loaded_too(daemon: DaemonProcess, tenant: str) -> None:
    result = load(daemon, tenant, "--batch", "1000", "--in-flight", "2")
    assert set(result["methods"]["Assign"]["codes"]) == {"0"}
    assert result["jobs_per_second"] > 1_000


def test_a_mix_reads_jobs_and_beats_for_agents(daemon: DaemonProcess, tenant: str) -> None:
    methods = load(daemon, tenant, "--mix", "GetJob=2,Heartbeat=1")["methods"]
    assert all(set(method["codes"]) == {"0"} for method in methods.values())
    jobs = methods["CompleteJob"]["calls"]
    assert jobs > 20
    assert methods["GetJob"]["calls"] == pytest.approx(2 * jobs, abs=20)
    assert methods["Heartbeat"]["calls"] == pytest.approx(jobs, abs=10)


def test_a_wrong_mix_is_refused_with_what_is_allowed() -> None:
    command = [sys.executable, "-m", "fairlead", "load", "--mix", "GetJob=2,Status=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "'Status=1'; must be GetJob=N or Heartbeat=N once each, N at most 16" in done.stderr


def completed(stubs: GrpcFace, tenant: str) -> int:
    """Jobs of a tenant, which may not exist yet, that were completed."""
    tenants = stubs.call(stubs.admin.GetStatus, admin_service_pb2.GetStatusRequest()).tenants
    return sum(each.completed_jobs for each in tenants if each.tenant == tenant)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_load_and_tells_what_was_measured(
    daemon: DaemonProcess, stubs: GrpcFace, tenant: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "fairlead", "load", "--address", daemon.address, "--tenant", tenant, "--json"]
    options = ("--agents", "100", "--connections", "1", "--in-flight", "1", "--duration", "50")
    running = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while completed(stubs, tenant) < 10 and time.monotonic() < until:
            pass
        running.send_signal(number)
        out, errors = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 130, errors
    assert errors == ""
    assert json.loads(out)["seconds"] < 45


def test_no_daemon_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "fairlead", "load", "--address", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("fairlead: UNREACHABLE")
    assert "Traceback" not in done.stderr


def test_held_jobs_stay_with_their_agents_and_are_counted_against_capacity(daemon: DaemonProcess, tenant: str) -> None:
    # Room for 40 jobs, 30 of which stay held. One time the generator believes the capacity that there is, one time one
    # job less: that somebody has two is then seen in the answers.
    plan.create_agents(daemon.address, tenant, 20, capacity=2)
    for believed, expected in ((2, False), (1, True)):
        sockets = plan.connect(daemon.address, 2)
        load = Generator(
            [each.fileno() for each in sockets],
            3,
            plan.header_blocks(daemon.address),
            routing_service_pb2.AssignRequest(tenant=tenant).SerializeToString(),
            f"{believed}-".encode(),
            [b""],
            hold=30,
            agents=20,
            capacity=believed,
        )
        load.run(0.3)
        result = load.result()
        assert 24 <= result["held"] <= 30
        assert (result["over_capacity"] > 0) is expected
        load.finish(5)
        result = load.result()
        for each in sockets:
            each.close()
        assert (result["held"], result["lost"], result["unassigned"]) == (0, 0, 0)
        assert set(result["methods"]["CompleteJob"]["codes"]) == {0}
