"""/metrics of a real daemon over both transports: what was sent is what is counted."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.config import TRANSPORTS
from fairlead.errors import FairleadError
from fairlead.shard.core import Presence
from fairlead.v1 import routing_service_pb2 as pb
from fairlead.version import __version__
from tests.contract.conftest import DaemonProcess
from tests.contract.faces import GrpcFace, job_spec

ROOT = Path(__file__).resolve().parents[2]
ROUTING = "fairlead.v1.RoutingService"
SERVER = "grpc_server_call"
PATIENCE = 10

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module", params=TRANSPORTS)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    text = f"""
        transport = "{request.param}"
        drain_seconds = 1
        journal.path = "data"
        metrics.listen = "127.0.0.1:0"
    """
    process = DaemonProcess(tmp_path_factory.mktemp("metrics"), text, "--init")
    yield process
    code, _ = process.stop()
    assert code == 0, process.errors


@pytest.fixture(scope="module")
def face(measured: DaemonProcess) -> Iterator[GrpcFace]:
    with grpc.insecure_channel(measured.address) as channel:
        yield GrpcFace(channel)


def scrape(daemon: DaemonProcess) -> Samples:
    with urllib.request.urlopen(f"http://{daemon.started['metrics']}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def count(samples: Samples, method: str, status: str, what: str = "duration_seconds_count") -> float:
    return value(samples, f"{SERVER}_{what}", grpc_method=method, grpc_status=status)


def settled(daemon: DaemonProcess, method: str, status: str, least: float) -> Samples:
    """A scrape after so many calls have ended: a client has its answer a moment before the server counts it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        samples = scrape(daemon)
        if count(samples, method, status) >= least or time.monotonic() > deadline:
            return samples


def test_calls_are_counted_by_method_and_status_with_their_bytes(measured: DaemonProcess, face: GrpcFace) -> None:
    before = scrape(measured)
    assign, get = f"{ROUTING}/Assign", f"{ROUTING}/GetJob"
    received = sent = small = 0
    for number in range(7):
        labels = {f"label-{place}": "x" * 120 for place in range(2 * number)}
        request = pb.AssignRequest(tenant="calls", job=job_spec(f"j{number}", labels=labels))
        received += request.ByteSize()
        small += request.ByteSize() <= 1_024
        sent += face.routing.Assign(request, timeout=20).ByteSize()
    for _ in range(3):
        with pytest.raises(FairleadError):
            face.job("none", tenant="calls")
    with pytest.raises(grpc.RpcError):
        face.routing.Assign(pb.AssignRequest(tenant="calls"), timeout=20)
    assert len(list(face.jobs(tenant="calls", page_size=100))) == 7
    after = settled(measured, f"{ROUTING}/ListJobs", "OK", count(before, f"{ROUTING}/ListJobs", "OK") + 1)

    def grown(method: str, status: str, what: str = "duration_seconds_count") -> float:
        return count(after, method, status, what) - count(before, method, status, what)

    size = "total_compressed_message_size_bytes"
    assert grown(assign, "OK") == 7
    assert grown(assign, "INVALID_ARGUMENT") == 1
    assert grown(get, "NOT_FOUND") == 3
    assert grown(f"{ROUTING}/ListJobs", "OK") == 1
    assert grown(assign, "OK", f"rcvd_{size}_sum") == received
    assert grown(assign, "OK", f"sent_{size}_sum") == sent
    assert grown(get, "NOT_FOUND", f"sent_{size}_sum") == 0
    started = f"{SERVER}_started_total"
    assert value(after, started, grpc_method=assign) - value(before, started, grpc_method=assign) == 8
    kibibyte = {"grpc_method": assign, "grpc_status": "OK", "le": "1024.0"}
    assert value(after, f"{SERVER}_rcvd_{size}_bucket", **kibibyte) == small
    assert 0 < small < 7
    assert 0 < grown(assign, "OK", "duration_seconds_sum") < 20


def test_a_method_that_there_is_not_is_other_and_a_cancelled_stream_is_cancelled(
    measured: DaemonProcess, face: GrpcFace
) -> None:
    with grpc.insecure_channel(measured.address) as channel:
        for path in ("/fairlead.v1.RoutingService/Nothing", "/no.Such/Thing"):
            with pytest.raises(grpc.RpcError):
                channel.unary_unary(path)(b"", timeout=20)
    watch = face.routing.WatchEvents(pb.WatchEventsRequest(tenant="watched"), timeout=30)
    next(watch)
    assert value(scrape(measured), "fairlead_event_watchers") == 1
    watch.cancel()
    samples = settled(measured, f"{ROUTING}/WatchEvents", "CANCELLED", 1)
    assert count(samples, f"{ROUTING}/WatchEvents", "CANCELLED") == 1
    assert count(samples, "other", "UNIMPLEMENTED") == 2
    assert value(samples, f"{SERVER}_started_total", grpc_method="other") == 2


