"""L4 behind snapshots: a journal whose first segments are gone is replayed from the oldest snapshot that is kept."""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from fairlead.errors import FairleadError
from fairlead.journal.reader import segment_names
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.policy.tables import PolicyTables
from fairlead.replay.arms import compare_arms
from fairlead.replay.difference import is_same, pairs
from fairlead.replay.ledger import Fate, Ledger, agent_measures
from fairlead.replay.recording import Recording, record
from fairlead.replay.rerun import rerun
from fairlead.shard.core import JobState, Presence, Shard
from fairlead.shard.history import History
from fairlead.storage.compactor import compact
from tests.crash.test_snapshots import keep_segments
from tests.property.driver import Command
from tests.property.policies import Profile
from tests.property.tapes import PROFILES
from tests.property.test_replay import run, tape
from tests.replay.days import POLICY, SECOND, START_US, TENANT, asks, play
from tests.replay.test_replay import OTHER

SEGMENT = 4096
MINUTE = 60 * SECOND


def compacted(path: Path, calls: list[Command]) -> Path:
    """The journal of these calls, compacted at a third and two thirds, so that its first records are gone."""
    shard = Shard(virtual_time=True)
    shard.open(str(path), "none", segment_size=SEGMENT)
    for number, call in enumerate(calls):
        run(shard, call)
        if number in (len(calls) // 3, 2 * len(calls) // 3):
            now = shard.now_us
            shard.close()
            compact(path)
            shard = Shard(virtual_time=True)
            shard.open(str(path), "none", segment_size=SEGMENT)
            shard.advance_to(now)
    shard.close()
    assert int(segment_names(str(path))[0][:16]) > 1
    return path


def replayed(path: Path, tables: PolicyTables, scratch: Path) -> tuple[Recording, Ledger]:
    """What was recorded, and what comes of it again."""
    history = History(str(path), TENANT)
    history.save_beginning(str(scratch))
    recording = record(history)
    assert recording.beginning is not None
    rerun(recording, tables, TENANT, scratch)
    return recording, record(History(str(scratch), TENANT)).ledger


def different(before: Ledger, after: Ledger) -> list[Fate]:
    return [old for old, new in pairs(before.fates, after.fates) if new is None or not is_same(old, new)]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_kind_of_history_goes_on_as_it_did_from_its_oldest_snapshot(
    profile: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    """Waiting, offered, held and wrapping jobs, rotations, memories, leases: 0 differences by the same policy."""
    length = max(600, tape_length // 4 // len(PROFILES))
    steady = replace(profile, mix={**profile.mix, "policy": 0})
    calls: list[Any] = tape(steady, Random(f"{tape_seed}/beginning/{profile.name}"), length)
    calls = calls[:1] + [call for call in calls[1:] if call.method != "install_policy"]
    recording, after = replayed(compacted(tmp_path / "first", calls), calls[0].arguments[0], tmp_path / "second")
    assert different(recording.ledger, after) == []
    assert len(after.fates) == len(recording.ledger.fates) > 0
    assert recording.changes == []


# ---- what is known at the beginning


class Story(NamedTuple):
    """A journal whose beginning has a job of every live state, with all its segments beside it."""

    path: Path
    whole: Path


STORY: dict[str, Any] = {
    "queues": [
        {"id": "work", "members": {"agents": ["ann"]}, "wrap_up": "60s"},
        {"id": "talk", "members": {"agents": ["bob"]}, "offer_timeout": "30s"},
        {"id": "quiet", "members": {"agents": ["eve"]}},
    ],
    "default_queue": "work",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    path = tmp_path_factory.mktemp("story") / "data"
    whole = path.with_name("whole")
    shard = Shard(virtual_time=True)
    shard.open(str(path), "os", segment_size=SEGMENT)
    shard.advance_to(START_US)
    shard.install_policy(TENANT, compile_policy(load(STORY), now_us=START_US))
    shard.create_agent("other", "somebody", presence=1)
    for agent in ("ann", "bob"):
        shard.create_agent(TENANT, agent, capacity=3, presence=1)
    shard.create_agent(TENANT, "eve", capacity=1)
    for number in range(60):
        shard.advance_to(START_US + number * SECOND)
        shard.complete(TENANT, f"early-{number}", shard.assign(TENANT, f"early-{number}").version, skip_wrap_up=True)
        shard.assign("other", f"early-{number}")
    now = START_US + 2 * MINUTE
    shard.advance_to(now)
    wrapping = shard.assign(TENANT, "wrapping")
    held = shard.assign(TENANT, "held")
    shard.advance_to(now + 40 * SECOND)
    shard.complete(TENANT, "wrapping", wrapping.version)
    shard.assign(TENANT, "waiting", "quiet", customer="kim")
    shard.assign(TENANT, "gone", "quiet")
    offered = shard.assign(TENANT, "offered", "talk")
    shard.assign(TENANT, "later", start_time_us=now + 5 * MINUTE)
    for second in (45, 50):
        keep_segments(path, whole)
        compact(path)
        shard.advance_to(now + second * SECOND)
        for number in range(30):
            name = f"filler-{second}-{number}"
            shard.complete(TENANT, name, shard.assign(TENANT, name).version, skip_wrap_up=True)
    shard.accept(TENANT, "offered", offered.version)
    shard.cancel(TENANT, "gone")
    shard.complete(TENANT, "held", held.version, satisfaction=900)
    shard.advance_to(now + 3 * MINUTE)
    shard.set_presence(TENANT, "eve", 1)
    shard.advance_to(now + 10 * MINUTE)
    shard.assign(TENANT, "last")
    shard.close()
    keep_segments(path, whole)
    assert int(segment_names(str(path))[0][:16]) > 1
    return Story(path, whole)


def recorded(path: Path, tenant: str = TENANT) -> Recording:
    return record(History(str(path), tenant))


def by_id(ledger: Ledger) -> dict[str, Fate]:
    return {fate.job_id: replace(fate, number=0) for fate in ledger.fates}


def test_a_beginning_tells_every_live_job_and_agent(story: Story) -> None:
    beginning = recorded(story.path).beginning
    assert beginning is not None
    assert [(job.job_id, job.state, job.agent_id) for job in beginning.jobs] == [
        ("wrapping", JobState.WRAPPING, "ann"),
        ("held", JobState.ASSIGNED, "ann"),
        ("waiting", JobState.QUEUED, ""),
        ("gone", JobState.QUEUED, ""),
        ("offered", JobState.OFFERED, "bob"),
        ("later", JobState.SCHEDULED, ""),
    ]
    assert sorted(beginning.agents) == [
        ("ann", Presence.ONLINE, 3), ("bob", Presence.ONLINE, 3), ("eve", Presence.OFFLINE, 1),
    ]  # fmt: skip
    assert beginning.time_us == START_US + 2 * MINUTE + 40 * SECOND
    assert beginning.policy is not None
    assert beginning.policy[0] == 1
    assert beginning.problems == ()
    assert recorded(story.whole).beginning is None


def test_what_becomes_of_jobs_is_told_as_by_the_whole_journal(story: Story) -> None:
    """Ages, waits and ends of those that were live, and everything of those that came later."""
    part, whole = by_id(recorded(story.path).ledger), by_id(recorded(story.whole).ledger)
    early = {f"early-{number}" for number in range(60)}
    assert whole.keys() - part.keys() == early
    assert {job_id: whole[job_id] for job_id in part if job_id != "wrapping"} == {
        job_id: fate for job_id, fate in part.items() if job_id != "wrapping"
    }
    assert replace(part["wrapping"], satisfaction=-1) == replace(whole["wrapping"], satisfaction=-1)
    assert part["waiting"].wait_us == 140 * SECOND
    assert part["held"].satisfaction == 900


def test_the_time_that_agents_held_jobs_counts_from_the_beginning(story: Story) -> None:
    """Ann holds `held` for 10 s and `wrapping` for 60 s after it, of the 10 minutes or so that are left."""
    recording = recorded(story.path)
    found = agent_measures(recording.ledger)["ann"]
    seconds = (recording.ledger.last_us - recording.ledger.first_us) / SECOND
    later = START_US + 7 * MINUTE
    fates = by_id(recording.ledger)
    assert fates["later"].placements[0].time_us == later
    held = 10 + 60 + 60 + (recording.ledger.last_us - later) / SECOND
    assert found.saturation == pytest.approx(held / (3 * seconds))


def test_the_same_policy_changes_nothing_of_the_jobs_that_were_live(story: Story, tmp_path: Path) -> None:
    tables = compile_policy(load(STORY), now_us=START_US)
    recording, after = replayed(story.path, tables, tmp_path / "played")
    assert different(recording.ledger, after) == []
    assert Shard(virtual_time=True).open(str(tmp_path / "played"), "os").tenants == 1


def test_the_policy_is_applied_at_the_beginning_as_to_a_running_daemon(story: Story, tmp_path: Path) -> None:
    """Who waits in a queue that gets an agent is served at once, an offer stays open, a holder keeps its job."""
    queues = [dict(queue) for queue in STORY["queues"]]
    queues[2]["members"] = {"agents": ["bob"]}
    tables = compile_policy(load({**STORY, "queues": queues}), now_us=START_US)
    recording, after = replayed(story.path, tables, tmp_path / "played")
    fates = by_id(after)
    changed = {fate.job_id for fate in different(recording.ledger, after)}
    assert changed == {"waiting", "gone"}
    for job_id in changed:
        (placement,) = fates[job_id].placements
        assert (placement.time_us, placement.agent_id) == (recording.ledger.first_us, "bob")
    assert fates["gone"].end == "served"


def test_a_policy_without_a_queue_of_a_live_job_is_refused_as_by_a_running_daemon(story: Story, tmp_path: Path) -> None:
    tables = compile_policy(load({"queues": [{"id": "work"}, {"id": "talk"}]}), now_us=START_US)
    with pytest.raises(FairleadError, match="'quiet' is not in this policy and still has 2 live jobs") as refused:
        replayed(story.path, tables, tmp_path / "played")
    assert refused.value.reason == "QUEUE_IN_USE"


def test_another_policy_changes_what_it_does_when_it_is_applied_in_the_middle_of_a_day(tmp_path: Path) -> None:
    """The day played by itself, with the policy applied at the moment of the oldest snapshot, ends alike."""
    day = [ask._replace(patience_us=10**12) for ask in asks(1, 600) if "immediate_only" not in ask.request]
    data = tmp_path / "data"
    play(data, POLICY, day, between={200: lambda _: compact(data), 400: lambda _: compact(data)})

    def change(shard: Shard) -> None:
        shard.install_policy(TENANT, compile_policy(load(OTHER), now_us=shard.now_us))

    play(tmp_path / "direct", OTHER | POLICY, day, between={200: change})
    tables = compile_policy(load(OTHER), now_us=START_US)
    recording, after = replayed(data, tables, tmp_path / "played")
    direct = recorded(tmp_path / "direct").ledger
    assert recording.beginning is not None
    assert recording.beginning.jobs
    since = [fate for fate in direct.fates if fate.job_id in by_id(after)]
    assert len(since) == len(after.fates) > 350
    assert different(Ledger(since), after) == []
    assert len(different(recording.ledger, after)) > 100


# ---- changes of the policy


def test_changes_of_the_policy_that_were_recorded_are_counted(story: Story, tmp_path: Path) -> None:
    """Those behind the beginning; another calendar of the same version is no change."""
    path = tmp_path / "data"
    shutil.copytree(story.path, path)
    shard = Shard(virtual_time=True)
    shard.open(str(path), "os", segment_size=SEGMENT)
    tables = compile_policy(load(STORY), now_us=START_US)
    at = shard.now_us + MINUTE
    shard.advance_to(at)
    shard.renew_calendar(TENANT, tables)
    shard.install_policy(TENANT, tables)
    shard.close()
    assert recorded(story.path).changes == []
    assert recorded(story.whole).changes == []
    assert recorded(path).changes == [(at, 2)]
    assert [version for _, version, _ in recorded(path).policies] == [1, 1, 2]


@pytest.mark.parametrize(("calls", "versions"), [("pj", []), ("ppj", [2]), ("jp", [1]), ("pjjp", [2]), ("p", [])])
def test_the_first_policy_is_no_change_if_no_job_came_before(tmp_path: Path, calls: str, versions: list[int]) -> None:
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path), "none")
    for number, call in enumerate(calls):
        if call == "p":
            shard.install_policy(TENANT, compile_policy(load({"queues": [{"id": "default"}]})))
        else:
            shard.assign(TENANT, f"job-{number}", immediate_only=bool(number % 2))
    shard.close()
    assert [version for _, version in recorded(tmp_path).changes] == versions


def test_a_change_before_any_job_behind_the_beginning_is_one(tmp_path: Path) -> None:
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path), "os", segment_size=SEGMENT)
    tables = compile_policy(load({"queues": [{"id": "default"}]}))
    shard.install_policy(TENANT, tables)
    shard.create_agent(TENANT, "ann", presence=1)
    for number in range(90):
        shard.complete(TENANT, f"job-{number}", shard.assign(TENANT, f"job-{number}").version)
    for presence in (Presence.AWAY, Presence.ONLINE):
        compact(tmp_path)
        shard.set_presence(TENANT, "ann", presence)
    shard.install_policy(TENANT, tables)
    shard.close()
    recording = recorded(tmp_path)
    assert recording.beginning is not None
    assert recording.courses == []
    assert [version for _, version in recording.changes] == [2]


