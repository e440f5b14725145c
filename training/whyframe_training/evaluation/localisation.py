"""Weakly-supervised localisation (second paper, 5.6): one box from a heatmap, thresholded in three ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_training.boxes import Box
from whyframe_training.evaluation.heatmaps import (
    Heatmap,
    Region,
    iou,
    largest_component,
    tight_box,
    unit_range,
)

__all__ = [
    "GRIDS",
    "THRESHOLDS",
    "Localisation",
    "localisation_error",
    "localise",
    "predicted_box",
    "search_alpha",
]

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


def localisation_error(
    heatmaps: Sequence[Heatmap], boxes: Sequence[Sequence[Box]], method: str, alpha: float
) -> float:
    """Percent of the images whose predicted box overlaps none of the true ones by an IoU above 0.5."""
    misses = [
        all(iou(predicted_box(heatmap, method, alpha), box) <= MINIMUM_IOU for box in true)
        for heatmap, true in zip(heatmaps, boxes, strict=True)
    ]
    return 100 * float(np.mean(misses)) if misses else float("nan")


def search_alpha(heatmaps: Sequence[Heatmap], boxes: Sequence[Sequence[Box]], method: str) -> float:
    """The alpha of the method's grid with the least error; the smallest of equal ones."""
    return min(GRIDS[method], key=lambda alpha: localisation_error(heatmaps, boxes, method, alpha))


@dataclass(frozen=True)
class Localisation:
    """A threshold chosen on held-out images, and the error in percent on others."""

    method: str
    alpha: float
    error: float
    count: int


def localise(
    heatmaps: Sequence[Heatmap],
    boxes: Sequence[Sequence[Box]],
    held_out_heatmaps: Sequence[Heatmap],
    held_out_boxes: Sequence[Sequence[Box]],
) -> list[Localisation]:
    """The three rows of the paper's Table 1 for one method: alpha from the held-out images, error on the rest.

    Args:
        heatmaps: H x W each.
        boxes: for each heatmap, the true boxes of the explained class.
        held_out_heatmaps: others, to choose alpha.
        held_out_boxes: for each of those.
    """
    rows = []
    for method in THRESHOLDS:
        alpha = search_alpha(held_out_heatmaps, held_out_boxes, method)
        error = localisation_error(heatmaps, boxes, method, alpha)
        rows.append(Localisation(method, alpha, error, len(heatmaps)))
    return rows
