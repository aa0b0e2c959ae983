"""Limits of each request: the largest and smallest allowed value pass, the next one is refused with its field path."""

from collections.abc import Callable
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from fairlead.codec import face
from fairlead.v1 import agent_service_pb2, job_pb2, routing_service_pb2, skill_pb2

DAY = 86_400
MONTH = 30 * DAY
LONG, TOO_LONG = "x" * 128, "x" * 129
# 128 bytes, and one character more: limits are bytes, not characters.
LONG_UTF8, TOO_LONG_UTF8 = "ß" * 64, "ß" * 64 + "a"


def skill(name: str = "s", low: int = 0, high: int = 0) -> skill_pb2.SkillDemand:
    return skill_pb2.SkillDemand(name=name, min_level=low, max_level=high)


def job_fields(*changes: dict[str, Any]) -> job_pb2.JobSpec:
    job = job_pb2.JobSpec(id="j")
    for change in changes:
        job.MergeFrom(job_pb2.JobSpec(**change))
    return job


def decode_job(job: job_pb2.JobSpec) -> dict[str, Any]:
    return face.decode(1, routing_service_pb2.AssignRequest(job=job).SerializeToString())


GOOD_JOBS = [
    {"id": LONG},
    {"id": LONG_UTF8},
    {"id": "\x00"},
    {"queue": LONG, "channel": LONG, "customer": LONG, "customer_tier": LONG, "language": LONG},
    {"skills": [skill(LONG, 1, 1), skill("b", 10, 10), skill("c", 10), skill("d", 0, 1)]},
    {"skills": [skill()] * 32, "tags": ["t"] * 32, "preferred_skills": [skill()] * 32, "preferred_tags": ["t"] * 32},
    {"tags": [LONG], "preferred_tags": [LONG], "excluded_agents": [LONG] * 32},
    {"urgency": 9},
    {"head_start": {"seconds": DAY}},
    {"head_start": {"seconds": 0, "nanos": 0}},
    {"time_to_live": {"seconds": MONTH}},
    {"start_time": {"seconds": 253_402_300_799, "nanos": 999_999_999}},
    {"start_time": {"seconds": -62_135_596_800}},
    {"wanted_agent": {"agent_id": LONG, "mode": 2, "hold": {"seconds": DAY}}},
    {"wanted_agent": {"agent_id": "a", "mode": 3}},
    {"labels": {str(i): LONG for i in range(32)}},
    {"labels": {LONG: ""}},
    {"customer_value": 10**12},
    {"affinity": 3},
]

