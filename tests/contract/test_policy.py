"""L1 on both faces: one document, replaced as a whole or not at all."""

from typing import Any

import pytest

from fairlead.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from fairlead.shard.core import Outcome, Presence, Reason

POLICY: dict[str, Any] = {
    "default_queue": "a",
    "retention": "30m",
    "channels": [{"id": "chat"}, {"id": "voice", "cost": 5}],
    "queues": [{"id": "a", "strategy": "weighted"}, {"id": "b", "max_wait": "90s", "on_max_wait": "refuse"}],
}


def without_output(policy: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in policy.items() if key not in ("version", "author", "update_time")}


def test_a_new_tenant_has_the_built_in_policy(face: Any, tenant: str) -> None:
    assert face.policy(tenant=tenant) == {
        "queues": [{"id": "default"}],
        "channels": [{"id": "chat"}],
        "default_queue": "default",
    }


def test_a_policy_is_stored_with_version_author_and_time(face: Any, tenant: str) -> None:
    stored = face.update_policy(POLICY, author="ann", tenant=tenant)
    assert (stored["version"], stored["author"]) == (1, "ann")
    assert stored["update_time"]
    assert without_output(stored) == POLICY
    assert face.policy(tenant=tenant) == stored
    assert face.update_policy(stored, tenant=tenant)["version"] == 2
    assert face.assign("j1", tenant=tenant).policy_version == 2


def test_validate_only_changes_nothing(face: Any, tenant: str) -> None:
    before = face.policy(tenant=tenant)
    shown = face.update_policy(POLICY, validate_only=True, tenant=tenant)
    assert without_output(shown) == POLICY
    assert face.policy(tenant=tenant) == before
    with pytest.raises(InvalidArgument):
        face.update_policy({"queues": []}, validate_only=True, tenant=tenant)


def test_every_error_is_answered_at_once_and_nothing_changes(face: Any, tenant: str) -> None:
    face.update_policy(POLICY, tenant=tenant)
    before = face.policy(tenant=tenant), face.state_hash(tenant=tenant)
    bad = {
        "queues": [
            {"id": "a", "strategy": "fastest", "overflow_queue": "b"},
            {"id": "b", "overflow_queue": "a", "max_length": -1},
            {"id": "b"},
        ],
        "default_queue": "none",
    }
    with pytest.raises(InvalidArgument) as raised:
        face.update_policy(bad, tenant=tenant)
    assert raised.value.reason == "INVALID_POLICY"
    assert sorted(path for path, _ in raised.value.violations) == [
        "default_queue",
        "queues[0].overflow_queue",
        "queues[0].strategy",
        "queues[1].max_length",
        "queues[2].id",
    ]
    assert "least_load" in dict(raised.value.violations)["queues[0].strategy"]
    assert (face.policy(tenant=tenant), face.state_hash(tenant=tenant)) == before


def test_a_thousand_errors_still_reach_the_caller(face: Any, tenant: str) -> None:
    bad = {"queues": [{"id": f"queue {number}", "strategy": "x" * 100} for number in range(1000)]}
    with pytest.raises(InvalidArgument) as raised:
        face.update_policy(bad, tenant=tenant)
    omitted = int(raised.value.metadata.get("omitted_violations", "0"))
    assert len(raised.value.violations) + omitted == 1000


def test_a_queue_or_channel_in_use_may_not_disappear(face: Any, tenant: str) -> None:
    face.update_policy(POLICY, tenant=tenant)
    face.assign("j1", queue="b", channel="voice", tenant=tenant)
    for changed, reason in (("queues", "QUEUE_IN_USE"), ("channels", "CHANNEL_IN_USE")):
        with pytest.raises(FailedPrecondition) as raised:
            face.update_policy(POLICY | {changed: POLICY[changed][:1]}, tenant=tenant)
        assert raised.value.reason == reason
    face.cancel("j1", tenant=tenant)
    face.update_policy({"queues": [{"id": "a"}]}, tenant=tenant)


def test_a_policy_takes_effect_for_waiting_jobs_at_once(face: Any, tenant: str) -> None:
    """L1, Q1."""
    queue: dict[str, Any] = {"id": "q", "members": {"agents": ["bob"]}}
    face.update_policy({"queues": [queue]}, tenant=tenant)
    face.create_agent("ann", presence=Presence.ONLINE, tenant=tenant)
    assert face.assign("j1", tenant=tenant).outcome == Outcome.QUEUED
    face.update_policy({"queues": [{"id": "q"}]}, tenant=tenant)
    assert face.job("j1", tenant=tenant).agent_id == "ann"


