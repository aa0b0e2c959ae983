"""L1 on both faces: one document, replaced as a whole or not at all."""

from typing import Any

import pytest

from fairlead.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from fairlead.shard.core import Outcome, Presence

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
