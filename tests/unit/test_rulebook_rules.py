"""Trials and scenarios of a policy with rules, plans and hours (L2, L4)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairlead.rulebook.book import RuleBook
from fairlead.shard.core import Outcome, Presence, Reason, Shard

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 25, 23, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000


@pytest.fixture
def book() -> RuleBook:
    """The shop of docs/examples on a Wednesday at noon, with two agents."""
    shard = Shard(virtual_time=True)
    shard.advance_to(microseconds(NOON))
    made = RuleBook(shard)
    made.update("t", (ROOT / "docs/examples/shop.toml").read_text())
    skills = {"sales": 8, "complaints": 9}
    shard.create_agent("t", "ann", skills=skills, tags=["senior"], capacity=5, presence=Presence.ONLINE)
    shard.create_agent("t", "eve", skills={"complaints": 6}, capacity=5, presence=Presence.ONLINE)
    return made


def test_a_trial_names_rule_plan_and_strategy_by_day_and_by_night(book: RuleBook) -> None:
    """L2, L4."""
    day = book.test("t", {"labels": {"legal": "yes"}})
    assert (day.rule, day.queue, day.strategy, day.plan) == ("lawyer", "complaints", "best_skill", "find a senior")
    assert (day.urgency, day.head_start_us, day.agent_id) == (3, 600_000_000, "ann")
    night = book.test("t", {"labels": {"legal": "yes"}}, time_us=microseconds(NIGHT))
    assert (night.rule, night.strategy) == ("lawyer", "sequential")


def test_a_trial_knows_hours_and_scenarios(book: RuleBook) -> None:
    """L2, L4."""
    night = microseconds(NIGHT)
    closed = book.test("t", {"queue": "returns"}, time_us=night)
    assert (closed.outcome, closed.reason) == (Outcome.REFUSED, Reason.CLOSED_HOURS)
    waiting = book.test("t", {"queue": "service"}, time_us=night)
    assert (waiting.outcome, waiting.reason) == (Outcome.QUEUED, Reason.CLOSED_HOURS)
    assert book.test("t", {"queue": "sales"}, time_us=night).queue == "back office"
    assert book.test("t", {}).rule == ""
    assert book.test("t", {}, scenarios=["sale"]).rule == "sale"
    assert book.scenarios("t") == []
    assert book.set_scenario("t", "sale", True) == ["sale"]
    assert book.test("t", {}).rule == "sale"


def test_scenarios_outlive_a_renewed_calendar(book: RuleBook) -> None:
    book.set_scenario("t", "sale", True)
    shard = book._shard
    shard.advance_to(microseconds(datetime(2028, 11, 27, 12, tzinfo=UTC)))
    assert book.renew_calendars() == ["t"]
    assert (book.scenarios("t"), book.open_schedules("t"), book.policy("t").version) == (["sale"], ["open"], 1)


def test_a_trial_knows_the_customer(book: RuleBook) -> None:
    """L4: the profile fills what the described job leaves empty, as it would for a real one."""
    book._shard.upsert_customer("t", "c", attributes={"legal": "yes"})
    assert book.test("t", {"customer": "c"}).rule == "lawyer"
    assert book.test("t", {"customer": "stranger"}).rule == ""
