"""The twin against what can be computed by hand: a judge must be right before it judges."""

from collections import Counter
from fractions import Fraction

import pytest

from fairlead.policy.tables import STRATEGIES, AffinityTierTable, ChannelTable, PolicyTables, QueueTable, TierTable
from tests.oracle.invariants import invariants
from tests.oracle.model import SECOND, Failure, Mode, Outcome, Presence, Reason, State
from tests.oracle.twin import Twin

ONLINE, AWAY, DRAINING, OFFLINE = Presence


def twin_with(**queue: object) -> Twin:
    """A twin whose only queue `support` has these settings; chats cost 1, calls 5; VIPs start 90 s ahead."""
    settings = {key: STRATEGIES[str(value)] if key == "strategy" else value for key, value in queue.items()}
    twin = Twin()
    twin.install_policy(
        PolicyTables(
            channels=(ChannelTable("chat"), ChannelTable("voice", cost=5)),
            tiers=(TierTable("vip", head_start_us=90 * SECOND), TierTable("urgent", urgency=3)),
            queues=(QueueTable("support", **settings),),  # type: ignore[arg-type]
            default_queue="support",
        )
    )
    return twin


def add(twin: Twin, *names: str, **settings: object) -> None:
    for name in names:
        twin.create_agent(name, presence=ONLINE, **settings)  # type: ignore[arg-type]


def deal(twin: Twin, count: int) -> list[str]:
    """Assigns so many jobs, each completed at once; who got them."""
    names = []
    for number in range(count):
        answer = twin.assign(f"dealt{number}")
        twin.complete(answer.job_id, answer.version)
        names.append(answer.agent_id)
    return names


def test_weights_21_and_20_share_41_jobs_exactly_and_never_deviate_by_one() -> None:
    twin = twin_with(strategy="weighted")
    add(twin, "a", weight=21)
    add(twin, "b", weight=20)
    got = deal(twin, 41)
    assert Counter(got) == {"a": 21, "b": 20}
    for count in range(1, 42):
        assert abs(got[:count].count("a") - Fraction(21 * count, 41)) < 1


@pytest.mark.parametrize("strategy", ["sequential", "weighted", "least_load", "longest_idle"])
def test_thirty_jobs_over_three_equal_agents_give_ten_each(strategy: str) -> None:
    twin = twin_with(strategy=strategy)
    add(twin, "a", "b", "c", capacity=30)
    got = [twin.assign(f"j{number}").agent_id for number in range(30)]
    assert Counter(got) == {"a": 10, "b": 10, "c": 10}
    assert got[:3] == ["a", "b", "c"]


def test_a_lone_eligible_job_behind_100_unmatchable_ones_is_placed_at_once() -> None:
    twin = twin_with()
    for number in range(100):
        assert twin.assign(f"j{number}", skills=["welsh"]).reason is Reason.NONE_ELIGIBLE
    assert twin.assign("last").reason is Reason.NO_AGENT_ONLINE
    add(twin, "a")
    assert twin.job("last").state is State.ASSIGNED
    assert invariants(twin) == []


@pytest.mark.parametrize(("earlier", "first"), [(89, "vip"), (90, "plain"), (91, "plain")])
def test_a_vip_passes_only_jobs_that_came_less_than_90_seconds_earlier(earlier: int, first: str) -> None:
    twin = twin_with()
    twin.assign("plain")
    twin.advance_to(earlier * SECOND)
    twin.assign("vip", customer_tier="vip")
    add(twin, "a")
    assert twin.job(first).state is State.ASSIGNED


def test_a_skill_removed_while_a_job_waits_changes_who_may_take_it() -> None:
    twin = twin_with()
    add(twin, "a", "b", skills={"sql": 5})
    assert {twin.assign("one").agent_id, twin.assign("two").agent_id} == {"a", "b"}
    assert twin.assign("three", skills={"sql": 5}).reason is Reason.ALL_BUSY
    twin.update_agent("a", skills={"sql": 4})
    twin.complete("one", 1)
    assert twin.job("three").state is State.QUEUED
    twin.complete("two", 1)
    assert twin.agent_by_number(twin.job("three").agent) is twin.agent("b")


def test_a_job_takes_the_least_saturated_agent_by_exact_fractions() -> None:
    twin = twin_with()
    add(twin, "third", capacity=3)
    add(twin, "half", capacity=2)
    assert [twin.assign(f"j{number}").agent_id for number in range(5)] == ["third", "half", "third", "half", "third"]


