"""Clock, statistics, progress, ledger, audit: each small promise of the report."""

import io
import json
import math
from collections.abc import Sequence

import pytest

from fairlead.demo.audit import Check, audit
from fairlead.demo.clock import DayClock
from fairlead.demo.day import CHAT, VOICE, Conversation
from fairlead.demo.ledger import Fate, Ledger, Visit
from fairlead.demo.progress import Progress, progress_text
from fairlead.demo.report import make_report
from fairlead.demo.roster import AWAY, ONLINE
from fairlead.demo.server import started_address
from fairlead.demo.statistics import jain_index, spread, summary
from fairlead.demo.team import AgentPlan
from fairlead.demo.text import report_text
from fairlead.reports.statistics import percentile
from fairlead.v1 import admin_service_pb2, agent_pb2

TEAM = (
    AgentPlan("a", "orders", {"orders": 5, "en": 9}, 4, 100),
    AgentPlan("b", "orders", {"orders": 5, "en": 9}, 4, 300),
)


def conversation(number: int, channel: str = CHAT) -> Conversation:
    return Conversation(f"c{number}", float(number), "orders", channel, {"en": 3}, f"k{number % 2}", "", 10.0, math.inf)


def ledger_of(*conversations: Conversation, team: Sequence[AgentPlan] = TEAM) -> Ledger:
    """Everyone at their desk, every visit answered by the first policy."""
    ledger = Ledger(conversations, team)
    for visit in ledger.visits.values():
        visit.policy_version = 1
    for desk in ledger.desks.values():
        ledger.came_to_desk(desk, 0.0, 0.5)
    return ledger


def give(ledger: Ledger, job: str, agent: str, begin: float, end: float) -> Visit:
    """A visit that an agent held from one wall time to another, and completed."""
    visit = ledger.visits[job]
    visit.given_after_wall = visit.given_before_wall = begin
    ledger.given(visit, agent, 1, begin)
    visit.held_until_wall = end
    ledger.released(visit, end)
    ledger.ended(visit, Fate.COMPLETED)
    return visit


def stored(ledger: Ledger) -> list[agent_pb2.Agent]:
    """The agents as a daemon that agrees lists them."""
    return [
        agent_pb2.Agent(id=desk.plan.id, given_count=desk.given, completed_count=desk.completed)
        for desk in ledger.desks.values()
    ]


def violations(checks: list[Check]) -> dict[str, list[str]]:
    return {check.name: list(check.violations) for check in checks if check.violations}


def test_the_clock_runs_at_its_speed() -> None:
    clock = DayClock(100.0, 10.0, 5_000.0)
    assert clock.day(10.5) == 5_050.0
    assert clock.wall(5_050.0) == 10.5
    assert clock.day(9.0) == 4_900.0


def test_the_clock_jumps_ahead_and_never_back() -> None:
    clock = DayClock(100.0, 0.0, 0.0)
    clock.jump(1.0, 500.0)
    assert (clock.day(0.5), clock.day(1.0), clock.day(2.0)) == (50.0, 500.0, 600.0)
    clock.jump(2.0, 10.0)
    assert clock.day(2.0) == 600.0


