"""E2: one tree, one table, one encoding that the official runtime reads."""

import contextlib
import pickle
import subprocess
import sys

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from fairlead import errors
from fairlead.errors import REASONS, FairleadError, InvalidArgument, from_status, raise_error


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_the_code_of_its_class_and_survives_the_wire(reason: str) -> None:
    with pytest.raises(REASONS[reason]) as raised:
        raise_error(reason, "job 'x' is gone", "job.id")
    status = status_pb2.Status.FromString(raised.value.status_bytes())
    assert status.code == raised.value.code == REASONS[reason].code
    assert status.message == "job 'x' is gone"
    back = from_status(raised.value.status_bytes())
    assert (type(back), back.reason, back.field) == (REASONS[reason], reason, "job.id")


@pytest.mark.parametrize(
    ("constant", "name"),
    [
        (errors.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        (errors.NOT_FOUND, "NOT_FOUND"),
        (errors.ALREADY_EXISTS, "ALREADY_EXISTS"),
        (errors.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
        (errors.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
        (errors.UNIMPLEMENTED, "UNIMPLEMENTED"),
        (errors.INTERNAL, "INTERNAL"),
        (errors.UNAVAILABLE, "UNAVAILABLE"),
    ],
)
def test_code_numbers_are_those_of_grpc(constant: int, name: str) -> None:
    assert constant == code_pb2.Code.Value(name)


def test_a_reason_outside_the_table_is_a_bug_not_a_default() -> None:
    with pytest.raises(AssertionError, match="SOMETHING"):
        raise_error("SOMETHING", "else")


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_the_encoding_equals_the_official_one(
    reason: str, message: str, metadata: dict[str, str], violations: list[tuple[str, str]]
) -> None:
    failure = InvalidArgument(reason, message, metadata=metadata, violations=violations)
    info = error_details_pb2.ErrorInfo(reason=reason, domain="fairlead", metadata=metadata)
    request = error_details_pb2.BadRequest()
    for field, description in violations:
        request.field_violations.add(field=field, description=description)
    details = [info, request] if violations else [info]
    status = status_pb2.Status.FromString(failure.status_bytes())
    assert (status.code, status.message, len(status.details)) == (3, message, len(details))
    for packed, expected in zip(status.details, details, strict=True):
        actual = type(expected)()
        assert packed.Unpack(actual)
        assert actual == expected
    status = status_pb2.Status(code=3, message=message)
    for detail in details:
        status.details.add().Pack(detail)
    back = from_status(status.SerializeToString())
    assert (back.reason, back.message, back.metadata) == (reason, message, metadata)
    assert back.violations == tuple(violations)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_status_are_a_value_error_or_read(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(from_status(data), FairleadError)


def test_a_status_never_outgrows_the_trailers_of_grpc() -> None:
    violations = [(f"queues[{index}].strategy", "é" * 60) for index in range(1000)]
    failure = InvalidArgument("INVALID_POLICY", "é" * 100_000, violations=violations)
    data = failure.status_bytes()
    assert len(data) * 4 / 3 + errors.MESSAGE_SIZE * 3 < 8192 + 1024
    back = from_status(data)
    assert len(back.violations) + int(back.metadata["omitted_violations"]) == 1000
    assert back.message.endswith("...")
    assert len(failure.violations) == 1000


def test_an_error_survives_a_process_boundary() -> None:
    failure = InvalidArgument("INVALID_FIELD", "wrong", "job.id", {"a": "b"})
    back = pickle.loads(pickle.dumps(failure))
    assert vars(back) == vars(failure)


def test_errors_need_neither_grpc_nor_the_engine() -> None:
    code = (
        "import sys, fairlead.errors; print([m for m in sys.modules if m.startswith(('grpc', 'google', 'fairlead.s'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
