"""Pages, plots and the statistics of `fairlead.reports`."""

import builtins
import math
import random
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fairlead.errors import InvalidArgument
from fairlead.reports import plots
from fairlead.reports.page import Page
from fairlead.reports.statistics import (
    bootstrap_interval,
    mean_interval,
    paired_difference,
    sample_size,
    t_probability,
    t_quantile,
)

# Two-sided 95 % and 99 % points of Student's t, as in any printed table.
TABLE = [(1, 0.975, 12.7062), (2, 0.975, 4.30265), (9, 0.975, 2.26216), (30, 0.975, 2.04227), (9, 0.995, 3.24984)]


@pytest.mark.parametrize(("freedom", "probability", "value"), TABLE)
def test_quantiles_of_t_are_those_of_printed_tables(freedom: int, probability: float, value: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(value, rel=2e-6)
    assert t_quantile(1 - probability, freedom) == pytest.approx(-value, rel=2e-6)
    assert t_probability(value, freedom) == pytest.approx(probability, abs=1e-6)


def test_the_t_distribution_of_one_degree_is_cauchys_and_of_many_the_normal() -> None:
    for value in (-3.0, -0.2, 0.0, 0.7, 40.0):
        assert t_probability(value, 1) == pytest.approx(0.5 + math.atan(value) / math.pi, abs=1e-12)
    assert t_quantile(0.975, 10**7) == pytest.approx(1.959964, abs=1e-5)


def test_an_interval_of_normal_samples_covers_the_mean_as_often_as_it_says() -> None:
    draw = random.Random(5)
    covered = sum(mean_interval([draw.gauss(3, 2) for _ in range(8)]).covers(3) for _ in range(2_000))
    # Binomial(2000, 0.95): three standard deviations are 29.
    assert abs(covered - 1_900) <= 29


def test_a_single_sample_has_no_interval() -> None:
    interval = mean_interval([4.0])
    assert interval.mean == 4 and math.isnan(interval.low) and not interval.covers(4)


def test_paired_differences_see_what_unpaired_spread_would_hide() -> None:
    draw = random.Random(1)
    days = [draw.uniform(10, 500) for _ in range(12)]
    second = [value + 2 + draw.gauss(0, 0.5) for value in days]
    difference = paired_difference(days, second)
    assert difference.is_significant and difference.low < 2 < difference.high and difference.p_value < 1e-6
    assert difference.relative == pytest.approx(difference.mean / (sum(days) / 12))
    assert not paired_difference(days, random.Random(2).sample(days, 12)).is_significant


def test_equal_samples_differ_by_nothing_and_need_none() -> None:
    difference = paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (difference.mean, difference.p_value, difference.needed) == (0, 1.0, 0)
    assert not difference.is_significant


def test_the_stated_sample_size_has_the_stated_power() -> None:
    needed = sample_size(deviation=3.0, effect=1.0)
    # Normal approximation (1.96 + 0.8416)^2 * 9 = 70.6, and a little more for t.
    assert 71 <= needed <= 74
    draw = random.Random(3)
    seen = sum(
        paired_difference([0.0] * needed, [draw.gauss(1, 3) for _ in range(needed)]).is_significant for _ in range(200)
    )
    assert abs(seen - 160) <= 17


def test_the_bootstrap_agrees_with_t_on_normal_samples_and_is_repeatable() -> None:
    draw = random.Random(8)
    values = [draw.gauss(10, 2) for _ in range(60)]
    by_t, by_draws = mean_interval(values), bootstrap_interval(values)
    assert by_draws == bootstrap_interval(values)
    assert by_draws.low == pytest.approx(by_t.low, abs=0.2) and by_draws.high == pytest.approx(by_t.high, abs=0.2)


@pytest.mark.parametrize("call", [lambda: mean_interval([]), lambda: paired_difference([1.0], [1.0, 2.0])])
def test_samples_that_are_none_or_no_pairs_are_refused(call: object) -> None:
    with pytest.raises(InvalidArgument, match="samples"):
        call()  # type: ignore[operator]


class _Checker(HTMLParser):
    """Collects tags, ids and everything that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.loads.append(f"{tag} {value}")


@cache
def page_of_all_plots() -> Page:
    page = Page("All <plots>", "a & b")
    page.table(["who", "what"], [["ann", 3], ["bob", None]])
    page.text("first < second", "verdict")
    x = [0.0, 1.0, 2.0]
    page.figure(plots.lines([plots.Series("a", x, [1, 2, 3], [0, 1, 2], [2, 3, 4])], steps=True, title="one"))
    page.figure(plots.lines([plots.Series("a", x, [1, 2, 3]), plots.Series("b", x, [3, 2, 1])], title="two"))
    page.figure(plots.bars(["p", "q"], [plots.Bars("a", [1, 2], [0.5, 1.5], [1.5, 2.5])], y_label="s"))
    page.figure(plots.differences(["p", "q"], [plots.Bars("a", [1, -2], [0.5, -2.5], [1.5, math.nan])]))
    page.figure(plots.histogram({"a": [1, 2, 3], "b": [2, 3, 9]}))
    page.figure(plots.ecdf({"a": [3, 1, 2]}, x_label="wait"))
    page.figure(plots.heatmap(["r"], ["c", "d"], [[1.0, math.nan]], unit="s"), "with a caption")
    return page


def test_a_page_needs_no_other_file_and_has_each_id_once() -> None:
    checker = _Checker()
    checker.feed(page_of_all_plots().html())
    assert checker.loads == [] and "script" not in checker.tags
    assert checker.tags.count("svg") == 7 and checker.tags.count("table") == 1
    assert len(checker.ids) == len(set(checker.ids))


def test_a_plot_is_the_same_each_time() -> None:
    assert len({plots.ecdf({"a": [1, 2]}) for _ in range(2)}) == 1


def test_a_page_escapes_text() -> None:
    text = page_of_all_plots().html()
    assert "All &lt;plots&gt;" in text and "first &lt; second" in text and "<plots>" not in text


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 cells in a row of 2 columns"):
        Page("x").table(["a", "b"], [[1, 2, 3]])


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(str(tmp_path / "no" / "x.html"))):
        Page("x").write(tmp_path / "no" / "x.html")


def test_without_matplotlib_a_plot_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(plots.PlotsMissing):
        plots.require()
    with pytest.raises(plots.PlotsMissing, match=r"pip install 'fairlead\[reports\]'"):
        plots.lines([plots.Series("a", [0], [1])])
