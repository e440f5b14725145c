"""The table of the study: groups of columns, the best in bold, what is tied with it marked, columns that sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from whyframe_evaluation.report.figures.leaders import is_tied, leader
from whyframe_evaluation.report.figures.report_context import ReportContext
from whyframe_evaluation.report.method_summary import COLUMNS, Estimate, MethodSummary, text
from whyframe_evaluation.run.map_metrics import GROUPS

__all__ = ["legend", "table"]

_COST = ("passes", "back", "seconds")


def table(material: ReportContext) -> str:
    """The table; columns that no line has a value in are left out."""
    lines = material.lines
    columns = [name for name in COLUMNS if any(name in line.cells for line in lines)]
    body = "".join(_row(line, lines, columns, material.titles) for line in lines)
    return (
        '<div class="scroll"><table class="sortable"><thead>'
        f"<tr>{_groups(columns)}</tr><tr>{_heads(columns)}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _groups(columns: Sequence[str]) -> str:
    groups = [(group, len(list(names))) for group, names in groupby(columns, _group)]
    cells = "".join(
        f'<th colspan="{count}">{escape(group)}</th>' for group, count in [*groups, ("cost", len(_COST))]
    )
    return f"<th></th>{cells}"


def _group(name: str) -> str:
    return GROUPS[COLUMNS[name].group]


def _heads(columns: Sequence[str]) -> str:
    measured = [(COLUMNS[name].title, COLUMNS[name].description) for name in columns]
    cost = [
        ("passes", "forward passes through the classifier for a picture (median)"),
        ("back", "passes back for a picture (median)"),
        ("seconds", "for a picture (median), on the machine of this report"),
    ]
    heads = [("method", "the order of the command; a click on a heading sorts"), *measured, *cost]
    return "".join(
        f'<th scope="col" title="{escape(description)}"><button>{escape(title)}</button></th>'
        for title, description in heads
    )


def _row(
    line: MethodSummary, lines: Sequence[MethodSummary], columns: Sequence[str], titles: Mapping[str, str]
) -> str:
    cells = "".join(_cell(name, line, lines) for name in columns)
    cost = f"{_number(line.forward, 'g')}{_number(line.backward, 'g')}{_number(line.seconds, '.2f')}"
    name = f'<th scope="row" title="{escape(line.method)}">{escape(titles[line.method])}</th>'
    return f"<tr>{name}{cells}{cost}</tr>"


def _number(value: float, form: str) -> str:
    return f'<td data-value="{value}">{value:{form}}</td>'


def _cell(name: str, line: MethodSummary, lines: Sequence[MethodSummary]) -> str:
    cell = line.cells.get(name)
    if cell is None:
        return '<td class="none">–</td>'
    first = leader(lines, name)
    best = first is not None and cell.mean == first.cells[name].mean
    tied = first is not None and not best and is_tied(cell, first.cells[name])
    kind = "best" if best else "tied" if tied else ""
    return (
        f'<td class="{kind}" data-value="{cell.mean}" title="{escape(text(cell))}">{cell.mean:.2f}'
        f"{_whisker(cell, [other.cells[name] for other in lines if name in other.cells])}"
        f"<small>{cell.low:.1f}–{cell.high:.1f}, n={cell.count}</small></td>"
    )


def _whisker(cell: Estimate, column: Sequence[Estimate]) -> str:
    """The interval, drawn on the scale of its column."""
    low, high = min(one.low for one in column), max(one.high for one in column)
    span = max(high - low, 1e-9)
    left, width = 100 * (cell.low - low) / span, 100 * (cell.high - cell.low) / span
    dot = 100 * (cell.mean - low) / span
    return f'<i class="whisker"><i style="left:{left:.1f}%;width:{width:.1f}%"></i><b style="left:{dot:.1f}%"></b></i>'


def legend(material: ReportContext) -> str:
    """What the columns mean."""
    columns = [name for name in COLUMNS if any(name in line.cells for line in material.lines)]
    items = "".join(
        f"<dt>{escape(COLUMNS[name].title)}</dt><dd>{escape(COLUMNS[name].description)}</dd>"
        for name in columns
    )
    return (
        f'<details><summary>What the columns mean</summary><dl class="means">{items}<dt>passes, back</dt>'
        "<dd>forward and backward passes through the classifier that were really made for a picture "
        "(median).</dd></dl></details>"
    )
