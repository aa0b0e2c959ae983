"""The lineup against a naive twin: two lists, newcomers by rank and then everyone ever moved."""

from random import Random

import pytest

from fairlead.base.face import LineupFace

MAX_QUERY = 400
# Words of a row hold 64 bits, words of a plane 64 positions, words of a summary 4,096 positions.
EDGES = (0, 1, 63, 64, 65, 127, 128)


class NaiveLine:
    """The definition: sorted lists and sets."""

    def __init__(self) -> None:
        self.newcomers: list[tuple[int, int]] = []
        self.moved: list[int] = []
        self.bits: dict[int, set[int]] = {}

    def insert(self, item: int, rank: int) -> None:
        self.newcomers = sorted([*self.newcomers, (rank, item)])

    def remove(self, item: int) -> None:
        self.newcomers = [entry for entry in self.newcomers if entry[1] != item]
        self.moved = [other for other in self.moved if other != item]

    def move_to_back(self, item: int) -> None:
        self.remove(item)
        self.moved.append(item)

    def put(self, item: int, bit: int, value: bool) -> None:
        bits = self.bits.setdefault(item, set())
        if value:
            bits.add(bit)
        else:
            bits.discard(bit)

    def line(self) -> list[int]:
        return [item for _, item in self.newcomers] + self.moved

    def find(self, wanted: list[int], barred: list[int]) -> list[int]:
        return [
            item
            for item in self.line()
            if self.bits.get(item, set()) >= set(wanted) and not self.bits.get(item, set()) & set(barred)
        ]


class Both:
    """Runs each operation on both and compares what they then are."""

    def __init__(self) -> None:
        self.real = LineupFace()
        self.naive = NaiveLine()

    def reserve(self, items: int, bits: int) -> None:
        self.real.reserve(items, bits)

    def insert(self, item: int, rank: int) -> None:
        self.real.insert(item, rank)
        self.naive.insert(item, rank)

    def remove(self, item: int) -> None:
        self.real.remove(item)
        self.naive.remove(item)

    def move_to_back(self, item: int) -> None:
        self.real.move_to_back(item)
        self.naive.move_to_back(item)

    def put(self, item: int, bit: int, value: bool) -> None:
        self.real.put(item, bit, value)
        self.naive.put(item, bit, value)

    def compare(self, wanted: list[int], barred: list[int] | None = None) -> None:
        assert self.real.check()
        assert len(self.real) == len(self.naive.line())
        assert self.real.find(wanted, barred or []) == self.naive.find(wanted, barred or [])


def play(rng: Random, steps: int, items: int, bits: int, compare_every: int) -> None:
    """A tape of everything a lineup can do. Bit 0 is on every item, so that asking for it shows the whole line."""
    both = Both()
    both.reserve(1, 1)
    reserved_items, reserved_bits = 1, 1
    ranks = rng.sample(range(10 * steps), steps)
    standing: list[int] = []
    for step in range(steps):
        kind = rng.random()
        if kind < 0.1 and (reserved_items < items or reserved_bits < bits):
            reserved_items = rng.randint(reserved_items, min(items, 2 * reserved_items + 3))
            reserved_bits = rng.randint(reserved_bits, min(bits, 2 * reserved_bits + 3))
            both.reserve(reserved_items, reserved_bits)
        elif kind < 0.25 and len(standing) < reserved_items:
            item = rng.choice([each for each in range(reserved_items) if each not in standing])
            # Mostly behind the other newcomers, as agents come; else anywhere among them.
            rank = 10 * steps + step if rng.random() < 0.7 else ranks[step]
            both.insert(item, rank)
            both.put(item, 0, True)
            standing.append(item)
        elif kind < 0.3 and standing:
            both.remove(standing.pop(rng.randrange(len(standing))))
        elif kind < 0.6 and standing:
            both.move_to_back(rng.choice(standing))
        else:
            bit = rng.randrange(reserved_bits)
            both.put(rng.randrange(reserved_items), bit, bit == 0 or rng.random() < 0.6)
        if step % compare_every == 0 or step == steps - 1:
            drawn = [rng.randrange(reserved_bits) for _ in range(4)]
            both.compare([0])
            both.compare(drawn[: rng.randint(1, 2)], drawn[2 : 2 + rng.randint(0, 2)])


