"""Several ways of doing the same, measured on the same samples: differences, a verdict in plain words, tables, plots.

Knows nothing of where the numbers come from: a simulation gives a sample for each replication, a record one for each
day or slice of time. The first arm is what the others are compared with.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.reports.page import Page
from fairlead.reports.plots import Bars, bars, differences
from fairlead.reports.statistics import CONFIDENCE, Difference, mean_interval, paired_difference


class Measure(NamedTuple):
    """One measure: how it is called, shown, and which way is better; `better` is "low", "high" or ""."""

    key: str
    label: str
    unit: str
    better: str
    is_share: bool = False

    def shown(self, value: float, *, sign: bool = False) -> str:
        """A value as people read it; with `sign` as a difference."""
        if math.isnan(value):
            return "-"
        plus = "+" if sign else ""
        if self.is_share:
            return f"{100 * value:{plus}.2f} %" if not sign else f"{100 * value:+.2f} points"
        return f"{value:{plus}.4g} {self.unit}".strip()


class Arm(NamedTuple):
    """One way of doing it: its samples by measure, in the same order in every arm; nan where there was nothing."""

    name: str
    samples: Mapping[str, Sequence[float]]


class Contrast(NamedTuple):
    """How one arm differs from the first in one measure."""

    arm: str
    measure: Measure
    difference: Difference

    @property
    def is_better(self) -> bool | None:
        """Whether the difference is good; None when it shows nothing or has no good direction."""
        if not self.difference.is_significant or not self.measure.better:
            return None
        return (self.difference.mean < 0) == (self.measure.better == "low")


class Comparison(NamedTuple):
    """All that is to be compared. `sample` says in words what one sample is, such as "replication" or "day"."""

    title: str
    sample: str
    measures: Sequence[Measure]
    arms: Sequence[Arm]
    notes: Sequence[str] = ()

    def contrasts(self) -> Iterator[Contrast]:
        """Every other arm against the first, in every measure that both have at least two pairs of."""
        first = self.arms[0]
        for arm in self.arms[1:]:
            for measure in self.measures:
                pairs = [
                    (a, b)
                    for a, b in zip(first.samples[measure.key], arm.samples[measure.key], strict=True)
                    if not math.isnan(a) and not math.isnan(b)
                ]
                if len(pairs) > 1:
                    before, after = zip(*pairs, strict=True)
                    yield Contrast(arm.name, measure, paired_difference(before, after))


def verdict(comparison: Comparison) -> list[str]:
    """One paragraph for each arm but the first, in words for people who decide."""
    found = []
    contrasts = list(comparison.contrasts())
    for arm in comparison.arms[1:]:
        own = [contrast for contrast in contrasts if contrast.arm == arm.name]
        parts = [f"{arm.name} instead of {comparison.arms[0].name}:"]
        if not own:
            parts.append(f"nothing can be said, at least two {comparison.sample}s are needed.")
        for good, word in ((True, "better"), (False, "worse")):
            told = [_told(contrast) for contrast in own if contrast.is_better is good]
            if told:
                parts.append(f"{word} in {'; '.join(told)}.")
        open_ = [contrast for contrast in own if not contrast.difference.is_significant and contrast.measure.better]
        same = [contrast.measure.label for contrast in open_ if not contrast.difference.needed]
        unclear = [
            f"{c.measure.label} ({c.difference.needed:,} {comparison.sample}s)" for c in open_ if c.difference.needed
        ]
        if same:
            parts.append(f"Exactly the same: {', '.join(same)}.")
        if unclear:
            parts.append(f"No difference can be shown in (a difference as seen would need): {', '.join(unclear)}.")
        found.append(" ".join(parts))
    return found


def _told(contrast: Contrast) -> str:
    measure, difference = contrast.measure, contrast.difference
    relative = f", {difference.relative:+.1%}" if math.isfinite(difference.relative) and not measure.is_share else ""
    return (
        f"{measure.label}: {measure.shown(difference.mean, sign=True)}{relative} "
        f"({measure.shown(difference.low, sign=True)} to {measure.shown(difference.high, sign=True)})"
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain values; a number that is none is null."""
    return {
        "title": comparison.title,
        "sample": comparison.sample,
        "confidence": CONFIDENCE,
        "arms": [
            {"name": arm.name, "measures": {m.key: _interval(arm, m) for m in comparison.measures}}
            for arm in comparison.arms
        ],
        "differences": [
            {
                "arm": each.arm,
                "to": comparison.arms[0].name,
                "measure": each.measure.key,
                "mean": each.difference.mean,
                "low": _finite(each.difference.low),
                "high": _finite(each.difference.high),
                "pairs": each.difference.samples,
                "p_value": _finite(each.difference.p_value),
                "needed": each.difference.needed,
                "is_better": each.is_better,
            }
            for each in comparison.contrasts()
        ],
        "verdict": verdict(comparison),
        "notes": list(comparison.notes),
    }


