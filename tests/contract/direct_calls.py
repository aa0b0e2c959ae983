"""Hot calls on raw connections, one header block for each method, so that they are direct from the second on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.protobuf.duration_pb2 import Duration

from fairlead.config import GuardsConfig
from fairlead.service.native import NativeTransport
from fairlead.v1 import job_pb2, routing_service_pb2
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub
from tests.contract import raw_http2 as http2
from tests.contract.conftest import serving
from tests.contract.raw_http2 import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Peer, frame, message, request

SERVICE = "/fairlead.v1.RoutingService/"
STREAMS = 20  # that a connection of these tests may have open
INITIAL_WINDOW_SIZE, HEADER_TABLE_SIZE = 4, 1
NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED = 0, 1, 5
CANCEL = (8).to_bytes(4, "big")
BODIES = {
    "Assign": routing_service_pb2.AssignRequest(tenant="t", job=job_pb2.JobSpec(id="one")),
    "GetJob": routing_service_pb2.GetJobRequest(tenant="t", job_id="one"),
    "CompleteJob": routing_service_pb2.CompleteJobRequest(tenant="t", job_id="none"),
    "AcceptOffer": routing_service_pb2.AcceptOfferRequest(tenant="t", job_id="none"),
    "DeclineOffer": routing_service_pb2.DeclineOfferRequest(tenant="t", job_id="none"),
    "CancelJob": routing_service_pb2.CancelJobRequest(tenant="t", job_id="none"),
}


@contextmanager
def serving_a_job() -> Iterator[NativeTransport]:
    """Few streams a connection, and the job that others ask for."""
    with serving(GuardsConfig(streams=STREAMS)) as native:
        peer = Peer(native.address)
        know(peer, "Assign")
        peer.close()
        yield native


def direct(native: NativeTransport) -> int:
    return int(native.statistics()["direct"])


def call(stream: int, method: str = "GetJob", head: bytes = b"", body: bytes | None = None) -> bytes:
    body = BODIES[method].SerializeToString() if body is None else body
    return frame(HEADERS, END_HEADERS, stream, head or request(SERVICE + method)) + frame(
        DATA, END_STREAM, stream, message(body)
    )


def answers(peer: Peer, *streams: int) -> dict[int, list[tuple[int, bytes]]]:
    """(type, body) of the frames of each, until all have ended. Fails on a reset and on GOAWAY."""
    found: dict[int, list[tuple[int, bytes]]] = {stream: [] for stream in streams}
    left = set(streams)
    for kind, flags, stream, body in peer.frames(10):
        assert kind not in (http2.RST_STREAM, GOAWAY), (kind, stream, body)
        if stream in found:
            found[stream].append((kind, body))
            if flags & END_STREAM:
                left.remove(stream)
                if not left:
                    return found
    raise AssertionError("the connection was closed")


def know(peer: Peer, *methods: str, first: int = 1) -> int:
    """Makes their blocks known; the next stream."""
    for method in methods or ("GetJob",):
        peer.send(call(first, method))
        answers(peer, first)
        first += 2
    return first


def job_of(frames: list[tuple[int, bytes]]) -> str:
    data = b"".join(body for kind, body in frames if kind == DATA)
    return routing_service_pb2.GetJobResponse.FromString(data[5:]).job.id


def waiting_assign(job: str, stream: int, head: bytes = b"") -> bytes:
    request_ = routing_service_pb2.AssignRequest(tenant="w", job=job_pb2.JobSpec(id=job), wait=Duration(seconds=30))
    return call(stream, "Assign", head, request_.SerializeToString())


def held(native: NativeTransport) -> int:
    return int(native.statistics()["held_calls"])


def wait_for_held(native: NativeTransport, count: int) -> None:
    ends = time.monotonic() + 10
    while held(native) != count:
        assert time.monotonic() < ends, f"Python has {held(native)} calls, not {count}"
        time.sleep(0.01)


def cancel(native: NativeTransport, job: str) -> None:
    """As soon as it is there: who waits for it may not have been carried out yet."""
    request_ = routing_service_pb2.CancelJobRequest(tenant="w", job_id=job)
    ends = time.monotonic() + 10
    with grpc.insecure_channel(native.address) as channel:
        while True:
            try:
                RoutingServiceStub(channel).CancelJob(request_)
                return
            except grpc.RpcError as failed:
                assert failed.code() is grpc.StatusCode.NOT_FOUND
                assert time.monotonic() < ends
                time.sleep(0.01)


def until_ping(peer: Peer) -> Iterator[tuple[int, int, int, bytes]]:
    for each in peer.frames(10):
        if each[0] == http2.PING and each[1] & http2.ACK:
            return
        yield each
    raise AssertionError("the connection was closed")
