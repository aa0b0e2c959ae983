"""What a restart keeps beside the engine: profiles, rules, scenarios, versions, numbers of events, leases, answers."""

import os
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fairlead import Router
from fairlead.errors import FairleadError
from fairlead.policy.calendar import DAY_US
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.policy.stored import from_json, to_json
from fairlead.policy.tables import PolicyTables
from fairlead.shard.core import EventFilter, Shard
from tests.crash.histories import opened, plain
from tests.property.driver import TENANT, Command
from tests.property.policies import CUSTOMERS, Profile, random_policy
from tests.property.tapes import PROFILES
from tests.property.test_replay import run, tape

REOPENED = 5  # times in each tape
SECOND = 1_000_000

POLICY = {
    "channels": [{"id": "chat"}],
    "queues": [{"id": "sales"}, {"id": "support", "hours": "office"}],
    "default_queue": "support",
    "schedules": [
        {"id": "office", "time_zone": "UTC", "weekly": [{"days": ["mon"], "open": "08:00", "close": "17:00"}]},
    ],
    "scenarios": ["storm", "calm"],
    "rules": [{"id": "stormy", "match": {"scenario": "storm"}, "queue": "sales"}],
}


def everything(shard: Shard, requests: list[Command]) -> dict[str, Any]:
    """What a shard is to its callers; repeats the requests, which a shard must know by their ids."""
    assert shard.check(TENANT) == []
    return {
        "hash": shard.state_hash(TENANT),
        "scenarios": shard.scenarios(TENANT),
        "schedules": shard.open_schedules(TENANT),
        "customers": [profile(shard, customer) for customer in CUSTOMERS],
        "policy": shard.policy(TENANT),
        "agents": [plain(view) for view in shard.agents(TENANT)],
        "jobs": [plain(view) for view in shard.jobs(TENANT, limit=100_000)[0]],
        "repeats": [repeated(shard, call) for call in requests],
    }


def profile(shard: Shard, customer: str) -> dict[str, Any] | None:
    with suppress(FairleadError):
        return plain(shard.customer(TENANT, customer))
    return None


def repeated(shard: Shard, call: Command) -> str:
    """The request id with other content: whether it is known shows in why it is refused, and nothing changes."""
    try:
        shard.cancel(TENANT, "nobody has this job", call.settings["request_id"])
    except FairleadError as refused:
        return refused.reason
    return "accepted"


