"""The twin's plans, rules, hours and customers against what can be computed by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fairlead.policy.tables import (
    STRATEGIES,
    PlanTable,
    PolicyTables,
    QueueTable,
    RuleTable,
    ScheduleTable,
    StepTable,
    TierTable,
)
from tests.oracle.demands import Demands, first_step, relaxed, step_at
from tests.oracle.hours import changes, is_open
from tests.oracle.model import SECOND, Closed, Failure, Mode, Outcome, PlanEnd, Reason, State
from tests.oracle.rules import Request, first_match, matches
from tests.oracle.test_twin import add
from tests.oracle.twin import Twin

REQUEST = Request("", "chat", {"topic": "order"}, "en-GB", "vip", 100, "")
WIDENING = PlanTable(
    "wide",
    (StepTable(10 * SECOND, lower_levels=3), StepTable(20 * SECOND, drop_skills=("sql",)), StepTable(30 * SECOND)),
    end=PlanEnd.ANYONE,
    end_after_us=40 * SECOND,
)


def twin_of(*queues: QueueTable, **settings: object) -> Twin:
    """A twin with these queues, the first being the default, the plan `wide` and tiers `vip` and `gold`."""
    twin = Twin()
    tables = PolicyTables(
        queues=queues,
        default_queue=queues[0].id,
        plans=(WIDENING,),
        tiers=(TierTable("vip"), TierTable("gold", strategy=STRATEGIES["best_rating"])),
    )
    twin.install_policy(tables._replace(**settings))  # type: ignore[arg-type]
    return twin


# Plans.


def test_steps_add_up_and_start_from_the_original_demands() -> None:
    original = Demands({"sql": (8, 9), "en": (2, 10)}, ("night",))
    assert [step_at(WIDENING, seconds * SECOND) for seconds in (0, 9, 10, 25, 39, 40)] == [0, 0, 1, 2, 3, 4]
    assert relaxed(original, WIDENING, 1).skills == {"sql": (5, 9), "en": (1, 10)}
    assert relaxed(original, WIDENING, 2).skills == {"en": (1, 10)}
    assert relaxed(original, WIDENING, 3).tags == ("night",)
    assert relaxed(original, WIDENING, 4).is_empty


def test_who_is_eligible_earlier_stays_so_and_comes_first() -> None:
    twin = twin_of(QueueTable("q", plan="wide"))
    twin.assign("j", skills={"sql": 8})
    twin.advance_to(10 * SECOND)
    assert (twin.job("j").step, twin.job("j").reason) == (1, Reason.NONE_ELIGIBLE)
    add(twin, "late", order=1)
    twin.advance_to(19 * SECOND)
    assert twin.job("j").state is State.QUEUED
    add(twin, "early", skills={"sql": 5}, order=2)
    assert twin.agent_by_number(twin.job("j").agent) is twin.agent("early")
    assert first_step(twin.agent("late"), Demands({"sql": (8, 10)}), WIDENING, 4) == 2


def test_a_step_waits_for_the_end_of_an_open_offer() -> None:
    twin = twin_of(QueueTable("q", plan="wide", offer_timeout_us=15 * SECOND))
    add(twin, "a", skills={"sql": 9})
    twin.assign("j", skills={"sql": 8})
    twin.advance_to(14 * SECOND)
    assert (twin.job("j").state, twin.job("j").step) == (State.OFFERED, 0)
    twin.advance_to(15 * SECOND)
    assert (twin.job("j").state, twin.job("j").step) == (State.QUEUED, 1)


@pytest.mark.parametrize(
    ("end", "state", "queue", "reason"),
    [
        (PlanEnd.HOLD, State.QUEUED, "q", Reason.NONE_ELIGIBLE),
        (PlanEnd.ANYONE, State.ASSIGNED, "q", Reason.NONE),
        (PlanEnd.OVERFLOW, State.QUEUED, "r", Reason.NO_AGENT_ONLINE),
        (PlanEnd.CANCEL, State.CANCELLED, "q", Reason.PLAN_END),
    ],
)
def test_the_end_of_a_plan(end: PlanEnd, state: State, queue: str, reason: Reason) -> None:
    plan = PlanTable("p", (StepTable(SECOND),), end=end, end_after_us=5 * SECOND, overflow_queue="r")
    nobodys = QueueTable("r", everyone=False)
    twin = twin_of(QueueTable("q", plan="p"), nobodys, plans=(plan,))
    add(twin, "a")
    twin.assign("j", tags=("night",))
    twin.advance_to(5 * SECOND - 1)
    assert twin.job("j").state is State.QUEUED
    twin.advance_to(5 * SECOND)
    job = twin.job("j")
    expected = Reason.NONE_ELIGIBLE if end is PlanEnd.OVERFLOW else reason
    assert (job.state, job.queue, job.reason) == (state, queue, expected)


def test_a_required_agent_is_waited_for_until_the_end_of_the_plan() -> None:
    plan = PlanTable("p", (StepTable(SECOND),), end_after_us=5 * SECOND)
    twin = twin_of(QueueTable("q", plan="p"), plans=(plan,))
    twin.create_agent("own")
    add(twin, "other")
    assert twin.assign("j", wanted_agent="own", wanted_mode=Mode.REQUIRE).reason is Reason.HELD_FOR_AGENT
    twin.advance_to(5 * SECOND)
    assert twin.agent_by_number(twin.job("j").agent) is twin.agent("other")


def test_a_policy_without_the_plan_leaves_the_present_demands() -> None:
    twin = twin_of(QueueTable("q", plan="wide"))
    twin.assign("j", skills={"sql": 8})
    twin.advance_to(10 * SECOND)
    twin.install_policy(PolicyTables(queues=(QueueTable("q"),), default_queue="q"))
    assert (twin.job("j").plan, twin.job("j").step, twin.job("j").demands.skills) == ("", 0, {"sql": (5, 10)})


# Rules.


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RuleTable("r"), True),
        (RuleTable("r", labels=(("topic", ()),)), True),
        (RuleTable("r", labels=(("topic", ("sale", "order")),)), True),
        (RuleTable("r", labels=(("topic", ("sale",)),)), False),
        (RuleTable("r", labels=(("source", ()),)), False),
        (RuleTable("r", channels=("voice", "chat")), True),
        (RuleTable("r", channels=("voice",)), False),
        (RuleTable("r", languages=("en",)), True),
        (RuleTable("r", languages=("EN-gb",)), True),
        (RuleTable("r", languages=("e", "en-GB-x")), False),
        (RuleTable("r", customer_tiers=("vip",)), True),
        (RuleTable("r", customer_tiers=("gold",)), False),
        (RuleTable("r", min_value=100, max_value=100), True),
        (RuleTable("r", min_value=101), False),
        (RuleTable("r", max_value=99), False),
        (RuleTable("r", schedule="day", not_schedule="night"), True),
        (RuleTable("r", schedule="night"), False),
        (RuleTable("r", not_schedule="day"), False),
        (RuleTable("r", scenario="sale", not_scenario="storm"), True),
        (RuleTable("r", scenario="storm"), False),
        (RuleTable("r", not_scenario="sale"), False),
        (RuleTable("r", queues=("q",)), False),
    ],
)
def test_a_rule_matches_when_all_it_looks_at_holds(rule: RuleTable, expected: bool) -> None:
    assert matches(rule, REQUEST, {"day"}, {"sale"}) is expected


def test_the_first_of_100_shuffled_rules_that_matches_decides() -> None:
    rules = [RuleTable(f"r{number}", min_value=number) for number in range(200, 100, -1)]
    Random(1).shuffle(rules)
    request = Request("", "chat", {}, "", "", 150, "")
    expected = next(rule for rule in rules if rule.min_value <= 150)
    assert first_match(tuple(rules), request, set(), set()) is expected


def test_a_rule_adds_to_the_request_and_chooses_the_queue_only_where_none_is_named() -> None:
    rule = RuleTable("r", queue="s", skills=(("de", 3, 8),), tags=("night",), head_start_us=SECOND, urgency=8)
    twin = twin_of(QueueTable("q"), QueueTable("s"), rules=(rule._replace(plan="wide"),))
    twin.assign("j", skills={"de": (5, 10)}, tags=("night",), urgency=3)
    job = twin.job("j")
    assert (job.queue, job.rule, job.plan, job.urgency, job.head_start) == ("s", "r", "wide", 9, SECOND)
    assert (job.demands.canonical) == ((("de", 5, 8),), ("night",))
    assert twin.assign("k", queue="q").queue == "q"


def test_the_strategy_of_a_step_goes_before_the_rule_s_that_before_the_tier_s_that_before_the_queue_s() -> None:
    plan = PlanTable("p", (StepTable(SECOND, strategy=STRATEGIES["longest_idle"]),))
    rule = RuleTable("r", labels=(("topic", ()),), strategy=STRATEGIES["specialist"], plan="p")
    twin = twin_of(QueueTable("q"), rules=(rule,), plans=(plan,))
    for name, settings in {"plain": {}, "tier": {"customer_tier": "gold"}, "rule": {"labels": {"topic": "x"}}}.items():
        twin.assign(name, **settings)  # type: ignore[arg-type]
    strategies = [twin.strategy(twin.job(name)) for name in ("plain", "tier", "rule")]
    assert strategies == [STRATEGIES[name] for name in ("least_load", "best_rating", "specialist")]
    twin.advance_to(SECOND)
    assert twin.strategy(twin.job("rule")) == STRATEGIES["longest_idle"]


def test_a_scenario_counts_for_later_jobs_until_a_policy_does_not_name_it() -> None:
    rule = RuleTable("r", scenario="sale", urgency=5)
    tables = PolicyTables(rules=(rule,), scenarios=("sale",))
    twin = Twin()
    twin.install_policy(tables)
    twin.assign("before")
    assert twin.set_scenario("sale", True) == ["sale"]
    twin.assign("during")
    assert [twin.job(name).urgency for name in ("before", "during")] == [0, 5]
    with pytest.raises(Failure, match="SCENARIO_NOT_FOUND"):
        twin.set_scenario("storm", True)
    twin.install_policy(PolicyTables())
    twin.install_policy(tables)
    assert twin.scenarios() == []


def test_a_profile_fills_what_the_request_leaves_empty() -> None:
    rule = RuleTable("r", labels=(("topic", ("sale",)),), customer_tiers=("vip",), min_value=50, languages=("de",))
    twin = twin_of(QueueTable("q"), rules=(rule,))
    add(twin, "first", "own")
    settings = {"tier": "vip", "value": 60, "attributes": {"topic": "sale"}, "language": "de-AT", "own_agent": "own"}
    assert twin.upsert_customer("c", **settings) is True  # type: ignore[arg-type]
    assert twin.assign("j", customer="c").agent_id == "own"
    assert twin.job("j").rule == "r"
    for number, own in enumerate(({"labels": {"topic": "x"}}, {"customer_tier": "gold"}, {"customer_value": 49})):
        twin.assign(f"k{number}", customer="c", **own)  # type: ignore[arg-type]
        assert twin.job(f"k{number}").rule == ""
    twin.delete_customer("c")
    with pytest.raises(Failure, match="CUSTOMER_NOT_FOUND"):
        twin.delete_customer("c")


# Hours.


@pytest.mark.parametrize(
    ("action", "outcome", "reason", "queue"),
    [
        (Closed.REFUSE, Outcome.REFUSED, Reason.CLOSED_HOURS, "q"),
        (Closed.QUEUE, Outcome.QUEUED, Reason.CLOSED_HOURS, "q"),
        (Closed.OVERFLOW, Outcome.ASSIGNED, Reason.NONE, "r"),
        (Closed.STRATEGY, Outcome.ASSIGNED, Reason.NONE, "q"),
    ],
)
def test_outside_its_hours_a_queue_does_as_it_says(
    action: Closed, outcome: Outcome, reason: Reason, queue: str
) -> None:
    first = QueueTable("q", hours="day", on_closed=action, overflow_queue="r")
    schedule = ScheduleTable("day", False, (10 * SECOND, 20 * SECOND))
    twin = twin_of(first, QueueTable("r"), schedules=(schedule,))
    add(twin, "a")
    answer = twin.assign("j")
    assert (answer.outcome, answer.reason, answer.queue) == (outcome, reason, queue)
    twin.advance_to(10 * SECOND)
    assert twin.open_schedules() == ["day"]
    if action is Closed.QUEUE:
        assert (twin.job("j").state, twin.job("j").assign_time) == (State.ASSIGNED, 10 * SECOND)
    twin.advance_to(20 * SECOND)
    assert twin.open_schedules() == []


def test_a_job_that_starts_at_the_minute_of_opening_finds_the_queue_open() -> None:
    queue = QueueTable("q", hours="day", on_closed=Closed.REFUSE)
    twin = twin_of(queue, schedules=(ScheduleTable("day", False, (10 * SECOND, 20 * SECOND)),))
    twin.assign("opening", start_time_us=10 * SECOND)
    twin.assign("closing", start_time_us=20 * SECOND)
    twin.advance_to(20 * SECOND)
    assert (twin.job("opening").state, twin.job("closing").reason) == (State.QUEUED, Reason.CLOSED_HOURS)


@dataclass
class Line:
    """A line of a schedule; those of dates have `hours` instead of `open` and `close`."""

    days: tuple[str, ...] = ()
    open: str = "09:00"
    close: str = "17:00"
    date: str = ""
    until: str = ""
    hours: tuple["Line", ...] = ()


@dataclass
class Hours:
    time_zone: str
    weekly: tuple[Line, ...] = ()
    dates: tuple[Line, ...] = ()


ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.mark.parametrize(
    ("zone", "start", "open_at_start", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC), False, [8, 16, 31, 39]),  # an hour ahead on 29 March
        ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC), False, [13, 21, 38, 46]),  # back on 1 November
        ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC), True, [6, 22.5, 30.5, 46.5]),  # by half an hour
    ],
)
def test_hours_follow_the_local_clock_through_a_change_of_time(
    zone: str, start: datetime, open_at_start: bool, hours: list[float]
) -> None:
    at_start, times = changes(Hours(zone, (Line(ALL_DAYS),)), start, start + timedelta(days=2))
    midnight = int(start.timestamp()) * SECOND
    assert at_start is open_at_start
    assert [(time - midnight) / (3600 * SECOND) for time in times] == hours


def test_a_date_goes_before_a_yearly_date_and_that_before_a_weekday() -> None:
    dates = (
        Line(date="12-24", until="01-02"),
        Line(date="2026-12-28", hours=(Line(open="10:00", close="12:00"),)),
    )
    schedule = Hours("", (Line(ALL_DAYS),), dates)
    open_at = {day: is_open(schedule, datetime(2026, 12, day, 11, tzinfo=UTC)) for day in (23, 24, 28, 29)}
    assert open_at == {23: True, 24: False, 28: True, 29: False}
    assert not is_open(schedule, datetime(2027, 1, 2, 11, tzinfo=UTC))
