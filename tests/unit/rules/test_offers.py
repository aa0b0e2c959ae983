"""O1 to O3: a job is offered, and what becomes of the offer."""

from collections.abc import Callable

import pytest

from fairlead.errors import FairleadError
from fairlead.shard.core import Affinity, JobState, Outcome, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]


def asked(r: Routing, job: str) -> str:
    """Who has the job's open offer, empty for nobody."""
    view = r.job(job)
    return view.agent_id if view.state == JobState.OFFERED else ""


def accept(r: Routing, job: str) -> None:
    r.shard.accept(TENANT, job, r.job(job).version)


def decline(r: Routing, job: str) -> None:
    r.shard.decline(TENANT, job, r.job(job).version)


def offering(**settings: object) -> object:
    return queue(strategy="longest_idle", offer_timeout_us=20 * SECOND, **settings)


def test_a_chosen_agent_is_asked_and_the_room_is_kept(routing: Make) -> None:
    """O1, C3: an offer takes room like the job itself, has a version and an end, and its repeat says the same."""
    r = routing(offering()).online("ann")
    answer = r.assign("j")
    assert (answer.outcome, answer.state, answer.agent_id, answer.version) == (
        Outcome.OFFERED,
        JobState.OFFERED,
        "ann",
        1,
    )
    assert answer.deadline_us == r.job("j").deadline_us == 20 * SECOND
    assert r.load("ann") == 1
    assert r.assign("k").outcome == Outcome.QUEUED
    r.at(1)
    accept(r, "j")
    again = r.assign("j")
    assert (again.repeated, again.outcome, again.version, again.deadline_us) == (True, Outcome.OFFERED, 1, 20 * SECOND)


def test_accepting_assigns_at_that_time_under_the_same_version(routing: Make) -> None:
    """O1, T3, A1: what a direct assignment notes is noted at the accept."""
    r = routing(offering(affinity_mode=2)).online("ann", "bob", capacity=2)
    r.assign("j", customer="c")
    assert r.shard.agent(TENANT, "ann").given_count == 0
    r.at(5)
    accept(r, "j")
    job, ann = r.job("j"), r.shard.agent(TENANT, "ann")
    assert (job.state, job.version, job.assign_time_us, job.deadline_us) == (JobState.ASSIGNED, 1, 5 * SECOND, 0)
    assert (ann.given_count, ann.last_given_time_us, ann.load) == (1, 5 * SECOND, 1)
    assert asked(r, r.assign("k").job_id) == "bob"
    assert asked(r, r.assign("again", customer="c").job_id) == "ann"


@pytest.mark.parametrize("end", ["decline", "miss"])
def test_an_offer_that_came_to_nothing_moves_nobody_back(routing: Make, end: str) -> None:
    """T3, O1: ann stays the longest idle, and gets the next job; the refused one went on in the same step."""
    r = routing(offering()).online("ann", "bob")
    r.assign("j")
    if end == "decline":
        decline(r, "j")
    else:
        r.at(20)
    assert asked(r, "j") == "bob"
    assert r.job("j").version == 2
    assert asked(r, r.assign("k").job_id) == "ann"


def test_the_answer_to_a_decline_says_where_the_job_went(routing: Make) -> None:
    """O1: offered on, or waiting with the reason."""
    r = routing(offering()).online("ann", "bob")
    r.assign("j")
    answer = r.shard.decline(TENANT, "j", 1)
    assert (answer.state, answer.agent_id, answer.version) == (JobState.OFFERED, "bob", 2)
    answer = r.shard.decline(TENANT, "j", 2)
    assert (answer.state, answer.agent_id, answer.version, answer.reason) == (JobState.QUEUED, "", 0, Reason.BARRED)