# ---- where a history begins


def test_a_tenant_that_came_behind_the_snapshot_is_told_from_its_first_record(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(story.path, path)
    shard = Shard(virtual_time=True)
    shard.open(str(path), "os", segment_size=SEGMENT)
    shard.create_agent("new", "zoe", presence=1)
    shard.assign("new", "job")
    shard.close()
    history = History(str(path), "new")
    recording = record(history)
    assert recording.beginning is None
    assert [fate.job_id for fate in recording.ledger.fates] == ["job"]
    with pytest.raises(ValueError, match="never was"):
        history.save_beginning(str(tmp_path / "scratch"))
    rerun(recording, compile_policy(load({"queues": [{"id": "default"}]})), "new", tmp_path / "played")
    assert different(recording.ledger, recorded(tmp_path / "played", "new").ledger) == []
    assert recorded(path, "other").beginning is not None


def test_a_beginning_is_saved_before_anything_is_read(story: Story, tmp_path: Path) -> None:
    history = History(str(story.path), TENANT)
    recording = record(history)
    with pytest.raises(ValueError, match="no longer"):
        history.save_beginning(str(tmp_path / "late"))
    with pytest.raises(FairleadError, match="no data directory"):
        rerun(recording, compile_policy(load(STORY)), TENANT, tmp_path / "nowhere")


def test_a_recording_of_nothing_but_a_beginning_is_replayed(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(story.path, path)
    Shard(virtual_time=True).open(str(path), "os", segment_size=SEGMENT)
    while (made := compact(path)) is not None:
        assert made.deleted >= 0
    names = sorted(path.glob("*.snapshot"))
    names[0].unlink()
    (path / "manifest").unlink()
    for name in segment_names(str(path))[:-1]:
        (path / name).unlink()
    recording, after = replayed(path, compile_policy(load(STORY), now_us=START_US), tmp_path / "played")
    assert recording.ledger.first_us == recording.ledger.last_us
    assert different(recording.ledger, after) == []


# ---- experiments


def test_arms_are_compared_from_the_first_whole_slice_behind_the_snapshot(tmp_path: Path) -> None:
    """As by the whole journal, if the experiment had begun then."""
    experiment = {
        "id": "trial",
        "arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "support", "strategy": "sequential"}]}],
        "slice": "10m",
    }
    data, whole = tmp_path / "data", tmp_path / "whole"

    def shorten(_: Shard) -> None:
        keep_segments(data, whole)
        compact(data)

    play(data, {**POLICY, "experiment": experiment}, asks(3, 900, 25), between={150: shorten, 300: shorten})
    keep_segments(data, whole)
    part, full = recorded(data), recorded(whole)
    assert part.beginning is not None
    ((_, version, document),) = full.policies
    full.policies = [(part.ledger.first_us, version, document)]
    found, expected = compare_arms(part, 20 * SECOND), compare_arms(full, 20 * SECOND)
    assert len(found.arms[0].samples["wait_mean"]) > 10
    assert repr(found.arms) == repr(expected.arms)
    assert found.notes[:-1] == expected.notes
    assert f"the {len(part.beginning.jobs)} jobs that were live then, are left out" in found.notes[-1]
