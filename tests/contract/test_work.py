"""After-work, leases and what is known of agents, on both faces."""

from datetime import timedelta
from typing import Any

import pytest

from fairlead.errors import FailedPrecondition, InvalidArgument, NotFound
from fairlead.shard.core import JobState, Outcome, Presence

DAY = 86_400


def held(face: Any, tenant: str, **agent: Any) -> Any:
    """An agent with one job."""
    face.create_agent("ann", presence=Presence.ONLINE, tenant=tenant, **agent)
    assert face.assign("j", tenant=tenant).agent_id == "ann"


def test_after_work_lasts_until_it_is_finished(face: Any, tenant: str) -> None:
    """J1: the state, its deadline, and one answer for one request id."""
    held(face, tenant, wrap_up=600)
    assert face.complete("j", 1, tenant=tenant).state == JobState.WRAPPING
    job = face.job("j", tenant=tenant)
    assert (job.state, job.agent_id, job.end_time) == (JobState.WRAPPING, "ann", None)
    assert job.deadline - job.create_time >= timedelta(seconds=600)
    answer = face.finish_wrap_up("j", 1, request_id="r", tenant=tenant)
    assert (answer.job_id, answer.state, answer.repeated) == ("j", JobState.COMPLETED, False)
    assert face.finish_wrap_up("j", 1, request_id="r", tenant=tenant).repeated
    assert face.job("j", tenant=tenant).deadline is None


def test_finishing_what_is_not_there_is_refused(face: Any, tenant: str) -> None:
    """J1, J5, E2."""
    held(face, tenant, wrap_up=600)
    with pytest.raises(FailedPrecondition) as raised:
        face.finish_wrap_up("j", 1, tenant=tenant)
    assert raised.value.reason == "WRONG_STATE"
    face.complete("j", 1, tenant=tenant)
    with pytest.raises(FailedPrecondition) as raised:
        face.finish_wrap_up("j", 2, tenant=tenant)
    assert raised.value.reason == "STALE_VERSION"
    with pytest.raises(NotFound):
        face.finish_wrap_up("none", 1, tenant=tenant)
    with pytest.raises(InvalidArgument):
        face.finish_wrap_up("j", 0, tenant=tenant)


def test_an_agents_own_after_work_can_be_set_and_given_up(face: Any, tenant: str) -> None:
    """K1."""
    assert face.create_agent("ann", tenant=tenant).wrap_up is None
    assert face.update_agent("ann", wrap_up=1.5, tenant=tenant).wrap_up == 1.5
    assert face.update_agent("ann", wrap_up=0, tenant=tenant).wrap_up == 0
    assert face.update_agent("ann", weight=5, tenant=tenant).wrap_up == 0
    assert face.update_agent("ann", clear_wrap_up=True, tenant=tenant).wrap_up is None
    with pytest.raises(InvalidArgument):
        face.update_agent("ann", wrap_up=DAY + 1, tenant=tenant)


def test_a_lease_has_an_end_that_a_heartbeat_moves(face: Any, tenant: str) -> None:
    """P2."""
    assert face.create_agent("ann", tenant=tenant).lease_end_time is None
    face.set_presence("ann", Presence.ONLINE, lease=60, tenant=tenant)
    first = face.agent("ann", tenant=tenant).lease_end_time
    assert face.heartbeat(["ann"], tenant=tenant) == []
    assert face.agent("ann", tenant=tenant).lease_end_time >= first
    face.set_presence("ann", Presence.OFFLINE, tenant=tenant)
    assert face.agent("ann", tenant=tenant).lease_end_time is None
    assert face.heartbeat(["ann"], tenant=tenant) == ["ann"]


def test_what_is_reported_with_complete_is_shown_of_the_agent(face: Any, tenant: str) -> None:
    """T2: means, nothing before the first."""
    held(face, tenant)
    ann = face.agent("ann", tenant=tenant)
    assert (ann.handle_time, ann.first_response, ann.satisfaction, ann.missed_offers) == (None, None, None, 0)
    face.complete("j", 1, first_response=2.5, satisfaction=0, tenant=tenant)
    ann = face.agent("ann", tenant=tenant)
    assert (ann.first_response, ann.satisfaction) == (2.5, 0)
    assert 0 <= ann.handle_time < 60


def test_an_offer_is_accepted_or_goes_on(face: Any, tenant: str) -> None:
    """O1, O2: the answer of a decline says where the job went."""
    face.update_policy(
        {"queues": [{"id": "q", "offer_timeout": "600s", "decline_cooldown": "600s"}], "default_queue": "q"},
        tenant=tenant,
    )
    for agent in ("ann", "bob"):
        face.create_agent(agent, presence=Presence.ONLINE, tenant=tenant)
    answer = face.assign("j", tenant=tenant)
    assert (answer.outcome, answer.agent_id, answer.version) == (Outcome.OFFERED, "ann", 1)
    job = face.job("j", tenant=tenant)
    assert (job.state, job.deadline - job.create_time) == (JobState.OFFERED, timedelta(seconds=600))
    answer = face.decline("j", 1, tenant=tenant)
    assert (answer.state, answer.agent_id, answer.version) == (JobState.OFFERED, "bob", 2)
    answer = face.accept("j", 2, tenant=tenant)
    assert (answer.state, answer.agent_id, answer.version) == (JobState.ASSIGNED, "bob", 2)
    assert face.job("j", tenant=tenant).deadline is None
