"""R1, R2: steps that widen what a waiting job asks for, and what becomes of it at the end."""

from collections.abc import Callable
from typing import Any

from fairlead.policy.tables import STRATEGIES, ChannelTable, PlanTable, RuleTable, StepTable
from fairlead.shard.core import Affinity, JobState, Presence, Reason
from tests.unit.rules.support import SECOND, TENANT, Routing, queue

Make = Callable[..., Routing]
HOLD, ANYONE, OVERFLOW, CANCEL = 1, 2, 3, 4


def step(after: float, **settings: Any) -> StepTable:
    return StepTable(round(after * SECOND), **settings)


def plan(*steps: StepTable, end: int = HOLD, end_after: float = 0, overflow_queue: str = "") -> PlanTable:
    return PlanTable("p", steps, end, round(end_after * SECOND), overflow_queue)


def planned(routing: Make, *steps: StepTable, end: int = HOLD, end_after: float = 0, **settings: Any) -> Routing:
    """One queue whose jobs have a plan, and an overflow queue "b"."""
    overflow = "b" if end == OVERFLOW else ""
    made = plan(*steps, end=end, end_after=end_after, overflow_queue=overflow)
    return routing(queue("a", plan="p", **settings), queue("b", any_tags=("b",)), plans=(made,))


def test_a_step_drops_a_skill_at_its_time(routing: Make) -> None:
    """R1: to the microsecond, counted from first queueing, without anybody asking."""
    r = planned(routing, step(30, drop_skills=("vip",))).online("ann", skills={"order": 5})
    r.at(10)
    assert r.assign("j", skills={"vip": 5, "order": 1}).reason == Reason.NONE_ELIGIBLE
    r.shard.advance_to(40 * SECOND - 1)
    assert (r.state("j"), r.job("j").step) == (JobState.QUEUED, 0)
    r.at(40)
    assert (r.who("j"), r.job("j").step, r.job("j").plan) == ("ann", 1, "p")


def test_steps_lower_levels_one_after_the_other_and_never_below_one(routing: Make) -> None:
    """R1: relaxations add up."""
    r = planned(routing, step(10, lower_levels=3), step(20, lower_levels=9))
    r.assign("j", skills={"s": 8})
    r.online("five", skills={"s": 5})
    assert r.who("j") == ""
    r.at(10)
    assert r.who("j") == "five"
    r.assign("k", skills={"s": 8})
    r.online("one", skills={"s": 1})
    r.at(29)
    assert r.who("k") == ""
    r.at(30)
    assert r.who("k") == "one"


def test_a_step_may_drop_tags_highest_levels_and_all_demands(routing: Make) -> None:
    """R1."""
    r = planned(routing, step(1, drop_tags=("t",)), step(2, drop_max_levels=True), step(3, any_agent=True))
    r.assign("j", skills={"s": (1, 3)}, tags=["t", "u"])
    r.online("tagged", skills={"s": 9}, tags=["u"])
    r.at(1)
    assert r.who("j") == ""
    r.at(2)
    assert r.who("j") == "tagged"
    r.assign("k", skills={"s": (1, 3)}, tags=["t", "u"])
    r.online("anyone")
    r.at(4)
    assert r.who("k") == ""
    r.at(5)
    assert r.who("k") == "anyone"


def test_who_was_eligible_earlier_is_preferred(routing: Make) -> None:
    """R1, T5: before the strategy looks at load."""
    r = planned(routing, step(10, lower_levels=4), step(20, any_agent=True))
    r.online("none", capacity=9).online("low", skills={"s": 4}, capacity=9).online("high", skills={"s": 8}, capacity=9)
    r.presence("high", Presence.AWAY)
    r.presence("low", Presence.AWAY)
    r.presence("none", Presence.AWAY)
    assert r.assign("j", skills={"s": 8}).agent_id == ""
    r.at(25)
    assert r.job("j").step == 2
    explained = r.shard.explain(TENANT, "j")
    assert "step" in explained.key_names
    r.presence("low", Presence.ONLINE)
    assert r.who("j") == "low"


