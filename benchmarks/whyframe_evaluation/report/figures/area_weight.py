"""Section on MGnet's sensitivity to the weight of its area term (Fu et al. 2022, section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, STYLE, panels
from whyframe_evaluation.summary.method_summary import Estimate

__all__ = ["HINT", "WITH", "WITHOUT", "plot_area_weight", "section"]

WITH = {2: "mgnet-av2", 4: "mgnet-av4", 8: "mgnet-av8", 12: "mgnet-av12"}
"""Methods with the background term, by lambda_av."""

WITHOUT = {2: "mgnet-no-bg-av2", 4: "mgnet-no-bg-av4", 8: "mgnet-no-bg", 12: "mgnet-no-bg-av12"}
"""Methods without the background term, by lambda_av."""

HINT = "The weight of MGnet's area term: --methods lambda-av"

_PANELS = {
    "faithfulness": "MF",
    "discriminative": "supporting pixels scored 0.2 to 0.8, %",
    "right_tail": "scores above 0.8, %",
}

EstimatesByWeight = Mapping[int, Mapping[str, Estimate]]


@rc_context(STYLE)
def plot_area_weight(curves: Mapping[str, EstimatesByWeight]) -> Figure:
    """Draw MF and the shares of medium and of high scores over lambda_av, with 95 % intervals.

    Args:
        curves: By name of the curve and by weight, the estimates by column; missing values are left out.
    """
    figure, axes = panels(len(_PANELS), 10.0, 2.7)
    for panel, (column, title) in zip(axes, _PANELS.items(), strict=True):
        for colour, (name, by_weight) in zip(COLOURS, curves.items(), strict=False):
            values = {weight: found[column] for weight, found in by_weight.items() if column in found}
            _draw_curve(panel, values, colour, name)
        panel.set(title=title, xlabel="λav", xticks=list(WITH))
    axes[0].legend(fontsize=8)
    return figure


def _draw_curve(axes: Axes, values: Mapping[int, Estimate], colour: str, name: str) -> None:
    means = [value.mean for value in values.values()]
    below = [value.mean - value.low for value in values.values()]
    above = [value.high - value.mean for value in values.values()]
    axes.errorbar(list(values), means, [below, above], color=colour, marker="o", capsize=3, label=name)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where neither curve has two points."""
    curves = {"with λbg": _estimates(context, WITH), "λbg = 0": _estimates(context, WITHOUT)}
    curves = {name: by_weight for name, by_weight in curves.items() if len(by_weight) > 1}
    if not curves:
        return None
    return Section(
        "Area weight",
        "The weight of MGnet's area term",
        "A flat line means that the weight hardly matters. The paper finds this with the background term; without that "
        "term, λav alone decides how large the area of high scores is.",
        context.plot("area-weight", plot_area_weight(curves), "MF and shares of scores over lambda_av"),
    )


def _estimates(context: ReportContext, methods: Mapping[int, str]) -> dict[int, Mapping[str, Estimate]]:
    found = {item.method: item.estimates for item in context.result.method_summaries if item.estimates}
    return {weight: found[name] for weight, name in methods.items() if name in found}
