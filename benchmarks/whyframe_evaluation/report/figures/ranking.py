"""The methods ranked by what matters, with intervals (Fig. 4 of the first paper as a dot plot)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.leaders import is_tied, leader, leaders, listed
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, INK, SOFT, STYLE, panels, tip
from whyframe_evaluation.report.method_summary import COLUMNS, MethodSummary, text

__all__ = ["HEADLINES", "ranking", "section", "verdict"]

HEADLINES = ("faithfulness", "faithfulness_min_max", "pr_auc", "pointing")


@rc_context(STYLE)
def ranking(lines: Sequence[MethodSummary], titles: Mapping[str, str], measures: Sequence[str]) -> Figure:
    """A panel a measure: means as dots with 95 % intervals, in the order of the first measure, the best on top.

    Blue is the best and what is tied with it.

    Args:
        lines: of the table.
        titles: of the methods.
        measures: names in `COLUMNS`.
    """
    known = [line for line in lines if any(name in line.cells for name in measures)]
    sign = -1 if COLUMNS[measures[0]].higher_is_better is False else 1
    order = sorted(known, key=lambda line: _mean(line, measures[0], sign))
    figure, axes = panels(len(measures), 1.8 + 2.8 * len(measures), 0.7 + 0.24 * len(order), share_y=True)
    for one, name in zip(axes, measures, strict=True):
        _panel(one, name, order, titles)
    axes[0].set_yticks(range(len(order)), [titles[line.method] for line in order])
    axes[0].tick_params(axis="y", labelcolor=INK)
    return figure


def _mean(line: MethodSummary, name: str, sign: int) -> float:
    return sign * line.cells[name].mean if name in line.cells else -math.inf


def _panel(axes: Axes, name: str, order: Sequence[MethodSummary], titles: Mapping[str, str]) -> None:
    first = leader(order, name)
    for place, line in enumerate(order):
        cell = line.cells.get(name)
        if cell is None:
            continue
        top = first is not None and is_tied(cell, first.cells[name])
        colour = COLOURS[0] if top else SOFT
        (bar,) = axes.plot([cell.low, cell.high], [place, place], color=colour, alpha=0.45, linewidth=3)
        (dot,) = axes.plot(
            cell.mean,
            place,
            "o",
            color=colour,
            markersize=4.5 if first is None or cell.mean != first.cells[name].mean else 6.5,
        )
        for artist in (bar, dot):
            tip(artist, f"{titles[line.method]}: {text(cell)}")
    axes.set(title=COLUMNS[name].title, ylim=(-0.7, len(order) - 0.3))


def verdict(material: ReportContext, measure: str) -> str:
    """Who leads by a measure, and who is not told apart, in a sentence; empty where it was not measured."""
    found = leaders(material.main, measure)
    if found is None:
        return ""
    first, tied = found
    who, title = material.titles[first.method], COLUMNS[measure].title
    apart = listed([material.titles[line.method] for line in tied])
    rest = f", not told apart from {apart}" if tied else ", ahead of all others"
    return (
        f"By {title}, {who} leads ({first.cells[measure].mean:.1f}){rest if len(material.main) > 1 else ''}."
    )


def section(material: ReportContext) -> Section | None:
    """Left out where none of the headline measures applied."""
    measures = [name for name in HEADLINES if any(name in line.cells for line in material.main)]
    if not measures:
        return None
    figure = ranking(material.main, material.titles, measures)
    return Section(
        "Ranking",
        "Who leads",
        " ".join(verdict(material, name) for name in measures)
        + " Bars are 95 % bootstrap intervals over pictures; blue is the leader and whatever overlaps its interval.",
        material.plot("ranking", figure, "Methods ranked, with intervals"),
    )
