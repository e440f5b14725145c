"""Section that ranks the methods by the headline metrics, with intervals (Fu et al. 2022, Fig. 4 as a dot plot)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.leaders import is_tied, join_words, leader, leader_and_ties
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, INK, SOFT, STYLE, add_tooltip, panels
from whyframe_evaluation.summary.method_summary import COLUMNS, MethodSummary, format_estimate

__all__ = ["HEADLINES", "plot_ranking", "section", "verdict"]

HEADLINES = ("faithfulness", "faithfulness_min_max", "pr_auc", "pointing")
"""Columns by which the methods are ranked."""


@rc_context(STYLE)
def plot_ranking(
    summaries: Sequence[MethodSummary], titles: Mapping[str, str], columns: Sequence[str]
) -> Figure:
    """Draw a panel for each column: means as dots with 95 % intervals.

    All panels have the order of the first column, the best method on top. Blue marks the best value of a panel and
    the values that are tied with it.

    Args:
        summaries: Summaries of the methods; methods without any value are left out.
        titles: Titles of the methods, by name.
        columns: Names in `COLUMNS`.
    """
    measured = [item for item in summaries if any(name in item.estimates for name in columns)]
    sign = -1 if COLUMNS[columns[0]].higher_is_better is False else 1
    order = sorted(measured, key=lambda summary: _sort_key(summary, columns[0], sign))
    figure, axes = panels(len(columns), 1.8 + 2.8 * len(columns), 0.7 + 0.24 * len(order), share_y=True)
    for panel, name in zip(axes, columns, strict=True):
        _draw_panel(panel, name, order, titles)
    axes[0].set_yticks(range(len(order)), [titles[summary.method] for summary in order])
    axes[0].tick_params(axis="y", labelcolor=INK)
    return figure


def _sort_key(summary: MethodSummary, column: str, sign: int) -> float:
    return sign * summary.estimates[column].mean if column in summary.estimates else -math.inf


def _draw_panel(axes: Axes, column: str, order: Sequence[MethodSummary], titles: Mapping[str, str]) -> None:
    first = leader(order, column)
    best = None if first is None else first.estimates[column]
    for place, summary in enumerate(order):
        value = summary.estimates.get(column)
        if value is None:
            continue
        colour = COLOURS[0] if best is not None and is_tied(value, best) else SOFT
        size = 6.5 if best is not None and value.mean == best.mean else 4.5
        (bar,) = axes.plot([value.low, value.high], [place, place], color=colour, alpha=0.45, linewidth=3)
        (dot,) = axes.plot(value.mean, place, "o", color=colour, markersize=size)
        for artist in (bar, dot):
            add_tooltip(artist, f"{titles[summary.method]}: {format_estimate(value)}")
    axes.set(title=COLUMNS[column].title, ylim=(-0.7, len(order) - 0.3))


def verdict(context: ReportContext, column: str) -> str:
    """Return a sentence about the leader and the methods tied with it; "" where the column has no values."""
    summaries = context.main_summaries
    found = leader_and_ties(summaries, column)
    if found is None:
        return ""
    first, tied = found
    lead = f"By {COLUMNS[column].title}, {context.titles[first.method]} leads ({first.estimates[column].mean:.1f})"
    if tied:
        names = join_words([context.titles[summary.method] for summary in tied])
        return f"{lead}; it is not distinguishable from {names}."
    return f"{lead}, ahead of all others." if len(summaries) > 1 else f"{lead}."


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where no headline metric has a value."""
    summaries = context.main_summaries
    columns = [name for name in HEADLINES if any(name in summary.estimates for summary in summaries)]
    if not columns:
        return None
    figure = plot_ranking(summaries, context.titles, columns)
    return Section(
        "Ranking",
        "Who leads",
        " ".join(verdict(context, name) for name in columns)
        + " Bars are 95 % bootstrap intervals over images. Blue marks the leader and every method whose interval "
        "overlaps the leader's.",
        context.plot("ranking", figure, "Methods ranked by each headline metric, with intervals"),
    )
