"""Distribution of relevance scores: of a mask, and of CT, the customized transformer, for given eta and h.

Fu et al. 2022, section 3.2.1 and appendix A.2.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from whyframe_evaluation.metrics.heatmaps import Heatmap, Region
from whyframe_training.predictor.controllers import ct_density

__all__ = [
    "FIGURE_6",
    "discriminative_share",
    "expected_mean",
    "expected_share",
    "right_tail_share",
    "skewness",
    "supporting_pixels",
]

FIGURE_6 = ((0.5, 2.5), (1.5, 2.5), (2.5, 2.5), (1.5, 1.5), (1.5, 0.5))
"""(eta, h) of the preset distributions (Fu et al. 2022, Fig. 6)."""

DISCRIMINATIVE_RANGE = (0.2, 0.8)
"""Scores outside this range are stacked near 0 or 1, where they no longer separate pixels."""

SUPPORTING_SHARE = 0.9
"""Share of the rise of the preserving curve that the supporting pixels restore."""

QUADRATURE_NODES = 20_001
QUADRATURE_RANGE = 9.0  # standard deviations of the normal logits; less than 1e-18 of the mass lies beyond


def skewness(scores: Heatmap) -> float:
    """Return the skewness ``E[(x - mean)^3] / std^3`` of all scores (Fu et al. 2022, Principle 1).

    Above 0, the distribution is right-skewed: most scores are low, with a tail of high scores.

    Args:
        scores: Scores of any shape and range.

    Returns:
        Skewness; NaN where all scores are equal.
    """
    centred = np.asarray(scores, np.float64).ravel()
    centred = centred - centred.mean()
    deviation = float(np.sqrt(np.mean(centred**2)))
    return float(np.mean(centred**3) / deviation**3) if deviation > 0 else float("nan")


def right_tail_share(scores: Heatmap, tail: float) -> float:
    """Return the share of the scores above ``tail`` (Fu et al. 2022, appendix A.2).

    Where it is near 0, the mask does not use the upper part of its range.

    Args:
        scores: Scores of a mask, any shape, in [0, 1].
        tail: Score at which the tail starts.

    Returns:
        Share in [0, 1].
    """
    return float(np.mean(np.asarray(scores) > tail))


def discriminative_share(scores: Heatmap) -> float:
    """Return the share of the scores in `DISCRIMINATIVE_RANGE` (Fu et al. 2022, section 3.2.1, Principle 1).

    For `supporting_pixels`, higher is better: more of their scores separate one pixel from another.

    Args:
        scores: Scores of a mask, or of its `supporting_pixels` alone, any shape, in [0, 1].

    Returns:
        Share in [0, 1]; NaN where there are no scores.
    """
    low, high = DISCRIMINATIVE_RANGE
    return float(np.mean((scores >= low) & (scores <= high))) if scores.size else float("nan")


def supporting_pixels(
    curve: NDArray[np.floating], order: NDArray[np.integer], height: int, width: int
) -> Region:
    """Return the first ranked pixels that restore `SUPPORTING_SHARE` of the probability.

    The share is that of the way from q_F to the highest probability of the curve (Fu et al. 2022, section 3.2.1, post
    hoc tuning).

    Args:
        curve: Probabilities q_F, ..., q_O at equal steps, as `whyframe.perturb.preserving_curve` returns them.
        order: H * W flat pixel indices, the most important pixel first.
        height: Height H, in pixels.
        width: Width W, in pixels.

    Returns:
        H x W bool, a multiple of the curve's step; no pixel where the curve never rises.
    """
    rise = np.maximum.accumulate(curve) - curve[0]
    step = int(
        np.argmax(rise >= SUPPORTING_SHARE * rise[-1])
    )  # the first such step; 0 where there is no rise
    region = np.zeros(height * width, bool)
    region[order[: round(step * order.size / (len(curve) - 1))]] = True
    return region.reshape(height, width)


def expected_mean(eta: float, h: float) -> float:
    """Return the mean score of CT under standard normal logits (Fu et al. 2022, Eq. 13), by quadrature.

    The trapezoid rule is applied at ``m = sigmoid(v)^h`` for even steps of v. It samples the steep ends of the density
    as finely as the middle, and converges exponentially.

    Args:
        eta: Parameter eta of CT.
        h: Parameter h of CT.

    Returns:
        Mean in (0, 1).
    """
    reach = QUADRATURE_RANGE * eta
    v = torch.linspace(-reach, reach, QUADRATURE_NODES, dtype=torch.float64)
    score = torch.sigmoid(v) ** h
    slope = h * score * torch.sigmoid(-v)  # dm / dv
    return float(torch.trapezoid(score * ct_density(score, eta, h) * slope, v))


def expected_share(eta: float, h: float, low: float, high: float) -> float:
    """Return the share of CT's scores in [low, high] under standard normal logits, in closed form.

    A score reaches a level where its logit reaches ``-ln(level^(-1/h) - 1) / eta`` (Fu et al. 2022, Eq. 15).

    Args:
        eta: Parameter eta of CT.
        h: Parameter h of CT.
        low: Lower level, in [0, 1].
        high: Upper level, in [0, 1].

    Returns:
        Share in [0, 1].
    """
    levels = torch.tensor([low, high], dtype=torch.float64)
    logits = -torch.log(levels ** (-1 / h) - 1) / eta
    below, above = torch.special.ndtr(logits).tolist()
    return above - below
