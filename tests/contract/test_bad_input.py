"""Every bad input of the contract: the code, the reason and the path of the field, on both faces; nothing changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from fairlead.errors import FairleadError, Internal, InvalidArgument, Unimplemented
from fairlead.shard.core import Affinity, Presence
from fairlead.v1 import agent_service_pb2, job_pb2, policy_service_pb2, routing_service_pb2
from tests.contract.faces import GrpcFace, failure_of

LONG = "x" * 129
DAY = 86_400

ASSIGN: list[tuple[str, dict[str, Any]]] = [
    ("job.id", {"job_id": ""}),
    ("job.id", {"job_id": LONG}),
    ("job.id", {"job_id": "ü" * 65}),
    ("job.queue", {"queue": LONG}),
    ("job.channel", {"channel": LONG}),
    ("job.skills[0].name", {"skills": {"": 1}}),
    ("job.skills[1].name", {"skills": {"de": 1, LONG: 1}}),
    ("job.skills[1].min_level", {"skills": {"de": 1, "en": 11}}),
    ("job.skills[0].min_level", {"skills": {"de": -1}}),
    ("job.skills[0].max_level", {"skills": {"de": (5, 4)}}),
    ("job.skills[0].max_level", {"skills": {"de": (5, 11)}}),
    ("job.skills", {"skills": {str(number): 1 for number in range(33)}}),
    ("job.tags[1]", {"tags": ["a", ""]}),
    ("job.tags", {"tags": [str(number) for number in range(33)]}),
    ("job.preferred_skills[0].min_level", {"preferred_skills": {"de": 11}}),
    ("job.preferred_tags[0]", {"preferred_tags": [LONG]}),
    ("job.customer", {"customer": LONG}),
    ("job.customer_tier", {"customer_tier": LONG}),
    ("job.urgency", {"urgency": 10}),
    ("job.urgency", {"urgency": -1}),
    ("job.head_start", {"head_start": -1}),
    ("job.head_start", {"head_start": DAY + 1}),
    ("job.excluded_agents[0]", {"excluded_agents": [""]}),
    ("job.excluded_agents", {"excluded_agents": [str(number) for number in range(33)]}),
    ("job.wanted_agent.agent_id", {"wanted_agent": LONG}),
    ("job.wanted_agent.mode", {"wanted_agent": "ann", "wanted_mode": Affinity.OFF}),
    ("job.wanted_agent.mode", {"wanted_agent": "ann", "wanted_mode": 9}),
    ("job.wanted_agent.hold", {"wanted_agent": "ann", "wanted_hold": -1}),
    ("job.wanted_agent.hold", {"wanted_agent": "ann", "wanted_hold": DAY + 1}),
    ("job.time_to_live", {"time_to_live": -1}),
    ("job.time_to_live", {"time_to_live": 30 * DAY + 1}),
    ("job.labels", {"labels": {str(number): "" for number in range(33)}}),
    ("job.labels", {"labels": {"": "x"}}),
    ("job.labels", {"labels": {"key": LONG}}),
    ("job.customer_value", {"customer_value": -1}),
    ("job.customer_value", {"customer_value": 10**12 + 1}),
    ("job.affinity", {"affinity": 9}),
]


def refusal(call: Any, *arguments: Any, **named: Any) -> FairleadError:
    with pytest.raises(FairleadError) as raised:
        call(*arguments, **named)
    return raised.value


def assert_field(failure: FairleadError, field: str) -> None:
    assert isinstance(failure, InvalidArgument)
    assert failure.reason == "INVALID_FIELD"
    assert failure.field.startswith(field)
    assert failure.message


@pytest.mark.parametrize(("field", "wrong"), ASSIGN, ids=[f"{at}-{field}" for at, (field, _) in enumerate(ASSIGN)])
def test_assign_refuses_it_with_the_path(face: Any, tenant: str, field: str, wrong: dict[str, Any]) -> None:
    face.create_agent("ann", tenant=tenant)
    before = face.state_hash(tenant=tenant)
    assert_field(refusal(face.assign, tenant=tenant, **{"job_id": "j1"} | wrong), field)
    assert face.state_hash(tenant=tenant) == before


def test_tenants_are_bounded_on_every_call(face: Any) -> None:
    assert_field(refusal(face.assign, "j1", tenant=LONG), "tenant")
    assert_field(refusal(face.create_agent, "ann", tenant=LONG), "tenant")
    assert_field(refusal(face.cancel, "j1", tenant=LONG), "tenant")
    assert_field(refusal(face.set_presence, "ann", Presence.ONLINE, tenant=LONG), "tenant")


def test_calls_about_a_job_refuse_wrong_fields(face: Any, tenant: str) -> None:
    for call in (face.complete, face.transfer, face.accept, face.decline):
        assert_field(refusal(call, "", 1, tenant=tenant), "job_id")
        assert_field(refusal(call, LONG, 1, tenant=tenant), "job_id")
        assert_field(refusal(call, "j1", 0, tenant=tenant), "version")
        assert_field(refusal(call, "j1", -1, tenant=tenant), "version")
        assert_field(refusal(call, "j1", 1, request_id=LONG, tenant=tenant), "request_id")
    assert_field(refusal(face.complete, "j1", 1, satisfaction=1001, tenant=tenant), "satisfaction")
    assert_field(refusal(face.complete, "j1", 1, satisfaction=-1, tenant=tenant), "satisfaction")
    assert_field(refusal(face.complete, "j1", 1, first_response=-1, tenant=tenant), "first_response")
    assert_field(refusal(face.transfer, "j1", 1, agent=LONG, tenant=tenant), "agent_id")
    assert_field(refusal(face.transfer, "j1", 1, queue=LONG, tenant=tenant), "queue")
    assert_field(refusal(face.cancel, "", tenant=tenant), "job_id")
    assert_field(refusal(face.job, "", tenant=tenant), "job_id")
    assert_field(refusal(face.explain, "", tenant=tenant), "job_id")


def test_calls_about_an_agent_refuse_wrong_fields(face: Any, tenant: str) -> None:
    face.create_agent("ann", tenant=tenant)
    before = face.state_hash(tenant=tenant)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("agent.id", {"agent_id": ""}),
        ("agent.id", {"agent_id": LONG}),
        ("agent.skills[1].level", {"skills": {"de": 1, "en": 11}}),
        ("agent.skills[0].level", {"skills": {"de": -1}}),
        ("agent.skills[0].name", {"skills": {"": 1}}),
        ("agent.skills", {"skills": {str(number): 1 for number in range(257)}}),
        ("agent.tags[0]", {"tags": [LONG]}),
        ("agent.tags", {"tags": [str(number) for number in range(257)]}),
        ("agent.capacity", {"capacity": 10_001}),
        ("agent.capacity", {"capacity": -1}),
        ("agent.channel_limits", {"channel_limits": {"chat": -1}}),
        ("agent.weight", {"weight": 1001}),
        ("agent.weight", {"weight": -1}),
        ("agent.rating", {"rating": 1001}),
        ("agent.rating", {"rating": -1}),
        ("agent.order", {"order": 10**9 + 1}),
        ("agent.order", {"order": -1}),
        ("agent.presence", {"presence": 5}),
        ("request_id", {"request_id": LONG}),
    ]
    for field, fields in wrong:
        assert_field(refusal(face.create_agent, tenant=tenant, **{"agent_id": "bob"} | fields), field)
    assert_field(refusal(face.set_presence, "ann", 0, tenant=tenant), "presence")
    assert_field(refusal(face.set_presence, "ann", 5, tenant=tenant), "presence")
    assert_field(refusal(face.set_presence, "ann", Presence.ONLINE, reason=LONG, tenant=tenant), "reason")
    assert_field(refusal(face.set_presence, "ann", Presence.ONLINE, lease=0.5, tenant=tenant), "lease")
    assert_field(refusal(face.set_presence, "ann", Presence.ONLINE, lease=DAY + 1, tenant=tenant), "lease")
    assert_field(refusal(face.heartbeat, [], tenant=tenant), "agent_ids")
    assert_field(refusal(face.heartbeat, ["a"] * 10_001, tenant=tenant), "agent_ids")
    assert_field(refusal(face.heartbeat, ["a", LONG], tenant=tenant), "agent_ids[1]")
    assert_field(refusal(face.delete_agent, "", tenant=tenant), "agent_id")
    assert face.state_hash(tenant=tenant) == before


def test_a_batch_holds_1_to_1000_jobs(face: Any, tenant: str) -> None:
    assert_field(refusal(face.batch_assign, [], tenant=tenant), "jobs")
    assert_field(refusal(face.batch_assign, [{"job_id": "j"}] * 1001, tenant=tenant), "jobs")


def test_immediate_only_and_a_future_start_contradict_each_other(face: Any, tenant: str) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    failure = refusal(face.assign, "j1", start_time=start, immediate_only=True, tenant=tenant)
    assert isinstance(failure, InvalidArgument)
    far = datetime.now(UTC) + timedelta(days=31)
    assert_field(refusal(face.assign, "j1", start_time=far, tenant=tenant), "job.start_time")


def test_without_a_default_queue_a_job_must_name_one(face: Any, tenant: str) -> None:
    face.update_policy({"queues": [{"id": "a"}, {"id": "b"}]}, tenant=tenant)
    assert_field(refusal(face.assign, "j1", tenant=tenant), "job.queue")


def test_lists_refuse_wrong_sizes_tokens_and_numbers(stubs: GrpcFace, tenant: str) -> None:
    for number in range(3):
        stubs.assign(f"j{number}", tenant=tenant)
        stubs.create_agent(f"a{number}", tenant=tenant)
    jobs, agents = stubs.routing.ListJobs, stubs.agent_service.ListAgents
    for method, request_type in (
        (jobs, routing_service_pb2.ListJobsRequest),
        (agents, agent_service_pb2.ListAgentsRequest),
    ):
        token = stubs.call(method, request_type(tenant=tenant, page_size=1)).next_page_token
        assert token
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("page_size", {"page_size": -1}),
            ("page_size", {"page_size": 1001}),
            ("page_token", {"page_token": "nonsense"}),
            ("page_token", {"page_token": "é"}),
            ("page_token", {"page_token": "A" * 5000}),
            ("page_token", {"page_token": token[:-1]}),
            # A token belongs to its own query.
            ("page_token", {"page_token": token, "tenant": "another"}),
        ]
        for field, fields in wrong:
            request = request_type(**{"tenant": tenant} | fields)
            assert_field(refusal(stubs.call, method, request), field)
    states = [job_pb2.JobState.Value("JOB_STATE_QUEUED"), 99]
    request = routing_service_pb2.ListJobsRequest(tenant=tenant, states=states)
    assert_field(refusal(stubs.call, jobs, request), "states[1]")
    request = agent_service_pb2.ListAgentsRequest(tenant=tenant, presence=99)
    assert_field(refusal(stubs.call, agents, request), "presence")


def test_an_update_mask_names_what_may_be_changed(stubs: GrpcFace, tenant: str) -> None:
    stubs.create_agent("ann", weight=3, order=9, tenant=tenant)
    request = agent_service_pb2.UpdateAgentRequest(tenant=tenant)
    request.agent.id = "ann"
    request.update_mask.paths.extend(["weight", "presence"])
    assert_field(refusal(stubs.call, stubs.agent_service.UpdateAgent, request), "update_mask.paths[1]")
    del request.update_mask.paths[:]
    agent = stubs.call(stubs.agent_service.UpdateAgent, request).agent
    assert (agent.weight, agent.order) == (100, 9)


def test_a_name_twice_and_several_mistakes_are_told_together(stubs: GrpcFace, tenant: str) -> None:
    request = agent_service_pb2.CreateAgentRequest(tenant=tenant)
    request.agent.capacity = -1
    for level in (1, 11):
        request.agent.skills.add(name="de", level=level)
    failure = refusal(stubs.call, stubs.agent_service.CreateAgent, request)
    assert sorted(path for path, _ in failure.violations) == [
        "agent.capacity",
        "agent.id",
        "agent.skills[1].level",
        "agent.skills[1].name",
    ]


def raw(channel: grpc.Channel, path: str, data: bytes) -> FairleadError:
    """The failure of bytes that no stub would send."""
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(path)(data, timeout=20)
    return failure_of(raised.value)


SEALED: list[tuple[str, Any, str]] = [
    ("/fairlead.v1.RoutingService/Assign", routing_service_pb2.AssignRequest(job={"id": "SEAL"}), "job.id"),
    ("/fairlead.v1.RoutingService/GetJob", routing_service_pb2.GetJobRequest(job_id="SEAL"), "job_id"),
    ("/fairlead.v1.RoutingService/CompleteJob", routing_service_pb2.CompleteJobRequest(job_id="SEAL"), "job_id"),
    ("/fairlead.v1.RoutingService/ListJobs", routing_service_pb2.ListJobsRequest(queue="SEAL"), "queue"),
    ("/fairlead.v1.AgentService/GetAgent", agent_service_pb2.GetAgentRequest(agent_id="SEAL"), "agent_id"),
    (
        "/fairlead.v1.AgentService/Heartbeat",
        agent_service_pb2.HeartbeatRequest(agent_ids=["a", "SEAL"]),
        "agent_ids[1]",
    ),
    (
        "/fairlead.v1.PolicyService/UpdatePolicy",
        policy_service_pb2.UpdatePolicyRequest(policy={"queues": [{"id": "SEAL"}]}),
        "policy.queues[0].id",
    ),
]


@pytest.mark.parametrize(("path", "request_message", "field"), SEALED, ids=[path for path, _, _ in SEALED])
def test_an_id_that_is_no_utf8_is_a_wrong_field(
    channel: grpc.Channel, path: str, request_message: Any, field: str
) -> None:
    data = request_message.SerializeToString()
    assert_field(raw(channel, path, data.replace(b"SEAL", b"\xff\xfe\xc0\x80")), field)


@pytest.mark.parametrize("path", [path for path, _, _ in SEALED])
@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\xff", b"\x00", b"\xff" * 11, b"\x0a\x05ab"])
def test_bytes_that_are_no_message_are_internal(channel: grpc.Channel, path: str, data: bytes) -> None:
    failure = raw(channel, path, data)
    assert isinstance(failure, Internal)
    assert failure.reason == "MALFORMED_REQUEST"


@pytest.mark.parametrize("path", ["/fairlead.v1.RoutingService/Nothing", "/fairlead.v2.RoutingService/Assign", "/x/y"])
def test_an_unknown_method_is_unimplemented(channel: grpc.Channel, path: str) -> None:
    failure = raw(channel, path, b"")
    assert isinstance(failure, Unimplemented)
    assert failure.reason == "UNKNOWN_METHOD"


def test_a_message_above_the_limit_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/fairlead.v1.RoutingService/Assign")(b"\x0a" + b"x" * 5_000_000, timeout=20)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
