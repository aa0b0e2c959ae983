"""RoutingService and the same methods of Router: what each call promises, on both faces."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.errors import AlreadyExists, FailedPrecondition, NotFound, ResourceExhausted
from fairlead.shard.core import Affinity, JobState, Outcome, Presence, Reason

DEADLINE_SECONDS = 10


def online(face: Any, tenant: str, *agents: str, **fields: Any) -> None:
    for agent in agents:
        face.create_agent(agent, presence=Presence.ONLINE, tenant=tenant, **fields)


def until(face: Any, happened: Callable[[], bool]) -> None:
    """Waits for what a timer does; the deadline is for failures only."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        face.tick()


def test_assign_gives_a_job_to_an_agent_with_a_version(face: Any, tenant: str) -> None:
    online(face, tenant, "ann")
    answer = face.assign("j1", tenant=tenant)
    assert (answer.job_id, answer.outcome, answer.agent_id, answer.version) == ("j1", Outcome.ASSIGNED, "ann", 1)
    assert (answer.reason, answer.queue, answer.repeated, answer.policy_version) == (Reason.NONE, "default", False, 0)
    job = face.job("j1", tenant=tenant)
    assert (job.state, job.agent_id, job.version, job.channel, job.cost) == (JobState.ASSIGNED, "ann", 1, "chat", 1)
    assert job.create_time == job.queue_time == job.assign_time is not None
    assert job.end_time is None


@pytest.mark.parametrize(
    ("agents", "fields", "reason"),
    [
        ({}, {}, Reason.NO_AGENT_ONLINE),
        ({"ann": Presence.AWAY}, {}, Reason.NO_AGENT_ONLINE),
        ({"ann": Presence.ONLINE}, {"skills": {"nobody has this": 1}}, Reason.NONE_ELIGIBLE),
        ({"ann": Presence.ONLINE}, {"tags": ["night"]}, Reason.NONE_ELIGIBLE),
        ({"ann": Presence.ONLINE}, {"excluded_agents": ["ann"]}, Reason.BARRED),
    ],
)
def test_a_job_without_an_agent_waits_or_is_refused_and_says_why(
    face: Any, tenant: str, agents: dict[str, Presence], fields: dict[str, Any], reason: Reason
) -> None:
    for agent, presence in agents.items():
        face.create_agent(agent, presence=presence, tenant=tenant)
    answer = face.assign("waits", tenant=tenant, **fields)
    assert (answer.outcome, answer.reason, answer.agent_id, answer.version) == (Outcome.QUEUED, reason, "", 0)
    answer = face.assign("refused", immediate_only=True, tenant=tenant, **fields)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, reason)
    with pytest.raises(NotFound):
        face.job("refused", tenant=tenant)


def test_complete_gives_the_room_to_the_backlog_in_the_same_step(face: Any, tenant: str) -> None:
    online(face, tenant, "ann")
    face.assign("j1", tenant=tenant)
    assert face.assign("j2", tenant=tenant).reason == Reason.ALL_BUSY
    answer = face.complete("j1", 1, first_response=1.5, satisfaction=900, tenant=tenant)
    assert (answer.job_id, answer.state, answer.repeated) == ("j1", JobState.COMPLETED, False)
    assert face.job("j2", tenant=tenant).agent_id == "ann"
    ended = face.job("j1", tenant=tenant)
    assert (ended.state, ended.reason) == (JobState.COMPLETED, Reason.NONE)
    assert ended.end_time is not None
    ann = face.agent("ann", tenant=tenant)
    assert (ann.load, ann.job_count, ann.given_count, ann.completed_count) == (1, 1, 2, 1)


def test_assigning_again_gives_the_first_answer_and_other_content_is_refused(face: Any, tenant: str) -> None:
    """J4."""
    online(face, tenant, "ann", "bob")
    labels = {"a": "1", "b": "2"}
    first = face.assign("j1", urgency=1, labels=labels, tenant=tenant)
    again = face.assign("j1", urgency=1, labels=dict(reversed(labels.items())), tenant=tenant)
    assert (again.repeated, again.agent_id, again.version) == (True, first.agent_id, first.version)
    with pytest.raises(AlreadyExists) as raised:
        face.assign("j1", urgency=2, labels=labels, tenant=tenant)
    assert raised.value.reason == "JOB_ALREADY_EXISTS"
    face.complete("j1", 1, tenant=tenant)
    assert face.assign("j1", urgency=1, labels=labels, tenant=tenant).repeated
    assert face.job("j1", tenant=tenant).state == JobState.COMPLETED


