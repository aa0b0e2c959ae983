"""L5: what came of the arms of an experiment is told from the journal, with the counts that the answers gave."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli import main
from fairlead.errors import FairleadError
from fairlead.policy.document import load
from fairlead.replay.arms import compare_arms
from fairlead.replay.ledger import Fate, Ledger, Placement, Shift
from fairlead.replay.recording import Recording, record
from fairlead.reports.comparison import Comparison
from fairlead.shard.history import History
from tests.replay.days import POLICY, SECOND, START_US, TENANT, Ask, asks, play

MINUTE = 60 * SECOND
SLICE, WASH_OUT = 10 * MINUTE, 2 * MINUTE
SLICES = {"slice": "10m", "wash_out": "2m"}
OTHERWISE = [
    {"id": "support", "strategy": "sequential", "affinity": "AFFINITY_MODE_OFF"},
    {"id": "sales", "strategy": "sequential"},
]
DAY = asks(3, 1_500, 25)


def policy(queues: list[dict[str, str]], seed: int = 5, **split: str) -> dict[str, Any]:
    arms = [{"id": "as it is"}, {"id": "otherwise", "queues": queues}]
    return {**POLICY, "experiment": {"id": "trial", "arms": arms, "seed": seed, **split}}


def recorded(path: Path, with_policy: Mapping[str, Any]) -> tuple[Recording, dict[str, str]]:
    """A recorded day, and the arms that the answers told."""
    arms: dict[str, str] = {}
    play(path, with_policy, DAY, arms=arms)
    return record(History(str(path), TENANT)), arms


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recording, dict[str, str]]:
    """A day in which one arm heeds who served a customer before, and the other gives jobs to the first who is free."""
    path = tmp_path_factory.mktemp("unequal") / "journal"
    return path, *recorded(path, policy(OTHERWISE, **SLICES))


def told(comparison: Comparison) -> Mapping[str, bool | None]:
    return {each.measure.key: each.is_better for each in comparison.contrasts()}


def counted(comparison: Comparison) -> str:
    return comparison.notes[0]


def in_whole_blocks(day: list[Ask], arms: Mapping[str, str], last_us: int) -> tuple[Counter[str], int]:
    """Jobs of each arm that count, and those of the wash-out, from the answers alone."""
    found: dict[int, Counter[str]] = {}
    washed = 0
    for ask in day:
        number = ask.at_us // SLICE
        if number * SLICE < START_US or (number + 1) * SLICE > last_us:
            continue
        if ask.at_us % SLICE < WASH_OUT:
            washed += 1
        else:
            found.setdefault(number // 2, Counter())[arms[ask.job_id]] += 1
    whole = [block for block in found.values() if len(block) == 2]
    return sum(whole, Counter()), washed


def test_a_difference_is_told_with_the_counts_of_the_answers(
    unequal: tuple[Path, Recording, dict[str, str]],
) -> None:
    _, recording, arms = unequal
    comparison = compare_arms(recording, 20 * SECOND)
    expected, washed = in_whole_blocks(DAY, arms, recording.ledger.last_us)
    assert min(expected.values()) > 300
    assert washed > 100
    assert counted(comparison) == (
        f"Jobs: as it is {expected['as it is']:,}, otherwise {expected['otherwise']:,}; "
        f"{washed:,} of the wash-out are left out."
    )
    assert [arm.name for arm in comparison.arms] == ["as it is", "otherwise"]
    found = told(comparison)
    assert found["own_agent"] is False
    assert set(comparison.arms[1].samples["own_agent"]) == {0.0}


@pytest.mark.parametrize("split", [SLICES, {}], ids=["slices", "ids"])
def test_arms_that_are_alike_are_told_apart_as_rarely_as_the_confidence_allows(
    tmp_path: Path, split: dict[str, str]
) -> None:
    """One in twenty is the promise; measures of one day are not independent, so a little more than that is allowed."""
    compared = []
    for seed in range(10):
        recording, arms = recorded(tmp_path / str(seed), policy([], seed, **split))
        assert set(arms.values()) == {"as it is", "otherwise"}
        comparison = compare_arms(recording, 20 * SECOND)
        assert comparison.sample == ("block" if split else "hour")
        assert any("share their agents" in note for note in comparison.notes) == (not split)
        compared += told(comparison).values()
    assert len(compared) >= 50
    assert sum(is_better is not None for is_better in compared) <= 0.12 * len(compared)


def crafted(waits: Mapping[int, float], until_us: int, **changes: Any) -> Recording:
    """Jobs that came so long after the start, each with its wait in seconds; arms a and b take turns."""
    begin = START_US // (2 * SLICE) * 2 * SLICE
    experiment = {"id": "e", "arms": [{"id": "a"}, {"id": "b"}], **SLICES, **changes}
    document = load({"queues": [{"id": "q"}], "experiment": experiment}).SerializeToString()
    fates = []
    for number, (after, wait) in enumerate(waits.items()):
        at = begin + after
        given_us = at + round(wait * SECOND)
        given = Placement(given_us, "ann", 0, 1, given_us)
        fates.append(Fate(number, f"j{number}", "q", at, at, [given], end_us=given_us, arm="ab"[after // SLICE % 2]))
    shift = Shift(spells=[(begin, begin + until_us, 1)])
    ledger = Ledger(fates, {"ann": shift}, begin, begin + until_us)
    return Recording(ledger=ledger, policies=[(begin, 2, document)])


def test_jobs_of_the_wash_out_and_of_slices_in_part_are_left_out() -> None:
    waits = {0: 500.0, WASH_OUT - 1: 500.0, WASH_OUT: 1.0, SLICE - 1: 3.0, SLICE + 1: 500.0, 2 * SLICE - 1: 5.0}
    beyond = {2 * SLICE + WASH_OUT: 70.0, 3 * SLICE + WASH_OUT: 90.0}
    comparison = compare_arms(crafted(waits | beyond, 4 * SLICE - 1), 4 * SECOND)
    means = [arm.samples["wait_mean"] for arm in comparison.arms]
    assert means == [[2.0], [5.0]]
    assert [arm.samples["in_time"] for arm in comparison.arms] == [[1.0], [0.0]]
    assert counted(comparison) == "Jobs: a 2, b 1; 3 of the wash-out are left out."
    whole = compare_arms(crafted(waits | beyond, 4 * SLICE), 4 * SECOND)
    assert [arm.samples["wait_mean"] for arm in whole.arms] == [[2.0, 70.0], [5.0, 90.0]]


def test_agents_without_a_job_count_in_fairness() -> None:
    recording = crafted({WASH_OUT: 1.0, SLICE - 1: 1.0, SLICE + WASH_OUT: 1.0}, 2 * SLICE)
    recording.ledger.shifts["bob"] = recording.ledger.shifts["ann"]
    first = compare_arms(recording, SECOND).arms[0].samples
    assert first["fairness"] == [0.5]
    assert all(math.isnan(value) for value in first["satisfaction"])


def blocks(recording: Recording) -> int:
    return len(compare_arms(recording, SECOND).arms[0].samples["wait_mean"])


def test_only_the_time_of_the_last_experiment_counts() -> None:
    recording = crafted(dict.fromkeys(range(WASH_OUT, 8 * SLICE, SLICE), 1.0), 8 * SLICE)
    begin, _, document = recording.policies[0]
    recording.policies.append((begin + 3 * SLICE, 3, document))
    assert blocks(recording) == 4
    other = crafted({}, 0, seed=9).policies[0][2]
    recording.policies[1] = (begin + 3 * SLICE, 3, other)
    assert blocks(recording) == 2
    recording.policies.append((begin + 6 * SLICE, 4, load({"queues": [{"id": "q"}]}).SerializeToString()))
    assert blocks(recording) == 1


def test_an_experiment_that_is_too_young_is_refused() -> None:
    with pytest.raises(FairleadError, match="has no block with jobs of every arm yet; it began 15m") as refused:
        compare_arms(crafted({WASH_OUT: 1.0, SLICE + WASH_OUT: 1.0}, 15 * MINUTE), SECOND)
    assert refused.value.reason == "INVALID_FIELD"


def test_the_command_tells_tables_json_and_a_page(
    unequal: tuple[Path, Recording, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, recording, _ = unequal
    assert main(["compare", "--journal", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "otherwise instead of as it is: " in shown
    assert "own agent" in shown
    assert counted(compare_arms(recording, 20 * SECOND)) in shown
    page = tmp_path / "page.html"
    assert main(["compare", "--journal", str(path), "--target", "1s", "--json", "--html", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["title"] == "trial"
    (own,) = [each for each in found["differences"] if each["measure"] == "own_agent"]
    assert own["arm"] == "otherwise"
    assert own["is_better"] is False
    level = compare_arms(recording, SECOND).arms[0].samples["in_time"]
    shown_level = found["arms"][0]["measures"]["in_time"]
    assert shown_level["n"] == len(level)
    assert math.isclose(shown_level["mean"], sum(level) / len(level))
    assert page.read_text().count("<svg") >= 3


@pytest.mark.parametrize(
    ("directory", "more", "told_as"),
    [
        ("nowhere", (), "JOURNAL_ABSENT"),
        ("plain", (), "no policy of the journal has an experiment"),
        ("plain", ("--tenant", "acme"), "TENANT_NOT_FOUND"),
        ("plain", ("--html", "/nowhere/page.html"), "INVALID_FIELD"),
    ],
)
def test_bad_input_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], directory: str, more: tuple[str, ...], told_as: str
) -> None:
    play(tmp_path / "plain", POLICY, DAY[:20])
    assert main(["compare", "--journal", str(tmp_path / directory), *more]) == 1
    error = capsys.readouterr().err
    assert told_as in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("more", [["a.toml"], ["--agents", "5"], ["--trace", "b.csv"], ["--seed", "1"]])
def test_what_a_journal_does_not_go_with_is_refused(capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", "--journal", "nowhere", *more])
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
