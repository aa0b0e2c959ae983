"""E4: one event for each transition, in the order of the facts, over all tenants of the shard."""

import threading
from typing import Any

import pytest

from fairlead.errors import InvalidArgument, OutOfRange
from fairlead.router import Router
from fairlead.shard.core import EventKind, Outcome, Presence, Reason, Shard


@pytest.fixture
def router() -> Router:
    return Router(virtual_time=True)


def kinds(events: Any) -> list[tuple[str, str, str, int]]:
    return [(each.kind.name, each.job_id, each.agent_id, each.version) for each in events]


def test_the_life_of_a_job_is_told_step_by_step(router: Router) -> None:
    """E4."""
    events = router.watch(timeout=0)
    router.create_agent("ann", presence=Presence.ONLINE)
    router.create_agent("bob")
    router.assign("j1")
    router.assign("j2")
    router.complete("j1", 1)
    router.set_presence("bob", Presence.ONLINE, reason="back")
    router.transfer("j2", 1, agent="bob")
    router.cancel("j2")
    assert kinds(events) == [
        ("AGENT_CREATED", "", "ann", 0),
        ("PRESENCE_CHANGED", "", "ann", 0),
        ("AGENT_CREATED", "", "bob", 0),
        ("ASSIGNED", "j1", "ann", 1),
        ("QUEUED", "j2", "", 0),
        ("COMPLETED", "j1", "ann", 1),
        ("ASSIGNED", "j2", "ann", 1),
        ("PRESENCE_CHANGED", "", "bob", 0),
        ("REQUEUED", "j2", "ann", 1),
        ("ASSIGNED", "j2", "bob", 2),
        ("CANCELLED", "j2", "bob", 2),
    ]


def test_a_job_that_is_given_away_in_the_step_it_waits_in_was_never_queued(router: Router) -> None:
    for agent in ("ann", "bob"):
        router.create_agent(agent, presence=Presence.ONLINE)
    holder = router.assign("j1").agent_id
    events = router.watch(timeout=0)
    router.transfer("j1", 1)
    (other,) = {"ann", "bob"} - {holder}
    assert kinds(events) == [("REQUEUED", "j1", holder, 1), ("ASSIGNED", "j1", other, 2)]


def test_a_job_that_still_waits_when_its_step_ends_is_queued(router: Router) -> None:
    router.create_agent("ann", presence=Presence.ONLINE)
    router.assign("j1")
    events = router.watch(timeout=0)
    router.transfer("j1", 1)
    assert kinds(events) == [("REQUEUED", "j1", "ann", 1), ("QUEUED", "j1", "", 0)]


def test_what_time_does_is_told_with_its_time(router: Router) -> None:
    events = router.watch(timeout=0)
    router.assign("later", start_time=10)
    router.assign("short", time_to_live=5)
    router.advance_to(20)
    told = [(each.kind.name, each.job_id, each.time and each.time.timestamp(), each.reason) for each in events]
    assert told == [
        ("SCHEDULED", "later", None, Reason.SCHEDULED),
        ("QUEUED", "short", None, Reason.NO_AGENT_ONLINE),
        ("EXPIRED", "short", 5.0, Reason.TIME_TO_LIVE),
        ("QUEUED", "later", 10.0, Reason.NO_AGENT_ONLINE),
    ]


def test_agents_and_policies_are_told_too(router: Router) -> None:
    router.create_agent("ann")
    events = router.watch(timeout=0)
    router.update_agent("ann", capacity=3)
    router.set_presence("ann", Presence.AWAY, reason="lunch")
    router.set_presence("ann", Presence.AWAY, reason="still lunch")
    router.set_presence("ann", Presence.OFFLINE)
    router.delete_agent("ann")
    router.update_policy({"queues": [{"id": "q"}]})
    told = [
        (each.kind.name, each.agent_id, each.presence, each.presence_reason, each.policy_version) for each in events
    ]
    assert told == [
        ("AGENT_UPDATED", "ann", None, "", 0),
        ("PRESENCE_CHANGED", "ann", Presence.AWAY, "lunch", 0),
        ("PRESENCE_CHANGED", "ann", Presence.OFFLINE, "", 0),
        ("AGENT_DELETED", "ann", None, "", 0),
        ("POLICY_CHANGED", "", None, "", 1),
    ]