BAD_JOBS = [
    ({"id": TOO_LONG}, "job.id", "must have 1-128 bytes, not 129"),
    ({"id": TOO_LONG_UTF8}, "job.id", "must have 1-128 bytes, not 129"),
    ({"queue": TOO_LONG}, "job.queue", "must have at most 128 bytes, not 129"),
    ({"channel": TOO_LONG}, "job.channel", "must have at most 128 bytes, not 129"),
    ({"customer": TOO_LONG}, "job.customer", "must have at most 128 bytes, not 129"),
    ({"customer_tier": TOO_LONG}, "job.customer_tier", "must have at most 128 bytes, not 129"),
    ({"language": TOO_LONG}, "job.language", "must have at most 128 bytes, not 129"),
    ({"skills": [skill()] * 33}, "job.skills", "must have at most 32 entries, not 33"),
    ({"skills": [skill(), skill("")]}, "job.skills[1].name", "must have 1-128 bytes, not 0"),
    ({"skills": [skill(TOO_LONG)]}, "job.skills[0].name", "must have 1-128 bytes, not 129"),
    ({"skills": [skill(), skill(), skill(low=11)]}, "job.skills[2].min_level", "must be 1-10, not 11"),
    ({"skills": [skill(low=-1)]}, "job.skills[0].min_level", "must be 1-10, not -1"),
    ({"skills": [skill(high=11)]}, "job.skills[0].max_level", "must be from min_level to 10, not 11"),
    ({"skills": [skill(low=5, high=4)]}, "job.skills[0].max_level", "must be from min_level to 10, not 4"),
    ({"skills": [skill(high=-(2**31))]}, "job.skills[0].max_level", "must be from min_level to 10, not -2147483648"),
    ({"tags": ["t"] * 33}, "job.tags", "must have at most 32 entries, not 33"),
    ({"tags": ["t", ""]}, "job.tags[1]", "must have 1-128 bytes, not 0"),
    ({"tags": [TOO_LONG]}, "job.tags[0]", "must have 1-128 bytes, not 129"),
    ({"preferred_skills": [skill()] * 40}, "job.preferred_skills", "must have at most 32 entries, not 40"),
    ({"preferred_skills": [skill("")]}, "job.preferred_skills[0].name", "must have 1-128 bytes, not 0"),
    ({"preferred_skills": [skill(low=11)]}, "job.preferred_skills[0].min_level", "must be 1-10, not 11"),
    (
        {"preferred_skills": [skill(low=2, high=1)]},
        "job.preferred_skills[0].max_level",
        "must be from min_level to 10, not 1",
    ),
    ({"preferred_tags": ["t"] * 33}, "job.preferred_tags", "must have at most 32 entries, not 33"),
    ({"preferred_tags": [""]}, "job.preferred_tags[0]", "must have 1-128 bytes, not 0"),
    ({"excluded_agents": ["a"] * 33}, "job.excluded_agents", "must have at most 32 entries, not 33"),
    ({"excluded_agents": ["a"] * 31 + [""]}, "job.excluded_agents[31]", "must have 1-128 bytes, not 0"),
    ({"urgency": 10}, "job.urgency", "must be 0-9, not 10"),
    ({"urgency": -1}, "job.urgency", "must be 0-9, not -1"),
    ({"head_start": {"seconds": -1}}, "job.head_start", "must be 0 s to 24 h"),
    ({"head_start": {"nanos": -1}}, "job.head_start", "must be 0 s to 24 h"),
    ({"head_start": {"seconds": DAY, "nanos": 1000}}, "job.head_start", "must be 0 s to 24 h"),
    ({"head_start": {"nanos": 10**9}}, "job.head_start", "is not a Duration"),
    ({"head_start": {"seconds": 1, "nanos": -1}}, "job.head_start", "is not a Duration"),
    ({"head_start": {"seconds": 315_576_000_001}}, "job.head_start", "is not a Duration"),
    ({"head_start": {"seconds": 2**63 - 1}}, "job.head_start", "is not a Duration"),
    ({"time_to_live": {"seconds": MONTH, "nanos": 1000}}, "job.time_to_live", "must be 0 s to 30 days"),
    ({"time_to_live": {"seconds": -5}}, "job.time_to_live", "must be 0 s to 30 days"),
    ({"start_time": {"nanos": -1}}, "job.start_time", "is not a Timestamp"),
    ({"start_time": {"nanos": 10**9}}, "job.start_time", "is not a Timestamp"),
    ({"start_time": {"seconds": 253_402_300_800}}, "job.start_time", "is not a Timestamp"),
    ({"start_time": {"seconds": -62_135_596_801}}, "job.start_time", "is not a Timestamp"),
    ({"wanted_agent": {}}, "job.wanted_agent.agent_id", "must have 1-128 bytes, not 0"),
    ({"wanted_agent": {"agent_id": "a", "mode": 1}}, "job.wanted_agent.mode", "must be PREFER or REQUIRE, not 1"),
    ({"wanted_agent": {"agent_id": "a", "mode": 4}}, "job.wanted_agent.mode", "must be PREFER or REQUIRE, not 4"),
    (
        {"wanted_agent": {"agent_id": "a", "hold": {"seconds": DAY + 1}}},
        "job.wanted_agent.hold",
        "must be 0 s to 24 h",
    ),
    ({"labels": {str(i): "" for i in range(33)}}, "job.labels", "must have at most 32 entries, not 33"),
    ({"labels": {"": "v"}}, "job.labels", "must have keys of 1-128 bytes, not 0"),
    ({"labels": {TOO_LONG: "v"}}, "job.labels", "must have keys of 1-128 bytes, not 129"),
    ({"labels": {"k": TOO_LONG}}, "job.labels", "must have values of at most 128 bytes, not 129"),
    ({"customer_value": 10**12 + 1}, "job.customer_value", "must be 0 to 10^12, not 1000000000001"),
    ({"customer_value": -1}, "job.customer_value", "must be 0 to 10^12, not -1"),
    ({"affinity": 4}, "job.affinity", "must be an AffinityMode of the contract, not 4"),
    ({"affinity": -1}, "job.affinity", "must be an AffinityMode of the contract, not -1"),
]


def assert_refused(answer: dict[str, Any], field: str, what: str) -> None:
    """INVALID_ARGUMENT with reason, path and sentence, in the dict and in the Status."""
    assert (answer["status"], answer["reason"], answer["field"]) == (3, "INVALID_FIELD", field)
    assert answer["message"].startswith(f"{field} {what}")
    status = status_pb2.Status.FromString(answer["body"])
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(request)
    assert (status.code, status.message, info.reason, info.domain) == (
        3,
        answer["message"],
        "INVALID_FIELD",
        "fairlead",
    )
    assert [(v.field, v.description) for v in request.field_violations] == [(field, answer["message"])]


