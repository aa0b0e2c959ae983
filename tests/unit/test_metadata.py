"""Metadata between Python and the compiled server: packed and read back, and what HTTP cannot carry is refused."""

import pytest

from fairlead.service.metadata import MAX_FIELDS, MAX_VALUE_SIZE, Metadata, metadata_of


def test_the_packed_form_is_the_one_that_is_told() -> None:
    assert Metadata((), [("ab", b"c")], [("d-bin", b"\xff")]).packed() == b"\0\2\0\1\0abc" + b"\1\5\0\4\0d-bin/w=="


def test_connect_has_trailing_fields_among_the_leading_ones() -> None:
    packed = Metadata((), [("a", b"1")], [("b", b"2")]).packed_for_connect()
    assert metadata_of(packed).received == (("a", b"1"), ("trailer-b", b"2"))


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"AAEC", (b"\0\1\2",)),
        (b"/w==", (b"\xff",)),
        (b"/w", (b"\xff",)),
        (b"/w,AAEC, /w==", (b"\xff", b"\0\1\2", b"\xff")),
        (b"", (b"",)),
    ],
)
def test_binary_values_are_read_with_and_without_padding(sent: bytes, received: tuple[bytes, ...]) -> None:
    packed = b"\0\5\0" + bytes((len(sent), 0)) + b"k-bin" + sent
    assert metadata_of(packed).received == tuple(("k-bin", value) for value in received)


@pytest.mark.parametrize(
    "fields",
    [
        [("Upper", b"")],
        [("", b"")],
        [(":status", b"200")],
        [("a b", b"")],
        [("n" * 129, b"")],
        [("a", b"line\nfeed")],
        [("a", "ü".encode())],
        [("a", b"x" * (MAX_VALUE_SIZE + 1))],
        [("a-bin", b"x" * MAX_VALUE_SIZE)],
        [("a", b"")] * (MAX_FIELDS + 1),
    ],
)
def test_what_http_cannot_carry_is_refused(fields: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        Metadata((), fields, []).packed()


def test_the_largest_that_fits_is_packed() -> None:
    fields = [("a", b"x" * MAX_VALUE_SIZE)] * MAX_FIELDS
    assert list(metadata_of(Metadata((), fields, []).packed()).received) == fields
