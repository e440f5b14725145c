"""Whether a heatmap's region matters under perturbations that it was not made for (second paper, 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, blur_matrix
from whyframe_evaluation.metrics.heatmaps import Heatmap, Region, unit_range
from whyframe_evaluation.metrics.perturbations import (
    PERTURBATIONS,
    Frame,
    edit,
    normalised_score,
    reference_scores,
)

__all__ = ["SLICES", "SMOOTHING", "simplified_masks", "suppression_curves"]

SLICES = tuple(i / 20 for i in range(20))
"""The paper's alphas, 0 to 0.95 in steps of 0.05."""

SMOOTHING = 10.0
"""Standard deviation of the further blur, in pixels."""


def simplified_masks(
    heatmap: Heatmap, alphas: Sequence[float] = SLICES, smoothing: float = SMOOTHING
) -> Region:
    """Regions to delete: the heatmap smoothed, scaled to [0, 1] and cut.

    In the paper's terms the smoothed deletion mask is ``1 - heatmap``, and what it does not lift above alpha is
    deleted; so a larger alpha deletes more.

    Args:
        heatmap: S x S.
        alphas: A thresholds of the deletion mask.
        smoothing: in pixels.

    Returns:
        A x S x S.
    """
    matrix = blur_matrix(len(heatmap), smoothing)
    deletion_mask = 1 - unit_range(matrix @ np.asarray(heatmap, np.float64) @ matrix.T)
    return deletion_mask <= np.asarray(alphas)[:, None, None]


def suppression_curves(
    classify: Classify,
    frame: Frame,
    heatmap: Heatmap,
    target: int,
    alphas: Sequence[float] = SLICES,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """The normalised probability of the class as simplified masks delete more, for each kind of perturbation.

    Args:
        classify: N x S x S x 3 uint8 frames to N x C probabilities.
        frame: S x S x 3 uint8.
        heatmap: S x S.
        target: class.
        alphas: see `simplified_masks`.
        seed: of the noise.

    Returns:
        By ``"constant"``, ``"noise"`` and ``"blur"``, one score an alpha; NaN if unmeasurable.
    """
    clean, fully = reference_scores(classify, frame, target)
    regions = simplified_masks(heatmap, alphas)
    return {
        name: normalised_score(
            classify(edit(frame, background(frame, seed), regions))[:, target], clean, fully
        )
        for name, background in PERTURBATIONS.items()
    }
