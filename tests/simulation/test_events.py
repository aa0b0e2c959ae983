"""What the event loop does with shifts, offers, after-work, patience, slow-down and schedules: small exact cases."""

import statistics
from pathlib import Path
from typing import Any

import pytest

from fairlead.simulate.model import Scenario
from fairlead.simulate.run import Player, Result
from fairlead.simulate.scenario import parse

QUEUE = '[[queues]]\nid = "q"\n'


def recorded(tmp_path: Path, rows: list[tuple[float, float]], job: dict[str, Any], **more: Any) -> Scenario:
    """Jobs at exact times (seconds) with exact work."""
    lines = "".join(f"{arrival},j,{work},0,0,\n" for arrival, work in rows)
    (tmp_path / "jobs.csv").write_text("arrival,type,handle,wait,abandoned,customer\n" + lines)
    return parse({"horizon": "1h", "trace": {"file": "jobs.csv"}, "jobs": [{"id": "j", **job}], **more}, tmp_path)


def play(scenario: Scenario, policy: str = "") -> tuple[Result, dict[str, Any]]:
    player = Player(scenario, policy)
    simulation = player.simulation(0)
    simulation.run()
    assert simulation.check() == []
    result = player.play(0)
    assert result.tallies == simulation.tallies() and result.events == simulation.events
    return result, result.tallies[0]


def test_waits_work_and_loads_are_exact(tmp_path: Path) -> None:
    result, tally = play(recorded(tmp_path, [(0, 100), (10, 50), (20, 30)], {}, agents=[{"id": "a"}]))
    # Served at 0, 100 and 150; done at 100, 150, 180.
    assert tally["wait"] == (0 + 90 + 130) * 1e6 and tally["sojourn"] == (100 + 140 + 160) * 1e6
    assert tally["waited"] == 2 and tally["completed"] == 3
    server = result.servers[0]
    assert server["busy"] == 180e6 and server["staffed"] == 3600e6 and server["given"] == 3
    assert sum(each[0] for each in result.intervals) == pytest.approx((90 + 130) * 1e6)
    assert result.most_waiting == 2


def test_impatient_customers_give_up_in_time_and_never_while_served(tmp_path: Path) -> None:
    scenario = recorded(tmp_path, [(0, 100), (10, 50), (95, 50)], {"patience": "20s"}, agents=[{"id": "a"}])
    _, tally = play(scenario)
    assert (tally["served"], tally["abandoned"]) == (2, 1)
    assert tally["lost_wait"] == pytest.approx(20e6, abs=2) and tally["wait"] == 5e6


def test_agents_come_and_go_by_their_shifts_and_finish_what_they_hold(tmp_path: Path) -> None:
    shifts = [{"from": "1m", "to": "2m"}, {"from": "5m", "to": "6m"}]
    rows = [(0.0, 10.0), (110.0, 30.0), (130.0, 10.0)]
    result, tally = play(recorded(tmp_path, rows, {}, agents=[{"id": "a", "shifts": shifts}]))
    # The first waits for the log-in; the second is finished after the log-out; the third waits for the next shift.
    assert tally["wait"] == (60 + 0 + 170) * 1e6
    assert result.servers[0]["staffed"] == (60 + 20 + 60) * 1e6


def test_jobs_at_once_slow_each_other_down_as_the_rates_say(tmp_path: Path) -> None:
    agents = [{"id": "a", "capacity": 2, "rates": [1, 1.5]}]
    _, tally = play(recorded(tmp_path, [(0, 60), (0, 30)], {}, agents=agents))
    # Together each goes on at 0.75: the shorter one ends at 40, where the other has 30 left.
    assert tally["sojourn"] == pytest.approx((40 + 70) * 1e6, abs=2)


def test_a_fast_agent_needs_less_time(tmp_path: Path) -> None:
    _, tally = play(recorded(tmp_path, [(0, 60)], {}, agents=[{"id": "a", "speed": 2}]))
    assert tally["sojourn"] == 30e6


@pytest.mark.parametrize(("accept_after", "wait"), [("0s", 0), ("4s", 4)])
def test_an_offer_is_accepted_after_the_time_that_agents_take(tmp_path: Path, accept_after: str, wait: int) -> None:
    scenario = recorded(tmp_path, [(0, 60)], {}, agents=[{"id": "a"}], accept_after=accept_after)
    _, tally = play(scenario, QUEUE + 'offer_timeout = "10s"\n')
    assert tally["wait"] == wait * 1e6 and tally["completed"] == 1


def test_an_offer_that_nobody_accepts_in_time_goes_on_to_the_next_agent(tmp_path: Path) -> None:
    scenario = recorded(tmp_path, [(0, 60)], {"patience": "25s"}, agents=[{"id": "a", "count": 2}], accept_after="15s")
    _, tally = play(scenario, QUEUE + 'offer_timeout = "10s"\n')
    assert (tally["served"], tally["abandoned"]) == (0, 1)


def test_after_work_keeps_the_agent_busy(tmp_path: Path) -> None:
    result, tally = play(recorded(tmp_path, [(0, 60), (0, 60)], {}, agents=[{"id": "a"}]), QUEUE + 'wrap_up = "30s"\n')
    assert tally["wait"] == 90e6 and tally["sojourn"] == (60 + 150) * 1e6
    assert result.servers[0]["busy"] == 180e6


