"""Tenants share nothing, and the empty name is `default`."""

from typing import Any

import pytest

from fairlead.errors import NotFound
from fairlead.router import Router
from fairlead.shard.core import Outcome, Presence
from fairlead.v1 import admin_service_pb2, routing_service_pb2
from tests.contract.faces import GrpcFace


def test_the_same_ids_live_apart_in_two_tenants(face: Any, tenant: str) -> None:
    other = tenant + "-other"
    face.create_agent("ann", presence=Presence.ONLINE, tenant=tenant)
    assert face.assign("j1", tenant=tenant).outcome == Outcome.ASSIGNED
    assert face.assign("j1", tenant=other).outcome == Outcome.QUEUED
    face.cancel("j1", tenant=other)
    face.update_policy({"queues": [{"id": "q"}]}, tenant=other)
    assert face.job("j1", tenant=tenant).agent_id == "ann"
    assert face.policy(tenant=tenant)["default_queue"] == "default"
    with pytest.raises(NotFound):
        face.agent("ann", tenant=other)
    assert face.check(tenant=other) == []


def test_reading_an_unknown_tenant_shows_an_empty_one(face: Any, tenant: str) -> None:
    assert face.agents(tenant=tenant) == []
    assert list(face.jobs(tenant=tenant)) == []


def test_an_empty_name_is_default(stubs: GrpcFace) -> None:
    request = routing_service_pb2.AssignRequest()
    request.job.id = "in the default tenant"
    stubs.call(stubs.routing.Assign, request)
    assert stubs.job("in the default tenant", tenant="default").id == "in the default tenant"
    assert stubs.call(stubs.routing.GetJob, routing_service_pb2.GetJobRequest(job_id="in the default tenant")).job.id
    stubs.cancel("in the default tenant", tenant="default")


def test_the_router_uses_default_when_nothing_is_said() -> None:
    router = Router(virtual_time=True)
    router.assign("j1")
    assert router.tenants() == ["default"]
    assert router.status().policy_version == 0


def test_status_counts_what_is_there(stubs: GrpcFace, tenant: str) -> None:
    stubs.create_agent("ann", capacity=3, presence=Presence.ONLINE, tenant=tenant)
    stubs.create_agent("bob", presence=Presence.AWAY, tenant=tenant)
    stubs.assign("j1", tenant=tenant)
    stubs.assign("j2", skills=["none"], tenant=tenant)
    stubs.cancel("j2", tenant=tenant)
    stubs.assign("j3", skills=["none"], tenant=tenant)
    status = stubs.status_message(tenant=tenant, verify=True)
    assert (status.tenant, status.online_agents, status.away_agents, status.offline_agents) == (tenant, 1, 1, 0)
    assert (status.load, status.capacity) == (1, 3)
    assert (status.assigned_jobs, status.queued_jobs, status.cancelled_jobs, status.completed_jobs) == (1, 1, 1, 0)
    (queue,) = status.queues
    assert (queue.queue, queue.waiting_jobs, queue.HasField("longest_wait")) == ("default", 1, True)
    assert list(status.violations) == []


def test_status_of_all_tenants_tells_of_the_process(stubs: GrpcFace, tenant: str) -> None:
    stubs.create_agent("ann", tenant=tenant)
    response = stubs.call(stubs.admin.GetStatus, admin_service_pb2.GetStatusRequest())
    assert tenant in [status.tenant for status in response.tenants]
    assert response.durability == "none"
    assert response.version
    assert response.resident_bytes > 1_000_000
    assert response.uptime.seconds + response.uptime.nanos > 0


def test_the_same_calls_give_the_same_hash_on_both_faces(stubs: GrpcFace, tenant: str) -> None:
    """Only times differ, and the hash of an idle tenant has none in it."""
    router = Router()
    faces: tuple[Any, ...] = (stubs, router)
    for each in faces:
        each.update_policy({"queues": [{"id": "q", "strategy": "weighted"}]}, tenant=tenant)
    assert stubs.policy(tenant=tenant)["version"] == router.policy(tenant=tenant)["version"] == 1
    assert stubs.state_hash(tenant=tenant) == router.state_hash(tenant=tenant)
    assert router.check(tenant=tenant) == []
