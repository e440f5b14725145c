"""Section that plots faithfulness against the time that an explanation takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, STYLE, add_tooltip, panels
from whyframe_evaluation.summary.method_summary import MethodSummary, format_estimate

__all__ = ["HINT", "plot_cost", "section"]

HINT = "What faithfulness costs: two or more methods"

_COST_CLASSES = ((2, "up to 2 passes"), (100, "up to 100 passes"), (np.inf, "more"))
_LABEL_OFFSETS = tuple(
    (radius * np.cos(angle), radius * np.sin(angle))
    for radius in (6, 12, 20, 30)
    for angle in np.pi / 4 * np.array([1, -1, 3, -3, 0, 4, 2, -2])
)


@rc_context(STYLE)
def plot_cost(summaries: Sequence[MethodSummary], titles: Mapping[str, str]) -> Figure:
    """Draw MF with its interval over the seconds per image: a labelled point per method, coloured by its passes.

    Args:
        summaries: Summaries of the methods; methods without MF are left out.
        titles: Titles of the methods, by name.
    """
    figure, (axes,) = panels(1, 8.5, 4.8)
    measured = [summary for summary in summaries if "faithfulness" in summary.estimates]
    for summary in measured:
        _draw_point(axes, summary, titles[summary.method])
    for index in sorted({_cost_class(summary) for summary in measured}):
        axes.plot([], [], "o", color=COLOURS[index], label=_COST_CLASSES[index][1])
    axes.set(xscale="log", xlabel="seconds per image (median, log scale)", ylabel="MF")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15, y=0.08)
    axes.legend(fontsize=8, loc="lower left")
    points = [(_seconds(s), s.estimates["faithfulness"].mean, titles[s.method]) for s in measured]
    _draw_labels(figure, axes, points)
    return figure


def _draw_point(axes: Axes, summary: MethodSummary, title: str) -> None:
    value, seconds = summary.estimates["faithfulness"], _seconds(summary)
    colour = COLOURS[_cost_class(summary)]
    (bar,) = axes.plot([seconds] * 2, [value.low, value.high], color=colour, alpha=0.3, linewidth=2)
    (dot,) = axes.plot(seconds, value.mean, "o", color=colour, markersize=6)
    for artist in (bar, dot):
        add_tooltip(
            artist,
            f"{title}: {format_estimate(value)}, {summary.passes:g} passes, {summary.seconds:.2g} s",
        )


def _cost_class(summary: MethodSummary) -> int:
    return next(index for index, (most, _) in enumerate(_COST_CLASSES) if summary.passes <= most)


def _seconds(summary: MethodSummary) -> float:
    return max(summary.seconds, 1e-4)  # a log axis has no 0


def _draw_labels(figure: Figure, axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Write each name at the nearest offset from its point where it covers no other name and no point."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    pixels = axes.transData.transform([point[:2] for point in points])
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in pixels]
    for x, y, name in sorted(points, key=lambda point: -point[1]):
        for dx, dy in _LABEL_OFFSETS:
            side = "left" if dx > 1 else "right" if dx < -1 else "center"
            label = axes.annotate(
                name, (x, y), (dx, dy), textcoords="offset points", ha=side, va="center", fontsize=8
            )
            box = label.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in taken) and axes.bbox.contains(box.x0, box.y0):
                break
            if (dx, dy) != _LABEL_OFFSETS[-1]:
                label.remove()
        taken.append(box)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where fewer than two methods have a faithfulness."""
    summaries = [summary for summary in context.main_summaries if "faithfulness" in summary.estimates]
    if len(summaries) < 2:
        return None
    fastest, slowest = (pick(summaries, key=lambda summary: summary.seconds) for pick in (min, max))
    return Section(
        "Cost",
        "What faithfulness costs",
        "Methods at the left are fast, and methods at the top are faithful: the best place is the upper left corner. "
        f"{context.titles[fastest.method]} takes {_describe_cost(fastest)}, "
        f"{context.titles[slowest.method]} {_describe_cost(slowest)}.",
        context.plot("cost", plot_cost(summaries, context.titles), "MF over seconds per image"),
    )


def _describe_cost(summary: MethodSummary) -> str:
    plural = "" if summary.passes == 1 else "es"
    return f"{summary.seconds:.2g} s and {summary.passes:,.0f} pass{plural} per image"
