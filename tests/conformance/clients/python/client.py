"""Usage: client.py HOST:PORT TENANT, with the package of this repository, whose stubs are those that protoc makes."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.rpc import error_details_pb2, status_pb2

from fairlead.v1 import job_pb2, routing_service_pb2, routing_service_pb2_grpc


def main(address: str, tenant: str) -> None:
    with grpc.insecure_channel(address) as channel:
        routing = routing_service_pb2_grpc.RoutingServiceStub(channel)
        watch = routing.WatchEvents(routing_service_pb2.WatchEventsRequest(tenant=tenant))
        assert not next(watch).events

        job = job_pb2.JobSpec(id="j1", queue="support")
        offer = routing.Assign(routing_service_pb2.AssignRequest(tenant=tenant, job=job), timeout=20)
        accepted = routing.AcceptOffer(
            routing_service_pb2.AcceptOfferRequest(tenant=tenant, job_id="j1", version=offer.version), timeout=20
        )
        completed = routing.CompleteJob(
            routing_service_pb2.CompleteJobRequest(tenant=tenant, job_id="j1", version=accepted.version), timeout=20
        )

        kinds: list[str] = []
        while "COMPLETED" not in kinds:
            for event in next(watch).events:
                kinds.append(routing_service_pb2.EventKind.Name(event.kind).removeprefix("EVENT_KIND_"))
        watch.cancel()

        try:
            routing.GetJob(routing_service_pb2.GetJobRequest(tenant=tenant, job_id="none"), timeout=20)
            raise AssertionError("a job that does not exist was found")
        except grpc.RpcError as refused:
            status = status_pb2.Status.FromString(dict(refused.trailing_metadata())["grpc-status-details-bin"])
            info = error_details_pb2.ErrorInfo()
            assert status.details[0].Unpack(info)
            code = refused.code().name

        def busy(_: int) -> None:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                routing.GetJob(routing_service_pb2.GetJobRequest(tenant=tenant, job_id="j1"), timeout=20)

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(busy, range(50)))

    states = [job_pb2.JobState.Name(each.state).removeprefix("JOB_STATE_") for each in (accepted, completed)]
    print(
        *kinds, "|", job_pb2.Outcome.Name(offer.outcome), offer.agent_id, *states, "|", code, info.domain, "|", "busy"
    )


main(*sys.argv[1:3])
