"""The directory's names against a dict."""

from random import Random

import pytest

from fairlead.directory.face import NamesFace

INLINE = 39  # longer names have memory of their own
LONGEST = 255


def name_of(rng: Random, count: int) -> bytes:
    """One of `count` names of all lengths; equal beginnings and lengths are common."""
    number = rng.randrange(count)
    size = (1, 2, 8, INLINE - 1, INLINE, INLINE + 1, 64, LONGEST)[number % 8]
    return (str(number).encode() + b"\0" + b"x" * LONGEST)[:size] if size > 8 else number.to_bytes(8, "little")[:size]


@pytest.mark.parametrize("count", [1, 12, 400, 5000])
def test_names_and_dict_agree_after_every_step(count: int, tape_length: int, tape_seed: int) -> None:
    rng = Random(f"{tape_seed}/names/{count}")
    names, twin = NamesFace(rng.getrandbits(64)), dict[bytes, int]()
    steps = max(1, tape_length // 25)
    for step in range(steps):
        name = name_of(rng, count)
        if rng.random() < 0.6:
            slot = names.add(name)
            assert twin.setdefault(name, slot) == slot
        elif name in twin:
            names.remove(twin.pop(name))
        assert names.find(name) == twin.get(name)
        assert len(names) == len(twin)
        if count <= 400 or step % 100 == 0:
            assert names.check()
    assert len(set(twin.values())) == len(twin)
    for name, slot in twin.items():
        assert names.find(name) == slot
        assert names.text(slot) == name


def test_slots_may_be_the_callers(tape_length: int, tape_seed: int) -> None:
    """`put`, as jobs use it: the engine hands out the slots."""
    rng = Random(f"{tape_seed}/names/put")
    names, twin = NamesFace(1), dict[int, bytes]()
    for number in range(max(1, tape_length // 25)):
        slot = rng.randrange(200)
        if slot in twin:
            names.remove(slot)
            del twin[slot]
        else:
            twin[slot] = f"{number}/".encode() * rng.randint(1, 20)
            names.put(slot, twin[slot])
        assert names.check()
        assert names.text(slot) == twin.get(slot)
    assert {slot: names.text(slot) for slot in range(200) if names.text(slot)} == twin


def test_an_empty_table_finds_nothing() -> None:
    names = NamesFace()
    assert names.find(b"x") is None
    assert names.find(b"") is None
    assert names.text(0) is None
    assert names.check()
    assert len(names) == 0


@pytest.mark.parametrize("size", [1, INLINE - 1, INLINE, INLINE + 1, LONGEST])
def test_names_of_every_length_are_kept_whole(size: int) -> None:
    names = NamesFace(7)
    other, name = b"b" * size, b"a" * (size - 1) + b"\0"
    slots = names.add(other), names.add(name)
    assert slots == (0, 1)
    assert (names.text(0), names.text(1)) == (other, name)
    names.remove(0)
    assert names.find(other) is None
    assert names.find(name) == 1
    assert names.check()


def test_a_name_is_empty_or_too_long() -> None:
    names = NamesFace()
    for wrong in (b"", b"x" * (LONGEST + 1)):
        with pytest.raises(ValueError, match="bytes"):
            names.add(wrong)
        with pytest.raises(ValueError, match="bytes"):
            names.put(0, wrong)
    assert len(names) == 0


def test_adding_twice_gives_the_same_slot() -> None:
    names = NamesFace()
    assert [names.add(b"ann"), names.add(b"bob"), names.add(b"ann")] == [0, 1, 0]
    assert len(names) == 2


def test_what_is_not_there_cannot_be_removed_and_what_is_taken_not_be_put() -> None:
    names = NamesFace()
    names.put(3, b"ann")
    for misuse in (
        lambda: names.remove(0),
        lambda: names.remove(4),
        lambda: names.put(3, b"bob"),
        lambda: names.put(4, b"ann"),
    ):
        with pytest.raises(ValueError, match="slot"):
            misuse()
    names.remove(3)
    with pytest.raises(ValueError, match="slot"):
        names.remove(3)
    assert names.check()


def test_a_free_slot_is_used_again() -> None:
    names = NamesFace()
    for name in (b"a", b"b", b"c"):
        names.add(name)
    names.remove(1)
    names.remove(0)
    assert {names.add(b"d"), names.add(b"e")} == {0, 1}
    assert names.add(b"f") == 3
    assert names.check()


def test_memory_of_long_names_is_counted_and_given_back() -> None:
    names = NamesFace()
    names.add(b"short")
    before = names.size()
    slot = names.add(b"y" * 200)
    assert names.size() == before + 200
    names.remove(slot)
    assert names.size() == before


def test_a_table_of_megabytes_keeps_its_names_as_it_grows() -> None:
    """From a megabyte on the array is moved by its pages."""
    names, count = NamesFace(3), 150_000
    for number in range(count):
        assert names.add(b"name-%d" % number) == number
    assert names.check()
    assert all(names.find(b"name-%d" % number) == number for number in range(0, count, 997))
