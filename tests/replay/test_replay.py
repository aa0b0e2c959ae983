"""L4: a recorded journal is played to another policy, and what would have changed is told truly."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fairlead.cli import main
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.replay.difference import compare, is_same, pairs
from fairlead.replay.ledger import Ledger
from fairlead.replay.recording import Recording, record
from fairlead.replay.rerun import rerun
from fairlead.shard.core import Reason, Shard
from fairlead.shard.history import History, What
from tests.property.policies import Profile
from tests.property.tapes import PROFILES
from tests.property.test_replay import run, tape
from tests.replay.days import POLICY, SECOND, START_US, TENANT, asks, play

OTHER: dict[str, Any] = {
    **POLICY,
    "queues": [
        {"id": "sales", "strategy": "sequential"},
        {"id": "support", "strategy": "best_skill", "max_wait": "40s"},
    ],
    "rules": [],
}


def replayed(recording: Recording, policy: Any, path: Path) -> Ledger:
    tables = compile_policy(load(policy), now_us=recording.ledger.first_us)
    assert rerun(recording, tables, TENANT, path) == {}
    return record(History(str(path), TENANT)).ledger


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a day with waits, refusals and customers who gave up."""
    path = tmp_path_factory.mktemp("day") / "journal"
    play(path, POLICY, asks(1, 600))
    return path


def test_the_same_policy_changes_nothing(day: Path, tmp_path: Path) -> None:
    recording = record(History(str(day), TENANT))
    after = replayed(recording, POLICY, tmp_path / "played")
    changes = compare(recording.ledger, after, SECOND).changes
    assert changes.jobs == changes.same == 600
    ends = {fate.end for fate in recording.ledger.fates}
    assert ends == {"served", "abandoned", "refused"}


def test_another_policy_changes_what_a_simulation_of_its_own_says(day: Path, tmp_path: Path) -> None:
    """The simulation knows every work time and patience; only jobs that no agent had in the journal are assumed."""
    recording = record(History(str(day), TENANT))
    patient = [ask for ask in asks(1, 600) if served(recording, ask.job_id)]
    play(tmp_path / "all-served", POLICY, [ask._replace(patience_us=10**12) for ask in patient])
    recording = record(History(str(tmp_path / "all-served"), TENANT))
    after = replayed(recording, OTHER, tmp_path / "played")
    play(
        tmp_path / "direct", OTHER, [ask._replace(patience_us=10**12) for ask in patient if kept(recording, ask.job_id)]
    )
    direct = record(History(str(tmp_path / "direct"), TENANT)).ledger
    ours = [fate for fate in after.fates if kept(recording, fate.job_id)]
    assert len(ours) == len(direct.fates) > 400
    changes = compare(recording.ledger, after, SECOND).changes
    assert changes.elsewhere > 100
    assert changes.served_no_longer > 0
    different = [old.job_id for old, new in pairs(direct.fates, ours) if new is None or not is_same(old, new)]
    assert different == []


def served(recording: Recording, job_id: str) -> bool:
    return any(fate.job_id == job_id and fate.placements for fate in recording.ledger.fates)


def kept(recording: Recording, job_id: str) -> bool:
    return any(fate.job_id == job_id and fate.state for fate in recording.ledger.fates)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_kind_of_history_comes_out_as_it_was(
    profile: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    """Offers, transfers, losses, after-work, plans, hours, scenarios, profiles: 0 differences by the same policy."""
    length = max(60, tape_length // 30 // len(PROFILES))
    steady = replace(profile, mix={**profile.mix, "policy": 0})
    calls = tape(steady, Random(f"{tape_seed}/again/{profile.name}"), length)
    calls = calls[:1] + [call for call in calls[1:] if call.method != "install_policy"]
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path / "first"), "none")
    for call in calls:
        run(shard, call)
    shard.close()
    recording = record(History(str(tmp_path / "first"), TENANT))
    rerun(recording, calls[0].arguments[0], TENANT, tmp_path / "second")
    after = record(History(str(tmp_path / "second"), TENANT)).ledger
    different = [
        fate for fate, other in pairs(recording.ledger.fates, after.fates) if other is None or not is_same(fate, other)
    ]
    assert different == []
    assert len(after.fates) == len(recording.ledger.fates) > 0


