"""The twin's offers, after-work, leases, warm-up and rates against what can be computed by hand."""

from collections import Counter

import pytest

from fairlead.policy.tables import ChannelTable, PolicyTables, QueueTable
from tests.oracle.invariants import invariants
from tests.oracle.model import SECOND, Answer, Failure, Mean, Mode, Outcome, Presence, Reason, State
from tests.oracle.test_twin import add, twin_with
from tests.oracle.twin import Twin

ONLINE, AWAY, DRAINING, OFFLINE = Presence


def offering(**queue: object) -> Twin:
    """Offers last 20 s, a decline bars for 30 s."""
    return twin_with(**{"offer_timeout_us": 20 * SECOND, "decline_cooldown_us": 30 * SECOND, **queue})


def place(answer: Answer) -> tuple[State, str, int]:
    return (answer.state, answer.agent_id, answer.version)


def test_an_offer_counts_as_load_and_moves_nobody_back_until_it_is_accepted() -> None:
    twin = offering()
    add(twin, "a")
    answer = twin.assign("j")
    assert (answer.outcome, answer.deadline_us) == (Outcome.OFFERED, 20 * SECOND)
    assert (twin.agent("a").load, twin.agent("a").last_given, twin.agent("a").given_count) == (1, 0, 0)
    assert place(twin.accept("j", 1)) == (State.ASSIGNED, "a", 1)
    assert (twin.agent("a").last_given, twin.job("j").assign_time, twin.job("j").deadline) == (1, 0, 0)


def test_a_declined_job_goes_to_the_next_and_comes_back_after_the_cooldown() -> None:
    twin = offering()
    add(twin, "a", "b")
    twin.assign("j")
    assert place(twin.decline("j", 1)) == (State.OFFERED, "b", 2)
    answer = twin.decline("j", 2)
    assert (answer.state, answer.reason) == (State.QUEUED, Reason.BARRED)
    twin.advance_to(30 * SECOND - 1)
    assert twin.job("j").state is State.QUEUED
    twin.advance_to(30 * SECOND)
    assert (twin.job("j").state, twin.job("j").version) == (State.OFFERED, 3)


def test_one_agent_alone_never_strands_a_job() -> None:
    twin = offering()
    add(twin, "a")
    twin.assign("j")
    for round_number in range(1, 5):
        twin.decline("j", round_number)
        twin.advance_to(twin.now + 30 * SECOND)
    assert twin.job("j").state is State.OFFERED


def test_two_misses_in_a_row_send_an_agent_away_but_a_decline_between_them_does_not() -> None:
    twin = offering(misses_to_away=2, decline_cooldown_us=0)
    add(twin, "a")
    twin.assign("j")
    twin.advance_to(20 * SECOND)
    assert (twin.agent("a").missed_offers, twin.job("j").version) == (1, 2)
    twin.decline("j", 2)
    assert twin.agent("a").missed_offers == 0
    twin.advance_to(60 * SECOND)
    assert (twin.agent("a").presence, twin.agent("a").presence_reason) == (AWAY, "missed_offers")
    assert (twin.job("j").state, twin.job("j").reason) == (State.QUEUED, Reason.NO_AGENT_ONLINE)
    twin.set_presence("a", ONLINE)
    assert (twin.agent("a").missed_offers, twin.job("j").state) == (0, State.OFFERED)


def test_a_late_accept_finds_a_state_or_a_version_that_is_not_its_own() -> None:
    twin = offering()
    add(twin, "a")
    twin.assign("j")
    twin.advance_to(20 * SECOND)
    with pytest.raises(Failure, match="WRONG_STATE"):
        twin.accept("j", 1)
    twin.advance_to(50 * SECOND)
    with pytest.raises(Failure, match="STALE_VERSION"):
        twin.accept("j", 1)


def test_the_maximum_wait_that_passed_under_an_offer_ends_the_job_before_the_next_command() -> None:
    twin = offering(max_wait_us=25 * SECOND)
    twin.assign("j")
    twin.advance_to(10 * SECOND)
    add(twin, "a")
    twin.advance_to(30 * SECOND)
    assert (twin.job("j").state, twin.job("j").reason) == (State.CANCELLED, Reason.MAX_WAIT)