@pytest.mark.parametrize(("items", "bits"), [(5, 3), (40, 70), (200, 140)])
def test_lineup_and_twin_agree_after_every_step(items: int, bits: int, tape_length: int, tape_seed: int) -> None:
    play(Random(f"{tape_seed}/lineup/{items}"), max(1, tape_length // 40), items, bits, 1)


def test_a_long_lineup_skips_empty_blocks_and_stays_right(tape_length: int, tape_seed: int) -> None:
    """More than 4,096 positions, so that summaries have several words."""
    rng = Random(f"{tape_seed}/lineup/long")
    both = Both()
    both.reserve(3000, 12)
    for item in range(3000):
        both.insert(item, item)
        both.put(item, 0, True)
    for step in range(max(1, tape_length // 20)):
        item = rng.randrange(3000)
        both.move_to_back(item)
        # Bit 1 is rare: its matches lie blocks apart.
        both.put(item, 1, rng.random() < 0.002)
        if step % 1000 == 0:
            both.compare([0])
            both.compare([0, 1])
            both.compare([1])
    both.compare([0])


def test_an_empty_lineup_finds_nobody() -> None:
    line = LineupFace()
    assert line.check()
    assert len(line) == 0
    line.reserve(0, 1)
    assert line.find([0]) == []
    line.reserve(1, 1)
    assert line.find([0]) == []
    assert line.check()


def test_one_item_is_found_by_its_bits_alone() -> None:
    line = LineupFace()
    line.reserve(1, 3)
    line.put(0, 1, True)
    assert line.find([1]) == []  # not in line
    line.insert(0, 7)
    assert line.find([1]) == [0]
    assert line.find([0]) == []
    assert line.find([1], [1]) == []
    assert line.find([1], [2]) == [0]
    line.remove(0)
    assert line.find([1]) == []
    assert line.has(0, 1)
    line.insert(0, 8)
    assert line.find([1]) == [0]
    assert line.check()


@pytest.mark.parametrize("edge", EDGES)
def test_bits_and_positions_at_the_edges_of_words(edge: int) -> None:
    line = LineupFace()
    line.reserve(edge + 1, edge + 1)
    for item in range(edge + 1):
        line.insert(item, item)
    line.put(edge, edge, True)
    assert line.find([edge]) == [edge]
    assert [bit for bit in range(edge + 1) if line.has(edge, bit)] == [edge]
    line.put(edge, edge, True)
    assert line.find([edge]) == [edge]
    line.put(edge, edge, False)
    line.put(edge, edge, False)
    assert line.find([edge]) == []
    assert line.check()


def test_rows_keep_their_bits_when_they_grow() -> None:
    line = LineupFace()
    line.reserve(2, 64)
    line.insert(0, 0)
    line.insert(1, 1)
    line.put(1, 63, True)
    line.reserve(70, 200)
    line.put(0, 199, True)
    assert line.find([63]) == [1]
    assert line.find([199]) == [0]
    assert line.check()


def test_newcomers_stand_by_rank_in_front_of_everyone_who_ever_moved() -> None:
    line = LineupFace()
    line.reserve(5, 1)
    for item in range(5):
        line.put(item, 0, True)
    line.insert(0, 50)
    line.insert(1, 40)
    assert line.find([0]) == [1, 0]
    line.move_to_back(1)
    assert line.find([0]) == [0, 1]
    line.insert(2, 60)
    line.insert(3, 45)
    assert line.find([0]) == [3, 0, 2, 1]
    line.move_to_back(1)
    assert line.find([0]) == [3, 0, 2, 1]
    assert line.check()


def test_a_question_holds_400_bits_and_not_one_more() -> None:
    line = LineupFace()
    line.reserve(1, MAX_QUERY + 100)
    line.insert(0, 0)
    for bit in range(MAX_QUERY):
        line.put(0, bit, True)
    assert line.find(list(range(MAX_QUERY)), list(range(MAX_QUERY, MAX_QUERY + 100))) == [0]
    line.put(0, MAX_QUERY - 1, False)
    assert line.find(list(range(MAX_QUERY))) == []
    for wrong in ([], list(range(MAX_QUERY + 1))):
        with pytest.raises(ValueError, match="1 to 400"):
            line.find(wrong)


def test_what_is_not_reserved_or_not_in_line_is_refused_and_changes_nothing() -> None:
    line = LineupFace()
    line.reserve(4, 2)
    line.insert(0, 0)
    for misuse in (
        lambda: line.insert(0, 1),
        lambda: line.remove(1),
        lambda: line.move_to_back(1),
        lambda: line.insert(4, 1),
        lambda: line.put(4, 0, True),
        lambda: line.put(0, 2, True),
        lambda: line.find([2]),
    ):
        with pytest.raises(ValueError, match="item|bit"):
            misuse()
    assert len(line) == 1
    assert line.check()


def test_memory_stays_near_three_eighths_of_a_byte_per_item_and_plane() -> None:
    """The pxd's promise: about 3 positions an item and plane, however often items move, once none is a newcomer."""
    line = LineupFace()
    line.reserve(10_000, 64)
    for item in range(10_000):
        line.insert(item, item)
        for bit in range(64):
            line.put(item, bit, True)
    for item in list(range(10_000)) * 5:
        line.move_to_back(item)
    planes = line.size() - 10_000 * (8 + 12 + 3 * 4)
    assert planes < 10_000 * 64 * 0.4
    assert line.check()