def test_one_agent_alone_who_declines_gets_the_job_back_after_the_cooldown(routing: Make) -> None:
    """O2: one agent alone never strands a job."""
    r = routing(offering(decline_cooldown_us=30 * SECOND)).online("ann")
    r.assign("j")
    r.at(3)
    decline(r, "j")
    assert (r.state("j"), r.job("j").reason) == (JobState.QUEUED, Reason.BARRED)
    assert asked(r, r.assign("other").job_id) == "ann"
    decline(r, "other")
    r.at(32.999999)
    assert r.waiting("j", "other") == ["j", "other"]
    r.at(33)
    assert asked(r, "j") == "ann"
    assert r.waiting("other") == ["other"]


def test_of_two_who_declined_the_one_barred_longest_is_asked_first(routing: Make) -> None:
    """O2: the least recently barred."""
    r = routing(offering(decline_cooldown_us=30 * SECOND)).online("ann", "bob")
    r.assign("j")
    r.at(2)
    decline(r, "j")
    r.at(4)
    decline(r, "j")
    r.at(33)
    assert asked(r, "j") == "ann"


def test_a_declined_job_keeps_its_place(routing: Make) -> None:
    """Q7, Q4: the declined job is older than the one that waits, but ann's room goes to whom she may serve."""
    r = routing(offering()).online("ann")
    r.assign("old")
    r.assign("young")
    decline(r, "old")
    assert (asked(r, "young"), r.waiting("old")) == ("ann", ["old"])
    r.online("bob")
    assert asked(r, "old") == "bob"
    assert r.job("old").queue_time_us == 0


def test_misses_in_a_row_make_an_agent_away_before_the_job_goes_on(routing: Make) -> None:
    """O3: a decline or an accept begins the count anew; so does coming ONLINE by a caller."""
    r = routing(offering(misses_to_away=2, decline_cooldown_us=SECOND)).online("ann")
    r.assign("j")
    r.at(20)
    assert r.shard.agent(TENANT, "ann").missed_offers == 1
    r.at(21)
    decline(r, "j")
    assert r.shard.agent(TENANT, "ann").missed_offers == 0
    r.at(22)
    r.at(42)
    r.at(43)
    r.at(63)
    ann = r.shard.agent(TENANT, "ann")
    assert (ann.presence, ann.presence_reason, ann.missed_offers) == (Presence.AWAY, "missed_offers", 0)
    assert (r.state("j"), r.job("j").reason) == (JobState.QUEUED, Reason.NO_AGENT_ONLINE)
    r.at(70)
    r.presence("ann", Presence.ONLINE)
    assert asked(r, "j") == "ann"


def test_two_answers_race_and_the_second_is_refused(routing: Make) -> None:
    """J5: an offer is answered once, by its version."""
    r = routing(offering()).online("ann")
    r.assign("j")
    with pytest.raises(FairleadError, match="assigned again"):
        r.shard.accept(TENANT, "j", 2)
    accept(r, "j")
    for call in (r.shard.accept, r.shard.decline):
        with pytest.raises(FairleadError, match="is ASSIGNED, a state that does not"):
            call(TENANT, "j", 1)
    r.complete("j")
    assert r.state("j") == JobState.COMPLETED


def test_an_open_offer_can_be_cancelled_but_not_completed_or_transferred(routing: Make) -> None:
    """J1."""
    r = routing(offering()).online("ann")
    r.assign("j")
    r.assign("waits")
    for call in (r.shard.complete, r.shard.transfer):
        with pytest.raises(FairleadError, match="is OFFERED, a state that does not"):
            call(TENANT, "j", 1)
    r.cancel("j")
    assert (r.state("j"), asked(r, "waits")) == (JobState.CANCELLED, "ann")


def test_time_to_live_ends_an_open_offer_and_the_maximum_wait_does_not(routing: Make) -> None:
    """J3, Q6: the wait is judged when the offer has ended."""
    r = routing(offering(max_wait_us=10 * SECOND)).online("ann")
    r.assign("short", time_to_live_us=5 * SECOND)
    r.assign("long")
    r.at(5)
    assert (r.state("short"), r.job("short").reason) == (JobState.EXPIRED, Reason.TIME_TO_LIVE)
    assert asked(r, "long") == "ann"
    r.at(24)
    assert asked(r, "long") == "ann"
    r.at(25)
    assert (r.state("long"), r.job("long").reason) == (JobState.CANCELLED, Reason.MAX_WAIT)


