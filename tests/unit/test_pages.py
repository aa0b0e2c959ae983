"""Large arrays grow without losing a byte, and their pages are there before they are used."""

import ctypes
import time
from collections.abc import Callable

import pytest

from fairlead.base.face import PagesFace

PAGE = 4096
CHUNK = 1 << 21
AHEAD = 4
SECONDS = 30

_mincore = ctypes.CDLL(None, use_errno=True).mincore
_mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


def is_there(address: int, size: int) -> list[bool]:
    """Of each page of a range: whether the process has it."""
    pages = ctypes.create_string_buffer(size // PAGE)
    assert _mincore(address, size, pages) == 0, ctypes.get_errno()
    return [bool(byte[0] & 1) for byte in pages]


def in_time(holds: Callable[[], bool]) -> bool:
    """Whether something holds soon."""
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("size", [1, (1 << 20) - 1, 1 << 20, 3 << 20, CHUNK * 5 + 1])
@pytest.mark.parametrize("wanted", [0, 1, (1 << 20) - 1, 1 << 20, 1 << 24])
def test_growing_keeps_every_byte(size: int, wanted: int) -> None:
    array = PagesFace(size)
    assert array.read(0, size) == bytes(size)
    written = {at: bytes([at % 251 + 1]) for at in range(0, size, 4099)}
    for at, byte in written.items():
        array.write(at, byte)
    array.grow(size + wanted)
    assert all(array.read(at, 1) == byte for at, byte in written.items())
    array.write(size + wanted - 1, b"z")
    assert array.read(size + wanted - 1, 1) == b"z"


def test_pages_are_there_before_they_are_used() -> None:
    array = PagesFace(64 * CHUNK)
    start = -(-array.address // CHUNK) * CHUNK
    first = start - array.address
    array.write(first + CHUNK - 4, b"last")
    assert in_time(lambda: all(is_there(start + CHUNK, AHEAD * CHUNK)))
    # And no more of them than were asked for.
    assert not any(is_there(start + (AHEAD + 2) * CHUNK, 8 * CHUNK))
    # Nothing is asked for within a chunk.
    array.write(first + 20 * CHUNK + 64, b"within")
    time.sleep(0.05)
    assert not any(is_there(start + 21 * CHUNK, 8 * CHUNK))


def test_no_byte_is_changed_by_fetching() -> None:
    array = PagesFace(8 * CHUNK)
    pattern = bytes(range(256)) * (CHUNK // 256)
    for chunk in range(8):
        array.write(chunk * CHUNK, pattern)
    array.fetch(array.address, 8 * CHUNK)
    assert in_time(lambda: all(is_there(-(-array.address // PAGE) * PAGE, 7 * CHUNK)))
    assert all(array.read(chunk * CHUNK, CHUNK) == pattern for chunk in range(8))


def test_a_range_that_is_gone_does_no_harm() -> None:
    for _ in range(20):
        gone = PagesFace(4 * CHUNK)
        address = gone.address
        del gone
        PagesFace.fetch(address, 4 * CHUNK)
    PagesFace.fetch(0, CHUNK)
    # The thread still answers.
    array = PagesFace(8 * CHUNK)

    def ask() -> bool:
        array.fetch(array.address, 8 * CHUNK)
        return all(is_there(-(-array.address // PAGE) * PAGE, 7 * CHUNK))

    assert in_time(ask)
