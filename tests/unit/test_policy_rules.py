"""L1, L2, R1, R2: what rules, plans, schedules and hours may say; each bad input alone with its path."""

from typing import Any

import pytest

from fairlead.errors import InvalidArgument
from fairlead.policy.document import load

LONG = "x" * 129
WEEK = {"weekly": [{"days": ["mon"], "open": "09:00", "close": "17:00"}]}


def violations_of(source: Any) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as raised:
        load(source)
    return dict(raised.value.violations)


def policy(**fields: Any) -> dict[str, Any]:
    return {"queues": [{"id": "q"}, {"id": "r"}]} | fields


def queue(**fields: Any) -> dict[str, Any]:
    return policy(queues=[{"id": "q"} | fields, {"id": "r"}])


def rule(match: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return policy(rules=[{"id": "a"} | ({"match": match} if match else {}) | fields])


def plan(**fields: Any) -> dict[str, Any]:
    return policy(plans=[{"id": "p", "steps": [{"after": "1m"}]} | fields])


def schedule(**fields: Any) -> dict[str, Any]:
    return policy(schedules=[{"id": "s"} | WEEK | fields])


def weekly(*entries: tuple[str, str, str]) -> dict[str, Any]:
    hours = [{"days": days.split(), "open": opens, "close": closes} for days, opens, closes in entries]
    return schedule(weekly=hours)


def dates(*entries: dict[str, Any]) -> dict[str, Any]:
    return schedule(dates=list(entries))


def day(*hours: tuple[str, str]) -> dict[str, Any]:
    return dates({"date": "2026-05-01", "hours": [{"open": opens, "close": closes} for opens, closes in hours]})


BAD = [
    # Queues
    (queue(plan="none"), "queues[0].plan"),
    (queue(hours="none"), "queues[0].hours"),
    (queue(strategy="speed"), "queues[0].strategy"),
    (queue(strategy="load,speed"), "queues[0].strategy"),
    (queue(strategy="load,"), "queues[0].strategy"),
    (queue(strategy="load,load"), "queues[0].strategy"),
    (queue(strategy="load,rating,weight,order"), "queues[0].strategy"),
    (queue(strategy="weighted,load"), "queues[0].strategy"),
    (queue(closed_strategy="speed"), "queues[0].closed_strategy"),
    (queue(on_closed="strategy"), "queues[0].closed_strategy"),
    (queue(on_closed="overflow"), "queues[0].overflow_queue"),
    (queue(on_closed="sleep"), "queues[0].on_closed"),
    (queue(on_lost="forget"), "queues[0].on_lost"),
    (queue(offer_timeout="25h"), "queues[0].offer_timeout"),
    (queue(decline_cooldown="-1s"), "queues[0].decline_cooldown"),
    (queue(misses_to_away=101), "queues[0].misses_to_away"),
    (queue(wrap_up="25h"), "queues[0].wrap_up"),
    (queue(lost_grace="25h"), "queues[0].lost_grace"),
    (queue(warm_up_interval="61m"), "queues[0].warm_up_interval"),
    (queue(warm_up_for="25h"), "queues[0].warm_up_for"),
    (queue(rate_limit=65), "queues[0].rate_limit"),
    (queue(rate_window="0s"), "queues[0].rate_window"),
    (queue(rate_window="25h"), "queues[0].rate_window"),
    (policy(tiers=[{"id": "t", "strategy": "speed"}]), "tiers[0].strategy"),
    # Rules
    (policy(rules=[{}]), "rules[0].id"),
    (policy(rules=[{"id": "a"}, {"id": "a"}]), "rules[1].id"),
    (policy(rules=[{"id": str(number)} for number in range(1001)]), "rules"),
    (rule(queue="none"), "rules[0].queue"),
    (rule(plan="none"), "rules[0].plan"),
    (rule(strategy="speed"), "rules[0].strategy"),
    (rule(affinity="maybe"), "rules[0].affinity"),
    (rule(urgency=10), "rules[0].urgency"),
    (rule(head_start="25h"), "rules[0].head_start"),
    (rule(skills=[{"name": ""}]), "rules[0].skills[0].name"),
    (rule(skills=[{"name": "s"}] * 33), "rules[0].skills"),
    (rule(preferred_skills=[{"name": "s", "min_level": 11}]), "rules[0].preferred_skills[0].min_level"),
    (rule(tags=[""]), "rules[0].tags[0]"),
    (rule(preferred_tags=[LONG]), "rules[0].preferred_tags[0]"),
    (rule({"channels": ["fax"]}), "rules[0].match.channels[0]"),
    (rule({"channels": ["chat"] * 17}), "rules[0].match.channels"),
    (rule({"customer_tiers": ["vip"]}), "rules[0].match.customer_tiers[0]"),
    (rule({"queues": ["q", "none"]}), "rules[0].match.queues[1]"),
    (rule({"languages": [""]}), "rules[0].match.languages[0]"),
    (rule({"schedule": "none"}), "rules[0].match.schedule"),
    (rule({"not_schedule": "none"}), "rules[0].match.not_schedule"),
    (rule({"scenario": "none"}), "rules[0].match.scenario"),
    (rule({"not_scenario": "none"}), "rules[0].match.not_scenario"),
    (rule({"labels": [{"values": ["v"]}]}), "rules[0].match.labels[0].key"),
    (rule({"labels": [{"key": "k", "values": [LONG]}]}), "rules[0].match.labels[0].values[0]"),
    (rule({"labels": [{"key": "k", "values": ["v"] * 17}]}), "rules[0].match.labels[0].values"),
    (rule({"labels": [{"key": "k"}] * 9}), "rules[0].match.labels"),
    (rule({"min_customer_value": -1}), "rules[0].match.min_customer_value"),
    (rule({"min_customer_value": 5, "max_customer_value": 4}), "rules[0].match.max_customer_value"),
    (rule({"label": "k"}), "rules[0].match.label"),
    # Scenarios
    (policy(scenarios=["a", "a"]), "scenarios[1]"),
    (policy(scenarios=[""]), "scenarios[0]"),
    (policy(scenarios=[str(number) for number in range(65)]), "scenarios"),
    # Plans
    (policy(plans=[{"id": "p"}]), "plans[0].steps"),
    (policy(plans=[{"steps": [{"after": "1m"}]}]), "plans[0].id"),
    (plan(steps=[{}]), "plans[0].steps[0].after"),
    (plan(steps=[{"after": "2m"}, {"after": "2m"}]), "plans[0].steps[1].after"),
    (plan(steps=[{"after": "2m"}, {"after": "1m"}]), "plans[0].steps[1].after"),
    (plan(steps=[{"after": "0s"}, {"after": "0s"}]), "plans[0].steps[1].after"),
    (plan(steps=[{"after": "-1s"}]), "plans[0].steps[0].after"),
    (plan(steps=[{"after": "31d"}]), "plans[0].steps[0].after"),
    (plan(steps=[{"after": f"{number}m"} for number in range(1, 18)]), "plans[0].steps"),
    (plan(steps=[{"after": "1m", "lower_levels": 10}]), "plans[0].steps[0].lower_levels"),
    (plan(steps=[{"after": "1m", "strategy": "speed"}]), "plans[0].steps[0].strategy"),
    (plan(end="anyone"), "plans[0].end_after"),
    (plan(end="cancel", end_after="59s"), "plans[0].end_after"),
    (plan(end="overflow", end_after="2m"), "plans[0].overflow_queue"),
    (plan(end="overflow", end_after="2m", overflow_queue="none"), "plans[0].overflow_queue"),
    (plan(end="never"), "plans[0].end"),
    # Schedules
    (policy(schedules=[{"id": "s"}]), "schedules[0].weekly"),
    (policy(schedules=[{"id": "s", "dates": [{"date": "12-24"}]}]), "schedules[0].weekly"),
    (schedule(time_zone="Europe/Berln"), "schedules[0].time_zone"),
    (schedule(time_zone="Europe"), "schedules[0].time_zone"),
    (schedule(time_zone="../etc/passwd"), "schedules[0].time_zone"),
    (weekly(("", "09:00", "10:00")), "schedules[0].weekly[0].days"),
    (weekly(("monday", "09:00", "10:00")), "schedules[0].weekly[0].days[0]"),
    (weekly(("mon mon", "09:00", "10:00")), "schedules[0].weekly[0].days[1]"),
    (weekly(("mon", "", "10:00")), "schedules[0].weekly[0].open"),
    (weekly(("mon", "9:00", "10:00")), "schedules[0].weekly[0].open"),
    (weekly(("mon", "24:00", "24:00")), "schedules[0].weekly[0].open"),
    (weekly(("mon", "09:00", "24:01")), "schedules[0].weekly[0].close"),
    (weekly(("mon", "09:00", "09:00")), "schedules[0].weekly[0].close"),
    (weekly(("mon", "22:00", "06:00")), "schedules[0].weekly[0].close"),
    (weekly(("mon tue", "09:00", "12:00"), ("tue wed", "11:59", "13:00")), "schedules[0].weekly[1].open"),
    (dates({"hours": []}), "schedules[0].dates[0].date"),
    (dates({"date": "2026-02-29"}), "schedules[0].dates[0].date"),
    (dates({"date": "20260501"}), "schedules[0].dates[0].date"),
    (dates({"date": "13-01"}), "schedules[0].dates[0].date"),
    (dates({"date": "2026-05-02", "until": "2026-05-01"}), "schedules[0].dates[0].until"),
    (dates({"date": "2026-05-02", "until": "05-03"}), "schedules[0].dates[0].until"),
    (dates({"date": "2026-05-02", "until": "soon"}), "schedules[0].dates[0].until"),
    (dates({"date": "2026-05-01", "until": "2026-05-03"}, {"date": "2026-05-03"}), "schedules[0].dates[1].date"),
    (dates({"date": "12-24", "until": "01-01"}, {"date": "01-01"}), "schedules[0].dates[1].date"),
    (day(("09:00", "12:00"), ("11:00", "13:00")), "schedules[0].dates[0].hours[1].open"),
    (day(("12:00", "09:00")), "schedules[0].dates[0].hours[0].close"),
]


@pytest.mark.parametrize(("document", "path"), BAD, ids=[f"{index}-{path}" for index, (_, path) in enumerate(BAD)])
def test_each_mistake_is_told_with_its_path_alone(document: dict[str, Any], path: str) -> None:
    assert list(violations_of(document)) == [path]


GOOD = [
    queue(strategy="saturation"),
    queue(strategy="load, rating ,order"),
    queue(on_closed="strategy", closed_strategy="handle_time"),
    queue(offer_timeout="24h", decline_cooldown="0s", misses_to_away=100, rate_limit=64, rate_window="1s"),
    queue(warm_up_interval="1h", warm_up_for="24h", wrap_up="24h", lost_grace="24h"),
    policy(rules=[{"id": str(number)} for number in range(1000)]),
    rule({"min_customer_value": 10**12, "max_customer_value": 10**12}),
    rule({"channels": ["chat"]}),
    rule({"labels": [{"key": "k", "values": [""]}] * 8}),
    plan(steps=[{"after": f"{number}m"} for number in range(1, 17)], end="cancel", end_after="16m"),
    plan(steps=[{"after": "0s"}, {"after": "1us"}], end="hold"),
    schedule(time_zone="America/Argentina/Buenos_Aires"),
    weekly(("mon", "09:00", "12:00"), ("mon", "12:00", "24:00"), ("tue", "00:00", "24:00")),
    dates({"date": "02-29"}, {"date": "2028-02-29"}, {"date": "12-24", "until": "01-06"}),
    dates({"date": "2026-05-01", "until": "2026-05-03"}, {"date": "2026-05-04"}),
]


@pytest.mark.parametrize("document", GOOD, ids=[str(index) for index in range(len(GOOD))])
def test_the_bounds_themselves_are_allowed(document: dict[str, Any]) -> None:
    load(document)


def test_a_wrong_key_or_zone_is_told_with_what_was_meant() -> None:
    found = violations_of(
        policy(
            queues=[{"id": "q", "strategy": "saturaton,load"}],
            schedules=[{"id": "s", "time_zone": "Europe/Berln"} | WEEK],
        )
    )
    assert "did you mean saturation?" in found["queues[0].strategy"]
    assert "satisfaction" in found["queues[0].strategy"]
    assert "did you mean Europe/Berlin?" in found["schedules[0].time_zone"]


def overflow(to: str) -> dict[str, Any]:
    return {"id": f"to {to}", "steps": [{"after": "1m"}], "end": "overflow", "end_after": "2m", "overflow_queue": to}


def test_circles_run_through_queues_plans_rules_and_hours() -> None:
    by_plan = policy(
        queues=[{"id": "q", "plan": "to r"}, {"id": "r", "on_closed": "overflow", "overflow_queue": "q"}],
        plans=[overflow("r")],
    )
    assert list(violations_of(by_plan)) == ["plans[0].overflow_queue"]
    assert "q -> r -> q" in violations_of(by_plan)["plans[0].overflow_queue"]
    by_rule = policy(
        queues=[{"id": "q"}, {"id": "r", "overflow_queue": "q"}],
        plans=[overflow("r")],
        rules=[{"id": "a", "queue": "q", "plan": "to r"}],
    )
    assert list(violations_of(by_rule)) == ["plans[0].overflow_queue"]
    itself = policy(queues=[{"id": "q", "plan": "to q"}], plans=[overflow("q")])
    assert list(violations_of(itself)) == ["plans[0].overflow_queue"]


def test_ways_that_only_meet_are_no_circle() -> None:
    load(
        policy(
            queues=[
                {"id": "q", "plan": "to r", "overflow_queue": "s"},
                {"id": "r", "overflow_queue": "s"},
                {"id": "s"},
            ],
            plans=[overflow("r")],
            rules=[{"id": "any queue", "plan": "to r"}],
        )
    )


def test_all_mistakes_of_all_rooms_are_told_at_once() -> None:
    found = violations_of(
        {
            "queues": [{"id": "q", "plan": "x", "hours": "x"}],
            "rules": [{"id": "a", "queue": "x", "match": {"scenario": "x"}}],
            "plans": [{"id": "p", "steps": [{"after": "2m"}, {"after": "1m"}]}],
            "schedules": [{"id": "s", "time_zone": "Mars"}],
        }
    )
    assert sorted(found) == [
        "plans[0].steps[1].after",
        "queues[0].hours",
        "queues[0].plan",
        "rules[0].match.scenario",
        "rules[0].queue",
        "schedules[0].time_zone",
        "schedules[0].weekly",
    ]
