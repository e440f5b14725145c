"""Insertion and deletion: the area under the class's probability as ranked pixels are added or deleted.

The metrics of RISE (Petsiuk et al. 2018). The insertion curve is the preserving curve of the faithfulness
(Fu et al. 2022, section 4.1): it starts from the blurred frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, preserve, rank_pixels
from whyframe_evaluation.metrics.heatmaps import Heatmap
from whyframe_evaluation.metrics.perturbations import Frame

__all__ = ["area_under_curve", "deletion_curve"]

FRAMES_PER_CALL = 32
"""Largest number of frames in one call of the classifier; a complete curve at once may need gigabytes."""


def deletion_curve(
    classify: Classify, frame: Frame, heatmap: Heatmap, target: int, steps: int
) -> NDArray[np.float64]:
    """Return the class's probability as pixels turn black, the highest score first.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities.
        frame: S x S x 3 uint8.
        heatmap: S x S scores of any range.
        target: Class id.
        steps: Number of equal steps, from no black pixel to all of them.

    Returns:
        steps + 1 probabilities, float64; the first is that of the frame.
    """
    black = np.zeros_like(frame)
    order = rank_pixels(np.asarray(heatmap, np.float64))
    counts = np.rint(np.arange(steps + 1) * (heatmap.size / steps)).astype(np.int64)
    chunks = np.array_split(counts, -(-len(counts) // FRAMES_PER_CALL))
    scores = [classify(preserve(black, frame, order, chunk))[:, target] for chunk in chunks]
    return np.concatenate(scores).astype(np.float64)


def area_under_curve(curve: NDArray[np.floating]) -> float:
    """Return the area under a curve of equal steps from 0 to 1, by the trapezoid rule.

    Higher is better for an insertion curve, lower is better for a deletion curve.

    Args:
        curve: Probabilities at the steps; at least two.

    Returns:
        Area in [0, 1]; NaN where a probability is NaN.
    """
    return float((curve[:-1] + curve[1:]).mean() / 2)
