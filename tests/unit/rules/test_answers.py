"""E1 to E3: outcomes, errors, explanations."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead import Router
from fairlead.errors import REASONS, FairleadError, from_status
from fairlead.policy.tables import STRATEGIES, ChannelTable
from fairlead.shard.core import Affinity, JobState, Method, Outcome, Presence, Reason, Shard
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def test_an_assigned_job_has_no_reason(routing: Make) -> None:
    """E1."""
    r = routing()
    r.online("ann")
    answer = r.assign("j")
    assert (answer.outcome, answer.state, answer.reason) == (Outcome.ASSIGNED, JobState.ASSIGNED, Reason.NONE)
    assert (answer.job_id, answer.agent_id, answer.version, answer.queue) == ("j", "ann", 1, "q")


REASONS_OF: dict[str, tuple[Callable[[Routing], object], dict[str, Any], Reason]] = {
    "nobody at all": (lambda r: None, {}, Reason.NO_AGENT_ONLINE),
    "nobody online": (lambda r: r.online("ann", presence=Presence.DRAINING), {}, Reason.NO_AGENT_ONLINE),
    "nobody at all has the skill": (lambda r: r.online("ann"), {"skills": ["de"]}, Reason.NONE_ELIGIBLE),
    "nobody at all, and a demand": (lambda r: None, {"skills": ["de"]}, Reason.NONE_ELIGIBLE),
    "who has the skill is away and others are not": (
        lambda r: r.online("ann", skills={"de": 5}, presence=Presence.AWAY).online("bob"),
        {"skills": ["de"]},
        Reason.NONE_ELIGIBLE,
    ),
    "who has the skill is away and nobody is online": (
        lambda r: r.online("ann", skills={"de": 5}, presence=Presence.AWAY),
        {"skills": ["de"]},
        Reason.NO_AGENT_ONLINE,
    ),
    "who is online is no member": (
        lambda r: r.online("ann"),
        {"queue": "members"},
        Reason.NO_AGENT_ONLINE,
    ),
    "everybody is full": (lambda r: r.online("ann").full(), {}, Reason.ALL_BUSY),
    "who has the skill is full": (
        lambda r: r.online("ann", skills={"de": 5}).full().online("bob"),
        {"skills": ["de"]},
        Reason.ALL_BUSY,
    ),
    "the channel is full": (
        lambda r: r.online("ann", capacity=9, channel_limits={"voice": 0}),
        {"channel": "voice"},
        Reason.ALL_BUSY,
    ),
    "the only candidate is excluded": (lambda r: r.online("ann"), {"excluded_agents": ["ann"]}, Reason.BARRED),
    "one is excluded, one is full": (
        lambda r: r.online("bob").full().online("ann"),
        {"excluded_agents": ["ann"]},
        Reason.BARRED,
    ),
    "the excluded one is full too": (
        lambda r: r.online("ann").full(),
        {"excluded_agents": ["ann"]},
        Reason.ALL_BUSY,
    ),
    "the required agent is away": (
        lambda r: r.online("ann", presence=Presence.AWAY).online("bob"),
        {"wanted_agent": "ann", "wanted_mode": Affinity.REQUIRE},
        Reason.HELD_FOR_AGENT,
    ),
}


@pytest.mark.parametrize("strategy", ["least_load", "weighted", "random"])
@pytest.mark.parametrize("case", REASONS_OF)
def test_nobody_is_free_is_an_answer_with_its_reason(routing: Make, case: str, strategy: str) -> None:
    """E1, D13: the same for a job that waits and for one that will not wait."""
    prepare, job, reason = REASONS_OF[case]
    r = routing(
        queue("q", strategy),
        queue("members", strategy, any_tags=("member",)),
        channels=(ChannelTable("chat"), ChannelTable("voice", 2)),
    )
    prepare(r)
    answer = r.assign("refused", immediate_only=True, **job)
    assert (answer.outcome, answer.reason, answer.agent_id, answer.version) == (Outcome.REFUSED, reason, "", 0)
    answer = r.assign("waits", **job)
    assert (answer.outcome, answer.state, answer.reason) == (Outcome.QUEUED, JobState.QUEUED, reason)
    assert r.job("waits").reason == reason


def test_every_answer_carries_the_policy_version_that_decided_it(routing: Make) -> None:
    """E1 (L3)."""
    r = routing()
    r.online("ann")
    assert r.assign("j1").policy_version == 1
    r.install(queue())
    assert r.assign("j2").policy_version == 2
    assert r.job("j1").policy_version == 1
    again = r.assign("j1")
    assert (again.repeated, again.policy_version) == (True, 1)


def test_every_reason_has_a_class_with_a_code_and_travels_in_a_status(routing: Make) -> None:
    """E2: one table, one encoding: what a client reads is what was raised."""
    for reason, kind in REASONS.items():
        raised = kind(reason, "what, value, limit", "job.queue" if reason == "INVALID_FIELD" else "")
        back = from_status(raised.status_bytes())
        assert (type(back), back.reason, back.code, back.message, back.field) == (
            kind,
            reason,
            kind.code,
            raised.message,
            raised.field,
        )
        assert reason == reason.upper()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"urgency": 10}, "job.urgency"),
        ({"urgency": -1}, "job.urgency"),
        ({"skills": {"de": -1}}, "job.skills[0]"),
        ({"skills": {"en": 1, "de": 11}}, "job.skills[1]"),
        ({"skills": {"de": (5, 4)}}, "job.skills[0]"),
        ({"head_start_us": -1}, "job.head_start"),
        ({"head_start_us": 24 * 3600 * SECOND + 1}, "job.head_start"),
        ({"time_to_live_us": -1}, "job.time_to_live"),
        ({"time_to_live_us": 30 * 24 * 3600 * SECOND + 1}, "job.time_to_live"),
        ({"tags": ["x" * 129]}, "job.tags[0]"),
        ({"tags": ["a", ""]}, "job.tags[1]"),
        ({"tags": [f"t{number}" for number in range(33)]}, "job.tags"),
        ({"skills": {f"s{number}": 1 for number in range(33)}}, "job.skills"),
        ({"customer": "c" * 129}, "job.customer"),
        ({"queue": "q" * 129}, "job.queue"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_named_and_nothing_changes(routing: Make, settings: dict[str, Any], field: str) -> None:
    """E2."""
    r = routing()
    before = r.shard.state_hash(TENANT)
    with pytest.raises(FairleadError) as raised:
        r.assign("j", **settings)
    assert raised.value.reason == "INVALID_FIELD"
    assert raised.value.field.startswith(field)
    assert raised.value.violations[0][0] == raised.value.field
    assert r.shard.state_hash(TENANT) == before


@pytest.mark.parametrize(
    ("settings"),
    [
        {"urgency": 9, "head_start_us": 24 * 3600 * SECOND, "time_to_live_us": 30 * 24 * 3600 * SECOND},
        {"skills": {f"s{number}": (1, 10) for number in range(32)}, "tags": [f"t{number}" for number in range(32)]},
        {"customer": "c" * 128, "labels": {f"k{number}": "v" for number in range(32)}},
        {"preferred_skills": {f"s{n}": 1 for n in range(32)}, "preferred_tags": [f"t{n}" for n in range(32)]},
    ],
    ids=["times", "demands", "names", "preferences"],
)
def test_the_largest_allowed_values_are_taken(routing: Make, settings: dict[str, Any]) -> None:
    """E2: max is in."""
    r = routing()
    assert r.assign("j" * 128, **settings).outcome == Outcome.QUEUED


@pytest.mark.parametrize(
    "data", [b"\xff", b"\x0a\x05abc", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0b" * 40]
)
@pytest.mark.parametrize("method", list(Method))
def test_malformed_bytes_never_change_state(method: Method, data: bytes) -> None:
    """E2: answered INTERNAL with MALFORMED_REQUEST."""
    shard = Shard(virtual_time=True)
    shard.create_agent(TENANT, "ann", presence=Presence.ONLINE)
    before = shard.state_hash(TENANT)
    answers: list[tuple[int, bytes]] = []
    shard.submit(method, data, lambda status, body, sequence: answers.append((status, body)))
    ((status, body),) = answers
    assert status == 13
    assert from_status(body).reason == "MALFORMED_REQUEST"
    assert shard.state_hash(TENANT) == before
    assert shard.check(TENANT) == []


def test_an_unknown_method_is_unimplemented() -> None:
    """E2."""
    answers: list[int] = []
    Shard(virtual_time=True).submit(99, b"", lambda status, body, sequence: answers.append(status))
    assert answers == [12]


def test_in_one_batch_an_error_is_that_jobs_alone() -> None:
    """E2: also when one id comes twice with different content; the same content is a repeat."""
    router = Router(virtual_time=True)
    router.create_agent("ann", presence=Presence.ONLINE, capacity=9)
    first, same, other, wrong, last = router.batch_assign(
        [
            {"job_id": "j1"},
            {"job_id": "j1"},
            {"job_id": "j1", "urgency": 1},
            {"job_id": "j2", "queue": "none"},
            {"job_id": "j3"},
        ]
    )
    assert not isinstance(first, FairleadError)
    assert not isinstance(same, FairleadError)
    assert (first.repeated, same.repeated, same.agent_id) == (False, True, "ann")
    assert isinstance(other, FairleadError)
    assert isinstance(wrong, FairleadError)
    assert (other.reason, wrong.reason) == ("JOB_ALREADY_EXISTS", "QUEUE_NOT_FOUND")
    assert not isinstance(last, FairleadError)
    assert last.agent_id == "ann"
    assert router.agent("ann").load == 2


def test_explain_names_everybody_else_with_the_first_cause(routing: Make) -> None:
    """E3: for a waiting job; membership first, then presence, demands, exclusion, room."""
    r = routing(
        queue(any_tags=("member",)),
        channels=(ChannelTable("chat", 1), ChannelTable("voice", 5)),
    )
    fine: dict[str, Any] = {"tags": ["member", "night"], "skills": {"de": 5}, "capacity": 10}
    r.online("stranger", **{**fine, "tags": ["night"]})
    r.online("away", **fine, presence=Presence.AWAY)
    r.online("draining", **fine, presence=Presence.DRAINING)
    r.online("offline", **fine, presence=Presence.OFFLINE)
    r.online("unskilled", **{**fine, "skills": {}})
    r.online("low", **{**fine, "skills": {"de": 2}})
    r.online("high", **{**fine, "skills": {"de": 9}})
    r.online("untagged", **{**fine, "tags": ["member"]})
    r.online("barred", **fine)
    r.online("full", **{**fine, "capacity": 4})
    r.online("limited", **fine, channel_limits={"voice": 0})
    r.assign("j", channel="voice", skills={"de": (3, 8)}, tags=["night"], excluded_agents=["barred"])
    told = r.shard.explain(TENANT, "j")
    assert told.candidates == []
    assert {agent: cause for agent, cause, _ in told.excluded} == {
        "stranger": "not_member",
        "away": "away",
        "draining": "draining",
        "offline": "offline",
        "unskilled": "missing_skill",
        "low": "missing_skill",
        "high": "level_too_high",
        "untagged": "missing_tag",
        "barred": "excluded",
        "full": "full",
        "limited": "channel_full",
    }
    details = {agent: detail for agent, _, detail in told.excluded}
    assert "has 2" in details["low"]
    assert "3-8" in details["low"]
    assert "night" in details["untagged"]
    assert "5 > capacity 4" in details["full"]


def test_explain_names_each_single_demand_that_blocks(routing: Make) -> None:
    """E3: the one that, dropped alone, would place the job now."""
    r = routing()
    r.online("german", skills={"de": 9})
    r.online("french", skills={"fr": 9}, tags=["night"])
    r.assign("j", skills=["de"], tags=["night"])
    assert sorted(r.shard.explain(TENANT, "j").blocking_demands) == ["skill de >= 1", "tag night"]
    r.assign("k", skills=["de", "fr", "es"], tags=["night"])
    assert r.shard.explain(TENANT, "k").blocking_demands == []
    r.assign("m", skills={"de": 10})
    assert r.shard.explain(TENANT, "m").blocking_demands == ["skill de >= 10"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_first_candidate_of_an_explanation_is_the_one_who_would_be_chosen(routing: Make, strategy: str) -> None:
    """E3: the keys are the engine's own, best first, one name for each. Asked of jobs that start a second later."""
    r = routing(queue(strategy=strategy, saturation_threshold=80), seed=5)
    r.online("gone")
    for number in range(12):
        skills = {"de": 1 + number % 7, **({"en": 5} if number % 3 else {})}
        r.online(f"a{number}", skills=skills, weight=10 + number, rating=400 + 50 * (number % 4), capacity=5)
    r.deal(25, "load", skills=["de"])
    r.presence("gone", Presence.OFFLINE)
    for number in range(20):
        name = f"e{number}"
        wishes: dict[str, Any] = {"preferred_skills": ["en"]} if number % 2 else {}
        r.assign(name, skills=["de"], start_time_us=(number + 1) * SECOND, **wishes)
        told = r.shard.explain(TENANT, name)
        assert told.strategy == strategy
        assert told.candidates == sorted(told.candidates, key=lambda candidate: candidate[1])
        assert all(len(keys) == len(told.key_names) for _, keys in told.candidates)
        assert len(told.candidates) + len(told.excluded) == 13
        r.at(number + 1)
        assert r.who(name) == told.candidates[0][0]
        r.complete(f"load{number}")


def test_explain_tells_the_decision_that_was(routing: Make) -> None:
    """E3: agent, policy version, cause, load before, capacity, wait."""
    r = routing(queue(affinity_mode=Affinity.PREFER))
    r.online("ann", capacity=2)
    r.assign("picked", customer="c")
    r.assign("own", customer="c")
    r.assign("waited")
    r.at(30)
    r.complete("picked")
    r.online("bob")
    r.transfer("own", agent="bob")
    decisions = {job: r.shard.explain(TENANT, job).decision for job in ("waited", "own", "picked")}
    assert decisions["waited"] == ("ann", 1, "backlog", 1, 2, 30 * SECOND)
    assert decisions["own"] == ("bob", 1, "transfer", 0, 1, 30 * SECOND)
    assert decisions["picked"] == ("ann", 1, "strategy", 0, 2, 0)
    r.assign("lone", skills=["es"])
    assert r.shard.explain(TENANT, "lone").decision is None


def test_explaining_changes_nothing(routing: Make) -> None:
    """E3."""
    r = routing(queue(strategy="weighted"))
    r.online("ann", "bob")
    r.deal(3, skills=["none"])
    before = r.shard.state_hash(TENANT), r.shard.facts(TENANT)
    for number in range(3):
        r.shard.explain(TENANT, f"j{number}")
    assert (r.shard.state_hash(TENANT), r.shard.facts(TENANT)) == before