def test_a_higher_urgency_class_passes_everybody() -> None:
    twin = twin_with()
    for name, settings in {"plain": {}, "vip": {"customer_tier": "vip"}, "now": {"customer_tier": "urgent"}}.items():
        twin.assign(name, **settings)  # type: ignore[arg-type]
    add(twin, "a")
    assert twin.job("now").state is State.ASSIGNED


def test_a_call_behind_chats_reserves_an_agent_after_30_seconds() -> None:
    twin = twin_with()
    add(twin, "a", capacity=5)
    chats = [twin.assign(f"chat{number}") for number in range(5)]
    assert twin.assign("call", channel="voice").reason is Reason.ALL_BUSY
    for chat in chats[:2]:
        twin.complete(chat.job_id, 1)
    twin.advance_to(29 * SECOND)
    assert twin.assign("early").outcome is Outcome.ASSIGNED
    twin.advance_to(30 * SECOND)
    assert twin.assign("late").outcome is Outcome.QUEUED
    for name in ("chat2", "chat3", "chat4", "early"):
        twin.complete(name, 1)
    assert (twin.job("call").state, twin.job("late").state) == (State.ASSIGNED, State.QUEUED)


def test_an_own_agent_is_held_for_while_full_and_the_hold_ends_exactly_in_time() -> None:
    twin = twin_with(affinity_mode=Mode.PREFER, affinity_tiers=(AffinityTierTable(3600 * SECOND, hold_us=10 * SECOND),))
    add(twin, "own")
    assert twin.assign("first", customer="c").agent_id == "own"
    add(twin, "other")
    assert twin.assign("second", customer="c").reason is Reason.HELD_FOR_AGENT
    twin.advance_to(10 * SECOND - 1)
    assert twin.job("second").state is State.QUEUED
    twin.advance_to(10 * SECOND)
    assert twin.agent_by_number(twin.job("second").agent) is twin.agent("other")


def test_a_required_agent_is_waited_for_until_deleted() -> None:
    twin = twin_with()
    add(twin, "other")
    twin.create_agent("own")
    answer = twin.assign("j", wanted_agent="own", wanted_mode=Mode.REQUIRE)
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.HELD_FOR_AGENT)
    twin.delete_agent("own")
    assert twin.job("j").state is State.ASSIGNED


def test_a_full_queue_overflows_down_the_chain() -> None:
    twin = Twin()
    first = QueueTable("first", max_length=1, on_max_length=2, overflow_queue="second")
    second = QueueTable("second", everyone=False, agents=("a",), max_length=1, on_max_length=3)
    twin.install_policy(PolicyTables(queues=(first, second), default_queue="first"))
    assert [twin.assign(f"j{number}").queue for number in range(2)] == ["first", "second"]
    answer = twin.assign("j2")
    assert (answer.outcome, answer.reason, answer.state) == (Outcome.REFUSED, Reason.QUEUE_FULL, State.CANCELLED)
    assert twin.counts() == {State.QUEUED: 2, State.CANCELLED: 1}


def test_a_transfer_back_excludes_the_agent_and_keeps_the_age() -> None:
    twin = twin_with()
    add(twin, "a")
    twin.assign("j")
    twin.advance_to(SECOND)
    answer = twin.transfer("j", 1)
    assert (answer.state, answer.reason, answer.version) == (State.QUEUED, Reason.BARRED, 0)
    assert twin.job("j").queue_time == 0
    add(twin, "b")
    assert (twin.job("j").state, twin.job("j").version) == (State.ASSIGNED, 2)
    with pytest.raises(Failure, match="STALE_VERSION"):
        twin.complete("j", 1)


def test_a_repeat_gets_the_first_answer_until_the_retention_is_over() -> None:
    twin = twin_with()
    add(twin, "a")
    first = twin.assign("j", urgency=3)
    twin.complete("j", 1)
    assert twin.assign("j", urgency=3) == type(first)(**{**vars(first), "repeated": True})
    with pytest.raises(Failure, match="JOB_ALREADY_EXISTS"):
        twin.assign("j")
    twin.advance_to(3600 * SECOND)
    assert twin.assign("j").outcome is Outcome.ASSIGNED