@pytest.mark.parametrize("profile_", PROFILES, ids=lambda each: each.name)
def test_a_shard_that_restarts_is_the_one_that_does_not_in_all_that_its_callers_see(
    profile_: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    length = max(60, tape_length // 20 // len(PROFILES))
    calls = tape(profile_, Random(f"{tape_seed}/features/{profile_.name}"), length)
    steady, restarted = Shard(virtual_time=True), opened(tmp_path, "none", 1 << 20)
    for number, call in enumerate(calls, 1):
        assert run(steady, call) == run(restarted, call), f"command {number}: {call}"
        if number % (length // REOPENED) == 0:
            now, event = restarted.now_us, restarted.last_event
            restarted.close()
            restarted = opened(tmp_path, "none", 1 << 20)
            restarted.advance_to(now)
            steady.advance_to(now)
            assert restarted.last_event >= event
            requests = [each for each in calls[max(0, number - 50) : number] if each.settings.get("request_id")]
            assert everything(restarted, requests) == everything(steady, requests), f"after command {number}"
    restarted.close()


@pytest.mark.parametrize("profile_", PROFILES, ids=lambda each: each.name)
def test_tables_come_back_from_json_as_they_were(profile_: Profile, tape_seed: int) -> None:
    rng = Random(f"{tape_seed}/tables/{profile_.name}")
    for _ in range(20):
        tables: PolicyTables = random_policy(rng, profile_)
        assert from_json(to_json(tables)) == tables._replace(document=b"", author="")


def install(shard: Shard, **changes: Any) -> int:
    return shard.install_policy("default", compile_policy(load({**POLICY, **changes}), "ann", shard.now_us))


def test_scenarios_and_what_follows_from_them_survive(tmp_path: Path) -> None:
    shard = opened(tmp_path)
    install(shard)
    shard.set_scenario("default", "storm", True, "on")
    shard.close()
    shard = opened(tmp_path)
    assert shard.scenarios("default") == ["storm"]
    assert shard.set_scenario("default", "storm", True, "on") == ["storm"]
    assert shard.assign("default", "one").queue == "sales"
    assert shard.job("default", "one").rule == "stormy"
    install(shard, scenarios=["calm"], rules=[])
    install(shard)
    shard.close()
    shard = opened(tmp_path)
    assert shard.scenarios("default") == []
    assert shard.job("default", "one").rule == "stormy"
    shard.close()


def test_kept_versions_survive_and_one_of_them_can_be_put_in_force_again(tmp_path: Path) -> None:
    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        for number in range(1, 4):
            router.update_policy({"queues": [{"id": f"queue-{number}"}]}, author=f"author-{number}")
        before = router.policy_versions()
    with Router(tmp_path, "os", segment_size=1 << 20) as router:
        assert router.policy_versions() == before
        assert [each.author for each in before] == ["author-3", "author-2", "author-1"]
        assert router.rollback_policy(1)["queues"][0]["id"] == "queue-1"


def test_a_renewed_calendar_survives_and_is_no_new_version(tmp_path: Path) -> None:
    """L3: the policy stays the one that was stored; only its calendar is the later one."""
    shard = opened(tmp_path)
    shard.advance_to(SECOND)
    shard.install_policy(TENANT, compile_policy(load(POLICY), "ann", shard.now_us))
    stored = shard.policy(TENANT)
    shard.advance_to(800 * DAY_US)
    shard.renew_calendar(TENANT, compile_policy(load(POLICY), "ann", shard.now_us))
    shard.close()
    shard = opened(tmp_path)
    assert (shard.policy(TENANT), shard.calendar_us(TENANT)) == (stored, 800 * DAY_US)
    assert [each[0] for each in shard.earlier_policies(TENANT)] == [1]
    shard.advance_to(1_500 * DAY_US)  # a Saturday beyond the end of the first calendar
    assert shard.open_schedules(TENANT) == []
    shard.advance_to(1_502 * DAY_US + 9 * 3600 * SECOND)
    assert shard.open_schedules(TENANT) == ["office"]
    shard.close()


def test_profiles_and_their_answers_survive(tmp_path: Path) -> None:
    shard = opened(tmp_path)
    attributes = {"plan": "gold", "city": "Rome"}
    assert shard.upsert_customer(
        "default", "kim", tier="vip", value=7, attributes=attributes, own_agent="ann", language="de", request_id="new"
    )
    shard.upsert_customer("default", "lee", value=1)
    shard.delete_customer("default", "lee")
    before = plain(shard.customer("default", "kim"))
    shard.close()
    shard = opened(tmp_path)
    assert plain(shard.customer("default", "kim")) == before
    assert before["attributes"] == attributes
    assert shard.upsert_customer(
        "default", "kim", tier="vip", value=7, attributes=attributes, own_agent="ann", language="de", request_id="new"
    )
    with pytest.raises(FairleadError, match="no customer 'lee'"):
        shard.customer("default", "lee")
    shard.close()


def test_repeated_calls_are_answered_as_they_first_were_also_after_a_restart(tmp_path: Path) -> None:
    """J4: although the agent and the scenarios have changed since."""
    create = {"skills": {"sql": 7}, "tags": ["night"], "capacity": 3, "channel_limits": {"chat": 2}, "presence": 1}
    shard = opened(tmp_path)
    shard.install_policy(TENANT, compile_policy(load(POLICY)))

    def asked() -> list[Any]:
        made = shard.create_agent(TENANT, "ann", **create, request_id="make")
        changed = shard.update_agent(TENANT, "ann", capacity=5, wrap_up_us=SECOND, request_id="change")
        return [plain(made), plain(changed), shard.set_scenario(TENANT, "storm", True, "switch")]

    first = asked()
    assert (first[0]["capacity"], first[1]["capacity"], first[2]) == (3, 5, ["storm"])
    shard.assign(TENANT, "j", queue="sales")
    shard.update_agent(TENANT, "ann", skills={}, tags=[], capacity=9)
    shard.set_scenario(TENANT, "storm", False)
    assert asked() == first
    shard.close()
    shard = opened(tmp_path)
    assert asked() == first
    assert plain(shard.agent(TENANT, "ann"))["load"] == 1
    shard.close()


def test_events_go_on_above_the_last_one_and_are_not_told_again(tmp_path: Path) -> None:
    for _ in range(3):
        shard = opened(tmp_path)
        first = shard.last_event
        shard.create_agent("default", f"ann-{first}", presence=1)
        shard.assign("default", f"job-{first}", gateway="web")
        assert [row[2] for row in shard.events(first).rows(EventFilter())][-1] == 7
        last = shard.last_event
        shard.close()
        again = opened(tmp_path)
        assert again.last_event >= last
        assert again.oldest_event == again.last_event + 1
        again.complete("default", f"job-{first}", 1)
        (event,) = [row for row in again.events(again.oldest_event - 1).rows(EventFilter()) if row[2] == 11]
        assert (event[4], event[12]) == (f"job-{first}", "web")
        again.close()


def test_a_restart_marks_nobody_offline_before_they_could_extend_their_lease(tmp_path: Path) -> None:
    past = int(time.time() * SECOND) - 60 * SECOND
    shard = opened(tmp_path, "os", 1 << 20)
    shard.advance_to(past)
    shard.create_agent("default", "ann")
    shard.set_presence("default", "ann", 1, "shift", lease_us=10 * SECOND)
    shard.set_presence("default", "ann", 2, "lunch", lease_us=10 * SECOND)
    shard.assign("default", "old", time_to_live_us=20 * SECOND)
    shard.close()
    for _ in range(2):
        shard = Shard()
        shard.open(str(tmp_path), "os", segment_size=1 << 20)
        shard.tick()
        assert (shard.agent("default", "ann").presence, shard.agent("default", "ann").presence_reason) == (2, "lunch")
        assert shard.job("default", "old").state == 8, "what passed meanwhile fires at the start"
        assert shard.heartbeat("default", ["ann"]) == []
        shard.close()
    assert os.listdir(tmp_path)
