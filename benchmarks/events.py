"""Events a second through the daemon's native transport, each delivered to every watcher.

Jobs are submitted in batches of 1,000 to a tenant without agents, so each is one event; the time is that from the first
batch until the last watcher has the last event. Included: deciding, the ring, encoding, HTTP/2 both ways, the watchers'
reading. Watchers read in the threads of this process and share the machine with the daemon, which bounds a thousand of
them. Excluded: the watchers' parsing.

Verified: every watcher's messages are parsed afterwards and must hold every job once, in order.
"""

import threading
import time
from collections.abc import Sequence

import grpc

from fairlead.demo.server import DaemonProcess
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

WATCH = "/fairlead.v1.RoutingService/WatchEvents"
BATCH = 1_000
# By number of watchers: as many as make the reading of all of them some seconds.
EVENTS = {1: 200_000, 1_000: 5_000}
THREADS = 4
TIMEOUT_S = 300
# A stream for each watcher, and a connection takes at most 1,000.
STREAMS_EACH = 250


class Reader(threading.Thread):
    """Some watchers of one connection; each message is read as it comes, and looked at only afterwards."""

    def __init__(self, address: str, tenant: str, count: int, last: str) -> None:
        super().__init__()
        self._channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self._last = last.encode()
        request = pb.WatchEventsRequest(tenant=tenant).SerializeToString()
        watch = self._channel.unary_stream(WATCH)
        self._calls = [watch(request, timeout=TIMEOUT_S) for _ in range(count)]
        self.messages: list[list[bytes]] = [[next(call)] for call in self._calls]

    def run(self) -> None:
        """One message of each in turn, until all have seen the last job."""
        open_calls = list(zip(self._calls, self.messages, strict=True))
        while open_calls:
            still = []
            for call, messages in open_calls:
                messages.append(next(call))
                if self._last not in messages[-1]:
                    still.append((call, messages))
            open_calls = still

    def close(self) -> None:
        """Ends the watches."""
        for call in self._calls:
            call.cancel()
        self._channel.close()


def events_per_second(watchers: int, events: int | None = None) -> float:
    """Events a second that all of so many watchers receive. Raises SystemExit when one did not see all in order."""
    count = events or EVENTS.get(watchers, EVENTS[1_000])
    jobs = [f"job-{number:07}" for number in range(count)]
    daemon = DaemonProcess()
    try:
        shares = [min(STREAMS_EACH, watchers - begin) for begin in range(0, watchers, STREAMS_EACH)]
        readers = [Reader(daemon.address, "bench", share, jobs[-1]) for share in shares]
        with grpc.insecure_channel(daemon.address) as channel:
            routing = RoutingServiceStub(channel)
            requests = [
                pb.BatchAssignRequest(tenant="bench", jobs=[job_pb2.JobSpec(id=job) for job in jobs[at : at + BATCH]])
                for at in range(0, count, BATCH)
            ]
            begun = time.perf_counter()
            for reader in readers:
                reader.start()
            for request in requests:
                routing.BatchAssign(request, timeout=TIMEOUT_S)
            for reader in readers:
                reader.join()
            seconds = time.perf_counter() - begun
        for reader in readers:
            verify(reader.messages, jobs)
            reader.close()
    finally:
        daemon.stop()
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