def test_a_job_that_waits_at_a_late_step_prefers_the_earliest_eligible(routing: Make) -> None:
    """R1: all come to have room in one step, by a policy that raises a channel's limit."""
    made = plan(step(10, lower_levels=4), step(20, any_agent=True))
    queues = (queue("a", plan="p"),)
    r = routing(*queues, plans=(made,), channels=(ChannelTable("chat", max_jobs=1),))
    for name, skills in (("none", {}), ("low", {"s": 4}), ("high", {"s": 8})):
        r.online(name, skills=skills, capacity=9)
        r.give(f"of-{name}", name)
    r.assign("high-load", wanted_agent="high")
    r.assign("j", skills={"s": 8})
    r.cancel("high-load")
    r.at(20)
    assert (r.state("j"), r.job("j").step) == (JobState.QUEUED, 2)
    r.install(*queues, plans=(made,), channels=(ChannelTable("chat", max_jobs=5),))
    assert r.who("j") == "high"


def test_a_step_changes_the_strategy_of_its_job_alone(routing: Make) -> None:
    """R1, D46."""
    r = planned(routing, step(5, strategy=STRATEGIES["best_rating"]))
    r.online("idle", rating=1, capacity=2).online("good", rating=900, capacity=2)
    r.give("a1", "idle")
    r.give("a2", "good")
    for agent in ("idle", "good"):
        r.presence(agent, Presence.AWAY)
    r.assign("j")
    r.at(5)
    assert r.shard.explain(TENANT, "j").strategy == "best_rating"
    r.assign("k")
    assert r.shard.explain(TENANT, "k").strategy == "least_load"


def test_preferences_can_be_dropped(routing: Make) -> None:
    """R1."""
    r = planned(routing, step(5, drop_preferences=True))
    r.assign("j", preferred_skills=["x"])
    assert "lacks_preferences" in r.shard.explain(TENANT, "j").key_names
    r.at(6)
    assert r.job("j").step == 1


def test_a_preference_survives_the_demand_of_its_skill(routing: Make) -> None:
    """R1: what was demanded is dropped, what was preferred is still preferred."""
    made = plan(step(1, drop_skills=("s",)))
    r = routing(queue("a", plan="p"), plans=(made,), channels=(ChannelTable("chat", max_jobs=1),))
    r.online("plain", capacity=9).online("skilled", skills={"s": 3}, capacity=9)
    r.give("x", "plain")
    r.give("y", "skilled")
    r.assign("j", skills={"s": 5}, preferred_skills={"s": 2})
    r.at(1)
    r.install(queue("a", plan="p"), plans=(made,), channels=(ChannelTable("chat", max_jobs=2),))
    assert r.who("j") == "skilled"


def test_a_step_due_from_the_start_is_in_effect_at_submission(routing: Make) -> None:
    """D45: `after` 0."""
    r = planned(routing, step(0, drop_skills=("s",))).online("ann")
    assert r.assign("j", skills=["s"]).agent_id == "ann"
    assert r.job("j").step == 1


def test_hold_goes_on_with_the_last_steps_demands(routing: Make) -> None:
    """R2."""
    r = planned(routing, step(1, lower_levels=1))
    r.assign("j", skills={"s": 5})
    r.at(100_000)
    assert (r.state("j"), r.job("j").step) == (JobState.QUEUED, 1)


def test_the_end_may_take_anyone(routing: Make) -> None:
    """R2."""
    r = planned(routing, step(10, lower_levels=1), end=ANYONE, end_after=60).online("ann")
    r.assign("j", skills={"s": 5})
    r.at(59)
    assert r.who("j") == ""
    r.at(60)
    assert (r.who("j"), r.job("j").step) == ("ann", 2)


def test_the_end_may_cancel(routing: Make) -> None:
    """R2."""
    r = planned(routing, step(10, lower_levels=1), end=CANCEL, end_after=60)
    r.assign("j", skills={"s": 5})
    r.at(60)
    assert (r.state("j"), r.job("j").reason) == (JobState.CANCELLED, Reason.PLAN_END)


def test_the_end_may_overflow_and_the_plan_ends_with_it(routing: Make) -> None:
    """R2, D45: with the present demands, and without a plan from then on."""
    r = planned(routing, step(10, drop_skills=("s",)), end=OVERFLOW, end_after=60)
    r.assign("j", skills={"s": 5, "t": 1})
    r.at(60)
    view = r.job("j")
    assert (view.state, view.queue, view.plan, view.step) == (JobState.QUEUED, "b", "", 0)
    r.online("bob", skills={"t": 5}, tags=["b"])
    assert r.who("j") == "bob"


