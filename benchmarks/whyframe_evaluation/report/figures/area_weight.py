"""How sensitive MGnet is to the weight of its area term, with and without the background term (section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, STYLE, panels
from whyframe_evaluation.report.method_summary import Estimate

__all__ = ["WITH", "WITHOUT", "area_weight", "section"]

WITH = {2: "mgnet-av2", 4: "mgnet-av4", 8: "mgnet-av8", 12: "mgnet-av12"}
WITHOUT = {2: "mgnet-no-bg-av2", 4: "mgnet-no-bg-av4", 8: "mgnet-no-bg", 12: "mgnet-no-bg-av12"}
"""By lambda_av, the methods with the background term and without it."""

ADD = "The weight of MGnet's area term: --methods lambda-av"

_PANELS = {
    "faithfulness": "MF",
    "discriminative": "supporting pixels scored 0.2 to 0.8, %",
    "right_tail": "scores above 0.8, %",
}

Cells = Mapping[int, Mapping[str, Estimate]]


@rc_context(STYLE)
def area_weight(curves: Mapping[str, Cells]) -> Figure:
    """MF, the share of graded scores and that of high ones over lambda_av, with 95 % intervals.

    Args:
        curves: by name, a weight's cells by measure; what was not measured is left out.
    """
    figure, axes = panels(len(_PANELS), 10.0, 2.7)
    for one, (measure, title) in zip(axes, _PANELS.items(), strict=True):
        for colour, (name, cells) in zip(COLOURS, curves.items(), strict=False):
            known = {weight: found[measure] for weight, found in cells.items() if measure in found}
            _line(one, known, colour, name)
        one.set(title=title, xlabel="λav", xticks=list(WITH))
    axes[0].legend(fontsize=8)
    return figure


def _line(axes: Axes, cells: Mapping[int, Estimate], colour: str, name: str) -> None:
    means = [cell.mean for cell in cells.values()]
    below = [cell.mean - cell.low for cell in cells.values()]
    above = [cell.high - cell.mean for cell in cells.values()]
    axes.errorbar(list(cells), means, [below, above], color=colour, marker="o", capsize=3, label=name)


def section(material: ReportContext) -> Section | None:
    """Left out where neither curve has two points."""
    curves = {"with λbg": _cells(material, WITH), "λbg = 0": _cells(material, WITHOUT)}
    curves = {name: cells for name, cells in curves.items() if len(cells) > 1}
    if not curves:
        return None
    return Section(
        "Area weight",
        "The weight of MGnet's area term",
        "A flat line means that the weight hardly matters. The paper finds this with the background term; without it, "
        "the area that glows is decided by λav alone.",
        material.plot("area-weight", area_weight(curves), "MF and shares of scores over lambda_av"),
    )


def _cells(material: ReportContext, methods: Mapping[int, str]) -> dict[int, Mapping[str, Estimate]]:
    lines = {line.method: line.cells for line in material.lines if line.cells}
    return {weight: lines[name] for weight, name in methods.items() if name in lines}
