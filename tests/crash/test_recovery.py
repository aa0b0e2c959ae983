"""A shard that is opened again is the one that was closed, or killed: state, names, policies, answers."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from fairlead import Router
from fairlead.errors import FailedPrecondition, FairleadError
from fairlead.journal.reader import Reader, checksum
from fairlead.protobuf import set_duration
from fairlead.shard.core import Shard
from fairlead.storage.records import records
from fairlead.v1.policy_pb2 import Channel, Members, Policy, Queue
from tests.crash.histories import look, opened, steps
from tests.property.commands import Profile
from tests.property.driver import TENANT, Command
from tests.property.tapes import PROFILES
from tests.property.test_replay import run, tape

REOPENED = 4  # times in each tape


def test_the_checksum_is_that_of_the_standard_with_and_without_the_processor() -> None:
    rng = Random(1)
    assert checksum(b"123456789") == 0xE3069283
    for size in (*range(40), 1000, 4096):
        data = rng.randbytes(size)
        assert checksum(data) == checksum(data, tables=True)


@pytest.mark.parametrize("durability", ["fsync", "os", "none"])
def test_a_closed_shard_comes_back_whole_in_every_mode(tmp_path: Path, durability: str) -> None:
    shard = opened(tmp_path, durability)
    steps(shard, 120)
    before = look(shard)
    shard.close()
    again = opened(tmp_path, durability)
    assert look(again) == before
    steps(again, 60, 120)
    steps(shard, 60, 120)
    assert look(again).hashes == look(shard).hashes
    again.close()


def documented(call: Command) -> Command:
    """A policy has its document, from which recovery takes what is in no fact: tiers, defaults, members by name."""
    if call.method != "install_policy":
        return call
    tables, *rest = call.arguments
    document = Policy(
        channels=[Channel(id=channel.id, cost=channel.cost, max_jobs=channel.max_jobs) for channel in tables.channels],
        queues=[
            Queue(id=queue.id, members=None if queue.everyone else Members(agents=queue.agents))
            for queue in tables.queues
        ],
        default_queue=tables.default_queue,
    )
    for tier in tables.tiers:
        added = document.tiers.add(id=tier.id, urgency=tier.urgency)
        set_duration(added.head_start, tier.head_start_us)
    tables = tables._replace(document=document.SerializeToString())
    return Command(call.method, (tables, *rest), call.settings)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_shard_that_restarts_answers_as_one_that_does_not(
    profile: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    length = max(20, tape_length // 20 // len(PROFILES))
    calls = [documented(call) for call in tape(profile, Random(f"{tape_seed}/restart/{profile.name}"), length)]
    steady, restarted = Shard(virtual_time=True), opened(tmp_path, "none", 1 << 20)
    for number, call in enumerate(calls, 1):
        assert run(steady, call) == run(restarted, call), f"command {number}: {call}"
        if number % (length // REOPENED) == 0:
            now = restarted.now_us
            restarted.close()
            restarted = opened(tmp_path, "none", 1 << 20)
            # Time that passed without anything happening is in no fact.
            restarted.advance_to(now)
            steady.advance_to(now)
            assert restarted.state_hash(TENANT) == steady.state_hash(TENANT), f"after command {number}"
            assert restarted.check(TENANT) == []
    restarted.close()


def test_a_retry_after_a_restart_gets_the_first_answer(tmp_path: Path) -> None:
    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        router.create_agent("ann", capacity=2, presence=1, request_id="new")
        first = router.assign("one", customer="kim")
        router.complete("one", first.version, request_id="done")
        held = router.assign("two")
    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        assert router.recovered is not None
        assert router.recovered.records > 0
        again = router.assign("one", customer="kim")
        assert (again.repeated, again.agent_id, again.version) == (True, first.agent_id, first.version)
        assert router.complete("one", first.version, request_id="done").repeated
        assert router.create_agent("ann", capacity=2, presence=1, request_id="new").id == "ann"
        assert router.assign("two").agent_id == held.agent_id
        with pytest.raises(FairleadError, match="was used for another call"):
            router.complete("two", held.version, request_id="done")


def test_a_second_process_is_refused_the_directory(tmp_path: Path) -> None:
    with Router(tmp_path, "os", segment_size=1 << 20), pytest.raises(FailedPrecondition, match="another process"):
        Router(tmp_path, "os", segment_size=1 << 20)
    Router(tmp_path, "os", segment_size=1 << 20).close()


def test_absence_is_not_emptiness(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FairleadError) as refused:
            Shard().open(str(path), "os", create=False)
        assert refused.value.reason == "JOURNAL_ABSENT"


def test_time_goes_on_when_the_clock_of_the_machine_is_behind(tmp_path: Path) -> None:
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path), "os", segment_size=1 << 20)
    shard.advance_to(9_000_000_000_000_000)
    shard.create_agent("default", "ann", presence=1)
    shard.close()
    later = Shard()
    later.open(str(tmp_path), "os", segment_size=1 << 20)
    assert later.now_us >= 9_000_000_000_000_000
    later.close()


def test_segments_follow_each_other_and_are_cut_to_their_size(tmp_path: Path) -> None:
    shard = opened(tmp_path)
    steps(shard, 300)
    counts = shard.journal()
    shard.close()
    reader = Reader(str(tmp_path))
    frames = list(reader)
    assert counts["rotations"] >= 3
    assert len(reader.segments) == counts["rotations"] + 1
    assert sum(frame.records for frame in frames) == reader.tail[3]
    for name in reader.segments[:-1]:
        last = [frame for frame in frames if frame.segment == name][-1]
        assert (tmp_path / name).stat().st_size == last.offset + last.size


def test_records_of_one_step_are_in_one_frame(tmp_path: Path) -> None:
    """A crash never leaves half a step: every frame begins with the first record of one, here a submitted job."""
    with Router(tmp_path, "none", segment_size=1 << 20) as router:
        router.create_agent("ann", capacity=10_000, presence=1)
        router.assign("first")
        begin = router.journal()["sequence"]
        for number in range(3_000):
            router.assign(str(number))
    firsts = [next(records(frame.payload, frame.first)).kind for frame in Reader(str(tmp_path)) if frame.first > begin]
    assert len(firsts) > 20
    assert set(firsts) <= {"fact 9", "hash"}


def test_a_copy_taken_at_any_moment_recovers(tmp_path: Path) -> None:
    """What kill -9 leaves is what a copy of the directory has."""
    shard = opened(tmp_path / "live", "os")
    for start in range(0, 100, 20):
        steps(shard, 20, start)
        copy = tmp_path / f"copy-{start}"
        shutil.copytree(tmp_path / "live", copy)
        (copy / "lock").unlink()
        again = opened(copy)
        assert look(again) == look(shard)
        again.close()
    shard.close()
    assert sorted(os.listdir(tmp_path / "live"))[0].endswith(".journal")
