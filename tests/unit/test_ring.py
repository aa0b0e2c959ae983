"""The ring of events: held against a list over tapes of appends, with `check` after every one."""

import random

import pytest

from fairlead.events.face import RingFace

LEAST = 16
SHARE = 64


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("capacity", [LEAST, 17, 64])
def test_the_ring_keeps_the_newest_events_and_their_texts(seed: int, capacity: int) -> None:
    rng = random.Random(seed)
    first = rng.choice((0, 7, 1 << 50))
    ring, kept = RingFace(capacity, first), []
    longest = rng.choice((8, 60, 255))
    for number in range(20 * capacity):
        texts = [rng.randbytes(rng.randint(0, longest)) for _ in range(3)]
        assert ring.append(*texts, number) == first + number + 1
        kept.append((*texts, number))
        assert ring.check()
        count = ring.last + 1 - ring.oldest
        assert 1 <= count <= capacity
        if 3 * longest <= SHARE:
            assert count == min(capacity, number + 1)
        if number % 7 == 0:
            after = rng.randint(ring.oldest - 1, ring.last)
            limit = rng.randint(0, capacity)
            begin = after - first
            assert ring.read(after, limit) == kept[begin : begin + limit]
    assert ring.read(ring.oldest - 1, 65_536) == kept[-(ring.last + 1 - ring.oldest) :]


def test_an_empty_ring_has_nothing_before_or_after_its_first_sequence() -> None:
    ring = RingFace(LEAST, 5)
    assert (ring.oldest, ring.last, ring.read(5, 10), ring.check()) == (6, 5, [], True)
    for wrong in (4, 6):
        with pytest.raises(ValueError, match="the ring has 6 to 5"):
            ring.read(wrong, 1)


def test_the_longest_texts_of_one_event_fit_the_smallest_ring() -> None:
    ring = RingFace(LEAST)
    longest = (b"j" * 255, b"g" * 255, b"n" * 255)
    for number in range(100):
        ring.append(*longest, number)
        assert ring.check()
        assert ring.read(ring.last - 1, 1) == [(*longest, number)]


@pytest.mark.parametrize("capacity", [0, LEAST - 1, (1 << 24) + 1])
def test_a_ring_of_another_size_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="are allowed"):
        RingFace(capacity)
