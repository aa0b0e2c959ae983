"""L5: which arm a job belongs to, what that changes, and where it is told."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fairlead import Router
from fairlead.errors import FairleadError, InvalidArgument
from fairlead.policy.advice import advise
from fairlead.policy.document import load
from fairlead.shard.history import History, What

MINUTE = 60
SLICE = 10 * MINUTE


def policy(**experiment: Any) -> dict[str, Any]:
    return {
        "queues": [{"id": "q", "strategy": "sequential"}, {"id": "r"}],
        "default_queue": "q",
        "plans": [{"id": "p", "steps": [{"after": "60s", "any_agent": True}]}],
        "rules": [{"id": "ruled", "match": {"labels": [{"key": "ruled"}]}, "strategy": "least_load"}],
        "experiment": {
            "id": "e",
            "arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "q", "strategy": "best_rating", "plan": "p"}]}],
            **experiment,
        },
    }


def router(path: Path | None = None, **experiment: Any) -> Router:
    made = Router(path, "none", virtual_time=True)
    made.advance_to(1_700_000_000)
    made.update_policy(policy(**experiment))
    return made


def test_ids_are_split_evenly_and_always_alike() -> None:
    first, again = router(seed=3), router(seed=3)
    arms = [first.assign(f"j{n}").arm for n in range(2_000)]
    assert arms == [again.assign(f"j{n}").arm for n in range(2_000)]
    assert 900 < Counter(arms)["a"] < 1_100
    other = router(seed=4)
    assert arms != [other.assign(f"j{n}").arm for n in range(2_000)]


def test_slices_take_turns_each_arm_once_in_a_block_in_an_order_by_lot() -> None:
    made = router(slice="10m", arms=[{"id": "a"}, {"id": "b"}, {"id": "c"}])
    start = 1_700_000_000 // (3 * SLICE) * 3 * SLICE + 3 * SLICE
    orders = set()
    for block in range(40):
        order = []
        for place in range(3):
            begin = start + (3 * block + place) * SLICE
            made.advance_to(begin)
            arms = {made.assign(f"first-{block}-{place}").arm}
            made.advance_to(begin + SLICE - 1)
            arms.add(made.assign(f"last-{block}-{place}").arm)
            assert len(arms) == 1
            order += arms
        assert sorted(order) == ["a", "b", "c"]
        orders.add(tuple(order))
    assert len(orders) == 6


def test_an_arm_changes_its_queue_where_nothing_else_decides() -> None:
    made = router()
    for name, rating in (("ann", 100), ("bob", 900)):
        made.create_agent(name, rating=rating, capacity=1_000, presence=1)
    arms: dict[str, Counter[str]] = {"a": Counter(), "b": Counter()}
    for number in range(200):
        given = made.assign(f"j{number}")
        arms[given.arm][given.agent_id] += 1
    assert set(arms["b"]) == {"bob"}
    assert set(arms["a"]) == {"ann", "bob"}
    ruled = Counter(made.assign(f"ruled-{n}", labels={"ruled": "yes"}).agent_id for n in range(200))
    assert ruled["ann"] > 50
    elsewhere = Counter(made.assign(f"r-{n}", queue="r").agent_id for n in range(100))
    assert elsewhere["ann"] > 30


def test_a_plan_of_an_arm_relaxes_its_jobs() -> None:
    made = router()
    made.create_agent("ann", presence=1, capacity=1_000)
    waiting = {f"j{n}": made.assign(f"j{n}", skills={"da": 3}).arm for n in range(40)}
    made.advance_to(1_700_000_100)
    placed = {job for job in waiting if made.job(job).agent_id}
    assert placed == {job for job, arm in waiting.items() if arm == "b"}
    assert placed


def test_jobs_events_repeats_and_the_journal_carry_the_arm(tmp_path: Path) -> None:
    made = router(tmp_path)
    made.create_agent("ann", presence=1, capacity=8)
    arms = {f"j{n}": made.assign(f"j{n}").arm for n in range(12)}
    assert {made.assign(job).arm for job, arm in arms.items() if arm == "a"} == {"a"}
    assert all(made.job(job).arm == arm for job, arm in arms.items())
    assert all(made.explain(job).job.arm == arm for job, arm in arms.items())
    told = [event for event in made.watch(after=1, timeout=0) if event.job_id]
    assert {event.arm for event in told} == {"a", "b"}
    assert all(event.arm == arms[event.job_id] for event in told)
    refused = made.assign("no room", immediate_only=True, skills={"da": 1})
    made.close()
    found = [each for each in History(str(tmp_path), "default") if each.job_id]
    assert {each.arm for each in found if each.what == What.REFUSED} == {refused.arm}
    assert all(each.arm == arms[each.job_id] for each in found if each.job_id in arms)
    with Router(tmp_path, "none", virtual_time=True) as again:
        assert all(again.job(job).arm == arm for job, arm in arms.items())
        again.update_policy({"queues": [{"id": "q"}, {"id": "r"}], "default_queue": "q"})
        assert again.assign("after").arm == ""
        assert again.job("j0").arm == arms["j0"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"arms": [{"id": "a"}]}, "experiment.arms"),
        ({"arms": [{"id": "a"}, {"id": "a"}]}, "experiment.arms[1].id"),
        ({"arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "x"}]}]}, "experiment.arms[1].queues[0].id"),
        (
            {"arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "q", "plan": "x"}]}]},
            "experiment.arms[1].queues[0].plan",
        ),
        (
            {"arms": [{"id": "a"}, {"id": "b", "queues": [{"id": "q", "strategy": "x"}]}]},
            "experiment.arms[1].queues[0].strategy",
        ),
        ({"slice": "30s"}, "experiment.slice"),
        ({"slice": "10m", "wash_out": "6m"}, "experiment.wash_out"),
        ({"wash_out": "1m"}, "experiment.wash_out"),
        ({"id": ""}, "experiment.id"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        load(policy(**changes))
    assert [where for where, _ in refused.value.violations] == [path]


def test_a_split_by_id_and_slices_without_wash_out_are_warned_of() -> None:
    assert any("take them from each other" in text for text in advise(load(policy())))
    assert any("without wash_out" in text for text in advise(load(policy(slice="10m"))))
    assert not any("experiment" in text for text in advise(load(policy(slice="10m", wash_out="2m"))))


def test_a_tenant_knows_at_most_255_names_of_arms() -> None:
    made = router()
    for round_ in range(31):
        made.update_policy(policy(arms=[{"id": f"{round_}-{n}"} for n in range(8)]))
    with pytest.raises(FairleadError) as refused:
        made.update_policy(policy(arms=[{"id": f"last-{n}"} for n in range(8)]))
    assert refused.value.reason == "LIMIT_EXCEEDED"
    assert made.assign("j").arm.startswith("30-")
