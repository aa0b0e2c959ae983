"""/metrics for Prometheus: a second port, read from counters that the compiled parts keep anyway.

Nothing is counted here and nothing on the way of a call waits for it: a scrape adds up what the threads have counted.
Calls have the names and buckets of gRPC proposal A66, everything else begins with `fairlead_`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from fairlead.errors import error
from fairlead.shard.core import EventKind, JobState, Outcome, Presence, Reason, Shard
from fairlead.transport.core import DURATION_BOUNDS_US, SIZE_BOUNDS
from fairlead.version import __version__

# By number of the gRPC specification.
STATUSES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)

OFFERS = {
    "made": EventKind.OFFERED,
    "accepted": EventKind.ACCEPTED,
    "declined": EventKind.DECLINED,
    "missed": EventKind.MISSED,
}


# Calls by duration, the sum of it; by bytes of received messages, their sum; by bytes of sent ones, their sum.
Ended = tuple[list[int], int, list[int], int, list[int], int]


class TransportMetrics(NamedTuple):
    """What a transport has counted. `server` has what only the native one counts: as `Server.statistics` tells it."""

    # By path of the method: how many were started, and those that ended by status.
    calls: Mapping[str, tuple[int, Mapping[int, Ended]]]
    watchers: int
    waiting: int
    server: Mapping[str, Any]


class Exposition(Collector):
    """Everything there is to be told, collected when it is asked for."""

    def __init__(self, shard: Shard, transport: Callable[[], TransportMetrics], name: str, durability: str) -> None:
        self._shard = shard
        self._transport = transport
        self._about = {"version": __version__, "transport": name, "durability": durability}

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        yield InfoMetricFamily("fairlead", "What runs, and what an answer survives.", value=self._about)
        transport = self._transport()
        yield from _calls(transport.calls)
        yield from _shard(self._shard.totals())
        yield from _journal(self._shard.journal())
        yield _gauge("event_watchers", "WatchEvents that are open.", transport.watchers)
        yield _gauge("waiting_assigns", "Assigns with wait whose job is not placed yet.", transport.waiting)
        if transport.server:
            yield from _server(transport.server)


def serve(exposition: Exposition, listen: str) -> tuple[str, Callable[[], None]]:
    """Answers scrapes on host:port from threads of its own. Returns the address, and what ends it.

    Raises Unavailable when the address cannot be bound.
    """
    host, _, port = listen.rpartition(":")
    registry = CollectorRegistry()
    registry.register(exposition)
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as wrong:
        raise error(
            "UNREACHABLE", f"cannot listen on {listen} for metrics: is another process there? ({wrong})"
        ) from wrong

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return f"{host}:{server.server_port}", stop


def _calls(calls: Mapping[str, tuple[int, Mapping[int, Ended]]]) -> Iterable[Metric]:
    labels = ("grpc_method", "grpc_status")
    started = CounterMetricFamily("grpc_server_call_started", "Calls begun, also those not ended.", labels=labels[:1])
    duration = HistogramMetricFamily(
        "grpc_server_call_duration_seconds", "From the header block of a call to its last frame.", labels=labels
    )
    sent = HistogramMetricFamily(
        "grpc_server_call_sent_total_compressed_message_size_bytes",
        "Bytes of the messages of a call's answer, compressed, without framing.",
        labels=labels,
    )
    received = HistogramMetricFamily(
        "grpc_server_call_rcvd_total_compressed_message_size_bytes",
        "Bytes of the messages of a call's request, compressed, without framing.",
        labels=labels,
    )
    for path, (count, by_status) in calls.items():
        method = path.removeprefix("/")
        started.add_metric((method,), count)
        for status, ended in by_status.items():
            values = (method, STATUSES[status])
            durations, duration_us, received_sizes, received_bytes, sent_sizes, sent_bytes = ended
            duration.add_metric(values, _buckets(durations, DURATION_BOUNDS_US, 1e6), duration_us / 1e6)
            received.add_metric(values, _buckets(received_sizes, SIZE_BOUNDS), received_bytes)
            sent.add_metric(values, _buckets(sent_sizes, SIZE_BOUNDS), sent_bytes)
    return started, duration, sent, received


def _shard(totals: Mapping[str, Any]) -> Iterable[Metric]:
    assigned = CounterMetricFamily(
        "fairlead_assignments", "Answers to assigns, repeats left out (E1).", labels=("outcome", "reason")
    )
    for (outcome, reason), count in totals["assigns"].items():
        assigned.add_metric((_word(Outcome(outcome)), _word(Reason(reason))), count)
    yield assigned
    events: Sequence[int] = totals["events"]
    told = {_word(kind): events[kind] for kind in EventKind}
    yield _counters("events", "What happened to jobs and agents (E4).", "kind", told)
    yield _counters("offers", "Offers, and how they ended.", "result", {name: events[k] for name, k in OFFERS.items()})
    yield _histogram(
        "wait_seconds",
        "From the queue to the first agent, of jobs that got one.",
        _buckets(totals["waits"], totals["wait_bounds_us"], 1e6),
        totals["wait_us"] / 1e6,
    )
    live = (JobState.SCHEDULED, JobState.QUEUED, JobState.OFFERED, JobState.ASSIGNED, JobState.WRAPPING)
    yield _gauges("jobs", "Jobs that have not ended.", "state", {_word(s): totals["jobs"][s] for s in live})
    yield _gauges("agents", "Agents.", "presence", {_word(p): totals["agents"][p] for p in Presence})
    yield _gauge("backlog", "Jobs that wait for an agent.", totals["jobs"][JobState.QUEUED])
    yield _gauge("load", "Capacity in use, of agents who are online.", totals["load"])
    yield _gauge("capacity", "Capacity of agents who are online.", totals["capacity"])
    yield _gauge(
        "saturation_ratio",
        "Load of the agents who are online over their capacity; 0 when nobody is.",
        totals["load"] / totals["capacity"] if totals["capacity"] else 0,
    )
    yield _gauge("tenants", "Tenants that exist.", totals["tenants"])


def _journal(journal: Mapping[str, Any]) -> Iterable[Metric]:
    if not journal:
        return
    yield _counter("journal_commits", "Writes of the journal, each with one sync in mode fsync.", journal["commits"])
    yield _counter("journal_records", "Records, from the begin of the journal.", journal["sequence"])
    yield _counter("journal_bytes", "Bytes of frames written.", journal["bytes"])
    yield _counter("journal_rotations", "Segments that were begun after the first.", journal["rotations"])
    yield _histogram(
        "journal_sync_seconds",
        "Write and sync of a commit.",
        _buckets(journal["syncs"], journal["sync_bounds_us"], 1e6),
        journal["sync_us"] / 1e6,
    )
    stall = journal["stall_us"] / 1e6
    yield _gauge("journal_stall_seconds", "How long the sync under way has taken; 0: none is.", stall)
    yield _gauge("journal_slow", "1: that sync, or one within the last minute, took over a second.", journal["is_slow"])
    yield _gauge("journal_full", "1: no space for the next segment; new jobs are refused.", journal["no_space"])


def _server(server: Mapping[str, Any]) -> Iterable[Metric]:
    yield _counters("guard_trips", "Peers or calls that met a limit.", "guard", server["guards"])
    yield _counters("shed_calls", "Calls refused because there was too much to do.", "rank", server["shed"])
    waits = {queue: us / 1e6 for queue, us in server["queue_us"].items()}
    yield _gauges("queue_seconds", "How long a call waits before it is looked at.", "queue", waits)
    yield _gauge("connections", "Connections that are open.", server["connections"])
    yield _counter("connections_accepted", "Connections that were taken.", server["accepted"])
    yield _counter("http_refusals", "Requests that are no call, answered by an HTTP status.", server["http_refusals"])
    held = {"unary": server["held_calls"], "streaming": server["held_streams"]}
    yield _gauges("held_calls", "Calls that handlers in Python have, or that wait for one.", "kind", held)


def _buckets(counts: Sequence[int], bounds: Sequence[int], unit: float = 1) -> list[tuple[str, float]]:
    """Cumulated, by upper bound, as the exposition has them."""
    total = 0
    found: list[tuple[str, float]] = []
    for bound, count in zip((*bounds, None), counts, strict=True):
        total += count
        found.append(("+Inf" if bound is None else repr(float(bound / unit)), total))
    return found


def _word(member: EventKind | JobState | Outcome | Presence | Reason) -> str:
    return member.name.lower()


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"fairlead_{name}", what, value=value)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fairlead_{name}", what, value=value)


def _counters(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"fairlead_{name}", what, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _gauges(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"fairlead_{name}", what, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _histogram(name: str, what: str, buckets: list[tuple[str, float]], total: float) -> Metric:
    return HistogramMetricFamily(f"fairlead_{name}", what, buckets=buckets, sum_value=total)