def test_a_request_id_repeats_or_is_refused(face: Any, tenant: str) -> None:
    """J4."""
    assert face.update_policy(POLICY, request_id="r", tenant=tenant)["version"] == 1
    assert face.update_policy(POLICY, request_id="r", tenant=tenant)["version"] == 1
    with pytest.raises(AlreadyExists) as raised:
        face.update_policy({"queues": [{"id": "a"}]}, request_id="r", tenant=tenant)
    assert raised.value.reason == "REQUEST_ID_REUSED"
    assert face.policy(tenant=tenant)["version"] == 1


@pytest.mark.parametrize(
    "strategy",
    ["sequential", "weighted", "least_load", "longest_idle", "best_skill", "specialist", "best_rating", "random"],
)
def test_every_strategy_serves(face: Any, tenant: str, strategy: str) -> None:
    """T2."""
    face.update_policy({"queues": [{"id": "q", "strategy": strategy}], "seed": 7}, tenant=tenant)
    for agent in ("ann", "bob", "cat"):
        face.create_agent(agent, presence=Presence.ONLINE, tenant=tenant)
    given = {face.assign(f"j{number}", tenant=tenant).agent_id for number in range(3)}
    assert given == {"ann", "bob", "cat"}


def test_warnings_come_with_a_valid_policy(face: Any, tenant: str) -> None:
    rules = [{"id": "all", "queue": "a"}, {"id": "never"}]
    found = face.policy_warnings(POLICY | {"rules": rules})
    assert found == [
        "rules[1]: never matches: rules[0] (all) matches every job that it would match, and comes first",
        "default_queue: no job reaches it by default: up to rules[0] (all), which matches every job, "
        "each rule names a queue",
    ]
    assert face.policy_warnings(POLICY) == []


def test_versions_are_kept_with_who_and_when(face: Any, tenant: str) -> None:
    assert face.policy_versions(tenant=tenant) == []
    face.update_policy(POLICY, author="ann", tenant=tenant)
    face.update_policy(POLICY | {"rules": [{"id": "all", "queue": "b"}]}, author="bob", tenant=tenant)
    kept = face.policy_versions(tenant=tenant)
    assert [(each.version, each.author, each.queue_count, each.rule_count) for each in kept] == [
        (2, "bob", 2, 1),
        (1, "ann", 2, 0),
    ]
    assert None not in [each.update_time for each in kept]
    assert kept[0].update_time >= kept[1].update_time
    old = face.policy(version=1, tenant=tenant)
    assert (old["version"], old["author"], without_output(old)) == (1, "ann", POLICY)
    with pytest.raises(NotFound) as raised:
        face.policy(version=3, tenant=tenant)
    assert raised.value.reason == "POLICY_VERSION_NOT_FOUND"
    assert "1 to 2 are kept" in raised.value.message


def test_an_earlier_document_is_put_in_force_as_a_new_version(face: Any, tenant: str) -> None:
    face.update_policy(POLICY, author="ann", tenant=tenant)
    face.update_policy({"queues": [{"id": "a"}]}, author="bob", tenant=tenant)
    back = face.rollback_policy(1, author="cat", request_id="r", tenant=tenant)
    assert (back["version"], back["author"], without_output(back)) == (3, "cat", POLICY)
    assert face.policy(tenant=tenant) == back
    assert face.rollback_policy(1, author="cat", request_id="r", tenant=tenant)["version"] == 3
    assert [each.version for each in face.policy_versions(tenant=tenant)] == [3, 2, 1]
    assert face.assign("j1", tenant=tenant).policy_version == 3


def test_a_rollback_is_refused_as_an_update_is(face: Any, tenant: str) -> None:
    face.update_policy({"queues": [{"id": "a"}]}, tenant=tenant)
    face.update_policy(POLICY, tenant=tenant)
    face.assign("j1", queue="b", tenant=tenant)
    with pytest.raises(FailedPrecondition) as raised:
        face.rollback_policy(1, tenant=tenant)
    assert raised.value.reason == "QUEUE_IN_USE"
    for version, refusal in ((9, NotFound), (0, InvalidArgument), (-1, InvalidArgument)):
        with pytest.raises(refusal):
            face.rollback_policy(version, tenant=tenant)
    assert face.policy(tenant=tenant)["version"] == 2
    face.cancel("j1", tenant=tenant)