def test_a_stale_version_cannot_finish_a_job(face: Any, tenant: str) -> None:
    """J5."""
    online(face, tenant, "ann", "bob")
    first = face.assign("j1", tenant=tenant)
    moved = face.transfer("j1", 1, tenant=tenant)
    assert (moved.state, moved.version) == (JobState.ASSIGNED, 2)
    assert moved.agent_id != first.agent_id
    for call in (face.complete, face.transfer):
        with pytest.raises(FailedPrecondition) as raised:
            call("j1", 1, tenant=tenant)
        assert raised.value.reason == "STALE_VERSION"
    face.complete("j1", 2, tenant=tenant)


def test_calls_in_the_wrong_state_are_refused(face: Any, tenant: str) -> None:
    face.assign("waits", tenant=tenant)
    for call in (face.complete, face.transfer, face.accept, face.decline):
        with pytest.raises(FailedPrecondition) as raised:
            call("waits", 1, tenant=tenant)
        assert raised.value.reason == "WRONG_STATE"
        assert raised.value.metadata == {"state": "QUEUED"}
        assert raised.value.message == "job 'waits' is QUEUED, a state that does not allow this"
    assert face.cancel("waits", tenant=tenant).state == JobState.CANCELLED
    assert face.job("waits", tenant=tenant).reason == Reason.CALLER
    with pytest.raises(FailedPrecondition):
        face.cancel("waits", tenant=tenant)


