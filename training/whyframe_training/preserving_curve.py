"""The preserving curve of a mask, from which `whyframe.perturb.faithfulness` is computed (Fu et al. 2022, Eq. 9)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from whyframe.perturb import TIE_WEIGHT
from whyframe_training.perturb import GaussianBlur, upsample

STEPS = 32

Logits = Callable[[Tensor], Tensor]
"""Function from N x C x H x W images in [0, 1] to N x classes logits."""

Probabilities = Callable[[Tensor], Tensor]
"""Function from N x C x H x W images in [0, 1] to N x classes probabilities, such as `Classifier.probabilities`."""


def rank_pixels(mask: Tensor, blur: GaussianBlur) -> Tensor:
    """Return the position of each pixel in the order of decreasing scores.

    Pixels of equal score, such as the zeros of a mask, are ordered by a smoothed copy of the mask, which is added with
    a small weight (Fu et al. 2022, section 4.2).

    Args:
        mask: N x h x w scores.
        blur: Blur of H x W images.

    Returns:
        N x H x W positions, int64; 0 is the highest score.
    """
    scores = upsample(mask.float(), blur.size).double()
    keys = (scores + TIE_WEIGHT * blur(scores)).flatten(1)
    order = keys.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view(len(mask), *blur.size)


@torch.no_grad()
def preserving_curve(
    classify: Probabilities, image: Tensor, mask: Tensor, target: int, blur: GaussianBlur, steps: int = STEPS
) -> Tensor:
    """Return the probability of the target as pixels are added to the blurred image in the order of their scores.

    Args:
        classify: Function from N x C x H x W images in [0, 1] to N x classes probabilities.
        image: C x H x W in [0, 1].
        mask: h x w scores.
        target: Class id.
        blur: Blur of the perturbed pixels.
        steps: Number of equal steps from the blurred image to the clean image.

    Returns:
        steps + 1 probabilities, float64, on the CPU, from the blurred image to the clean image.
    """
    rank = rank_pixels(mask[None], blur)
    counts = torch.round(torch.arange(steps + 1, device=image.device) * (rank.numel() / steps))
    kept = (rank < counts[:, None, None])[:, None]
    perturbed = torch.where(kept, image, blur(image[None]))
    perturbed = perturbed.contiguous(memory_format=torch.channels_last)
    return classify(perturbed)[:, target].double().cpu()
