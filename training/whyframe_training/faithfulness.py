"""The preserving curve of a mask, from which `whyframe.perturb.faithfulness` is computed (Fu et al. 2022, Eq. 9)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from whyframe.perturb import TIE_WEIGHT
from whyframe_training.perturb import GaussianBlur, upsample

STEPS = 32

Logits = Callable[[Tensor], Tensor]


def rank_pixels(mask: Tensor, blur: GaussianBlur) -> Tensor:
    """Each pixel's place in the ranking, 0 the highest score.

    Ties (such as a mask's zeros) are broken by a smoothed copy of the mask, added with a tiny weight.

    Args:
        mask: N x h x w scores.
        blur: for images of S x S.

    Returns:
        N x S x S, int64.
    """
    scores = upsample(mask.float(), blur.side).double()
    keys = (scores + TIE_WEIGHT * blur(scores)).flatten(1)
    order = keys.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view(len(mask), blur.side, blur.side)


@torch.no_grad()
def preserving_curve(
    logits: Logits, image: Tensor, mask: Tensor, target: int, blur: GaussianBlur, steps: int = STEPS
) -> Tensor:
    """Probability of the target as ranked pixels are added to the blurred image.

    Args:
        logits: N x 3 x S x S images in [0, 1] to N x classes.
        image: 3 x S x S in [0, 1].
        mask: h x w scores.
        target: class.
        blur: of the fully perturbed image.
        steps: curve points after the first.

    Returns:
        steps + 1 probabilities, float64: fully blurred first, the clean image last.
    """
    rank = rank_pixels(mask[None], blur)
    counts = torch.round(torch.arange(steps + 1, device=image.device) * (rank.numel() / steps))
    kept = (rank < counts[:, None, None])[:, None]
    perturbed = torch.where(kept, image, blur(image[None]))
    perturbed = perturbed.contiguous(memory_format=torch.channels_last)
    return logits(perturbed).double().softmax(dim=1)[:, target].cpu()