def test_schedules_of_the_policy_open_and_close_on_the_virtual_clock(tmp_path: Path) -> None:
    policy = (
        'default_queue = "day"\n[[queues]]\nid = "day"\nhours = "open"\non_closed = "refuse"\n'
        '[[schedules]]\nid = "open"\ntime_zone = "UTC"\n[[schedules.weekly]]\ndays = ["mon"]\n'
        'open = "09:00"\nclose = "09:30"\n'
    )
    from datetime import UTC, datetime

    rows = [(60.0, 10.0), (1200.0, 10.0), (2400.0, 10.0)]
    scenario = recorded(tmp_path, rows, {}, agents=[{"id": "a"}], start=datetime(2026, 3, 2, 8, 50, tzinfo=UTC))
    _, tally = play(scenario, policy)
    # 8:51 and 9:30 are closed, 9:10 is open.
    assert (tally["served"], tally["refused"]) == (1, 2)


def test_rules_that_look_at_schedules_follow_them(tmp_path: Path) -> None:
    policy = (
        'default_queue = "q"\n[[queues]]\nid = "q"\n[[queues]]\nid = "none"\nmembers = { any_tags = ["nobody"] }\n'
        '[[schedules]]\nid = "open"\ntime_zone = "UTC"\n[[schedules.weekly]]\ndays = ["thu"]\nopen = "00:30"\n'
        'close = "24:00"\n[[rules]]\nid = "night"\nqueue = "none"\n[rules.match]\nnot_schedule = "open"\n'
    )
    scenario = recorded(tmp_path, [(60.0, 10.0), (2400.0, 10.0)], {"patience": "5s"}, agents=[{"id": "a"}])
    _, tally = play(scenario, policy)
    assert (tally["served"], tally["abandoned"]) == (1, 1)


def test_own_agents_are_seen_and_please_customers(tmp_path: Path) -> None:
    lines = "".join(f"{n * 200},j,60,0,0,{'ann' if n % 2 else 'bob'}\n" for n in range(8))
    (tmp_path / "jobs.csv").write_text("arrival,type,handle,wait,abandoned,customer\n" + lines)
    document = {
        "horizon": "1h",
        "trace": {"file": "jobs.csv"},
        "jobs": [{"id": "j"}],
        "agents": [{"id": "a", "count": 3, "rating": 600}],
        "satisfaction": {"own_agent_bonus": 0.3},
    }
    scenario = parse(document, tmp_path)
    affinity = '[queues.affinity]\nmode = "prefer"\n[[queues.affinity.tiers]]\nage = "1d"\n'
    _, own = play(scenario, QUEUE + 'strategy = "longest_idle"\n' + affinity)
    _, anyone = play(scenario, QUEUE + 'strategy = "longest_idle"\n')
    assert (own["returning"], own["own"]) == (6, 6)
    assert own["satisfaction"] == pytest.approx(2 * 0.6 + 6 * 0.9)
    assert anyone["own"] < 6 and anyone["returning"] == 6


def test_weights_share_jobs_exactly(tmp_path: Path) -> None:
    agents = [{"id": "five", "weight": 5}, {"id": "one", "weight": 1}, {"id": "uno", "weight": 1}]
    agents = [{**agent, "capacity": 1000} for agent in agents]
    result, _ = play(
        recorded(tmp_path, [(n, 1.0) for n in range(700)], {}, agents=agents), QUEUE + 'strategy = "weighted"\n'
    )
    assert [server["given"] for server in result.servers] == [500, 100, 100]


def test_jobs_in_the_warm_up_are_not_counted_and_all_others_are_followed_to_their_end(tmp_path: Path) -> None:
    rows = [(float(n), 10.0) for n in range(100)]
    scenario = recorded(tmp_path, rows, {}, agents=[{"id": "a"}], horizon="80s", warm_up="20s")
    result, tally = play(scenario)
    assert tally["arrived"] == tally["completed"] == 60 and result.unfinished == 0


def test_what_cannot_end_is_told_as_unfinished(tmp_path: Path) -> None:
    scenario = recorded(
        tmp_path, [(0, 10), (3000, 10)], {}, agents=[{"id": "a", "shifts": [{"from": "0s", "to": "1m"}]}]
    )
    result, tally = play(scenario)
    assert (tally["served"], result.unfinished) == (1, 1)


def test_what_random_draws_in_one_replication_tells_nothing_of_another(tmp_path: Path) -> None:
    """T2 combines seed and job number bit by bit: near seeds would draw the same numbers in another order, and give an
    agent as many jobs each time."""
    jobs, replications = 4_096, 40
    rows = [(number / 10, 0.01) for number in range(jobs)]
    player = Player(
        recorded(tmp_path, rows, {}, agents=[{"id": "a", "count": 2}]), '[[queues]]\nid = "q"\nstrategy = "random"\n'
    )
    given = [player.play(replication).servers[0]["given"] for replication in range(replications)]
    # Binomial: variance jobs / 4; of 40 such the estimate is within a factor of two and a half nearly always.
    assert 1 / 2.5 < statistics.variance(given) / (jobs / 4) < 2.5, given
