"""Eq. 1 in PyTorch: an image seen through a mask, with the paper's two kinds of background."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe.perturb import BLUR_SIGMA, blur_matrix
from whyframe_training import operators


class GaussianBlur(torch.nn.Module):
    """Separable Gaussian blur of square images, as two products with a dense matrix.

    Exact at the border (reflected), the same as the runtime's, and one matrix product a side on any device.

    Args:
        side: S of the N x 3 x S x S images.
        sigma: in pixels.
    """

    matrix: Tensor

    def __init__(self, side: int, sigma: float = BLUR_SIGMA) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("matrix", torch.tensor(blur_matrix(side, sigma)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """N x C x S x S to the same shape and dtype."""
        matrix = self.matrix.to(images.dtype)
        return matrix @ images @ matrix.T


def upsample(mask: Tensor, side: int) -> Tensor:
    """N x h x w scores to N x 1 x S x S: bilinear, half-pixel centres, no aligned corners."""
    return F.interpolate(mask[:, None], size=(side, side), mode="bilinear", align_corners=False)


def perturb(images: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Eq. 1: `I * M + A * (1 - M)`; a score of 1 keeps the pixel.

    Args:
        images: N x 3 x S x S in [0, 1].
        mask: N x 1 x S x S in [0, 1].
        background: like `images`.
    """
    if _kernel_serves(images, mask, background):
        return operators.perturb(images, mask, background)
    return torch.lerp(background, images, mask.to(images.dtype))


def _kernel_serves(images: Tensor, mask: Tensor, background: Tensor) -> bool:
    """The kernel broadcasts nothing but the channels, and knows the mask's gradient alone."""
    plain = mask.shape == (len(images), 1, *images.shape[2:]) and images.shape == background.shape
    learned = images.requires_grad or background.requires_grad
    same = images.dtype == background.dtype
    return plain and same and not learned and operators.supports(images, background, mask)


def random_backgrounds(images: Tensor, blur: GaussianBlur, generator: torch.Generator) -> Tensor:
    """The background A of training: half the images blurred, half a random colour plus Gaussian noise.

    Args:
        images: N x 3 x S x S in [0, 1].
        blur: the blur of the evaluation (sigma 10).
        generator: a CPU generator, so that a run is the same wherever it trains.

    Returns:
        N x 3 x S x S in [0, 1], same dtype and device.
    """
    n = len(images)
    colour = torch.rand(n, 3, 1, 1, generator=generator)
    spread = 0.2 * torch.rand(n, 1, 1, 1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    plain = (colour + spread * noise).clamp_(0, 1).to(images)
    blurred = torch.rand(n, generator=generator) < 0.5
    return torch.where(blurred.to(images.device)[:, None, None, None], blur(images), plain)
