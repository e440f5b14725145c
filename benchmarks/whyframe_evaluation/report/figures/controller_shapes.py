"""Section on controllers: preset densities, scores and masks (Fu et al. 2022, Fig. 6, left, and Fig. 2(c))."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe_evaluation.metrics.score_distribution import FIGURE_6
from whyframe_evaluation.report.figures.image_grid import Grid, GridColumn, grid_figure, grid_html, grid_row
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, SOFT, STYLE, panels, svg
from whyframe_evaluation.report.rendering import render
from whyframe_training.predictor.controllers import ct_density

__all__ = ["HINT", "SETTINGS", "histogram", "plot_controllers", "section"]

_PRESETS: dict[str, tuple[str, tuple[float, float] | None]] = {
    f"ct-{eta:g}-{h:g}": (f"CT, η {eta:g}, h {h:g}", (eta, h)) for eta, h in FIGURE_6
}
SETTINGS = _PRESETS | {
    "ct": ("CT", (1.5, 2.5)),
    "bt": ("BT", None),
    "mgnet": ("MGnet", None),
    "mgnet-ct": ("MGnet, then CT", None),
    "square": ("z², not monotonic", None),
}
"""By method, its title and the (eta, h) of its preset density, or None without a preset."""

HINT = "Controller settings (Fu et al. 2022, Fig. 6): --methods controllers"

_BINS = 40
_TALLEST = 4.0  # end of the density axis: a preset density may be unbounded at 0


def histogram(masks: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return the density of the scores in [0, 1] over all maps, with 40 bins; every map has the same weight."""
    densities = [np.histogram(np.clip(mask, 0, 1), _BINS, (0, 1), density=True)[0] for mask in masks]
    return np.mean(densities, axis=0)  # type: ignore[no-any-return]


@rc_context(STYLE)
def plot_controllers(settings: Sequence[str], histograms: Sequence[NDArray[np.float64]]) -> Figure:
    """Draw a panel for each setting: its preset density (Eq. 13) as a line over the histogram of its scores.

    Args:
        settings: Names in `SETTINGS`.
        histograms: The `histogram` of each setting.
    """
    figure, axes = panels(len(settings), 1.6 * len(settings), 1.7, share_y=True)
    for panel, name, density in zip(axes, settings, histograms, strict=True):
        _draw_panel(panel, name, density)
        panel.set_title(SETTINGS[name][0], fontsize=8)
    return figure


@rc_context(STYLE)
def _plot_controller(name: str, density: NDArray[np.float64]) -> Figure:
    figure, (axes,) = panels(1, 1.6, 1.2)
    _draw_panel(axes, name, density)
    axes.set_yticks([])
    return figure


def _draw_panel(axes: Axes, name: str, density: NDArray[np.float64]) -> None:
    edges = np.linspace(0, 1, _BINS + 1)
    axes.stairs(np.minimum(density, _TALLEST), edges, fill=True, color=COLOURS[5], alpha=0.55)
    preset = SETTINGS[name][1]
    if preset is not None:
        score = torch.linspace(1e-4, 1 - 1e-4, 800, dtype=torch.float64)
        axes.plot(score, ct_density(score, *preset).clamp(max=_TALLEST), color=COLOURS[1])
    axes.set(xlim=(0, 1), ylim=(0, _TALLEST), xticks=[0, 1])
    axes.tick_params(labelsize=8, labelcolor=SOFT)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None for fewer than two of the settings."""
    settings = context.methods_with_maps(tuple(SETTINGS))
    if len(settings) < 2 or not context.shown_samples:
        return None
    histograms = [histogram(list(context.masks(name))) for name in settings]
    context.save_figure("controllers-plot", plot_controllers(settings, histograms))
    columns = [
        GridColumn(SETTINGS[name][0], head=_head(name, density))
        for name, density in zip(settings, histograms, strict=True)
    ]
    rows = [grid_row(context, sample, settings) for sample in context.shown_samples]
    grid = Grid([GridColumn("image"), *columns], rows)
    context.save_figure("controllers", grid_figure(grid))
    return Section(
        "Controllers",
        "What the controllers are set to, and the scores that result",
        "The orange line is the preset density; the blue area is the density of the scores over all images of the "
        "evaluation. The two need not agree, but the area should follow the line. The more of the area lies at the "
        "right, the more pixels have high scores, and the less these pixels are distinguished. A transform that is not "
        "monotonic also gives high scores to the least important pixels.",
        grid_html(grid),
        has_maps=True,
    )


def _head(name: str, density: NDArray[np.float64]) -> Markup:
    description = f"Density of the scores of {SETTINGS[name][0]}"
    return render("plot.html.j2", svg=svg(_plot_controller(name, density), description))
