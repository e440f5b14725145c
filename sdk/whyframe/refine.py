"""Post-hoc tuning (section 3.2.1): lowering the scores of pixels that the classifier does not need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, blur, preserve, rank_pixels, upsample

__all__ = ["refine_mask"]

EPSILON = 1e-3
"""What is left of a pixel's weight once the probability is restored, so that its rank survives."""


def refine_mask(
    classify: Classify,
    frame: NDArray[np.uint8],
    mask: NDArray[np.float32],
    target: int,
    probability: float,
    steps: int,
) -> NDArray[np.float32]:
    """Tunes a mask with one batched classifier call.

    Pixels are ranked by score and added to the blurred frame; q_i is the probability of the target with i
    pixels, measured at ``steps`` counts 0/steps, 1/steps, ... of them, and known for all of them. With its
    running maximum, interpolated linearly in between, the score of the pixel at rank i is multiplied by

        v_i = ((q_max - q_i) / (q_max - q_0) + eps) / (1 + eps)

    which is the paper's (q_max - q_i) + eps but for constant factors of the image: v falls from 1 to eps,
    scores stay in [0, 1], and the ranking is unchanged.

    Args:
        classify: Class probabilities of N x S x S x 3 uint8 frames; called once, with ``steps`` frames.
        frame: S x S x 3 uint8 RGB, the model's input.
        mask: s x s float32 scores.
        target: The class explained.
        probability: Its probability on the whole frame.
        steps: K, at least 1.

    Returns:
        S x S float32. The mask, only upsampled, where no number of pixels raises the probability.
    """
    scores = upsample(mask, frame.shape[0])
    order = rank_pixels(scores)
    counts = np.append(np.arange(steps) * scores.size // steps, scores.size)
    measured = classify(preserve(frame, blur(frame), order, counts[:-1]))[:, target]
    weights = tuning_weights(np.append(measured, probability), counts)
    if weights is not None:
        scores.ravel()[order] *= weights
    return scores


def tuning_weights(curve: NDArray[np.floating], counts: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """The factors v_1, v_2, ... of the ranked pixels, or None where the curve never rises.

    Args:
        curve: Probabilities of the target at ``counts`` pixels.
        counts: Rising numbers of pixels, from 0 to all of them.

    Returns:
        One float32 a pixel, never rising, in (0, 1].
    """
    rising = np.maximum.accumulate(curve.astype(np.float64))
    gain = rising[-1] - rising[0]
    if not gain > 0:
        return None
    q = np.interp(np.arange(1, counts[-1] + 1), counts, rising)
    return (((rising[-1] - q) / gain + EPSILON) / (1 + EPSILON)).astype(np.float32)
