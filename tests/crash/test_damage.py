"""Crash states by enumeration, and bit flips: recovery gives exactly a prefix of what was acknowledged, or refuses."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from fairlead.errors import DataLoss, FailedPrecondition, FairleadError
from fairlead.journal.reader import Base, Damage, Frame, Reader
from tests.crash.histories import SEGMENT, Look, look, opened, step, steps

CALLS = 36
# A journal of 256 KiB, of which every bit is flipped, and every byte of the last 64 KiB is cut at.
MANY_CALLS, FLIPPED_BYTES, CUT_BYTES = 2_200, 256 * 1024, 64 * 1024


def history(path: Path, calls: int = CALLS, segment_size: int = SEGMENT) -> tuple[list[Look], dict[int, Look]]:
    """Plays a history; what the shard was after each call, and by the last sequence of each frame."""
    shard = opened(path, "os", segment_size)
    looks, by_sequence = [look(shard)], {0: look(shard)}
    for number in range(calls):
        looks += steps(shard, 1, number)[1:]
        by_sequence[shard.journal()["sequence"]] = looks[-1]
    shard.close()
    return looks, by_sequence


def recovered(path: Path) -> Look:
    shard = opened(path)
    found = look(shard)
    shard.close()
    return found


def without_bare(found: Look) -> Look:
    """Without tenants that are nothing but a name: a policy is prepared in several steps, and the first makes one."""
    bare = {
        tenant
        for tenant in found.hashes
        if found.policies[tenant][0] == 0 and not found.agents[tenant] and not found.jobs[tenant]
    }
    return Look(*({tenant: value for tenant, value in part.items() if tenant not in bare} for part in found))


def variant(source: Path, target: Path, name: str, data: bytes) -> Path:
    """A copy of the directory with other bytes in one segment."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("lock", "spare"))
    (target / name).write_bytes(data)
    return target


def stride(request: pytest.FixtureRequest) -> int:
    """1 in `make torture`: every byte; otherwise every so many."""
    return 1 if request.config.getoption("--torture") else 41