def table_of_means(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: each measure with its mean and half width in each arm."""
    rows = []
    for measure in comparison.measures:
        cells = [_mean_shown(arm, measure) for arm in comparison.arms]
        if any(cell != "-" for cell in cells):
            rows.append([measure.label, *cells])
    return ["measure", *(arm.name for arm in comparison.arms)], rows


def table_of_differences(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: each contrast with its interval, p value and the samples that it needs."""
    rows = []
    for each in comparison.contrasts():
        measure, difference = each.measure, each.difference
        undecided = "differs" if difference.is_significant else "not shown" if difference.needed else "same"
        shown = {True: "better", False: "worse", None: undecided}
        rows.append(
            [
                each.arm,
                measure.label,
                measure.shown(difference.mean, sign=True),
                f"{measure.shown(difference.low, sign=True)} to {measure.shown(difference.high, sign=True)}",
                f"{difference.p_value:.2g}",
                f"{difference.needed:,}" if difference.needed else "-",
                shown[each.is_better],
            ]
        )
    headings = ["arm", "measure", "difference", f"{CONFIDENCE:.0%} interval", "p", f"{comparison.sample}s needed", ""]
    return headings, rows


def fill_page(page: Page, comparison: Comparison) -> None:
    """The verdict, the tables and the plots, as sections of a page."""
    page.heading("Verdict")
    for text in verdict(comparison):
        page.text(text, "verdict")
    for note in comparison.notes:
        page.text(note, "note")
    page.heading("Every measure")
    headings, rows = table_of_means(comparison)
    page.table(headings, rows)
    page.text(f"Means over {comparison.sample}s, with half the width of their {CONFIDENCE:.0%} intervals.", "note")
    page.heading(f"Differences from {comparison.arms[0].name}")
    _fill_differences(page, comparison)
    headings, rows = table_of_differences(comparison)
    page.table(headings, rows, left=2)
    for measure in comparison.measures:
        known = [(arm, _known(arm, measure)) for arm in comparison.arms]
        if not all(values for _, values in known):
            continue
        means = [mean_interval(values) for _, values in known]
        scale = 100 if measure.is_share else 1
        group = Bars(
            measure.label,
            [mean.mean * scale for mean in means],
            [mean.low * scale for mean in means],
            [mean.high * scale for mean in means],
        )
        label = f"{measure.label} ({'%' if measure.is_share else measure.unit or 'index'})"
        page.figure(bars([arm.name for arm, _ in known], [group], title=label))


def _fill_differences(page: Page, comparison: Comparison) -> None:
    """All contrasts in one plot, in per cent of the first arm, so that they fit one axis."""
    groups = []
    contrasts = [c for c in comparison.contrasts() if c.difference.base and c.measure.better]
    labels = [m.label for m in comparison.measures if any(c.measure == m for c in contrasts)]
    for arm in comparison.arms[1:]:
        own = {c.measure.label: c.difference for c in contrasts if c.arm == arm.name}
        rows = [[_percent(own, label, end) for label in labels] for end in ("mean", "low", "high")]
        groups.append(Bars(arm.name, *rows))
    if labels:
        page.figure(
            differences(labels, groups, x_label=f"difference from {comparison.arms[0].name} in %"),
            "An interval that touches the line shows no difference.",
        )


def _percent(own: Mapping[str, Difference], label: str, end: str) -> float:
    difference = own.get(label)
    return 100 * float(getattr(difference, end)) / abs(difference.base) if difference else math.nan


def _known(arm: Arm, measure: Measure) -> list[float]:
    return [value for value in arm.samples[measure.key] if not math.isnan(value)]


def _mean_shown(arm: Arm, measure: Measure) -> str:
    values = _known(arm, measure)
    if not values:
        return "-"
    interval = mean_interval(values)
    half = "" if math.isnan(interval.half_width) else f" ± {measure.shown(interval.half_width)}"
    return measure.shown(interval.mean) + half


def _interval(arm: Arm, measure: Measure) -> dict[str, Any] | None:
    values = _known(arm, measure)
    if not values:
        return None
    interval = mean_interval(values)
    return {"mean": interval.mean, "low": _finite(interval.low), "high": _finite(interval.high), "n": interval.samples}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
