"""Comparisons: contrasts, verdicts in words, JSON."""

import json
import math
import random

from fairlead.reports.comparison import Arm, Comparison, Measure, table_of_differences, table_of_means, to_json, verdict

WAIT = Measure("wait", "mean wait", "s", "low")
LEVEL = Measure("level", "service level", "", "high", True)
LOAD = Measure("load", "saturation", "", "", True)


def comparison(shift: float, count: int = 12) -> Comparison:
    """An arm whose wait is longer by `shift` than that of the first, give or take a little; the rest is the same."""
    draw = random.Random(4)
    days = [draw.uniform(50, 100) for _ in range(count)]
    same = {"level": [0.9] * count, "load": [0.5] * count}
    second = [day + shift + draw.gauss(0, 1) for day in days]
    arms = [Arm("a", {"wait": days, **same}), Arm("b", {"wait": second, **same})]
    return Comparison("shop", "day", [WAIT, LEVEL, LOAD], arms, ["a note"])


def test_a_difference_is_told_with_its_direction_interval_and_unit() -> None:
    (worse,) = verdict(comparison(5.0))
    assert worse.startswith("b instead of a: worse in mean wait: +") and " s, +" in worse and " to +" in worse
    (better,) = verdict(comparison(-5.0))
    assert "better in mean wait: -" in better and "worse" not in better
    assert "Exactly the same: service level." in better


def test_what_is_not_shown_says_how_many_samples_would_show_it() -> None:
    (text,) = verdict(comparison(0.05))
    assert "No difference can be shown" in text and "days)" in text
    assert "better" not in text and "worse" not in text


def test_a_measure_without_a_good_direction_is_neither_better_nor_worse() -> None:
    base = comparison(0.0)
    second = Arm("b", {**base.arms[1].samples, "load": [0.6 + 0.001 * n for n in range(12)]})
    told = next(c for c in base._replace(arms=[base.arms[0], second]).contrasts() if c.measure == LOAD)
    assert told.difference.is_significant and told.is_better is None


def test_samples_that_one_arm_does_not_have_are_left_out_of_the_pairs() -> None:
    base = comparison(5.0)
    waits = list(base.arms[1].samples["wait"])
    waits[3] = math.nan
    holed = base._replace(arms=[base.arms[0], Arm("b", {**base.arms[1].samples, "wait": waits})])
    told = next(c for c in holed.contrasts() if c.measure == WAIT)
    assert told.difference.samples == 11 and told.is_better is False
    empty = Arm("b", {**base.arms[1].samples, "wait": [math.nan] * 12})
    assert [c.measure for c in base._replace(arms=[base.arms[0], empty]).contrasts()] == [LEVEL, LOAD]


def test_the_json_is_plain_and_complete() -> None:
    found = json.loads(json.dumps(to_json(comparison(5.0)), allow_nan=False))
    assert [arm["name"] for arm in found["arms"]] == ["a", "b"] and found["notes"] == ["a note"]
    wait = found["differences"][0]
    assert (wait["measure"], wait["pairs"], wait["is_better"]) == ("wait", 12, False)
    assert wait["low"] < wait["mean"] < wait["high"] and wait["needed"] >= 2


def test_a_single_sample_has_a_mean_and_no_difference() -> None:
    one = comparison(5.0, count=1)
    assert list(one.contrasts()) == []
    assert verdict(one) == ["b instead of a: nothing can be said, at least two days are needed."]
    headings, rows = table_of_means(one)
    assert headings == ["measure", "a", "b"] and "±" not in rows[0][1]
    assert table_of_differences(one)[1] == []