def test_requests_come_back_as_they_were_asked(tmp_path: Path) -> None:
    """What rules, tiers and profiles add is not in them."""
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path), "none")
    shard.advance_to(START_US)
    rules = [{"id": "all", "skills": [{"name": "extra"}], "preferred_tags": ["vip"], "urgency": 3}]
    shard.install_policy(TENANT, compile_policy(load({**POLICY, "rules": rules}), now_us=START_US))
    shard.create_agent(TENANT, "ann")
    shard.upsert_customer(
        TENANT, "eve", tier="gold", value=5, attributes={"city": "Oslo"}, language="no", own_agent="ann"
    )
    full = {
        "queue": "sales", "channel": "voice", "skills": {"en": (2, 7)}, "tags": ["night"], "customer": "bob",
        "preferred_skills": {"fr": (3, 10)}, "preferred_tags": ["calm"], "urgency": 4, "head_start_us": 5 * SECOND,
        "excluded_agents": ["ann"], "wanted_agent": "ann", "wanted_mode": 2, "wanted_hold_us": 7 * SECOND,
        "time_to_live_us": 90 * SECOND, "start_time_us": START_US + SECOND, "labels": {"topic": "buy", "lang": ""},
        "language": "en-GB", "customer_value": 12, "affinity": 3, "gateway": "g1", "customer_tier": "gold",
    }  # fmt: skip
    shard.assign(TENANT, "full", **full)
    shard.assign(TENANT, "bare")
    shard.assign(TENANT, "profile", customer="eve")
    shard.assign(
        TENANT, "refused", immediate_only=True, customer="eve", excluded_agents=["ann"], time_to_live_us=SECOND
    )
    shard.close()
    found = {
        each.job_id: each for each in History(str(tmp_path), TENANT) if each.what in (What.SUBMITTED, What.REFUSED)
    }
    assert found["full"].detail == full
    assert found["bare"].detail == {}
    assert found["profile"].detail == {"customer": "eve"}
    assert found["refused"].what == What.REFUSED
    assert found["refused"].reason == Reason.NONE_ELIGIBLE
    assert found["refused"].detail == {
        "immediate_only": True, "customer": "eve", "excluded_agents": ["ann"], "time_to_live_us": SECOND,
    }  # fmt: skip


def test_after_work_that_is_finished_for_a_lost_agent_ends_when_it_did(tmp_path: Path) -> None:
    """Within the grace by a call, at its end by the clock: the first is an input, the second follows anew."""
    policy = {"queues": [{"id": "a", "wrap_up": "10m", "on_lost": "requeue", "lost_grace": "60s"}]}
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path / "data"), "none")
    shard.advance_to(START_US)
    shard.install_policy(TENANT, compile_policy(load(policy), now_us=START_US))
    shard.create_agent(TENANT, "ann", capacity=2, presence=1)
    versions = {job: shard.assign(TENANT, job).version for job in ("called", "left")}
    for job, version in versions.items():
        shard.complete(TENANT, job, version)
    shard.set_presence(TENANT, "ann", 4)
    shard.advance_to(START_US + 20 * SECOND)
    shard.finish_wrap_up(TENANT, "called", versions["called"])
    shard.advance_to(START_US + 100 * SECOND)
    shard.close()
    recording = record(History(str(tmp_path / "data"), TENANT))
    assert [len(course.wraps) for course in recording.courses] == [1, 0]
    after = replayed(recording, policy, tmp_path / "played")
    ends = [[fate.end_us for fate in ledger.fates] for ledger in (recording.ledger, after)]
    assert ends == [[START_US + 20 * SECOND, START_US + 60 * SECOND]] * 2


def written(path: Path, policy: Any) -> Path:
    path.write_text(json.dumps(policy))
    return path


def test_the_command_tells_what_would_have_changed(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, page = written(tmp_path / "other.json", OTHER), tmp_path / "page.html"
    assert main(["replay", str(day), "--policy", str(other), "--json", "--html", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["changes"]["jobs"] == found["before"]["jobs"] == 600
    assert found["after"]["expired"] > 0
    assert set(found["queues"]) == {"sales", "support"}
    assert abs(sum(agent["after"]["share"] for agent in found["agents"].values()) - 1) < 1e-9
    html = page.read_text()
    assert html.count("<svg") >= 3
    assert "gave up at a time" in html
    same = written(tmp_path / "same.json", POLICY)
    assert main(["replay", str(day), "--policy", str(same)]) == 0
    assert "nothing would have changed: all 600 jobs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("directory", "policy", "more", "reason"),
    [
        ("nowhere", POLICY, (), "JOURNAL_ABSENT"),
        ("day", {"queues": [{"id": "a", "strategy": "best"}]}, (), "INVALID_POLICY"),
        ("day", POLICY, ("--tenant", "acme"), "TENANT_NOT_FOUND"),
        ("day", POLICY, ("--html", "/nowhere/page.html"), "INVALID_FIELD"),
    ],
)
def test_bad_input_is_told_in_one_line(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], directory: str, policy: Any, more: Any, reason: str
) -> None:
    where = day if directory == "day" else tmp_path / directory
    code = main(["replay", str(where), "--policy", str(written(tmp_path / "policy.json", policy)), *more])
    told = capsys.readouterr().err
    assert code == 1
    assert reason in told
    assert told.count("\n") == 1


def test_a_torn_tail_is_left_out_and_told_and_damage_is_refused(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = tmp_path / "torn"
    torn.mkdir()
    (segment,) = day.glob("*.journal")
    data = segment.read_bytes()
    (torn / segment.name).write_bytes(data[:-40])
    policy = str(written(tmp_path / "policy.json", POLICY))
    assert main(["replay", str(torn), "--policy", policy]) == 0
    assert "torn" in capsys.readouterr().out
    (torn / segment.name).write_bytes(data[:3000] + b"\xff" + data[3001:])
    assert main(["replay", str(torn), "--policy", policy]) == 1
    assert "JOURNAL_DAMAGED" in capsys.readouterr().err


def test_a_queue_that_the_policy_does_not_have_is_told(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path / "policy.json", {"queues": [{"id": "one"}]})
    assert main(["replay", str(day), "--policy", str(policy), "--json"]) == 0
    skipped = json.loads(capsys.readouterr().out)["not_carried_out"]
    assert skipped["queue 'sales' is not in the policy"] > 10
