"""CT's score densities under standard normal logits (Fu et al. 2022, Fig. 7)."""

from __future__ import annotations

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.style import COLOURS, STYLE, panels
from whyframe_training.predictor.controllers import ct_density

__all__ = ["PANELS", "plot_densities"]

_ETAS = (0.5, 1.0, 1.5, 2.0, 2.5)
_HS = (0.5, 1.0, 1.5, 2.5, 4.0)
PANELS = (
    ("h = 1", [(eta, 1.0) for eta in _ETAS]),
    *((f"η = {eta:g}", [(eta, h) for h in _HS]) for eta in (0.5, 2.5, 1.5)),
)
"""The panels (a) to (d): the title, and the (eta, h) of each line."""

_TALLEST = 4.0


@rc_context(STYLE)
def plot_densities() -> Figure:
    """Draw Eq. 13 for the settings of `PANELS`; the paper's choice, eta 1.5 and h 2.5, is the heaviest line."""
    figure, axes = panels(len(PANELS), 11.0, 3.0, share_y=True)
    score = torch.linspace(1e-3, 1 - 1e-3, 999, dtype=torch.float64)
    for panel, letter, (title, settings) in zip(axes, "abcd", PANELS, strict=True):
        for colour, (eta, h) in zip(COLOURS, settings, strict=False):
            name = f"η {eta:g}" if title.startswith("h") else f"h {h:g}"
            width = 3.2 if (eta, h) == (1.5, 2.5) else 1.5
            panel.plot(score, ct_density(score, eta, h), color=colour, label=name, linewidth=width)
        panel.set(title=f"({letter}) {title}", xlim=(0, 1), ylim=(0, _TALLEST), xlabel="score")
        panel.legend(fontsize=7.5, handlelength=1.2, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
    axes[0].set_ylabel("density")
    return figure
