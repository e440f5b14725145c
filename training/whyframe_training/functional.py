"""Instance normalisation and the transformers of distribution controllers (Fu et al. 2022, section 3.2.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-5
"""Added to the variance of a logit map.

A map whose standard deviation is below its square root carries no signal. It stays nearly constant instead of being
stretched over the complete range.
"""


def instance_normalise(logit_map: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Return each map with zero mean and unit variance (Eq. 5).

    Args:
        logit_map: N x h x w, of any float dtype.
        epsilon: Added to the variance.

    Returns:
        N x h x w, float64 for float64 and float32 for all other dtypes. A constant map gives zeros.
    """
    wide = logit_map if logit_map.dtype == torch.float64 else logit_map.float()
    centred = wide - wide.mean(dim=(-2, -1), keepdim=True)
    variance = centred.square().mean(dim=(-2, -1), keepdim=True)
    return centred * torch.rsqrt(variance + epsilon)


def skew(normal: Tensor, eta: Tensor | float, h: Tensor | float) -> Tensor:
    """Return `sigmoid(eta * z) ** h` of normalised logits of any shape (Eq. 7)."""
    # exp(h * logsigmoid) rather than sigmoid ** h: the gradient stays finite where the sigmoid underflows.
    return torch.exp(h * nn.functional.logsigmoid(eta * normal))


def rectify(normal: Tensor) -> Tensor:
    """Return `ReLU(z)` of normalised logits, N x h x w (Eq. 6), scaled to reach 1."""
    return to_peak(torch.relu(normal))


def to_peak(scores: Tensor) -> Tensor:
    """Divide each map of non-negative scores, N x h x w, by its largest score; a map of zeros stays zero."""
    peak = scores.amax(dim=(-2, -1), keepdim=True)
    return scores / peak.clamp_min(torch.finfo(scores.dtype).tiny)