def test_a_journal_cut_at_any_byte_recovers_a_prefix(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source = tmp_path / "source"
    _, by_sequence = history(source, segment_size=1 << 20)
    frames = list(Reader(str(source)))
    (name,) = Reader(str(source)).segments
    data = (source / name).read_bytes()
    wrong = tried = 0
    for cut in range(64, frames[-1].offset + frames[-1].size + 1, stride(request)):
        whole = [frame for frame in frames if whole_from(frame) <= cut]
        upto = whole[-1].first + whole[-1].records - 1 if whole else 0
        found = recovered(variant(source, tmp_path / "cut", name, data[:cut] + bytes(len(data) - cut)))
        expected = by_sequence[max(sequence for sequence in by_sequence if sequence <= upto)]
        wrong += without_bare(found) != without_bare(expected)
        tried += 1
    print(f"cut at a byte: {wrong} of {tried} wrong")
    assert wrong == 0


def test_every_bit_flip_gives_the_exact_state_or_a_refusal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """In the last frame a flip looks like a torn tail: then the state is that before the frame, and it is told."""
    source = tmp_path / "source"
    looks, _ = history(source, segment_size=1 << 20)
    frames = list(Reader(str(source)))
    (name,) = Reader(str(source)).segments
    data = bytearray((source / name).read_bytes())
    silent = tried = refused = 0
    end = frames[-1].offset + frames[-1].size
    for bit in range(0, 8 * end, stride(request) * 3 if stride(request) > 1 else 1):
        data[bit // 8] ^= 1 << bit % 8
        try:
            found = recovered(variant(source, tmp_path / "flip", name, bytes(data)))
        except FairleadError:
            refused += 1
        else:
            # The last frame holds the hash of the close; what fills frames up to eight bytes holds nothing.
            silent += found != looks[-1]
        data[bit // 8] ^= 1 << bit % 8
        tried += 1
    print(f"bit flips: {silent} of {tried} silent, {refused} refused")
    assert silent == 0


def whole_from(frame: Frame) -> int:
    """The least length of a segment that has all of a frame: what is cut off is zeroes, and it may end in zeroes."""
    return frame.offset + 64 + len(frame.payload.rstrip(b"\0"))


def long_journal(path: Path) -> tuple[str, list[Base], list[Frame]]:
    """Name of the only segment; its frames but the first, and the place before each."""
    shard = opened(path, "os", 1 << 20)
    for number in range(MANY_CALLS):
        with suppress(FairleadError):
            step(shard, number)
    shard.close()
    reader = Reader(str(path))
    bases, frames = [], []
    for frame in reader:
        bases.append(reader.place_behind)
        frames.append(frame)
    (name,) = reader.segments
    assert frames[-1].offset + frames[-1].size > FLIPPED_BYTES
    return name, bases[:-1], frames[1:]


def test_a_long_journal_cut_at_any_byte_is_read_up_to_its_last_whole_frame(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    name, bases, frames = long_journal(tmp_path)
    end = frames[-1].offset + frames[-1].size
    first = next(number for number, frame in enumerate(frames) if frame.offset >= end - CUT_BYTES)
    base, frames = bases[first], frames[first:]
    every = stride(request) * 10 if stride(request) > 1 else 1
    wrong = tried = 0
    with (tmp_path / name).open("r+b") as file:
        for cut in range(end, frames[0].offset - 1, -every):
            os.pwrite(file.fileno(), bytes(every), cut)
            while frames and whole_from(frames[-1]) > cut:
                frames.pop()
            wrong += list(Reader(str(tmp_path), base)) != frames
            tried += 1
    print(f"the last 64 KiB cut at a byte: {wrong} of {tried} wrong")
    assert wrong == 0


def test_every_bit_of_a_long_journal_is_proven_where_it_is_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each frame read behind the one before it, one bit flipped: the same frame, or damage; at the end also nothing."""
    name, bases, frames = long_journal(tmp_path)
    silent = tried = refused = 0
    every = 1 if stride(request) == 1 else 1_009
    with (tmp_path / name).open("r+b") as file:
        data = file.read()
        for base, frame, is_last in zip(bases, frames, [False] * (len(frames) - 1) + [True], strict=True):
            first = 8 * frame.offset
            for bit in range(first + (-first) % every, 8 * (frame.offset + frame.size), every):
                os.pwrite(file.fileno(), bytes((data[bit // 8] ^ 1 << bit % 8,)), bit // 8)
                try:
                    found = next(iter(Reader(str(tmp_path), base)), None)
                except Damage:
                    refused += 1
                else:
                    silent += found != frame and not (is_last and found is None)
                os.pwrite(file.fileno(), data[bit // 8 : bit // 8 + 1], bit // 8)
                tried += 1
    print(f"bit flips in 256 KiB: {silent} of {tried} silent, {refused} refused")
    assert silent == 0
    assert refused > tried // 2


def sealed(path: Path) -> list[str]:
    """A journal of several segments; their names."""
    history(path, 200)
    names = Reader(str(path)).segments
    assert len(names) > 2
    return names


def test_a_missing_segment_is_a_gap(tmp_path: Path) -> None:
    names = sealed(tmp_path)
    for name in names[:-1]:
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        with pytest.raises(DataLoss, match="missing") as refused:
            opened(tmp_path)
        assert refused.value.reason == "JOURNAL_GAP"
        (tmp_path / name).write_bytes(data)


def test_a_sealed_segment_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    names = sealed(tmp_path)
    data = (tmp_path / names[0]).read_bytes()
    for cut in (64, len(data) // 2, len(data) - 9):
        (tmp_path / names[0]).write_bytes(data[:cut])
        with pytest.raises(DataLoss):
            opened(tmp_path)


def test_segments_of_two_journals_do_not_mix(tmp_path: Path) -> None:
    names, _ = sealed(tmp_path / "one"), sealed(tmp_path / "two")
    shutil.copy(tmp_path / "two" / names[1], tmp_path / "one" / names[1])
    with pytest.raises(DataLoss, match="another journal"):
        opened(tmp_path / "one")


def test_a_newer_format_is_refused_with_the_version_it_needs(tmp_path: Path) -> None:
    import struct

    from fairlead.journal.reader import checksum

    history(tmp_path)
    (name,) = Reader(str(tmp_path)).segments[-1:]
    data = bytearray((tmp_path / name).read_bytes())
    data[8:12] = struct.pack("<HH", 9, 8)
    data[60:64] = struct.pack("<I", checksum(bytes(data[:60])))
    (tmp_path / name).write_bytes(data)
    with pytest.raises((FailedPrecondition, DataLoss), match="needs a reader of format 8"):
        opened(tmp_path)


def test_a_torn_tail_is_kept_aside_and_the_journal_goes_on(tmp_path: Path) -> None:
    looks, _ = history(tmp_path)
    reader = Reader(str(tmp_path))
    frames = list(reader)
    name, end, torn, _ = reader.tail
    assert torn == 0
    with (tmp_path / name).open("r+b") as file:
        file.seek(frames[-2].offset + 70)
        file.write(b"\0" * (end - frames[-2].offset - 70))
    shard = opened(tmp_path)
    (copy,) = tmp_path.glob("torn-*")
    assert 64 < copy.stat().st_size <= 70
    assert look(shard) == looks[-2]
    steps(shard, 5, CALLS)
    expected = look(shard)
    shard.close()
    assert recovered(tmp_path) == expected
