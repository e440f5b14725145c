"""Controllers' settings: what each was set to, what scores came out, and masks (Fig. 6, left, and Fig. 2(c))."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe_evaluation.metrics.score_distribution import FIGURE_6
from whyframe_evaluation.report.figures.image_grid import Column, Grid, grid_figure, grid_html, row
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, SOFT, STYLE, panels, svg
from whyframe_training.predictor.controllers import ct_density

__all__ = ["SETTINGS", "controllers", "histogram", "section"]

_PRESETS: dict[str, tuple[str, tuple[float, float] | None]] = {
    f"ct-{eta:g}-{h:g}": (f"CT, η {eta:g}, h {h:g}", (eta, h)) for eta, h in FIGURE_6
}
SETTINGS = _PRESETS | {
    "ct": ("CT", (1.5, 2.5)),
    "bt": ("BT", None),
    "mgnet": ("MGnet", None),
    "mgnet-ct": ("MGnet, CT after the fact", None),
    "square": ("z², not monotonic", None),
}
"""By method: its title, and the (eta, h) of its preset density where it has one."""

ADD = "Controller settings (Fig. 6): --methods controllers"

_BINS = 40
_TALLEST = 4.0  # of the density axis: a preset may have no bound at 0


def histogram(masks: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """The density of scores in [0, 1] over all maps, each map counting alike; 40 bins."""
    each = [np.histogram(np.clip(mask, 0, 1), _BINS, (0, 1), density=True)[0] for mask in masks]
    return np.mean(each, axis=0)  # type: ignore[no-any-return]


@rc_context(STYLE)
def controllers(settings: Sequence[str], found: Sequence[NDArray[np.float64]]) -> Figure:
    """A panel a setting: its preset density (Eq. 13) as a line over the histogram of the scores obtained.

    Args:
        settings: names in `SETTINGS`.
        found: of each the `histogram`.
    """
    figure, axes = panels(len(settings), 1.6 * len(settings), 1.7, share_y=True)
    for one, name, density in zip(axes, settings, found, strict=True):
        _panel(one, name, density)
        one.set_title(SETTINGS[name][0], fontsize=8)
    return figure


@rc_context(STYLE)
def _single(name: str, density: NDArray[np.float64]) -> Figure:
    figure, (axes,) = panels(1, 1.6, 1.2)
    _panel(axes, name, density)
    axes.set_yticks([])
    return figure


def _panel(axes: Axes, name: str, density: NDArray[np.float64]) -> None:
    edges = np.linspace(0, 1, _BINS + 1)
    axes.stairs(np.minimum(density, _TALLEST), edges, fill=True, color=COLOURS[5], alpha=0.55)
    preset = SETTINGS[name][1]
    if preset is not None:
        score = torch.linspace(1e-4, 1 - 1e-4, 800, dtype=torch.float64)
        axes.plot(score, ct_density(score, *preset).clamp(max=_TALLEST), color=COLOURS[1])
    axes.set(xlim=(0, 1), ylim=(0, _TALLEST), xticks=[0, 1])
    axes.tick_params(labelsize=8, labelcolor=SOFT)


def section(material: ReportContext) -> Section | None:
    """Left out where fewer than two of the settings are in the study."""
    settings = material.present(tuple(SETTINGS))
    if len(settings) < 2 or not material.pictures:
        return None
    found = [histogram(list(material.masks(name))) for name in settings]
    material.save("controllers-plot", controllers(settings, found))
    heads = [_head(name, density) for name, density in zip(settings, found, strict=True)]
    titles = [SETTINGS[name][0] for name in settings]
    columns = [Column("picture"), *(Column(t, head=h) for t, h in zip(titles, heads, strict=True))]
    rows = [
        row(material, one, (material.mask_of(name, one.file) for name in settings))
        for one in material.pictures
    ]
    grid = Grid(columns, rows)
    material.save("controllers", grid_figure(grid))
    return Section(
        "Controllers",
        "What the controller is set to, and what comes out",
        "The orange line is the preset density, the blue area the scores obtained over all pictures of the study. "
        "They need not agree, but the area should follow the line: the more of it at the right, the more pixels glow "
        "and the less they are told apart. A transform that is not monotonic also lights up what matters least.",
        grid_html(grid),
    )


def _head(name: str, density: NDArray[np.float64]) -> str:
    description = f"Density of the scores of {SETTINGS[name][0]}"
    return f'<div class="plot">{svg(_single(name, density), description)}</div>'