def test_a_name_stays_with_its_event_when_the_job_is_forgotten(router: Router) -> None:
    router.assign("short", time_to_live=1, gateway="g1")
    router.advance_to(10_000)
    router.assign("next", gateway="g2")
    with pytest.raises(Exception, match="no job 'short'"):
        router.job("short")
    told = [(each.job_id, each.gateway) for each in router.watch(after=1, timeout=0)]
    assert told == [("short", "g1"), ("next", "g2")]
    assert router.check() == []


@pytest.mark.parametrize(
    ("filters", "jobs"),
    [
        ({}, ["a1", "a2", "b1"]),
        ({"gateways": ["g1"]}, ["a1", "b1"]),
        ({"gateways": ["g1", "g2"], "queues": ["a"]}, ["a1", "a2"]),
        ({"queues": ["b"]}, ["b1"]),
        ({"queues": ["none"]}, []),
        ({"agents": ["ann"]}, ["b1"]),
        ({"kinds": [EventKind.ASSIGNED]}, ["b1"]),
        ({"tenant": "*"}, ["a1", "a2", "b1", "x1"]),
        ({"tenant": "other"}, ["x1"]),
    ],
)
def test_within_a_filter_any_value_fits_and_between_them_all_must(
    router: Router, filters: dict[str, Any], jobs: list[str]
) -> None:
    router.update_policy({"default_queue": "a", "queues": [{"id": "a", "members": {"agents": ["bob"]}}, {"id": "b"}]})
    router.create_agent("ann", presence=Presence.ONLINE)
    events = router.watch(**filters, timeout=0)
    router.assign("a1", queue="a", gateway="g1")
    router.assign("a2", queue="a", gateway="g2")
    router.assign("b1", queue="b", gateway="g1")
    router.assign("x1", tenant="other")
    assert [each.job_id for each in events if each.job_id] == jobs


def test_a_watch_resumes_where_another_ended_and_misses_none(router: Router) -> None:
    everything = router.watch(timeout=0)
    seen: list[Any] = []
    position = 0
    for number in range(50):
        router.assign(f"j{number}")
        if number == 0:
            seen = list(router.watch(after=position, timeout=0)) if position else []
            position = 1
        elif number % 7 == 0:
            seen += router.watch(after=position, timeout=0)
            position = seen[-1].sequence
    assert [each.job_id for each in everything] == [f"j{number}" for number in range(50)]
    assert [each.sequence for each in seen] == list(range(2, seen[-1].sequence + 1))


def test_what_is_no_longer_kept_cannot_be_resumed_after() -> None:
    shard = Shard(virtual_time=True, events_kept=16)
    for number in range(40):
        shard.assign("t", f"j{number}")
    assert (shard.last_event, shard.oldest_event) == (40, 25)
    assert len(shard.events(24)) == 16
    for after in (23, 41, -1):
        with pytest.raises(OutOfRange) as raised:
            shard.events(after)
        assert raised.value.reason == "EVENTS_GONE"
        assert raised.value.metadata == {"oldest_sequence": "25", "last_sequence": "40"}
    assert shard.check("t") == []


def test_sequences_of_a_later_process_are_above_those_of_an_earlier_one() -> None:
    first = Shard()
    first.assign("t", "j")
    assert Shard().last_event > first.last_event


def test_a_waiting_assign_is_answered_when_somebody_takes_the_job() -> None:
    router = Router()
    comes = threading.Timer(0.1, lambda: router.create_agent("ann", presence=Presence.ONLINE))
    comes.start()
    answer = router.assign("j", wait=20)
    assert (answer.outcome, answer.agent_id, answer.version) == (Outcome.ASSIGNED, "ann", 1)
    comes.join()


def test_a_waiting_assign_fires_the_timers_that_end_it() -> None:
    router = Router()
    answer = router.assign("j", time_to_live=0.1, wait=20)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.TIME_TO_LIVE)
    answer = router.assign("k", wait=0.05)
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.NO_AGENT_ONLINE)


def test_virtual_time_does_not_pass_while_a_call_waits(router: Router) -> None:
    for wait in (1, -1, 3_601):
        with pytest.raises(InvalidArgument):
            router.assign("j", wait=wait)
    assert list(router.jobs()) == []
