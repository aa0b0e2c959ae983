"""AgentService and the same methods of Router, on both faces."""

from typing import Any

import pytest

from fairlead.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from fairlead.shard.core import JobState, Outcome, Presence, Reason


def test_an_agent_is_what_was_created_and_defaults_where_nothing_was_said(face: Any, tenant: str) -> None:
    """K1."""
    plain = face.create_agent("ann", tenant=tenant)
    assert (plain.presence, plain.capacity, plain.weight, plain.rating, plain.order) == (
        Presence.OFFLINE,
        1,
        100,
        500,
        1,
    )
    assert (dict(plain.skills), plain.tags, dict(plain.channel_limits)) == ({}, (), {})
    full = face.create_agent(
        "bob",
        skills={"de": 3, "en": 10},
        tags=["night", "vip"],
        capacity=5,
        channel_limits={"chat": 2},
        weight=21,
        rating=0,
        order=7,
        presence=Presence.ONLINE,
        tenant=tenant,
    )
    assert dict(full.skills) == {"de": 3, "en": 10}
    assert sorted(full.tags) == ["night", "vip"]
    assert (full.capacity, dict(full.channel_limits), full.weight, full.rating, full.order) == (
        5,
        {"chat": 2},
        21,
        0,
        7,
    )
    assert (full.load, full.job_count, full.given_count, full.last_given_time) == (0, 0, 0, None)
    assert face.agent("bob", tenant=tenant) == full
    assert face.create_agent("cat", tenant=tenant).order == 8


def test_a_skill_without_a_level_is_level_ten(face: Any, tenant: str) -> None:
    """K1."""
    assert dict(face.create_agent("ann", skills=["de"], tenant=tenant).skills) == {"de": 10}


def test_an_id_in_use_is_refused_and_a_request_id_repeats(face: Any, tenant: str) -> None:
    first = face.create_agent("ann", weight=7, request_id="r", tenant=tenant)
    assert face.create_agent("ann", weight=7, request_id="r", tenant=tenant).weight == first.weight
    with pytest.raises(AlreadyExists) as raised:
        face.create_agent("ann", weight=7, tenant=tenant)
    assert raised.value.reason == "AGENT_ALREADY_EXISTS"
    with pytest.raises(AlreadyExists) as raised:
        face.create_agent("ann", weight=8, request_id="r", tenant=tenant)
    assert raised.value.reason == "REQUEST_ID_REUSED"


def test_update_changes_what_is_named_alone_and_the_backlog_follows(face: Any, tenant: str) -> None:
    """Q1, K1."""
    face.create_agent("ann", skills={"en": 5}, tags=["t"], capacity=2, presence=Presence.ONLINE, tenant=tenant)
    face.assign("j1", skills={"de": 3}, tenant=tenant)
    changed = face.update_agent("ann", skills={"de": 3, "en": 5}, tenant=tenant)
    assert (changed.tags, changed.capacity, changed.presence) == (("t",), 2, Presence.ONLINE)
    assert face.job("j1", tenant=tenant).agent_id == "ann"
    changed = face.update_agent("ann", capacity=1, weight=3, rating=7, order=9, tags=[], tenant=tenant)
    assert (changed.capacity, changed.weight, changed.rating, changed.order, changed.tags) == (1, 3, 7, 9, ())
    assert dict(changed.skills) == {"de": 3, "en": 5}
    assert face.update_agent("ann", channel_limits={"chat": 0}, tenant=tenant).channel_limits == {"chat": 0}


def test_lowering_capacity_takes_no_job_away(face: Any, tenant: str) -> None:
    """C2."""
    face.create_agent("ann", capacity=2, presence=Presence.ONLINE, tenant=tenant)
    face.batch_assign([{"job_id": "j1"}, {"job_id": "j2"}], tenant=tenant)
    lowered = face.update_agent("ann", capacity=1, tenant=tenant)
    assert (lowered.load, lowered.capacity) == (2, 1)