def test_validate_only_tells_what_is_in_use(face: Any, tenant: str) -> None:
    face.update_policy(POLICY, tenant=tenant)
    face.assign("j1", queue="b", tenant=tenant)
    with pytest.raises(FailedPrecondition):
        face.update_policy({"queues": [{"id": "a"}]}, validate_only=True, tenant=tenant)
    face.cancel("j1", tenant=tenant)


def test_a_trial_says_what_assign_then_does_and_changes_nothing(face: Any, tenant: str) -> None:
    """L4."""
    face.update_policy(POLICY | {"queues": [{"id": "a", "strategy": "longest_idle"}, {"id": "b"}]}, tenant=tenant)
    for name, capacity in (("ann", 2), ("bob", 6), ("cat", 2), ("dan", 9)):
        presence = Presence.AWAY if name == "dan" else Presence.ONLINE
        face.create_agent(name, capacity=capacity, skills={"de": 5}, presence=presence, tenant=tenant)
    for number in range(6):
        before = face.state_hash(tenant=tenant)
        job = {"job_id": f"j{number}", "skills": {"de": 3}, "channel": "voice" if number == 4 else "chat"}
        trial = face.test_policy(job, tenant=tenant)
        assert face.state_hash(tenant=tenant) == before
        given = face.assign(**job, tenant=tenant)
        assert (trial.outcome, trial.agent_id, trial.queue) == (given.outcome, given.agent_id, "a")
        assert trial.strategy == "longest_idle"
        assert trial.candidates[0][0] == trial.agent_id
        assert all(len(keys) == len(trial.key_names) for _, keys in trial.candidates)
        assert ("dan", "away", "") in trial.excluded
    # Two chats, a chat and a call of five, two chats: all are full.
    trial = face.test_policy({"job_id": "j"}, tenant=tenant)
    assert (trial.outcome, trial.reason, trial.agent_id) == (Outcome.QUEUED, Reason.ALL_BUSY, "")
    assert trial.candidates == ()
    assert {agent: cause for agent, cause, _ in trial.excluded} == {
        "ann": "full",
        "bob": "full",
        "cat": "full",
        "dan": "away",
    }


def test_a_trial_takes_the_policy_it_is_given(face: Any, tenant: str) -> None:
    """L4."""
    for name, rating in (("ann", 300), ("bob", 900)):
        face.create_agent(name, rating=rating, capacity=3, presence=Presence.ONLINE, tenant=tenant)
    face.assign("j1", tenant=tenant)
    assert face.test_policy({"job_id": "j"}, tenant=tenant).agent_id == "bob"
    face.assign("j2", tenant=tenant)
    tiers = [{"id": "gold", "urgency": 2, "head_start": "90s"}]
    other = {"queues": [{"id": "new", "strategy": "best_rating"}], "tiers": tiers}
    trial = face.test_policy({"job_id": "j", "customer_tier": "gold", "urgency": 1}, policy=other, tenant=tenant)
    assert (trial.queue, trial.strategy, trial.agent_id) == ("new", "best_rating", "bob")
    assert (trial.urgency, trial.head_start) == (3, 90)
    assert face.policy(tenant=tenant).get("version") is None
    full = other | {"queues": [{"id": "new", "members": {"agents": ["eve"]}}]}
    assert face.test_policy({"job_id": "j"}, policy=full, tenant=tenant).reason == Reason.NO_AGENT_ONLINE
    with pytest.raises(InvalidArgument) as raised:
        face.test_policy({"job_id": "j"}, policy={"queues": [{"id": "q", "strategy": "speed"}]}, tenant=tenant)
    assert raised.value.field == "queues[0].strategy"
    for wrong, reason in (
        ({"queue": "none"}, "QUEUE_NOT_FOUND"),
        ({"channel": "fax"}, "CHANNEL_NOT_FOUND"),
        ({"customer_tier": "none"}, "TIER_NOT_FOUND"),
    ):
        with pytest.raises(NotFound) as missing:
            face.test_policy({"job_id": "j"} | wrong, tenant=tenant)
        assert missing.value.reason == reason


def test_a_scenario_that_the_policy_does_not_name_is_not_found(face: Any, tenant: str) -> None:
    """L2."""
    face.update_policy(POLICY, tenant=tenant)
    with pytest.raises(NotFound) as raised:
        face.set_scenario("sale", True, tenant=tenant)
    assert raised.value.reason == "SCENARIO_NOT_FOUND"
    with pytest.raises(NotFound):
        face.test_policy({"job_id": "j"}, scenarios=["sale"], tenant=tenant)
