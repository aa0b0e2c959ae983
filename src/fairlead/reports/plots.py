"""Plots as SVG text for `Page.figure`: lines, steps, bars with error bars, distributions, heat maps.

Drawn by matplotlib, which is an optional extra (`pip install fairlead[reports]`) and imported by the first plot. The
same data gives the same bytes.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from io import StringIO
from typing import Any, NamedTuple

from fairlead.errors import FailedPrecondition

# A palette that people with colour blindness tell apart (Okabe and Ito 2008), without its yellow.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d")
WIDTH, HEIGHT = 8.6, 3.6  # inches
_RULES = {
    "svg.fonttype": "none",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e8ed",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


# The groups that matplotlib numbers mean nothing, and would be the same in every plot of a page.
_NUMBERED = re.compile(r' id="[A-Za-z0-9.]+_\d+"')


class PlotsMissing(FailedPrecondition):
    """matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "REPORTS_MISSING", "plots need matplotlib, which is not installed: pip install 'fairlead[reports]'"
        )


class Series(NamedTuple):
    """A named curve; `low` and `high` draw a band around it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


class Bars(NamedTuple):
    """One value for each label, with the ends of its error bar; nan draws none."""

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def require() -> None:
    """Raises PlotsMissing when no plot can be drawn here: for programs that would find out after long work."""
    _library()


def lines(
    series: Sequence[Series],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    steps: bool = False,
    marks: bool = False,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """Curves in one frame; with `steps` each value holds until the next."""

    def draw(axes: Any) -> None:
        for number, curve in enumerate(series):
            colour = COLOURS[number % len(COLOURS)]
            style = {"drawstyle": "steps-post"} if steps else {}
            axes.plot(
                curve.x, curve.y, color=colour, label=curve.name, linewidth=1.6, marker="o" if marks else None, **style
            )
            if curve.low:
                step = "post" if steps else None
                axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0, step=step)
        if log_x:
            axes.set_xscale("log")
        if log_y:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))

    return _plot(draw, (series, steps, marks), title, x_label, y_label, [curve.name for curve in series])


def bars(
    labels: Sequence[str], groups: Sequence[Bars], *, title: str = "", x_label: str = "", y_label: str = ""
) -> str:
    """Bars side by side for each label, one colour for each group."""

    def draw(axes: Any) -> None:
        width = 0.8 / max(1, len(groups))
        for number, group in enumerate(groups):
            places = [index - 0.4 + (number + 0.5) * width for index in range(len(labels))]
            axes.bar(places, group.values, width * 0.92, color=COLOURS[number % len(COLOURS)], label=group.name)
            if group.low:
                ends = [
                    [_length(value - low) for value, low in zip(group.values, group.low, strict=True)],
                    [_length(high - value) for value, high in zip(group.values, group.high, strict=True)],
                ]
                axes.errorbar(places, group.values, yerr=ends, fmt="none", ecolor="#1d2733", elinewidth=1, capsize=3)
        long = sum(map(len, labels)) > 90
        axes.set_xticks(range(len(labels)), labels, rotation=60 if long else 0, ha="right" if long else "center")
        axes.grid(axis="x", visible=False)

    return _plot(draw, (labels, groups), title, x_label, y_label, [group.name for group in groups])


def differences(labels: Sequence[str], groups: Sequence[Bars], *, title: str = "", x_label: str = "") -> str:
    """Points with intervals, one below the other, and a line at zero: whether something differs is seen at once."""

    def draw(axes: Any) -> None:
        axes.axvline(0, color="#1d2733", linewidth=1)
        height = 0.7 / max(1, len(groups))
        for number, group in enumerate(groups):
            places = [index - 0.35 + (number + 0.5) * height for index in range(len(labels))]
            ends = [
                [_length(value - low) for value, low in zip(group.values, group.low, strict=True)],
                [_length(high - value) for value, high in zip(group.values, group.high, strict=True)],
            ]
            colour = COLOURS[number % len(COLOURS)]
            axes.errorbar(group.values, places, xerr=ends, fmt="o", color=colour, label=group.name, capsize=3)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)

    height = 1.2 + 0.16 * len(labels) * (1 + len(groups))
    return _plot(draw, (labels, groups, "d"), title, x_label, "", [group.name for group in groups], height)


def histogram(samples: Mapping[str, Sequence[float]], *, count: int = 40, title: str = "", x_label: str = "") -> str:
    """How often values fall into `count` equal intervals, as a share of all; one outline for each name."""

    def draw(axes: Any) -> None:
        every = [value for values in samples.values() for value in values]
        span = (min(every), max(every)) if every else (0.0, 1.0)
        for number, (name, values) in enumerate(samples.items()):
            share = [1 / len(values)] * len(values)
            colour = COLOURS[number % len(COLOURS)]
            axes.hist(
                values, count, range=span, weights=share, histtype="step", color=colour, label=name, linewidth=1.6
            )

    return _plot(draw, (list(samples.items()), count), title, x_label, "share", list(samples))


def ecdf(samples: Mapping[str, Sequence[float]], *, title: str = "", x_label: str = "", log_x: bool = False) -> str:
    """Which share of the samples is at most so large; one step curve for each name."""
    curves = []
    for name, values in samples.items():
        ordered = sorted(values)
        curves.append(Series(name, ordered, [(place + 1) / len(ordered) for place in range(len(ordered))]))
    return lines(curves, title=title, x_label=x_label, y_label="share at most", steps=True, log_x=log_x)


def heatmap(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], *, title: str = "", unit: str = ""
) -> str:
    """A table in colours, darker for more; nan stays white."""

    def draw(axes: Any) -> None:
        # A mesh is drawn as shapes; an image would be a bitmap inside the SVG.
        image = axes.pcolormesh(values, cmap="Blues", edgecolors="white", linewidth=0.5)
        step = max(1, math.ceil(len(columns) / 24))
        axes.set_xticks([place + 0.5 for place in range(0, len(columns), step)], columns[::step])
        axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
        axes.invert_yaxis()
        axes.grid(visible=False)
        bar = axes.figure.colorbar(image, ax=axes, label=unit)
        bar.solids.set_rasterized(False)

    return _plot(draw, (rows, columns, values), title, "", "", [], 1.2 + 0.22 * len(rows))


def _length(value: float) -> float:
    """The length of one arm of an error bar."""
    return max(0.0, value) if math.isfinite(value) else 0.0


def _library() -> Any:
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as missing:
        raise PlotsMissing() from missing
    return matplotlib


def _plot(
    draw: Callable[[Any], None],
    data: object,
    title: str,
    x_label: str,
    y_label: str,
    names: Sequence[str],
    height: float = HEIGHT,
) -> str:
    """The SVG element of one frame. Its ids follow from what is drawn, so that plots of a page do not share them."""
    library = _library()
    salt = sha256(repr((data, title, x_label, y_label)).encode()).hexdigest()[:12]
    out = StringIO()
    with library.rc_context({**_RULES, "svg.hashsalt": salt}):
        figure = library.figure.Figure(figsize=(WIDTH, height))
        axes = figure.add_subplot()
        draw(axes)
        axes.set(xlabel=x_label, ylabel=y_label)
        if title:
            axes.set_title(title, loc="left")
        if len(names) > 1:
            axes.legend(loc="best", ncols=1 if len(names) < 4 else 2)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    return _NUMBERED.sub("", svg[svg.index("<svg") :])
