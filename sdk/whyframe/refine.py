"""Post-hoc refinement of a mask (Fu et al. 2022, section 3.2.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, blur, preserve, rank_pixels, upsample

__all__ = ["refine_mask", "refinement_weights"]

EPSILON = 1e-3
"""Weight of the pixels that are added after the probability is restored; above 0, so that their ranking is kept."""


def refine_mask(
    classify: Classify,
    frame: NDArray[np.uint8],
    mask: NDArray[np.float32],
    target: int,
    probability: float,
    steps: int,
) -> NDArray[np.float32]:
    """Lower the scores of the pixels that the classifier does not need, with one batched call of the classifier.

    Pixels are ranked by score and added to the blurred frame in this order. q_i is the probability of the target
    with the first i pixels: measured for 0/steps, 1/steps, ... of the pixels, replaced by its running maximum, and
    interpolated linearly in between. The score of the pixel at rank i is multiplied by

        v_i = ((q_max - q_i) / (q_max - q_0) + eps) / (1 + eps)

    which is the paper's (q_max - q_i) + eps up to factors that are constant within the frame. v falls from 1 to about
    eps, so that the scores stay in [0, 1] and the ranking is unchanged.

    Args:
        classify: Function that returns the N x C class probabilities of N x H x W x C uint8 frames; called once, with
            ``steps`` frames.
        frame: H x W x C uint8 RGB, the model's input.
        mask: h x w float32 scores.
        target: Id of the explained class.
        probability: Probability of the explained class on the unperturbed frame.
        steps: Number of perturbed frames, at least 1.

    Returns:
        H x W float32 scores. Where no number of pixels raises the probability, the mask is only resized.
    """
    scores = upsample(mask, *frame.shape[:2])
    order = rank_pixels(scores)
    counts = np.append(np.arange(steps) * scores.size // steps, scores.size)
    measured = classify(preserve(frame, blur(frame), order, counts[:-1]))[:, target]
    weights = refinement_weights(np.append(measured, probability), counts)
    if weights is not None:
        scores.ravel()[order] *= weights
    return scores


def refinement_weights(curve: NDArray[np.floating], counts: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """Return the factors v_i of the ranked pixels.

    Args:
        curve: Probabilities of the target with the first ``counts`` pixels.
        counts: Ascending numbers of pixels, from 0 to all pixels.

    Returns:
        A float32 factor in (0, 1] for each pixel, non-increasing; None where the curve never rises.
    """
    rising = np.maximum.accumulate(curve.astype(np.float64))
    gain = rising[-1] - rising[0]
    if not gain > 0:
        return None
    q = np.interp(np.arange(1, counts[-1] + 1), counts, rising)
    return (((rising[-1] - q) / gain + EPSILON) / (1 + EPSILON)).astype(np.float32)
