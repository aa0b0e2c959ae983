"""Events a second through the daemon's native transport, each delivered to every watcher.

Jobs are submitted in batches of 1,000 to a tenant without agents, so each is one event; the time is that from the first
batch until the last watcher has the last event. Included: deciding, the ring, encoding, HTTP/2, and the reading of
sockets by threads of this process, which shares the machine with the daemon. Excluded: taking the messages apart.
Standard error tells what a delivery costs the daemon in CPU time, and the readers.

Verified: every watcher's messages are parsed afterwards and must hold every job once, in order.
"""

import sys
import time
from collections.abc import Sequence

import grpc

from benchmarks.raw_watch import RawWatches
from benchmarks.servers import cpu_seconds
from fairlead.demo.server import DaemonProcess
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

WATCH = "/fairlead.v1.RoutingService/WatchEvents"
BATCH = 1_000
# By number of watchers.
EVENTS = {1: 200_000, 1_000: 5_000}
TIMEOUT_S = 300
# A stream for each watcher, and a connection takes at most 1,000.
STREAMS_EACH = 250


def events_per_second(watchers: int, events: int | None = None) -> float:
    """Events a second that all of so many watchers receive. Raises SystemExit when one did not see all in order."""
    count = events or EVENTS.get(watchers, EVENTS[1_000])
    jobs = [f"job-{number:07}" for number in range(count)]
    watch = pb.WatchEventsRequest(tenant="bench").SerializeToString()
    daemon = DaemonProcess()
    try:
        shares = [min(STREAMS_EACH, watchers - begin) for begin in range(0, watchers, STREAMS_EACH)]
        readers = [RawWatches(daemon.address, WATCH, watch, share, jobs[-1].encode()) for share in shares]
        with grpc.insecure_channel(daemon.address) as channel:
            routing = RoutingServiceStub(channel)
            requests = [
                pb.BatchAssignRequest(tenant="bench", jobs=[job_pb2.JobSpec(id=job) for job in jobs[at : at + BATCH]])
                for at in range(0, count, BATCH)
            ]
            used = cpu_seconds(daemon.pid)
            begun = time.perf_counter()
            for reader in readers:
                reader.start()
            for request in requests:
                routing.BatchAssign(request, timeout=TIMEOUT_S)
            for reader in readers:
                reader.join()
            seconds = time.perf_counter() - begun
            used = cpu_seconds(daemon.pid) - used
        for reader in readers:
            verify(reader.messages(), jobs)
            reader.close()
    finally:
        daemon.stop()
    deliveries = count * watchers
    read = sum(reader.cpu_s for reader in readers)
    print(
        f"{watchers} watchers: {deliveries / seconds:,.0f} deliveries a second; of CPU time one costs the daemon "
        f"{used / deliveries * 1e6:.2f} us, the readers {read / deliveries * 1e6:.2f} us",
        file=sys.stderr,
    )
    return count / seconds


def verify(watchers: Sequence[Sequence[bytes]], jobs: Sequence[str]) -> None:
    """Raises SystemExit unless each of them was told of every job once, in order."""
    parsed: dict[bytes, list[str]] = {}
    for messages in watchers:
        seen: list[str] = []
        for message in messages:
            if message not in parsed:
                parsed[message] = [event.job_id for event in pb.WatchEventsResponse.FromString(message).events]
            seen += parsed[message]
        if seen != list(jobs):
            raise SystemExit(f"a watcher saw {len(seen)} events, or in another order; {len(jobs)} were told")