def test_requiring_an_agent_ends_with_the_plan(routing: Make) -> None:
    """A3, D47."""
    r = planned(routing, step(10, lower_levels=1), end=HOLD, end_after=60).online("ann", "bob")
    r.presence("ann", Presence.AWAY)
    r.assign("j", wanted_agent="ann", wanted_mode=Affinity.REQUIRE)
    r.at(59)
    assert r.state("j") == JobState.QUEUED
    r.at(60)
    assert r.who("j") == "bob"


def test_a_transfer_ends_the_plan_and_keeps_the_present_demands(routing: Make) -> None:
    """D45."""
    r = planned(routing, step(5, drop_skills=("s",)), step(90, any_agent=True)).online("ann", skills={"t": 5})
    r.assign("j", skills=["s", "t"])
    r.at(5)
    assert r.who("j") == "ann"
    r.transfer("j")
    assert (r.state("j"), r.job("j").plan) == (JobState.QUEUED, "")
    r.online("cat")
    r.at(200)
    assert r.state("j") == JobState.QUEUED


def test_a_new_policy_moves_waiting_jobs_to_the_steps_it_says(routing: Make) -> None:
    """D45, L1: fewer or more, in the same step; a plan that is gone leaves them as they are."""
    r = planned(routing, step(10, lower_levels=2), step(20, lower_levels=2))
    r.assign("j", skills={"s": 9})
    r.at(25)
    assert r.job("j").step == 2
    r.install(queue("a", plan="p"), queue("b"), plans=(plan(step(10, lower_levels=1), step(100, any_agent=True)),))
    assert r.job("j").step == 1
    r.online("eight", skills={"s": 7})
    assert r.state("j") == JobState.QUEUED
    r.install(queue("a"), queue("b"))
    assert (r.job("j").plan, r.job("j").step) == ("", 0)
    r.at(500)
    assert r.state("j") == JobState.QUEUED
    r.online("able", skills={"s": 8})
    assert r.who("j") == "able"


def test_a_rules_plan_goes_before_the_queues(routing: Make) -> None:
    """D45."""
    rule = RuleTable("fast", labels=(("kind", ("sale",)),), plan="q")
    plans = (plan(step(50, any_agent=True)), PlanTable("q", (step(5, any_agent=True),)))
    r = routing(queue("a", plan="p"), plans=plans, rules=(rule,)).online("ann")
    r.assign("j", skills=["s"], labels={"kind": "sale"})
    r.assign("k", skills=["s"])
    assert (r.job("j").plan, r.job("k").plan) == ("q", "p")
    r.at(5)
    assert (r.who("j"), r.who("k")) == ("ann", "")


def test_a_jobs_own_weighted_strategy_has_the_rotation_of_its_class(routing: Make) -> None:
    """D46: begun on demand in a queue of another strategy."""
    rule = RuleTable("fair", strategy=STRATEGIES["weighted"])
    r = routing(queue("a", "longest_idle"), rules=(rule,))
    r.online("two", weight=200, capacity=99).online("one", weight=100, capacity=99)
    got = r.deal(30, complete=True)
    assert (got.count("two"), got.count("one")) == (20, 10)


def test_a_step_that_expires_under_an_open_offer_waits_for_its_end(routing: Make) -> None:
    """O4: the clock runs, the demands stay as they are until the agent has declined; then the step counts at once."""
    r = planned(routing, step(10, drop_skills=("s",)), offer_timeout_us=60 * SECOND, decline_cooldown_us=600 * SECOND)
    r.online("able", skills={"s": 5})
    assert r.assign("j", skills=["s"]).outcome.name == "OFFERED"
    r.online("plain")
    r.at(20)
    assert (r.state("j"), r.job("j").agent_id, r.job("j").step) == (JobState.OFFERED, "able", 0)
    r.shard.decline(TENANT, "j", r.job("j").version)
    assert (r.state("j"), r.job("j").agent_id, r.job("j").step) == (JobState.OFFERED, "plain", 1)
