"""Weakly supervised localisation: the box that a heatmap predicts (Fong and Vedaldi 2017, section 5.6 and Table 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.box_geometry import tight_box
from whyframe_evaluation.metrics.heatmaps import Heatmap, Region, largest_component, unit_range

__all__ = ["GRIDS", "THRESHOLDS", "missed", "predicted_box", "search_alpha"]

MINIMUM_IOU = 0.5
"""Intersection over union that a correct box must exceed."""


def by_value(heatmap: Heatmap, alpha: float) -> Region:
    """Return the pixels whose score is at least ``alpha`` once the heatmap is scaled to [0, 1]."""
    return unit_range(heatmap) >= alpha


def by_energy(heatmap: Heatmap, alpha: float) -> Region:
    """Return the fewest pixels, highest score first, whose scores sum to the share ``alpha`` of all positive scores."""
    energy = np.maximum(heatmap, 0).astype(np.float64).ravel()
    order = np.argsort(-energy, kind="stable")
    before = np.concatenate([[0.0], energy[order].cumsum()])[:-1]
    kept = np.zeros(energy.size, bool)
    kept[order] = before < alpha * energy.sum()
    return kept.reshape(heatmap.shape)


def by_mean(heatmap: Heatmap, alpha: float) -> Region:
    """Return the pixels whose score is at least ``alpha`` times the mean score."""
    return np.asarray(heatmap >= alpha * heatmap.mean(), bool)


THRESHOLDS: dict[str, Callable[[Heatmap, float], Region]] = {
    "value": by_value,
    "energy": by_energy,
    "mean": by_mean,
}
"""Threshold rules by name: functions of an H x W heatmap and alpha to an H x W region."""

GRIDS: dict[str, tuple[float, ...]] = {
    "value": tuple(i / 20 for i in range(20)),
    "energy": tuple(i / 20 for i in range(20)),
    "mean": tuple(i / 2 for i in range(21)),
}
"""Alphas that are tried for each rule: 0 to 0.95 in steps of 0.05, and 0 to 10 in steps of 0.5."""


def predicted_box(heatmap: Heatmap, method: str, alpha: float) -> Box:
    """Return the tightest box around the largest component of the pixels above the threshold.

    Args:
        heatmap: H x W scores of any range, at the size that the boxes are given in.
        method: Key of `THRESHOLDS`: ``"value"``, ``"energy"`` or ``"mean"``.
        alpha: Threshold of the rule.

    Returns:
        (x1, y1, x2, y2) in pixels; the image where no pixel is above the threshold.
    """
    region = largest_component(THRESHOLDS[method](heatmap, alpha))
    return tight_box(region) or (0.0, 0.0, float(heatmap.shape[1]), float(heatmap.shape[0]))


def missed(overlaps: ArrayLike) -> NDArray[np.bool_]:
    """Return whether each predicted box is an error: its intersection over union with every true box is at most 0.5.

    The localisation error is the mean; lower is better.

    Args:
        overlaps: Largest intersection over union of each predicted box with a true box, any shape.

    Returns:
        bool, of the same shape.
    """
    return np.asarray(overlaps) <= MINIMUM_IOU


def search_alpha(overlaps: Sequence[Sequence[float]]) -> int:
    """Return the index, in the grid of a rule, of the alpha with the fewest errors on held-out images.

    Args:
        overlaps: Images x alphas: largest intersection over union with a true box.

    Returns:
        Index of the smallest alpha among equally good alphas.
    """
    return int(missed(overlaps).mean(axis=0).argmin())