def test_the_clock_stands_and_runs_on() -> None:
    clock = DayClock(100.0, 0.0, 0.0)
    clock.stand(1.0)
    assert clock.day(3.0) == 100.0
    clock.go(3.0)
    assert (clock.day(2.0), clock.day(4.0), clock.wall(200.0), clock.stood_s) == (100.0, 200.0, 4.0, 2.0)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, 0), ([7], 99, 7), ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4], 51, 3), ([1, 2, 3, 4], 100, 4), ([1, 2], 0, 1)],
)
def test_percentiles_are_values_that_occurred(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_summary_of_nothing_is_zeros() -> None:
    assert summary([], 1) == {"p50": 0, "p95": 0, "p99": 0, "max": 0, "mean": 0}
    assert summary([3.0, 1.0], 1) == {"p50": 1, "p95": 3, "p99": 3, "max": 3, "mean": 2}


def test_fairness_is_one_for_equals_and_1_over_n_when_one_has_all() -> None:
    assert jain_index([2.0, 2.0, 2.0]) == pytest.approx(1.0)
    assert jain_index([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    assert jain_index([]) is None
    assert jain_index([0.0]) is None
    assert spread([1.0, 3.0]) == 3.0
    assert spread([]) is None
    assert spread([0.0, 1.0]) is None


def test_progress_tells_share_pace_and_time_left() -> None:
    text = progress_text(250, 1_000, 10.0, 3, 86_400 + 3_660.0)
    assert text == " 25 %  250/1,000  25/s  ETA 0:30  day 2 01:01  3 waiting"
    assert "ETA -" in progress_text(0, 10, 0.0, 0, 0.0)


def test_off_a_terminal_progress_is_silent_until_a_line_is_due() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 10)
    progress.show(1, 0, 0.0)
    progress.close()
    assert stream.getvalue() == ""


def test_the_address_is_found_in_the_daemons_log() -> None:
    assert started_address('{"event": "started", "address": "127.0.0.1:5"}') == "127.0.0.1:5"
    for other in ("", "warming up", "[1]", '{"event": "stopping", "address": "x"}', '{"event": "started"}'):
        assert started_address(other) == ""


def test_shares_are_by_weight_among_those_who_could_take_the_job() -> None:
    ledger = ledger_of(*(conversation(number) for number in range(3)))
    give(ledger, "c0", "a", 1.0, 2.0)
    assert (ledger.desks["a"].due, ledger.desks["b"].due) == ({"orders": 0.25}, {"orders": 0.75})
    ledger.left_desk(ledger.desks["b"], AWAY, 3.0)
    give(ledger, "c1", "a", 3.0, 4.0)
    assert (ledger.desks["a"].due, ledger.desks["b"].due) == ({"orders": 1.25}, {"orders": 0.75})
    assert ledger.desks["a"].shared == {"orders": 2}


def test_occupancy_counts_only_time_online() -> None:
    ledger = ledger_of(conversation(0))
    visit = ledger.visits["c0"]
    ledger.given(visit, "a", 1, 10.0)
    ledger.left_desk(ledger.desks["a"], AWAY, 30.0)
    ledger.released(visit, 50.0)
    assert (ledger.desks["a"].busy_units_s, ledger.desks["a"].online_s) == (20.0, 30.0)


def test_the_audit_finds_an_answer_by_a_policy_that_was_replaced() -> None:
    ledger = ledger_of(conversation(0), conversation(1), conversation(2))
    ledger.policy_changed_wall = 5.0
    for number, (asked, version) in enumerate(((4.9, 2), (5.1, 2), (5.1, 1))):
        visit = give(ledger, f"c{number}", "a", 6.0, 7.0)
        visit.asked_wall, visit.policy_version = asked, version
    checks = audit(ledger, admin_service_pb2.TenantStatus(completed_jobs=3), stored(ledger), [], 1)
    assert violations(checks)["answers by the policy in force"] == ["c2 was answered by policy 1"]


def test_an_honest_play_has_no_violation() -> None:
    ledger = ledger_of(*(conversation(number) for number in range(4)))
    for number in range(4):
        give(ledger, f"c{number}", "ab"[number % 2], 1.0 + number, 2.0 + number)
    status = admin_service_pb2.TenantStatus(completed_jobs=4)
    checks = audit(ledger, status, stored(ledger), [], 1)
    assert violations(checks) == {}
    assert all(check.checked for check in checks)


def test_the_audit_finds_an_agent_above_capacity() -> None:
    ledger = ledger_of(*(conversation(number) for number in range(5)))
    for number in range(5):
        give(ledger, f"c{number}", "a", 1.0 + number / 10, 5.0)
    status = admin_service_pb2.TenantStatus(completed_jobs=5)
    found = violations(audit(ledger, status, stored(ledger), [], 1))
    assert found == {"no agent above capacity": ["a holds 5 of 4 units and 0 calls with c4"]}


def test_the_audit_finds_two_calls_at_once() -> None:
    alone = AgentPlan("a", "orders", {"orders": 5, "en": 9}, 8, 1)
    ledger = ledger_of(conversation(0, VOICE), conversation(1, VOICE), team=[alone])
    give(ledger, "c0", "a", 1.0, 3.0)
    give(ledger, "c1", "a", 2.0, 4.0)
    status = admin_service_pb2.TenantStatus(completed_jobs=2)
    assert set(violations(audit(ledger, status, stored(ledger), [], 1))) == {"no agent above capacity"}


def test_the_audit_accuses_nobody_of_what_only_touches() -> None:
    ledger = ledger_of(*(conversation(number) for number in range(5)))
    for number in range(4):
        give(ledger, f"c{number}", "a", 1.0, 2.0)
    give(ledger, "c4", "a", 2.0, 3.0)
    status = admin_service_pb2.TenantStatus(completed_jobs=5)
    assert violations(audit(ledger, status, stored(ledger), [], 1)) == {}


def test_the_audit_finds_two_holders() -> None:
    ledger = ledger_of(conversation(0))
    give(ledger, "c0", "a", 1.0, 2.0)
    ledger.named("c0", 1, "b")
    ledger.named("c0", 2, "b")
    status = admin_service_pb2.TenantStatus(completed_jobs=1)
    found = violations(audit(ledger, status, stored(ledger), [], 1))
    assert len(found["no job with two holders"]) == 2


def test_the_audit_finds_a_job_for_somebody_absent() -> None:
    ledger = ledger_of(conversation(0))
    ledger.left_desk(ledger.desks["a"], AWAY, 1.0)
    ledger.desks["a"].absent_since_wall = 1.0
    give(ledger, "c0", "a", 2.0, 3.0)
    ledger.came_to_desk(ledger.desks["a"], 4.0, 4.0)
    status = admin_service_pb2.TenantStatus(completed_jobs=1)
    found = violations(audit(ledger, status, stored(ledger), [], 1))
    assert found == {"no job to an agent who is not online": ["c0 was given to a, who was not online"]}


def test_the_audit_finds_jobs_that_vanished_and_jobs_that_remain() -> None:
    ledger = ledger_of(conversation(0), conversation(1))
    give(ledger, "c0", "a", 1.0, 2.0)
    ledger.came(ledger.visits["c1"], 3)
    status = admin_service_pb2.TenantStatus(completed_jobs=1, queued_jobs=1)
    found = violations(audit(ledger, status, stored(ledger), [], 1))["conservation of jobs"]
    assert "1 conversations are still waiting" in found
    assert "the daemon still has 1 queued jobs" in found


def test_the_audit_finds_counts_that_differ_and_hears_the_daemon() -> None:
    ledger = ledger_of(conversation(0))
    give(ledger, "c0", "a", 1.0, 2.0)
    agents = stored(ledger)
    agents[0].completed_count = 2
    agents[1].load = 1
    ledger.failed("Assign: it rained")
    status = admin_service_pb2.TenantStatus(completed_jobs=1, violations=["load of a"])
    found = violations(audit(ledger, status, agents, ["earlier"], 2))
    assert found["daemon: every invariant of every structure"] == ["earlier", "load of a"]
    assert len(found["agents' own counts"]) == 2
    assert found["no failed call"] == ["Assign: it rained"]


def test_a_report_is_one_json_object_and_reads_as_tables() -> None:
    ledger = ledger_of(*(conversation(number) for number in range(4)))
    for number in range(3):
        give(ledger, f"c{number}", "ab"[number % 2], 1.0 + number, 2.0 + number)
    ledger.came(ledger.visits["c3"], 3)
    ledger.visits["c3"].wait_day_s = 30.0
    ledger.ended(ledger.visits["c3"], Fate.LEFT)
    status = admin_service_pb2.TenantStatus(completed_jobs=3, cancelled_jobs=1)
    play = {
        "source": "test",
        "seed": 1,
        "agents": 2,
        "handle_scale": 1.0,
        "speed": 900.0,
        "wall_s": 1.0,
        "day_s": 900.0,
        "stood_s": 0.0,
        "calls": 8,
        "calls_per_s": 8.0,
    }
    report = make_report(ledger, audit(ledger, status, stored(ledger), [], 1), {"Assign": [0.001, 0.002]}, play)
    assert json.loads(json.dumps(report)) == report
    assert report["ok"] is True
    assert report["jobs"] == {"submitted": 4, "completed": 3, "left": 1, "refused": 0, "failed": 0}
    orders = report["queues"][0]
    assert (orders["jobs"], orders["placed_at_once"], orders["waited"], orders["left"]) == (4, 3, 1, 1)
    assert report["estimates"]["told"] == 0
    assert report["own_agent"]["orders"] == {"returning": 1, "same_agent": 1}
    assert report["rpc_ms"]["Assign"]["p50"] == 1.0
    text = report_text(report)
    for word in ("orders", "RATIO", "GIVEN/DUE MAX/MIN", "P99.9", "conservation of jobs", "0 violations"):
        assert word in text
    ledger.failed("Assign: no")
    assert not make_report(ledger, audit(ledger, status, stored(ledger), [], 1), {}, play)["ok"]
    assert ledger.desks["a"].presence == ONLINE
