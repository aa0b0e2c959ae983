"""The heap against a naive twin: a dict and min()."""

from random import Random

import pytest

from fairlead.base.face import HeapFace

LAST_64 = 2**64 - 1
LAST_32 = 2**32 - 1


def before(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """(high, tie): ties are serial numbers, so 2^32 - 1 is just before 0."""
    if one[0] != other[0]:
        return one[0] < other[0]
    return (one[1] - other[1]) & LAST_32 >= 2**31


def smallest(keys: dict[int, tuple[int, int]]) -> tuple[int, int] | None:
    best = None
    for key in keys.values():
        if best is None or before(key, best):
            best = key
    return best


def assert_same(heap: HeapFace, naive: list[dict[int, tuple[int, int]]]) -> None:
    assert heap.check()
    assert heap.sizes() == (len(naive[0]), len(naive[1]))
    for which, keys in enumerate(naive):
        top = heap.top(which)
        expected = smallest(keys)
        assert (top is None) == (expected is None)
        if top is not None:
            assert top[:2] == expected
            assert keys[top[2]] == expected


@pytest.mark.parametrize("shared", [False, True], ids=["owned", "two_in_one_array"])
@pytest.mark.parametrize("items", [1, 2, 6, 300])
def test_heaps_and_twin_agree_after_every_step(shared: bool, items: int, tape_length: int, tape_seed: int) -> None:
    """Few different keys and ties around a wrap, so that equal ones are common."""
    rng = Random(f"{tape_seed}/heap/{items}")
    heap = HeapFace(items, shared)
    naive: list[dict[int, tuple[int, int]]] = [{}, {}]
    start = LAST_32 - 20

    def key() -> tuple[int, int]:
        high = rng.choice((0, 1, 5, LAST_64, rng.randrange(20)))
        return high, (start + rng.randrange(40)) & LAST_32

    for _ in range(max(1, tape_length // 25)):
        item = rng.randrange(items)
        home = next((which for which, keys in enumerate(naive) if item in keys), None)
        if home is None:
            which = rng.randrange(2)
            naive[which][item] = key()
            heap.push(which, item, *naive[which][item])
        elif rng.random() < 0.5:
            naive[home][item] = key()
            heap.move(item, *naive[home][item])
        else:
            del naive[home][item]
            heap.remove(item)
            assert heap.place(item) == 0
        assert_same(heap, naive)
    for which, keys in enumerate(naive):
        drained = []
        while (top := heap.top(which)) is not None:
            heap.remove(top[2])
            drained.append(top)
        assert sorted(item for _, _, item in drained) == sorted(keys)
        assert all(not before(b[:2], a[:2]) for a, b in zip(drained, drained[1:], strict=False))


def test_an_empty_heap_has_no_top() -> None:
    heap = HeapFace(0)
    assert heap.top(0) is None
    assert heap.top(1) is None
    assert heap.check()


def test_equal_keys_fall_to_the_earlier_serial_number_also_over_a_wrap() -> None:
    heap = HeapFace(3)
    heap.push(0, 0, 7, 1)
    heap.push(0, 1, 7, LAST_32)
    heap.push(0, 2, 7, 0)
    order = []
    while (top := heap.top(0)) is not None:
        order.append(top[2])
        heap.remove(top[2])
    assert order == [1, 2, 0]


@pytest.mark.parametrize("shared", [False, True], ids=["owned", "two_in_one_array"])
def test_all_items_fit_and_one_more_is_refused(shared: bool) -> None:
    heap = HeapFace(9, shared)
    for item in range(9):
        heap.push(item % 2, item, 100 - item, 0)
    assert heap.sizes() == (5, 4)
    assert heap.check()
    for misuse in (lambda: heap.push(0, 9, 0, 0), lambda: heap.push(1, 3, 0, 0), lambda: heap.push(2, 3, 0, 0)):
        with pytest.raises(ValueError, match="item"):
            misuse()
    assert heap.sizes() == (5, 4)


def test_an_item_that_is_in_no_heap_is_neither_moved_nor_removed() -> None:
    heap = HeapFace(2)
    heap.push(0, 0, 1, 1)
    heap.remove(0)
    for misuse in (lambda: heap.remove(0), lambda: heap.move(0, 1, 1), lambda: heap.remove(1)):
        with pytest.raises(ValueError, match="in no heap"):
            misuse()
    assert heap.check()


def test_the_middle_can_be_removed_upwards_and_downwards() -> None:
    """What fills the hole may belong above it or below it."""
    keys = [0, 50, 1, 2, 3, 60, 61, 62, 63, 4, 5, 6, 7]
    for removed in range(len(keys)):
        heap = HeapFace(len(keys))
        for item, high in enumerate(keys):
            heap.push(0, item, high, 0)
        heap.remove(removed)
        assert heap.check()
        left = sorted(key for item, key in enumerate(keys) if item != removed)
        drained = []
        while (top := heap.top(0)) is not None:
            drained.append(top[0])
            heap.remove(top[2])
        assert drained == left