def test_a_time_to_live_ends_an_offer_and_frees_the_agent() -> None:
    twin = offering()
    add(twin, "a")
    twin.assign("j", time_to_live_us=5 * SECOND)
    twin.advance_to(5 * SECOND)
    assert (twin.job("j").state, twin.agent("a").load) == (State.EXPIRED, 0)


def test_weighted_shares_hold_for_accepted_offers_of_agents_with_room_for_one() -> None:
    twin = offering(strategy="weighted")
    add(twin, "a", weight=300)
    add(twin, "b", weight=100)
    got = Counter[str]()
    for number in range(40):
        answer = twin.assign(f"j{number}")
        twin.accept(answer.job_id, 1)
        twin.complete(answer.job_id, 1)
        got[answer.agent_id] += 1
    assert got == {"a": 30, "b": 10}


def test_a_transfer_to_a_named_agent_is_not_an_offer() -> None:
    twin = offering()
    add(twin, "a", "b")
    twin.assign("j")
    twin.accept("j", 1)
    assert place(twin.transfer("j", 1, agent="b")) == (State.ASSIGNED, "b", 2)
    assert twin.transfer("j", 2, queue="support").state is State.OFFERED


def test_a_required_agent_who_declines_is_waited_for() -> None:
    twin = offering()
    add(twin, "own", "other")
    twin.assign("j", wanted_agent="own", wanted_mode=Mode.REQUIRE)
    answer = twin.decline("j", 1)
    assert (answer.state, answer.reason) == (State.QUEUED, Reason.HELD_FOR_AGENT)
    twin.advance_to(30 * SECOND)
    assert twin.agent_by_number(twin.job("j").agent) is twin.agent("own")


def test_an_agent_with_an_offer_or_after_work_cannot_be_deleted() -> None:
    twin = offering(wrap_up_us=10 * SECOND)
    add(twin, "a")
    twin.assign("j")
    for command in (twin.accept, twin.complete):
        with pytest.raises(Failure, match="AGENT_HOLDS_JOBS"):
            twin.delete_agent("a")
        command("j", 1)
    with pytest.raises(Failure, match="AGENT_HOLDS_JOBS"):
        twin.delete_agent("a")


@pytest.mark.parametrize(("own", "skip", "end"), [(-1, False, 10), (3, False, 3), (0, False, 0), (-1, True, 0)])
def test_after_work_lasts_as_the_agent_or_else_the_queue_says(own: int, skip: bool, end: int) -> None:
    twin = twin_with(wrap_up_us=10 * SECOND)
    add(twin, "a", wrap_up_us=own * SECOND if own > 0 else own)
    twin.assign("j")
    twin.assign("waits")
    answer = twin.complete("j", 1, skip_wrap_up=skip)
    assert answer.state is (State.WRAPPING if end else State.COMPLETED)
    twin.advance_to(end * SECOND)
    assert (twin.job("j").state, twin.job("j").end_time) == (State.COMPLETED, end * SECOND)
    assert twin.job("waits").state is State.ASSIGNED


def test_finishing_after_work_frees_the_agent_at_once() -> None:
    twin = twin_with(wrap_up_us=10 * SECOND)
    add(twin, "a")
    twin.assign("j")
    twin.assign("waits")
    twin.complete("j", 1)
    with pytest.raises(Failure, match="WRONG_STATE"):
        twin.complete("j", 1)
    with pytest.raises(Failure, match="STALE_VERSION"):
        twin.finish_wrap_up("j", 2)
    assert twin.finish_wrap_up("j", 1).state is State.COMPLETED
    assert (twin.job("waits").state, twin.agent("a").completed_count) == (State.ASSIGNED, 1)


