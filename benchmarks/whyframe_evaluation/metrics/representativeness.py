"""Representativeness of a deletion region: whether deleting it by other perturbations suppresses the class, too.

Fong and Vedaldi 2017, section 5.2 and Fig. 7.
"""

from __future__ import annotations

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

__all__ = ["ALPHAS", "simplified_masks", "suppression_curves"]

ALPHAS = tuple(i / 20 for i in range(20))
"""Thresholds alpha of the smoothed deletion mask: 0 to 0.95 in steps of 0.05."""

SMOOTHING = 10.0
"""Standard deviation of the blur that smooths the heatmap, in pixels."""


def simplified_masks(heatmap: Heatmap) -> Region:
    """Return the regions to delete: the heatmap smoothed, scaled to [0, 1] and cut at each of `ALPHAS`.

    The smoothed deletion mask is ``1 - heatmap``, and the pixels where it is at most alpha are deleted: a larger alpha
    deletes more.

    Args:
        heatmap: S x S scores of any range.

    Returns:
        20 x S x S bool; true for the pixels to delete.
    """
    rows, columns = (blur_matrix(size, SMOOTHING) for size in heatmap.shape)
    deletion_mask = 1 - unit_range(rows @ np.asarray(heatmap, np.float64) @ columns.T)
    return deletion_mask <= np.asarray(ALPHAS)[:, None, None]


def suppression_curves(
    classify: Classify, frame: Frame, heatmap: Heatmap, target: int
) -> dict[str, NDArray[np.float64]]:
    """Return the class's normalised score as simplified masks delete more, for each kind of perturbation.

    Lower is better: a curve that drops early means that the classifier needs the pixels of high score.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities.
        frame: S x S x 3 uint8.
        heatmap: S x S scores of any range.
        target: Class id.

    Returns:
        ``"constant"``, ``"noise"`` and ``"blur"``: 20 scores each, float64, one for each of `ALPHAS`. NaN where
        blurring the frame lowers the probability by at most `whyframe.perturb.MINIMUM_DROP`.
    """
    clean, blurred = reference_scores(classify, frame, target)
    regions = simplified_masks(heatmap)
    return {
        name: normalised_score(classify(edit(frame, background(frame), regions))[:, target], clean, blurred)
        for name, background in PERTURBATIONS.items()
    }
