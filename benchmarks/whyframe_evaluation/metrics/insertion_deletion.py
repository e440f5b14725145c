"""Insertion and deletion AUC (RISE, Petsiuk et al., 2018): probability against the share of ranked pixels.

The insertion curve is the preserving curve of Eq. 9: see `whyframe_training.faithfulness.preserving_curve`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, preserve, rank_pixels
from whyframe_evaluation.metrics.heatmaps import Heatmap
from whyframe_evaluation.metrics.perturbations import Frame

__all__ = ["STEPS", "area_under_curve", "deletion_curve"]

STEPS = 224
"""Curve points after the first; 224 pixels a step at a side of 224, as in the paper."""


def deletion_curve(
    classify: Classify, frame: Frame, heatmap: Heatmap, target: int, steps: int = STEPS
) -> NDArray[np.float64]:
    """The class's probability as pixels, the most important first, turn black.

    Args:
        classify: N x S x S x 3 uint8 frames to N x C probabilities.
        frame: S x S x 3 uint8.
        heatmap: S x S.
        target: class.
        steps: of equal numbers of pixels.

    Returns:
        steps + 1 probabilities; the first is the frame's own.
    """
    black = np.zeros_like(frame)
    order = rank_pixels(np.asarray(heatmap, np.float64))
    counts = np.rint(np.arange(steps + 1) * (heatmap.size / steps)).astype(np.int64)
    # At most 32 frames at a time: a whole curve at once would take a network gigabytes.
    chunks = np.array_split(counts, -(-len(counts) // 32))
    scores = [classify(preserve(black, frame, order, chunk))[:, target] for chunk in chunks]
    return np.concatenate(scores).astype(np.float64)


def area_under_curve(curve: NDArray[np.floating]) -> float:
    """The trapezoid rule over equal steps from 0 to 1: higher is better for insertion, lower for deletion."""
    return float((curve[:-1] + curve[1:]).mean() / 2)
