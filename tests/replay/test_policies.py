"""Several policies are compared on a journal: the same jobs, slice by slice."""

import json
import math
from pathlib import Path

import pytest

from fairlead.cli import main
from fairlead.errors import FairleadError
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.replay.ledger import SECOND_US, Ledger
from fairlead.replay.policies import DAY_US, LEAST_DAYS, Played, compare_policies
from fairlead.replay.policies import play as play_policy
from fairlead.replay.recording import Recording, record
from fairlead.reports.comparison import verdict
from fairlead.shard.history import History
from fairlead.storage.compactor import compact
from tests.replay.days import POLICY, TENANT, asks, play

HOUR_US = 3_600 * SECOND_US
OTHER = {**POLICY, "queues": [{"id": "sales", "strategy": "sequential"}, {"id": "support"}], "rules": []}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("day") / "journal"
    play(path, POLICY, asks(1, 900))
    return path


@pytest.fixture(scope="module")
def recording(day: Path) -> Recording:
    return record(History(str(day), TENANT))


def history(path: Path) -> History:
    return History(str(path), TENANT)


def played(recording: Recording, policy: object) -> Played:
    return play_policy(recording, compile_policy(load(policy), now_us=recording.ledger.first_us), TENANT)


@pytest.fixture(scope="module")
def both(recording: Recording) -> dict[str, Played]:
    return {"as it is": played(recording, POLICY), "otherwise": played(recording, OTHER)}


def test_a_policy_is_exactly_the_same_as_itself(recording: Recording) -> None:
    again = {"one": played(recording, POLICY), "two": played(recording, POLICY)}
    comparison = compare_policies("day", recording, again, 20 * SECOND_US)
    assert {each.difference.mean for each in comparison.contrasts()} == {0.0}
    (text,) = verdict(comparison)
    assert "Exactly the same: " in text
    assert "better" not in text


def test_every_sample_is_what_the_jobs_of_its_hour_say(recording: Recording, both: dict[str, Played]) -> None:
    comparison = compare_policies("day", recording, both, 20 * SECOND_US)
    assert comparison.sample == "hour"
    hours = sorted({fate.create_us // HOUR_US for fate in recording.ledger.fates})
    assert len(hours) > 3
    for arm in comparison.arms:
        for measure, values in arm.samples.items():
            assert len(values) == len(hours), measure
        for hour, mean, in_time in zip(hours, arm.samples["wait_mean"], arm.samples["in_time"], strict=True):
            fates = [fate for fate in both[arm.name].ledger.fates if fate.create_us // HOUR_US == hour]
            waits = [wait for fate in fates if (wait := fate.wait_us) is not None]
            assert math.isclose(mean, sum(waits) / len(waits) / SECOND_US)
            assert math.isclose(in_time, sum(wait <= 20 * SECOND_US for wait in waits) / len(fates))
    assert comparison.arms[0].samples["wait_mean"] != comparison.arms[1].samples["wait_mean"]


def test_days_are_the_samples_where_there_are_enough(recording: Recording) -> None:
    fates = recording.ledger.fates[:LEAST_DAYS]
    for days, sample in ((LEAST_DAYS, "day"), (LEAST_DAYS - 1, "hour")):
        moved = [
            type(fate)(fate.number, fate.job_id, fate.queue, day * DAY_US, day * DAY_US, end_us=day * DAY_US + 1)
            for day, fate in enumerate(fates[:days])
        ]
        long = Recording(ledger=Ledger(fates=moved))
        both = {"a": Played(long.ledger, {}), "b": Played(long.ledger, {})}
        assert compare_policies("days", long, both, 1).sample == sample


def test_without_a_job_there_is_nothing_to_compare() -> None:
    empty = Recording()
    with pytest.raises(FairleadError, match="nothing to compare"):
        compare_policies("none", empty, {"a": Played(empty.ledger, {}), "b": Played(empty.ledger, {})}, 1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("policies")
    paths = [folder / "now.json", folder / "other.json"]
    for path, policy in zip(paths, (POLICY, {**OTHER, "channels": [{"id": "chat"}]}), strict=True):
        path.write_text(json.dumps(policy))
    return [str(path) for path in paths]


def test_the_command_tells_differences_and_what_was_left_out(
    day: Path, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *files, "--journal", str(day)]) == 0
    shown = capsys.readouterr().out
    assert "other instead of now: " in shown
    assert "900 recorded jobs, each played to every policy; a sample is one hour." in shown
    assert "channel 'voice' is not in the policy" in shown
    page = tmp_path / "page.html"
    assert main(["compare", *files, "--journal", str(day), "--target", "1s", "--json", "--html", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [arm["name"] for arm in found["arms"]] == ["now", "other"]
    assert page.read_text().count("<svg") >= 3


def test_a_journal_whose_first_records_are_gone_begins_with_its_snapshot(
    tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "journal"
    play(path, POLICY, asks(1, 900), between={300: lambda _: compact(path), 500: lambda _: compact(path)})
    begins = history(path).beginning
    assert begins is not None
    assert main(["compare", files[0], files[0], "--journal", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["mean"] for each in found["differences"]} == {0}
    hours = {each // HOUR_US for each in (fate.create_us for fate in record(history(path)).ledger.fates)}
    whole = {hour for hour in hours if hour * HOUR_US >= begins.time_us}
    assert whole < hours
    assert found["arms"][0]["measures"]["wait_mean"]["n"] == len(whole)
    assert any("The journal begins behind a snapshot of" in note for note in found["notes"])
    assert main(["compare", *files, "--journal", str(path)]) == 0
    assert "other instead of now: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--journal", "d", "--seed", "3", "a", "b"], "--seed means nothing to a journal"),
        (["--journal", "d", "--replications", "3", "a", "b"], "--replications means nothing to a journal"),
        (["--journal", "d", "--processes", "3", "a", "b"], "--processes means nothing to a journal"),
        (["--journal", "d", "a"], "two policies or more"),
        (["--scenario", "s", "--target", "3s", "a", "b"], "--target means nothing to anything but --journal"),
        (["--scenario", "s", "--tenant", "t", "a", "b"], "--tenant means nothing to anything but --journal"),
    ],
)
def test_a_flag_that_means_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *arguments])
    assert stopped.value.code == 2
    assert why in capsys.readouterr().err


def test_a_policy_may_be_named_as_often_as_one_likes(
    day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "now").write_text(json.dumps(POLICY))
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "now", "now", "now", "--journal", str(day), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [arm["name"] for arm in found["arms"]] == ["now", "now (2)", "now (3)"]


def test_a_bad_policy_is_told_before_anything_is_read(
    day: Path, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[[queues]]\nid = "q"\nstrategy = "nonsense"\n')
    assert main(["compare", files[0], str(bad), "--journal", str(day)]) == 1
    assert "nonsense" in capsys.readouterr().err
