"""The wire format by hand: every kind of malformed bytes, and each rule by which proto3 puts a message together."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from fairlead.codec import face
from fairlead.v1 import routing_service_pb2

ASSIGN, BATCH_ASSIGN, ACCEPT_OFFER, COMPLETE_JOB, TRANSFER_JOB, HEARTBEAT = 1, 2, 3, 5, 7, 10

# AcceptOfferRequest: tenant 1, job_id 2, version 3, request_id 4.
MALFORMED = {
    "tag without value": ("18", "a number is cut short"),
    "number cut short": ("18 ff", "a number is cut short"),
    "number of 11 bytes": ("18 80808080808080808080 00", "a number has more than 10 bytes"),
    "tag cut short": ("80", "a tag or length is cut short"),
    "tag of 6 bytes": ("988080808000 01", "a tag or length is out of range"),
    "tag over 32 bits": ("8880808010 01", "a tag or length is out of range"),
    "field number 0": ("00 01", "a field has number 0"),
    "field number 0, padded": ("808000 01", "a field has number 0"),
    "wire type 6": ("1e", "a wire type is 6 or 7"),
    "wire type 7 of an unknown field": ("a701", "a wire type is 6 or 7"),
    "no length": ("12", "a tag or length is cut short"),
    "length beyond the rest": ("12 03 6a31", "a length goes beyond the end"),
    "length over 31 bits": ("12 8080808008", "a tag or length is out of range"),
    "length of 6 bytes": ("12 828080808000 6a31", "a tag or length is out of range"),
    "unknown length beyond the rest": ("a201 05 00", "a length goes beyond the end"),
    "8 bytes cut short": ("a101 00000000000000", "a fixed-width value is cut short"),
    "4 bytes cut short": ("a501 000000", "a fixed-width value is cut short"),
    "string that is not UTF-8": ("12 02 c080", "a string is not UTF-8"),
    "overwritten string that is not UTF-8": ("12 01 ff 12 01 61", "a string is not UTF-8"),
    "surrogate": ("12 03 eda080", "a string is not UTF-8"),
    "end of a group that did not begin": ("1c", "a group ends that did not begin"),
    "group without end": ("a301 0801", "a group has no end"),
    "group that ends under another number": ("a301 ac01", "a group ends under another number"),
    "crossed groups": ("a301 ab01 a401 ac01", "a group ends under another number"),
    "wire type 6 in a group": ("a301 0e a401", "a wire type is 6 or 7"),
    "number cut short in a group": ("a301 08", "a number is cut short"),
}


def official_accepts(data: bytes) -> bool:
    try:
        routing_service_pb2.AcceptOfferRequest.FromString(data)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize(("data", "what"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bytes_are_refused_with_their_reason_as_the_official_runtime_refuses_them(
    data: str, what: str
) -> None:
    """Alone, and behind good fields; the status is INTERNAL with the reason MALFORMED_REQUEST and names no field."""
    for prefix in ("", "0a0161", "120161 1801"):
        bytes_ = bytes.fromhex(prefix + data)
        answer = face.decode(ACCEPT_OFFER, bytes_)
        assert (answer["status"], answer["reason"], answer["field"]) == (13, "MALFORMED_REQUEST", "")
        assert answer["message"].startswith(f"the request is malformed: {what}, at byte ")
        assert not official_accepts(bytes_)


@pytest.mark.parametrize("data", ["a301 00 00 a401", "a301 ab01 0200 ac01 a401", "a301 03 04 a401"])
def test_field_number_0_is_refused_in_groups_too(data: str) -> None:
    answer = face.decode(ACCEPT_OFFER, bytes.fromhex(data))
    assert answer["status"] == 13
    assert "number 0" in answer["message"]


def test_a_submessage_may_not_reach_beyond_its_own_length() -> None:
    """A string inside a job that would end in the next field."""
    data = bytes.fromhex("12 02 0a05 6162636465")
    assert face.decode(ASSIGN, data)["status"] == 13
    with pytest.raises(DecodeError):
        routing_service_pb2.AssignRequest.FromString(data)


def nested(levels: int) -> bytes:
    return b"\xa3\x01" * levels + b"\xa4\x01" * levels


def test_groups_nest_16_levels_and_not_17() -> None:
    assert face.decode(ACCEPT_OFFER, nested(16), validate=False)["status"] == 0
    answer = face.decode(ACCEPT_OFFER, nested(17), validate=False)
    assert answer["status"] == 13
    assert "too deep" in answer["message"]
    assert face.decode(ACCEPT_OFFER, nested(100_000), validate=False)["status"] == 13


def in_message(content: bytes, *tags: int) -> bytes:
    for tag in reversed(tags):
        content = bytes((tag, len(content))) + content
    return content


def test_messages_count_as_levels_too() -> None:
    """Request, job, wanted agent, hold: three levels are taken when the groups begin."""
    assert face.decode(ASSIGN, in_message(nested(13), 0x12, 0x6A, 0x1A), validate=False)["status"] == 0
    assert face.decode(ASSIGN, in_message(nested(14), 0x12, 0x6A, 0x1A), validate=False)["status"] == 13


def test_many_groups_side_by_side_are_no_depth() -> None:
    data = bytes.fromhex("a301 a401") * 1000 + bytes.fromhex("a301" + "ab01ac01" * 1000 + "a401")
    assert face.decode(ACCEPT_OFFER, data, validate=False)["status"] == 0


def test_an_empty_request_is_a_request() -> None:
    for method in range(1, 11):
        assert face.decode(method, b"", validate=False)["status"] == 0


# ---- how a message is put together -----------------------------------------------------------------------------------


def accept(data: str) -> dict[str, Any]:
    return face.decode(ACCEPT_OFFER, bytes.fromhex(data), validate=False)


def assign(data: bytes) -> dict[str, Any]:
    return face.decode(ASSIGN, data, validate=False)


def test_the_last_value_of_a_field_wins() -> None:
    assert accept("120161 1801 120162 1802")["job_id"] == "b"
    assert accept("120161 1801 120162 1802")["version"] == 2
    assert accept("120161 1200")["job_id"] == ""


def test_a_known_field_of_another_wire_type_is_unknown() -> None:
    assert accept("120161 1001 1500000000 110000000000000000 1314")["job_id"] == "a"
    assert accept("1801 1a0102")["version"] == 1


def test_numbers_are_cut_to_their_width() -> None:
    """int64 keeps 64 bits of a varint, int32 and enums 32; a bool is whether any bit of 64 is set."""
    assert accept("18 ffffffffffffffffff01")["version"] == -1
    assert accept("18 ffffffffffffffffff7f")["version"] == -1
    job = assign(bytes.fromhex("1206 50 8580808010"))["job"]
    assert job["urgency"] == 5
    assert assign(bytes.fromhex("18 8080808010"))["immediate_only"] == 1
    assert assign(bytes.fromhex("18 80808080808080808002"))["immediate_only"] == 0


def test_a_job_that_comes_twice_is_merged() -> None:
    first = routing_service_pb2.AssignRequest()
    first.job.id, first.job.queue = "a", "q"
    first.job.skills.add(name="x", min_level=2)
    first.job.head_start.seconds = 5
    first.job.wanted_agent.agent_id = "w"
    first.job.labels["k"] = "old"
    second = routing_service_pb2.AssignRequest()
    second.job.id = "b"
    second.job.skills.add(name="y")
    second.job.head_start.nanos = 7000
    second.job.wanted_agent.mode = 3
    second.job.labels["k"] = "new"
    job = assign(first.SerializeToString() + second.SerializeToString())["job"]
    assert (job["id"], job["queue"]) == ("b", "q")
    assert job["skills"] == [("x", 2, 0), ("y", 0, 0)]
    assert job["head_start"] == 5_000_007
    assert job["wanted_agent"] == {"agent_id": "w", "mode": 3, "hold": None}
    assert job["labels"] == {"k": "new"}


def test_jobs_of_a_batch_are_not_merged() -> None:
    request = routing_service_pb2.BatchAssignRequest(tenant="t", immediate_only=True)
    request.jobs.add(id="a", queue="q", tags=["x"])
    request.jobs.add(id="b")
    data = b"\xa3\x01\xa4\x01" + request.SerializeToString() + b"\x0a\x01u"
    answer = face.decode(BATCH_ASSIGN, data)
    assert (answer["tenant"], answer["immediate_only"]) == ("u", 1)
    assert [(job["id"], job["queue"], job["tags"]) for job in answer["jobs"]] == [("a", "q", ["x"]), ("b", "", [])]


def test_the_last_target_wins() -> None:
    answer = face.decode(TRANSFER_JOB, bytes.fromhex("2a0161 320162"), validate=False)
    assert (answer["agent_id"], answer["queue"]) == (None, "b")
    answer = face.decode(TRANSFER_JOB, bytes.fromhex("320162 2a00"), validate=False)
    assert (answer["agent_id"], answer["queue"]) == ("", None)


def test_a_set_default_is_told_from_an_absent_field_where_the_contract_says_optional() -> None:
    assert face.decode(COMPLETE_JOB, bytes.fromhex("3000"), validate=False)["satisfaction"] == 0
    assert face.decode(COMPLETE_JOB, b"", validate=False)["satisfaction"] is None


def test_a_label_that_lacks_key_or_value_has_an_empty_one_and_one_with_unknown_fields_is_none() -> None:
    assert assign(bytes.fromhex("1206 8201 03 0a016b"))["job"]["labels"] == {"k": ""}
    assert assign(bytes.fromhex("1203 8201 00"))["job"]["labels"] == {"": ""}
    assert assign(bytes.fromhex("1208 8201 05 0a016b 1801"))["job"]["labels"] == {}


def test_what_is_beyond_the_arrays_is_read_and_counted() -> None:
    """A bad string in the 33rd tag is still malformed, a good one is only too many."""
    tags = b"\x2a\x01a" * 33
    assert assign(b"\x12" + bytes((len(tags),)) + tags)["job"]["tag_count"] == 33
    tags = b"\x2a\x01a" * 32 + b"\x2a\x01\xff"
    assert assign(b"\x12" + bytes((len(tags),)) + tags)["status"] == 13


def test_ten_thousand_ids_are_read_one_by_one() -> None:
    ids = [f"agent-{i}" for i in range(10_000)]
    data = b"".join(b"\x12" + bytes((len(i),)) + i.encode() for i in ids) + b"\x0a\x01t"
    answer = face.decode(HEARTBEAT, data)
    assert (answer["tenant"], answer["agent_ids"]) == ("t", ids)


def test_a_refusal_is_a_status_with_error_info_and_no_violation_when_no_field_is_to_blame() -> None:
    status = status_pb2.Status.FromString(face.decode(ACCEPT_OFFER, b"\x18")["body"])
    info = error_details_pb2.ErrorInfo()
    assert (status.code, len(status.details)) == (13, 1)
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("MALFORMED_REQUEST", "fairlead")


def test_a_method_out_of_range_is_a_mistake_of_the_caller() -> None:
    for method in (0, 11, -1):
        with pytest.raises(ValueError, match="is not one of 1-10"):
            face.decode(method, b"")