def test_who_goes_away_may_still_answer(routing: Make) -> None:
    """O1: presence ends no offer, except where the agent is lost."""
    r = routing(offering()).online("ann", "bob")
    r.assign("j")
    r.assign("k")
    r.presence("ann", Presence.AWAY)
    r.presence("bob", Presence.DRAINING)
    accept(r, "j")
    decline(r, "k")
    assert (r.who("j"), r.waiting("k")) == ("ann", ["k"])


def test_a_transfer_to_an_agent_asks_nobody(routing: Make) -> None:
    """O1, C2."""
    r = routing(offering()).online("ann", "bob")
    r.assign("j")
    accept(r, "j")
    assert r.transfer("j", agent="bob").state == JobState.ASSIGNED
    answer = r.transfer("j")
    assert (answer.state, answer.agent_id) == (JobState.OFFERED, "ann")


def test_the_own_agent_is_asked_first_and_again_after_the_bar(routing: Make) -> None:
    """A2, A3, O2: with PREFER others are asked meanwhile, with REQUIRE the job waits for its agent."""
    r = routing(offering(decline_cooldown_us=10 * SECOND)).online("ann", "bob")
    r.assign("prefers", wanted_agent="bob")
    r.assign("requires", wanted_agent="ann", wanted_mode=Affinity.REQUIRE)
    decline(r, "prefers")
    decline(r, "requires")
    assert (asked(r, "prefers"), r.job("requires").reason) == ("ann", Reason.HELD_FOR_AGENT)
    accept(r, "prefers")
    r.complete("prefers")
    assert r.waiting("requires") == ["requires"]
    r.at(10)
    assert asked(r, "requires") == "ann"


def test_shares_by_weight_are_those_of_accepted_jobs(routing: Make) -> None:
    """T4, T3: 2 to 1, also for agents whom one offer makes full; who declines is not charged."""
    r = routing(queue(strategy="weighted", offer_timeout_us=20 * SECOND))
    r.online("two", weight=200).online("one", weight=100)
    r.assign("first")
    decline(r, "first")
    accept(r, "first")
    r.complete("first")
    counts = {"two": 0, "one": 1}
    for number in range(29):
        answer = r.assign(f"j{number}")
        accept(r, answer.job_id)
        r.complete(answer.job_id)
        counts[answer.agent_id] += 1
    assert counts == {"two": 20, "one": 10}


def test_an_agent_with_an_open_offer_cannot_be_deleted(routing: Make) -> None:
    """O1."""
    r = routing(offering()).online("ann")
    r.assign("j")
    with pytest.raises(FairleadError, match="still holds jobs"):
        r.shard.delete_agent(TENANT, "ann")


def test_a_bar_does_not_outlive_its_agent(routing: Make) -> None:
    """O2: a new agent of the same name is another agent."""
    r = routing(offering()).online("ann")
    r.assign("j")
    decline(r, "j")
    r.shard.delete_agent(TENANT, "ann")
    r.online("ann")
    assert asked(r, "j") == "ann"


def test_an_offer_of_a_queue_that_asks_no_more_still_ends(routing: Make) -> None:
    """O1, L1: a policy changes what comes, not what was said."""
    r = routing(offering()).online("ann", "bob")
    r.assign("j")
    r.install(queue())
    r.at(20)
    assert r.who("j") == "bob"


def test_explain_names_who_is_barred(routing: Make) -> None:
    """E3, O2."""
    r = routing(offering()).online("ann")
    r.assign("j")
    decline(r, "j")
    assert [(agent, cause) for agent, cause, _ in r.shard.explain(TENANT, "j").excluded] == [("ann", "barred")]