def test_the_buckets_are_those_of_the_proposal(measured: DaemonProcess, face: GrpcFace) -> None:
    face.assign("bucket", tenant="buckets")
    samples = settled(measured, f"{ROUTING}/Assign", "OK", 1)
    bounds = {
        name: {dict(labels)["le"] for each, labels in samples if each == f"{SERVER}_{name}_bucket"}
        for name in ("duration_seconds", "rcvd_total_compressed_message_size_bytes")
    }
    assert len(bounds["duration_seconds"]) == 42
    assert {"0.0", "1e-05", "0.065", "100.0", "+Inf"} <= bounds["duration_seconds"]
    assert len(bounds["rcvd_total_compressed_message_size_bytes"]) == 15
    assert {"1024.0", "4294967296.0"} <= bounds["rcvd_total_compressed_message_size_bytes"]


def test_what_the_router_does_is_told(measured: DaemonProcess, face: GrpcFace) -> None:
    before = scrape(measured)
    face.create_agent("a", capacity=2, presence=Presence.ONLINE, tenant="work")
    for number in range(3):
        face.assign(f"j{number}", tenant="work")
        face.assign(f"j{number}", tenant="work")
    face.complete("j0", 1, tenant="work")
    face.assign("j9", immediate_only=True, tenant="work")
    after = scrape(measured)

    def grown(name: str, **labels: str) -> float:
        return value(after, f"fairlead_{name}", **labels) - value(before, f"fairlead_{name}", **labels)

    # Repeats are no assignments; a job that waited got its agent by another's end.
    assert grown("assignments_total", outcome="assigned", reason="none") == 2
    assert grown("assignments_total", outcome="queued", reason="all_busy") == 1
    assert grown("assignments_total", outcome="refused", reason="all_busy") == 1
    assert grown("events_total", kind="assigned") == 3
    assert grown("events_total", kind="completed") == 1
    assert grown("wait_seconds_count") == 3
    assert grown("wait_seconds_bucket", le="0.0") == 2
    assert grown("agents", presence="online") == 1
    assert grown("jobs", state="assigned") == 2
    assert (grown("load"), grown("capacity")) == (2, 2)
    assert value(after, "fairlead_saturation_ratio") == 1
    assert grown("tenants") == 1


def test_offers_and_the_backlog_are_told(measured: DaemonProcess, face: GrpcFace) -> None:
    before = scrape(measured)
    policy = """
        [[channels]]
        id = "chat"
        [[queues]]
        id = "q"
        offer_timeout = "30s"
    """
    face.update_policy(policy, tenant="offers")
    face.create_agent("a", capacity=1, presence=Presence.ONLINE, tenant="offers")
    face.assign("j1", queue="q", tenant="offers")
    face.assign("j2", queue="q", tenant="offers")
    face.accept("j1", 1, tenant="offers")
    after = scrape(measured)
    grown = {
        result: value(after, "fairlead_offers_total", result=result)
        - value(before, "fairlead_offers_total", result=result)
        for result in ("made", "accepted", "declined", "missed")
    }
    assert grown == {"made": 1, "accepted": 1, "declined": 0, "missed": 0}
    assert value(after, "fairlead_backlog") - value(before, "fairlead_backlog") == 1


def test_the_journal_and_what_runs_are_told(measured: DaemonProcess, face: GrpcFace) -> None:
    before = scrape(measured)
    face.assign("j1", tenant="journal")
    after = scrape(measured)
    for name in ("commits_total", "records_total", "bytes_total", "sync_seconds_count", "sync_seconds_sum"):
        assert value(after, f"fairlead_journal_{name}") > value(before, f"fairlead_journal_{name}"), name
    commits = value(after, "fairlead_journal_commits_total")
    assert value(after, "fairlead_journal_sync_seconds_count") == commits
    transport = str(measured.started["transport"])
    assert value(after, "fairlead_info", version=__version__, transport=transport, durability="fsync") == 1
    assert value(after, "process_resident_memory_bytes") > 1e6


def test_what_the_native_transport_alone_counts_is_told(measured: DaemonProcess, face: GrpcFace) -> None:
    if measured.started["transport"] != "native":
        pytest.skip("grpcio does not show its connections")
    face.assign("j1", tenant="native")
    samples = scrape(measured)
    assert value(samples, "fairlead_connections") >= 1
    assert value(samples, "fairlead_connections_accepted_total") >= 1
    assert value(samples, "fairlead_guard_trips_total", guard="glitches") == 0
    assert value(samples, "fairlead_shed_calls_total", rank="new_work") == 0
    with urllib.request.urlopen(f"http://{measured.started['metrics']}/metrics", timeout=20) as answer:
        names = {family.name for family in text_string_to_metric_families(answer.read().decode())}
    assert {"fairlead_queue_seconds", "fairlead_held_calls", "fairlead_http_refusals"} <= names


def test_every_metric_of_the_dashboard_is_told(measured: DaemonProcess, face: GrpcFace) -> None:
    if measured.started["transport"] != "native":
        pytest.skip("the dashboard shows what the native transport counts")
    face.assign("j1", tenant="dashboard")
    names = {name for name, _ in settled(measured, f"{ROUTING}/Assign", "OK", 1)}
    dashboard = json.loads((ROOT / "deploy/grafana/fairlead.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(expressions) > 20
    shown = {name for each in expressions for name in re.findall(r"\b(?:grpc_server|fairlead|process)_\w+", each)}
    assert shown - names == set()


def test_a_taken_address_of_metrics_stops_the_start(measured: DaemonProcess, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="cannot listen on .* for metrics"):
        DaemonProcess(tmp_path, f'metrics.listen = "{measured.started["metrics"]}"')