def test_an_agent_who_holds_a_job_cannot_be_deleted(face: Any, tenant: str) -> None:
    face.create_agent("ann", presence=Presence.ONLINE, tenant=tenant)
    face.assign("j1", tenant=tenant)
    with pytest.raises(FailedPrecondition) as raised:
        face.delete_agent("ann", tenant=tenant)
    assert raised.value.reason == "AGENT_HOLDS_JOBS"
    face.complete("j1", 1, tenant=tenant)
    face.delete_agent("ann", request_id="d", tenant=tenant)
    face.delete_agent("ann", request_id="d", tenant=tenant)
    assert face.agents(tenant=tenant) == []


@pytest.mark.parametrize("presence", [Presence.AWAY, Presence.DRAINING, Presence.OFFLINE])
def test_presence_takes_no_job_away_and_stops_new_ones(face: Any, tenant: str, presence: Presence) -> None:
    """P1."""
    face.create_agent("ann", capacity=2, presence=Presence.ONLINE, tenant=tenant)
    face.assign("j1", tenant=tenant)
    face.set_presence("ann", presence, reason="lunch", tenant=tenant)
    ann = face.agent("ann", tenant=tenant)
    assert (ann.presence, ann.presence_reason, ann.load) == (presence, "lunch", 1)
    answer = face.assign("j2", tenant=tenant)
    assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.NO_AGENT_ONLINE)
    face.set_presence("ann", Presence.ONLINE, tenant=tenant)
    assert face.job("j2", tenant=tenant).state == JobState.ASSIGNED


def test_a_heartbeat_tells_who_must_log_in_again(face: Any, tenant: str) -> None:
    face.create_agent("ann", tenant=tenant)
    face.set_presence("ann", Presence.ONLINE, lease=60, tenant=tenant)
    assert face.heartbeat(["ann", "none"], tenant=tenant) == ["none"]


def test_agents_are_listed_by_order_number_across_pages(face: Any, tenant: str) -> None:
    for number in (5, 3, 4, 1, 2):
        face.create_agent(f"a{number}", order=number, tenant=tenant)
    face.create_agent("same order", order=3, tenant=tenant)
    assert [agent.id for agent in face.agents(tenant=tenant)] == ["a1", "a2", "a3", "same order", "a4", "a5"]


def test_two_channels_count_apart_and_costs_add_up(face: Any, tenant: str) -> None:
    """C1."""
    channels = [{"id": "chat"}, {"id": "voice", "cost": 5, "max_jobs": 1}]
    face.update_policy({"queues": [{"id": "q"}], "channels": channels}, tenant=tenant)
    face.create_agent("ann", capacity=12, channel_limits={"chat": 2}, presence=Presence.ONLINE, tenant=tenant)
    outcomes = [
        face.assign(f"{channel}{number}", channel=channel, tenant=tenant).outcome
        for channel in ("chat", "voice")
        for number in range(3)
    ]
    assert outcomes == [
        Outcome.ASSIGNED,
        Outcome.ASSIGNED,
        Outcome.QUEUED,
        Outcome.ASSIGNED,
        Outcome.QUEUED,
        Outcome.QUEUED,
    ]
    assert face.agent("ann", tenant=tenant).load == 7


def test_what_an_update_may_not_say_is_refused_and_changes_nothing(face: Any, tenant: str) -> None:
    face.create_agent("ann", tenant=tenant)
    before = face.state_hash(tenant=tenant)
    wrong: list[dict[str, Any]] = [
        {"capacity": 10_001},
        {"weight": 1001},
        {"rating": 1001},
        {"rating": -1},
        {"order": -1},
        {"skills": {"de": 11}},
        {"tags": [""]},
        {"channel_limits": {"chat": 10_001}},
    ]
    for fields in wrong:
        with pytest.raises(InvalidArgument) as raised:
            face.update_agent("ann", tenant=tenant, **fields)
        assert raised.value.field.startswith(f"agent.{next(iter(fields))}")
    assert face.state_hash(tenant=tenant) == before