def test_unknown_names_are_not_found(face: Any, tenant: str) -> None:
    face.assign("j1", tenant=tenant)
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("JOB_NOT_FOUND", lambda: face.job("none", tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.explain("none", tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.complete("none", 1, tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.cancel("none", tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.transfer("none", 1, tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.accept("none", 1, tenant=tenant)),
        ("JOB_NOT_FOUND", lambda: face.decline("none", 1, tenant=tenant)),
        ("QUEUE_NOT_FOUND", lambda: face.assign("j2", queue="none", tenant=tenant)),
        ("CHANNEL_NOT_FOUND", lambda: face.assign("j2", channel="none", tenant=tenant)),
        ("TIER_NOT_FOUND", lambda: face.assign("j2", customer="c", customer_tier="none", tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.assign("j2", excluded_agents=["none"], tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.assign("j2", wanted_agent="none", tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.agent("none", tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.update_agent("none", weight=3, tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.delete_agent("none", tenant=tenant)),
        ("AGENT_NOT_FOUND", lambda: face.set_presence("none", Presence.ONLINE, tenant=tenant)),
        ("CHANNEL_NOT_FOUND", lambda: face.create_agent("a", channel_limits={"none": 1}, tenant=tenant)),
    ]
    before = face.state_hash(tenant=tenant)
    for reason, call in calls:
        with pytest.raises(NotFound) as raised:
            call()
        assert raised.value.reason == reason
    assert face.state_hash(tenant=tenant) == before


def test_a_channel_that_is_not_there_is_told_beside_those_that_are(face: Any, tenant: str) -> None:
    channels = [{"id": "chat"}, {"id": "voice"}]
    face.update_policy({"queues": [{"id": "q"}], "channels": channels}, tenant=tenant)
    for call in (
        lambda: face.assign("j", channel="fax", tenant=tenant),
        lambda: face.create_agent("a", channel_limits={"fax": 1}, tenant=tenant),
    ):
        with pytest.raises(NotFound, match="^no channel 'fax'; there are: chat, voice$"):
            call()
    # As many as there is room for, none cut in its middle.
    long = [{"id": f"{number}" + "x" * 50} for number in range(16)]
    face.update_policy({"queues": [{"id": "q"}], "channels": long}, tenant=tenant)
    with pytest.raises(NotFound) as raised:
        face.assign("j", channel="y" * 100, tenant=tenant)
    *named, last = str(raised.value).split("there are: ")[1].split(", ")
    assert last == ".."
    assert named == [channel["id"] for channel in long[: len(named)]] and len(named) >= 2


def test_transfer_to_an_agent_holds_every_rule(face: Any, tenant: str) -> None:
    """C2: capacity is exceeded only when an operator says so."""
    online(face, tenant, "ann")
    face.assign("j1", tenant=tenant)
    face.create_agent("off", tenant=tenant)
    online(face, tenant, "bob")
    face.assign("j2", tenant=tenant)
    refusals: list[tuple[type[Exception], str, str]] = [
        (NotFound, "AGENT_NOT_FOUND", "none"),
        (FailedPrecondition, "AGENT_NOT_ONLINE", "off"),
        (FailedPrecondition, "SAME_AGENT", "ann"),
        (ResourceExhausted, "AGENT_FULL", "bob"),
    ]
    for error, reason, agent in refusals:
        with pytest.raises(error) as raised:
            face.transfer("j1", 1, agent=agent, tenant=tenant)
        assert getattr(raised.value, "reason", "") == reason
    moved = face.transfer("j1", 1, agent="bob", over_capacity=True, tenant=tenant)
    assert (moved.agent_id, moved.version, moved.state) == ("bob", 2, JobState.ASSIGNED)
    bob = face.agent("bob", tenant=tenant)
    assert (bob.load, bob.capacity) == (2, 1)


def test_transfer_to_a_queue_keeps_or_starts_the_age(face: Any, tenant: str) -> None:
    """Q7."""
    queues = [{"id": "a"}, {"id": "b", "members": {"any_tags": ["b"]}}]
    face.update_policy({"queues": queues, "default_queue": "a"}, tenant=tenant)
    online(face, tenant, "ann")
    face.assign("j1", tenant=tenant)
    before = face.job("j1", tenant=tenant)
    moved = face.transfer("j1", 1, queue="b", tenant=tenant)
    assert (moved.state, moved.agent_id, moved.reason) == (JobState.QUEUED, "", Reason.NO_AGENT_ONLINE)
    after = face.job("j1", tenant=tenant)
    assert (after.queue, after.queue_time) == ("b", before.queue_time)
    online(face, tenant, "bob", tags=["b"])
    assert face.job("j1", tenant=tenant).agent_id == "bob"
    face.transfer("j1", 2, queue="a", reset_age=True, tenant=tenant)
    assert face.job("j1", tenant=tenant).queue_time > before.queue_time


def test_request_ids_give_the_first_answer_and_may_not_be_used_for_anything_else(face: Any, tenant: str) -> None:
    """J4, for every mutation but assign, whose job id does this."""
    online(face, tenant, "ann", "bob")
    face.assign("j1", tenant=tenant)
    moved = [face.transfer("j1", 1, request_id="t", tenant=tenant) for _ in range(2)]
    assert [(each.version, each.agent_id, each.repeated) for each in moved] == [
        (2, moved[0].agent_id, False),
        (2, moved[0].agent_id, True),
    ]
    done = [face.complete("j1", 2, request_id="c", tenant=tenant) for _ in range(2)]
    assert [(each.state, each.repeated) for each in done] == [(JobState.COMPLETED, False), (JobState.COMPLETED, True)]
    face.set_presence("bob", Presence.OFFLINE, tenant=tenant)
    face.set_presence("ann", Presence.OFFLINE, tenant=tenant)
    face.assign("j2", tenant=tenant)
    ended = [face.cancel("j2", request_id="x", tenant=tenant) for _ in range(2)]
    assert [each.repeated for each in ended] == [False, True]
    assert [face.set_presence("ann", Presence.AWAY, request_id="p", tenant=tenant) for _ in range(2)] == [False, True]
    before = face.state_hash(tenant=tenant)
    reused: list[Callable[[], Any]] = [
        lambda: face.cancel("j1", request_id="c", tenant=tenant),
        lambda: face.complete("j1", 1, request_id="c", tenant=tenant),
        lambda: face.set_presence("ann", Presence.ONLINE, request_id="p", tenant=tenant),
        lambda: face.delete_agent("ann", request_id="p", tenant=tenant),
    ]
    for call in reused:
        with pytest.raises(AlreadyExists) as raised:
            call()
        assert raised.value.reason == "REQUEST_ID_REUSED"
    assert face.state_hash(tenant=tenant) == before


def test_a_refused_request_id_may_be_used_again(face: Any, tenant: str) -> None:
    with pytest.raises(NotFound):
        face.cancel("j1", request_id="r", tenant=tenant)
    face.assign("j1", tenant=tenant)
    assert not face.cancel("j1", request_id="r", tenant=tenant).repeated


def test_a_batch_answers_each_job_in_order_and_an_error_is_that_ones_alone(face: Any, tenant: str) -> None:
    online(face, tenant, "ann")
    first, second, third, fourth = face.batch_assign(
        [{"job_id": "j1"}, {"job_id": "j2", "queue": "none"}, {"job_id": "j3"}, {"job_id": "", "urgency": 1}],
        tenant=tenant,
    )
    assert (first.job_id, first.outcome) == ("j1", Outcome.ASSIGNED)
    assert (second.reason, second.code) == ("QUEUE_NOT_FOUND", 5)
    assert (third.job_id, third.outcome, third.reason) == ("j3", Outcome.QUEUED, Reason.ALL_BUSY)
    assert (fourth.reason, fourth.code) == ("INVALID_FIELD", 3)
    (refused,) = face.batch_assign([{"job_id": "j4"}], immediate_only=True, tenant=tenant)
    assert refused.outcome == Outcome.REFUSED


def test_a_thousand_jobs_are_a_batch(face: Any, tenant: str) -> None:
    results = face.batch_assign([{"job_id": str(number)} for number in range(1000)], tenant=tenant)
    assert [result.job_id for result in results] == [str(number) for number in range(1000)]


def test_jobs_are_listed_by_submission_with_filters(face: Any, tenant: str) -> None:
    face.update_policy({"queues": [{"id": "a"}, {"id": "b"}], "default_queue": "a"}, tenant=tenant)
    online(face, tenant, "ann", capacity=3)
    for number in range(7):
        face.assign(f"j{number}", queue="ab"[number % 2], tenant=tenant)
    face.cancel("j0", tenant=tenant)

    def ids(**filters: Any) -> list[str]:
        return [job.id for job in face.jobs(tenant=tenant, **filters)]

    assert ids() == [f"j{number}" for number in range(7)]
    assert ids(queue="b") == ["j1", "j3", "j5"]
    assert ids(states=[JobState.CANCELLED]) == ["j0"]
    assert sorted(ids(states=[JobState.QUEUED, JobState.ASSIGNED])) == [f"j{number}" for number in range(1, 7)]
    assert ids(agent="ann") == [job.id for job in face.jobs(tenant=tenant) if job.agent_id == "ann"]
    assert ids(agent="nobody") == ids(queue="nowhere") == []


def test_explain_names_candidates_with_keys_and_everyone_else_with_a_cause(face: Any, tenant: str) -> None:
    """E3."""
    online(face, tenant, "busy", skills={"de": 5})
    face.assign("j0", skills={"de": 1}, tenant=tenant)
    online(face, tenant, "unskilled")
    face.create_agent("away", presence=Presence.AWAY, skills={"de": 5}, tenant=tenant)
    face.assign("j1", skills={"de": 1}, tenant=tenant)
    told = face.explain("j1", tenant=tenant)
    assert (told.job.id, told.job.state, told.strategy) == ("j1", JobState.QUEUED, "least_load")
    assert list(told.candidates) == []
    excluded = {agent: cause for agent, cause, _ in told.excluded}
    assert excluded == {"busy": "full", "unskilled": "missing_skill", "away": "away"}
    assert len(told.blocking_demands) == 1
    assert "de" in told.blocking_demands[0]
    assert "j1" in told.summary
    assert told.summary.endswith(".")
    held = face.explain("j0", tenant=tenant)
    decision = held.decision
    assert (decision.agent_id, decision.cause, decision.load_before, decision.capacity) == ("busy", "strategy", 0, 1)


def test_explain_tells_the_rule_and_the_step_of_the_plan(face: Any, tenant: str) -> None:
    """L1, R1."""
    policy = {
        "queues": [{"id": "q", "plan": "p"}],
        "plans": [{"id": "p", "steps": [{"after": "20ms", "lower_levels": 1}]}],
        "rules": [{"id": "orders", "match": {"labels": [{"key": "kind", "values": ["order"]}]}, "urgency": 5}],
    }
    face.update_policy(policy, tenant=tenant)
    face.assign("j0", skills={"de": 9}, labels={"kind": "order"}, tenant=tenant)
    face.assign("j1", skills={"de": 9}, tenant=tenant)
    assert face.explain("j0", tenant=tenant).rule == "orders"
    assert face.explain("j1", tenant=tenant).rule == ""
    until(face, lambda: face.explain("j0", tenant=tenant).step == 1)


def test_urgency_comes_first_and_a_head_start_passes_only_its_seconds(face: Any, tenant: str) -> None:
    """Q3."""
    tiers = [{"id": "vip", "head_start": "90s"}]
    face.update_policy({"queues": [{"id": "q"}], "tiers": tiers}, tenant=tenant)
    face.assign("plain", tenant=tenant)
    face.assign("vip", customer="c", customer_tier="vip", tenant=tenant)
    face.assign("asks more", head_start=100, tenant=tenant)
    face.assign("urgent", urgency=9, tenant=tenant)
    assert face.job("vip", tenant=tenant).head_start == 90
    online(face, tenant, "ann")
    order = []
    while held := list(face.jobs(states=[JobState.ASSIGNED], tenant=tenant)):
        order.append(held[0].id)
        face.complete(held[0].id, held[0].version, tenant=tenant)
    assert order == ["urgent", "asks more", "vip", "plain"]


def test_a_returning_customer_goes_to_the_same_agent(face: Any, tenant: str) -> None:
    """A2."""
    queue = {"id": "q", "strategy": "longest_idle", "affinity": {}}
    face.update_policy({"queues": [queue]}, tenant=tenant)
    online(face, tenant, "ann", "bob", capacity=9)
    first = face.assign("j1", customer="c", tenant=tenant).agent_id
    assert [face.assign(f"j{number}", customer="c", tenant=tenant).agent_id for number in (2, 3)] == [first, first]
    assert face.assign("j4", customer="c", affinity=Affinity.OFF, tenant=tenant).agent_id != first


def test_a_wanted_agent_is_waited_for(face: Any, tenant: str) -> None:
    """A3."""
    online(face, tenant, "ann", "bob")
    face.assign("j1", wanted_agent="ann", tenant=tenant)
    held = face.assign("j2", wanted_agent="ann", wanted_mode=Affinity.PREFER, wanted_hold=60, tenant=tenant)
    assert (held.outcome, held.reason) == (Outcome.QUEUED, Reason.HELD_FOR_AGENT)
    required = face.assign("j3", wanted_agent="ann", wanted_mode=Affinity.REQUIRE, tenant=tenant)
    assert (required.outcome, required.reason) == (Outcome.QUEUED, Reason.HELD_FOR_AGENT)
    face.complete("j1", 1, tenant=tenant)
    assert face.job("j2", tenant=tenant).agent_id == "ann"


def test_preferred_skills_and_tags_come_first_and_bound_nobody(face: Any, tenant: str) -> None:
    """T5."""
    online(face, tenant, "ann")
    online(face, tenant, "bob", skills={"de": 3}, tags=["night"])
    wishes: dict[str, Any] = {"preferred_skills": {"de": (2, 4)}, "preferred_tags": ["night"]}
    assert face.assign("j1", tenant=tenant, **wishes).agent_id == "bob"
    assert face.assign("j2", tenant=tenant, **wishes).agent_id == "ann"


def test_a_job_expires_at_its_time_to_live(face: Any, tenant: str) -> None:
    face.assign("j1", time_to_live=0.02, tenant=tenant)
    until(face, lambda: face.job("j1", tenant=tenant).state == JobState.EXPIRED)
    assert face.job("j1", tenant=tenant).reason == Reason.TIME_TO_LIVE


def test_a_queue_cancels_what_waited_too_long(face: Any, tenant: str) -> None:
    """Q6."""
    face.update_policy({"queues": [{"id": "q", "max_wait": "20ms", "on_max_wait": "cancel"}]}, tenant=tenant)
    face.assign("j1", tenant=tenant)
    until(face, lambda: face.job("j1", tenant=tenant).state == JobState.CANCELLED)
    assert face.job("j1", tenant=tenant).reason == Reason.MAX_WAIT


def test_a_full_queue_refuses_or_overflows(face: Any, tenant: str) -> None:
    """Q6."""
    queues = [
        {"id": "a", "max_length": 1},
        {"id": "b", "max_length": 1, "on_max_length": "overflow", "overflow_queue": "c"},
        {"id": "c"},
    ]
    face.update_policy({"queues": queues}, tenant=tenant)
    face.batch_assign([{"job_id": "j1", "queue": "a"}, {"job_id": "j2", "queue": "b"}], tenant=tenant)
    answer = face.assign("j3", queue="a", tenant=tenant)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, Reason.QUEUE_FULL)
    answer = face.assign("j4", queue="b", tenant=tenant)
    assert (answer.outcome, answer.queue) == (Outcome.QUEUED, "c")


def test_a_job_of_the_future_is_scheduled_until_its_start(face: Any, tenant: str) -> None:
    online(face, tenant, "ann")
    far = face.assign("far", start_time=datetime.now(UTC) + timedelta(hours=1), tenant=tenant)
    assert (far.outcome, far.reason) == (Outcome.QUEUED, Reason.SCHEDULED)
    assert face.job("far", tenant=tenant).state == JobState.SCHEDULED
    face.assign("near", start_time=datetime.now(UTC) + timedelta(milliseconds=50), tenant=tenant)
    until(face, lambda: face.job("near", tenant=tenant).state == JobState.ASSIGNED)
    assert face.cancel("far", tenant=tenant).state == JobState.CANCELLED
