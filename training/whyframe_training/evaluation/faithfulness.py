"""Faithfulness of several methods on the same images (Eq. 9, section 4.2), and its kinship with masks (A.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whyframe_training.metrics import Logits, faithfulness, preserving_curve
from whyframe_training.perturb import GaussianBlur

__all__ = ["measure", "min_max_over_methods", "ranked_weights", "soft_mask", "weighted_area"]


def measure(
    logits: Logits,
    images: Tensor,
    masks: Mapping[str, Tensor],
    targets: Sequence[int],
    blur: GaussianBlur,
) -> dict[str, list[float]]:
    """M_F of every method on every image, in percent; the smoothed mask ranks what a method scores alike.

    Args:
        logits: N x 3 x S x S images in [0, 1] to N x classes.
        images: N x 3 x S x S in [0, 1].
        masks: by method, N x h x w scores.
        targets: N classes.
        blur: of the fully perturbed images.

    Returns:
        By method, N values; NaN where q_O - q_F is too small to measure, for all methods alike.
    """
    return {
        name: [
            faithfulness(preserving_curve(logits, image, mask, target, blur))
            for image, mask, target in zip(images, scores, targets, strict=True)
        ]
        for name, scores in masks.items()
    }


def min_max_over_methods(values: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """Each image's values scaled so that its worst method has 0 and its best 100, against outliers.

    Args:
        values: by method, one value for each image.

    Returns:
        By method, percent; NaN for an image that some method lacks or on which all methods are equal. The table
        of the first paper is the ``nanmean`` of each.
    """
    table = np.array([list(scores) for scores in values.values()], np.float64)
    low, high = table.min(axis=0), table.max(axis=0)  # NaN wherever one is NaN
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = 100 * (table - low) / (high - low)
    return dict(zip(values, scaled, strict=True))


def ranked_weights(beta: Tensor) -> Tensor:
    """Relevance scores from the gaps between them: ``alpha_i = sum_{j >= i} beta_j`` (A.4)."""
    return beta.flip(0).cumsum(0).flip(0)


def soft_mask(order: Tensor, beta: Tensor, height: int, width: int) -> Tensor:
    """The mask ``sum_i alpha_i M_i`` of Eq. 20, whose pixel of rank i scores alpha_i.

    Args:
        order: H*W flat pixel indices, the most important first.
        beta: H*W positive gaps.
        height: H.
        width: W.

    Returns:
        H x W.
    """
    mask = torch.empty_like(beta)
    mask[order] = ranked_weights(beta)
    return mask.view(height, width)


def weighted_area(score: Callable[[Tensor], Tensor], order: Tensor, beta: Tensor, side: int) -> Tensor:
    """Eq. 22: ``sum_j beta_j f(M_0 + ... + M_j)``, the area under a preserving curve with weighted steps.

    Equals the score of `soft_mask` (Eq. 21) where ``score`` is linear; where it is affine, as with a background,
    if the weights sum to 1.

    Args:
        score: N x H x W masks to N scores: the perturbation and the classifier.
        order: H*W flat pixel indices, the most important first.
        beta: H*W weights.
        side: W.
    """
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    kept = rank[None] <= torch.arange(len(order), device=order.device)[:, None]
    return (beta * score(kept.to(beta.dtype).view(len(order), -1, side))).sum()
