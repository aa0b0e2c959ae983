"""A shard that begins with a snapshot is the one that never stopped; a damaged snapshot is passed over or refused."""

import json
import os
import shutil
from pathlib import Path
from random import Random

import pytest

from fairlead.cli import main
from fairlead.errors import DataLoss, FairleadError
from fairlead.journal.reader import Reader, checksum, segment_names
from fairlead.shard.core import Shard
from fairlead.shard.manifest import read_manifest, snapshot_names
from fairlead.shard.offline import State
from fairlead.shard.snapshot import SnapshotDamage, describe
from fairlead.storage.compactor import compact
from tests.crash.histories import Look, look, opened, steps
from tests.crash.test_damage import recovered, variant
from tests.crash.test_recovery import documented
from tests.property.commands import Profile
from tests.property.driver import TENANT
from tests.property.tapes import PROFILES
from tests.property.test_replay import run, tape

GOLDEN = Path(__file__).with_name("golden")
REOPENED = 4  # times in each tape
HEADER = 128  # bytes; identity of the journal and the time are in it, behind it is the state alone


def sections(path: Path) -> bytes:
    """The state of the newest snapshot, byte by byte."""
    return (path / snapshot_names(str(path))[-1]).read_bytes()[HEADER:]


def keep_segments(path: Path, all_of: Path) -> None:
    """Copies the segments, so that the whole journal is there also when the first ones are deleted."""
    all_of.mkdir(exist_ok=True)
    for name in segment_names(str(path)):
        shutil.copy(path / name, all_of / name)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_shard_that_restarts_from_snapshots_answers_as_one_that_does_not(
    profile: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    """And the state is the same, byte by byte, whether it was made of snapshots or of every record."""
    length = max(20, tape_length // 40 // len(PROFILES))
    calls = [documented(call) for call in tape(profile, Random(f"{tape_seed}/snapshot/{profile.name}"), length)]
    data, all_of = tmp_path / "data", tmp_path / "all"
    steady, restarted = Shard(virtual_time=True), opened(data, "none")
    for number, call in enumerate(calls, 1):
        assert run(steady, call) == run(restarted, call), f"command {number}: {call}"
        if number % (length // REOPENED) == 0:
            now = restarted.now_us
            restarted.close()
            keep_segments(data, all_of)
            made = compact(data)
            assert made is not None
            restarted = Shard(virtual_time=True)
            found = restarted.open(str(data), "none", segment_size=4096)
            assert (found.snapshot, found.tail_records, found.problems) == (made.snapshot, 0, ())
            restarted.advance_to(now)
            steady.advance_to(now)
            assert restarted.state_hash(TENANT) == steady.state_hash(TENANT), f"after command {number}"
            assert restarted.check(TENANT) == []
    restarted.close()
    keep_segments(data, all_of)
    compact(data)
    compact(all_of)
    assert sections(data) == sections(all_of)


def written(path: Path, calls: int = 200) -> Look:
    """A closed directory with two snapshots, a tail, and segments deleted; what the shard was."""
    shard = opened(path)
    steps(shard, calls // 2)
    compact(path)
    steps(shard, calls // 4, calls // 2)
    compact(path)
    steps(shard, calls - calls // 2 - calls // 4, calls // 2 + calls // 4)
    found = look(shard)
    shard.close()
    return found


def test_a_start_reads_the_newest_snapshot_and_the_tail_alone(tmp_path: Path) -> None:
    expected = written(tmp_path)
    newest = snapshot_names(str(tmp_path))[-1]
    shard = Shard(virtual_time=True)
    found = shard.open(str(tmp_path), "os", segment_size=4096)
    assert look(shard) == expected
    assert found.snapshot == newest
    assert found.tail_records == found.records - describe(str(tmp_path / newest)).base.sequence > 0
    shard.close()


def test_two_snapshots_are_kept_and_the_segments_that_the_older_one_needs(tmp_path: Path) -> None:
    written(tmp_path)
    names = snapshot_names(str(tmp_path))
    manifest = read_manifest(str(tmp_path))
    assert manifest is not None
    assert [f"{entry.sequence:016d}.snapshot" for entry in manifest.entries] == names
    assert len(names) == 2
    assert int(segment_names(str(tmp_path))[0][:16]) == manifest.entries[0].segment > 1
    with_segments = sorted(os.listdir(tmp_path))
    assert compact(tmp_path) is not None
    assert compact(tmp_path) is None
    assert snapshot_names(str(tmp_path))[0] == names[1]
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
    assert len(os.listdir(tmp_path)) <= len(with_segments)


def damaged(path: Path, name: str, at: int = HEADER + 60) -> None:
    data = bytearray((path / name).read_bytes())
    data[at] ^= 1
    (path / name).write_bytes(data)


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    expected = written(tmp_path)
    older, newest = snapshot_names(str(tmp_path))
    damaged(tmp_path, newest)
    shard = Shard(virtual_time=True)
    found = shard.open(str(tmp_path), "os", segment_size=4096)
    assert look(shard) == expected
    assert found.snapshot == older
    assert len(found.problems) == 1
    assert newest in found.problems[0]
    shard.close()
    made = compact(tmp_path)
    assert made is not None
    assert snapshot_names(str(tmp_path)) == [older, made.snapshot]


def test_without_a_good_snapshot_and_its_segments_a_start_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    for name in snapshot_names(str(tmp_path)):
        damaged(tmp_path, name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DataLoss, match="no snapshot of .* can be read") as refused:
        opened(tmp_path)
    assert refused.value.reason == "JOURNAL_DAMAGED"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_with_all_segments_damaged_snapshots_cost_nothing_but_time(tmp_path: Path) -> None:
    shard = opened(tmp_path, segment_size=1 << 20)
    steps(shard, 100)
    compact(tmp_path)
    expected = look(shard)
    shard.close()
    damaged(tmp_path, snapshot_names(str(tmp_path))[0])
    assert recovered(tmp_path) == expected


def test_a_missing_segment_behind_the_snapshot_is_a_gap(tmp_path: Path) -> None:
    written(tmp_path)
    manifest = read_manifest(str(tmp_path))
    assert manifest is not None
    for entry in manifest.entries[::-1]:
        name = f"{entry.segment:016d}.journal"
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        if entry == manifest.entries[-1]:
            with pytest.raises(DataLoss) as refused:
                opened(tmp_path)
            assert refused.value.reason == "JOURNAL_GAP"
        (tmp_path / name).write_bytes(data)
    for name in segment_names(str(tmp_path)):
        (tmp_path / name).unlink()
    with pytest.raises(DataLoss, match="in which the snapshot .* ends, is missing"):
        opened(tmp_path)


def test_a_segment_that_ends_before_its_snapshot_does_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    manifest = read_manifest(str(tmp_path))
    assert manifest is not None
    name = f"{manifest.entries[-1].segment:016d}.journal"
    os.truncate(tmp_path / name, manifest.entries[-1].offset - 8)
    for later in segment_names(str(tmp_path)):
        if later > name:
            (tmp_path / later).unlink()
    with pytest.raises(DataLoss, match="before byte"):
        opened(tmp_path)


def test_a_snapshot_of_another_layout_or_format_is_refused_by_name(tmp_path: Path) -> None:
    written(tmp_path)
    names = snapshot_names(str(tmp_path))
    originals = {name: (tmp_path / name).read_bytes() for name in names}
    for at, value, told in (
        (10, 9, "needs a reader of format 9"),
        (16, 99, "layout 99 of the state"),
        (8, 0, "format 0"),
    ):
        for name in names:
            data = bytearray(originals[name])
            data[at : at + 2] = value.to_bytes(2, "little")
            data[124:128] = checksum(bytes(data[:124])).to_bytes(4, "little")
            (tmp_path / name).write_bytes(data)
            with pytest.raises(SnapshotDamage, match=told):
                State().load(str(tmp_path / name))
        with pytest.raises(FairleadError, match=told) as refused:
            opened(tmp_path)
        assert refused.value.reason == "JOURNAL_VERSION"


def test_a_state_that_is_not_what_the_snapshot_says_is_no_state(tmp_path: Path) -> None:
    """All checksums are right, and the hash is another: a defect of a program, told as one."""
    written(tmp_path)
    for name in snapshot_names(str(tmp_path)):
        data = bytearray((tmp_path / name).read_bytes())
        data[72] ^= 1
        data[124:128] = checksum(bytes(data[:124])).to_bytes(4, "little")
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataLoss, match="the state has the hash") as refused:
        opened(tmp_path)
    assert refused.value.reason == "JOURNAL_HASH"


def test_every_bit_flip_in_a_snapshot_or_manifest_gives_the_exact_state_or_a_refusal(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With the older snapshot the state is exact and the newer one's damage is told; without it a start is refused."""
    source, flipped = tmp_path / "source", tmp_path / "flip"
    expected = written(source, 60)
    older, newest = snapshot_names(str(source))
    alone = tmp_path / "alone"
    shutil.copytree(source, alone)
    (alone / older).unlink()
    for name in segment_names(str(alone)):
        if int(name[:16]) < describe(str(alone / newest)).base.segment:
            (alone / name).unlink()
    wrong = tried = refused = 0
    stride = 1 if request.config.getoption("--torture") else 997
    for name in (newest, "manifest"):
        data = bytearray((source / name).read_bytes())
        for bit in range(0, 8 * len(data), stride if name == newest else min(stride, 13)):
            data[bit // 8] ^= 1 << bit % 8
            for directory in (source, alone):
                shard = Shard(virtual_time=True)
                try:
                    found = shard.open(str(variant(directory, flipped, name, bytes(data))), "os", segment_size=4096)
                except DataLoss:
                    refused += 1
                    wrong += directory == source
                else:
                    wrong += look(shard) != expected or not found.problems
                    shard.close()
                tried += 1
            data[bit // 8] ^= 1 << bit % 8
    print(f"bit flips in snapshots and manifests: {wrong} of {tried} wrong, {refused} refused")
    assert wrong == 0
    assert refused


def test_the_tools_begin_with_the_oldest_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, copy, saved = tmp_path / "data", tmp_path / "copy", tmp_path / "saved"
    expected = written(data)
    first = describe(str(data / snapshot_names(str(data))[0])).base.sequence + 1

    def told(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    found = json.loads(told("journal", "verify", data, "--replay", "--json"))
    assert (found["problem"], found["warnings"], found["snapshots"]) == ("", [], 2)
    assert found["state_hash"] == sum(expected.hashes.values()) % 2**64
    sequences = [json.loads(line)["sequence"] for line in told("journal", "dump", data, "--json").splitlines()]
    assert sequences == list(range(first, first + len(sequences)))
    counts = json.loads(told("journal", "stats", data, "--json"))
    assert sum(kind["records"] for kind in counts.values()) == len(sequences) == found["records"]
    told("backup", data, copy)
    assert recovered(copy) == expected
    told("journal", "salvage", data, saved)
    assert recovered(saved) == expected
    for line in told("snapshot", "verify", data, "--json").splitlines():
        assert json.loads(line)["problem"] == ""
    job = next(job["id"] for job in expected.jobs["default"][::-1])
    assert job in told("journal", "explain", data, job)


def test_verify_finds_a_snapshot_to_which_the_journal_does_not_lead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two histories that differ in one number: the state of one under the header of the other is whole, and wrong."""
    for name, capacity in (("one", 5), ("two", 6)):
        shard = opened(tmp_path / name)
        shard.create_agent("default", "ann", capacity=capacity, presence=1)
        compact(tmp_path / name)
        shard.assign("default", "job")
        compact(tmp_path / name)
        shard.close()
    newest = snapshot_names(str(tmp_path / "one"))[-1]
    one, two = ((tmp_path / name / newest).read_bytes() for name in ("one", "two"))
    header = bytearray(one[:HEADER])
    header[72:88], header[96:100] = two[72:88], two[96:100]
    header[124:] = checksum(bytes(header[:124])).to_bytes(4, "little")
    (tmp_path / "one" / newest).write_bytes(header + two[HEADER:])
    assert main(["snapshot", "verify", str(tmp_path / "two")]) == 0
    assert main(["snapshot", "verify", str(tmp_path / "one")]) == 1
    assert "from the snapshot before and the journal" in capsys.readouterr().out


def test_a_snapshot_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    older, newest = snapshot_names(str(tmp_path))
    shutil.copy(tmp_path / newest, tmp_path / older)
    with pytest.raises(SnapshotDamage, match="it is the snapshot behind record"):
        describe(str(tmp_path / older))


def test_a_restored_copy_has_an_epoch_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    expected = written(data)
    epochs = []
    for number in (1, 2):
        target = tmp_path / f"restored-{number}"
        assert main(["snapshot", "restore", str(data), str(target), "--json"]) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told["state_hash"] == sum(expected.hashes.values()) % 2**64
        shard = opened(target)
        assert look(shard) == expected
        steps(shard, 10, 200)
        after = look(shard)
        shard.close()
        assert recovered(target) == after
        epochs.append({frame.epoch for frame in Reader(str(target), describe(str(newest(target))).base)})
        assert max(epochs[-1]) == told["epoch"]
        data, expected = target, after
    assert max(epochs[1]) > max(epochs[0]) > 1
    assert main(["snapshot", "restore", str(data), str(data)]) == 1


def newest(path: Path) -> Path:
    return path / snapshot_names(str(path))[-1]


def test_a_router_makes_a_snapshot_while_it_runs(tmp_path: Path) -> None:
    from fairlead import Router

    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        router.create_agent("ann", capacity=2, presence=1, request_id="new")
        first = router.assign("one", customer="kim")
        router.complete("one", first.version, request_id="done")
        made = router.snapshot()
        assert made["jobs"] == 1
        held = router.assign("two")
    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        assert router.recovered is not None
        assert router.recovered.snapshot == made["snapshot"]
        assert router.assign("one", customer="kim").repeated
        assert router.complete("one", first.version, request_id="done").repeated
        assert router.assign("two").agent_id == held.agent_id
        with pytest.raises(FairleadError, match="was used for another call"):
            router.complete("two", held.version, request_id="done")
    with pytest.raises(FairleadError, match="no journal"):
        Router().snapshot()


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("snapshot-*")), ids=lambda path: path.name)
def test_a_snapshot_of_a_released_layout_is_still_read(golden: Path, tmp_path: Path) -> None:
    """Written by make_golden.py: two snapshots, the segments from the older one on, and what they come to."""
    expected = json.loads((golden / "expected.json").read_text())
    older, newest = snapshot_names(str(golden))
    for left_out in ("", newest):
        path = tmp_path / f"without-{left_out}"
        shutil.copytree(golden, path, ignore=shutil.ignore_patterns("expected.json", left_out))
        shard = Shard(virtual_time=True)
        found = shard.open(str(path), "os", segment_size=4096)
        assert found.snapshot == (older if left_out else newest)
        assert {tenant: f"{shard.state_hash(tenant):016x}" for tenant in shard.tenants()} == expected["hashes"]
        assert found.records == expected["records"]
        shard.close()
