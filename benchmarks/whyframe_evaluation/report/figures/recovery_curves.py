"""Preserving curves: how the class comes back as a map's pixels are added to the blurred picture (section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.perturb import MINIMUM_DROP
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, SOFT, STYLE, panels, tip
from whyframe_evaluation.run.results import MapResult

__all__ = ["curves", "mean_curves", "section"]

_NAMED = 6


def mean_curves(rows: Sequence[MapResult], methods: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Each method's mean curve, from 0 (all blurred) to 1 (the whole picture), over pictures common to all.

    Args:
        rows: of all methods.
        methods: to compare.

    Returns:
        By method, percent of the way; nothing where no picture is common, or matters (q_O - q_F > 0.1).
    """
    found: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in methods}
    for row in rows:
        curve = row.curves.get("preserving")
        if row.method in found and curve and curve[-1] - curve[0] > MINIMUM_DROP:
            q = np.asarray(curve)
            found[row.method][row.file] = 100 * (q - q[0]) / (q[-1] - q[0])
    found = {name: own for name, own in found.items() if own}
    common = set.intersection(*map(set, found.values())) if found else set()
    return {name: np.mean([own[file] for file in common], axis=0) for name, own in found.items() if common}


@rc_context(STYLE)
def curves(means: Mapping[str, NDArray[np.float64]], titles: Mapping[str, str]) -> Figure:
    """Mean curves over the share of pixels, the area under which is MF; the first six are named.

    Args:
        means: by method, the best first.
        titles: of the methods.
    """
    figure, (axes,) = panels(1, 8.5, 4.0)
    for index, (name, mean) in enumerate(means.items()):
        named = index < _NAMED
        colour, width = (COLOURS[index], 1.8) if named else (SOFT, 0.7)
        share = np.linspace(0, 100, len(mean))
        (line,) = axes.plot(share, mean, color=colour, linewidth=width, label=titles[name] if named else None)
        tip(line, titles[name])
    axes.set(xlabel="pixels shown, the highest scores first, %", ylabel="of the probability restored, %")
    axes.set_xlim(0, 100)
    axes.legend(fontsize=8, loc="lower right")
    return figure


def section(material: ReportContext) -> Section | None:
    """Left out where fewer than two methods have curves on common pictures."""
    means = mean_curves(material.rows, [line.method for line in material.main])
    if len(means) < 2:
        return None
    order = dict(sorted(means.items(), key=lambda pair: -float(pair[1][1:].mean())))
    return Section(
        "Curves",
        "How quickly the class comes back",
        "The picture starts blurred, and each map's pixels are put back from its highest score down. The sooner a line "
        "rises, the better the map knows what the classifier needs; above 100, less than the whole picture convinces "
        "it more. Thin grey lines are the other methods; rest on one to see its name.",
        material.plot("curves", curves(order, material.titles), "Preserving curves, means over pictures"),
    )