@pytest.mark.parametrize("change", GOOD_JOBS, ids=lambda change: ",".join(change))
def test_a_job_at_its_limits_is_accepted(change: dict[str, Any]) -> None:
    assert decode_job(job_fields(change))["status"] == 0


@pytest.mark.parametrize(
    ("change", "field", "what"), BAD_JOBS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_job_beyond_a_limit_is_refused_with_its_path(change: dict[str, Any], field: str, what: str) -> None:
    assert_refused(decode_job(job_fields(change)), field, what)


def test_a_job_without_an_id_or_a_request_without_a_job_is_refused() -> None:
    assert_refused(decode_job(job_pb2.JobSpec(queue="q")), "job.id", "must have 1-128 bytes, not 0")
    assert_refused(face.decode(1, b""), "job", "is missing")


def test_defaults_of_levels_and_of_the_wanted_mode_are_filled_in() -> None:
    job = decode_job(job_fields({"skills": [skill("a"), skill("b", 4)], "wanted_agent": {"agent_id": "w"}}))["job"]
    assert job["skills"] == [("a", 1, 10), ("b", 4, 10)]
    assert job["wanted_agent"]["mode"] == 2


def test_times_are_cut_to_microseconds() -> None:
    job = decode_job(job_fields({"head_start": {"seconds": 1, "nanos": 1999}, "start_time": {"nanos": 999}}))["job"]
    assert (job["head_start"], job["start_time"], job["time_to_live"]) == (1_000_001, 0, None)


def test_one_bad_job_of_a_batch_is_refused_alone() -> None:
    jobs = [job_fields(), job_fields({"urgency": 11}), job_pb2.JobSpec(), job_fields({"skills": [skill(low=11)]})]
    data = routing_service_pb2.BatchAssignRequest(jobs=[*jobs, job_fields()]).SerializeToString()
    answers = face.decode(2, data)["jobs"]
    assert [answer.get("field") for answer in answers] == [
        None,
        "jobs[1].urgency",
        "jobs[2].id",
        "jobs[3].skills[0].min_level",
        None,
    ]
    assert answers[1]["message"] == "jobs[1].urgency must be 0-9, not 11"


def test_a_batch_has_1_to_1000_jobs() -> None:
    def decode(count: int) -> dict[str, Any]:
        return face.decode(2, routing_service_pb2.BatchAssignRequest(jobs=[job_fields()] * count).SerializeToString())

    assert_refused(decode(0), "jobs", "must have 1-1,000 entries, not 0")
    assert decode(1)["status"] == decode(1000)["status"] == 0
    assert_refused(decode(1001), "jobs", "must have 1-1,000 entries, not 1001")


def test_a_malformed_job_refuses_the_whole_batch() -> None:
    data = routing_service_pb2.BatchAssignRequest(jobs=[job_fields()] * 3).SerializeToString() + b"\x12\x01\x0a"
    assert face.decode(2, data)["status"] == 13


REQUESTS: dict[int, tuple[Callable[..., Any], dict[str, Any]]] = {
    1: (routing_service_pb2.AssignRequest, {"job": {"id": "j"}}),
    2: (routing_service_pb2.BatchAssignRequest, {"jobs": [{"id": "j"}]}),
    3: (routing_service_pb2.AcceptOfferRequest, {"job_id": "j", "version": 1}),
    4: (routing_service_pb2.DeclineOfferRequest, {"job_id": "j", "version": 1}),
    5: (routing_service_pb2.CompleteJobRequest, {"job_id": "j", "version": 1}),
    6: (routing_service_pb2.CancelJobRequest, {"job_id": "j"}),
    7: (routing_service_pb2.TransferJobRequest, {"job_id": "j", "version": 1}),
    8: (routing_service_pb2.GetJobRequest, {"job_id": "j"}),
    9: (agent_service_pb2.SetPresenceRequest, {"agent_id": "a", "presence": 1}),
    10: (agent_service_pb2.HeartbeatRequest, {"agent_ids": ["a"]}),
}


def decode_request(method: int, change: dict[str, Any]) -> dict[str, Any]:
    message_type, fields = REQUESTS[method]
    return face.decode(method, message_type(**(fields | change)).SerializeToString())


@pytest.mark.parametrize("method", REQUESTS)
def test_every_request_has_a_tenant_of_at_most_128_bytes(method: int) -> None:
    assert decode_request(method, {})["status"] == 0
    assert decode_request(method, {"tenant": LONG})["status"] == 0
    assert_refused(decode_request(method, {"tenant": TOO_LONG}), "tenant", "must have at most 128 bytes, not 129")


@pytest.mark.parametrize("method", [3, 4, 5, 6, 7, 9])
def test_every_mutation_has_a_request_id_of_at_most_128_bytes(method: int) -> None:
    assert decode_request(method, {"request_id": LONG})["status"] == 0
    answer = decode_request(method, {"request_id": TOO_LONG})
    assert_refused(answer, "request_id", "must have at most 128 bytes, not 129")


@pytest.mark.parametrize("method", [3, 4, 5, 6, 7, 8])
def test_a_job_id_has_1_to_128_bytes(method: int) -> None:
    assert decode_request(method, {"job_id": LONG})["status"] == 0
    assert_refused(decode_request(method, {"job_id": ""}), "job_id", "must have 1-128 bytes, not 0")
    assert_refused(decode_request(method, {"job_id": TOO_LONG}), "job_id", "must have 1-128 bytes, not 129")


@pytest.mark.parametrize("method", [3, 4, 5, 7])
def test_j5_a_version_is_at_least_1(method: int) -> None:
    assert decode_request(method, {"version": 2**63 - 1})["status"] == 0
    for version in (0, -1, -(2**63)):
        assert_refused(decode_request(method, {"version": version}), "version", f"must be at least 1, not {version}")


OTHERS = [
    (5, {"satisfaction": 0}, "", ""),
    (5, {"satisfaction": 1000}, "", ""),
    (5, {"satisfaction": 1001}, "satisfaction", "must be 0-1000, not 1001"),
    (5, {"satisfaction": -1}, "satisfaction", "must be 0-1000, not -1"),
    (5, {"first_response": {"seconds": MONTH}}, "", ""),
    (5, {"first_response": {"seconds": MONTH + 1}}, "first_response", "must be 0 s to 30 days"),
    (5, {"first_response": {"nanos": -1}}, "first_response", "must be 0 s to 30 days"),
    (5, {"first_response": {"nanos": 10**9}}, "first_response", "is not a Duration"),
    (7, {"agent_id": LONG, "over_capacity": True}, "", ""),
    (7, {"queue": LONG, "reset_age": True}, "", ""),
    (7, {"agent_id": ""}, "agent_id", "must have 1-128 bytes, not 0"),
    (7, {"agent_id": TOO_LONG}, "agent_id", "must have 1-128 bytes, not 129"),
    (7, {"queue": ""}, "queue", "must have 1-128 bytes, not 0"),
    (7, {"queue": TOO_LONG}, "queue", "must have 1-128 bytes, not 129"),
    (9, {"agent_id": ""}, "agent_id", "must have 1-128 bytes, not 0"),
    (9, {"agent_id": TOO_LONG}, "agent_id", "must have 1-128 bytes, not 129"),
    (9, {"presence": 4, "reason": LONG}, "", ""),
    (9, {"presence": 0}, "presence", "must be ONLINE, AWAY, DRAINING or OFFLINE, not 0"),
    (9, {"presence": 5}, "presence", "must be ONLINE, AWAY, DRAINING or OFFLINE, not 5"),
    (9, {"reason": TOO_LONG}, "reason", "must have at most 128 bytes, not 129"),
    (9, {"lease": {}}, "", ""),
    (9, {"lease": {"seconds": 1}}, "", ""),
    (9, {"lease": {"seconds": DAY}}, "", ""),
    (9, {"lease": {"nanos": 999_999_000}}, "lease", "must be 0 s, or 1 s to 24 h"),
    (9, {"lease": {"seconds": DAY + 1}}, "lease", "must be 0 s, or 1 s to 24 h"),
    (9, {"lease": {"seconds": -1}}, "lease", "must be 0 s, or 1 s to 24 h"),
    (9, {"lease": {"seconds": -1, "nanos": 1}}, "lease", "is not a Duration"),
    (10, {"agent_ids": ["a"] * 10_000}, "", ""),
    (10, {"agent_ids": []}, "agent_ids", "must have 1-10,000 entries, not 0"),
    (10, {"agent_ids": ["a"] * 10_001}, "agent_ids", "must have 1-10,000 entries, not 10001"),
    (10, {"agent_ids": ["a"] * 17 + [""]}, "agent_ids[17]", "must have 1-128 bytes, not 0"),
    (10, {"agent_ids": [TOO_LONG]}, "agent_ids[0]", "must have 1-128 bytes, not 129"),
]


@pytest.mark.parametrize(("method", "change", "field", "what"), OTHERS)
def test_a_field_of_its_own_range(method: int, change: dict[str, Any], field: str, what: str) -> None:
    answer = decode_request(method, change)
    if field:
        assert_refused(answer, field, what)
    else:
        assert answer["status"] == 0


def test_malformed_bytes_behind_a_wrong_field_are_malformed() -> None:
    data = routing_service_pb2.AssignRequest(job=job_fields({"urgency": 11})).SerializeToString() + b"\x18"
    assert face.decode(1, data)["status"] == 13
