"""CT's scores for logits that are not normally distributed (Fu et al. 2022, Fig. 3(a-d))."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe_evaluation.metrics.heatmaps import unit_range
from whyframe_evaluation.metrics.score_distribution import skewness
from whyframe_evaluation.report.figures.style import COLOURS, SOFT, STYLE, panels
from whyframe_training.functional import instance_normalise, skew

__all__ = ["SHAPES", "plot_shapes", "transform"]

_SIDE = 256
_SEED = 0
_ETA, _H = 1.5, 2.5

Draw = Callable[[np.random.Generator], NDArray[np.float64]]

SHAPES: dict[str, Draw] = {
    "normal": lambda rng: rng.normal(size=(_SIDE, _SIDE)),
    "uniform": lambda rng: rng.uniform(size=(_SIDE, _SIDE)),
    "left-skewed": lambda rng: rng.beta(6, 1.5, (_SIDE, _SIDE)),
    "two humps": lambda rng: rng.normal(np.where(rng.uniform(size=(_SIDE, _SIDE)) < 0.5, -2.0, 2.0)),
}
"""Functions that draw a map of logits, by name of their distribution."""


def transform(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores in (0, 1) that CT with the paper's setting makes of h x w logits of any distribution."""
    normal = instance_normalise(torch.from_numpy(logits)[None])
    return skew(normal, _ETA, _H)[0].numpy()  # type: ignore[no-any-return]


@rc_context(STYLE)
def plot_shapes() -> Figure:
    """Draw a panel for each distribution: histograms before (grey, on its own range) and after CT (blue)."""
    figure, axes = panels(len(SHAPES), 11.0, 2.5, share_y=True)
    rng = np.random.default_rng(_SEED)
    for panel, letter, (name, draw) in zip(axes, "abcd", SHAPES.items(), strict=True):
        before = draw(rng)
        after = transform(before)
        for scores, colour in ((unit_range(before), SOFT), (after, COLOURS[0])):
            density, edges = np.histogram(scores, 40, (0, 1), density=True)
            panel.stairs(density, edges, fill=True, color=colour, alpha=0.5)
        skews = f"skewness {_signed(skewness(before))} → {_signed(skewness(after))}"
        panel.text(0.98, 0.95, skews, transform=panel.transAxes, ha="right", va="top", fontsize=8)
        panel.set(title=f"({letter}) {name}", xlim=(0, 1), xlabel="score")
    axes[0].set(ylabel="density", ylim=(0, 5))
    return figure


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"  # adding 0 turns -0 into 0
