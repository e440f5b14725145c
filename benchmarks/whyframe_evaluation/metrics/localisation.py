"""Weakly-supervised localisation (second paper, 5.6): one box from a heatmap, thresholded in three ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whyframe_evaluation.annotations.imagenet import Box
from whyframe_evaluation.metrics.heatmaps import Heatmap, Region, largest_component, tight_box, unit_range

__all__ = ["GRIDS", "THRESHOLDS", "missed", "predicted_box", "search_alpha"]

MINIMUM_IOU = 0.5


def by_value(heatmap: Heatmap, alpha: float) -> Region:
    """The pixels of at least ``alpha`` once the heatmap is scaled to [0, 1]."""
    return unit_range(heatmap) >= alpha


def by_energy(heatmap: Heatmap, alpha: float) -> Region:
    """The fewest pixels, highest first, that hold the share ``alpha`` of the energy; negative scores hold none."""
    energy = np.maximum(heatmap, 0).astype(np.float64).ravel()
    order = np.argsort(-energy, kind="stable")
    before = np.concatenate([[0.0], energy[order].cumsum()])[:-1]
    kept = np.zeros(energy.size, bool)
    kept[order] = before < alpha * energy.sum()
    return kept.reshape(heatmap.shape)


def by_mean(heatmap: Heatmap, alpha: float) -> Region:
    """The pixels of at least ``alpha`` times the mean intensity."""
    return np.asarray(heatmap >= alpha * heatmap.mean(), bool)


THRESHOLDS: dict[str, Callable[[Heatmap, float], Region]] = {
    "value": by_value,
    "energy": by_energy,
    "mean": by_mean,
}

GRIDS: dict[str, tuple[float, ...]] = {
    "value": tuple(i / 20 for i in range(20)),
    "energy": tuple(i / 20 for i in range(20)),
    "mean": tuple(i / 2 for i in range(21)),
}
"""The alphas of the paper: 0 to 0.95 in steps of 0.05, and 0 to 10 in steps of 0.5."""


def predicted_box(heatmap: Heatmap, method: str, alpha: float) -> Box:
    """The tightest box around the largest component above the threshold; the whole image where nothing is.

    Args:
        heatmap: H x W at the size that the boxes are given in.
        method: ``"value"``, ``"energy"`` or ``"mean"``.
        alpha: see `THRESHOLDS`.
    """
    region = largest_component(THRESHOLDS[method](heatmap, alpha))
    return tight_box(region) or (0.0, 0.0, float(heatmap.shape[1]), float(heatmap.shape[0]))


def missed(overlaps: ArrayLike) -> NDArray[np.bool_]:
    """Whether predicted boxes are errors: those that overlap no true box by an IoU above 0.5.

    Args:
        overlaps: the largest IoU of each predicted box with a true one, any shape.
    """
    return np.asarray(overlaps) <= MINIMUM_IOU


def search_alpha(overlaps: Sequence[Sequence[float]]) -> int:
    """The place in a rule's grid of the alpha with the fewest errors; the smallest of equally good ones.

    Args:
        overlaps: of each held-out image, the largest IoU with a true box at each alpha of the grid.
    """
    return int(missed(overlaps).mean(axis=0).argmin())