def test_an_expired_lease_sends_jobs_back_after_the_grace_at_their_old_place() -> None:
    twin = twin_with(requeue_lost=True, lost_grace_us=15 * SECOND)
    add(twin, "a")
    twin.set_presence("a", ONLINE, "", 10 * SECOND)
    twin.assign("j")
    twin.advance_to(5 * SECOND)
    assert twin.heartbeat(["a", "nobody"]) == ["nobody"]
    twin.assign("later")
    twin.advance_to(15 * SECOND)
    assert (twin.agent("a").presence, twin.agent("a").presence_reason) == (OFFLINE, "lease_expired")
    assert (twin.job("j").state, twin.heartbeat(["a"])) == (State.ASSIGNED, ["a"])
    twin.advance_to(30 * SECOND)
    assert (twin.job("j").state, twin.job("j").queue_time) == (State.QUEUED, 0)
    with pytest.raises(Failure, match="WRONG_STATE"):
        twin.complete("j", 1)
    add(twin, "b")
    assert (twin.job("j").state, twin.job("j").version, twin.job("later").state) == (State.ASSIGNED, 2, State.QUEUED)


def test_an_agent_who_is_back_within_the_grace_loses_nothing() -> None:
    twin = twin_with(requeue_lost=True, lost_grace_us=15 * SECOND)
    add(twin, "a")
    twin.assign("j")
    twin.set_presence("a", OFFLINE)
    twin.advance_to(14 * SECOND)
    twin.set_presence("a", AWAY)
    twin.advance_to(60 * SECOND)
    assert (twin.job("j").state, twin.job("j").version) == (State.ASSIGNED, 1)


def test_a_lost_agent_s_offer_ends_at_once_and_bars_nobody() -> None:
    twin = offering()
    add(twin, "a")
    twin.assign("j")
    twin.set_presence("a", OFFLINE)
    assert (twin.job("j").state, twin.job("j").bars) == (State.QUEUED, [])
    twin.set_presence("a", ONLINE)
    assert (twin.job("j").state, twin.agent("a").missed_offers) == (State.OFFERED, 0)


def test_three_agents_who_log_in_within_five_minutes_share_a_backlog_of_18_evenly() -> None:
    twin = twin_with(warm_up_interval_us=60 * SECOND, warm_up_for_us=1800 * SECOND)
    for number in range(18):
        twin.assign(f"j{number}")
    for number, name in enumerate("abc"):
        twin.advance_to(number * 15 * SECOND)
        add(twin, name, capacity=18)
        assert twin.agent(name).load == 1
        assert invariants(twin) == []
    twin.advance_to(330 * SECOND)
    assert [twin.agent(name).load for name in "abc"] == [6, 6, 6]


def test_a_rate_limit_counts_jobs_in_any_window() -> None:
    twin = twin_with(rate_limit=2, rate_window_us=60 * SECOND)
    add(twin, "a", capacity=10)
    assert twin.assign("first").outcome is Outcome.ASSIGNED
    twin.advance_to(30 * SECOND)
    assert twin.assign("second").outcome is Outcome.ASSIGNED
    assert twin.assign("third").reason is Reason.ALL_BUSY
    twin.advance_to(60 * SECOND)
    assert twin.job("third").state is State.ASSIGNED
    assert twin.assign("fourth").reason is Reason.ALL_BUSY
    twin.advance_to(90 * SECOND)
    assert twin.job("fourth").state is State.ASSIGNED


def test_a_mean_moves_by_a_sixteenth_of_the_difference() -> None:
    mean = Mean()
    assert mean.shown == -1
    for sample, shown in ((1000, 1000), (1000, 1000), (0, 938), (0, 879)):
        mean.add(sample)
        assert mean.shown == shown


def test_satisfaction_is_a_sort_key_and_unknown_counts_as_half() -> None:
    twin = Twin()
    queue = QueueTable("q", strategy=256 + 8)
    twin.install_policy(PolicyTables(channels=(ChannelTable("chat"),), queues=(queue,), default_queue="q"))
    add(twin, "bad", "unknown", "good", capacity=5)
    for name, satisfaction in (("bad", 100), ("good", 900)):
        twin.assign(f"for {name}", wanted_agent=name)
        twin.complete(f"for {name}", 1, satisfaction=satisfaction)
    assert twin.assign("j").agent_id == "good"
    twin.set_presence("good", OFFLINE)
    assert twin.assign("k").agent_id == "unknown"
