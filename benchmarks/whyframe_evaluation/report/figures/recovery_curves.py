"""Section with preserving curves: probability as pixels are added to a blurred image (Fu et al. 2022, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.perturb import MINIMUM_DROP
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, SOFT, STYLE, add_tooltip, panels
from whyframe_evaluation.run.results import MapResult

__all__ = ["HINT", "mean_curves", "plot_curves", "section"]

HINT = "How soon the class is recognised again: two or more methods"

_NAMED = 6  # curves with a colour of their own


def mean_curves(results: Sequence[MapResult], methods: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return each method's mean curve, from 0 (all blurred) to 100 (the complete image).

    Args:
        results: Results of all methods.
        methods: Names of the methods to compare.

    Returns:
        By method, the restored share of the probability in percent, averaged over the images that have a curve of
        every method and lose more than `MINIMUM_DROP` of the probability by blurring; empty without such images.
    """
    found: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in methods}
    for result in results:
        curve = result.curves.get("preserving")
        if result.method in found and curve and curve[-1] - curve[0] > MINIMUM_DROP:
            q = np.asarray(curve)
            found[result.method][result.file] = 100 * (q - q[0]) / (q[-1] - q[0])
    found = {name: by_file for name, by_file in found.items() if by_file}
    common = set.intersection(*map(set, found.values())) if found else set()
    return {
        name: np.mean([by_file[file] for file in common], axis=0) for name, by_file in found.items() if common
    }


@rc_context(STYLE)
def plot_curves(means: Mapping[str, NDArray[np.float64]], titles: Mapping[str, str]) -> Figure:
    """Draw mean curves over the share of pixels; the area under a curve is MF.

    Args:
        means: The curves by method, the best first; the first six are coloured and named.
        titles: Titles of the methods, by name.
    """
    figure, (axes,) = panels(1, 8.5, 4.0)
    for index, (name, mean) in enumerate(means.items()):
        named = index < _NAMED
        colour, width = (COLOURS[index], 1.8) if named else (SOFT, 0.7)
        share = np.linspace(0, 100, len(mean))
        (line,) = axes.plot(share, mean, color=colour, linewidth=width, label=titles[name] if named else None)
        add_tooltip(line, titles[name])
    axes.set(xlabel="pixels shown, the highest scores first, %", ylabel="restored probability, %")
    axes.set_xlim(0, 100)
    axes.legend(fontsize=8, loc="lower right")
    return figure


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where fewer than two methods have curves on common images."""
    methods = [summary.method for summary in context.main_summaries]
    means = mean_curves(context.result.map_results, methods)
    if len(means) < 2:
        return None
    order = dict(sorted(means.items(), key=lambda pair: -float(pair[1][1:].mean())))
    figure = plot_curves(order, context.titles)
    return Section(
        "Curves",
        "How soon the class is recognised again",
        "The image starts blurred, and the pixels of each map are restored from its highest score down. The sooner a "
        "line rises, the better the map finds what the classifier needs; above 100, a part of the image has a higher "
        "probability than the complete image. Thin grey lines are the other methods; rest the pointer on a line to see "
        "its name.",
        context.plot("curves", figure, "Preserving curves, means over images"),
    )
