"""Section with all values: columns in groups that sort, the best values in bold, ties marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from whyframe_evaluation.report.figures.leaders import is_tied, leader
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.rendering import render
from whyframe_evaluation.run.map_metrics import COLUMN_GROUPS
from whyframe_evaluation.summary.method_summary import COLUMNS, Estimate, MethodSummary, format_estimate

__all__ = ["section"]


@dataclass(frozen=True)
class TableCell:
    """A value of the table, and the bar that draws its interval on the scale of its column.

    Attributes:
        estimate: The value.
        text: The value in full.
        rank: ``"best"``, ``"tied"`` for a value whose interval overlaps that of the best, or ``""``.
        left: Left end of the bar, in percent of the scale.
        width: Width of the bar, in percent of the scale.
        dot: Place of the mean, in percent of the scale.
    """

    estimate: Estimate
    text: str
    rank: str
    left: float
    width: float
    dot: float


@dataclass(frozen=True)
class TableRow:
    """A row of the table.

    Attributes:
        summary: Summary of the method.
        cells: The values by column; None where the method has none.
    """

    summary: MethodSummary
    cells: Sequence[TableCell | None]


def section(context: ReportContext) -> Section:
    """Return the section; columns without any value are left out."""
    summaries = context.result.method_summaries
    names = [name for name in COLUMNS if any(name in summary.estimates for summary in summaries)]
    body = render(
        "method_table.html.j2",
        groups=[(title, len(list(members))) for title, members in groupby(names, _group_title)],
        columns=[COLUMNS[name] for name in names],
        rows=[
            TableRow(summary, [_cell(name, summary, summaries) for name in names]) for summary in summaries
        ],
    )
    return Section(
        "Table",
        "All values",
        "Means over images. The bar under a value is its 95 % bootstrap interval on the column's own scale. Compare "
        "two methods only where they were measured on the same images: the count of a cell is the number of images.",
        body,
    )


def _group_title(name: str) -> str:
    return COLUMN_GROUPS[COLUMNS[name].group]


def _cell(name: str, summary: MethodSummary, summaries: Sequence[MethodSummary]) -> TableCell | None:
    value = summary.estimates.get(name)
    if value is None:
        return None
    column = [other.estimates[name] for other in summaries if name in other.estimates]
    low, high = min(other.low for other in column), max(other.high for other in column)
    span = max(high - low, 1e-9)
    return TableCell(
        value,
        format_estimate(value),
        _rank(name, value, summaries),
        left=100 * (value.low - low) / span,
        width=100 * (value.high - value.low) / span,
        dot=100 * (value.mean - low) / span,
    )


def _rank(name: str, value: Estimate, summaries: Sequence[MethodSummary]) -> str:
    first = leader(summaries, name)
    if first is None:
        return ""
    best = first.estimates[name]
    if value.mean == best.mean:
        return "best"
    return "tied" if is_tied(value, best) else ""
