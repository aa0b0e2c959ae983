"""Lengths of time in files are read exactly and shown so that they read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.durations import MAX_DURATION_US, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0s", 0),
        ("90s", 90_000_000),
        ("1.5h", 5_400_000_000),
        ("1h30m", 5_400_000_000),
        ("250ms", 250_000),
        ("7us", 7),
        ("0.1s", 100_000),
        ("2d", 172_800_000_000),
        ("-5s", -5_000_000),
    ],
)
def test_a_duration_is_read_exactly(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "90",
        "s",
        "1 h",
        "1h 30m",
        "1w",
        "1e3s",
        "1.5.5s",
        "½h",
        "9" * 19 + "s",
        "9" * 18 + "s",
        "9" * 500 + "h",
        "0.1us",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration|finer|longer"):
        parse_duration(text)


@given(st.integers(-MAX_DURATION_US, MAX_DURATION_US))
def test_a_shown_duration_reads_back(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds
