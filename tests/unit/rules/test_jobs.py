"""J1 to J5: states, conservation, fields, ids and versions; D16 to D19 and D21 to D25."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from fairlead.policy.tables import ChannelTable, TierTable
from fairlead.shard.core import JobState, Outcome, Presence, Reason
from tests.unit.rules.support import HOUR, SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def in_every_state(r: Routing) -> dict[JobState, str]:
    """One job in each state that this version has; who is ONLINE is full."""
    r.online("ann")
    r.assign("completed")
    r.complete("completed")
    r.assign("cancelled")
    r.cancel("cancelled")
    r.assign("assigned")
    r.assign("queued")
    r.assign("scheduled", start_time_us=50 * SECOND)
    r.assign("expired", time_to_live_us=1)
    r.at(1)
    return {
        JobState.COMPLETED: "completed",
        JobState.CANCELLED: "cancelled",
        JobState.ASSIGNED: "assigned",
        JobState.QUEUED: "queued",
        JobState.SCHEDULED: "scheduled",
        JobState.EXPIRED: "expired",
    }


def test_the_states_are_what_they_are_called(routing: Make) -> None:
    """J1."""
    r = routing()
    for state, job in in_every_state(r).items():
        assert r.state(job) == state


@pytest.mark.parametrize(
    ("method", "allowed"),
    [
        ("accept", set()),
        ("decline", set()),
        ("complete", {JobState.ASSIGNED}),
        ("transfer", {JobState.ASSIGNED}),
        ("cancel", {JobState.SCHEDULED, JobState.QUEUED, JobState.ASSIGNED}),
    ],
)
def test_every_other_transition_is_refused_and_changes_nothing(
    routing: Make, method: str, allowed: set[JobState]
) -> None:
    """J1, D19: WRONG_STATE comes before any version is looked at."""
    r = routing()
    for state, job in in_every_state(r).items():
        arguments: tuple[Any, ...] = () if method == "cancel" else (99,)
        if state in allowed:
            continue
        before = r.shard.state_hash(TENANT)
        with pytest.raises(FailedPrecondition) as raised:
            getattr(r.shard, method)(TENANT, job, *arguments)
        assert raised.value.reason == "WRONG_STATE"
        assert raised.value.metadata == {"state": state.name}
        assert f" is {state.name}," in raised.value.message
        assert r.shard.state_hash(TENANT) == before


def test_any_live_job_can_be_cancelled_and_frees_what_it_held(routing: Make) -> None:
    """J1, D19: and the room serves the backlog in the same step."""
    r = routing()
    in_every_state(r)
    r.cancel("scheduled")
    r.cancel("assigned")
    assert r.who("queued") == "ann"
    for job in ("scheduled", "assigned"):
        view = r.job(job)
        assert (view.state, view.reason) == (JobState.CANCELLED, Reason.CALLER)


def test_a_job_with_a_future_start_is_scheduled_until_then(routing: Make) -> None:
    """J1, D17: then it is decided like a new job, first queued at its start."""
    r = routing()
    r.online("ann")
    answer = r.assign("later", start_time_us=30 * SECOND)
    assert (answer.outcome, answer.reason, answer.state) == (Outcome.QUEUED, Reason.SCHEDULED, JobState.SCHEDULED)
    r.at(29.999999)
    assert r.state("later") == JobState.SCHEDULED
    r.at(30)
    view = r.job("later")
    assert (view.agent_id, view.queue_time_us, view.create_time_us) == ("ann", 30 * SECOND, 0)


def test_a_start_now_or_in_the_past_is_no_start_at_all(routing: Make) -> None:
    """D17."""
    r = routing()
    r.online("ann", capacity=2)
    r.at(10)
    assert r.assign("now", start_time_us=10 * SECOND).agent_id == "ann"
    assert r.assign("past", start_time_us=5 * SECOND).agent_id == "ann"


def test_immediate_only_has_no_later(routing: Make) -> None:
    """D17."""
    r = routing()
    with pytest.raises(InvalidArgument):
        r.assign("j", start_time_us=SECOND, immediate_only=True)


@pytest.mark.parametrize(("seconds", "state"), [(9, JobState.ASSIGNED), (10, JobState.EXPIRED), (11, JobState.EXPIRED)])
def test_a_requeue_at_the_end_of_a_jobs_life_ends_it(routing: Make, seconds: int, state: JobState) -> None:
    """D16: held, it outlives its time; back in a queue it does not, though somebody is free."""
    r = routing(queue(), queue("next"))
    r.online("ann", "bob")
    r.assign("j", time_to_live_us=10 * SECOND)
    r.at(seconds)
    r.transfer("j", queue="next")
    assert r.state("j") == state


def test_every_submitted_job_is_in_exactly_one_state(routing: Make) -> None:
    """J2: counts per state add up, none vanishes, none is there twice."""
    r = routing(queue(max_length=3))
    r.online("ann", "bob", capacity=2)
    kept = 0
    for number in range(60):
        answer = r.assign(f"j{number}", time_to_live_us=(number % 7) * SECOND, start_time_us=(number % 5) * 3 * SECOND)
        kept += answer.outcome != Outcome.REFUSED
        if number % 3 == 0:
            r.at(number / 4)
        for job in r.all_jobs():
            if job.state == JobState.ASSIGNED and (number + len(job.id)) % 4 == 0:
                r.complete(job.id)
                break
        if number % 11 == 5 and answer.outcome != Outcome.REFUSED and r.state(f"j{number}") < JobState.COMPLETED:
            r.cancel(f"j{number}")
        jobs = [job.id for job in r.all_jobs()]
        assert len(set(jobs)) == len(jobs) == kept
        counts = r.shard.status(TENANT).jobs
        assert sum(counts.values()) == kept
        for state, count in counts.items():
            assert count == sum(job.state == state for job in r.all_jobs())
    assert len([count for count in counts.values() if count]) >= 4


def test_a_refused_job_is_not_kept_and_takes_no_number(routing: Make) -> None:
    """J2, J4: its id is free for another try."""
    r = routing()
    assert r.assign("j", immediate_only=True).outcome == Outcome.REFUSED
    with pytest.raises(NotFound):
        r.job("j")
    r.online("ann")
    answer = r.assign("j", immediate_only=True, urgency=3)
    assert (answer.outcome, answer.repeated, answer.agent_id) == (Outcome.ASSIGNED, False, "ann")


def test_a_job_says_what_it_was_given(routing: Make) -> None:
    """J3."""
    r = routing(
        queue("a"),
        queue("b"),
        channels=(ChannelTable("chat"), ChannelTable("voice", 5)),
        tiers=(TierTable("vip", head_start_us=90 * SECOND, urgency=2),),
    )
    r.at(7)
    r.assign(
        "j",
        queue="b",
        channel="voice",
        customer="c",
        customer_tier="vip",
        urgency=1,
        head_start_us=10 * SECOND,
        labels={"page": "cart"},
    )
    view = r.job("j")
    assert (view.queue, view.channel, view.customer, view.cost) == ("b", "voice", "c", 5)
    assert (view.urgency, view.head_start_us) == (3, 100 * SECOND)
    assert view.create_time_us == view.queue_time_us == 7 * SECOND


def test_the_queue_of_a_job_that_names_none(routing: Make) -> None:
    """D25: the policy's default; without one the only queue; else the field is wrong."""
    r = routing(queue("a"), queue("b"), default_queue="b")
    assert r.assign("j1").queue == "b"
    only = routing(queue("only"), default_queue="")
    assert only.assign("j1").queue == "only"
    none = routing(queue("a"), queue("b"), default_queue="")
    with pytest.raises(InvalidArgument) as raised:
        none.assign("j1")
    assert (raised.value.reason, raised.value.field) == ("INVALID_FIELD", "job.queue")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("queue", "none", "QUEUE_NOT_FOUND"),
        ("channel", "none", "CHANNEL_NOT_FOUND"),
        ("customer_tier", "none", "TIER_NOT_FOUND"),
        ("excluded_agents", ["none"], "AGENT_NOT_FOUND"),
        ("wanted_agent", "none", "AGENT_NOT_FOUND"),
    ],
)
def test_names_in_a_job_must_exist(routing: Make, field: str, value: object, reason: str) -> None:
    """D21."""
    r = routing()
    with pytest.raises(NotFound) as raised:
        r.assign("j", **{field: value})
    assert raised.value.reason == reason
    assert r.all_jobs() == []


def test_unknown_skills_and_tags_are_fine(routing: Make) -> None:
    """D21, E1: nobody has them; that is an answer, not an error."""
    r = routing()
    r.online("ann")
    assert r.assign("j1", skills=["klingon"]).reason == Reason.NONE_ELIGIBLE
    assert r.assign("j2", tags=["moon"]).reason == Reason.NONE_ELIGIBLE
    assert r.assign("j3", preferred_skills=["klingon"], preferred_tags=["moon"]).agent_id == "ann"


def test_excluded_agents_never_get_the_job(routing: Make) -> None:
    """J3, T1: not now and not from the backlog."""
    r = routing()
    r.online("ann", "bob")
    assert r.deal(1, "j", excluded_agents=["ann"]) == ["bob"]
    assert r.assign("k", excluded_agents=["ann", "bob"]).reason == Reason.BARRED
    r.complete("j0")
    assert r.waiting("k") == ["k"]
    r.online("cid")
    assert r.who("k") == "cid"


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SCHEDULED])
def test_a_job_that_waits_beyond_its_time_to_live_expires(routing: Make, state: JobState) -> None:
    """J3, D16: from submission, to the microsecond."""
    r = routing()
    r.at(100)
    start = 500 * SECOND if state == JobState.SCHEDULED else 0
    r.assign("j", time_to_live_us=60 * SECOND, start_time_us=start)
    r.at(159.999999)
    assert r.state("j") == state
    r.at(160)
    view = r.job("j")
    assert (view.state, view.reason, view.end_time_us) == (JobState.EXPIRED, Reason.TIME_TO_LIVE, 160 * SECOND)
    r.online("ann")
    assert r.load("ann") == 0


def test_an_assigned_job_outlives_its_time_to_live_and_expires_when_requeued(routing: Make) -> None:
    """D16: although somebody could take it, and the room it leaves serves the backlog."""
    r = routing()
    r.online("ann", "bob", skills={"de": 5})
    r.assign("j", time_to_live_us=60 * SECOND, wanted_agent="ann")
    r.assign("waits", excluded_agents=["bob"])
    r.at(90)
    assert r.who("j") == "ann"
    answer = r.transfer("j")
    assert (answer.state, r.job("j").reason) == (JobState.EXPIRED, Reason.TIME_TO_LIVE)
    assert (r.who("waits"), r.load("bob")) == ("ann", 0)


def test_the_same_job_again_gives_the_first_answer_marked_as_a_repeat(routing: Make) -> None:
    """J4: whatever has become of the job since."""
    r = routing()
    r.assign("j", labels={"a": "1", "b": "2"}, skills={"de": 3})
    r.online("ann", skills={"de": 3})
    assert r.who("j") == "ann"
    again = r.assign("j", labels={"b": "2", "a": "1"}, skills={"de": 3})
    assert (again.repeated, again.outcome, again.reason) == (True, Outcome.QUEUED, Reason.NONE_ELIGIBLE)
    assert (again.agent_id, again.version) == ("", 0)
    r.complete("j")
    assert r.assign("j", labels={"a": "1", "b": "2"}, skills={"de": 3}).repeated
    assert r.load("ann") == 0


CONTENT: list[dict[str, Any]] = [
    {"queue": "b"},
    {"channel": "voice"},
    {"skills": {"de": 4}},
    {"skills": {"de": (3, 9)}},
    {"tags": ["night"]},
    {"preferred_skills": {"en": 1}},
    {"preferred_tags": ["night"]},
    {"customer": "c"},
    {"customer_tier": "vip"},
    {"urgency": 1},
    {"head_start_us": 1},
    {"excluded_agents": ["ann"]},
    {"wanted_agent": "ann"},
    {"time_to_live_us": SECOND},
    {"start_time_us": SECOND},
    {"labels": {"a": "2"}},
    {"language": "de"},
    {"customer_value": 1},
    {"affinity": 2},
]


@pytest.mark.parametrize("other", CONTENT, ids=lambda other: next(iter(other)))
def test_the_same_id_with_other_content_is_refused(routing: Make, other: dict[str, Any]) -> None:
    """J4, D18: every field counts."""
    r = routing(
        queue("a"),
        queue("b"),
        channels=(ChannelTable("chat"), ChannelTable("voice")),
        tiers=(TierTable("vip"),),
    )
    r.online("ann")
    content: dict[str, Any] = {"skills": {"de": 3}, "labels": {"a": "1"}}
    r.assign("j", **content)
    before = r.shard.state_hash(TENANT)
    with pytest.raises(AlreadyExists) as raised:
        r.assign("j", **{**content, **other})
    assert raised.value.reason == "JOB_ALREADY_EXISTS"
    assert r.shard.state_hash(TENANT) == before
    assert r.assign("j", **content).repeated


def test_an_ended_job_is_remembered_for_the_retention(routing: Make) -> None:
    """J4, D18: forgotten when now >= end + retention; then its id is anybody's."""
    r = routing(retention_us=HOUR)
    r.online("ann")
    r.assign("j")
    r.at(10)
    r.complete("j")
    r.at(10 + 3600 - 0.000001)
    assert r.assign("j").repeated
    r.at(10 + 3600)
    with pytest.raises(NotFound):
        r.job("j")
    answer = r.assign("j", urgency=5)
    assert (answer.repeated, answer.agent_id, answer.version) == (False, "ann", 1)


def test_a_live_job_is_remembered_however_old(routing: Make) -> None:
    """J4."""
    r = routing(retention_us=SECOND)
    r.assign("j")
    r.at(100_000)
    assert r.assign("j").repeated


def test_request_ids_give_other_mutations_the_same_promise(routing: Make) -> None:
    """J4, D18: the first answer again, nothing done twice; for another method or content the id is taken."""
    r = routing(retention_us=60 * SECOND)
    r.online("ann", "bob", capacity=2)
    r.give("j", "ann")
    first = r.transfer("j", agent="bob", request_id="t")
    again = r.shard.transfer(TENANT, "j", 1, agent="bob", request_id="t")
    assert (first.version, first.repeated, again.version, again.repeated) == (2, False, 2, True)
    assert r.job("j").version == 2
    for misuse in (
        lambda: r.shard.complete(TENANT, "j", 2, request_id="t"),
        lambda: r.shard.transfer(TENANT, "j", 1, agent="ann", request_id="t"),
        lambda: r.shard.set_presence(TENANT, "ann", Presence.AWAY, request_id="t"),
    ):
        with pytest.raises(AlreadyExists) as raised:
            misuse()
        assert raised.value.reason == "REQUEST_ID_REUSED"
    r.at(60)
    r.shard.complete(TENANT, "j", 2, request_id="t")
    assert r.state("j") == JobState.COMPLETED


def test_only_successes_are_remembered_by_request_id(routing: Make) -> None:
    """D18."""
    r = routing()
    r.online("ann")
    r.assign("j")
    with pytest.raises(FailedPrecondition):
        r.shard.complete(TENANT, "j", 7, request_id="c")
    assert not r.shard.complete(TENANT, "j", 1, request_id="c").repeated


def test_each_assignment_carries_the_next_version(routing: Make) -> None:
    """J5, D19: an agent who lost a job cannot finish it."""
    r = routing()
    r.online("ann", "bob")
    r.give("j", "ann")
    assert r.job("j").version == 1
    assert r.transfer("j", agent="bob").version == 2
    before = r.shard.state_hash(TENANT)
    for stale in (1, 3):
        for method in ("complete", "transfer"):
            with pytest.raises(FailedPrecondition) as raised:
                getattr(r.shard, method)(TENANT, "j", stale)
            assert raised.value.reason == "STALE_VERSION"
    assert r.shard.state_hash(TENANT) == before
    assert r.shard.complete(TENANT, "j", 2).state == JobState.COMPLETED


def test_a_queue_or_channel_of_live_jobs_may_not_disappear(routing: Make) -> None:
    """D23: the bad policy changes nothing."""
    channels = (ChannelTable("chat"), ChannelTable("voice"))
    r = routing(queue("a"), queue("b"), channels=channels)
    r.assign("j", queue="b", channel="voice")
    before = r.shard.state_hash(TENANT)
    with pytest.raises(FailedPrecondition) as raised:
        r.install(queue("a"), channels=channels)
    assert raised.value.reason == "QUEUE_IN_USE"
    with pytest.raises(FailedPrecondition) as raised:
        r.install(queue("a"), queue("b"), channels=channels[:1])
    assert raised.value.reason == "CHANNEL_IN_USE"
    assert r.shard.state_hash(TENANT) == before
    r.cancel("j")
    assert r.install(queue("a"), channels=channels[:1]) == 2


def test_tier_changes_do_not_touch_existing_jobs(routing: Make) -> None:
    """D23."""
    r = routing(tiers=(TierTable("vip", head_start_us=90 * SECOND),))
    r.assign("j", customer="c", customer_tier="vip")
    r.install(queue(), tiers=())
    assert r.job("j").head_start_us == 90 * SECOND
    assert r.assign("j", customer="c", customer_tier="vip").repeated
