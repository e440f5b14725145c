"""Instance normalisation and the transformers of the distribution controllers as functions (section 3.2.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# A logit map whose standard deviation is below sqrt(EPSILON) carries no signal: it stays near constant
# instead of being stretched over the whole range, and never divides by zero.
EPSILON = 1e-5


def instance_normalise(logit_map: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Eq. 5: zero mean and unit variance over the entries of each map.

    Args:
        logit_map: N x h x w, any float dtype; statistics are taken in float32 (or float64 where given).
        epsilon: added to the variance.

    Returns:
        N x h x w, float32 (or float64). A constant map gives zeros.
    """
    wide = logit_map if logit_map.dtype == torch.float64 else logit_map.float()
    centred = wide - wide.mean(dim=(-2, -1), keepdim=True)
    variance = centred.square().mean(dim=(-2, -1), keepdim=True)
    return centred * torch.rsqrt(variance + epsilon)


def skew(normal: Tensor, eta: Tensor | float, h: Tensor | float) -> Tensor:
    """Eq. 7 of normalised logits of any shape."""
    # exp(h * logsigmoid) rather than sigmoid ** h: the gradient stays finite where the sigmoid underflows.
    return torch.exp(h * nn.functional.logsigmoid(eta * normal))


def rectify(normal: Tensor) -> Tensor:
    """Eq. 6 of normalised logits, N x h x w, scaled to reach 1."""
    return to_peak(torch.relu(normal))


def to_peak(scores: Tensor) -> Tensor:
    """Scores of at least 0, N x h x w, divided by each map's largest; zeros stay zeros."""
    peak = scores.amax(dim=(-2, -1), keepdim=True)
    return scores / peak.clamp_min(torch.finfo(scores.dtype).tiny)
