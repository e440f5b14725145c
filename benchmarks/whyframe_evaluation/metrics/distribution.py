"""How relevance scores are distributed: what a controller is set to, and what a mask turned out to be.

The first paper leaves the proportion of features at the tail as an open analysis; these are its quantities.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whyframe_evaluation.metrics.heatmaps import Heatmap, Region
from whyframe_training.predictor.controllers import ct_density

__all__ = [
    "FIGURE_6",
    "discriminative_share",
    "expected",
    "expected_mean",
    "expected_share",
    "expected_skewness",
    "right_tail_share",
    "skewness",
    "supporting_pixels",
]

FIGURE_6 = ((0.5, 2.5), (1.5, 2.5), (2.5, 2.5), (1.5, 1.5), (1.5, 0.5))
"""The (eta, h) of the preset distributions in Fig. 6."""

STACKED = (0.2, 0.8)
"""Outside of these, a score is stacked at 0 or 1 and tells its pixel from no other."""

QUADRATURE_NODES = 20_001
REACH = 9.0  # standard deviations of the normal logits; beyond them lies less than 1e-18 of the mass


def skewness(scores: Heatmap) -> float:
    """``E[(x - mean)^3] / std^3`` of all scores: above 0 with a right tail. NaN for constant scores."""
    centred = np.asarray(scores, np.float64).ravel()
    centred = centred - centred.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    return float(np.mean(centred**3) / spread**3) if spread > 0 else float("nan")


def right_tail_share(scores: Heatmap, tail: float) -> float:
    """The share of the scores above ``tail``, in [0, 1]: the range that a bad preset wastes (A.2)."""
    return float(np.mean(np.asarray(scores) > tail))


def discriminative_share(scores: Heatmap) -> float:
    """The share of the scores that are not stacked near 0 or 1, in [0, 1]; NaN of no scores.

    Args:
        scores: of a mask, or of its `supporting_pixels` alone, any shape.
    """
    low, high = STACKED
    return float(np.mean((scores >= low) & (scores <= high))) if scores.size else float("nan")


def supporting_pixels(
    curve: NDArray[np.floating], order: NDArray[np.integer], side: int, share: float = 0.9
) -> Region:
    """The first ranked pixels that together restore ``share`` of the probability (3.2.1, post hoc tuning).

    Args:
        curve: q_F, ..., q_max at equal steps, as `whyframe.perturb.preserving_curve` gives it.
        order: S*S flat pixel indices, the most important first.
        side: S.
        share: of the way from q_F to the highest probability.

    Returns:
        S x S; whole steps of the curve. Nothing where the curve never rises.
    """
    gain = np.maximum.accumulate(curve) - curve[0]
    step = int(np.argmax(gain >= share * gain[-1]))  # the first; 0 where there is no gain
    region = np.zeros(side * side, bool)
    region[order[: round(step * order.size / (len(curve) - 1))]] = True
    return region.reshape(side, side)


def expected(value: Callable[[Tensor], Tensor], eta: float, h: float) -> float:
    """The expectation of a function of CT's scores under standard normal input, by quadrature of Eq. 13.

    The trapezoid rule at ``m = sigmoid(v)^h`` for even steps of v: the density's steep ends are sampled as finely
    as its middle, and the rule converges exponentially.

    Args:
        value: of scores in (0, 1), any shape, float64.
        eta: CT's eta.
        h: CT's h.
    """
    v = torch.linspace(-REACH * eta, REACH * eta, QUADRATURE_NODES, dtype=torch.float64)
    score = torch.sigmoid(v) ** h
    slope = h * score * torch.sigmoid(-v)  # dm / dv
    return float(torch.trapezoid(value(score) * ct_density(score, eta, h) * slope, v))


def expected_mean(eta: float, h: float) -> float:
    """The mean score that CT is set to."""
    return expected(lambda score: score, eta, h)


def expected_share(eta: float, h: float, low: float, high: float) -> float:
    """The share of scores in [low, high] that CT is set to, in closed form: the logit is normal.

    ``m`` reaches a level where z reaches ``-ln(level^(-1/h) - 1) / eta`` (Eq. 15).
    """
    levels = torch.tensor([low, high], dtype=torch.float64)
    logits = -torch.log(levels ** (-1 / h) - 1) / eta
    below, above = torch.special.ndtr(logits).tolist()
    return above - below


def expected_skewness(eta: float, h: float) -> float:
    """The skewness of the scores that CT is set to; above 0 is right-skewed (Principle 1)."""
    mean = expected_mean(eta, h)
    variance = expected(lambda score: (score - mean) ** 2, eta, h)
    return expected(lambda score: (score - mean) ** 3, eta, h) / variance**1.5
