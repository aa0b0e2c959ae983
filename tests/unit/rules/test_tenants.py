"""Multi-tenancy: tenants share a shard, a clock and nothing else."""

import pytest

from fairlead import Router
from fairlead.errors import NotFound
from fairlead.policy.tables import ChannelTable, PolicyTables
from fairlead.shard.core import JobState, Outcome, Presence, Reason, Shard
from tests.unit.rules.support import SECOND, queue


def test_equal_names_in_two_tenants_are_two_things() -> None:
    """Multi-tenancy: agents, jobs, customers, request ids."""
    shard = Shard(virtual_time=True)
    for tenant in ("one", "two"):
        shard.create_agent(tenant, "ann", presence=Presence.ONLINE, request_id="r")
        answer = shard.assign(tenant, "j", customer="c")
        assert (answer.outcome, answer.agent_id, answer.repeated) == (Outcome.ASSIGNED, "ann", False)
    shard.complete("one", "j", 1, request_id="c")
    assert shard.job("two", "j").state == JobState.ASSIGNED
    assert not shard.complete("two", "j", 1, request_id="c").repeated
    assert sorted(shard.tenants()) == ["one", "two"]


def test_nobody_serves_another_tenants_backlog() -> None:
    """Multi-tenancy."""
    shard = Shard(virtual_time=True)
    shard.assign("one", "waits")
    shard.create_agent("two", "ann", presence=Presence.ONLINE)
    assert shard.job("one", "waits").state == JobState.QUEUED
    assert shard.agent("two", "ann").load == 0


def test_each_tenant_has_its_own_policy() -> None:
    """Multi-tenancy, L3: and versions count per tenant."""
    shard = Shard(virtual_time=True)
    shard.install_policy(
        "one",
        PolicyTables(queues=(queue("sales"),), channels=(ChannelTable("voice", 5),), default_queue="sales"),
    )
    assert shard.assign("one", "j").queue == "sales"
    assert shard.job("one", "j").cost == 5
    with pytest.raises(NotFound):
        shard.assign("two", "j", queue="sales")
    assert shard.assign("two", "j").queue == "default"
    assert [shard.policy(tenant)[0] for tenant in ("one", "two")] == [1, 0]


def test_what_happens_in_one_tenant_does_not_change_another() -> None:
    """Multi-tenancy: a tenant's answers and hash are the same alone and among others."""
    alone, shared = Shard(virtual_time=True), Shard(virtual_time=True)
    for number in range(50):
        for shard in (alone, shared):
            if number % 10 == 0:
                shard.create_agent("one", f"a{number}", presence=Presence.ONLINE, capacity=3)
            shard.assign("one", f"j{number}", time_to_live_us=20 * SECOND)
        shared.create_agent("two", f"a{number}", presence=Presence.ONLINE)
        shared.assign("two", f"j{number}", urgency=number % 10)
        for shard in (alone, shared):
            shard.advance_to(number * SECOND)
    assert alone.state_hash("one") == shared.state_hash("one")
    assert shared.check("one") == shared.check("two") == []


def test_one_clock_fires_the_timers_of_all() -> None:
    """Multi-tenancy."""
    shard = Shard(virtual_time=True)
    for number, tenant in enumerate(("one", "two", "three"), 1):
        shard.assign(tenant, "j", time_to_live_us=number * SECOND)
    shard.advance_to(2 * SECOND)
    assert [shard.job(tenant, "j").state for tenant in ("one", "two", "three")] == [
        JobState.EXPIRED,
        JobState.EXPIRED,
        JobState.QUEUED,
    ]


def test_a_tenant_begins_with_its_first_change() -> None:
    """Multi-tenancy: reading an unknown one shows an empty tenant and makes none."""
    shard = Shard(virtual_time=True)
    assert shard.agents("nobody") == []
    assert shard.jobs("nobody") == ([], 0)
    assert shard.check("nobody") == []
    assert shard.status("nobody").policy_version == 0
    with pytest.raises(NotFound):
        shard.job("nobody", "j")
    assert shard.tenants() == []
    assert shard.assign("somebody", "j").reason == Reason.NO_AGENT_ONLINE
    assert shard.tenants() == ["somebody"]


def test_the_default_tenant_is_default() -> None:
    """Multi-tenancy."""
    router = Router(virtual_time=True)
    router.assign("j")
    assert router.job("j", tenant="default").state == JobState.QUEUED
