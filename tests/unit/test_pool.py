"""The pool of the transport: held against a dict over tapes of takes, gives and resizes."""

import random

import pytest

from fairlead.transport.face import PoolFace

SIZES = (0, 1, 15, 16, 31, 32, 33, 100, 479, 480, 481, 511, 512, 513, 5_000, 70_000)
PLACES = 64


@pytest.mark.parametrize("seed", range(4))
def test_blocks_keep_what_is_written_to_them_until_they_are_given_back(seed: int) -> None:
    rng = random.Random(seed)
    pool = PoolFace(PLACES)
    held: dict[int, bytes] = {}
    for _ in range(20_000):
        place, size, byte = (
            rng.randrange(PLACES),
            rng.choice(SIZES[:10] if rng.random() < 0.95 else SIZES),
            rng.randrange(256),
        )
        if place not in held:
            # Blocks are used again: zeroed ones must not show what they held before.
            assert pool.take(place, size, byte, zeroed=rng.random() < 0.5)
            held[place] = bytes([byte]) * size
        elif rng.random() < 0.3:
            assert pool.resize(place, size, byte) == held[place][:size]
            held[place] = bytes([byte]) * size
        else:
            assert pool.give(place) == held.pop(place)
    for place, content in held.items():
        assert pool.give(place) == content


def test_a_first_block_may_come_from_a_resize() -> None:
    pool = PoolFace(1)
    assert pool.resize(0, 40, 7) == b""
    assert pool.give(0) == b"\7" * 40
